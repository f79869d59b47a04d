//! What a study file says about its data: a named task, files, or a dataset on the hub.
//!
//! Wire types only: nothing here touches the disk. Unknown keys are refused.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

#[cfg(test)]
mod tests;

/// Where the examples come from.
///
/// Written as a string (`glue/rte`) or as a mapping ([`FileTask`]).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Task {
    /// A task that tunesmith knows by name, such as `glue/rte`.
    Named(String),
    /// Files, or a hub dataset whose columns are named here.
    Files(Box<FileTask>),
}

/// Files (or a hub dataset) and what their columns mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileTask {
    /// A hub dataset, `owner/name` or `owner/name/config`, instead of `train`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// The training rows: one path or several of the same shape.
    #[serde(default, skip_serializing_if = "Files::is_empty")]
    pub train: Files,
    /// The validation rows; without them a stratified part of the training rows is set aside.
    #[serde(default, skip_serializing_if = "Files::is_empty")]
    pub validation: Files,
    /// The locked test rows: never trained on and never used to choose.
    #[serde(default, skip_serializing_if = "Files::is_empty")]
    pub test: Files,
    /// The text column, or the two columns of a pair.
    pub text: TextColumns,
    /// The label column.
    pub label: String,
    /// The labels in the order of the model's outputs; without it numbers sort as numbers and
    /// everything else as text. Names for labels that the files write as 0, 1, 2… may be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<String>>,
    /// Classes or scores; without it labels with a fractional part mean scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// How the files are written; without it the extension says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The share of the training rows set aside where there is no validation file; 0.1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_fraction: Option<f64>,
    /// The share of the training rows locked away as the test split; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_fraction: Option<f64>,
    /// Chooses which rows are set aside; 0 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_seed: Option<u64>,
    /// How many rows to keep of each split, from the first on.
    #[serde(default, skip_serializing_if = "Limit::is_none")]
    pub limit: Limit,
}

/// One path or a list of paths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "OneOrMany<PathBuf>", into = "OneOrMany<PathBuf>")]
pub struct Files(pub Vec<PathBuf>);

/// One text column, or two for a pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "OneOrMany<String>", into = "OneOrMany<String>")]
pub enum TextColumns {
    /// Every row is one text.
    One(String),
    /// Every row is a pair of texts.
    Pair(String, String),
}

/// What a label is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One of a few names.
    Classification,
    /// A real number.
    Regression,
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Tab separated with a header, no quoting: a `"` is a character like any other.
    Tsv,
    /// Comma separated with a header, quoted as RFC 4180 says.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// Apache Parquet, with no nested columns among those used.
    Parquet,
}

/// Upper bounds on rows, as run_glue's `max_train_samples` and `max_eval_samples`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Training rows kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<usize>,
    /// Validation rows kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<usize>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected one entry or a list of entries")]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

/// Why a `text` entry is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`text` names {found} columns: give one, or two for a pair")]
pub struct TextColumnsError {
    /// How many columns were given.
    pub found: usize,
}

impl FileTask {
    /// A task with every optional entry absent, over one training file.
    pub fn new(train: impl Into<PathBuf>, text: TextColumns, label: impl Into<String>) -> Self {
        Self {
            dataset: None,
            train: Files(vec![train.into()]),
            validation: Files::default(),
            test: Files::default(),
            text,
            label: label.into(),
            labels: None,
            kind: None,
            format: None,
            validation_fraction: None,
            test_fraction: None,
            split_seed: None,
            limit: Limit::default(),
        }
    }
}

impl Task {
    /// Makes relative paths start at `base`, the directory of the study file.
    #[must_use]
    pub fn relative_to(self, base: &Path) -> Self {
        match self {
            Self::Named(name) => Self::Named(name),
            Self::Files(mut task) => {
                for files in [&mut task.train, &mut task.validation, &mut task.test] {
                    for path in &mut files.0 {
                        *path = base.join(&path);
                    }
                }
                Self::Files(task)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Task {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TaskVisitor;

        impl<'de> Visitor<'de> for TaskVisitor {
            type Value = Task;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter
                    .write_str("a task name such as glue/rte, or a mapping of files and columns")
            }

            fn visit_str<E>(self, name: &str) -> Result<Task, E> {
                Ok(Task::Named(name.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Task, A::Error> {
                FileTask::deserialize(MapAccessDeserializer::new(map))
                    .map(|task| Task::Files(Box::new(task)))
            }
        }

        deserializer.deserialize_any(TaskVisitor)
    }
}

impl Files {
    /// Whether no file is named.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Limit {
    fn is_none(&self) -> bool {
        self.train.is_none() && self.validation.is_none()
    }
}

impl TextColumns {
    /// The names, in order: one or two.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::One(only) => vec![only],
            Self::Pair(first, second) => vec![first, second],
        }
    }
}

impl From<OneOrMany<PathBuf>> for Files {
    fn from(paths: OneOrMany<PathBuf>) -> Self {
        match paths {
            OneOrMany::One(path) => Self(vec![path]),
            OneOrMany::Many(paths) => Self(paths),
        }
    }
}

impl From<Files> for OneOrMany<PathBuf> {
    fn from(files: Files) -> Self {
        match <[PathBuf; 1]>::try_from(files.0) {
            Ok([only]) => Self::One(only),
            Err(paths) => Self::Many(paths),
        }
    }
}

impl TryFrom<OneOrMany<String>> for TextColumns {
    type Error = TextColumnsError;

    fn try_from(columns: OneOrMany<String>) -> Result<Self, TextColumnsError> {
        let names = match columns {
            OneOrMany::One(name) => vec![name],
            OneOrMany::Many(names) => names,
        };
        let found = names.len();
        let mut names = names.into_iter();
        match (names.next(), names.next(), names.next()) {
            (Some(only), None, None) => Ok(Self::One(only)),
            (Some(first), Some(second), None) => Ok(Self::Pair(first, second)),
            _ => Err(TextColumnsError { found }),
        }
    }
}

impl From<TextColumns> for OneOrMany<String> {
    fn from(columns: TextColumns) -> Self {
        match columns {
            TextColumns::One(only) => Self::One(only),
            TextColumns::Pair(first, second) => Self::Many(vec![first, second]),
        }
    }
}
