//! The sentences that bars and lines have in common. It refuses to print.

use tunesmith_runtime::progress::{End, Progress};

use super::{Heading, short_params};
use tunesmith_view::figures;

/// The line for what happened, where it deserves one that stays.
pub(super) fn lasting(progress: &Progress, heading: &Heading) -> Option<String> {
    match progress {
        Progress::Opening { slots } => {
            let loads = if heading.is_program { "" } else { "loading model and data; " };
            Some(format!("{loads}up to {slots} {} at once", trials(*slots)))
        }
        Progress::Opened(ready) => {
            if heading.is_program {
                return Some(format!("each trial is a process: {}", ready.model));
            }
            let rows = format!(
                "{} training and {} validation rows",
                ready.train_rows, ready.validation_rows
            );
            let mut lines = vec![format!("{} on {}; {rows}", ready.model, ready.device)];
            lines.extend(ready.notes.iter().map(|note| format!("note: {note}")));
            Some(lines.join("\n"))
        }
        Progress::Fitted { slots } => {
            Some(format!("there is memory for {slots} {} at once", trials(*slots)))
        }
        Progress::Reaped { trials } => {
            Some(format!("going on with {} of a worker that is gone", numbered(trials)))
        }
        Progress::Ended { trial, end, params, device_seconds } => Some(format!(
            "trial {trial:>3}  {}  {}  {}",
            ending(end),
            short_params(params, &heading.varying),
            figures::duration(*device_seconds)
        )),
        Progress::HandedBack { trial } => {
            Some(format!("trial {trial:>3}  saved; to be gone on with"))
        }
        Progress::TrainerLost { ending, slots } => {
            Some(format!("{ending}\nstarting another one, for up to {slots} trials at once"))
        }
        Progress::TookOver { trial, donor } => {
            Some(format!("trial {trial:>3}  goes on from the state of trial {donor}"))
        }
        Progress::Started { .. }
        | Progress::Paused { .. }
        | Progress::Stepped { .. }
        | Progress::Reported { .. }
        | Progress::Standing(_) => None,
    }
}

fn trials(count: usize) -> &'static str {
    if count == 1 { "trial" } else { "trials" }
}

fn numbered(trials: &[u64]) -> String {
    let numbers = trials.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    format!("trial{} {numbers}", if trials.len() == 1 { "" } else { "s" })
}

fn ending(end: &End) -> String {
    match end {
        End::Completed { values } => {
            let shown =
                values.iter().map(|(name, value)| format!("{name} {}", figures::metric(*value)));
            shown.collect::<Vec<_>>().join("  ")
        }
        End::Pruned => "stopped early".to_owned(),
        End::Failed { reason } => format!("failed: {reason}"),
    }
}
