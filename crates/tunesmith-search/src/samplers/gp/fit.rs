//! Fitting length scales, scale and noise: the maximum of likelihood times prior, by L-BFGS from two starts.
//!
//! Source: optuna 5.0.0's `GPRegressor` and `default_log_prior`, parameters `ln 1/l²`, `ln scale` and
//! `ln (noise − floor)`. Above ten axes the length scales have the log-normal prior of BoTorch 0.18 (Hvarfner et al.,
//! "Vanilla Bayesian optimization performs great in high dimensions", 2024), whose median grows with √d. Refuses more
//! than 128 points at once: of more, the best and an even spread of the rest.

use super::kernel::{Kernel, axis_square, materns};
use crate::numeric::cholesky::{Cholesky, dot};
use crate::numeric::lbfgsb::{Memory, Minimum, Stop, resume};

/// Up to this many axes the length scales have Optuna's prior.
pub(crate) const FEW_AXES: usize = 10;
/// The most points that hyperparameters are fitted to.
const MOST_POINTS: usize = 128;
/// Beyond this many points the two searches run on as many of them, and the better end is improved on all.
const MOST_ROUGH: usize = 48;

/// Optuna's gradient tolerance.
const STOP: Stop = Stop { gradient: 1e-2, gain: 1e-7, evaluations: 60 };

/// For a search whose end another improves on, and of many points: a gain of a few thousandths of a nat is none.
const ROUGH: Stop = Stop { gain: 5e-5, ..STOP };

/// Points, targets and priors: what hyperparameters are fitted to.
pub(crate) struct Evidence {
    categorical: Vec<bool>,
    /// For each axis the squared distance of each pair `(i, j > i)`, rows one after another.
    squares: Vec<Vec<f64>>,
    targets: Vec<f64>,
    noise_floor: f64,
}

/// The hyperparameters of greatest posterior density. `targets` have mean 0 and deviation 1 or so.
pub(crate) fn fit(
    categorical: &[bool],
    points: &[Vec<f64>],
    targets: &[f64],
    noise_floor: f64,
) -> Kernel {
    let evidence = |most: usize| {
        let chosen = chosen(targets, most);
        let points: Vec<&[f64]> = chosen.iter().map(|index| points[*index].as_slice()).collect();
        let targets = chosen.iter().map(|index| targets[*index]).collect();
        Evidence::new(categorical, &points, targets, noise_floor)
    };
    let axes = categorical.len();
    // The distances of all pairs on all axes stay within some megabytes.
    let most = if axes <= 20 { MOST_POINTS } else { (2_560 / axes).clamp(40, MOST_POINTS) };
    let all = evidence(most);
    if targets.len() <= MOST_ROUGH + MOST_ROUGH / 2 {
        return all.kernel(&all.fitted());
    }
    let rough = evidence(MOST_ROUGH).roughly_fitted();
    // The objective grows with the number of points.
    let memory = rough.memory.scaled(all.targets.len() as f64 / MOST_ROUGH as f64);
    all.kernel(&all.search(&rough.point, memory, ROUGH).point)
}

/// Indexes of at most `most` points, ascending: a quarter of them the best, the rest an even spread of the others.
fn chosen(targets: &[f64], most: usize) -> Vec<usize> {
    if targets.len() <= most {
        return (0..targets.len()).collect();
    }
    let mut order: Vec<usize> = (0..targets.len()).collect();
    order.sort_by(|a, b| targets[*a].total_cmp(&targets[*b]));
    let best = most / 4;
    let rest = &order[best..];
    let strided = (0..most - best).map(|k| rest[k * rest.len() / (most - best)]);
    let mut chosen: Vec<usize> = order[..best].iter().copied().chain(strided).collect();
    chosen.sort_unstable();
    chosen
}

impl Evidence {
    pub(crate) fn new(
        categorical: &[bool],
        points: &[&[f64]],
        targets: Vec<f64>,
        noise_floor: f64,
    ) -> Self {
        let square = |axis: usize| -> Vec<f64> {
            let at = |i: usize| points[i].get(axis).copied().unwrap_or(1.0);
            let pair = |i: usize, j: usize| axis_square(categorical[axis], at(i), at(j));
            (0..points.len())
                .flat_map(|i| (i + 1..points.len()).map(move |j| (i, j)))
                .map(|(i, j)| pair(i, j))
                .collect()
        };
        let squares = (0..categorical.len()).map(square).collect();
        Self { categorical: categorical.to_vec(), squares, targets, noise_floor }
    }

    fn axes(&self) -> usize {
        self.categorical.len()
    }

    /// The kernel of logarithmic parameters.
    pub(crate) fn kernel(&self, raw: &[f64]) -> Kernel {
        let axes = self.axes();
        Kernel {
            categorical: self.categorical.clone(),
            inverse_squares: raw[..axes].iter().map(|log| libm::exp(*log)).collect(),
            scale: libm::exp(raw[axes]),
            noise: self.noise_floor + libm::exp(raw[axes + 1]),
        }
    }

    /// The logarithmic parameters of greatest density.
    fn fitted(&self) -> Vec<f64> {
        let rough = self.roughly_fitted();
        self.search(&rough.point, rough.memory, STOP).point
    }

