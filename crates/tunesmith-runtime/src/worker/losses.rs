//! What the worker does when its trainer dies. The trials go on from their checkpoints in another
//! trainer, half as many at once, until the one that kills trainers is alone with one; that one
//! fails, and the search goes on. Every trial that ends well lets one more run at once again, up to
//! one fewer than memory was too small for. It refuses to blame a trial that was not alone.

use tunesmith_core::{FailureReason, Outcome, RequeueReason};

use super::{WorkError, Worker};
use crate::progress::Progress;
use crate::trainer::{Ending, How};

/// How often a trainer may die with one trial alone in it before the trial counts as failed.
const MOST_DEATHS_ALONE: u32 = 2;
/// The signal by which a kernel that is out of memory ends a process.
const KILL: i32 = 9;

impl Worker<'_> {
    /// The trainer is gone.
    pub(super) fn lose(&mut self, ending: &Ending) -> Result<(), WorkError> {
        self.session = None;
        self.leaving.clear();
        let slots = std::mem::take(&mut self.slots);
        let struck: Vec<_> = slots.into_iter().filter(|(_, slot)| slot.is_leased()).collect();
        let out_of_memory = ending.how == How::Signalled(KILL);
        let alone = struck.len() == 1;
        if out_of_memory {
            self.shrink(struck.len());
        } else {
            self.halve(struck.len());
        }
        self.tell(Progress::TrainerLost { ending: ending.clone(), slots: self.limit });
        for (trial, slot) in struck {
            let deaths = self.deaths.entry(trial).or_default();
            *deaths += u32::from(alone);
            if *deaths >= MOST_DEATHS_ALONE {
                let reason =
                    if out_of_memory { FailureReason::OutOfMemory } else { crashed(ending) };
                self.slots.insert(trial, slot);
                self.close(trial, Outcome::Failed { reason }, 0.0)?;
                if !out_of_memory {
                    self.limit = self.ceiling;
                }
            } else {
                let pack = out_of_memory && !alone;
                let reason =
                    if pack { RequeueReason::PackOutOfMemory } else { RequeueReason::TrainerDied };
                self.requeue(trial, slot.lease, reason, 0.0)?;
            }
        }
        self.tell_standing();
        Ok(())
    }

    /// Memory does not bear `trained` trials at once: half as many go on, and never again so many.
    pub(super) fn shrink(&mut self, trained: usize) {
        self.ceiling = self.ceiling.min(trained.saturating_sub(1).max(1));
        self.halve(trained);
    }

    /// From now on at most half as many trials at once as the `trained` that were too many.
    fn halve(&mut self, trained: usize) {
        self.limit = self.limit.min((trained / 2).max(1));
    }

    /// A trial ended well: one more at once, up to what memory is known to bear.
    pub(super) fn regain(&mut self) {
        self.limit = (self.limit + 1).min(self.ceiling);
    }
}

fn crashed(ending: &Ending) -> FailureReason {
    let (exit_code, signal) = match ending.how {
        How::Exited(code) => (Some(code), None),
        How::Signalled(signal) => (None, Some(signal)),
        How::Babbled { .. } => (None, None),
    };
    FailureReason::Crashed { exit_code, signal, tail: ending.to_string() }
}
