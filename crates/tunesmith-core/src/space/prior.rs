//! How likely the values of a domain are before anything is measured, and the maps between a domain and the unit
//! interval.
//!
//! Refuses to draw: it maps a given share of the mass to a value.

use super::domain::{Domain, DomainError, Scale, Step, quantise, steps_between};
use crate::probability::{TruncatedNormal, beta_density, beta_quantile};
use crate::value::Value;

/// How likely the values of a domain are. Cut to the domain's bounds.
#[derive(Debug, Clone, PartialEq)]
pub enum Prior {
    /// All alike on the domain's scale.
    Uniform,
    /// The value is normal.
    Normal {
        /// Mean.
        mu: f64,
        /// Standard deviation.
        sigma: f64,
    },
    /// The natural logarithm of the value is normal.
    LogNormal {
        /// Mean of the logarithm.
        mu: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// The position in the range, measured on its scale, has a beta distribution.
    Beta {
        /// First shape.
        a: f64,
        /// Second shape.
        b: f64,
    },
    /// One weight for each choice; they need not sum to 1.
    Weights(Vec<f64>),
}

impl Prior {
    /// `uniform`, `normal`, `log-normal`, `beta` or `weights`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Normal { .. } => "normal",
            Self::LogNormal { .. } => "log-normal",
            Self::Beta { .. } => "beta",
            Self::Weights(_) => "weights",
        }
    }

    /// Checks that the prior goes with `domain`, which is itself valid.
    ///
    /// # Errors
    /// Where it does not, or has no mass there.
    pub fn validate(&self, domain: &Domain) -> Result<(), DomainError> {
        let mismatch = DomainError::PriorMismatch { prior: self.kind(), domain: domain.kind() };
        match (self, domain) {
            (Self::Weights(weights), Domain::Categorical { choices, .. }) => {
                validate_weights(weights, choices.len())
            }
            (Self::Uniform, Domain::Categorical { .. } | Domain::Fixed(_)) => Ok(()),
            (Self::Weights(_), _) | (_, Domain::Categorical { .. } | Domain::Fixed(_)) => {
                Err(mismatch)
            }
            (_, Domain::Float { .. } | Domain::Int { .. }) => self.validate_shape(domain),
        }
    }

    fn validate_shape(&self, domain: &Domain) -> Result<(), DomainError> {
        match self {
            Self::Uniform | Self::Weights(_) => {}
            Self::Normal { mu, sigma } | Self::LogNormal { mu, sigma } => {
                shape("mu", *mu, false)?;
                shape("sigma", *sigma, true)?;
            }
            Self::Beta { a, b } => {
                shape("a", *a, true)?;
                shape("b", *b, true)?;
            }
        }
        let Some(range) = Range::of(domain) else {
            return Ok(());
        };
        let Range { low, high, .. } = range;
        let normal = matches!(self, Self::Normal { .. } | Self::LogNormal { .. });
        if !(normal || range.is_bounded()) {
            return Err(DomainError::Unbounded { low, high });
        }
        if normal && range.truncated(self).is_none() {
            return Err(DomainError::PriorMissesRange { low, high });
        }
        Ok(())
    }

    /// The value of `domain` at share `u` in `[0, 1)` of the prior's mass: with `u` uniform, a draw. In W&B's terms
    /// the `ppf`. Domain and prior are valid.
    pub fn quantile(&self, domain: &Domain, u: f64) -> Value {
        let u = if u.is_nan() { 0.5 } else { u.clamp(0.0, 1.0) };
        match domain {
            Domain::Fixed(value) => value.clone(),
            Domain::Categorical { choices, .. } => self.choose(choices, u),
            Domain::Float { .. } | Domain::Int { .. } => match Range::of(domain) {
                Some(range) => range.snap(range.quantile(self, u)),
                None => Value::Null,
            },
        }
    }

    /// The position of a legal value in `[0, 1]`: measured on the domain's scale, and for an unbounded range by the
    /// prior's distribution function. `None` where the value is not legal. Inverse of [`Prior::from_unit`].
    pub fn to_unit(&self, domain: &Domain, value: &Value) -> Option<f64> {
        let value = domain.coerce(value)?;
        match domain {
            Domain::Fixed(_) => Some(0.5),
            Domain::Categorical { choices, .. } => {
                let index = choices.iter().position(|choice| choice.same_as(&value))?;
                Some((index as f64 + 0.5) / choices.len() as f64)
            }
            Domain::Float { .. } | Domain::Int { .. } => {
                let (range, real) = (Range::of(domain)?, value.as_f64()?);
                if range.is_bounded() {
                    return Some(range.position(real));
                }
                range.truncated(self).map(|normal| normal.cdf(normal_coordinate(self, real)))
            }
        }
    }

    /// The value at position `unit` in `[0, 1]`; inverse of [`Prior::to_unit`] up to the domain's lattice.
    pub fn from_unit(&self, domain: &Domain, unit: f64) -> Value {
        let bounded = Range::of(domain).is_none_or(|range| range.is_bounded());
        if bounded { Self::Uniform.quantile(domain, unit) } else { self.quantile(domain, unit) }
    }

    /// The density at position `unit` of [`Prior::to_unit`], where 1 is the uniform one: how many times likelier than
    /// under a uniform prior a value is. For a choice, its probability times their number.
    pub fn density(&self, domain: &Domain, unit: f64) -> f64 {
        let unit = if unit.is_nan() { 0.5 } else { unit.clamp(0.0, 1.0) };
        match (self, Range::of(domain)) {
            (Self::Weights(weights), _) => {
                let count = weights.len();
                let index = ((unit * count as f64) as usize).min(count.saturating_sub(1));
                let sum: f64 = weights.iter().sum();
                weights.get(index).map_or(0.0, |weight| weight / sum * count as f64)
            }
            (_, Some(range)) if range.is_bounded() => range.density(self, unit),
            _ => 1.0,
        }
    }

    fn choose(&self, choices: &[Value], u: f64) -> Value {
        let last = choices.len().saturating_sub(1);
        let index = match self {
            Self::Weights(weights) => {
                let target = u * weights.iter().sum::<f64>();
                let mut sum = 0.0;
                let below = |weight: &f64| {
                    sum += weight;
                    sum > target
                };
                let heaviest = || weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(last);
                weights.iter().position(below).unwrap_or_else(heaviest)
            }
            _ => (u * choices.len() as f64) as usize,
        };
        choices.get(index.min(last)).cloned().unwrap_or(Value::Null)
    }
}

