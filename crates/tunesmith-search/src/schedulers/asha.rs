//! Asynchronous successive halving that stops: a trial that is not among the best at a rung ends there.
//!
//! Li et al., "A system for massively parallel hyperparameter tuning" (MLSys 2020), in the two forms in which it is
//! used. Syne Tune 0.16 (`schedulers/asha.py`, `Bracket.on_result`) ranks a trial among all that passed the rung, itself
//! included, and stops it where the share of better ones is above 1/eta. Ray 2.60 (`async_hyperband.py`, `_Bracket`)
//! stops it where it is worse than the 1 - 1/eta percentile of those that passed before. In both the first at a rung
//! goes on.
//!
//! With several objectives trials are ranked as by MO-ASHA (Schmucker et al. 2021): by Pareto fronts, and within a front
//! by an epsilon net from the one that is best by the first metric. Syne Tune's own class takes the order of a front for
//! its ranks; here the ranks are ranks.
//!
//! Departures: rungs are fractions of a trial's own schedule, so that trials of different lengths are compared at the
//! same state of their learning-rate decay, and a report at the very end never ends a trial. Refuses to pause: see
//! `asha-promote`.

use tunesmith_core::{Next, Report, Scheduler, Study, Trial, Verdict};

use super::fronts::priorities;
use super::rungs::{ETA, GRACE, Ladder, eta, is_at_end};
use crate::history::score;
use crate::numeric::transform::quantile;
use crate::options::{OptionKind, OptionSpec, Options};

/// What a study may choose.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    ETA,
    GRACE,
    OptionSpec::new(
        "rule",
        OptionKind::Word(&["syne_tune", "ray"]),
        "how the cut is drawn: syne_tune counts the trial itself, ray only earlier ones; syne_tune where left out",
    ),
];

/// Stops trials at rungs.
#[derive(Debug, Clone)]
pub(crate) struct Asha {
    ladder: Ladder,
    eta: f64,
    rule: Rule,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Rule {
    SyneTune,
    Ray,
}

impl Asha {
    pub(crate) fn new(options: Options<'_>) -> Self {
        let rule =
            if options.word("rule", "syne_tune") == "ray" { Rule::Ray } else { Rule::SyneTune };
        Self { ladder: Ladder::of(options), eta: eta(options), rule }
    }

    /// Whether a trial with the last of these scores ends at a rung that the others passed.
    fn stops(&self, scores: &[f64]) -> bool {
        match self.rule {
            Rule::SyneTune => is_behind(scores, self.eta),
            Rule::Ray => is_beyond_cut(scores, self.eta),
        }
    }
}

/// Syne Tune's rule: more than one in `eta` of all are better than the last.
pub(super) fn is_behind(scores: &[f64], eta: f64) -> bool {
    let Some((own, others)) = scores.split_last() else { return false };
    let better = others.iter().filter(|other| *other < own).count();
    !others.is_empty() && better as f64 / scores.len() as f64 > 1.0 / eta
}

/// Ray's rule: the last is worse than the percentile of the others.
fn is_beyond_cut(scores: &[f64], eta: f64) -> bool {
    let Some((own, others)) = scores.split_last().filter(|(_, others)| !others.is_empty()) else {
        return false;
    };
    // As there, of rewards: interpolating between losses instead would round differently.
    let mut rewards: Vec<f64> = others.iter().map(|score| -score).collect();
    rewards.sort_by(f64::total_cmp);
    -own < quantile(&rewards, 1.0 - 1.0 / eta)
}

impl Scheduler for Asha {
    fn next(&self, _study: &Study, may_start: bool) -> Next {
        if may_start { Next::START } else { Next::Finished }
    }

    fn judge(&self, study: &Study, trial: &Trial) -> Verdict {
        let values = |report: &Report| -> Option<Vec<f64>> {
            let value = |name: &String| report.values.get(name).copied();
            let metrics = study.metrics().iter();
            metrics
                .map(|metric| value(&metric.name).map(|value| score(metric.goal, value)))
                .collect()
        };
        let Some(own) = self.ladder.latest(trial, values).filter(|_| !is_at_end(trial)) else {
            return Verdict::Continue;
        };
        let mut points = self.ladder.others(study, trial, own.rung, values);
        points.push(own.value);
        let scores = priorities(points);
        if !self.stops(&scores) {
            return Verdict::Continue;
        }
        let worst = scores.last().copied().unwrap_or_default();
        let better = scores.iter().filter(|score| **score < worst).count();
        Verdict::Prune {
            reason: format!(
                "{better} of {} others were better at {}",
                scores.len() - 1,
                self.ladder.name(own.rung)
            ),
        }
    }

    fn rungs(&self) -> Vec<f64> {
        self.ladder.fractions().to_vec()
    }
}

#[cfg(test)]
mod tests;
