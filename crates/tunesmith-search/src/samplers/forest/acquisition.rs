//! What the forest learns, and how much a point is expected to improve on the best.
//!
//! Refuses logarithms where a value is not above 0: then values are taken as they are.

use std::f64::consts::FRAC_1_SQRT_2;

use crate::numeric::forest::Forest;
use crate::numeric::special::standard_log_ei;

/// Below this a variance is rounding, as in SMAC.
const LEAST_VARIANCE: f64 = 1e-10;

/// The values of the rows; less is better.
#[derive(Debug)]
pub(super) struct Targets {
    values: Vec<f64>,
    best: f64,
    mean: f64,
    are_logs: bool,
    are_known: bool,
}

impl Targets {
    /// Of scores, `None` for failures, which get the worst.
    pub(super) fn new(scores: &[Option<f64>]) -> Self {
        let known = || scores.iter().flatten();
        let are_logs = known().all(|score| *score > 0.0);
        let value = |score: f64| if are_logs { libm::log(score) } else { score };
        let worst = known().fold(f64::NEG_INFINITY, |worst, score| worst.max(*score));
        let values: Vec<f64> = scores.iter().map(|score| value(score.unwrap_or(worst))).collect();
        let best = values.iter().fold(f64::INFINITY, |best, value| best.min(*value));
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        Self { are_known: known().next().is_some(), values, best, mean, are_logs }
    }

    /// Whether any trial scored.
    pub(super) fn are_known(&self) -> bool {
        self.are_known
    }

    pub(super) fn values(&self) -> &[f64] {
        &self.values
    }

    /// One more row whose value is not known: it gets the mean.
    pub(super) fn lie(&mut self) {
        self.values.push(self.mean);
    }
}

/// The expected improvement under a forest, by its logarithm or another growing function of it.
#[derive(Debug)]
pub(super) struct Acquisition<'a> {
    forest: &'a Forest,
    best: f64,
    are_logs: bool,
}

impl<'a> Acquisition<'a> {
    pub(super) fn new(forest: &'a Forest, targets: &Targets) -> Self {
        Self { forest, best: targets.best, are_logs: targets.are_logs }
    }

    pub(super) fn at(&self, row: &[f64]) -> f64 {
        let predicted = self.forest.predict(row);
        let deviation = predicted.variance.max(LEAST_VARIANCE).sqrt();
        if self.are_logs {
            log_improvement(self.best, predicted.mean, deviation)
        } else {
            let z = (self.best - predicted.mean) / deviation;
            libm::log(deviation) + standard_log_ei(z)
        }
    }
}

/// The expected improvement on `exp(best)` of a value whose logarithm is normal, as a share of `exp(best)` (Hutter et
/// al., "An experimental investigation of model-based parameter optimisation: SPO and beyond", GECCO 2009).
fn log_improvement(best: f64, mean: f64, deviation: f64) -> f64 {
    let cdf = |z: f64| 0.5 * libm::erfc(-z * FRAC_1_SQRT_2);
    let z = (best - mean) / deviation;
    let expected = libm::exp(mean - best + 0.5 * deviation * deviation);
    cdf(z) - expected * cdf(z - deviation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tunesmith_core::Rng;

    #[test]
    fn improvements_are_those_of_many_draws() {
        for (best, mean, deviation) in [(0.0, 0.5, 0.7), (-2.0, -2.5, 0.3), (1.0, 1.0, 1.5)] {
            let mut rng = Rng::at(1, 0, "improvement");
            let mut draw = || {
                let value = libm::exp(mean + deviation * rng.normal());
                (libm::exp(best) - value).max(0.0) / libm::exp(best)
            };
            let count = 200_000;
            let average = (0..count).map(|_| draw()).sum::<f64>() / f64::from(count);
            let found = log_improvement(best, mean, deviation);
            assert!((found - average).abs() < 4e-3, "{found} is not {average}");
        }
    }

    #[test]
    fn failures_are_the_worst_and_logarithms_need_positive_values() {
        let positive = Targets::new(&[Some(1.0), None, Some(libm::exp(2.0))]);
        assert_eq!(positive.values(), [0.0, 2.0, 2.0]);
        let mut raw = Targets::new(&[Some(-1.0), None, Some(4.0)]);
        assert_eq!((raw.values(), raw.best), (&[-1.0, 4.0, 4.0][..], -1.0));
        raw.lie();
        assert_eq!(raw.values()[3], 7.0 / 3.0);
        assert!(!Targets::new(&[None, None]).are_known() && !Targets::new(&[]).are_known());
    }
}
