//! A study for Python: each call is one command or one look. It refuses comfort: names, defaults and waiting are the
//! package's own.

use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use tunesmith_core::{
    Checkpoint, Command, Domain, Effective, Event, ExampleErrors, Fact, FailureReason, LeaseKey,
    Outcome, Parameter, Report, RequeueReason, Scale, Step, Study, Timestamp, Trial, TrialState,
    Writer, wire,
};
use tunesmith_search::importance::{Method, importance};
use tunesmith_store::sqlite::Presence;

use crate::holding::{Holding, identity};
use crate::{convert, errors, opening, pulse, snapshot};

/// How many events are read at once.
const READ_AT_ONCE: u32 = 4_096;

/// An open study.
#[pyclass(module = "tunesmith._engine", frozen)]
pub(crate) struct Engine {
    holding: Arc<Holding>,
    /// Its name.
    #[pyo3(get)]
    name: String,
    /// The address of its storage.
    #[pyo3(get)]
    storage: String,
}

#[pymethods]
impl Engine {
    /// Creates the study that a JSON text describes, or goes on with it.
    #[staticmethod]
    fn create(
        py: Python<'_>,
        storage: String,
        description: String,
        resume: bool,
    ) -> PyResult<Self> {
        py.detach(|| {
            let identity = identity();
            let writer = Writer::new(&identity.to_string());
            let opened = opening::described(&storage, description, resume, &writer)?;
            let name = opened.study.config().name.clone();
            let holding = Arc::new(Holding::new(opened, identity)?);
            Ok(Self { holding, name, storage })
        })
    }

    /// Opens the study of that name, or the only one there is.
    #[staticmethod]
    #[pyo3(signature = (storage, name=None))]
    fn load(py: Python<'_>, storage: String, name: Option<String>) -> PyResult<Self> {
        py.detach(|| {
            let opened = opening::existing(&storage, name.as_deref())?;
            let name = opened.study.config().name.clone();
            let holding = Arc::new(Holding::new(opened, identity())?);
            Ok(Self { holding, name, storage })
        })
    }

    /// The names of the studies in a storage.
    #[staticmethod]
    fn studies(py: Python<'_>, storage: String) -> PyResult<Vec<String>> {
        py.detach(|| {
            let (_, storage) = opening::storage(&storage, Presence::Existing)?;
            let headers = storage.studies().map_err(|error| errors::storage(&error))?;
            Ok(headers.into_iter().map(|header| header.name).collect())
        })
    }

    /// Deletes a study with its log.
    #[staticmethod]
    fn delete(py: Python<'_>, storage: String, name: String) -> PyResult<()> {
        py.detach(|| {
            let opened = opening::existing(&storage, Some(&name))?;
            opened.storage.delete(opened.id).map_err(|error| errors::storage(&error))
        })
    }

    /// Up to `count` trials under leases, as `(trial, lease)`; waits up to so many seconds for the first.
    fn ask(&self, py: Python<'_>, count: u32, patience: f64) -> PyResult<Vec<(u32, u32)>> {
        let patience = Duration::try_from_secs_f64(patience).unwrap_or(Duration::MAX);
        let leases = self.holding.ask(py, count, patience)?;
        let lease_ms = self.holding.glance(py, |study| study.config().lease_ms)?;
        pulse::start(&self.holding, lease_ms);
        Ok(leases.into_iter().map(|lease| (lease.trial, lease.number)).collect())
    }

