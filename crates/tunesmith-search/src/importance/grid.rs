//! The values of a parameter as cells of a grid, as optuna 5.0.0's PED-ANOVA lays it: 50 cells over a range, fewer over
//! a short lattice, one a choice; and the Parzen estimator on such a grid, with Scott's bandwidth.
//!
//! Refuses parameters of one value: they have no importance.

use tunesmith_core::{Domain, Parameter, Scale, Step, Value};

use crate::numeric::special::log_gauss_mass;

/// Cells over a continuum.
const CELLS: usize = 50;
/// The weight of the prior, in trials.
const PRIOR_WEIGHT: f64 = 1.0;

/// One searched parameter.
#[derive(Debug, Clone)]
pub(super) struct Axis<'a> {
    pub(super) parameter: &'a Parameter,
    pub(super) cells: usize,
    scale: Ruler,
}

#[derive(Debug, Clone, Copy)]
enum Ruler {
    /// Cells of this size from `low` on, the first and the last half outside of the range.
    Even { low: f64, size: f64, log: bool },
    /// One cell a choice. Neighbours are alike where it is ordered.
    Choice { ordered: bool },
    /// The position on the parameter's own scale: for ranges without ends.
    Position,
}

impl<'a> Axis<'a> {
    /// The grid of a parameter; `None` where it has one value.
    pub(super) fn of(parameter: &'a Parameter) -> Option<Self> {
        let domain = parameter.domain()?;
        if domain.cardinality() == Some(1) {
            return None;
        }
        let (cells, scale) = match domain {
            Domain::Fixed(_) => return None,
            Domain::Categorical { choices, ordered } => {
                (choices.len(), Ruler::Choice { ordered: *ordered })
            }
            Domain::Int { low, high, scale: Scale::Log, .. } => {
                let span = *high as f64 - *low as f64 + 1.0;
                let octaves = (libm::log(span) / libm::log(2.0)).ceil() as usize + 1;
                even(octaves.min(CELLS), *low as f64, *high as f64, true)
            }
            Domain::Int { low, high, .. } => {
                even(points(domain).min(CELLS), *low as f64, *high as f64, false)
            }
            Domain::Float { low, high, .. } if !(low.is_finite() && high.is_finite()) => {
                (CELLS, Ruler::Position)
            }
            Domain::Float { scale: Scale::Log, step: Some(_), .. } => (CELLS, Ruler::Position),
            Domain::Float { low, high, scale, step: None } => {
                even(CELLS, *low, *high, *scale == Scale::Log)
            }
            Domain::Float { low, high, step: Some(step), .. } => {
                let (low, high) = ends(*low, *high, *step);
                even(points(domain).min(CELLS), low, high, false)
            }
        };
        Some(Self { parameter, cells, scale })
    }

    /// The cell of a value; `None` where the value is not legal.
    pub(super) fn cell(&self, value: &Value) -> Option<usize> {
        let last = self.cells - 1;
        match (self.scale, self.parameter.domain()?) {
            (Ruler::Choice { .. }, Domain::Categorical { choices, .. }) => {
                choices.iter().position(|choice| choice.same_as(value))
            }
            (Ruler::Even { low, size, log }, domain) => {
                let real = domain.coerce(value)?.as_f64()?;
                let at = if log { libm::log(real) } else { real };
                // A tie goes to the lower cell.
                Some((((at - low) / size - 0.5).ceil().max(0.0) as usize).min(last))
            }
            _ => {
                let unit = self.parameter.to_unit(value)?;
                Some(((unit * last as f64 - 0.5).ceil().max(0.0) as usize).min(last))
            }
        }
    }

    /// The probability of each cell, from the number of observations in each.
    pub(super) fn densities(&self, counts: &[u32]) -> Vec<f64> {
        let observed: Vec<(usize, f64)> = counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(cell, count)| (cell, f64::from(*count)))
            .collect();
        let total: f64 = observed.iter().map(|(_, weight)| weight).sum::<f64>() + PRIOR_WEIGHT;
        match self.scale {
            Ruler::Choice { ordered: false } => categorical(&observed, total, self.cells),
            _ => numerical(&observed, total, self.cells),
        }
    }
}

