//! One parameter as the Parzen estimator sees it: the coordinate on which its kernels are normal, its lattice, and the
//! prior's place in the mixture.
//!
//! After optuna 5.0.0 `_tpe/parzen_estimator.py`: a log scale is taken as its logarithm, a lattice is widened by half
//! a step at either end. Refuses parameters with a single value: there is nothing to model.

use tunesmith_core::{Domain, Parameter, Prior, Rule, Scale, Step, Value};

/// How many of the prior's deviations an unbounded side of a range is given.
const REACH: f64 = 3.0;

/// A parameter with more than one value.
#[derive(Debug, Clone)]
pub(super) struct Dimension<'a> {
    pub(super) parameter: &'a Parameter,
    pub(super) kind: Kind,
}

/// How its values lie.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// Numbers, or an ordered choice by its index.
    Range(Range),
    /// Unordered choices with their prior probabilities.
    Choice(Vec<f64>),
}

/// An interval of reals. The coordinate is the real, or its logarithm.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    /// The ends of the coordinate; infinite where there is none.
    pub(super) low: f64,
    pub(super) high: f64,
    is_log: bool,
    pub(super) lattice: Option<Lattice>,
    /// The ends between which bandwidths are measured: `low` and `high` where they are finite.
    pub(super) floor: f64,
    pub(super) ceiling: f64,
    /// The prior's component.
    pub(super) prior_mu: f64,
    pub(super) prior_sigma: f64,
}

/// Equally spaced reals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lattice {
    first: f64,
    last: f64,
    step: f64,
}

impl<'a> Dimension<'a> {
    /// `None` for a parameter with a single value, and for one that is not searched.
    pub(super) fn of(parameter: &'a Parameter) -> Option<Self> {
        let Rule::Free { domain, prior } = &parameter.rule else { return None };
        if domain.cardinality() == Some(1) {
            return None;
        }
        let kind = match domain {
            Domain::Categorical { choices, ordered: false } => {
                Kind::Choice(probabilities(prior, choices.len()))
            }
            _ => Kind::Range(Range::of(parameter, domain, prior)?),
        };
        Some(Self { parameter, kind })
    }

    /// The coordinate of a value: for a choice its index; NaN for a value that is not legal.
    pub(super) fn coordinate(&self, value: &Value) -> f64 {
        let real = match (self.parameter.domain(), value) {
            (Some(Domain::Float { low, high, step: None, .. }), Value::Float(real)) => {
                (low <= real && real <= high).then_some(*real)
            }
            (Some(Domain::Int { low, high, step: 1, .. }), Value::Int(whole)) => {
                (low <= whole && whole <= high).then_some(*whole as f64)
            }
            (Some(Domain::Categorical { choices, .. }), _) => {
                choices.iter().position(|choice| choice.same_as(value)).map(|index| index as f64)
            }
            (Some(domain), _) => domain.coerce(value).and_then(|value| value.as_f64()),
            (None, _) => None,
        };
        match (&self.kind, real) {
            (_, None) => f64::NAN,
            (Kind::Choice(_), Some(index)) => index,
            (Kind::Range(range), Some(real)) => range.coordinate(real),
        }
    }

    /// The value of a candidate: an index of a choice, a real of a lattice, else a coordinate.
    pub(super) fn value(&self, candidate: f64) -> Value {
        let found = match (self.parameter.domain(), &self.kind) {
            (Some(Domain::Categorical { choices, .. }), _) => {
                choices.get(candidate.max(0.0) as usize).cloned()
            }
            (Some(Domain::Float { low, high, step, .. }), Kind::Range(range)) => {
                // The multiple is worked out anew: `first + k * step` may be a bit off.
                let multiple =
                    |size: f64| Value::Float((candidate / size).round_ties_even() * size);
                Some(match step {
                    Some(Step::FromLow(_)) => return self.on_scale(range, candidate),
                    Some(Step::Multiple(size)) => multiple(*size),
                    Some(Step::WholeMultiple(size)) => {
                        let real = multiple(*size as f64);
                        real.as_i64().map_or(real, Value::Int)
                    }
                    None => {
                        let real = if range.is_log { libm::exp(candidate) } else { candidate };
                        Value::Float(real.clamp(low.max(f64::MIN), high.min(f64::MAX)))
                    }
                })
            }
            (_, Kind::Range(range)) => return self.on_scale(range, candidate),
            _ => None,
        };
        found.unwrap_or(Value::Null)
    }

    /// The value of a bounded lattice that counts from its low end.
    fn on_scale(&self, range: &Range, real: f64) -> Value {
        let share = match self.parameter.domain() {
            Some(Domain::Int { scale: Scale::Log, .. }) => range.share(real),
            _ => match range.lattice {
                // A log-normal prior has its own coordinate; the domain's scale is linear.
                Some(Lattice { first, last, step }) => {
                    (real - first + 0.5 * step) / (last - first + step)
                }
                None => range.share(real),
            },
        };
        self.parameter.from_unit(share).unwrap_or(Value::Null)
    }
}

