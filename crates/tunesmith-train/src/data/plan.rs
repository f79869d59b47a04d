//! A task resolved: which files, which columns, which settings.
//!
//! Asks the hub where files are; opens none of them.

use std::path::PathBuf;

use super::error::{DataError, Setting};
use super::glue::{self, GlueTask};
use super::task::{FileTask, Format, Kind, Limit, Task};
use crate::hub::{DatasetFiles, Hub};
use crate::metrics::Metric;

/// What [`super::Corpus::read`] reads.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) train: Vec<PathBuf>,
    pub(super) validation: Vec<PathBuf>,
    pub(super) test: Vec<PathBuf>,
    /// The test rows came with the dataset: without labels they are left out.
    pub(super) test_may_be_hidden: bool,
    pub(super) text: Vec<String>,
    pub(super) label: String,
    pub(super) labels: Option<Vec<String>>,
    pub(super) kind: Option<Kind>,
    pub(super) format: Option<Format>,
    pub(super) validation_fraction: Option<f64>,
    pub(super) test_fraction: Option<f64>,
    pub(super) split_seed: u64,
    pub(super) limit: Limit,
    pub(super) metric: Option<Metric>,
}

/// Resolves a task.
pub(super) fn plan(task: &Task, hub: &Hub) -> Result<Plan, DataError> {
    let name = match task {
        Task::Files(task) => return described(task, hub)?.check(),
        Task::Named(name) => name,
    };
    let unknown = || DataError::UnknownTask { name: name.clone(), known: glue::names() };
    named(glue::named(name).ok_or_else(unknown)?, hub)
}

/// A GLUE task: its test rows have no labels and are left out.
fn named(task: &GlueTask, hub: &Hub) -> Result<Plan, DataError> {
    let files = hub.dataset(glue::REPOSITORY, Some(task.name))?;
    let labels = task.classes.iter().map(ToString::to_string).collect::<Vec<_>>();
    let kind = if labels.is_empty() { Kind::Regression } else { Kind::Classification };
    Ok(Plan {
        train: split(&files, &["train"], "train")?,
        validation: split(&files, &[task.validation], "validation")?,
        text: task.text.iter().map(ToString::to_string).collect(),
        label: "label".to_owned(),
        labels: (!labels.is_empty()).then_some(labels),
        kind: Some(kind),
        metric: Some(task.metric),
        ..Plan::default()
    })
}

/// Files, or a hub dataset, whose columns the task names.
fn described(task: &FileTask, hub: &Hub) -> Result<Plan, DataError> {
    let mut plan = Plan {
        train: task.train.0.clone(),
        validation: task.validation.0.clone(),
        test: task.test.0.clone(),
        test_may_be_hidden: false,
        text: task.text.names().into_iter().map(str::to_owned).collect(),
        label: task.label.clone(),
        labels: task.labels.clone(),
        kind: task.kind,
        format: task.format,
        validation_fraction: task.validation_fraction,
        test_fraction: task.test_fraction,
        split_seed: task.split_seed.unwrap_or_default(),
        limit: task.limit,
        metric: None,
    };
    match &task.dataset {
        None if plan.train.is_empty() => Err(DataError::Setting { setting: Setting::Source }),
        None => Ok(plan),
        Some(_) if !plan.train.is_empty() => Err(DataError::Setting { setting: Setting::Source }),
        Some(dataset) => {
            let files = dataset_files(dataset, hub)?;
            plan.train = split(&files, &["train"], "train")?;
            if plan.validation.is_empty() && plan.validation_fraction.is_none() {
                let names = ["validation", "validation_matched", "dev", "valid"];
                plan.validation = files.split(&names)?;
            }
            if plan.test.is_empty() && plan.test_fraction.is_none() {
                plan.test = files.split(&["test"])?;
                plan.test_may_be_hidden = true;
            }
            plan.format = Some(Format::Parquet);
            Ok(plan)
        }
    }
}

/// `owner/name`, `owner/name/config` or `glue/name`.
fn dataset_files<'a>(dataset: &str, hub: &'a Hub) -> Result<DatasetFiles<'a>, DataError> {
    if let Some(task) = glue::named(dataset) {
        return Ok(hub.dataset(glue::REPOSITORY, Some(task.name))?);
    }
    let mut parts = dataset.splitn(3, '/');
    let repository: Vec<&str> = parts.by_ref().take(2).collect();
    Ok(hub.dataset(&repository.join("/"), parts.next())?)
}

fn split(
    files: &DatasetFiles<'_>,
    names: &[&str],
    split: &'static str,
) -> Result<Vec<PathBuf>, DataError> {
    let found = files.split(names)?;
    if found.is_empty() {
        return Err(DataError::NoSplit {
            dataset: files.id.clone(),
            config: files.config.clone(),
            configs: files.configs.clone(),
            split,
        });
    }
    Ok(found)
}
