//! What trials leave on disk: checkpoints to go on from, and models that were worth keeping.
//!
//! A trial whose file cannot be written fails; the others go on. This file refuses to remove one.

use std::time::Duration;

use super::{Tell, Trainer};
use crate::checkpoint::{self, Position};
use crate::model::export::About;
use crate::protocol::{FailureReason, FromTrainer};

impl Trainer {
    /// Checkpoints a trial and gives its slot back.
    pub(crate) fn release(&mut self, number: u64, tell: &mut Tell<'_>) {
        let Some(trial) = self.trials.get(&number) else {
            return;
        };
        let Position { step, updates, .. } = trial.at;
        if updates > 0 && !self.write_checkpoint(number, tell) {
            return;
        }
        let device_seconds = self.leave(number);
        tell(FromTrainer::Stopped { trial: number, step, device_seconds });
    }

    /// Writes the model; a trial whose model cannot be written fails.
    pub(super) fn keep(&mut self, number: u64, tell: &mut Tell<'_>) -> bool {
        let Some(trial) = self.trials.get(&number) else {
            return false;
        };
        let directory = trial.directory.join("model");
        let (positions, step) = (self.config.longest_text(), trial.at.step);
        let tokenizer = self.data.tokenizer();
        let about = About {
            target: &self.data.corpus().target,
            step,
            effective: &trial.leg.settings.effective,
        };
        let written = self.packs[trial.pack].pack.export(trial.slot, &about, &directory, |path| {
            tokenizer.save(path, positions).map_err(|error| error.to_string())
        });
        match written {
            Ok(()) => tell(FromTrainer::Kept { trial: number, step, directory }),
            Err(error) => {
                self.fail(number, FailureReason::File { message: error.to_string() }, tell);
            }
        }
        self.trials.contains_key(&number)
    }

    pub(super) fn write_checkpoint(&mut self, number: u64, tell: &mut Tell<'_>) -> bool {
        let Some(trial) = self.trials.get_mut(&number) else {
            return false;
        };
        let (step, stretch) = (trial.at.step, trial.stretch);
        let name = if trial.is_in_past() {
            format!("past-{stretch}-checkpoint-{step}.safetensors")
        } else {
            format!("checkpoint-{step}.safetensors")
        };
        let path = trial.directory.join(name);
        let pack = &self.packs[trial.pack].pack;
        match checkpoint::save(pack, trial.slot, trial.at, &trial.leg.settings.effective, &path) {
            Ok(bytes) => {
                trial.since_checkpoint = Duration::ZERO;
                tell(FromTrainer::Checkpointed { trial: number, step, path, bytes, stretch });
                true
            }
            Err(error) => {
                self.fail(number, FailureReason::File { message: error.to_string() }, tell);
                false
            }
        }
    }

    pub(super) fn checkpoint_if_due(&mut self, number: u64, at_report: bool, tell: &mut Tell<'_>) {
        let interval = self.open.checkpoint_seconds;
        let Some(trial) = self.trials.get(&number) else {
            return;
        };
        let due = if interval > 0.0 {
            trial.since_checkpoint.as_secs_f64() >= interval
        } else {
            at_report
        };
        if due && trial.at.updates > 0 {
            self.write_checkpoint(number, tell);
        }
    }
}
