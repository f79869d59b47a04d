//! The expected hypervolume improvement of two objectives that are independent and normal, in logarithms.
//!
//! Emmerich, Deutz and Klinkenberg, "Hypervolume-based expected improvement" (CEC 2011), as a sum over the strips
//! between neighbours of the front: where the first objective falls into a strip's reach, times by how much the second
//! undercuts the strip's ceiling. Logarithms follow Ament et al. (NeurIPS 2023). Refuses a third objective.

use super::improvement::{Slopes, log_improvement};
use crate::numeric::pareto;
use crate::numeric::special::{LN_SQRT_2PI, log_gauss_mass};

/// What is left free by a front, as strips along the first objective.
#[derive(Debug, Clone)]
pub(crate) struct Strips {
    /// Each strip's left end, right end and ceiling.
    strips: Vec<[f64; 3]>,
}

impl Strips {
    /// Of points, less is better, below a reference point. Points that do not beat the reference count for nothing.
    pub(crate) fn new(points: &[Vec<f64>], reference: [f64; 2]) -> Self {
        let inside: Vec<Vec<f64>> = points
            .iter()
            .filter(|point| point[0] < reference[0] && point[1] < reference[1])
            .cloned()
            .collect();
        let mut front: Vec<&Vec<f64>> =
            pareto::front(&inside).into_iter().map(|index| &inside[index]).collect();
        front.sort_by(|a, b| a[0].total_cmp(&b[0]));
        let mut strips = Vec::with_capacity(front.len() + 1);
        let (mut left, mut ceiling) = (f64::NEG_INFINITY, reference[1]);
        for point in front {
            if point[0] > left {
                strips.push([left, point[0], ceiling]);
            }
            (left, ceiling) = (point[0], point[1]);
        }
        strips.push([left, reference[0], ceiling]);
        Self { strips }
    }

    /// The logarithm of the expected improvement, and its slopes in mean and variance of both objectives.
    pub(crate) fn log_improvement(&self, mean: [f64; 2], variance: [f64; 2]) -> (f64, [Slopes; 2]) {
        let sigma = variance.map(f64::sqrt);
        let parts: Vec<(f64, [Slopes; 2])> =
            self.strips.iter().map(|strip| strip_part(strip, mean, sigma)).collect();
        let largest = parts.iter().map(|part| part.0).fold(f64::NEG_INFINITY, f64::max);
        if largest == f64::NEG_INFINITY {
            return (largest, [Slopes::default(); 2]);
        }
        let mut total = 0.0;
        let mut slopes = [Slopes::default(); 2];
        for (log, part) in &parts {
            let weight = libm::exp(log - largest);
            total += weight;
            for (sum, slope) in slopes.iter_mut().zip(part) {
                sum.mean += weight * slope.mean;
                sum.variance += weight * slope.variance;
            }
        }
        for slope in &mut slopes {
            slope.mean /= total;
            slope.variance /= total;
        }
        (largest + libm::log(total), slopes)
    }
}

/// One strip's part, and the slopes of its logarithm.
fn strip_part(
    &[left, right, ceiling]: &[f64; 3],
    mean: [f64; 2],
    sigma: [f64; 2],
) -> (f64, [Slopes; 2]) {
    let (below, of_second) = log_improvement(mean[1], sigma[1], ceiling);
    let (to_right, of_first) = log_improvement(mean[0], sigma[0], right);
    if left == f64::NEG_INFINITY {
        return (to_right + below, [of_first, of_second]);
    }
    let (to_left, _) = log_improvement(mean[0], sigma[0], left);
    let gap = to_left - to_right;
    let rest = if gap < 0.0 { libm::log(-libm::expm1(gap)) } else { f64::NEG_INFINITY };
    let log = to_right + rest;
    if log == f64::NEG_INFINITY {
        return (log, [Slopes::default(); 2]);
    }
    // The integral of the distribution function over the strip: its slopes in mean and deviation are minus the mass
    // and the difference of the densities at its ends.
    let z = [(left - mean[0]) / sigma[0], (right - mean[0]) / sigma[0]];
    let density = |z: f64| libm::exp(-0.5 * z * z - LN_SQRT_2PI - log);
    let slopes = Slopes {
        mean: -libm::exp(log_gauss_mass(z[0], z[1]) - log),
        variance: (density(z[1]) - density(z[0])) / (2.0 * sigma[0]),
    };
    (log + below, [slopes, of_second])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden() -> serde_json::Value {
        let text = include_str!("../../../tests/golden/gaussian_process.json");
        serde_json::from_str::<serde_json::Value>(text).expect("JSON")["volumes"].clone()
    }

    fn strips() -> Strips {
        Strips::new(&[vec![1.0, 4.0], vec![2.0, 2.0], vec![3.0, 1.0], vec![3.5, 3.0]], [5.0, 5.0])
    }

    #[test]
    fn improvements_are_those_of_quadrature() {
        let strips = strips();
        for case in golden()["asked"].as_array().expect("cases") {
            let pair = |key: &str| [0, 1].map(|k| case[key][k].as_f64().expect("a number"));
            let variance = pair("deviation").map(|sigma| sigma * sigma);
            let found = libm::exp(strips.log_improvement(pair("mean"), variance).0);
            let expected = case["improvement"].as_f64().expect("a number");
            assert!((found - expected).abs() <= 1e-8 * expected, "{found} is not {expected}");
        }
        // search_golden.json: ehvi2d_mc, 8,192 draws.
        let found = libm::exp(strips.log_improvement([1.5, 1.5], [0.25, 0.64]).0);
        assert!((found - 2.2584).abs() < 0.01);
    }

    #[test]
    fn slopes_are_those_of_differences() {
        let strips = strips();
        for (mean, variance) in
            [([1.5, 1.5], [0.25, 0.64]), ([4.0, 4.5], [0.1, 0.3]), ([2.4, 8.0], [0.02, 0.5])]
        {
            let (_, slopes) = strips.log_improvement(mean, variance);
            for k in 0..2 {
                let at = |shift: f64, of_mean: bool| {
                    let (mut mean, mut variance) = (mean, variance);
                    let slot = if of_mean { &mut mean[k] } else { &mut variance[k] };
                    *slot += shift;
                    strips.log_improvement(mean, variance).0
                };
                let by_mean = (at(1e-6, true) - at(-1e-6, true)) / 2e-6;
                let by_variance = (at(1e-6, false) - at(-1e-6, false)) / 2e-6;
                assert!((slopes[k].mean - by_mean).abs() < 1e-5 * by_mean.abs().max(1.0));
                assert!(
                    (slopes[k].variance - by_variance).abs() < 1e-5 * by_variance.abs().max(1.0)
                );
            }
        }
    }

    #[test]
    fn far_from_the_front_the_logarithm_is_finite() {
        let (log, slopes) = strips().log_improvement([50.0, 60.0], [0.01, 0.01]);
        assert!(log.is_finite() && log < -1e4, "{log}");
        assert!(slopes.iter().all(|slope| slope.mean < 0.0 && slope.mean.is_finite()));
    }
}
