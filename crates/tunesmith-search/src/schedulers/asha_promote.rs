//! Asynchronous successive halving that promotes: every trial pauses at every rung, and goes on once it is among the
//! best there.
//!
//! Li et al. (MLSys 2020), as Syne Tune 0.13 has it (`hyperband_promotion.py`, `PromotionRungSystem`): from the top rung
//! down, the best trial that still pauses at a rung goes on if it is not worse than the 1/eta quantile of all that
//! passed the rung. With `guard`, the rule of D-ASHA (Li et al., Hyper-Tune, VLDB 2022) holds in addition: only if at
//! least eta times as many trials have passed the rung as have gone on from it, which keeps early luck from filling the
//! upper rungs. Here everything follows from the log: a trial that has gone on is one that passed the rung and pauses
//! there no more. A trial exactly on the cut goes on for a maximised metric too, where Syne Tune loses it by rounding.
//!
//! When no new trial may start, promotions go on. Once nothing runs and nothing can be promoted, and still no trial
//! has completed, the best paused trial of the top rung goes on until one has: a search is to leave a trained model.
//! The other paused trials stay paused: a larger budget may still promote them. Refuses to end a trial, and to look at
//! objectives beyond the first.

use tunesmith_core::{Next, Scheduler, Study, Trial, Verdict};

use super::promotion::Standings;
use super::rungs::{ETA, GRACE, Ladder, eta, is_at_end, scored};
use crate::options::{OptionKind, OptionSpec, Options};

/// What a study may choose.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    ETA,
    GRACE,
    OptionSpec::new(
        "guard",
        OptionKind::Bool,
        "promote only while eta times as many trials have passed a rung as went on from it; false where left out",
    ),
];

/// Promotes trials from rung to rung.
#[derive(Debug, Clone)]
pub(crate) struct AshaPromote {
    ladder: Ladder,
    eta: f64,
    guard: bool,
}

impl AshaPromote {
    pub(crate) fn new(options: Options<'_>) -> Self {
        Self { ladder: Ladder::of(options), eta: eta(options), guard: options.bool("guard", false) }
    }
}

impl Scheduler for AshaPromote {
    fn next(&self, study: &Study, may_start: bool) -> Next {
        let standings = Standings::of(study, &self.ladder);
        let promotable = standings.promotable(self.ladder.len(), self.eta, self.guard);
        standings.next(study, promotable, may_start)
    }

    fn judge(&self, study: &Study, trial: &Trial) -> Verdict {
        pause_at_rung(&self.ladder, study, trial)
    }

    fn rungs(&self) -> Vec<f64> {
        self.ladder.fractions().to_vec()
    }
}

/// Pauses a trial whose latest report passes a rung.
pub(super) fn pause_at_rung(ladder: &Ladder, study: &Study, trial: &Trial) -> Verdict {
    let Some(metric) = study.metrics().first().filter(|_| !is_at_end(trial)) else {
        return Verdict::Continue;
    };
    match ladder.latest(trial, scored(metric)) {
        Some(passing) => Verdict::Pause { reason: format!("passed {}", ladder.name(passing.rung)) },
        None => Verdict::Continue,
    }
}

#[cfg(test)]
mod tests;
