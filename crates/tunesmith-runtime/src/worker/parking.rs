//! Paused trials that keep their slot. One that goes on does so at once, without a checkpoint; one whose slot is wanted
//! is saved first; one that another worker took is let go. It refuses to count a parked trial as work: it costs memory
//! and no time.

use tunesmith_core::{Fact, Trial, TrialState};
use tunesmith_train::protocol::Then;

use super::{Stage, WorkError, Worker};
use crate::progress::Progress;
use crate::session::POLL;

impl Worker<'_> {
    /// The log has the trial as paused: it stays where it is, or is saved where other workers may take it.
    pub(super) fn park(&mut self, trial: u32) {
        let Some(slot) = self.slots.get_mut(&trial) else { return };
        let lease = slot.lease;
        slot.stage = Stage::Parked;
        if self.is_shared() {
            self.slots.remove(&trial);
            self.leaving.insert(trial, lease);
            self.answer(trial, false, Then::Save);
        }
        self.wants_work = true;
        self.tell(Progress::Paused { trial: trial.into() });
        self.tell_standing();
    }

    /// Whether other workers have trials of this study.
    fn is_shared(&self) -> bool {
        let others = |trial: &Trial| {
            trial.lease.as_ref().is_some_and(|lease| lease.holder != self.settings.writer)
        };
        self.study.running().any(others)
    }

    /// The scheduler ended a paused trial.
    pub(super) fn retire(&mut self, trial: u32) -> Result<(), WorkError> {
        if self.is_parked(trial) {
            self.clear_seat(trial, Then::Stop)?;
        }
        self.end(trial)
    }

    pub(super) fn is_parked(&self, trial: u32) -> bool {
        self.slots.get(&trial).is_some_and(|slot| slot.stage == Stage::Parked)
    }

    /// Saves the least promising parked trial where a new one needs its slot.
    pub(super) fn make_room(&mut self) -> Result<(), WorkError> {
        while self.slots.len() > self.limit {
            let Some(trial) = self.least_promising() else { return Ok(()) };
            self.clear_seat(trial, Then::Save)?;
        }
        Ok(())
    }

    fn least_promising(&self) -> Option<u32> {
        let metric = self.study.metrics().first()?;
        let parked = self.slots.keys().copied().filter(|trial| self.is_parked(*trial));
        let value = |trial: u32| self.study.trial(trial).and_then(|known| known.reported(metric));
        parked.reduce(|worst, trial| match (value(worst), value(trial)) {
            (Some(worst_value), Some(value)) if metric.goal.is_better(value, worst_value) => worst,
            (None, _) => worst,
            _ => trial,
        })
    }

    /// Answers a parked trial's report at last, and waits until its slot is free.
    pub(super) fn clear_seat(&mut self, trial: u32, then: Then) -> Result<(), WorkError> {
        let Some(slot) = self.slots.get_mut(&trial) else { return Ok(()) };
        slot.is_seated = false;
        let (lease, parked) = (slot.lease, slot.stage == Stage::Parked);
        if parked {
            self.slots.remove(&trial);
        }
        self.leaving.insert(trial, lease);
        self.answer(trial, false, then);
        self.wait_until_gone(trial)
    }

    /// Hears the trainer out until a trial that is on its way out has left.
    pub(super) fn wait_until_gone(&mut self, trial: u32) -> Result<(), WorkError> {
        while self.leaving.contains_key(&trial) {
            let Some(session) = &mut self.session else {
                self.leaving.clear();
                return Ok(());
            };
            let received = session.trainer.receive(POLL);
            self.hear(received)?;
            self.beat()?;
        }
        Ok(())
    }

    /// Parked trials that another worker has by now, or that somebody ended.
    pub(super) fn let_go_of_what_others_took(&mut self) -> Result<(), WorkError> {
        let here = |trial: &u32| {
            let lease = self.slots.get(trial).map(|slot| slot.lease.number);
            let known = self.study.trial(*trial);
            known.is_some_and(|known| {
                known.state == TrialState::Paused && Some(known.leases) == lease
            })
        };
        let parked = self.slots.keys().copied().filter(|trial| self.is_parked(*trial));
        let taken: Vec<u32> = parked.filter(|trial| !here(trial)).collect();
        for trial in taken {
            self.clear_seat(trial, Then::Stop)?;
            if self.study.trial(trial).is_some_and(Trial::is_finished) {
                self.end(trial)?;
            }
        }
        Ok(())
    }

    /// Saves all parked trials, for whoever goes on with the study.
    pub(super) fn save_parked(&mut self) -> Result<(), WorkError> {
        self.clear_parked(Then::Save)
    }

    /// The search is over: parked trials stay paused for good.
    pub(super) fn abandon_parked(&mut self) -> Result<(), WorkError> {
        self.clear_parked(Then::Stop)
    }

    fn clear_parked(&mut self, then: Then) -> Result<(), WorkError> {
        let parked: Vec<u32> =
            self.slots.keys().copied().filter(|trial| self.is_parked(*trial)).collect();
        parked.into_iter().try_for_each(|trial| self.clear_seat(trial, then))
    }
}

/// Whether the events pause a trial.
pub(super) fn pauses(events: &[tunesmith_core::Event]) -> bool {
    events.iter().any(|event| matches!(event.fact, Fact::TrialPaused { .. }))
}
