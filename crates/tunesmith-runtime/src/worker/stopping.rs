//! How the worker lets go of trials: saved and handed back after Ctrl-C, or as they were last
//! saved. It refuses to wait for ever.

use tunesmith_core::{Command, LeaseKey, RequeueReason};
use tunesmith_train::protocol::ToTrainer;

use super::{Stage, WorkError, Worker, ends};
use crate::progress::Progress;
use crate::session::POLL;
use crate::trainer::Received;

/// How long trials may take to save and stop after Ctrl-C, milliseconds; then they are handed back
/// as their last checkpoints are.
const RELEASE_LIMIT_MS: u64 = 120_000;

impl Worker<'_> {
    /// Saves all trials and hands them back.
    pub(super) fn hand_back(&mut self) -> Result<(), WorkError> {
        let deadline = self.around.clock.now().plus_ms(RELEASE_LIMIT_MS);
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
        while !self.slots.is_empty() && self.around.clock.now() < deadline {
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
