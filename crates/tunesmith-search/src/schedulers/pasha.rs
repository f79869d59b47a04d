//! Progressive asynchronous successive halving: promotes as `asha-promote` does, but goes no higher than it must to
//! know the order of the best.
//!
//! Bohdal et al., "PASHA" (ICLR 2023), as Syne Tune 0.13 has it (`hyperband_pasha.py`, `PASHARungSystem`): trials are
//! promoted up to a cap, at first the second rung, and the cap rises by a rung where the two topmost rungs do not agree
//! on the order of their trials. They agree where each place of the upper one is held by a trial that in the lower one
//! is within epsilon of that place's holder; epsilon is the 90th percentile of the difference between two trials whose
//! order changed and changed back, as of noise alone.
//!
//! Departures, so that it follows from the log: the cap is a function of where the trials stand now, the highest rung
//! that any has passed and one more where the order is unsure; there it is remembered, and a cap once raised stays. Of
//! those that went on from the lower rung at most the best 64 are compared in pairs. Differences are seen where both trials of a pair
//! reported at the same fraction. The end is that of `asha-promote`: the best trial goes on to its end. Refuses to end a
//! trial.

use tunesmith_core::{Metric, Next, Scheduler, Study, Trial, Verdict};

use super::asha_promote::pause_at_rung;
use super::promotion::{Place, Standings};
use super::rungs::{ETA, GRACE, Ladder, SLACK, eta, scored};
use crate::numeric::transform::quantile;
use crate::options::{OptionSpec, Options};

/// What a study may choose.
pub(crate) const OPTIONS: &[OptionSpec] = &[ETA, GRACE];

/// How many trials are compared in pairs.
const MOST_COMPARED: usize = 64;

/// Promotes trials up to a cap that rises while their order is unsure.
#[derive(Debug, Clone)]
pub(crate) struct Pasha {
    ladder: Ladder,
    eta: f64,
}

impl Pasha {
    pub(crate) fn new(options: Options<'_>) -> Self {
        Self { ladder: Ladder::of(options), eta: eta(options) }
    }

    /// The rung up to which trials are promoted; the number of rungs stands for the end of the schedule.
    fn cap(&self, study: &Study, standings: &Standings) -> usize {
        let rungs = &standings.rungs;
        let reached = rungs.iter().rposition(|places| !places.is_empty()).unwrap_or(0);
        let top = reached.max(1).min(rungs.len().saturating_sub(1));
        let pair = top.checked_sub(1).and_then(|below| rungs.get(below)).zip(rungs.get(top));
        let Some((lower, upper)) = pair else { return rungs.len() };
        let disagree = study.metrics().first().is_some_and(|metric| {
            let epsilon = self.epsilon(study, metric, lower, top);
            !agree(upper, lower, epsilon)
        });
        top + usize::from(disagree)
    }

    /// By how much scores differ whose order is chance: 0 where no pair's order came back.
    fn epsilon(&self, study: &Study, metric: &Metric, lower: &[Place], top: usize) -> f64 {
        let fractions = self.ladder.fractions();
        let above = top.checked_sub(1).and_then(|below| fractions.get(below)).copied();
        let until = fractions.get(top).copied();
        let (Some(above), Some(until)) = (above, until) else { return 0.0 };
        let beyond = |trial: &&Trial| trial.reached_fraction() > above + SLACK;
        let lower = lower.iter().filter_map(|place| study.trial(place.trial)).filter(beyond);
        let curves: Vec<Curve> =
            lower.take(MOST_COMPARED).map(|trial| Curve::of(trial, metric)).collect();
        noise(&curves, above, until)
    }
}

/// The 90th percentile of the differences between curves whose order came back, at reports between two fractions.
fn noise(curves: &[Curve], above: f64, until: f64) -> f64 {
    let mut differences: Vec<f64> = (1..curves.len())
        .flat_map(|right| (0..right).map(move |left| (left, right)))
        .filter_map(|(left, right)| curves[left].noise(&curves[right], above, until))
        .collect();
    if differences.is_empty() {
        return 0.0;
    }
    differences.sort_by(f64::total_cmp);
    quantile(&differences, 0.9)
}

/// What a trial reported of the metric: fractions and scores.
struct Curve(Vec<(f64, f64)>);

impl Curve {
    fn of(trial: &Trial, metric: &Metric) -> Self {
        let point = |report| Some((report, scored(metric)(report)?));
        Self(
            trial
                .reports
                .iter()
                .filter_map(point)
                .map(|(report, score)| (report.fraction, score))
                .collect(),
        )
    }

    /// The difference at the last common report between two fractions, where the order there was another before and
    /// the same before that.
    fn noise(&self, other: &Self, above: f64, until: f64) -> Option<f64> {
        let common = self.common(other);
        let last = common.iter().rposition(|(fraction, ..)| *fraction <= until + SLACK)?;
        let (fraction, left, right) = common[last];
        if fraction <= above + SLACK {
            return None;
        }
        let order = left > right;
        let mut changed = false;
        for (_, before_left, before_right) in common[..last].iter().rev() {
            let same = (before_left > before_right) == order;
            if changed && same {
                return Some((left - right).abs());
            }
            changed |= !same;
        }
        None
    }

    /// The fractions at which both reported, with their scores.
    fn common(&self, other: &Self) -> Vec<(f64, f64, f64)> {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut common = Vec::new();
        while let (Some((a, score)), Some((b, theirs))) = (left.peek(), right.peek()) {
            if (a - b).abs() <= SLACK {
                common.push((*a, *score, *theirs));
                left.next();
                right.next();
            } else if a < b {
                left.next();
            } else {
                right.next();
            }
        }
        common
    }
}

/// Whether each place of the upper rung is held by a trial that is close, in the lower rung, to that place's holder.
fn agree(upper: &[Place], lower: &[Place], epsilon: f64) -> bool {
    let mut known: Vec<(u32, f64)> = lower.iter().map(|place| (place.trial, place.score)).collect();
    known.sort_by_key(|(trial, _)| *trial);
    let below = |trial: u32| {
        let found = known.binary_search_by_key(&trial, |(trial, _)| *trial);
        found.ok().map(|index| known[index].1)
    };
    // A trial that passed the upper rung alone, for it reports rarely, has no place in the lower one.
    let upper: Vec<f64> = upper.iter().filter_map(|place| below(place.trial)).collect();
    let mut holders = upper.clone();
    holders.sort_by(f64::total_cmp);
    let epsilon = if holders.len() < 2 { 0.0 } else { epsilon };
    upper
        .iter()
        .zip(&holders)
        .all(|(score, holder)| *score <= holder + epsilon && *score >= holder - epsilon)
}

impl Scheduler for Pasha {
    fn next(&self, study: &Study, may_start: bool) -> Next {
        let standings = Standings::of(study, &self.ladder);
        let cap = self.cap(study, &standings);
        let promotable = standings.promotable(cap, self.eta, false);
        standings.next(study, promotable, may_start)
    }

    fn judge(&self, study: &Study, trial: &Trial) -> Verdict {
        pause_at_rung(&self.ladder, study, trial)
    }

    fn rungs(&self) -> Vec<f64> {
        self.ladder.fractions().to_vec()
    }
}

#[cfg(test)]
mod tests;
