//! A Gaussian process whose memory fades: what was measured long ago says less of now.
//!
//! Bogunovic, Scarlett and Cevher, "Time-varying Gaussian process bandit optimization" (AISTATS 2016), in the form of
//! Ray 2.60 (`pb2_utils.py`, `TV_SquaredExp`): variance * exp(-distance² / length) * (1 - epsilon)^(|time| / 2), time in
//! the first coordinate, the others in the distance. Its three numbers maximise the likelihood, started as there. Like
//! there the data are taken as exact but for 1e-10. Refuses more than it is given: a caller keeps the data short, for
//! fitting costs the cube of their number.

use std::f64::consts::{LN_2, LN_10};

use crate::numeric::cholesky::{Cholesky, dot};
use crate::numeric::lbfgsb::{Stop, minimise};
use crate::numeric::special::LN_SQRT_2PI;

const NOISE: f64 = 1e-10;
/// The logarithm of 1e5.
const WIDE: f64 = 5.0 * LN_10;
/// Logarithms of the bounds of variance, length and epsilon: 1e-5 to 1e5, and to a half.
const BOUNDS: [(f64, f64); 3] = [(-WIDE, WIDE), (-WIDE, WIDE), (-WIDE, -LN_2)];
const STOP: Stop = Stop { gradient: 1e-4, gain: 1e-9, evaluations: 60 };
/// The step of a difference quotient.
const SMALL: f64 = 1e-5;

/// The kernel's three numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fading {
    pub(super) variance: f64,
    pub(super) length: f64,
    pub(super) epsilon: f64,
}

/// What is known after the data.
#[derive(Debug)]
pub(super) struct Posterior {
    kernel: Fading,
    points: Vec<Vec<f64>>,
    factor: Cholesky,
    weights: Vec<f64>,
    pub(super) log_likelihood: f64,
}

impl Fading {
    /// Where the search for the likeliest starts.
    const START: Self = Self { variance: 1.0, length: 1.0, epsilon: 0.1 };

    fn of(logs: &[f64]) -> Self {
        let number = |index: usize| libm::exp(logs.get(index).copied().unwrap_or_default());
        Self { variance: number(0), length: number(1), epsilon: number(2) }
    }

    /// The likeliest for the data.
    pub(super) fn fitted(points: &[Vec<f64>], values: &[f64]) -> Self {
        let loss = |logs: &[f64]| -Posterior::of(Self::of(logs), points, values).log_likelihood;
        let start = [Self::START.variance, Self::START.length, Self::START.epsilon].map(libm::log);
        let found =
            minimise(&start, &BOUNDS, STOP, |logs, gradient| differences(loss, logs, gradient));
        if found.value.is_finite() { Self::of(&found.point) } else { Self::START }
    }

    pub(super) fn covariance(&self, left: &[f64], right: &[f64]) -> f64 {
        let (Some((time, left)), Some((then, right))) = (left.split_first(), right.split_first())
        else {
            return self.variance;
        };
        let square: f64 = left.iter().zip(right).map(|(a, b)| (a - b) * (a - b)).sum();
        let fade = libm::log(1.0 - self.epsilon) * 0.5 * (time - then).abs();
        self.variance * libm::exp(fade - square / self.length)
    }
}

/// The value at a point; writes the gradient by central differences.
pub(super) fn differences(
    function: impl Fn(&[f64]) -> f64,
    at: &[f64],
    gradient: &mut [f64],
) -> f64 {
    for (index, slope) in gradient.iter_mut().enumerate() {
        let moved = |by: f64| {
            let mut at = at.to_vec();
            at[index] += by;
            function(&at)
        };
        *slope = (moved(SMALL) - moved(-SMALL)) / (2.0 * SMALL);
    }
    function(at)
}

impl Posterior {
    /// After values at points: time first.
    pub(super) fn of(kernel: Fading, points: &[Vec<f64>], values: &[f64]) -> Self {
        let fill = |row: usize, from_diagonal: &mut [f64]| {
            for (slot, point) in from_diagonal.iter_mut().zip(&points[row..]) {
                *slot = kernel.covariance(&points[row], point);
            }
            from_diagonal[0] += NOISE;
        };
        let factor = Cholesky::of(points.len(), fill);
        let mut weights = values.to_vec();
        factor.solve(&mut weights);
        let fit = dot(values, &weights);
        let log_likelihood =
            -0.5 * (fit + factor.log_determinant()) - LN_SQRT_2PI * values.len() as f64;
        Self { kernel, points: points.to_vec(), factor, weights, log_likelihood }
    }

    /// Mean and variance at a point.
    pub(super) fn at(&self, point: &[f64]) -> (f64, f64) {
        let covariances: Vec<f64> =
            self.points.iter().map(|known| self.kernel.covariance(known, point)).collect();
        let mean = dot(&covariances, &self.weights);
        let mut solved = covariances;
        self.factor.forward(&mut solved);
        (mean, (self.kernel.variance - dot(&solved, &solved)).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedulers::tests::golden::{file, number, numbers};

    #[test]
    fn the_kernel_and_its_posterior_are_those_of_ray() {
        let golden = &file()["ray_pb2"];
        let rows = |name: &str| -> Vec<Vec<f64>> {
            golden[name].as_array().expect("rows").iter().map(numbers).collect()
        };
        let (points, values) = (rows("x"), numbers(&golden["standardised"]));
        let of = numbers(&golden["hyperparameters"]);
        let kernel = Fading { variance: of[0], length: of[1], epsilon: of[2] };
        for (row, expected) in points.iter().zip(rows("kernel")) {
            for (column, expected) in points.iter().zip(expected) {
                assert!((kernel.covariance(row, column) - expected).abs() < 1e-12);
            }
        }
        let posterior = Posterior::of(kernel, &points, &values);
        let expected = numbers(&golden["mean"]).into_iter().zip(numbers(&golden["deviation"]));
        for (point, (mean, deviation)) in rows("at").iter().zip(expected) {
            let found = posterior.at(point);
            assert!((found.0 - mean).abs() < 1e-8, "{found:?} {mean}");
            assert!((found.1.sqrt() - deviation).abs() < 1e-7, "{found:?} {deviation}");
        }
        assert!((posterior.log_likelihood - number(&golden["log_likelihood"])).abs() < 1e-8);
    }

    #[test]
    fn the_likeliest_is_at_least_as_likely_as_rays() {
        let golden = &file()["ray_pb2"];
        let points: Vec<Vec<f64>> =
            golden["x"].as_array().expect("rows").iter().map(numbers).collect();
        let values = numbers(&golden["standardised"]);
        let fitted = Posterior::of(Fading::fitted(&points, &values), &points, &values);
        let rays = number(&golden["best_log_likelihood"]);
        assert!(fitted.log_likelihood > rays - 1e-3, "{} {rays}", fitted.log_likelihood);
    }
}
