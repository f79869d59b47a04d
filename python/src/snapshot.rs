//! Trials and findings as dictionaries. It refuses to interpret: names and units are those of the log.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use tunesmith_core::{Exploited, FailureReason, Goal, Metric, Origin, Outcome, Trial};
use tunesmith_search::importance::{Importance, ParameterImportance};

use crate::convert;

/// All that is known of a trial.
pub(crate) fn trial<'py>(
    py: Python<'py>,
    trial: &Trial,
    metrics: &[Metric],
) -> PyResult<Bound<'py, PyDict>> {
    let shown = PyDict::new(py);
    shown.set_item("number", trial.number)?;
    shown.set_item("state", trial.state.name())?;
    shown.set_item("params", convert::dictionary(py, &trial.params)?)?;
    shown.set_item("seed", trial.seed)?;
    shown.set_item("values", values(py, trial, metrics)?)?;
    shown.set_item("reports", reports(py, trial)?)?;
    shown.set_item("reason", reason(trial))?;
    let checkpoint = trial.checkpoint.as_ref();
    shown.set_item("checkpoint", checkpoint.map(|one| (one.step, one.path.clone(), one.bytes)))?;
    shown.set_item("exploits", exploits(py, &trial.exploits)?)?;
    shown.set_item("origin", origin(&trial.origin))?;
    let effective = trial.effective.as_ref();
    let used = effective.map(|one| convert::dictionary(py, &one.params)).transpose()?;
    let read_back = effective.map(|one| convert::dictionary(py, &one.read_back)).transpose()?;
    shown.set_item("effective", used)?;
    shown.set_item("read_back", read_back)?;
    shown.set_item("total_steps", effective.map(|one| one.total_steps))?;
    shown.set_item("leases", trial.leases)?;
    shown.set_item("device_seconds", trial.device_seconds)?;
    shown.set_item("created_ms", trial.created_at.0)?;
    shown.set_item("finished_ms", trial.finished_at.map(|at| at.0))?;
    Ok(shown)
}

/// The metrics of the study, and of a completed trial all that it was told.
fn values<'py>(py: Python<'py>, trial: &Trial, metrics: &[Metric]) -> PyResult<Bound<'py, PyDict>> {
    if let Some(Outcome::Completed { values }) = &trial.outcome {
        return convert::numbers(py, values);
    }
    let known =
        metrics.iter().filter_map(|metric| Some((metric.name.clone(), trial.value(metric)?)));
    convert::numbers(py, &known.collect())
}

fn reports<'py>(py: Python<'py>, trial: &Trial) -> PyResult<Bound<'py, PyList>> {
    let rows: PyResult<Vec<_>> = trial
        .reports
        .iter()
        .map(|report| Ok((report.step, report.fraction, convert::numbers(py, &report.values)?)))
        .collect();
    PyList::new(py, rows?)
}

fn exploits<'py>(py: Python<'py>, exploits: &[Exploited]) -> PyResult<Bound<'py, PyList>> {
    let rows: PyResult<Vec<_>> = exploits
        .iter()
        .map(|one| Ok((one.donor, one.donor_step, convert::dictionary(py, &one.replaced)?)))
        .collect();
    PyList::new(py, rows?)
}

fn reason(trial: &Trial) -> Option<String> {
    match trial.outcome.as_ref()? {
        Outcome::Completed { .. } | Outcome::Cancelled => None,
        Outcome::Pruned { reason } => Some(reason.clone()),
        Outcome::Failed { reason: reason @ FailureReason::Crashed { tail, .. } } => {
            let last = tail.lines().rev().find(|line| !line.trim().is_empty());
            Some(last.map_or_else(|| reason.to_string(), |line| format!("{reason}: {line}")))
        }
        Outcome::Failed { reason } => Some(reason.to_string()),
    }
}

fn origin(origin: &Origin) -> String {
    match origin {
        Origin::Sampler { .. } => "sampler".to_owned(),
        Origin::Enqueued => "enqueued".to_owned(),
        Origin::Replica { of } => format!("replica of {of}"),
    }
}

/// A metric's name and goal.
pub(crate) fn metric(metric: &Metric) -> (String, &'static str) {
    let goal = match metric.goal {
        Goal::Minimize => "minimize",
        Goal::Maximize => "maximize",
    };
    (metric.name.clone(), goal)
}

/// How much each parameter mattered, most first.
pub(crate) fn importance<'py>(py: Python<'py>, found: &Importance) -> PyResult<Bound<'py, PyList>> {
    let rows: PyResult<Vec<_>> = found.parameters.iter().map(|one| parameter(py, one)).collect();
    PyList::new(py, rows?)
}

fn parameter<'py>(py: Python<'py>, one: &ParameterImportance) -> PyResult<Bound<'py, PyDict>> {
    let shown = PyDict::new(py);
    shown.set_item("name", &one.name)?;
    shown.set_item("trials", one.trials)?;
    shown.set_item("value", one.value)?;
    shown.set_item("share", one.share)?;
    shown.set_item("interval", one.interval)?;
    shown.set_item("p_value", one.p_value)?;
    shown.set_item("is_shown", one.is_shown())?;
    Ok(shown)
}