    /// What a worker needs of a trial: params, seed, checkpoint, how often it took over a state, step reached.
    #[expect(clippy::type_complexity, reason = "a tuple for one caller, which names the parts")]
    fn work<'py>(
        &self,
        py: Python<'py>,
        trial: u32,
    ) -> PyResult<(Bound<'py, PyDict>, u64, Option<(u64, String, u64)>, usize, u64)> {
        let known = self.holding.glance(py, |study| study.trial(trial).cloned())?;
        let Some(known) = known else { return Err(unknown(trial)) };
        let checkpoint = known.checkpoint.as_ref();
        Ok((
            convert::dictionary(py, &known.params)?,
            known.seed,
            checkpoint.map(|one| (one.step, one.path.clone(), one.bytes)),
            known.exploits.len(),
            known.reached_step(),
        ))
    }

    /// A value for a real parameter of a running trial.
    #[expect(clippy::too_many_arguments, reason = "optuna's words for a range")]
    #[pyo3(signature = (trial, lease, name, low, high, log, step))]
    fn suggest_float<'py>(
        &self,
        py: Python<'py>,
        trial: u32,
        lease: u32,
        name: String,
        low: f64,
        high: f64,
        log: bool,
        step: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let scale = scale(log);
        let domain = if low == high {
            Domain::Fixed(low.into())
        } else {
            Domain::Float { low, high, scale, step: step.map(Step::FromLow) }
        };
        self.suggest(py, trial, lease, Parameter::new(&name, domain))
    }

    /// A value for a whole parameter of a running trial.
    #[expect(clippy::too_many_arguments, reason = "optuna's words for a range")]
    fn suggest_int<'py>(
        &self,
        py: Python<'py>,
        trial: u32,
        lease: u32,
        name: String,
        low: i64,
        high: i64,
        log: bool,
        step: i64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let domain = if low == high {
            Domain::Fixed(low.into())
        } else {
            Domain::Int { low, high, scale: scale(log), step }
        };
        self.suggest(py, trial, lease, Parameter::new(&name, domain))
    }

    /// One of a list for a running trial.
    fn suggest_categorical<'py>(
        &self,
        py: Python<'py>,
        trial: u32,
        lease: u32,
        name: String,
        choices: Bound<'py, PyList>,
        ordered: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let choices: PyResult<Vec<_>> = choices.iter().map(|one| convert::value(&one)).collect();
        let domain = Domain::Categorical { choices: choices?, ordered };
        self.suggest(py, trial, lease, Parameter::new(&name, domain))
    }

    /// Metrics at a step; what becomes of the trial: continue, prune, pause or fail.
    #[expect(clippy::too_many_arguments, reason = "a report has so many parts")]
    #[pyo3(signature = (trial, lease, step, fraction, values, device_seconds, errors=None))]
    fn report(
        &self,
        py: Python<'_>,
        trial: u32,
        lease: u32,
        step: u64,
        fraction: f64,
        values: Bound<'_, PyDict>,
        device_seconds: f64,
        errors: Option<Bound<'_, PyBytes>>,
    ) -> PyResult<&'static str> {
        let errors = errors.map(|bytes| ExampleErrors(bytes.as_bytes().to_vec()));
        let values = convert::values(&values)?;
        let report = Report { step, fraction, values, device_seconds, errors };
        let command = Command::Report { lease: key(trial, lease), report };
        self.holding.submit(py, &command, |_, events| verdict(events))
    }

    /// Training state was saved.
    fn checkpoint(
        &self,
        py: Python<'_>,
        trial: u32,
        lease: u32,
        step: u64,
        path: String,
        bytes: u64,
    ) -> PyResult<()> {
        let checkpoint = Checkpoint { step, path, bytes };
        let command = Command::RecordCheckpoint { lease: key(trial, lease), checkpoint };
        self.holding.submit(py, &command, |_, _| ())
    }

    /// What the program really uses.
    #[expect(clippy::too_many_arguments, reason = "what is used has so many parts")]
    fn effective(
        &self,
        py: Python<'_>,
        trial: u32,
        lease: u32,
        params: Bound<'_, PyDict>,
        total_steps: u64,
        read_back: Bound<'_, PyDict>,
        validation_rows: Option<u64>,
    ) -> PyResult<()> {
        let (params, read_back) = (convert::params(&params)?, convert::params(&read_back)?);
        let effective = Effective { params, total_steps, read_back, validation_rows };
        let command = Command::RecordEffective { lease: key(trial, lease), effective };
        self.holding.submit(py, &command, |_, _| ())
    }

    /// The trial ran to its end; the state that it is in then, which is failed where a metric is missing.
    fn complete(
        &self,
        py: Python<'_>,
        trial: u32,
        lease: u32,
        values: Bound<'_, PyDict>,
        device_seconds: f64,
    ) -> PyResult<&'static str> {
        let outcome = Outcome::Completed { values: convert::values(&values)? };
        self.tell(py, trial, lease, outcome, device_seconds)
    }

    /// The program gave the trial up.
    fn prune(
        &self,
        py: Python<'_>,
        trial: u32,
        lease: u32,
        reason: String,
        device_seconds: f64,
    ) -> PyResult<&'static str> {
        self.tell(py, trial, lease, Outcome::Pruned { reason }, device_seconds)
    }

    /// The trial failed: `out_of_memory`, `crashed` with the end of its output, or `refused`.
    fn fail(
        &self,
        py: Python<'_>,
        trial: u32,
        lease: u32,
        kind: &str,
        message: String,
        device_seconds: f64,
    ) -> PyResult<&'static str> {
        let reason = match kind {
            "out_of_memory" => FailureReason::OutOfMemory,
            "crashed" => FailureReason::Crashed { exit_code: None, signal: None, tail: message },
            "refused" => FailureReason::Refused { message },
            other => return Err(PyValueError::new_err(format!("{other} is no kind of failure"))),
        };
        self.tell(py, trial, lease, Outcome::Failed { reason }, device_seconds)
    }

    /// Hands the trial back to the queue.
    fn release(&self, py: Python<'_>, trial: u32, lease: u32, device_seconds: f64) -> PyResult<()> {
        let (lease, reason) = (key(trial, lease), RequeueReason::Released);
        let command = Command::Release { lease, reason, device_seconds };
        self.holding.submit(py, &command, |_, _| ())
    }

    /// The name that this worker writes into the log.
    #[getter]
    fn writer(&self) -> &str {
        self.holding.writer()
    }

    /// Queues again the trials of workers that are known to be dead; how many.
    fn reap(&self, py: Python<'_>, writers: Vec<String>) -> PyResult<usize> {
        let dead = writers.iter().map(|name| Writer::new(name)).collect();
        let command = Command::Reap { dead, silent: Vec::new() };
        self.holding.submit(py, &command, |_, events| events.len())
    }

    /// Queues a trial with these params; its number.
    fn enqueue(&self, py: Python<'_>, params: Bound<'_, PyDict>) -> PyResult<u32> {
        let command = Command::Enqueue { params: convert::params(&params)? };
        self.holding.submit(py, &command, |study, events| match events.first() {
            Some(Event { stream: tunesmith_core::Stream::Trial(number), .. }) => *number,
            _ => study.next_number().saturating_sub(1),
        })
    }

    /// Ends a trial that has not ended.
    fn cancel(&self, py: Python<'_>, trial: u32) -> PyResult<()> {
        self.holding.submit(py, &Command::Cancel { trial }, |_, _| ())
    }

    /// Hands out no more work.
    fn pause(&self, py: Python<'_>) -> PyResult<()> {
        self.holding.submit(py, &Command::Pause, |_, _| ())
    }

    /// Hands out work again.
    fn resume(&self, py: Python<'_>) -> PyResult<()> {
        self.holding.submit(py, &Command::Resume, |_, _| ())
    }

    /// All that is known of a trial.
    fn trial<'py>(&self, py: Python<'py>, number: u32) -> PyResult<Bound<'py, PyDict>> {
        let known = self.known(py, number)?;
        let metrics = self.holding.look(py, |study| study.metrics().to_vec())?;
        snapshot::trial(py, &known, &metrics)
    }

    /// All trials, in the order of their numbers.
    fn trials<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let (trials, metrics) =
            self.holding.look(py, |study| (study.trials().to_vec(), study.metrics().to_vec()))?;
        let shown: PyResult<Vec<_>> =
            trials.iter().map(|trial| snapshot::trial(py, trial, &metrics)).collect();
        PyList::new(py, shown?)
    }

    /// How many trials are in each state.
    fn counts(&self, py: Python<'_>) -> PyResult<Vec<(&'static str, usize)>> {
        self.holding.look(py, |study| {
            TrialState::ALL.map(|state| (state.name(), study.count(state))).to_vec()
        })
    }

    /// Why no new trial starts, where a limit or the target is reached.
    fn finish_reason(&self, py: Python<'_>) -> PyResult<Option<String>> {
        use tunesmith_runtime::clock::{Clock, SystemClock};
        let now: Timestamp = SystemClock.now();
        self.holding.look(py, |study| study.finish_reason(now).map(|reason| reason.to_string()))
    }

    /// The number of the trial that the study chooses.
    fn best(&self, py: Python<'_>) -> PyResult<Option<u32>> {
        self.holding.look(py, |study| study.chosen().map(|trial| trial.number))
    }

    /// The numbers of the trials that no other beats.
    fn front(&self, py: Python<'_>) -> PyResult<Vec<u32>> {
        self.holding.look(py, |study| study.front().iter().map(|trial| trial.number).collect())
    }

    /// The metrics with their goals.
    fn metrics(&self, py: Python<'_>) -> PyResult<Vec<(String, &'static str)>> {
        self.holding.look(py, |study| study.metrics().iter().map(snapshot::metric).collect())
    }

    /// The study's configuration as it was created, as JSON.
    fn config(&self, py: Python<'_>) -> PyResult<String> {
        self.holding.glance(py, |study| wire::config_to_json(study.config()))
    }

    /// The names of the parameters.
    fn parameters(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.holding.look(py, |study| {
            study.space().parameters().iter().map(|one| one.name.clone()).collect()
        })
    }

    /// The names of sampler and scheduler, and the fractions of a schedule at which the scheduler wants reports.
    fn search(&self, py: Python<'_>) -> PyResult<(String, String, Vec<f64>)> {
        let rungs = self.holding.policy().scheduler.rungs();
        self.holding.look(py, |study| {
            let config = study.config();
            (config.sampler.name.clone(), config.scheduler.name.clone(), rungs)
        })
    }

    /// How much each parameter mattered, most first.
    fn importance<'py>(
        &self,
        py: Python<'py>,
        metric: Option<String>,
        method: &str,
    ) -> PyResult<Bound<'py, PyList>> {
        let method = match method {
            "ped-anova" => Method::PedAnova,
            "fanova" => Method::Fanova,
            other => {
                let words =
                    format!("there is no importance by {other}; there are ped-anova, fanova");
                return Err(PyValueError::new_err(words));
            }
        };
        let found = self.holding.look(py, |study| {
            let wanted = |one: &&tunesmith_core::Metric| {
                metric.as_ref().is_none_or(|name| one.name == *name)
            };
            let metric = study.metrics().iter().find(wanted)?;
            Some(importance(study, metric, method))
        })?;
        let Some(found) = found else {
            let words = format!("the study has no metric {}", metric.unwrap_or_default());
            return Err(PyValueError::new_err(words));
        };
        snapshot::importance(py, &found.map_err(|error| errors::value(&error))?)
    }

    /// Events of the log after the first `after`, one line of JSON each; some thousands at most.
    fn events(&self, py: Python<'_>, after: u64) -> PyResult<Vec<String>> {
        py.detach(|| {
            let events = self.holding.events(after, READ_AT_ONCE)?;
            Ok(events.iter().map(wire::event_to_json).collect())
        })
    }

    /// Derives every decision of the log again: how many suggestions, takeovers and verdicts were the same.
    fn verify(&self, py: Python<'_>) -> PyResult<(u32, u32, u32)> {
        py.detach(|| {
            let mut events = Vec::new();
            loop {
                let more = self.holding.events(events.len() as u64, READ_AT_ONCE)?;
                let is_last = more.len() < READ_AT_ONCE as usize;
                events.extend(more);
                if is_last {
                    break;
                }
            }
            let found = tunesmith_core::replay::verify(&events, self.holding.policy());
            let found = found.map_err(|error| errors::value(&error))?;
            Ok((found.verified, found.exploits, found.verdicts))
        })
    }
}

