//! The logarithm of the expected improvement of a normal below a threshold, with its slopes.
//!
//! Ament et al., "Unexpected improvements to expected improvement" (NeurIPS 2023, eq. 9). Refuses to underflow.

use crate::numeric::special::{LN_SQRT_2PI, standard_log_ei};

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
        0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2) * libm::exp(-standard)
    };
    let slopes = Slopes { mean: -mass / sigma, variance: 0.5 * density / (sigma * sigma) };
    (standard + libm::log(sigma), slopes)
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
}
