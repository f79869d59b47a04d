//! What is searched: named parameters with domains, priors, conditions and ties, and the order in which they get
//! their values.
//!
//! Refuses to choose values: [`SearchSpace::complete`] asks its caller for each.

mod condition;
mod distribution;
mod domain;
mod expression;
mod parameter;
mod prior;

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

pub use condition::{Clause, Condition, Test};
pub use distribution::{Bound, Distribution, DistributionError, Quantum};
pub use domain::{Domain, DomainError, GridError, MOST_GRID_POINTS, Scale, Step};
pub use expression::{EvaluateError, Expression, ParseError};
pub use parameter::{Parameter, Rule};
pub use prior::Prior;

use crate::rng::Rng;
use crate::value::{Params, Value};

/// Why parameters do not make a space.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum SpaceError {
    /// An illegal name.
    #[error(
        "`{name}` is no parameter name; start with a letter or `_`, go on with letters, digits and `_ . -`"
    )]
    BadName {
        /// The name.
        name: String,
    },
    /// Two parameters of one name.
    #[error("the parameter {name} is declared twice; leave one out")]
    Repeated {
        /// The name.
        name: String,
    },
    /// An impossible domain or prior.
    #[error("{name}: {source}")]
    Domain {
        /// The parameter.
        name: String,
        /// What is wrong.
        source: DomainError,
    },
    /// A condition on NaN or an infinity.
    #[error("{name}: the condition compares with a number that is not finite")]
    ConditionNotFinite {
        /// The parameter.
        name: String,
    },
    /// A condition or an expression on nothing.
    #[error("{name} refers to {reference}, which is no parameter; declare it, or correct the name")]
    UnknownReference {
        /// The parameter that refers.
        name: String,
        /// The name that is missing.
        reference: String,
    },
    /// Parameters that wait for each other.
    #[error("these parameters depend on each other in a circle: {}; untie one", names.join(", "))]
    Cycle {
        /// Their names.
        names: Vec<String>,
    },
}

/// Why values do not fit a space.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ParamsError {
    /// A value for nothing.
    #[error("{name} is no parameter of this study; there are {}", known.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// A value outside of the domain.
    #[error("{value} is no legal value of {name}")]
    Illegal {
        /// The parameter.
        name: String,
        /// The value.
        value: Value,
    },
    /// A value for a parameter whose condition does not hold, or that follows from others.
    #[error(
        "{name} has no value of its own here: it is inactive, or follows from other parameters"
    )]
    Surplus {
        /// The parameter.
        name: String,
    },
    /// An active parameter without a value.
    #[error("{name} has no value")]
    Missing {
        /// The parameter.
        name: String,
    },
    /// A tie that has no value.
    #[error("{name}: {source}")]
    Tie {
        /// The parameter.
        name: String,
        /// Why.
        source: EvaluateError,
    },
}

/// What is searched.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchSpace {
    parameters: Vec<Parameter>,
    /// Indexes into `parameters`, each after those that it refers to.
    order: Vec<usize>,
    by_name: BTreeMap<String, usize>,
}

impl SearchSpace {
    /// A space of these parameters.
    ///
    /// # Errors
    /// Where one is impossible, or their references do not resolve.
    pub fn new(parameters: Vec<Parameter>) -> Result<Self, SpaceError> {
        let mut by_name = BTreeMap::new();
        for (index, parameter) in parameters.iter().enumerate() {
            parameter.validate()?;
            if by_name.insert(parameter.name.clone(), index).is_some() {
                return Err(SpaceError::Repeated { name: parameter.name.clone() });
            }
        }
        let order = dependency_order(&parameters, &by_name)?;
        Ok(Self { parameters, order, by_name })
    }

