//! The labelled texts of a task, split, before any tokenising.
//!
//! Reads what a [`Task`] names and settles its target. It downloads through [`Hub`] alone and never
//! lets a test row into training or validation.

use std::path::PathBuf;

use super::dataset::{Labels, Target};
use super::error::{DataError, Setting};
use super::labels::{Reading, Wanted};
use super::plan::{Plan, plan};
use super::read::{self, Table};
use super::split::set_aside;
use super::task::Task;
use crate::hub::Hub;
use crate::metrics::Metric;

#[cfg(test)]
mod tests;

/// Labelled texts in their splits.
#[derive(Clone, Debug, PartialEq)]
pub struct Corpus {
    /// The rows to train on.
    pub train: Texts,
    /// The rows that choose between trials.
    pub validation: Texts,
    /// The locked rows.
    pub test: Option<Texts>,
    /// What the labels are.
    pub target: Target,
    /// What chooses between trials unless the study says otherwise.
    pub metric: Metric,
    /// How many texts of all splits are empty or blank.
    pub empty_texts: usize,
}

/// Texts with their labels; all columns equally long.
#[derive(Clone, Debug, PartialEq)]
pub struct Texts {
    /// The text, or the first of the pair.
    pub first: Vec<String>,
    /// The second of the pair.
    pub second: Option<Vec<String>>,
    /// One label a row.
    pub labels: Labels,
}

/// The share set aside for validation where the task says none.
const VALIDATION_FRACTION: f64 = 0.1;

/// Keeps the test rows of a seed apart from its validation rows.
const TEST_SEED: u64 = 0x7465_7374;

impl Corpus {
    /// Reads everything that a task names.
    ///
    /// # Errors
    /// See [`DataError`].
    pub fn read(task: &Task, hub: &Hub) -> Result<Self, DataError> {
        let plan = plan(task, hub)?;
        let columns: Vec<&str> =
            plan.text.iter().chain([&plan.label]).map(String::as_str).collect();
        let tables = |files: &[PathBuf]| -> Result<Vec<Table>, DataError> {
            files.iter().map(|path| read::read(path, plan.format, &columns)).collect()
        };
        let train = tables(&plan.train)?;
        let wanted = Wanted { kind: plan.kind, names: plan.labels.clone() };
        let reading = Reading::settle(&wanted, &train)?;
        let split = |tables: Vec<Table>| -> Result<Option<Texts>, DataError> {
            let labels = reading.read(&tables)?;
            Ok((!tables.is_empty()).then(|| Texts::gather(tables, labels)))
        };
        let validation = split(tables(&plan.validation)?)?;
        let test = match tables(&plan.test) {
            Ok(test) if plan.test_may_be_hidden && is_hidden(&test) => None,
            Err(DataError::MissingColumn { .. }) if plan.test_may_be_hidden => None,
            test => split(test?)?,
        };
        let labels = reading.read(&train)?;
        let given = Texts::gather(train, labels);
        let metric = plan.metric.unwrap_or(match reading.target {
            Target::Classes(_) => Metric::Accuracy,
            Target::Regression => Metric::MeanSquaredError,
        });
        divide(&plan, given, validation, test, reading.target, metric)
    }

    /// All splits, the locked one last.
    pub(super) fn splits(&self) -> impl Iterator<Item = &Texts> {
        [&self.train, &self.validation].into_iter().chain(&self.test)
    }
}

/// Whether the hub keeps the labels of these rows to itself: it writes -1 for each.
fn is_hidden(tables: &[Table]) -> bool {
    let mut labels = tables.iter().filter_map(|table| table.columns.last()).flatten();
    labels.all(|label| label == "-1")
}

