//! A trust region for long searches and wide spaces: a box around the best trial that grows while trials get better
//! and shrinks while they do not.
//!
//! TuRBO-1 (Eriksson et al., "Scalable global optimization via local Bayesian optimization", NeurIPS 2019): side 0.8,
//! at most 1.6, a new start below 0.5⁷; three successes double it, max(5, d) failures halve it; sides in proportion to
//! the length scales. Deviations: the point is that of the greatest expected improvement in the box, not a Thompson
//! sample; after a new start the model keeps the trials that are near. The state is replayed from the notes of the
//! study's trials. Refuses several objectives.

use tunesmith_core::{Origin, Study, Trial, Value};

use super::search::Region;
use crate::history::History;

const LONGEST: f64 = 1.6;
const FIRST: f64 = 0.8;
const SHORTEST: f64 = 0.007_812_5;
const SUCCESSES: u32 = 3;
/// What a success must gain, relative to the best.
const LEAST_GAIN: f64 = 1e-3;

/// Notes of the trials that a region proposed.
pub(crate) const REGION: &str = "region";
pub(crate) const DESIGN: &str = "sobol";

/// Where the search stands.
#[derive(Debug, Clone)]
pub(crate) struct Trust<'a> {
    /// Counts the starts from 0.
    pub(crate) number: i64,
    /// The side of the box before the length scales shape it.
    pub(crate) length: f64,
    /// The best trial of this start; `None` while its first points are laid out.
    pub(crate) best: Option<&'a Trial>,
    /// How many first points are still to be laid out.
    pub(crate) design: usize,
}

fn note<'a>(trial: &'a Trial, key: &str) -> Option<&'a Value> {
    match &trial.origin {
        Origin::Sampler { note, .. } => note.get(key),
        Origin::Enqueued | Origin::Replica { .. } => None,
    }
}

fn region(trial: &Trial) -> Option<i64> {
    note(trial, REGION).and_then(Value::as_i64)
}

fn is_design(trial: &Trial) -> bool {
    note(trial, "model").and_then(Value::as_str) == Some(DESIGN)
}

/// The state after the study's trials.
pub(crate) fn replay<'a>(study: &'a Study, history: &History<'a>, dimensions: usize) -> Trust<'a> {
    let regions: Vec<Option<i64>> = study.trials().iter().map(region).collect();
    let region = |trial: &Trial| regions.get(trial.number as usize).copied().flatten();
    let number = regions.iter().flatten().copied().max().unwrap_or(0);
    let first_points = (2 * dimensions).clamp(6, 40);
    let belongs = |trial: &Trial| region(trial).unwrap_or(0) == number;
    let mut trust = Trust { number, length: FIRST, best: None, design: 0 };
    let (mut best, mut successes, mut failures) = (f64::INFINITY, 0, 0);
    let tolerance = dimensions.max(5) as u32;
    for (trial, value) in ended(history).into_iter().filter(|(trial, _)| belongs(trial)) {
        let gains = value.is_some_and(|value| value < best - LEAST_GAIN * best.abs().min(1e300));
        if let Some(value) = value.filter(|value| *value < best) {
            best = value;
            trust.best = Some(trial);
        }
        if region(trial).is_none() || is_design(trial) {
            continue;
        }
        (successes, failures) = if gains { (successes + 1, 0) } else { (0, failures + 1) };
        if successes == SUCCESSES {
            trust.length = (2.0 * trust.length).min(LONGEST);
            successes = 0;
        }
        if failures == tolerance {
            trust.length *= 0.5;
            failures = 0;
        }
    }
    if trust.length < SHORTEST {
        return Trust { number: number + 1, length: FIRST, best: None, design: first_points };
    }
    if number > 0 {
        let laid_out = |trial: &&Trial| belongs(trial) && is_design(trial);
        let laid_out = study.trials().iter().filter(laid_out).count();
        trust.design = first_points.saturating_sub(laid_out);
    }
    trust
}

/// The trials that ended, by number, with the value of those that ran to their end.
fn ended<'a>(history: &History<'a>) -> Vec<(&'a Trial, Option<f64>)> {
    let completed = history.completed.iter().map(|one| (one.trial, one.scores.first().copied()));
    let pruned = history.pruned.iter().map(|one| (one.trial, None));
    let failed = history.failed.iter().map(|trial| (*trial, None));
    let mut all: Vec<(&Trial, Option<f64>)> = completed.chain(pruned).chain(failed).collect();
    all.sort_by_key(|(trial, _)| trial.number);
    all
}

impl Trust<'_> {
    /// The box around a point.
    pub(crate) fn around(&self, centre: Vec<f64>, kernel_inverse_squares: &[f64]) -> Region {
        let axes = centre.len() as f64;
        let inverse_squares = &kernel_inverse_squares[..centre.len()];
        // ln l = -½ ln 1/l².
        let mean_log = inverse_squares.iter().map(|weight| -0.5 * libm::log(*weight)).sum::<f64>()
            / axes.max(1.0);
        let bounds = centre
            .iter()
            .zip(inverse_squares)
            .map(|(at, weight)| {
                let side = self.length * libm::exp(-0.5 * libm::log(*weight) - mean_log);
                ((at - 0.5 * side).max(0.0), (at + 0.5 * side).min(1.0))
            })
            .collect();
        Region { centre: Some(centre), bounds }
    }
}