    /// The parameters as they were declared.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The parameter of that name.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.by_name.get(name).and_then(|index| self.parameters.get(*index))
    }

    /// The parameters that a sampler has to choose, as they were declared: the dimensions of the search.
    pub fn searched(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|parameter| parameter.is_searched())
    }

    /// Whether any parameter has a condition.
    pub fn is_conditional(&self) -> bool {
        self.parameters.iter().any(|parameter| parameter.condition.is_some())
    }

    /// Adds a parameter.
    ///
    /// # Errors
    /// As [`SearchSpace::new`].
    pub fn extend(&mut self, parameter: Parameter) -> Result<(), SpaceError> {
        let mut parameters = self.parameters.clone();
        parameters.push(parameter);
        *self = Self::new(parameters)?;
        Ok(())
    }

    /// Goes through the parameters, each after those that it depends on, asks `choose` for the value of each that is
    /// free, searched and active, and works out the rest. A tie without a value, as under a division by zero, is
    /// null; [`SearchSpace::check`] refuses it with the reason.
    pub fn complete(&self, choose: impl FnMut(&Parameter) -> Value) -> Params {
        self.walk(choose).0
    }

    /// One draw from the priors. Each parameter draws from a stream of its own under `rng`, so that whether one is
    /// active does not move the others.
    pub fn sample(&self, rng: &Rng) -> Params {
        self.complete(|parameter| draw(parameter, rng))
    }

    /// Whether these are exactly the active parameters with legal values; gives them back in the domains' own types.
    /// Tied and fixed parameters may be left out.
    ///
    /// # Errors
    /// With the first parameter that does not fit.
    pub fn check(&self, params: &Params) -> Result<Params, ParamsError> {
        let mut missing = None;
        let (checked, broken) = self.walk(|parameter| {
            let value = params.get(&parameter.name);
            if value.is_none() {
                missing.get_or_insert_with(|| parameter.name.clone());
            }
            value.cloned().unwrap_or(Value::Null)
        });
        match (missing, broken) {
            (Some(name), _) => Err(ParamsError::Missing { name }),
            (None, Some(broken)) => Err(broken),
            (None, None) => self.check_given(params, checked),
        }
    }

    /// As [`SearchSpace::check`], but an active parameter that is left out is drawn from its prior.
    ///
    /// # Errors
    /// With the first parameter that does not fit.
    pub fn fill(&self, params: &Params, rng: &Rng) -> Result<Params, ParamsError> {
        let (filled, broken) = self.walk(|parameter| {
            params.get(&parameter.name).cloned().unwrap_or_else(|| draw(parameter, rng))
        });
        broken.map_or_else(|| self.check_given(params, filled), Err)
    }

    /// The completed params, and the first tie that has no value.
    fn walk(&self, mut choose: impl FnMut(&Parameter) -> Value) -> (Params, Option<ParamsError>) {
        let mut params = Params::new();
        let mut broken = None;
        for parameter in self.order.iter().filter_map(|index| self.parameters.get(*index)) {
            if !is_active(parameter, &params) {
                continue;
            }
            let value = match &parameter.rule {
                Rule::Free { domain: Domain::Fixed(value), .. } => value.clone(),
                Rule::Free { .. } => choose(parameter),
                Rule::Tied(expression) => expression.evaluate(&params).unwrap_or_else(|source| {
                    let name = parameter.name.clone();
                    broken.get_or_insert(ParamsError::Tie { name, source });
                    Value::Null
                }),
            };
            params.insert(parameter.name.as_str(), value);
        }
        (params, broken)
    }

    fn check_given(&self, given: &Params, completed: Params) -> Result<Params, ParamsError> {
        for (name, value) in given.iter() {
            if self.get(name).is_none() {
                let known =
                    self.parameters.iter().map(|parameter| parameter.name.clone()).collect();
                return Err(ParamsError::Unknown { name: name.to_owned(), known });
            }
            match completed.get(name) {
                None => {
                    return Err(ParamsError::Surplus { name: name.to_owned() });
                }
                Some(right) if !right.same_as(value) => {
                    let (name, value) = (name.to_owned(), value.clone());
                    return Err(ParamsError::Illegal { name, value });
                }
                Some(_) => {}
            }
        }
        completed.into_iter().map(|(name, value)| self.coerced(name, value)).collect()
    }

    fn coerced(&self, name: String, value: Value) -> Result<(String, Value), ParamsError> {
        match self.get(&name).and_then(Parameter::domain) {
            None => Ok((name, value)),
            Some(domain) => match domain.coerce(&value) {
                Some(coerced) => Ok((name, coerced)),
                None => Err(ParamsError::Illegal { name, value }),
            },
        }
    }
}

fn draw(parameter: &Parameter, rng: &Rng) -> Value {
    let u = rng.branch_named(&parameter.name).open_uniform();
    parameter.quantile(u).unwrap_or(Value::Null)
}

/// Whether the condition holds and, for a tie, all of its sources have values.
fn is_active(parameter: &Parameter, params: &Params) -> bool {
    let condition = parameter.condition.as_ref().is_none_or(|condition| condition.holds(params));
    let sources = match &parameter.rule {
        Rule::Free { .. } => true,
        Rule::Tied(expression) => {
            expression.references().iter().all(|name| params.get(name).is_some())
        }
    };
    condition && sources
}

/// Kahn's algorithm, taking the first declared among those that are ready.
fn dependency_order(
    parameters: &[Parameter],
    by_name: &BTreeMap<String, usize>,
) -> Result<Vec<usize>, SpaceError> {
    let mut waiting_for = Vec::new();
    let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); parameters.len()];
    for (index, parameter) in parameters.iter().enumerate() {
        let mut sources = BTreeSet::new();
        for reference in parameter.references() {
            let Some(source) = by_name.get(reference) else {
                let (name, reference) = (parameter.name.clone(), reference.to_owned());
                return Err(SpaceError::UnknownReference { name, reference });
            };
            sources.insert(*source);
        }
        for source in &sources {
            needed_by[*source].push(index);
        }
        waiting_for.push(sources.len());
    }
    let mut ready: BTreeSet<usize> =
        (0..parameters.len()).filter(|index| waiting_for[*index] == 0).collect();
    let mut order = Vec::new();
    while let Some(index) = ready.pop_first() {
        order.push(index);
        for dependent in &needed_by[index] {
            waiting_for[*dependent] -= 1;
            if waiting_for[*dependent] == 0 {
                ready.insert(*dependent);
            }
        }
    }
    if order.len() < parameters.len() {
        let stuck =
            |(parameter, waits): (&Parameter, &usize)| (*waits > 0).then(|| parameter.name.clone());
        let names = parameters.iter().zip(&waiting_for).filter_map(stuck).collect();
        return Err(SpaceError::Cycle { names });
    }
    Ok(order)
}

#[cfg(test)]
mod tests;
