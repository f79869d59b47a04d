//! GLUE's metrics, under the names that transformers' `run_glue` gives them.
//!
//! Values agree with scikit-learn and scipy on every input, degenerate ones included; where those
//! give NaN this gives [`MetricError::Undefined`], never a number. The loss is the trainer's to
//! compute and is not here.

use std::collections::BTreeSet;
use std::fmt;

use crate::data::{Labels, Target};

#[cfg(test)]
mod tests;

/// Something measured on the validation rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// The share of rows whose class is right.
    Accuracy,
    /// F1 of class 1 where there are two classes, the unweighted mean over classes otherwise.
    F1,
    /// Matthews' correlation coefficient (Gorodkin's R_K for more than two classes).
    Matthews,
    /// Pearson's correlation.
    Pearson,
    /// Spearman's rank correlation; tied values share their mean rank.
    Spearman,
    /// The mean squared error.
    MeanSquaredError,
}

/// Why a metric has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// There is nothing to measure.
    #[error("{metric} of no rows has no value: give the task validation rows")]
    NoRows {
        /// What was asked for.
        metric: Metric,
    },
    /// Predictions and labels are not equally many.
    #[error("{metric}: {predictions} predictions for {labels} labels")]
    Lengths {
        /// What was asked for.
        metric: Metric,
        /// Rows predicted.
        predictions: usize,
        /// Rows labelled.
        labels: usize,
    },
    /// A metric of classes was asked of scores, or the other way round.
    #[error("{metric} does not fit this task: {}", fitting(*.metric))]
    WrongTarget {
        /// What was asked for.
        metric: Metric,
    },
    /// The definition divides by zero: all predictions or all labels are the same, or a value is
    /// not finite.
    #[error("{metric} is undefined: the {constant} do not vary or are not finite")]
    Undefined {
        /// What was asked for.
        metric: Metric,
        /// Which side.
        constant: Side,
    },
}

/// The two things that a metric compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What the model said.
    Predictions,
    /// What the data says.
    Labels,
}

impl Metric {
    /// Every metric, in the order in which reports list them.
    pub const ALL: [Self; 6] = [
        Self::Accuracy,
        Self::F1,
        Self::Matthews,
        Self::Pearson,
        Self::Spearman,
        Self::MeanSquaredError,
    ];

    /// The name in reports, `eval_` in front, as the Trainer writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "eval_accuracy",
            Self::F1 => "eval_f1",
            Self::Matthews => "eval_matthews_correlation",
            Self::Pearson => "eval_pearson",
            Self::Spearman => "eval_spearmanr",
            Self::MeanSquaredError => "eval_mse",
        }
    }

    /// The metric of that name, with or without `eval_`.
    pub fn named(name: &str) -> Option<Self> {
        let bare = |name: &str| name.strip_prefix("eval_").unwrap_or(name).to_owned();
        Self::ALL.into_iter().find(|metric| bare(metric.name()) == bare(name))
    }

    /// Whether larger is better.
    pub fn maximised(self) -> bool {
        self != Self::MeanSquaredError
    }

    /// All metrics that make sense for a target.
    pub fn fitting(target: &Target) -> &'static [Self] {
        match target {
            Target::Classes(_) => &Self::ALL[..3],
            Target::Regression => &Self::ALL[3..],
        }
    }

    /// Measures `predictions` against `labels`; `target` says how many classes there are.
    ///
    /// # Errors
    /// See [`MetricError`].
    pub fn score(
        self,
        target: &Target,
        predictions: &Labels,
        labels: &Labels,
    ) -> Result<f64, MetricError> {
        if labels.is_empty() {
            return Err(MetricError::NoRows { metric: self });
        }
        if predictions.len() != labels.len() {
            let (predictions, labels) = (predictions.len(), labels.len());
            return Err(MetricError::Lengths { metric: self, predictions, labels });
        }
        match (self, predictions, labels) {
            (Self::Accuracy, Labels::Classes(said), Labels::Classes(is)) => Ok(accuracy(said, is)),
            (Self::F1, Labels::Classes(said), Labels::Classes(is)) if target.outputs() == 2 => {
                Ok(class_f1(said, is, 1))
            }
            (Self::F1, Labels::Classes(said), Labels::Classes(is)) => Ok(macro_f1(said, is)),
            (Self::Matthews, Labels::Classes(said), Labels::Classes(is)) => Ok(matthews(said, is)),
            (Self::Pearson, Labels::Scores(said), Labels::Scores(is)) => {
                self.correlation(&widened(said), &widened(is))
            }
            (Self::Spearman, Labels::Scores(said), Labels::Scores(is)) => {
                self.finite(&widened(said), &widened(is))?;
                self.correlation(&ranks(said), &ranks(is))
            }
            (Self::MeanSquaredError, Labels::Scores(said), Labels::Scores(is)) => {
                self.finite(&widened(said), &widened(is))?;
                Ok(mean_squared_error(said, is))
            }
            _ => Err(MetricError::WrongTarget { metric: self }),
        }
    }

    fn correlation(self, said: &[f64], is: &[f64]) -> Result<f64, MetricError> {
        self.finite(said, is)?;
        let (said, is) = (centred(said), centred(is));
        let (said_norm, is_norm) = (norm(&said), norm(&is));
        if said_norm == 0.0 {
            return Err(MetricError::Undefined { metric: self, constant: Side::Predictions });
        }
        if is_norm == 0.0 {
            return Err(MetricError::Undefined { metric: self, constant: Side::Labels });
        }
        let product: f64 = said.iter().zip(&is).map(|(a, b)| (a / said_norm) * (b / is_norm)).sum();
        Ok(product.clamp(-1.0, 1.0))
    }

    fn finite(self, said: &[f64], is: &[f64]) -> Result<(), MetricError> {
        let broken = |values: &[f64]| !values.iter().all(|value| value.is_finite());
        if broken(said) {
            return Err(MetricError::Undefined { metric: self, constant: Side::Predictions });
        }
        if broken(is) {
            return Err(MetricError::Undefined { metric: self, constant: Side::Labels });
        }
        Ok(())
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl fmt::Display for Side {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Predictions => "predictions",
            Self::Labels => "labels",
        })
    }
}

