//! What is thought likely before anything is measured: a study's own priors and, where it asks for them, those that
//! are known for the hyperparameters of fine-tuning. Always mixed with a fifth of uniform, so that a wrong prior costs
//! little (Mallik et al., "PriorBand", NeurIPS 2023, mix for the same reason).
//!
//! Refuses to replace a prior that the study declares.

mod known;

use std::borrow::Cow;

use thiserror::Error;
use tunesmith_core::{Domain, Parameter, Params, Prior, Rng, Rule, SearchSpace, Value};

use crate::encoding::{Axis, Encoding, Kind};
use crate::options::{OptionKind, OptionSpec};
use known::Setting;

/// The share of uniform in the mixture.
const UNIFORM_SHARE: f64 = 0.2;

/// `prior`, which several samplers have.
pub(crate) const PRIOR_OPTION: OptionSpec = OptionSpec::new(
    "prior",
    OptionKind::Word(&["declared", "known", "none"]),
    "declared (where left out): the priors of the study; known: where a parameter has none, the one that is known for \
     its name; none: as if all values of a range were alike, to see what the priors are worth",
);

/// Why a parameter has no known prior.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KnownPriorError {
    /// Nothing is known under this name.
    #[error("no prior is known for {name}; known are {}", known.join(", "))]
    UnknownName {
        /// The name.
        name: String,
        /// The names with a known prior.
        known: Vec<&'static str>,
    },
    /// What is known has next to no mass among the legal values.
    #[error(
        "the known prior of {name} has next to no mass among these values; widen them, or leave `prior` out"
    )]
    Elsewhere {
        /// The name.
        name: String,
    },
}

/// The prior that is known for a hyperparameter `name` over a domain of a space, which says how long the trials train
/// and whether a LoRA is trained.
///
/// # Errors
/// Where none is known, or it lies elsewhere.
pub fn known_prior(
    name: &str,
    domain: &Domain,
    space: &SearchSpace,
) -> Result<Prior, KnownPriorError> {
    let setting = Setting::of(space, &Params::new());
    let name = name.to_owned();
    if !known::has_shape(&name, &setting) {
        return Err(KnownPriorError::UnknownName { name, known: known::NAMES.to_vec() });
    }
    known::prior(&name, domain, &setting).ok_or(KnownPriorError::Elsewhere { name })
}

/// The prior that says that all values of a domain are alike, whatever is known of its parameter: unlike
/// [`Prior::Uniform`], which says nothing, it is a declared one and stays.
pub fn flat_prior(domain: &Domain) -> Prior {
    match domain {
        Domain::Categorical { choices, .. } => Prior::Weights(vec![1.0; choices.len()]),
        Domain::Float { .. } | Domain::Int { .. } => Prior::Beta { a: 1.0, b: 1.0 },
        Domain::Fixed(_) => Prior::Uniform,
    }
}

/// Whether a prior tells any value from another.
fn is_flat(prior: &Prior) -> bool {
    match prior {
        Prior::Uniform => true,
        Prior::Beta { a, b } => *a == 1.0 && *b == 1.0,
        Prior::Weights(weights) => weights.iter().all(|weight| *weight == weights[0]),
        Prior::Normal { .. } | Prior::LogNormal { .. } => false,
    }
}

/// Priors over a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Belief {
    /// Those of the study.
    Declared,
    /// Those of the study, and the known one where a parameter has none of its own.
    Known,
    /// None; only unbounded ranges keep theirs, without which they have no scale.
    Flat,
}

impl Belief {
    /// By the option `prior`.
    pub(crate) fn named(word: &str) -> Self {
        match word {
            "known" => Self::Known,
            "none" => Self::Flat,
            _ => Self::Declared,
        }
    }

    /// Whether any searched parameter has a prior that is not uniform.
    pub(crate) fn is_informed(self, space: &SearchSpace) -> bool {
        let setting = Setting::of(space, &Params::new());
        self != Self::Flat
            && space.searched().any(|parameter| !is_flat(&self.prior(parameter, &setting)))
    }

