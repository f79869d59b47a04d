//! Methods against a baseline, on the same task, seed and dev set. Refuses to compare means of different studies.

use serde::Serialize;

use super::{Studies, checkpoints};
use crate::statistics::{Estimate, bootstrap, bootstrap_ratio};

/// Every other method against a baseline.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    pub(super) baseline: String,
    pub(super) methods: Vec<Compared>,
}

/// A method against a baseline.
#[derive(Debug, Serialize)]
pub(super) struct Compared {
    pub(super) method: String,
    /// By number of trials; `None` where no pair of studies is that long.
    pub(super) cells: Vec<Option<Pairs>>,
}

/// Pairs of studies after some trials.
#[derive(Debug, Serialize)]
pub(super) struct Pairs {
    pub(super) trials: u32,
    pub(super) pairs: usize,
    /// Normalised regret less that of the baseline.
    pub(super) difference: Estimate,
    /// Of the mean normalised regrets; `None` where the baseline's can be 0.
    pub(super) ratio: Option<Estimate>,
}

impl Studies<'_> {
    /// Every method but the baseline, at every checkpoint.
    pub(super) fn comparison(&self, baseline: &str) -> Comparison {
        let others = self.plan.methods.iter().map(|method| method.label.as_str());
        let compared = |method: &str| Compared {
            method: method.to_owned(),
            cells: checkpoints(self.plan.trials)
                .into_iter()
                .map(|trials| self.pairs(method, baseline, trials))
                .collect(),
        };
        let methods = others.filter(|method| *method != baseline).map(compared);
        Comparison { baseline: baseline.to_owned(), methods: methods.collect() }
    }

    fn pairs(&self, method: &str, baseline: &str, trials: u32) -> Option<Pairs> {
        let other = self.regrets(baseline, trials, |_| true);
        let own = self.regrets(method, trials, |_| true).into_iter();
        let pairs: Vec<(f64, f64)> =
            own.filter_map(|(key, own)| Some((own, *other.get(&key)?))).collect();
        let differences: Vec<f64> = pairs.iter().map(|(own, other)| own - other).collect();
        Some(Pairs {
            trials,
            pairs: pairs.len(),
            difference: bootstrap(&differences)?,
            ratio: bootstrap_ratio(&pairs),
        })
    }
}
