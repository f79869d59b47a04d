//! No scheduler: every trial runs to its end. Refuses to judge.

use tunesmith_core::{Next, Scheduler, Study, Trial, Verdict};

/// Starts trials whenever there is room and lets each run to its end.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoScheduler;

impl Scheduler for NoScheduler {
    fn next(&self, _study: &Study, may_start: bool) -> Next {
        if may_start { Next::START } else { Next::Finished }
    }

    fn judge(&self, _study: &Study, _trial: &Trial) -> Verdict {
        Verdict::Continue
    }
}
