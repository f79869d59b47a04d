//! Label text into classes or scores.
//!
//! The training rows (or the task) say which labels exist; a label that only turns up later is an
//! error, never a new class.

use std::collections::{BTreeMap, BTreeSet};

use super::dataset::{Labels, Target};
use super::error::{DataError, Setting};
use super::read::Table;
use super::task::Kind;

/// More classes than this, unlisted, mean that the label column is something else.
const MOST_CLASSES: usize = 1024;

/// What a task says about its labels.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// Classes or scores, where said.
    pub(super) kind: Option<Kind>,
    /// The names in order, where said.
    pub(super) names: Option<Vec<String>>,
}

/// How the labels of a task are read.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    /// What the model has to say.
    pub(super) target: Target,
    /// The task lists names for labels that are written 0, 1, 2…
    numbered: bool,
}

impl Reading {
    /// Settles the target from the task and the training rows; `tables` is not empty.
    pub(super) fn settle(wanted: &Wanted, tables: &[Table]) -> Result<Self, DataError> {
        check(wanted)?;
        let kept = tables.first().and_then(|table| table.class_names.clone());
        let regression = match wanted.kind {
            Some(kind) => kind == Kind::Regression,
            None => wanted.names.is_none() && kept.is_none() && has_fractions(tables),
        };
        if regression {
            return Ok(Self { target: Target::Regression, numbered: false });
        }
        let names = match (&wanted.names, kept) {
            (Some(names), _) => names.clone(),
            (None, Some(names)) => names,
            (None, None) => found(tables)?,
        };
        let numbered = wanted.names.is_some() && !names.iter().any(|name| is_integer(name));
        Ok(Self { target: Target::Classes(names), numbered })
    }

    /// The labels of a split, its tables in order.
    pub(super) fn read(&self, tables: &[Table]) -> Result<Labels, DataError> {
        match &self.target {
            Target::Classes(names) => self.classes(names, tables).map(Labels::Classes),
            Target::Regression => scores(tables).map(Labels::Scores),
        }
    }

    fn classes(&self, names: &[String], tables: &[Table]) -> Result<Vec<u32>, DataError> {
        let mut index: BTreeMap<String, u32> = BTreeMap::new();
        for (class, name) in names.iter().enumerate() {
            index.insert(name.clone(), class as u32);
            if self.numbered {
                index.insert(class.to_string(), class as u32);
            }
        }
        let class = |table: &Table, line: u32, label: &String| match index.get(label) {
            Some(class) => Ok(*class),
            None => Err(DataError::UnknownLabel {
                path: table.path.clone(),
                line: line as usize,
                label: label.clone(),
                known: names.to_vec(),
            }),
        };
        each(tables).map(|(table, line, label)| class(table, line, label)).collect()
    }
}

/// A task may list its labels once, two or more, and only where labels are classes.
fn check(wanted: &Wanted) -> Result<(), DataError> {
    let Some(names) = &wanted.names else {
        return Ok(());
    };
    if wanted.kind == Some(Kind::Regression) {
        return Err(DataError::Setting { setting: Setting::LabelsOfScores });
    }
    let different: BTreeSet<&String> = names.iter().collect();
    if names.len() < 2 || different.len() < names.len() {
        return Err(DataError::Setting { setting: Setting::Labels });
    }
    Ok(())
}

/// Whether all labels are numbers and one of them is no integer.
fn has_fractions(tables: &[Table]) -> bool {
    let mut fractions = false;
    for (_, _, label) in each(tables) {
        match label.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => fractions |= number.fract() != 0.0,
            _ => return false,
        }
    }
    fractions
}

/// The different labels: as numbers where all are integers, else as text.
fn found(tables: &[Table]) -> Result<Vec<String>, DataError> {
    let different: BTreeSet<&String> = each(tables).map(|(_, _, label)| label).collect();
    let mut names: Vec<String> = different.into_iter().cloned().collect();
    let path = || tables.first().map(|table| table.path.clone()).unwrap_or_default();
    if names.len() > MOST_CLASSES {
        let rows = tables.iter().map(Table::rows).sum();
        return Err(DataError::TooManyLabels { path: path(), found: names.len(), rows });
    }
    if let [label] = names.as_slice() {
        return Err(DataError::OneLabel { path: path(), label: label.clone() });
    }
    if names.iter().all(|name| is_integer(name)) {
        names.sort_by_key(|name| name.parse::<i64>().unwrap_or_default());
    }
    Ok(names)
}

fn is_integer(name: &str) -> bool {
    name.parse::<i64>().is_ok()
}

fn scores(tables: &[Table]) -> Result<Vec<f32>, DataError> {
    let score = |table: &Table, line: u32, label: &String| match label.trim().parse::<f32>() {
        Ok(score) if score.is_finite() => Ok(score),
        _ => Err(DataError::NotANumber {
            path: table.path.clone(),
            line: line as usize,
            label: label.clone(),
        }),
    };
    each(tables).map(|(table, line, label)| score(table, line, label)).collect()
}

/// Every row's table, line and label: the last column.
fn each(tables: &[Table]) -> impl Iterator<Item = (&Table, u32, &String)> {
    tables.iter().flat_map(|table| {
        let labels = table.columns.last().into_iter().flatten();
        table.lines.iter().zip(labels).map(move |(line, label)| (table, *line, label))
    })
}