fn fitting(metric: Metric) -> &'static str {
    if Metric::fitting(&Target::Regression).contains(&metric) {
        "its labels are classes; ask for eval_accuracy, eval_f1 or eval_matthews_correlation"
    } else {
        "its labels are numbers; ask for eval_pearson, eval_spearmanr or eval_mse"
    }
}

fn accuracy(said: &[u32], is: &[u32]) -> f64 {
    let right = said.iter().zip(is).filter(|(a, b)| a == b).count();
    right as f64 / is.len() as f64
}

/// 2·TP / (2·TP + FP + FN); 0 where the class is neither said nor there, as scikit-learn.
fn class_f1(said: &[u32], is: &[u32], class: u32) -> f64 {
    let hits = said.iter().zip(is).filter(|&(&a, &b)| a == class && b == class).count();
    let claims = said.iter().filter(|&&a| a == class).count();
    let members = is.iter().filter(|&&b| b == class).count();
    if claims + members == 0 {
        return 0.0;
    }
    2.0 * hits as f64 / (claims + members) as f64
}

/// The mean over the classes that are said or there (scikit-learn's default `labels`).
fn macro_f1(said: &[u32], is: &[u32]) -> f64 {
    let classes: BTreeSet<u32> = said.iter().chain(is).copied().collect();
    classes.iter().map(|&class| class_f1(said, is, class)).sum::<f64>() / classes.len() as f64
}

/// Gorodkin 2004, from class counts alone; 0 where a side is constant, as scikit-learn.
fn matthews(said: &[u32], is: &[u32]) -> f64 {
    let classes: BTreeSet<u32> = said.iter().chain(is).copied().collect();
    let count = |side: &[u32], class: u32| side.iter().filter(|&&c| c == class).count() as f64;
    let rows = is.len() as f64;
    let right = said.iter().zip(is).filter(|(a, b)| a == b).count() as f64;
    let (mut both, mut said_squared, mut is_squared) = (0.0, 0.0, 0.0);
    for &class in &classes {
        let (claims, members) = (count(said, class), count(is, class));
        both += claims * members;
        said_squared += claims * claims;
        is_squared += members * members;
    }
    let spread = (rows * rows - said_squared) * (rows * rows - is_squared);
    if spread == 0.0 { 0.0 } else { (right * rows - both) / spread.sqrt() }
}

fn mean_squared_error(said: &[f32], is: &[f32]) -> f64 {
    let squares = said.iter().zip(is).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    squares.sum::<f64>() / is.len() as f64
}

/// Ranks from 1, tied values sharing the mean of theirs.
fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let shared = before as f64 + f64::midpoint(tied.len() as f64, 1.0);
        for &row in tied {
            ranks[row] = shared;
        }
        before += tied.len();
    }
    ranks
}

fn widened(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

fn centred(values: &[f64]) -> Vec<f64> {
    if values.iter().all(|value| *value == values[0]) {
        return vec![0.0; values.len()];
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| value - mean).collect()
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}
