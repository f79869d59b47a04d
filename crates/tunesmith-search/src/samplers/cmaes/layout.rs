//! Which part of the distribution an axis belongs to: the normal one, a lattice under it, or the choices.
//!
//! Refuses axes with one value: they stand still.

use tunesmith_core::{Prior, Rng, Rule};

use super::gaussian::Factor;
use super::margin::Lattice;
use super::state::State;
use crate::encoding::{Axis, Encoding, Kind};
use crate::population::within;

/// How often a draw outside of the bounds is drawn again before it is clipped; as cmaes 0.13.1.
const MOST_DRAWS: usize = 100;

/// An axis's part.
#[derive(Debug)]
enum Role {
    /// A coordinate of the normal distribution, perhaps a lattice.
    Number(Option<Lattice>),
    /// An unordered choice.
    Choice,
    /// It has this coordinate only.
    Alone(f64),
}

/// The parts of all axes.
#[derive(Debug)]
pub(super) struct Layout {
    roles: Vec<Role>,
    /// Where the search begins: the middle of each coordinate's prior.
    pub(super) middle: Vec<f64>,
    /// With what probabilities each choice begins.
    pub(super) weights: Vec<Vec<f64>>,
}

/// A draw: coordinates before they are put on lattices, and indexes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draft {
    pub(super) numbers: Vec<f64>,
    pub(super) choices: Vec<usize>,
}

impl Layout {
    pub(super) fn of(encoding: &Encoding<'_>) -> Self {
        let mut layout = Self { roles: Vec::new(), middle: Vec::new(), weights: Vec::new() };
        for axis in &encoding.axes {
            let role = match &axis.kind {
                Kind::Categorical(0 | 1) => Role::Alone(0.0),
                Kind::Lattice(positions) if positions.len() < 2 => {
                    Role::Alone(positions.first().copied().unwrap_or(0.5))
                }
                Kind::Categorical(count) => {
                    layout.weights.push(weights(axis, *count));
                    Role::Choice
                }
                Kind::Continuous => Role::Number(None),
                Kind::Lattice(positions) => Role::Number(Some(Lattice::new(positions.clone()))),
            };
            if matches!(role, Role::Number(_)) {
                layout.middle.push(middle(axis));
            }
            layout.roles.push(role);
        }
        layout
    }

    /// How many coordinates the normal distribution has.
    pub(super) fn numbers(&self) -> usize {
        self.middle.len()
    }

    /// How many choices there are.
    pub(super) fn choices(&self) -> usize {
        self.weights.len()
    }

    fn number_roles(&self) -> impl Iterator<Item = Option<&Lattice>> {
        self.roles.iter().filter_map(|role| match role {
            Role::Number(lattice) => Some(lattice.as_ref()),
            Role::Choice | Role::Alone(_) => None,
        })
    }

    /// The lattices, with the index of their coordinate.
    pub(super) fn lattices(&self) -> impl Iterator<Item = (usize, &Lattice)> {
        self.number_roles().enumerate().filter_map(|(index, lattice)| lattice.map(|l| (index, l)))
    }

    /// A draw whose continuous coordinates lie within the bounds.
    pub(super) fn draw(&self, state: &State, factor: &Factor, rng: &Rng) -> Draft {
        let mut normal = rng.branch_named("numbers");
        let is_inside = |numbers: &[f64]| {
            let inside = |at: &f64| (0.0..=1.0).contains(at);
            self.number_roles().zip(numbers).all(|(lattice, at)| lattice.is_some() || inside(at))
        };
        let mut numbers = state.gaussian.draw(factor, &mut normal);
        for _ in 0..MOST_DRAWS {
            if is_inside(&numbers) {
                break;
            }
            numbers = state.gaussian.draw(factor, &mut normal);
        }
        for (lattice, at) in self.number_roles().zip(&mut numbers) {
            if lattice.is_none() {
                *at = at.clamp(0.0, 1.0);
            }
        }
        let choices = state.choices.draw(&mut rng.branch_named("choices"));
        Draft { numbers, choices }
    }

    /// The coordinates of a draw on the encoding's axes.
    pub(super) fn coordinates(
        &self,
        encoding: &Encoding<'_>,
        state: &State,
        draft: &Draft,
    ) -> Vec<f64> {
        let State { gaussian, scales, .. } = state;
        let mut numbers = draft.numbers.iter().zip(&gaussian.mean).zip(scales);
        let mut choices = draft.choices.iter();
        let coordinate = |(role, axis): (&Role, &Axis<'_>)| match role {
            Role::Alone(at) => *at,
            Role::Choice => choices.next().map_or(0.0, |index| *index as f64),
            Role::Number(lattice) => {
                let Some(((at, mean), scale)) = numbers.next() else { return 0.5 };
                match lattice {
                    None => within(axis.parameter, *at),
                    Some(lattice) => lattice.nearest((at - mean) * scale + mean),
                }
            }
        };
        self.roles.iter().zip(&encoding.axes).map(coordinate).collect()
    }

    /// The draw of these numbers, coordinates first; `None` where the layout was another.
    pub(super) fn draft(&self, numbers: &[f64]) -> Option<Draft> {
        if numbers.len() != self.numbers() + self.choices() {
            return None;
        }
        let (numbers, choices) = numbers.split_at(self.numbers());
        let choices = choices.iter().map(|index| *index as usize).collect();
        Some(Draft { numbers: numbers.to_vec(), choices })
    }
}

impl Draft {
    /// As numbers, coordinates first.
    pub(super) fn write(&self) -> Vec<f64> {
        let choices = self.choices.iter().map(|index| *index as f64);
        self.numbers.iter().copied().chain(choices).collect()
    }
}

fn middle(axis: &Axis<'_>) -> f64 {
    match &axis.parameter.rule {
        Rule::Free { prior: Prior::Uniform, .. } | Rule::Tied(_) => 0.5,
        Rule::Free { domain, prior } => {
            axis.coordinate(&prior.quantile(domain, 0.5)).unwrap_or(0.5)
        }
    }
}

fn weights(axis: &Axis<'_>, count: usize) -> Vec<f64> {
    match &axis.parameter.rule {
        Rule::Free { prior: Prior::Weights(weights), .. } => weights.clone(),
        _ => vec![1.0; count],
    }
}
