//! Which way a parameter acts: the mean of the metric over ranges or choices of its values, with intervals, and the
//! shape that the means have.
//!
//! Means are marginal: other parameters vary along. Refuses an interval for the mean of fewer than three trials.

use tunesmith_core::{Domain, Goal, Parameter, Rng, Value};

use super::Evidence;
use super::significance::{Contrasts, middle_of};
use crate::history::score;

/// The most ranges that a numeric parameter is cut into.
const MOST_RANGES: usize = 5;
/// Trials that a range has at least, where there are so many.
const LEAST_IN_RANGE: usize = 5;
/// Up to so many different values, each is a range of its own.
const MOST_VALUES: usize = 6;
/// Trials from which the mean has an interval.
const LEAST_FOR_INTERVAL: usize = 3;
/// How often a mean is drawn again.
const RESAMPLES: u64 = 500;
/// Beyond so many trials the normal limit stands for the draws.
const MOST_DRAWN: usize = 200;
/// The 95 % quantile of the standard normal distribution.
const NORMAL_95: f64 = 1.644_853_626_951_472_2;

/// Which way a parameter acts.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// The shape.
    pub shape: Shape,
    /// Ranges or choices in ascending order, or as the study lists them. Those that were never tried are left out.
    pub bins: Vec<Bin>,
    /// How often chance alone would show an effect as strong, taken by itself.
    pub p_value: f64,
}

/// How the metric, as it is reported, goes with the parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// It rises.
    Rising,
    /// It falls.
    Falling,
    /// It is highest in between.
    Peak,
    /// It is lowest in between.
    Valley,
    /// It differs from choice to choice.
    Choices,
    /// Only one value was tried.
    Constant,
}

/// The trials of one range or choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Bin {
    /// The least value tried in it.
    pub from: Value,
    /// The greatest value tried in it; the same for a choice.
    pub to: Value,
    /// How many trials.
    pub trials: usize,
    /// Their mean, in the metric's own units.
    pub mean: f64,
    /// Where the mean lies with a confidence of 90 %, by the bootstrap or its normal limit; `None` of fewer than three
    /// trials.
    pub interval: Option<(f64, f64)>,
}

impl Effect {
    /// The bin with the best mean: of those that have an interval, where one has.
    pub fn best(&self, goal: Goal) -> Option<&Bin> {
        let better =
            |left: &&Bin, right: &&Bin| score(goal, left.mean).total_cmp(&score(goal, right.mean));
        let sure = self.bins.iter().filter(|bin| bin.interval.is_some()).min_by(better);
        sure.or_else(|| self.bins.iter().min_by(better))
    }
}

/// A trial in which the parameter was active.
struct Point<'a> {
    /// Where its value lies among the others.
    at: f64,
    value: &'a Value,
    score: f64,
}

/// The effect of a parameter over the trials in which it was active with a legal value.
pub(super) fn of(parameter: &Parameter, evidence: &Evidence<'_>, rng: &Rng) -> Effect {
    let rng = rng.branch_named(&parameter.name);
    let mut points: Vec<Point<'_>> = (0..evidence.trials.len())
        .filter_map(|trial| {
            let value = evidence.value(trial, &parameter.name)?;
            Some(Point { at: place(parameter, value)?, value, score: evidence.scores[trial] })
        })
        .collect();
    let scores: Vec<f64> = points.iter().map(|point| point.score).collect();
    let places: Vec<f64> = points.iter().map(|point| point.at).collect();
    let numeric = is_numeric(parameter);
    let contrasts = if numeric {
        Contrasts::parabola(&places)
    } else {
        let indexes: Vec<usize> = places.iter().map(|at| *at as usize).collect();
        let count = indexes.iter().max().map_or(0, |most| most + 1);
        Contrasts::choices(&indexes, count)
    };
    let shape = if contrasts.columns.is_empty() {
        Shape::Constant
    } else if numeric {
        shape(&contrasts, &scores, evidence.goal)
    } else {
        Shape::Choices
    };
    let p_value = contrasts.p_value(&scores, &rng);
    points.sort_by(|left, right| left.at.total_cmp(&right.at));
    let bins = cut(&points, numeric)
        .into_iter()
        .enumerate()
        .map(|(index, points)| bin(points, evidence, &rng.branch(index as u64)))
        .collect();
    Effect { shape, bins, p_value }
}