impl Range {
    fn of(parameter: &Parameter, domain: &Domain, prior: &Prior) -> Option<Self> {
        let (low, high, scale, lattice) = match domain {
            Domain::Float { low, high, scale, step: None } => (*low, *high, *scale, None),
            Domain::Float { low, high, scale, step: Some(step) } => {
                (*low, *high, *scale, Some(Lattice::of(*low, *high, *step)))
            }
            Domain::Int { low, high, scale, step } => {
                let (low, high) = (*low as f64, *high as f64);
                (low, high, *scale, Some(Lattice::of(low, high, Step::FromLow(*step as f64))))
            }
            Domain::Categorical { choices, .. } => {
                let last = choices.len() as f64 - 1.0;
                (0.0, last, Scale::Linear, Some(Lattice::of(0.0, last, Step::FromLow(1.0))))
            }
            Domain::Fixed(_) => return None,
        };
        let is_log = scale == Scale::Log || matches!(prior, Prior::LogNormal { .. });
        let half = lattice.map_or(0.0, |lattice| 0.5 * lattice.step);
        let (first, last) = lattice.map_or((low, high), |lattice| (lattice.first, lattice.last));
        let end = |edge: f64, bound: f64| match (is_log, edge > 0.0, bound > 0.0) {
            (false, ..) => edge,
            (true, true, _) => libm::log(edge),
            (true, false, true) => libm::log(bound),
            (true, false, false) => f64::NEG_INFINITY,
        };
        let (low, high) = (end(first - half, low), end(last + half, high));
        let mut range = Self {
            low,
            high,
            is_log,
            lattice,
            floor: low,
            ceiling: high,
            prior_mu: 0.5 * (low + high),
            prior_sigma: high - low,
        };
        range.place_prior(parameter, prior);
        Some(range)
    }

    fn place_prior(&mut self, parameter: &Parameter, prior: &Prior) {
        let quantile = |share| match parameter.quantile(share).map(|value| real(parameter, &value))
        {
            Some(real) if self.is_log => libm::log(real.max(f64::MIN_POSITIVE)),
            Some(real) => real,
            None => 0.0,
        };
        match prior {
            Prior::Uniform => {}
            Prior::Normal { mu, sigma } if !self.is_log => {
                (self.prior_mu, self.prior_sigma) = (*mu, *sigma);
            }
            Prior::LogNormal { mu, sigma } => (self.prior_mu, self.prior_sigma) = (*mu, *sigma),
            // The normal with the same median and about the same middle 68 %.
            _ => {
                let (low, middle, high) = (quantile(0.158_655), quantile(0.5), quantile(0.841_345));
                let least = if self.lattice.is_some() { 0.5 * self.least_gap() } else { 0.0 };
                let extent = if self.prior_sigma.is_finite() { self.prior_sigma } else { 1.0 };
                self.prior_mu = middle;
                self.prior_sigma = (0.5 * (high - low)).max(least).max(1e-3 * extent);
            }
        }
        if !self.floor.is_finite() {
            self.floor =
                (self.prior_mu - REACH * self.prior_sigma).min(self.high - self.prior_sigma);
        }
        if !self.ceiling.is_finite() {
            self.ceiling =
                (self.prior_mu + REACH * self.prior_sigma).max(self.floor + self.prior_sigma);
        }
    }

    /// The distance of neighbours at the high end, in coordinates.
    fn least_gap(&self) -> f64 {
        match self.lattice {
            Some(lattice) => {
                let (left, right) = self.cell(lattice.last);
                right - left
            }
            None => 0.0,
        }
    }

    /// The coordinate of a real of the range.
    fn coordinate(&self, real: f64) -> f64 {
        if !self.is_log {
            real
        } else if real > 0.0 {
            libm::log(real).max(self.low)
        } else {
            self.floor
        }
    }

    fn share(&self, real: f64) -> f64 {
        (self.coordinate(real) - self.low) / (self.high - self.low)
    }

    /// How wide the range is to a bandwidth.
    pub(super) fn extent(&self) -> f64 {
        self.ceiling - self.floor
    }

    /// The candidate at a coordinate: on a lattice the nearest of its reals.
    pub(super) fn candidate(&self, coordinate: f64) -> f64 {
        let Some(Lattice { first, last, step }) = self.lattice else {
            return coordinate.clamp(self.low, self.high);
        };
        let real = if self.is_log { libm::exp(coordinate) } else { coordinate };
        if first.is_finite() {
            (first + ((real - first) / step).round_ties_even() * step).clamp(first, last)
        } else {
            ((real / step).round_ties_even() * step).min(last)
        }
    }

    /// The coordinates of the ends of the cell of a real of the lattice.
    pub(super) fn cell(&self, real: f64) -> (f64, f64) {
        let half = self.lattice.map_or(0.0, |lattice| 0.5 * lattice.step);
        let end = |edge: f64| match (self.is_log, edge > 0.0) {
            (false, _) => edge,
            (true, true) => libm::log(edge),
            (true, false) => f64::NEG_INFINITY,
        };
        (end(real - half).max(self.low), end(real + half).min(self.high))
    }
}

impl Lattice {
    fn of(low: f64, high: f64, step: Step) -> Self {
        let size = step.size();
        match step {
            // As the domain counts: rounding is forgiven.
            Step::FromLow(_) => {
                let last = low + ((high - low) / size + 1e-8).floor() * size;
                Self { first: low, last, step: size }
            }
            Step::Multiple(_) | Step::WholeMultiple(_) => {
                let multiple = |real: f64| (real / size).round_ties_even() * size;
                Self { first: multiple(low), last: multiple(high), step: size }
            }
        }
    }
}

/// A legal value as a real: an ordered choice is its index.
fn real(parameter: &Parameter, value: &Value) -> f64 {
    match parameter.domain() {
        Some(Domain::Categorical { choices, .. }) => {
            choices.iter().position(|choice| choice.same_as(value)).map_or(0.0, |at| at as f64)
        }
        _ => value.as_f64().unwrap_or(0.0),
    }
}

fn probabilities(prior: &Prior, count: usize) -> Vec<f64> {
    match prior {
        Prior::Weights(weights) => {
            let sum: f64 = weights.iter().sum();
            weights.iter().map(|weight| weight / sum).collect()
        }
        _ => vec![1.0 / count as f64; count],
    }
}
