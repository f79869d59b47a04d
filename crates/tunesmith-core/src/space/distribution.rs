//! W&B's named distributions, mapped exactly on a domain and a prior. Facts from `sweeps` 0.3.0, `params.py`.
//!
//! Refuses to parse: the study file's reader fills these in. W&B's `inv_log_uniform` draws `1/x` log-uniformly, and
//! mirrors its share as well, so it is the log-uniform of the inverted bounds, value for value.

use thiserror::Error;

use super::domain::{Domain, DomainError, Scale, Step};
use super::prior::Prior;
use crate::value::Value;

/// A bound as it was written, since W&B draws whole numbers where both are whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// Written as a whole number.
    Whole(i64),
    /// Written with a point or an exponent.
    Real(f64),
}

/// W&B's `q`; a whole one makes the values whole.
pub type Quantum = Bound;

impl Bound {
    /// As a real number.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Whole(whole) => whole as f64,
            Self::Real(real) => real,
        }
    }

    fn step(self) -> Step {
        match self {
            Self::Whole(whole) => Step::WholeMultiple(whole),
            Self::Real(real) => Step::Multiple(real),
        }
    }
}

/// One of W&B's distributions. Where `q` is left out in the file, W&B takes 1.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields are W&B's own names, explained at each variant")]
pub enum Distribution {
    /// `constant`
    Constant { value: Value },
    /// `categorical`
    Categorical { values: Vec<Value> },
    /// `categorical_w_probabilities`
    CategoricalWithProbabilities { values: Vec<Value>, probabilities: Vec<f64> },
    /// `int_uniform`, both ends included.
    IntUniform { min: i64, max: i64 },
    /// `uniform`
    Uniform { min: f64, max: f64 },
    /// `q_uniform`
    QUniform { min: f64, max: f64, q: Quantum },
    /// `log_uniform`; `min` and `max` are exponents of e.
    LogUniform { min: f64, max: f64 },
    /// `log_uniform_values`
    LogUniformValues { min: f64, max: f64 },
    /// `inv_log_uniform`; `min` and `max` are exponents of e of the inverse.
    InvLogUniform { min: f64, max: f64 },
    /// `inv_log_uniform_values`
    InvLogUniformValues { min: f64, max: f64 },
    /// `q_log_uniform`; `min` and `max` are exponents of e.
    QLogUniform { min: f64, max: f64, q: Quantum },
    /// `q_log_uniform_values`
    QLogUniformValues { min: f64, max: f64, q: Quantum },
    /// `normal`
    Normal { mu: f64, sigma: f64 },
    /// `q_normal`
    QNormal { mu: f64, sigma: f64, q: Quantum },
    /// `log_normal`; `mu` and `sigma` are of the natural logarithm.
    LogNormal { mu: f64, sigma: f64 },
    /// `q_log_normal`
    QLogNormal { mu: f64, sigma: f64, q: Quantum },
    /// `beta`, on 0 to 1.
    Beta { a: f64, b: f64 },
    /// `q_beta`
    QBeta { a: f64, b: f64, q: Quantum },
}

/// Why a distribution is impossible.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum DistributionError {
    /// As a domain or a prior.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// Probabilities that do not sum to 1, as W&B asks.
    #[error("the probabilities sum to {sum}, not to 1; correct them")]
    ProbabilitySum {
        /// Their sum.
        sum: f64,
    },
    /// Exponents that look like values.
    #[error(
        "the bounds {min} and {max} are exponents of e here, which gives an impossible range; \
         use the distribution whose name ends in `_values`"
    )]
    ExponentRange {
        /// The lower exponent.
        min: f64,
        /// The upper exponent.
        max: f64,
    },
}

impl Distribution {
    /// What `{min, max}` without a distribution means: whole numbers where both are whole.
    pub fn of_bounds(min: Bound, max: Bound) -> Self {
        match (min, max) {
            (Bound::Whole(min), Bound::Whole(max)) => Self::IntUniform { min, max },
            _ => Self::Uniform { min: min.as_f64(), max: max.as_f64() },
        }
    }

    /// The domain and the prior whose draws have this distribution.
    ///
    /// # Errors
    /// Where it is impossible: `min` not below `max`, a log of 0, probabilities that do not sum to 1, …
    pub fn resolve(&self) -> Result<(Domain, Prior), DistributionError> {
        let (domain, prior) = self.mapped()?;
        domain.validate()?;
        prior.validate(&domain)?;
        Ok((domain, prior))
    }

    fn mapped(&self) -> Result<(Domain, Prior), DistributionError> {
        let domain = match self {
            Self::Constant { value } => Domain::Fixed(value.clone()),
            Self::Categorical { values } => Domain::categorical(values.iter().cloned()),
            Self::CategoricalWithProbabilities { values, probabilities } => {
                let sum: f64 = probabilities.iter().sum();
                if (sum - 1.0).abs() > 1e-6 {
                    return Err(DistributionError::ProbabilitySum { sum });
                }
                let domain = Domain::categorical(values.iter().cloned());
                return Ok((domain, Prior::Weights(probabilities.clone())));
            }
            Self::IntUniform { min, max } => Domain::int(*min, *max),
            Self::Uniform { min, max } => Domain::float(*min, *max),
            Self::QUniform { min, max, q } => range(*min, *max, Scale::Linear, Some(*q)),
            Self::LogUniform { min, max } => exponents(*min, *max, None)?,
            Self::InvLogUniform { min, max } => exponents(-*max, -*min, None)?,
            Self::QLogUniform { min, max, q } => exponents(*min, *max, Some(*q))?,
            Self::LogUniformValues { min, max } | Self::InvLogUniformValues { min, max } => {
                Domain::log_float(*min, *max)
            }
            Self::QLogUniformValues { min, max, q } => range(*min, *max, Scale::Log, Some(*q)),
            _ => return Ok(self.shaped()),
        };
        Ok((domain, Prior::Uniform))
    }

    fn shaped(&self) -> (Domain, Prior) {
        let all = (f64::NEG_INFINITY, f64::INFINITY);
        let ((low, high), q, prior) = match *self {
            Self::Normal { mu, sigma } => (all, None, Prior::Normal { mu, sigma }),
            Self::QNormal { mu, sigma, q } => (all, Some(q), Prior::Normal { mu, sigma }),
            Self::LogNormal { mu, sigma } => {
                ((0.0, f64::INFINITY), None, Prior::LogNormal { mu, sigma })
            }
            Self::QLogNormal { mu, sigma, q } => {
                ((0.0, f64::INFINITY), Some(q), Prior::LogNormal { mu, sigma })
            }
            Self::Beta { a, b } => ((0.0, 1.0), None, Prior::Beta { a, b }),
            Self::QBeta { a, b, q } => ((0.0, 1.0), Some(q), Prior::Beta { a, b }),
            _ => (all, None, Prior::Uniform),
        };
        (range(low, high, Scale::Linear, q), prior)
    }
}

fn range(low: f64, high: f64, scale: Scale, q: Option<Quantum>) -> Domain {
    Domain::Float { low, high, scale, step: q.map(Bound::step) }
}

fn exponents(min: f64, max: f64, q: Option<Quantum>) -> Result<Domain, DistributionError> {
    let (low, high) = (libm::exp(min), libm::exp(max));
    if min < max && !(low > 0.0 && high.is_finite() && low < high) {
        return Err(DistributionError::ExponentRange { min, max });
    }
    Ok(range(low, high, Scale::Log, q))
}

#[cfg(test)]
mod tests;