fn shape(name: &'static str, value: f64, positive: bool) -> Result<(), DomainError> {
    if value.is_finite() && (!positive || value > 0.0) {
        return Ok(());
    }
    Err(DomainError::BadPrior { name, value, positive })
}

fn validate_weights(weights: &[f64], choices: usize) -> Result<(), DomainError> {
    if weights.len() != choices {
        return Err(DomainError::WeightCount { weights: weights.len(), choices });
    }
    let legal = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
    let some = weights.iter().sum::<f64>();
    if !(legal && some.is_finite() && some > 0.0) {
        return Err(DomainError::BadWeights);
    }
    Ok(())
}

/// Where a real lies on the axis on which the prior is normal.
fn normal_coordinate(prior: &Prior, real: f64) -> f64 {
    match prior {
        Prior::LogNormal { .. } if real > 0.0 => libm::log(real),
        Prior::LogNormal { .. } => f64::NEG_INFINITY,
        _ => real,
    }
}

/// A numeric domain as an interval of reals, widened by half a step where it is a lattice that counts from its low
/// end, so that every point has an equal cell (as Optuna has it).
struct Range<'a> {
    domain: &'a Domain,
    low: f64,
    high: f64,
    scale: Scale,
}

impl<'a> Range<'a> {
    fn of(domain: &'a Domain) -> Option<Self> {
        match domain {
            Domain::Float { low, high, scale, step } => {
                let (low, high) = match step {
                    Some(Step::FromLow(size)) => {
                        let last = low + steps_between(*low, *high, *size) as f64 * size;
                        (low - 0.5 * size, last + 0.5 * size)
                    }
                    _ => (*low, *high),
                };
                Some(Self { domain, low, high, scale: *scale })
            }
            Domain::Int { low, high, scale, step } => {
                let half = 0.5 * *step as f64;
                let room = i128::from(*high) - i128::from(*low);
                let last = i128::from(*high) - room.rem_euclid(i128::from((*step).max(1)));
                Some(Self {
                    domain,
                    low: *low as f64 - half,
                    high: last as f64 + half,
                    scale: *scale,
                })
            }
            Domain::Categorical { .. } | Domain::Fixed(_) => None,
        }
    }