    /// The better end of two searches.
    fn roughly_fitted(&self) -> Minimum {
        let axes = self.axes();
        let length = if axes <= FEW_AXES { 0.0 } else { -2.0 * (length_median(axes) - 3.0) };
        let start = |length: f64, noise: f64| {
            let mut start = vec![length; axes];
            start.extend([0.0, libm::log(noise)]);
            start
        };
        let smooth = self.search(&start(length, 1.0), Memory::default(), ROUGH);
        let rough = self.search(&start(length + 1.5, 0.01), Memory::default(), ROUGH);
        if rough.value < smooth.value { rough } else { smooth }
    }

    /// The lowest that is found from a start of minus the objective.
    fn search(&self, start: &[f64], memory: Memory, stop: Stop) -> Minimum {
        let mut bounds = vec![(-9.5, 9.5); self.axes()];
        bounds.extend([(-7.0, 7.0), (-25.0, 3.0)]);
        resume(start, memory, &bounds, stop, |raw, gradient| {
            let value = self.objective(raw, gradient);
            gradient.iter_mut().for_each(|slope| *slope = -*slope);
            -value
        })
    }

    /// The logarithm of likelihood times prior, without constants, and its gradient.
    pub(crate) fn objective(&self, raw: &[f64], gradient: &mut [f64]) -> f64 {
        let kernel = self.kernel(raw);
        let likelihood = self.likelihood(&kernel, raw, gradient);
        likelihood + log_prior(&kernel, raw, gradient)
    }

    fn likelihood(&self, kernel: &Kernel, raw: &[f64], gradient: &mut [f64]) -> f64 {
        let (axes, count) = (self.axes(), self.targets.len());
        let mut correlations = vec![0.0; count * count.saturating_sub(1) / 2];
        for (squares, weight) in self.squares.iter().zip(&kernel.inverse_squares) {
            let pairs = correlations.iter_mut().zip(squares);
            pairs.for_each(|(sum, square)| *sum += weight * square);
        }
        let mut slopes = vec![0.0; correlations.len()];
        materns(&mut correlations, &mut slopes);
        // Where the pairs of a row lie.
        let pairs = |i: usize| i * (2 * count - i - 1) / 2..(i + 1) * (2 * count - i - 2) / 2;
        let factor = Cholesky::of(count, |i, row| {
            row[0] = kernel.scale + kernel.noise;
            let others = row[1..].iter_mut().zip(&correlations[pairs(i)]);
            others.for_each(|(value, correlation)| *value = kernel.scale * correlation);
        });
        let mut solved = self.targets.clone();
        factor.solve(&mut solved);
        let fit = dot(&solved, &self.targets);
        // d/dK of the likelihood is ½ (α αᵀ − K⁻¹).
        let mut weights = factor.inverse();
        let (mut of_scale, mut of_noise) = (0.0, 0.0);
        for i in 0..count {
            let row = &mut weights[i * count + i..(i + 1) * count];
            let products = row.iter_mut().zip(&solved[i..]);
            products.for_each(|(weight, other)| *weight = solved[i] * other - *weight);
            of_noise += 0.5 * row[0];
            of_scale += 0.5 * row[0] + dot(&row[1..], &correlations[pairs(i)]);
            let own = slopes[pairs(i)].iter_mut().zip(&row[1..]);
            own.for_each(|(slope, weight)| *slope *= weight * kernel.scale);
        }
        let lengths = kernel.inverse_squares.iter().zip(&self.squares);
        for (slot, (weight, squares)) in gradient.iter_mut().zip(lengths) {
            *slot = weight * dot(squares, &slopes);
        }
        gradient[axes] = of_scale * kernel.scale;
        gradient[axes + 1] = of_noise * libm::exp(raw[axes + 1]);
        -0.5 * factor.log_determinant() - 0.5 * fit
    }
}

/// The location of the log-normal prior of length scales.
fn length_median(axes: usize) -> f64 {
    std::f64::consts::SQRT_2 + 0.5 * libm::log(axes as f64)
}

/// The logarithm of the prior, without constants; its gradient is added.
pub(crate) fn log_prior(kernel: &Kernel, raw: &[f64], gradient: &mut [f64]) -> f64 {
    let axes = kernel.inverse_squares.len();
    let median = length_median(axes);
    let mut sum = 0.0;
    for (axis, weight) in kernel.inverse_squares.iter().enumerate() {
        if axes <= FEW_AXES {
            sum -= 0.1 / weight + 0.1 * weight;
            gradient[axis] += 0.1 / weight - 0.1 * weight;
        } else {
            let log = -0.5 * raw[axis];
            sum -= log + (log - median) * (log - median) / 6.0;
            gradient[axis] += 0.5 + (log - median) / 6.0;
        }
    }
    // Gamma(2, 1) of the scale and Gamma(1.1, 30) of the noise.
    sum += raw[axes] - kernel.scale;
    gradient[axes] += 1.0 - kernel.scale;
    sum += 0.1 * libm::log(kernel.noise) - 30.0 * kernel.noise;
    gradient[axes + 1] += (0.1 / kernel.noise - 30.0) * libm::exp(raw[axes + 1]);
    sum
}

#[cfg(test)]
mod tests;