fn points(domain: &Domain) -> usize {
    domain.cardinality().map_or(CELLS, |count| count.min(CELLS as u64) as usize).max(2)
}

fn even(cells: usize, low: f64, high: f64, log: bool) -> (usize, Ruler) {
    let (low, high) = if log { (libm::log(low), libm::log(high)) } else { (low, high) };
    (cells, Ruler::Even { low, size: (high - low) / (cells - 1) as f64, log })
}

/// The first and the last point of a lattice.
fn ends(low: f64, high: f64, step: Step) -> (f64, f64) {
    let size = step.size();
    match step {
        Step::FromLow(_) => (low, low + ((high - low) / size + 1e-8).floor() * size),
        Step::Multiple(_) | Step::WholeMultiple(_) => {
            ((low / size).round_ties_even() * size, (high / size).round_ties_even() * size)
        }
    }
}

fn categorical(observed: &[(usize, f64)], total: f64, choices: usize) -> Vec<f64> {
    let kernels = (observed.len() + 1) as f64;
    let smoothing = PRIOR_WEIGHT / kernels;
    let row = smoothing * choices as f64 + 1.0;
    let mut densities = vec![PRIOR_WEIGHT / total / choices as f64; choices];
    for (seen, weight) in observed {
        for (choice, density) in densities.iter_mut().enumerate() {
            let own = if choice == *seen { 1.0 } else { 0.0 };
            *density += weight / total * (smoothing + own) / row;
        }
    }
    densities
}

fn numerical(observed: &[(usize, f64)], total: f64, cells: usize) -> Vec<f64> {
    let last = (cells - 1) as f64;
    let inside = |mu: f64, sigma: f64, low: f64, high: f64| {
        libm::exp(log_gauss_mass((low - mu) / sigma, (high - mu) / sigma))
    };
    let whole = |mu: f64, sigma: f64| inside(mu, sigma, -0.5, last + 0.5);
    let (middle, wide) = (last / 2.0, last + 1.0);
    let prior = PRIOR_WEIGHT / total / whole(middle, wide);
    let mut densities: Vec<f64> = (0..cells)
        .map(|cell| prior * inside(middle, wide, cell as f64 - 0.5, cell as f64 + 0.5))
        .collect();
    let width = scott(observed);
    // All kernels are alike: their mass at each distance is worked out once.
    let masses: Vec<f64> = (0..cells)
        .map(|distance| inside(0.0, width, distance as f64 - 0.5, distance as f64 + 0.5))
        .collect();
    for (at, weight) in observed {
        let weight = weight / total / whole(*at as f64, width);
        for (cell, density) in densities.iter_mut().enumerate() {
            *density += weight * masses[cell.abs_diff(*at)];
        }
    }
    densities
}

/// Scott's bandwidth over cells and their weights, not below the one that keeps 90 % of a kernel in its own cell.
fn scott(observed: &[(usize, f64)]) -> f64 {
    let least = 0.5 / 1.64;
    let sum: f64 = observed.iter().map(|(_, weight)| weight).sum();
    if observed.is_empty() {
        return least;
    }
    let mean = observed.iter().map(|(at, weight)| *at as f64 * weight).sum::<f64>() / sum;
    let square = |at: usize| (at as f64 - mean) * (at as f64 - mean);
    let variance = observed.iter().map(|(at, weight)| square(*at) * weight).sum::<f64>()
        / (sum - 1.0).max(1.0);
    let mut running = 0.0;
    let cumulative: Vec<f64> = observed
        .iter()
        .map(|(_, weight)| {
            running += weight;
            running
        })
        .collect();
    let first = cumulative.partition_point(|below| *below < (sum / 4.0).floor());
    let third = cumulative.partition_point(|below| *below <= (sum * 3.0 / 4.0).floor());
    let at = |index: usize| observed[index.min(observed.len() - 1)].0 as f64;
    let quartiles = at(third) - at(first);
    let deviation = variance.sqrt().min(quartiles / 1.34);
    (1.059 * deviation * libm::pow(sum, -0.2)).max(least)
}