    fn is_bounded(&self) -> bool {
        self.low.is_finite() && self.high.is_finite()
    }

    fn ends(&self) -> (f64, f64) {
        match self.scale {
            Scale::Linear => (self.low, self.high),
            Scale::Log => (libm::log(self.low), libm::log(self.high)),
        }
    }

    fn position(&self, real: f64) -> f64 {
        let (low, high) = self.ends();
        let at = if self.scale == Scale::Log { libm::log(real) } else { real };
        ((at - low) / (high - low)).clamp(0.0, 1.0)
    }

    fn at_position(&self, unit: f64) -> f64 {
        let (low, high) = self.ends();
        let at = low + unit * (high - low);
        let real = if self.scale == Scale::Log { libm::exp(at) } else { at };
        real.clamp(self.low, self.high)
    }

    fn density(&self, prior: &Prior, unit: f64) -> f64 {
        let (low, high) = self.ends();
        let real = self.at_position(unit);
        // How fast the prior's own coordinate moves along the unit interval.
        let slope = match (prior, self.scale) {
            (Prior::Beta { a, b }, _) => return beta_density(*a, *b, unit),
            (Prior::Normal { .. }, Scale::Linear) | (Prior::LogNormal { .. }, Scale::Log) => {
                high - low
            }
            (Prior::Normal { .. }, Scale::Log) => real * (high - low),
            (Prior::LogNormal { .. }, Scale::Linear) if real > 0.0 => (high - low) / real,
            (Prior::LogNormal { .. }, Scale::Linear) => return 0.0,
            (Prior::Uniform | Prior::Weights(_), _) => return 1.0,
        };
        let normal = self.truncated(prior);
        normal.map_or(1.0, |normal| normal.density(normal_coordinate(prior, real)) * slope)
    }

    fn truncated(&self, prior: &Prior) -> Option<TruncatedNormal> {
        let (Prior::Normal { mu, sigma } | Prior::LogNormal { mu, sigma }) = prior else {
            return None;
        };
        let low = normal_coordinate(prior, self.low);
        TruncatedNormal::new(*mu, *sigma, low, normal_coordinate(prior, self.high))
    }

    fn quantile(&self, prior: &Prior, u: f64) -> f64 {
        match prior {
            Prior::Uniform | Prior::Weights(_) => self.at_position(u),
            Prior::Beta { a, b } => self.at_position(beta_quantile(*a, *b, u)),
            Prior::Normal { .. } | Prior::LogNormal { .. } => {
                let Some(normal) = self.truncated(prior) else {
                    return self.at_position(u);
                };
                let at = normal.quantile(u);
                let real =
                    if matches!(prior, Prior::LogNormal { .. }) { libm::exp(at) } else { at };
                // An end of an unbounded range (u of 0 or 1) is infinite; the greatest number stands for it.
                real.clamp(self.low.max(f64::MIN), self.high.min(f64::MAX))
            }
        }
    }

    /// The legal value nearest to a real of the range.
    fn snap(&self, real: f64) -> Value {
        match self.domain {
            Domain::Int { low, high, step, .. } => {
                let most = (i128::from(*high) - i128::from(*low)) / i128::from((*step).max(1));
                let index = (((real - *low as f64) / *step as f64).round() as i128).clamp(0, most);
                Value::Int((i128::from(*low) + index * i128::from(*step)) as i64)
            }
            Domain::Float { low, high, step, .. } => match step {
                None => Value::Float(real.clamp(*low, *high)),
                Some(Step::FromLow(size)) => {
                    let most = steps_between(*low, *high, *size) as f64;
                    let index = ((real - low) / size).round().clamp(0.0, most);
                    Value::Float((low + index * size).min(*high))
                }
                Some(Step::Multiple(size)) => Value::Float(quantise(real, *size)),
                Some(Step::WholeMultiple(size)) => {
                    let value = Value::Float(quantise(real, *size as f64));
                    value.as_i64().map_or(value, Value::Int)
                }
            },
            Domain::Categorical { .. } | Domain::Fixed(_) => Value::Null,
        }
    }
}

#[cfg(test)]
mod tests;
