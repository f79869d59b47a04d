//! How trials that the log gives to this worker get going: in a slot of their own, from where they were parked, or from
//! the state of another trial. It refuses to start one before all of an answer have their slots, so that an error on
//! the way hands back every one.

use tunesmith_core::{Checkpoint, Event, Fact, Params, Segment, Stream, Trial};
use tunesmith_train::protocol::{self, Then, ToTrainer};

use super::{Slot, Stage, WorkError, Worker};
use crate::params;
use crate::progress::Progress;

/// A trial that the log just gave to this worker.
struct Given {
    trial: Trial,
    /// Whether it is parked in this worker's trainer.
    parked: bool,
    /// Whether it takes over another trial's state.
    takes_over: bool,
}

impl Worker<'_> {
    /// Sets the trials going that the events give to this worker, and lets go of those that the scheduler ended.
    pub(super) fn take(&mut self, events: &[Event]) -> Result<(), WorkError> {
        let mut given = Vec::new();
        for event in events {
            let Stream::Trial(number) = event.stream else { continue };
            match &event.fact {
                Fact::TrialStarted { .. } | Fact::TrialLeased { .. } => {
                    given.extend(self.give(number, false));
                }
                Fact::TrialExploited { .. } => given.extend(self.give(number, true)),
                Fact::TrialPruned { .. } => self.retire(number)?,
                _ => {}
            }
        }
        self.tell_standing();
        given.iter().try_for_each(|given| self.set_going(given))
    }

    fn give(&mut self, number: u32, takes_over: bool) -> Option<Given> {
        let trial = self.study.trial(number).cloned()?;
        let Some(lease) = trial.lease_key() else {
            self.tell_end(number);
            return None;
        };
        let parked = self.is_parked(number);
        let slot = Slot { lease, stage: Stage::Training, is_seated: parked };
        let before = self.slots.insert(number, slot);
        self.taken += u32::from(before.is_none());
        Some(Given { trial, parked, takes_over })
    }

    fn set_going(&mut self, given: &Given) -> Result<(), WorkError> {
        let Given { trial, parked, takes_over } = given;
        let number = trial.number;
        if *takes_over && *parked && self.take_over(trial) {
            return Ok(());
        }
        if !takes_over && *parked {
            self.answer(number, false, Then::Continue);
            self.tell_going(trial);
            return Ok(());
        }
        if *parked {
            // Its donor is elsewhere: it is trained anew from what the log says of the donor.
            self.clear_seat(number, Then::Stop)?;
        }
        self.wait_until_gone(number)?;
        self.make_room()?;
        // Where the trainer died meanwhile the trial was handed back.
        if self.slots.contains_key(&number) { self.start(trial) } else { Ok(()) }
    }

    /// A trial goes on in the slot that it had.
    pub(super) fn tell_going(&self, trial: &Trial) {
        self.tell(Progress::Started {
            trial: trial.number.into(),
            params: trial.params.clone(),
            total_steps: trial.effective.as_ref().map_or(0, |effective| effective.total_steps),
            from_step: trial.reached_step(),
        });
    }

    /// The params that the trainer takes.
    pub(super) fn crossing(&self, params: &Params) -> protocol::Params {
        let taken = params.iter().filter(|(name, _)| self.around.launcher.takes(name));
        taken.map(|(name, value)| (name.to_owned(), params::json(value))).collect()
    }

    fn start(&mut self, trial: &Trial) -> Result<(), WorkError> {
        let lineage = self.study.lineage(trial.number);
        let past = lineage.split_last().map_or(&[][..], |(_, past)| past);
        let (resume_stretch, checkpoint) = self.latest_checkpoint(trial, past).unzip();
        let root = self.around.keeper.root();
        let message = ToTrainer::Start {
            trial: trial.number.into(),
            params: self.crossing(&trial.params),
            seed: trial.seed,
            directory: self.around.keeper.trial_folder(trial.number),
            resume: checkpoint.map(|checkpoint| root.join(checkpoint.path)),
            past: past.iter().map(params::stretch).collect(),
            resume_stretch: resume_stretch.unwrap_or(0),
        };
        self.open()?.trainer.send(message);
        if let Some(slot) = self.slots.get_mut(&trial.number) {
            slot.is_seated = true;
        }
        Ok(())
    }

    /// The checkpoint that is furthest along a trial's lineage, with the index of its stretch there.
    fn latest_checkpoint(&self, trial: &Trial, past: &[Segment]) -> Option<(usize, Checkpoint)> {
        if self.distrusted.contains(&trial.number) {
            return None;
        }
        let root = self.around.keeper.root();
        let there = |checkpoint: &&Checkpoint| root.join(&checkpoint.path).is_file();
        if let Some(own) = trial.checkpoint.as_ref().filter(there) {
            return Some((past.len(), own.clone()));
        }
        let mut stretches = past.iter().enumerate().rev();
        let saved = |(index, segment): (usize, &Segment)| {
            let known = self.study.trial(segment.trial)?;
            // A checkpoint is of what the trial is now, which may be further on than what is wanted of it.
            let same = known.exploits.len() as u32 == segment.exploits;
            let within = |checkpoint: &&Checkpoint| {
                same && segment.until_step.is_some_and(|until| checkpoint.step <= until)
            };
            let checkpoint = known.checkpoint.as_ref().filter(within).filter(there)?;
            Some((index, checkpoint.clone()))
        };
        stretches.find_map(saved)
    }
}
