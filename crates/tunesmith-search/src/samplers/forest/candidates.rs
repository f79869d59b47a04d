//! Points at which to ask the forest: draws from the priors, and what is found by walking from neighbour to neighbour.
//!
//! SMAC3's `LocalAndSortedRandomSearch`: ten walks, half from the best trials and half from the best draws; the
//! neighbours of a number are four normal steps of a fifth of its range, of a choice the others. Refuses to walk on
//! every axis of a wide space: at each step it looks along 50.

use tunesmith_core::{Params, Prior, Rng, Rule};

use crate::encoding::{Axis, Encoding, Kind};
use crate::numeric::forest::Feature;
use crate::population::{mirrored, within};

/// How many trials and how many draws walks start from.
pub(super) const STARTS: usize = 5;
const MOST_STEPS: usize = 50;
const MOST_AXES: usize = 50;
const STEPS_EACH: usize = 4;
const DEVIATION: f64 = 0.2;

/// A space as points of its encoding, and those as rows of a forest.
#[derive(Debug)]
pub(super) struct Points<'a, 'e> {
    pub(super) encoding: &'e Encoding<'a>,
    is_conditional: bool,
}

/// A point with what it scored.
pub(super) type Scored = (f64, Vec<f64>);

impl<'a, 'e> Points<'a, 'e> {
    pub(super) fn new(encoding: &'e Encoding<'a>) -> Self {
        Self { encoding, is_conditional: encoding.space().is_conditional() }
    }

    /// One feature for each axis; a choice has one more category, for where it is inactive.
    pub(super) fn features(&self) -> Vec<Feature> {
        let feature = |axis: &Axis<'_>| match axis.kind {
            Kind::Categorical(count) => Feature::Categorical(count + 1),
            Kind::Continuous | Kind::Lattice(_) => Feature::Numeric,
        };
        self.encoding.axes.iter().map(feature).collect()
    }

    /// The forest's row of a point: what is inactive there has its own value.
    pub(super) fn row(&self, point: &[f64]) -> Vec<f64> {
        if self.is_conditional { self.row_of(&self.encoding.decode(point)) } else { point.to_vec() }
    }

    /// The forest's row of params.
    pub(super) fn row_of(&self, params: &Params) -> Vec<f64> {
        let axes = self.encoding.axes.iter().zip(self.encoding.encode(params));
        axes.map(|(axis, at)| at.unwrap_or_else(|| inactive(axis))).collect()
    }

    /// The point of params, what is inactive in the middle.
    pub(super) fn coordinates(&self, params: &Params) -> Vec<f64> {
        let axes = self.encoding.axes.iter().zip(self.encoding.encode(params));
        axes.map(|(axis, at)| at.unwrap_or_else(|| axis.from_unit(0.5))).collect()
    }

    fn draw(&self, rng: &mut Rng) -> Vec<f64> {
        self.encoding.axes.iter().map(|axis| draw(axis, rng)).collect()
    }

    /// Points that differ from this one in one axis.
    fn neighbours(&self, point: &[f64], rng: &mut Rng) -> Vec<Vec<f64>> {
        let mut axes: Vec<usize> = (0..self.encoding.dimensions()).collect();
        if axes.len() > MOST_AXES {
            rng.shuffle(&mut axes);
            axes.truncate(MOST_AXES);
        }
        let mut neighbours = Vec::new();
        for index in axes {
            for at in around(&self.encoding.axes[index], point[index], rng) {
                let mut neighbour = point.to_vec();
                neighbour[index] = at;
                neighbours.push(neighbour);
            }
        }
        neighbours
    }
}

fn inactive(axis: &Axis<'_>) -> f64 {
    match axis.kind {
        Kind::Categorical(count) => count as f64,
        Kind::Continuous | Kind::Lattice(_) => -1.0,
    }
}

fn draw(axis: &Axis<'_>, rng: &mut Rng) -> f64 {
    let is_even = matches!(&axis.parameter.rule, Rule::Free { prior: Prior::Uniform, .. });
    let share = rng.open_uniform();
    match &axis.kind {
        Kind::Categorical(count) if is_even => {
            ((share * *count as f64) as usize).min(count.saturating_sub(1)) as f64
        }
        Kind::Lattice(positions) if is_even => {
            let index = ((share * positions.len() as f64) as usize).min(positions.len() - 1);
            positions[index]
        }
        Kind::Continuous if is_even => share,
        _ => {
            let value = axis.parameter.quantile(share);
            value.and_then(|value| axis.coordinate(&value)).unwrap_or_else(|| axis.from_unit(share))
        }
    }
}

/// Coordinates next to one of an axis.
fn around(axis: &Axis<'_>, at: f64, rng: &mut Rng) -> Vec<f64> {
    match &axis.kind {
        Kind::Categorical(count) => {
            let mut others: Vec<f64> =
                (0..*count).map(|index| index as f64).filter(|other| *other != at).collect();
            rng.shuffle(&mut others);
            others.truncate(STEPS_EACH);
            others
        }
        Kind::Lattice(positions) => {
            let place = positions.partition_point(|position| *position < at);
            let places = [place.checked_sub(1), Some(place + 1)];
            places.iter().flatten().filter_map(|place| positions.get(*place).copied()).collect()
        }
        Kind::Continuous => (0..STEPS_EACH)
            .map(|_| within(axis.parameter, mirrored(at + DEVIATION * rng.normal())))
            .collect(),
    }
}

/// Draws from the priors with their scores, the best first.
pub(super) fn ranked(
    points: &Points<'_, '_>,
    count: usize,
    score: &dyn Fn(&[f64]) -> f64,
    rng: &Rng,
) -> Vec<Scored> {
    let mut rng = rng.clone();
    let draw = |_| {
        let point = points.draw(&mut rng);
        (score(&point), point)
    };
    let mut draws: Vec<Scored> = (0..count).map(draw).collect();
    draws.sort_by(|left, right| right.0.total_cmp(&left.0));
    draws
}

/// Where walks end that start at the best draws and at `starts`.
pub(super) fn searched(
    points: &Points<'_, '_>,
    ranked: &[Scored],
    starts: &[Vec<f64>],
    score: &dyn Fn(&[f64]) -> f64,
    rng: &Rng,
) -> Vec<Scored> {
    let trials = starts.iter().map(|point| (score(point), point.clone()));
    let starts = ranked.iter().take(STARTS).cloned().chain(trials);
    starts
        .enumerate()
        .map(|(index, start)| walk(points, start, score, &mut rng.branch(index as u64)))
        .collect()
}

/// Goes to the best neighbour as long as it is better.
fn walk(
    points: &Points<'_, '_>,
    start: Scored,
    score: &dyn Fn(&[f64]) -> f64,
    rng: &mut Rng,
) -> Scored {
    let mut here = start;
    for _ in 0..MOST_STEPS {
        let neighbours = points.neighbours(&here.1, rng).into_iter();
        let scored = neighbours.map(|point| (score(&point), point));
        let best = scored.max_by(|left, right| left.0.total_cmp(&right.0));
        match best {
            Some(best) if best.0 > here.0 => here = best,
            _ => break,
        }
    }
    here
}
