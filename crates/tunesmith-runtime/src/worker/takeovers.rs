//! Trials that take over the state of others, and the proof that what was decided is what the optimiser uses: its numbers
//! are read back after the first step and compared. A difference fails the trial. It refuses to believe the settings.

use tunesmith_core::{Command, Effective, FailureReason, Outcome, Params, Trial};
use tunesmith_train::protocol::{OptimizerNumbers, ToTrainer};

use super::{Stage, WorkError, Worker};
use crate::progress::Progress;

impl Worker<'_> {
    /// Has the trainer copy the donor's slot, where the donor is parked beside the trial; false where it is not.
    pub(super) fn take_over(&mut self, trial: &Trial) -> bool {
        let Some(exploited) = trial.exploits.last() else { return false };
        let donor = exploited.donor;
        let reached = self.study.trial(donor).map(Trial::reached_step);
        if !self.is_parked(donor) || reached != Some(exploited.donor_step) {
            return false;
        }
        let params = self.crossing(&trial.params);
        let Some(session) = &mut self.session else { return false };
        session.trainer.send(ToTrainer::Exploit {
            trial: trial.number.into(),
            donor: donor.into(),
            params,
            directory: None,
        });
        true
    }

    /// The trainer copied the donor's state and resolved the new hyperparameters.
    pub(super) fn exploited(
        &mut self,
        trial: u32,
        donor: u64,
        effective: Effective,
        step: u64,
    ) -> Result<(), WorkError> {
        let total_steps = effective.total_steps;
        let Some(lease) = self.here(trial).map(|slot| slot.lease) else { return Ok(()) };
        let Some(params) = self.study.trial(trial).map(|known| known.params.clone()) else {
            return Ok(());
        };
        self.tell(Progress::TookOver { trial: trial.into(), donor });
        if let Some(message) = difference(&params, &effective.params) {
            return self.betray(trial, message);
        }
        let recorded = self.submit(&Command::RecordEffective { lease, effective });
        if self.unless_stale(trial, recorded)?.is_some() {
            let trial = trial.into();
            self.tell(Progress::Started { trial, params, total_steps, from_step: step });
        }
        Ok(())
    }

    /// What the optimiser worked with in the first step after a state was taken over.
    pub(super) fn read_back(
        &mut self,
        trial: u32,
        optimizer: OptimizerNumbers,
        expected: OptimizerNumbers,
    ) -> Result<(), WorkError> {
        let Some(slot) = self.here(trial).filter(|slot| slot.stage == Stage::Training) else {
            return Ok(());
        };
        let lease = slot.lease;
        let optimizer = numbers(optimizer);
        if let Some(message) = difference(&numbers(expected), &optimizer) {
            return self.betray(trial, message);
        }
        let known = self.study.trial(trial).and_then(|known| known.effective.clone());
        let Some(known) = known else { return Ok(()) };
        let effective = Effective { read_back: optimizer, ..known };
        let recorded = self.submit(&Command::RecordEffective { lease, effective });
        self.unless_stale(trial, recorded).map(drop)
    }

    /// The trainer does not use what the log says: the trial is worth nothing.
    fn betray(&mut self, trial: u32, message: String) -> Result<(), WorkError> {
        let Some(slot) = self.slots.remove(&trial) else { return Ok(()) };
        self.cast_out(trial, &slot);
        self.slots.insert(trial, slot);
        let reason = FailureReason::Refused { message };
        self.close(trial, Outcome::Failed { reason }, 0.0)
    }
}

fn numbers(numbers: OptimizerNumbers) -> Params {
    let OptimizerNumbers { learning_rate, weight_decay, beta1, beta2, epsilon } = numbers;
    Params::from([
        ("learning_rate", learning_rate),
        ("weight_decay", weight_decay),
        ("beta1", beta1),
        ("beta2", beta2),
        ("epsilon", epsilon),
    ])
}

/// What differs between what was decided and what is used, in words; of what both name.
fn difference(decided: &Params, used: &Params) -> Option<String> {
    let differs = |(name, value): &(&str, &tunesmith_core::Value)| {
        used.get(name).is_some_and(|used| !used.same_as(value))
    };
    let (name, value) = decided.iter().find(differs)?;
    let used = used.get(name).map(ToString::to_string).unwrap_or_default();
    Some(format!(
        "after a state was taken over, {name} is {used} in the trainer and {value} in the log; this is a fault of \
         tunesmith, please report it"
    ))
}