impl Engine {
    fn known(&self, py: Python<'_>, number: u32) -> PyResult<Trial> {
        let found = self.holding.look(py, |study| study.trial(number).cloned())?;
        found.ok_or_else(|| unknown(number))
    }

    fn suggest<'py>(
        &self,
        py: Python<'py>,
        trial: u32,
        lease: u32,
        parameter: Parameter,
    ) -> PyResult<Bound<'py, PyAny>> {
        let name = parameter.name.clone();
        let parameter = Box::new(parameter);
        let command = Command::Suggest { lease: key(trial, lease), parameter };
        let found = self.holding.submit(py, &command, |study: &Study, _| {
            study.trial(trial).and_then(|known| known.params.get(&name).cloned())
        })?;
        let Some(value) = found else {
            return Err(PyValueError::new_err(format!("{name} is fixed or inactive here")));
        };
        convert::object(py, &value)
    }

    fn tell(
        &self,
        py: Python<'_>,
        trial: u32,
        lease: u32,
        outcome: Outcome,
        device_seconds: f64,
    ) -> PyResult<&'static str> {
        let command = Command::Tell { lease: key(trial, lease), outcome, device_seconds };
        self.holding.submit(py, &command, |study, _| {
            study.trial(trial).map_or("running", |known| known.state.name())
        })
    }
}

fn unknown(trial: u32) -> PyErr {
    PyValueError::new_err(format!("there is no trial {trial}"))
}

fn key(trial: u32, number: u32) -> LeaseKey {
    LeaseKey { trial, number }
}

fn scale(log: bool) -> Scale {
    if log { Scale::Log } else { Scale::Linear }
}

/// What a report led to.
fn verdict(events: &[Event]) -> &'static str {
    let last = events.iter().rev().find_map(|event| match event.fact {
        Fact::TrialPruned { .. } => Some("prune"),
        Fact::TrialPaused { .. } => Some("pause"),
        Fact::TrialFailed { .. } => Some("fail"),
        _ => None,
    });
    last.unwrap_or("continue")
}
