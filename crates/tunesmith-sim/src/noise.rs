//! The noise of a score that was measured on a finite dev set.
//!
//! Refuses scores that are not accuracies: the spread of a loss is not known from its mean, so tasks with losses are
//! measured as their source recorded them.

use tunesmith_core::Rng;
use tunesmith_core::probability::{normal_cdf, normal_quantile};

/// How a true value becomes the one that a study sees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Noise {
    /// It is seen as it is.
    None,
    /// The share of right answers on a finite dev set: variance `p (1 - p) / examples`.
    DevSet {
        /// The size of the dev set.
        examples: u32,
        /// How far all trials find the same examples hard: the correlation, in `[0, 1)`, of the normal variables
        /// behind their answers to one example. 0: every evaluation draws its errors anew.
        shared: f64,
    },
}

/// The measurements of one study.
#[derive(Debug)]
pub(crate) struct Measurements {
    noise: Noise,
    rng: Rng,
    /// How hard each example is, standard normal; empty where examples are not shared.
    hardness: Vec<f64>,
}

impl Noise {
    /// The size of the dev set that makes it.
    pub(crate) fn examples(self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::DevSet { examples, .. } => Some(u64::from(examples)),
        }
    }

    /// The measurements of the study of that seed. Studies of one seed have the same dev set.
    pub(crate) fn of_study(self, seed: u64) -> Measurements {
        let hardness = match self {
            Self::DevSet { examples, shared } if shared > 0.0 => {
                let mut rng = Rng::at(seed, 0, "hardness of examples");
                (0..examples).map(|_| rng.normal()).collect()
            }
            _ => Vec::new(),
        };
        Measurements { noise: self, rng: Rng::at(seed, 0, "errors on the dev set"), hardness }
    }
}

impl Measurements {
    /// What a study sees of `value` at a point of a trial's curve. Asking again gives the same.
    pub(crate) fn measure(&self, trial: u32, point: usize, value: f64) -> f64 {
        let Noise::DevSet { examples, shared } = self.noise else { return value };
        if !(0.0..=1.0).contains(&value) {
            return value;
        }
        let mut rng = self.rng.branch(u64::from(trial)).branch(point as u64);
        let examples = f64::from(examples.max(1));
        let right = if self.hardness.is_empty() {
            // The binomial by its normal limit, on the lattice that a count of examples leaves.
            let deviation = (value * (1.0 - value) * examples).sqrt();
            (value * examples + deviation * rng.normal()).round().clamp(0.0, examples)
        } else {
            self.count_right(shared, value, &mut rng) as f64
        };
        right / examples
    }

    /// How many examples a model of that accuracy answers rightly: the one-factor Gaussian copula, under which the
    /// mean over hardness is `value` again.
    fn count_right(&self, shared: f64, value: f64, rng: &mut Rng) -> usize {
        if value <= 0.0 || value >= 1.0 {
            return if value >= 1.0 { self.hardness.len() } else { 0 };
        }
        let threshold = normal_quantile(value);
        let (common, own) = (shared.sqrt(), (1.0 - shared).sqrt());
        let mut is_right =
            |hardness: f64| rng.uniform() < normal_cdf((threshold - common * hardness) / own);
        self.hardness.iter().filter(|hardness| is_right(**hardness)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of the difference to the truth over trials.
    fn moments(noise: Noise, value: f64, studies: u64, trials: u32) -> (f64, f64) {
        let errors: Vec<f64> = (0..studies)
            .flat_map(|seed| {
                let measurements = noise.of_study(seed);
                (0..trials).map(move |trial| measurements.measure(trial, 0, value) - value)
            })
            .collect();
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        let square = errors.iter().map(|error| (error - mean) * (error - mean)).sum::<f64>();
        (mean, square / errors.len() as f64)
    }

    #[test]
    fn a_dev_set_has_the_variance_of_the_binomial() {
        let binomial = 0.7 * 0.3 / 277.0;
        for shared in [0.0, 0.5] {
            let (mean, variance) = moments(Noise::DevSet { examples: 277, shared }, 0.7, 100, 20);
            assert!(mean.abs() < 0.004, "{shared}: {mean}");
            assert!((variance / binomial - 1.0).abs() < 0.2, "{shared}: {variance}");
        }
    }

    #[test]
    fn shared_examples_make_the_differences_of_trials_smaller() {
        let difference = |shared| {
            let noise = Noise::DevSet { examples: 500, shared };
            let difference = |seed| {
                let measurements = noise.of_study(seed);
                measurements.measure(0, 0, 0.8) - measurements.measure(1, 0, 0.8)
            };
            (0..200).map(|seed| difference(seed) * difference(seed)).sum::<f64>() / 200.0
        };
        assert!(difference(0.8) < 0.6 * difference(0.0));
    }

    #[test]
    fn values_lie_on_the_lattice_of_the_examples_and_losses_are_left_alone() {
        let measurements = Noise::DevSet { examples: 10, shared: 0.0 }.of_study(3);
        let value = measurements.measure(4, 0, 0.5) * 10.0;
        assert_eq!(value, value.round());
        assert_eq!(measurements.measure(4, 0, 2.5), 2.5);
        assert!(measurements.measure(4, 0, f64::NAN).is_nan());
        assert_eq!(Noise::None.of_study(0).measure(1, 2, 0.25), 0.25);
        let shared = Noise::DevSet { examples: 10, shared: 0.5 }.of_study(3);
        assert_eq!((shared.measure(0, 0, 0.0), shared.measure(0, 0, 1.0)), (0.0, 1.0));
    }
}