    /// The prior of one parameter, given the others that it depends on.
    fn prior<'p>(self, parameter: &'p Parameter, setting: &Setting) -> Cow<'p, Prior> {
        match &parameter.rule {
            Rule::Free { domain, prior: Prior::Uniform } if self == Self::Known => {
                Cow::Owned(known::prior(&parameter.name, domain, setting).unwrap_or(Prior::Uniform))
            }
            Rule::Free { domain, .. }
                if self == Self::Flat && Prior::Uniform.validate(domain).is_ok() =>
            {
                Cow::Owned(Prior::Uniform)
            }
            Rule::Free { prior, .. } => Cow::Borrowed(prior),
            Rule::Tied(_) => Cow::Owned(Prior::Uniform),
        }
    }

    /// The logarithm of the mixture's density at coordinates, relative to uniform: never below ln 0.2.
    pub(crate) fn log_density(self, encoding: &Encoding<'_>, coordinates: &[f64]) -> f64 {
        let params = encoding.decode(coordinates);
        let setting = Setting::of(encoding.space(), &params);
        let axes = encoding.axes.iter().zip(coordinates);
        let product: f64 = axes
            .filter(|(axis, _)| params.get(&axis.parameter.name).is_some())
            .map(|(axis, at)| self.axis_density(axis, *at, &setting))
            .product();
        libm::log((1.0 - UNIFORM_SHARE) * product + UNIFORM_SHARE)
    }

    fn axis_density(self, axis: &Axis<'_>, coordinate: f64, setting: &Setting) -> f64 {
        let prior = self.prior(axis.parameter, setting);
        let Some(domain) = axis.parameter.domain() else { return 1.0 };
        let unit = match axis.kind {
            Kind::Categorical(count) => (coordinate + 0.5) / count as f64,
            Kind::Continuous | Kind::Lattice(_) => coordinate,
        };
        prior.density(domain, unit)
    }

    /// A draw from the mixture.
    pub(crate) fn draw(self, space: &SearchSpace, rng: &Rng) -> Params {
        if rng.branch_named("uniform or prior").uniform() < UNIFORM_SHARE {
            return space.complete(|parameter| {
                let u = rng.branch_named(&parameter.name).open_uniform();
                uniform_value(parameter, u)
            });
        }
        self.draw_prior(space, rng)
    }

    /// A draw from the priors alone.
    pub(crate) fn draw_prior(self, space: &SearchSpace, rng: &Rng) -> Params {
        self.complete(space, |parameter| rng.branch_named(&parameter.name).open_uniform())
    }

    /// The default that is shipped: for each parameter the known one, else the middle of its prior.
    pub(crate) fn default_point(self, space: &SearchSpace) -> Params {
        let mut params = self.complete(space, |_| 0.5);
        // Again, now that what a default depends on stands in the params.
        for _ in 0..2 {
            let setting = Setting::of(space, &params);
            params = space.complete(|parameter| self.default_value(parameter, &setting));
        }
        params
    }

    fn default_value(self, parameter: &Parameter, setting: &Setting) -> Value {
        let Rule::Free { domain, prior } = &parameter.rule else { return Value::Null };
        let shipped = || known::default(&parameter.name, setting);
        if let (Self::Known, Prior::Uniform, Some(default)) = (self, prior, shipped()) {
            return known::nearest(parameter, domain, &default);
        }
        let flat = (self == Self::Flat).then(|| self.prior(parameter, setting));
        let prior = flat.as_deref().unwrap_or(prior);
        match (domain, prior) {
            (Domain::Categorical { choices, .. }, Prior::Weights(weights)) => {
                let heaviest =
                    (0..weights.len()).rev().max_by(|a, b| weights[*a].total_cmp(&weights[*b]));
                heaviest.and_then(|index| choices.get(index)).cloned().unwrap_or(Value::Null)
            }
            // Lists are written with the usual first.
            (Domain::Categorical { choices, ordered: false }, _) => {
                choices.first().cloned().unwrap_or(Value::Null)
            }
            _ => prior.quantile(domain, 0.5),
        }
    }

    /// Completes params with quantiles at `share`, a function of the parameter: those that others' priors depend on
    /// are worked out first.
    pub(crate) fn complete(self, space: &SearchSpace, share: impl Fn(&Parameter) -> f64) -> Params {
        let value = |parameter: &Parameter, setting: &Setting| match parameter.domain() {
            Some(domain) => self.prior(parameter, setting).quantile(domain, share(parameter)),
            None => Value::Null,
        };
        let rough = Setting::of(space, &Params::new());
        let first = space.complete(|parameter| value(parameter, &rough));
        let setting = Setting::of(space, &first);
        space.complete(|parameter| value(parameter, &setting))
    }
}

/// The value at a share of the domain's own scale; of the declared prior where the range is unbounded.
pub(crate) fn uniform_value(parameter: &Parameter, share: f64) -> Value {
    parameter.from_unit(share).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests;
