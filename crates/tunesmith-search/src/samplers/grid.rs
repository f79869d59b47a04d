//! Grid search: every combination once, in W&B's order: parameters by name, the last turning fastest.
//!
//! A conditional parameter that is inactive stands at its first value, so that a combination that would look the same
//! again is passed over. Where the grid stands is worked out from the log, so workers in parallel never get one twice.
//! Refuses a parameter with infinitely many values, when it is built.

use std::collections::BTreeSet;

use thiserror::Error;
use tunesmith_core::{
    GridError, Origin, Parameter, Params, Rng, Sampler, SearchSpace, Study, Suggestion, Trial,
    Value,
};

/// The most combinations that a grid may have.
pub const MOST_POINTS: u64 = 1_000_000_000;

/// The note in which a trial keeps its place in the grid.
const PLACE: &str = "place";

/// Why there is no grid.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum GridRefusal {
    /// A parameter without a list of values.
    #[error("grid search needs a list of values for each parameter: {name} {source}")]
    Parameter {
        /// Its name.
        name: String,
        /// Why.
        source: GridError,
    },
    /// Weights, which a grid would not keep.
    #[error(
        "grid search takes every value once and cannot weight those of {name}; leave its prior out"
    )]
    Weighted {
        /// The parameter.
        name: String,
    },
    /// Too many combinations.
    #[error(
        "the grid has more than {MOST_POINTS} combinations; list fewer values, or search at random"
    )]
    TooLarge,
}

/// Takes every combination once.
#[derive(Debug, Clone)]
pub struct Grid {
    /// In the order of their names; the last turns fastest.
    axes: Vec<Axis>,
    points: u64,
}

#[derive(Debug, Clone)]
struct Axis {
    name: String,
    values: Vec<Value>,
}

impl Grid {
    /// The grid of a space.
    ///
    /// # Errors
    /// Where a parameter has infinitely many values or weights, or there are too many combinations.
    pub fn new(space: &SearchSpace) -> Result<Self, GridRefusal> {
        let axes: Result<Vec<_>, _> = space.searched().map(Axis::of).collect();
        let mut axes = axes?;
        // Nested parameters sort level by level in W&B: `a.b` before `a-b`.
        axes.sort_by(|left, right| left.name.split('.').cmp(right.name.split('.')));
        let points = axes
            .iter()
            .try_fold(1_u64, |points, axis| points.checked_mul(axis.values.len() as u64));
        match points {
            Some(points) if points <= MOST_POINTS => Ok(Self { axes, points }),
            _ => Err(GridRefusal::TooLarge),
        }
    }

    /// How many combinations there are, counting those that conditions make look the same.
    pub fn points(&self) -> u64 {
        self.points
    }

    /// The params at a place; `None` where another place gives the same.
    fn at(&self, place: u64, study: &Study, rng: &Rng) -> Option<Params> {
        let mut digits = vec![0; self.axes.len()];
        let mut rest = place;
        for (digit, axis) in digits.iter_mut().zip(&self.axes).rev() {
            let length = axis.values.len() as u64;
            *digit = (rest % length) as usize;
            rest /= length;
        }
        let params = study.space().complete(|parameter| {
            let axis = self.axes.iter().zip(&digits).find(|(axis, _)| axis.name == parameter.name);
            // Define-by-run may have added parameters that the grid does not have: those are drawn.
            let drawn = || parameter.quantile(rng.branch_named(&parameter.name).open_uniform());
            let value = axis.map_or_else(drawn, |(axis, digit)| axis.values.get(*digit).cloned());
            value.unwrap_or(Value::Null)
        });
        let stands_for_itself =
            |(axis, digit): (&Axis, &usize)| *digit == 0 || params.get(&axis.name).is_some();
        self.axes.iter().zip(&digits).all(stands_for_itself).then_some(params)
    }
}

impl Axis {
    fn of(parameter: &Parameter) -> Result<Self, GridRefusal> {
        use tunesmith_core::{Prior, Rule};
        let name = parameter.name.clone();
        match &parameter.rule {
            Rule::Free { prior: Prior::Weights(_), .. } => Err(GridRefusal::Weighted { name }),
            Rule::Free { domain, .. } => match domain.grid_points() {
                Ok(values) => Ok(Self { name, values }),
                Err(source) => Err(GridRefusal::Parameter { name, source }),
            },
            Rule::Tied(_) => Ok(Self { name, values: vec![Value::Null] }),
        }
    }
}

impl Sampler for Grid {
    fn suggest(&self, study: &Study, count: u32, rng: &Rng) -> Vec<Suggestion> {
        let enqueued: BTreeSet<String> =
            study.enqueued().map(|trial| trial.params.canonical()).collect();
        let first = study.trials().iter().rev().find_map(place).map_or(0, |place| place + 1);
        (first..self.points)
            .filter_map(|place| {
                let params = self.at(place, study, &rng.branch(place))?;
                (enqueued.is_empty() || !enqueued.contains(&params.canonical())).then(|| {
                    Suggestion { params, note: Params::from([(PLACE, Value::Int(place as i64))]) }
                })
            })
            .take(count as usize)
            .collect()
    }
}

/// Where in the grid a trial stands.
fn place(trial: &Trial) -> Option<u64> {
    match &trial.origin {
        Origin::Sampler { note, .. } => u64::try_from(note.get(PLACE)?.as_i64()?).ok(),
        Origin::Enqueued | Origin::Replica { .. } => None,
    }
}

#[cfg(test)]
mod tests;
