//! The legal values of one parameter.
//!
//! Refuses to say how likely they are: that is the [`Prior`](crate::Prior)'s business.

use thiserror::Error;

use crate::value::Value;

/// The most points of one parameter that a grid may have.
pub const MOST_GRID_POINTS: u64 = 100_000;

/// How a numeric range is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences are equal steps.
    Linear,
    /// Equal ratios are equal steps.
    Log,
}

/// The lattice on which a real range lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// `low + k * step`, as Optuna has it.
    FromLow(f64),
    /// `round(x / q) * q` of a real `x` in the range, as W&B's quantised distributions have it. The result may lie
    /// up to `q / 2` outside of the range.
    Multiple(f64),
    /// As `Multiple`, with whole numbers as values: W&B's meaning of a whole `q`.
    WholeMultiple(i64),
}

/// The legal values of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Domain {
    /// Real numbers from `low` to `high`, both included. Either may be infinite under a prior that reaches there.
    Float {
        /// The least.
        low: f64,
        /// The greatest.
        high: f64,
        /// How it is measured.
        scale: Scale,
        /// The lattice, where it is not continuous.
        step: Option<Step>,
    },
    /// The whole numbers `low`, `low + step`, … up to `high`.
    Int {
        /// The least.
        low: i64,
        /// The greatest.
        high: i64,
        /// How it is measured.
        scale: Scale,
        /// The distance of neighbours; 1 on a log scale.
        step: i64,
    },
    /// One of a list.
    Categorical {
        /// The list.
        choices: Vec<Value>,
        /// Whether neighbours in the list are alike.
        ordered: bool,
    },
    /// One value.
    Fixed(Value),
}

/// Why a domain, or a prior on it, is impossible.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum DomainError {
    /// No room between the bounds.
    #[error(
        "the minimum {low} is not below the maximum {high}; give a range with room, or one `value`"
    )]
    EmptyRange {
        /// The least.
        low: f64,
        /// The greatest.
        high: f64,
    },
    /// A bound is NaN, or infinite without a prior that reaches there.
    #[error(
        "the range {low} to {high} is not finite; give both bounds, or a normal or log-normal prior"
    )]
    Unbounded {
        /// The least.
        low: f64,
        /// The greatest.
        high: f64,
    },
    /// A log scale that reaches 0.
    #[error("a log scale needs a minimum above 0, not {low}")]
    LogOfNonPositive {
        /// The least.
        low: f64,
    },
    /// A step of 0 or less.
    #[error("the step {step} is not a finite number above 0")]
    StepNotPositive {
        /// The step.
        step: f64,
    },
    /// A step from the low end on a log scale.
    #[error(
        "steps of equal size do not go with a log scale; leave the step out, or quantise with `q`"
    )]
    StepOnLogScale,
    /// No values.
    #[error("there is nothing to choose from; list at least one value")]
    NoChoices,
    /// A value that appears twice.
    #[error("the value {value} is listed twice; leave one out, or weight it")]
    RepeatedChoice {
        /// The value.
        value: Value,
    },
    /// NaN or an infinity among the values.
    #[error("the value {value} is not finite")]
    NotFinite {
        /// The value.
        value: Value,
    },
    /// Weights that do not pair with choices.
    #[error("{weights} probabilities do not pair with {choices} values; give one for each")]
    WeightCount {
        /// How many weights.
        weights: usize,
        /// How many choices.
        choices: usize,
    },
    /// A weight below 0, or none above.
    #[error("probabilities must be finite, not below 0, and not all 0")]
    BadWeights,
    /// A prior of the wrong kind.
    #[error("a {prior} prior does not go with a {domain} parameter")]
    PriorMismatch {
        /// Its kind.
        prior: &'static str,
        /// The domain's kind.
        domain: &'static str,
    },
    /// A prior with an impossible shape.
    #[error("the prior's {name} is {value}; it must be a finite number{}", if *positive { " above 0" } else { "" })]
    BadPrior {
        /// Which of its numbers.
        name: &'static str,
        /// The number.
        value: f64,
        /// Whether it must be above 0.
        positive: bool,
    },
    /// A prior without mass in the range.
    #[error("the prior has no mass between {low} and {high}; widen the range or move the prior")]
    PriorMissesRange {
        /// The least.
        low: f64,
        /// The greatest.
        high: f64,
    },
}

/// Why a domain has no list of grid points.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum GridError {
    /// A continuum.
    #[error("has infinitely many values; list `values`, or give whole bounds or a step `q`")]
    Continuous,
    /// A list too long.
    #[error("has {points} values, more than {MOST_GRID_POINTS}; give a wider step")]
    TooMany {
        /// How many it would be.
        points: u64,
    },
}

impl Domain {
    /// A linear range of reals.
    pub fn float(low: f64, high: f64) -> Self {
        Self::Float { low, high, scale: Scale::Linear, step: None }
    }

