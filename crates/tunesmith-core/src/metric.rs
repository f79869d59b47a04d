//! What is measured and what is wanted of it. Refuses numbers that are not finite: those fail a trial, see
//! [`FailureReason`](crate::FailureReason).

use std::collections::BTreeMap;

/// Metric values by name. All finite.
pub type Values = BTreeMap<String, f64>;

/// One objective.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// Its name in reports.
    pub name: String,
    /// Which way is better.
    pub goal: Goal,
    /// A value that ends the study as soon as a trial completes with it or better.
    pub target: Option<f64>,
    /// Which of a trial's reports counts.
    pub summary: Summary,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Goal {
    /// Less is better.
    #[default]
    Minimize,
    /// More is better.
    Maximize,
}

/// Which of a trial's reports counts as its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Summary {
    /// The last: the weights that the trial ends with.
    #[default]
    Last,
    /// The best.
    Best,
}

impl Metric {
    /// A metric without a target whose last report counts.
    pub fn new(name: &str, goal: Goal) -> Self {
        Self { name: name.to_owned(), goal, target: None, summary: Summary::Last }
    }

    /// Whether `value` reaches the target.
    pub fn reaches_target(&self, value: f64) -> bool {
        self.target.is_some_and(|target| !self.goal.is_better(target, value))
    }
}

impl Goal {
    /// Whether `left` is better than `right`. Nothing is better than its equal, and NaN never is better.
    pub fn is_better(self, left: f64, right: f64) -> bool {
        match self {
            Self::Minimize => left < right,
            Self::Maximize => left > right,
        }
    }

    /// The better of both.
    pub fn better(self, left: f64, right: f64) -> f64 {
        if self.is_better(right, left) { right } else { left }
    }
}