/// Whether greater and less mean something: also for a list of numbers.
fn is_numeric(parameter: &Parameter) -> bool {
    match parameter.domain() {
        Some(Domain::Categorical { choices, ordered }) => {
            *ordered || choices.iter().all(|choice| choice.as_f64().is_some())
        }
        _ => true,
    }
}

/// Where a legal value lies among the others: its number, or the place of a choice.
fn place(parameter: &Parameter, value: &Value) -> Option<f64> {
    match parameter.domain()? {
        Domain::Categorical { choices, ordered } => {
            let index = choices.iter().position(|choice| choice.same_as(value))?;
            let number = value.as_f64().filter(|_| !ordered && is_numeric(parameter));
            Some(number.unwrap_or(index as f64))
        }
        domain => domain.coerce(value)?.as_f64(),
    }
}

/// From a parabola in ranks to a word. Columns are the line and what the square adds to it.
fn shape(contrasts: &Contrasts, scores: &[f64], goal: Goal) -> Shape {
    // Correlations with the metric itself.
    let found: Vec<f64> =
        contrasts.correlations(scores).into_iter().map(|part| score(goal, part)).collect();
    let line = found.first().copied().unwrap_or(0.0);
    let curve = found.get(1).copied().unwrap_or(0.0);
    let unexplained = (1.0 - line * line - curve * curve).max(1e-9);
    let freedom = scores.len() as f64 - 3.0;
    // The square has to add more than noise (an F of 4), and more than half of what the line shows: so the turn
    // lies inside of the range and not at its edge.
    let bends = curve * curve * freedom > 4.0 * unexplained && curve.abs() > 0.5 * line.abs();
    match (bends, curve > 0.0, line > 0.0) {
        (true, true, _) => Shape::Valley,
        (true, false, _) => Shape::Peak,
        (false, _, true) => Shape::Rising,
        (false, _, false) => Shape::Falling,
    }
}

/// Sorted points in groups that hold equals together.
fn cut<'p, 'a>(points: &'p [Point<'a>], numeric: bool) -> Vec<&'p [Point<'a>]> {
    let single: Vec<&[Point<'_>]> = points.chunk_by(|left, right| left.at == right.at).collect();
    if !numeric || single.len() <= MOST_VALUES {
        return single;
    }
    let ranges = (points.len() / LEAST_IN_RANGE).clamp(2, MOST_RANGES);
    let mut groups = Vec::new();
    let (mut start, mut end) = (0, 0);
    for equals in single {
        end += equals.len();
        let due = (groups.len() + 1) * points.len() / ranges;
        if end >= due {
            groups.push(&points[start..end]);
            start = end;
        }
    }
    groups
}

fn bin(points: &[Point<'_>], evidence: &Evidence<'_>, rng: &Rng) -> Bin {
    let scores: Vec<f64> = points.iter().map(|point| point.score).collect();
    let mean = mean(scores.iter().copied());
    let turned = |bound: f64| score(evidence.goal, bound);
    let interval = interval(&scores, mean, rng)
        .map(|(low, high)| (turned(low).min(turned(high)), turned(low).max(turned(high))));
    let value = |point: Option<&Point<'_>>| point.map_or(Value::Null, |point| point.value.clone());
    Bin {
        from: value(points.first()),
        to: value(points.last()),
        trials: points.len(),
        mean: turned(mean),
        interval,
    }
}

/// Where the mean lies with a confidence of 90 %.
fn interval(scores: &[f64], centre: f64, rng: &Rng) -> Option<(f64, f64)> {
    let count = scores.len();
    if count < LEAST_FOR_INTERVAL {
        return None;
    }
    if count > MOST_DRAWN {
        let squares: f64 = scores.iter().map(|score| (score - centre) * (score - centre)).sum();
        let half = NORMAL_95 * (squares / (count - 1) as f64 / count as f64).sqrt();
        return Some((centre - half, centre + half));
    }
    let drawn = |resample: u64| {
        let mut rng = rng.branch(resample);
        mean((0..count).map(|_| scores[rng.below(count as u64) as usize]))
    };
    middle_of(&mut (0..RESAMPLES).map(drawn).collect::<Vec<f64>>())
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}
