//! Progress for programs: one JSON object a line on standard output, each written when what it
//! tells is durable. It refuses to tell of single steps: those are no record.

use std::io::Write;

use serde_json::{Value, json};
use tunesmith_runtime::progress::{End, Progress};

use super::Display;
use tunesmith_view::json_params;

/// The display.
#[derive(Debug)]
pub(super) struct Json;

impl Display for Json {
    fn show(&mut self, progress: &Progress) {
        let Some(line) = line(progress) else { return };
        let mut output = std::io::stdout().lock();
        // A reader that has gone away is no reason to end a search.
        drop(writeln!(output, "{line}").and_then(|()| output.flush()));
    }
}

fn line(progress: &Progress) -> Option<Value> {
    Some(match progress {
        Progress::Opened(ready) => json!({
            "event": "opened", "device": ready.device, "model": ready.model,
            "train_rows": ready.train_rows, "validation_rows": ready.validation_rows,
        }),
        Progress::Fitted { slots } => json!({ "event": "fitted", "slots": slots }),
        Progress::Reaped { trials } => json!({ "event": "reaped", "trials": trials }),
        Progress::Started { trial, params, total_steps, from_step } => json!({
            "event": "started", "trial": trial, "params": json_params(params),
            "total_steps": total_steps, "from_step": from_step,
        }),
        Progress::Reported { trial, step, fraction, metrics } => json!({
            "event": "reported", "trial": trial, "step": step, "fraction": fraction, "metrics": metrics,
        }),
        Progress::Ended { trial, end, device_seconds, .. } => {
            let mut line =
                json!({ "event": "ended", "trial": trial, "device_seconds": device_seconds });
            match end {
                End::Completed { values } => {
                    line["state"] = "completed".into();
                    line["value"] = json!(values.first().map(|(_, value)| value));
                    line["values"] = values.iter().cloned().collect();
                }
                End::Pruned => line["state"] = "pruned".into(),
                End::Failed { reason } => {
                    line["state"] = "failed".into();
                    line["reason"] = reason.as_str().into();
                }
            }
            line
        }
        Progress::Paused { trial } => json!({ "event": "paused", "trial": trial }),
        Progress::TookOver { trial, donor } => {
            json!({ "event": "took_over", "trial": trial, "donor": donor })
        }
        Progress::HandedBack { trial } => json!({ "event": "handed_back", "trial": trial }),
        Progress::TrainerLost { ending, slots } => {
            json!({ "event": "trainer_lost", "how": ending.to_string(), "slots": slots })
        }
        Progress::Opening { .. } | Progress::Stepped { .. } | Progress::Standing(_) => return None,
    })
}