    /// A log range of reals.
    pub fn log_float(low: f64, high: f64) -> Self {
        Self::Float { low, high, scale: Scale::Log, step: None }
    }

    /// A linear range of whole numbers with step 1.
    pub fn int(low: i64, high: i64) -> Self {
        Self::Int { low, high, scale: Scale::Linear, step: 1 }
    }

    /// An unordered choice.
    pub fn categorical<V: Into<Value>>(choices: impl IntoIterator<Item = V>) -> Self {
        Self::Categorical { choices: choices.into_iter().map(Into::into).collect(), ordered: false }
    }

    /// `float`, `int`, `categorical` or `fixed`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Float { .. } => "float",
            Self::Int { .. } => "int",
            Self::Categorical { .. } => "categorical",
            Self::Fixed(_) => "fixed",
        }
    }

    /// The value in the domain's own type where it is legal, `None` where it is not: `2` is `2.0` for reals and `2.0`
    /// is `2` for whole numbers.
    pub fn coerce(&self, value: &Value) -> Option<Value> {
        match self {
            Self::Float { low, high, step, .. } => coerce_real(value, *low, *high, *step),
            Self::Int { low, high, step, .. } => {
                let whole = value.as_i64()?;
                let inside = (*low..=*high).contains(&whole);
                let offset = i128::from(whole) - i128::from(*low);
                (inside && offset % i128::from((*step).max(1)) == 0).then_some(Value::Int(whole))
            }
            Self::Categorical { choices, .. } => {
                choices.iter().find(|choice| choice.same_as(value)).cloned()
            }
            Self::Fixed(fixed) => fixed.same_as(value).then(|| fixed.clone()),
        }
    }

    /// Whether the value is legal.
    pub fn contains(&self, value: &Value) -> bool {
        self.coerce(value).is_some()
    }

    /// Every value in order, as W&B's grid takes them: both ends of a whole range; of a range quantised by `q`,
    /// `low + k * q` below `high` (NumPy's `arange`).
    ///
    /// # Errors
    /// Where there are infinitely many, or more than [`MOST_GRID_POINTS`].
    pub fn grid_points(&self) -> Result<Vec<Value>, GridError> {
        match self {
            Self::Fixed(value) => Ok(vec![value.clone()]),
            Self::Categorical { choices, .. } => Ok(choices.clone()),
            Self::Int { low, high, step, .. } => {
                let points = self.cardinality().unwrap_or(u64::MAX);
                limit_points(points)?;
                debug_assert!(low <= high && *step > 0, "validated");
                Ok((0..points as i64).map(|index| Value::Int(low + index * step)).collect())
            }
            Self::Float { low, high, step: Some(step), .. } => real_grid(*low, *high, *step),
            Self::Float { step: None, .. } => Err(GridError::Continuous),
        }
    }

    /// How many values there are; `None` for a continuum.
    pub fn cardinality(&self) -> Option<u64> {
        match self {
            Self::Fixed(_) => Some(1),
            Self::Categorical { choices, .. } => Some(choices.len() as u64),
            Self::Int { low, high, step, .. } => {
                let room = i128::from(*high) - i128::from(*low);
                u64::try_from(room / i128::from((*step).max(1)) + 1).ok()
            }
            Self::Float { low, high, step: Some(Step::FromLow(step)), .. } => {
                Some(steps_between(*low, *high, *step).saturating_add(1))
            }
            Self::Float { low, high, step: Some(step), .. } => {
                let quantum = step.size();
                let first = (low / quantum).round_ties_even();
                let last = (high / quantum).round_ties_even();
                let count = last - first + 1.0;
                count.is_finite().then_some(count as u64)
            }
            Self::Float { step: None, .. } => None,
        }
    }

    /// Checks the domain alone; [`Prior::validate`](crate::Prior::validate) checks the pair.
    ///
    /// # Errors
    /// Where it has no values or contradicts itself.
    pub fn validate(&self) -> Result<(), DomainError> {
        match self {
            Self::Float { low, high, scale, step } => validate_real(*low, *high, *scale, *step),
            Self::Int { low, high, scale, step } => {
                validate_bounds(*low as f64, *high as f64, low < high, *scale)?;
                if *step <= 0 {
                    return Err(DomainError::StepNotPositive { step: *step as f64 });
                }
                if *step != 1 && *scale == Scale::Log {
                    return Err(DomainError::StepOnLogScale);
                }
                Ok(())
            }
            Self::Categorical { choices, .. } => validate_choices(choices),
            Self::Fixed(value) => finite(value),
        }
    }
}

impl Step {
    /// The distance of neighbours.
    pub fn size(self) -> f64 {
        match self {
            Self::FromLow(size) | Self::Multiple(size) => size,
            Self::WholeMultiple(size) => size as f64,
        }
    }
}

