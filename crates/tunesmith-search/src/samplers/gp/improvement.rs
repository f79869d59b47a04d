//! The logarithm of the expected improvement of a normal below a threshold, with its slopes.
//!
//! Ament et al., "Unexpected improvements to expected improvement" (NeurIPS 2023, eq. 9). Refuses to underflow.

use std::f64::consts::FRAC_1_SQRT_2;

use crate::numeric::special::{LN_SQRT_2PI, one_minus_scaled_tail, standard_log_ei};

/// Up to so many deviations below the mean the improvement is a difference that keeps its digits.
const NEAR: f64 = 5.0;

/// The slopes of a function of a normal in its mean and its variance.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Slopes {
    pub(crate) mean: f64,
    pub(crate) variance: f64,
}

/// `ln E max(threshold − y, 0)` of a normal `y`.
pub(crate) fn log_improvement(mean: f64, sigma: f64, threshold: f64) -> (f64, Slopes) {
    let z = (threshold - mean) / sigma;
    let standard = standard_log_ei(z);
    let density = libm::exp(-0.5 * z * z - LN_SQRT_2PI - standard);
    // The improvement is φ + zΦ: without φ only zΦ is left. Above 8, Φ is 1.
    let mass = if z.abs() > 1e-3 {
        (1.0 - density) / z
    } else {
        0.5 * libm::erfc(-z * FRAC_1_SQRT_2) * libm::exp(-standard)
    };
    let slopes = Slopes { mean: -mass / sigma, variance: 0.5 * density / (sigma * sigma) };
    (standard + libm::log(sigma), slopes)
}

/// The mean over many pairs of mean and threshold of what [`log_improvement`] is the logarithm of, at one deviation.
/// Sums are scaled by the likeliest pair, so that they do not underflow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sums {
    count: f64,
    /// The logarithm of what the sums are scaled by.
    shift: f64,
    improvement: f64,
    mass: f64,
    density: f64,
}

impl Sums {
    /// Over `z`, each a threshold less a mean in deviations. `weigh` is told each one's scaled mass.
    pub(crate) fn over(z: &[f64], mut weigh: impl FnMut(f64)) -> Self {
        let largest = z.iter().copied().fold(f64::NEG_INFINITY, f64::max).min(0.0);
        let shift = 0.5 * largest * largest;
        let unscaled = libm::exp(shift.min(0.5 * NEAR * NEAR));
        let zero = Self { count: z.len() as f64, shift, improvement: 0.0, mass: 0.0, density: 0.0 };
        z.iter().fold(zero, |mut sums, z| {
            let density = libm::exp(shift - 0.5 * z * z - LN_SQRT_2PI);
            let (improvement, mass) = if *z > -NEAR {
                let mass = 0.5 * libm::erfc(-z * FRAC_1_SQRT_2) * unscaled;
                (density + z * mass, mass)
            } else {
                let share = one_minus_scaled_tail(-z);
                (density * share, density * (1.0 - share) / -z)
            };
            weigh(mass);
            sums.improvement += improvement;
            sums.mass += mass;
            sums.density += density;
            sums
        })
    }

    /// The logarithm of the mean improvement, for a deviation of `sigma`.
    pub(crate) fn log_mean(&self, sigma: f64) -> f64 {
        libm::log(self.improvement / self.count) - self.shift + libm::log(sigma)
    }

    /// The slopes of [`Sums::log_mean`] in a mean that all pairs share, and in the variance.
    pub(crate) fn slopes(&self, sigma: f64) -> Slopes {
        Slopes {
            mean: -self.mass / (self.improvement * sigma),
            variance: 0.5 * self.density / (self.improvement * sigma * sigma),
        }
    }

    /// The slope in the mean of a pair, by the mass that `weigh` was told.
    pub(crate) fn slope_of(&self, mass: f64, sigma: f64) -> f64 {
        -mass / (self.improvement * sigma)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_those_of_differences() {
        for mean in [-3.0, 0.0, 0.499_999, 0.5, 0.500_4, 2.0, 9.0] {
            let (sigma, threshold) = (0.4_f64, 0.5);
            let (_, slopes) = log_improvement(mean, sigma, threshold);
            let by_mean = |shift: f64| log_improvement(mean + shift, sigma, threshold).0;
            let expected = (by_mean(1e-5) - by_mean(-1e-5)) / 2e-5;
            assert!((slopes.mean - expected).abs() < 1e-6 * expected.abs().max(1.0), "{mean}");
            let by_variance =
                |shift: f64| log_improvement(mean, (sigma * sigma + shift).sqrt(), threshold).0;
            let expected = (by_variance(1e-6) - by_variance(-1e-6)) / 2e-6;
            assert!((slopes.variance - expected).abs() < 1e-5 * expected.abs().max(1.0), "{mean}");
        }
    }

    #[test]
    fn sums_are_those_of_single_improvements() {
        for offset in [-60.0, -8.0, -4.9, -1.0, 0.0, 3.0] {
            let z: Vec<f64> = (0..9).map(|i| offset + 0.7 * f64::from(i)).collect();
            let (sigma, mut masses) = (0.3, Vec::new());
            let sums = Sums::over(&z, |mass| masses.push(mass));
            let singles: Vec<(f64, Slopes)> =
                z.iter().map(|z| log_improvement(-z * sigma, sigma, 0.0)).collect();
            let largest = singles.iter().map(|one| one.0).fold(f64::NEG_INFINITY, f64::max);
            let mean = singles.iter().map(|one| libm::exp(one.0 - largest)).sum::<f64>() / 9.0;
            let expected = largest + libm::log(mean);
            assert!((sums.log_mean(sigma) - expected).abs() < 1e-10 * expected.abs().max(1.0));
            let share = |one: &(f64, Slopes)| libm::exp(one.0 - expected) / 9.0;
            let slope: f64 = singles.iter().map(|one| share(one) * one.1.mean).sum();
            let by_variance: f64 = singles.iter().map(|one| share(one) * one.1.variance).sum();
            let found = sums.slopes(sigma);
            assert!((found.mean - slope).abs() < 1e-9 * slope.abs(), "{offset}");
            assert!((found.variance - by_variance).abs() < 1e-9 * by_variance.abs(), "{offset}");
            let parts: f64 = masses.iter().map(|mass| sums.slope_of(*mass, sigma)).sum();
            assert!((parts - slope).abs() < 1e-9 * slope.abs());
        }
    }
}
