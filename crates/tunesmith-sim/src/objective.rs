//! What a simulated search searches: a space, and for every point of it a noiseless learning curve and its cost.
//!
//! Refuses noise: that is [`Noise`](crate::Noise)'s business, so that every objective has a true value to measure
//! regret by.

use std::fmt::Debug;

use tunesmith_core::{Metric, Params, SearchSpace, Summary};

/// A point of a learning curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The share of the trial's own schedule that is done, above 0 and up to 1.
    pub fraction: f64,
    /// The metric there without noise; not finite where the training broke down.
    pub value: f64,
}

/// What one training would give.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Fractions ascending, the last one 1; never empty.
    pub curve: Vec<Point>,
    /// What the whole training costs, in device seconds.
    pub seconds: f64,
}

/// A simulated task.
pub trait Objective: Send + Sync + Debug {
    /// What is searched.
    fn space(&self) -> &SearchSpace;

    /// What is measured.
    fn metric(&self) -> &Metric;

    /// The training of legal params. The same params give the same evaluation.
    fn evaluate(&self, params: &Params) -> Evaluation;

    /// The best value that there is, where it is known.
    fn optimum(&self) -> Option<f64> {
        None
    }

    /// Points that are worth a look when the best value has to be searched for, such as the rows of a table.
    fn landmarks(&self) -> Vec<Params> {
        Vec::new()
    }

    /// The true value of params by the metric's summary; `None` where the training breaks down.
    fn value(&self, params: &Params) -> Option<f64> {
        self.evaluate(params).value(self.metric())
    }
}

impl Evaluation {
    /// A training of which only the end is known.
    pub fn at_end(value: f64, seconds: f64) -> Self {
        Self { curve: vec![Point { fraction: 1.0, value }], seconds }
    }

    /// What it costs to train as far as it goes, in device seconds: to its end, or to where it breaks down.
    pub(crate) fn trained_seconds(&self) -> f64 {
        let broken = self.curve.iter().find(|point| !point.value.is_finite());
        self.seconds * broken.map_or(1.0, |point| point.fraction)
    }

    /// The value by the metric's summary; `None` where a point of the curve is not finite.
    pub fn value(&self, metric: &Metric) -> Option<f64> {
        let values = || self.curve.iter().map(|point| point.value);
        if values().any(|value| !value.is_finite()) {
            return None;
        }
        match metric.summary {
            Summary::Last => values().next_back(),
            Summary::Best => values().reduce(|best, value| metric.goal.better(best, value)),
        }
    }
}
