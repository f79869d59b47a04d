//! When failing is no longer the trials' own affair: W&B's guards (wandb 0.28, `wandb_agent.py`),
//! three failures in the first minute, or five and no fewer than there are successes. Only a process
//! that exits with a code above 0, or cannot be started, counts. It refuses to undo a failure.

use std::time::{Duration, Instant};

use tunesmith_core::FailureReason;
use tunesmith_train::protocol::FromTrainer;

use super::Told;

/// How long the first guard watches.
const FIRST: Duration = Duration::from_mins(1);
/// How many failures it takes.
const MOST_AT_FIRST: u32 = 3;
/// How many the second one takes.
const MOST: u32 = 5;

/// Counts failures.
#[derive(Debug)]
pub(super) struct Flapping {
    watches: bool,
    since: Instant,
    failed: u32,
    finished: u32,
    last: String,
    verdict: Option<String>,
}

impl Flapping {
    pub(super) fn new(watches: bool) -> Self {
        let last = String::new();
        Self { watches, since: Instant::now(), failed: 0, finished: 0, last, verdict: None }
    }

    /// Notes what a trial told.
    pub(super) fn note(&mut self, told: &Told) {
        match told {
            Told::Message(FromTrainer::Finished { .. } | FromTrainer::Stopped { .. }) => {
                self.finished += 1;
            }
            Told::Failed { reason: FailureReason::Crashed { exit_code, tail, .. }, .. }
                if exit_code.is_some() =>
            {
                self.fail(tail.lines().next_back().unwrap_or_default());
            }
            Told::Failed { reason: FailureReason::Refused { message }, .. } => self.fail(message),
            _ => {}
        }
    }

    fn fail(&mut self, words: &str) {
        self.failed += 1;
        words.clone_into(&mut self.last);
        let early =
            self.since.elapsed() < FIRST && self.failed >= MOST_AT_FIRST && self.finished == 0;
        if self.watches && (early || (self.failed >= MOST && self.failed >= self.finished)) {
            let (failed, last) = (self.failed, &self.last);
            self.verdict = Some(format!(
                "{failed} trials failed and {} ended well: the program itself seems broken; the last \
                 said `{last}`. Mend it and run the same command again, then `tunesmith rerun --failed`; \
                 `--keep-going` goes on however many fail",
                self.finished
            ));
        }
    }

    /// Why nothing should go on; told once.
    pub(super) fn take_verdict(&mut self) -> Option<String> {
        self.verdict.take()
    }
}