/// How many whole steps fit, forgiving rounding as Optuna does: 0 to 1 by 0.1 has ten.
pub(super) fn steps_between(low: f64, high: f64, step: f64) -> u64 {
    ((high - low) / step + 1e-8).floor() as u64
}

/// The multiple of `quantum` next to a real; the real itself where it is so large that multiples run together.
pub(super) fn quantise(real: f64, quantum: f64) -> f64 {
    // Below 2^50 multiples, dividing again gives the same multiple.
    const MOST_MULTIPLES: f64 = 1_125_899_906_842_624.0;
    let multiples = real / quantum;
    if multiples.abs() >= MOST_MULTIPLES {
        return real;
    }
    let nearest = multiples.round_ties_even() * quantum;
    // At the end of the numbers the multiple beyond may be none.
    if nearest.is_finite() { nearest } else { multiples.trunc() * quantum }
}

fn coerce_real(value: &Value, low: f64, high: f64, step: Option<Step>) -> Option<Value> {
    let real = value.as_f64()?;
    let on_range = |index: f64, size: f64| real == low + index * size;
    let legal = match step {
        None => (low..=high).contains(&real),
        Some(Step::FromLow(size)) => {
            let index = ((real - low) / size).round();
            (0.0..=steps_between(low, high, size) as f64).contains(&index)
                && (real - (low + index * size)).abs() <= 1e-8 * size
        }
        Some(step) => {
            let size = step.size();
            let drawn = quantise(real, size) == real
                && (quantise(low, size)..=quantise(high, size)).contains(&real);
            // W&B's grid counts from the minimum, which need not be a multiple.
            let in_grid =
                real < high && real >= low && on_range(((real - low) / size).round(), size);
            drawn || in_grid
        }
    };
    if !legal {
        return None;
    }
    match (step, value.as_i64()) {
        (Some(Step::WholeMultiple(_)), Some(whole)) => Some(Value::Int(whole)),
        _ => Some(Value::Float(real)),
    }
}

fn limit_points(points: u64) -> Result<(), GridError> {
    if points > MOST_GRID_POINTS {
        return Err(GridError::TooMany { points });
    }
    Ok(())
}

fn real_grid(low: f64, high: f64, step: Step) -> Result<Vec<Value>, GridError> {
    let size = step.size();
    let points = match step {
        Step::FromLow(_) => steps_between(low, high, size).saturating_add(1),
        // numpy.arange: ceil((stop - start) / step) points.
        _ => ((high - low) / size).ceil() as u64,
    };
    limit_points(points)?;
    let point = |index: u64| {
        let real = low + index as f64 * size;
        let value = Value::Float(real);
        match (step, value.as_i64()) {
            (Step::WholeMultiple(_), Some(whole)) => Value::Int(whole),
            _ => value,
        }
    };
    Ok((0..points).map(point).collect())
}

fn validate_bounds(low: f64, high: f64, has_room: bool, scale: Scale) -> Result<(), DomainError> {
    if low.is_nan() || high.is_nan() {
        return Err(DomainError::Unbounded { low, high });
    }
    if !has_room {
        return Err(DomainError::EmptyRange { low, high });
    }
    if scale == Scale::Log && low <= 0.0 {
        return Err(DomainError::LogOfNonPositive { low });
    }
    Ok(())
}

fn validate_real(low: f64, high: f64, scale: Scale, step: Option<Step>) -> Result<(), DomainError> {
    validate_bounds(low, high, low < high, scale)?;
    if low.is_finite() && high.is_finite() && !(high - low).is_finite() {
        return Err(DomainError::Unbounded { low, high });
    }
    let Some(step) = step else { return Ok(()) };
    let size = step.size();
    if !(size.is_finite() && size > 0.0) {
        return Err(DomainError::StepNotPositive { step: size });
    }
    if matches!(step, Step::FromLow(_)) {
        if scale == Scale::Log {
            return Err(DomainError::StepOnLogScale);
        }
        if !(high - low).is_finite() {
            return Err(DomainError::Unbounded { low, high });
        }
    }
    Ok(())
}

fn validate_choices(choices: &[Value]) -> Result<(), DomainError> {
    if choices.is_empty() {
        return Err(DomainError::NoChoices);
    }
    let mut seen = std::collections::BTreeSet::new();
    for choice in choices {
        finite(choice)?;
        if !seen.insert(choice.canonical()) {
            return Err(DomainError::RepeatedChoice { value: choice.clone() });
        }
    }
    Ok(())
}

fn finite(value: &Value) -> Result<(), DomainError> {
    if value.is_finite() {
        return Ok(());
    }
    Err(DomainError::NotFinite { value: value.clone() })
}

#[cfg(test)]
mod tests;
