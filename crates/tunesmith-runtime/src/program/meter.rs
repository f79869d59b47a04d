//! What a program has said, as reports: which step, how far along, which metrics. It refuses
//! numbers that are none: an undefined metric is passed on as it is, for the core to refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tunesmith_train::protocol::{FromTrainer, Params};

use super::Settings;
use super::spec::{Length, Total};

/// Names under which programs say their step, the first that is there.
const STEPS: [&str; 2] = ["step", "global_step"];
/// How many names of reported numbers are kept for messages.
const MOST_NAMES: usize = 50;

/// The account of a trial.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// The step of the last report.
    pub(super) steps: u64,
    /// Everything that it ever reported.
    pub(super) names: BTreeSet<String>,
    /// The last lines of its output.
    pub(super) tail: String,
    wanted: Vec<String>,
    latest: BTreeMap<String, f64>,
    /// The last number under the name that says how far it is.
    far: Option<f64>,
    fraction: f64,
    passed: Duration,
    owed: Duration,
}

impl Meter {
    /// An account of a trial that said `steps` reports before and goes on from them.
    pub(super) fn new(wanted: Vec<String>, steps: u64) -> Self {
        Self { steps, wanted, ..Self::default() }
    }

    /// The process is started again; from the beginning, unless it has a checkpoint.
    pub(super) fn start_again(&mut self, from_checkpoint: bool) {
        self.passed = Duration::ZERO;
        if !from_checkpoint {
            self.steps = 0;
            self.latest.clear();
        }
    }

    /// The process has run this long.
    pub(super) fn pass(&mut self, active: Duration) {
        self.owed += active.saturating_sub(self.passed);
        self.passed = active;
    }

    /// Seconds that were not told yet.
    pub(super) fn settle(&mut self) -> f64 {
        std::mem::take(&mut self.owed).as_secs_f64()
    }

    /// Notes numbers; gives them back where they are a report.
    pub(super) fn take(&mut self, numbers: BTreeMap<String, f64>) -> Option<BTreeMap<String, f64>> {
        for name in numbers.keys() {
            if self.names.len() < MOST_NAMES {
                self.names.insert(name.clone());
            }
        }
        self.wanted.iter().any(|name| numbers.contains_key(name)).then_some(numbers)
    }

    /// The report that `numbers` are.
    pub(super) fn report(
        &mut self,
        trial: u64,
        numbers: BTreeMap<String, f64>,
        params: &Params,
        settings: &Settings,
    ) -> FromTrainer {
        let said = STEPS.iter().find_map(|name| numbers.get(*name));
        let whole = said.filter(|step| **step >= 1.0 && step.fract() == 0.0 && **step < 1e15);
        self.steps = whole.map_or(self.steps + 1, |step| *step as u64);
        if let Some(length) = &settings.spec.progress {
            self.far = numbers.get(&length.metric).copied().or(self.far);
            let done = self.far.zip(total(length, params)).map(|(far, total)| far / total);
            self.fraction = done
                .filter(|done| done.is_finite())
                .map_or(self.fraction, |done| done.clamp(0.0, 1.0));
        }
        self.latest.extend(numbers);
        let metrics = self.latest.iter().filter(|(name, _)| self.wanted.contains(name));
        FromTrainer::Report {
            trial,
            step: self.steps,
            fraction: self.fraction,
            metrics: metrics.map(|(name, value)| (name.clone(), *value)).collect(),
            device_seconds: self.settle(),
            errors: None,
        }
    }

    /// The first of the metrics that was never reported.
    pub(super) fn missing(&self, metrics: &[String]) -> Option<String> {
        metrics.iter().find(|name| !self.names.contains(*name)).cloned()
    }
}

/// What the length's metric is at the trial's end.
fn total(length: &Length, params: &Params) -> Option<f64> {
    let total = match &length.total {
        Total::Number(total) => Some(*total),
        Total::Parameter(name) => params.get(name).and_then(serde_json::Value::as_f64),
    };
    total.filter(|total| *total > 0.0)
}