/// Sets rows aside where there are no files for them, and applies the limits.
fn divide(
    plan: &Plan,
    given: Texts,
    validation: Option<Texts>,
    test: Option<Texts>,
    target: Target,
    metric: Metric,
) -> Result<Corpus, DataError> {
    let all = given.labels.len();
    let mut rows: Vec<u32> = (0..all as u32).collect();
    let mut take = |fraction: f64, seed: u64, split: &'static str| {
        let wanted = ((all as f64 * fraction).round() as usize).max(1);
        let parts = set_aside(&given.labels, &rows, wanted.min(rows.len()), seed);
        if parts.aside.is_empty() || parts.kept.is_empty() {
            return Err(DataError::TooFewRows { rows: all, wanted, split });
        }
        rows = parts.kept;
        Ok(given.select(&parts.aside))
    };
    let test = match (test, plan.test_fraction) {
        (None, Some(fraction)) => Some(take(fraction, plan.split_seed ^ TEST_SEED, "test")?),
        (test, _) => test,
    };
    let mut validation = if let Some(validation) = validation {
        validation
    } else {
        let fraction = plan.validation_fraction.unwrap_or(VALIDATION_FRACTION);
        take(fraction, plan.split_seed, "validation")?
    };
    rows.truncate(plan.limit.train.unwrap_or(usize::MAX));
    let train = if rows.len() == all { given } else { given.select(&rows) };
    if let Some(most) = plan.limit.validation {
        let kept = validation.labels.len().min(most) as u32;
        validation = validation.select(&(0..kept).collect::<Vec<_>>());
    }
    let mut corpus = Corpus { train, validation, test, target, metric, empty_texts: 0 };
    corpus.empty_texts = corpus.splits().map(Texts::empty).sum();
    Ok(corpus)
}

impl Texts {
    /// Joins the tables of a split, each with its label column last.
    fn gather(tables: Vec<Table>, labels: Labels) -> Self {
        let pair = tables.first().is_some_and(|table| table.columns.len() == 3);
        let mut texts = Self { first: Vec::new(), second: pair.then(Vec::new), labels };
        for table in tables {
            let mut columns = table.columns.into_iter();
            texts.first.extend(columns.next().unwrap_or_default());
            if let Some(second) = &mut texts.second {
                second.extend(columns.next().unwrap_or_default());
            }
        }
        texts
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.first.len()
    }

    /// Every text, both of a pair.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.first.iter().chain(self.second.iter().flatten()).map(String::as_str)
    }

    fn select(&self, rows: &[u32]) -> Self {
        fn pick<T: Clone>(values: &[T], rows: &[u32]) -> Vec<T> {
            rows.iter().map(|row| values[*row as usize].clone()).collect()
        }
        Self {
            first: pick(&self.first, rows),
            second: self.second.as_ref().map(|second| pick(second, rows)),
            labels: match &self.labels {
                Labels::Classes(classes) => Labels::Classes(pick(classes, rows)),
                Labels::Scores(scores) => Labels::Scores(pick(scores, rows)),
            },
        }
    }

    fn empty(&self) -> usize {
        self.all().filter(|text| text.trim().is_empty()).count()
    }
}

impl Plan {
    /// Refuses what contradicts itself.
    pub(super) fn check(self) -> Result<Self, DataError> {
        let refuse = |setting| Err(DataError::Setting { setting });
        if self.validation_fraction.is_some() && !self.validation.is_empty() {
            return refuse(Setting::ValidationFraction);
        }
        if self.test_fraction.is_some() && !self.test.is_empty() {
            return refuse(Setting::TestFraction);
        }
        let fractions = [self.validation_fraction, self.test_fraction];
        let sum: f64 = fractions.iter().flatten().sum();
        if fractions.iter().flatten().any(|fraction| fraction.is_nan() || *fraction <= 0.0)
            || sum >= 1.0
        {
            return refuse(Setting::Fractions);
        }
        if [self.limit.train, self.limit.validation].contains(&Some(0)) {
            return refuse(Setting::Limit);
        }
        let mut columns: Vec<&String> = self.text.iter().chain([&self.label]).collect();
        columns.sort_unstable();
        if columns.windows(2).any(|pair| pair[0] == pair[1]) {
            return refuse(Setting::Columns);
        }
        Ok(self)
    }
}
