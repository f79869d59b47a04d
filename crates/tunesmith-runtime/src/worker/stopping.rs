//! How the worker lets go of trials: saved and handed back after Ctrl-C, or as they were last
//! saved. It refuses to wait for ever.

use tunesmith_core::{Command, LeaseKey, RequeueReason};
use tunesmith_train::protocol::ToTrainer;

use super::{Slot, Stage, WorkError, Worker, ends};
use crate::progress::Progress;
use crate::session::POLL;
use crate::trainer::Received;

/// How long trials may take to save and stop after Ctrl-C, milliseconds; then they are handed back
/// as their last checkpoints are.
const RELEASE_LIMIT_MS: u64 = 120_000;

impl Worker<'_> {
    /// Saves all trials and hands them back.
    pub(super) fn hand_back(&mut self) -> Result<(), WorkError> {
        let deadline_ms = self.around.clock.steady_ms() + RELEASE_LIMIT_MS;
        self.save_parked()?;
        for (trial, slot) in &mut self.slots {
            if slot.stage == Stage::Training {
                slot.stage = Stage::Releasing;
                if let Some(session) = &mut self.session {
                    session.trainer.send(ToTrainer::Release { trial: (*trial).into() });
                }
            }
        }
        self.wants_work = false;
        while !self.slots.is_empty() && self.around.clock.steady_ms() < deadline_ms {
            let Some(session) = &mut self.session else {
                break;
            };
            match session.trainer.receive(POLL) {
                Received::Ended(_) => break,
                received => self.hear(received)?,
            }
            self.beat()?;
        }
        self.requeue_all(RequeueReason::Released)
    }

    /// Has the trainer give up a trial that is not this worker's any more. The same trial may come back under another
    /// lease before the trainer has heard of it; what the trainer says of it until its last word is of the old one.
    pub(super) fn cast_out(&mut self, trial: u32, slot: &Slot) {
        if let Some(session) = self.session.as_mut().filter(|_| slot.is_seated) {
            session.trainer.send(ToTrainer::Drop { trial: trial.into() });
            self.leaving.insert(trial, slot.lease);
        }
    }

    /// Hands back what is still held, as it was last saved, and ends the trainer.
    pub(super) fn requeue_all(&mut self, reason: RequeueReason) -> Result<(), WorkError> {
        self.session = None;
        for (trial, slot) in std::mem::take(&mut self.slots) {
            if slot.is_leased() {
                self.requeue(trial, slot.lease, reason, 0.0)?;
            }
        }
        self.tell_standing();
        Ok(())
    }

    pub(super) fn requeue(
        &mut self,
        trial: u32,
        lease: LeaseKey,
        reason: RequeueReason,
        device_seconds: f64,
    ) -> Result<(), WorkError> {
        let events = self.submit(&Command::Release { lease, reason, device_seconds });
        match self.unless_stale(trial, events)? {
            Some(events) if ends(&events) => self.end(trial)?,
            Some(_) => self.tell(Progress::HandedBack { trial: trial.into() }),
            None => {}
        }
        self.wants_work = true;
        Ok(())
    }
}
