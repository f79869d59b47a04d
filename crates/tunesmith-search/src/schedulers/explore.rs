//! How a member of a population takes over another's hyperparameters: a little changed.
//!
//! Jaderberg et al., "Population based training of neural networks" (2017), as Ray 2.60 has it (`pbt.py`, `_explore`):
//! each mutated parameter is drawn anew with a chance of `resample`, else multiplied by 1.2 or 0.8, and one whose values
//! have an order but no size moves to a neighbour. A factor is a step of equal length on a log scale, so nothing else is
//! needed there.
//!
//! Departures: values stay inside their bounds and on their lattice; a whole number moves by at least one step, where
//! 2 x 1.2 rounds to 2 again; an unordered choice stays unless it is drawn anew, for it has no neighbours; ties are
//! worked out again and parameters that became active are drawn. Refuses params that do not fit the space: then the
//! donor's are kept.

use tunesmith_core::{Domain, Parameter, Params, Rng, SearchSpace, Value};

use crate::population::is_unordered;

/// What a parameter is multiplied by.
const FACTORS: [f64; 2] = [1.2, 0.8];

/// Where the draws come from.
pub(super) trait Chance {
    /// In [0, 1).
    fn uniform(&mut self) -> f64;
    /// Below `count`.
    fn choice(&mut self, count: usize) -> usize;
    /// A value of the parameter's prior.
    fn resample(&mut self, parameter: &Parameter) -> Value;
}

impl Chance for Rng {
    fn uniform(&mut self) -> f64 {
        Rng::uniform(self)
    }

    fn choice(&mut self, count: usize) -> usize {
        self.below(count as u64) as usize
    }

    fn resample(&mut self, parameter: &Parameter) -> Value {
        parameter.quantile(self.open_uniform()).unwrap_or(Value::Null)
    }
}

/// A changed value and what was done to it, in words.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Change {
    pub(super) value: Value,
    pub(super) operation: String,
}

/// One parameter's new value.
pub(super) fn explore(
    parameter: &Parameter,
    value: &Value,
    resample: f64,
    chance: &mut impl Chance,
) -> Change {
    if chance.uniform() < resample {
        return Change { value: chance.resample(parameter), operation: "resample".to_owned() };
    }
    match parameter.domain() {
        Some(Domain::Categorical { choices, ordered: true }) => shift(choices, value, chance),
        Some(Domain::Float { .. } | Domain::Int { .. }) if !is_unordered(parameter) => {
            let factor = FACTORS[chance.choice(FACTORS.len()).min(FACTORS.len() - 1)];
            let scaled = scaled(parameter, value, factor);
            Change { value: scaled, operation: format!("* {factor}") }
        }
        _ => Change { value: value.clone(), operation: "keep".to_owned() },
    }
}

/// To a neighbour of the list; at its ends perhaps nowhere.
fn shift(choices: &[Value], value: &Value, chance: &mut impl Chance) -> Change {
    let is_right = chance.choice(2) == 1;
    let at = choices.iter().position(|choice| choice.same_as(value)).unwrap_or(0);
    let to = if is_right { at + 1 } else { at.saturating_sub(1) }.min(choices.len() - 1);
    let operation = if is_right { "shift right" } else { "shift left" }.to_owned();
    Change { value: choices.get(to).unwrap_or(value).clone(), operation }
}

/// A number times the factor, kept legal.
fn scaled(parameter: &Parameter, value: &Value, factor: f64) -> Value {
    let Some(real) = value.as_f64() else { return value.clone() };
    let up = (factor > 1.0) == (real >= 0.0);
    match parameter.domain() {
        Some(Domain::Int { low, high, step, .. }) => {
            let whole = value.as_i64().unwrap_or(*low);
            let wanted = (real * factor).round_ties_even();
            let near = low + (((wanted - *low as f64) / *step as f64).round() as i64) * step;
            let moved =
                if near == whole { if up { whole + step } else { whole - step } } else { near };
            let last = low + (high - low) / step * step;
            Value::Int(moved.clamp(*low, last))
        }
        Some(Domain::Float { low, high, .. }) => {
            let wanted = (real * factor).clamp(*low, *high);
            nearest(parameter, wanted).unwrap_or_else(|| value.clone())
        }
        _ => value.clone(),
    }
}

/// The legal value next to a number inside the bounds.
fn nearest(parameter: &Parameter, wanted: f64) -> Option<Value> {
    let domain = parameter.domain()?;
    if let Some(legal) = domain.coerce(&Value::Float(wanted)) {
        return Some(legal);
    }
    let distance = |value: &Value| value.as_f64().map_or(f64::INFINITY, |at| (at - wanted).abs());
    let points = domain.grid_points().ok()?;
    points.into_iter().min_by(|a, b| distance(a).total_cmp(&distance(b)))
}

/// The donor's params with the changed values, completed; the donor's own where these do not fit the space.
pub(super) fn assemble(
    space: &SearchSpace,
    donor: &Params,
    changed: &Params,
    chance: &mut impl Chance,
) -> Params {
    let params = space.complete(|parameter| {
        let known = changed.get(&parameter.name).or_else(|| donor.get(&parameter.name));
        known.cloned().unwrap_or_else(|| chance.resample(parameter))
    });
    space.check(&params).unwrap_or_else(|_| donor.clone())
}

#[cfg(test)]
mod tests;
