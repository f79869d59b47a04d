//! From a study of ours to one of Optuna's. What Optuna has no place for becomes attributes of the trial whose names
//! begin with `tunesmith:`. It refuses to lose a trial: those that wait, run, are paused or were cancelled go too.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tunesmith_core::{Domain, Outcome, Parameter, Scale, Step, Study, Trial, TrialState, Value};

use super::model::{self, Distribution, Param, State, value_to_json};

/// The system attribute in which Optuna keeps the names of metrics.
pub(super) const METRIC_NAMES: &str = "study:metric_names";
/// The system attribute in which Optuna keeps the parameters of a trial that waits.
pub(super) const FIXED: &str = "fixed_params";

/// As Optuna has it.
pub(super) fn export(study: &Study) -> model::Study {
    let distributions: Vec<(&Parameter, Distribution)> = study
        .space()
        .parameters()
        .iter()
        .map(|parameter| (parameter, distribution(parameter, study)))
        .collect();
    let names: Vec<&str> = study.metrics().iter().map(|metric| metric.name.as_str()).collect();
    model::Study {
        name: study.config().name.clone(),
        directions: study.metrics().iter().map(|metric| metric.goal).collect(),
        user_attributes: BTreeMap::from([
            ("tunesmith:sampler".to_owned(), json!(study.config().sampler.name)),
            ("tunesmith:scheduler".to_owned(), json!(study.config().scheduler.name)),
        ]),
        system_attributes: BTreeMap::from([(METRIC_NAMES.to_owned(), json!(names))]),
        trials: study.trials().iter().map(|one| trial(one, study, &distributions)).collect(),
    }
}

/// Values of the trials, of a parameter that has no range of its own.
fn seen<'a>(parameter: &'a Parameter, study: &'a Study) -> impl Iterator<Item = &'a Value> {
    study.trials().iter().filter_map(|trial| trial.params.get(&parameter.name))
}

fn distribution(parameter: &Parameter, study: &Study) -> Distribution {
    match parameter.domain() {
        Some(Domain::Float { low, high, scale, step }) => {
            let values = || seen(parameter, study).filter_map(Value::as_f64);
            // Rounding to multiples may leave the range, and priors such as the normal one have none.
            let low = values().fold(if low.is_finite() { *low } else { f64::MAX }, f64::min);
            let high = values().fold(if high.is_finite() { *high } else { f64::MIN }, f64::max);
            let (low, high) = if low <= high { (low, high) } else { (0.0, 0.0) };
            let log = *scale == Scale::Log;
            // Optuna counts steps from the least value, and knows none on a log scale.
            let step = match step {
                Some(Step::FromLow(size)) if !log => Some(*size),
                _ => None,
            };
            Distribution::Float { low, high, log, step }
        }
        Some(Domain::Int { low, high, scale, step }) => {
            Distribution::Int { low: *low, high: *high, log: *scale == Scale::Log, step: *step }
        }
        Some(Domain::Categorical { choices, .. }) => {
            Distribution::Categorical { choices: choices.clone() }
        }
        Some(Domain::Fixed(value)) => Distribution::Categorical { choices: vec![value.clone()] },
        // It follows from others: the choices are what came of that.
        None => {
            let mut choices: Vec<Value> = Vec::new();
            for value in seen(parameter, study) {
                if !choices.iter().any(|known| known.same_as(value)) {
                    choices.push(value.clone());
                }
            }
            Distribution::Categorical { choices }
        }
    }
}

fn trial(trial: &Trial, study: &Study, all: &[(&Parameter, Distribution)]) -> model::Trial {
    let state = match trial.state {
        TrialState::Queued => State::Waiting,
        TrialState::Running | TrialState::Paused => State::Running,
        TrialState::Completed => State::Complete,
        TrialState::Pruned => State::Pruned,
        TrialState::Failed | TrialState::Cancelled => State::Fail,
    };
    let mut system_attributes = BTreeMap::new();
    let mut params = Vec::new();
    if state == State::Waiting {
        let fixed: BTreeMap<String, Json> = trial
            .params
            .iter()
            .map(|(name, value)| (name.to_owned(), value_to_json(value)))
            .collect();
        system_attributes.insert(FIXED.to_owned(), json!(fixed));
    } else {
        let param = |(parameter, distribution): &(&Parameter, Distribution)| {
            let value = trial.params.get(&parameter.name)?;
            let internal = internal(value, distribution)?;
            let (name, distribution) = (parameter.name.clone(), distribution.clone());
            Some(Param { name, internal, distribution })
        };
        params = all.iter().filter_map(param).collect();
    }
    let first = study.metrics().first().map(|metric| metric.name.as_str()).unwrap_or_default();
    let reported = |report: &tunesmith_core::Report| {
        Some((i64::try_from(report.step).ok()?, *report.values.get(first)?))
    };
    let waits = state == State::Waiting;
    model::Trial {
        state,
        params,
        values: values(trial, study),
        intermediate: trial.reports.iter().filter_map(reported).collect(),
        user_attributes: attributes(trial),
        system_attributes,
        started_at: (!waits).then_some(trial.created_at),
        finished_at: trial.finished_at,
    }
}

/// Of a completed trial all objectives; of a pruned one with one objective its last report, as Optuna has it.
fn values(trial: &Trial, study: &Study) -> Option<Vec<f64>> {
    match (&trial.outcome, study.metrics()) {
        (Some(Outcome::Completed { values }), metrics) => {
            metrics.iter().map(|metric| values.get(&metric.name).copied()).collect()
        }
        (Some(Outcome::Pruned { .. }), [metric]) => {
            let last = trial.reports.last()?;
            Some(vec![*last.values.get(&metric.name)?])
        }
        _ => None,
    }
}

fn attributes(trial: &Trial) -> BTreeMap<String, Json> {
    let mut all = BTreeMap::from([
        ("tunesmith:state".to_owned(), json!(trial.state.to_string())),
        ("tunesmith:seed".to_owned(), json!(trial.seed)),
        ("tunesmith:device_seconds".to_owned(), json!(trial.device_seconds)),
    ]);
    match &trial.outcome {
        Some(Outcome::Failed { reason }) => {
            all.insert("tunesmith:reason".to_owned(), json!(reason.to_string()));
        }
        Some(Outcome::Pruned { reason }) => {
            all.insert("tunesmith:reason".to_owned(), json!(reason));
        }
        _ => {}
    }
    if let Some(last) = trial.reports.last() {
        all.insert("tunesmith:last_report".to_owned(), json!(last.values));
    }
    all
}

fn internal(value: &Value, distribution: &Distribution) -> Option<f64> {
    match distribution {
        Distribution::Categorical { choices } => {
            choices.iter().position(|choice| choice.same_as(value)).map(|place| place as f64)
        }
        _ => value.as_f64(),
    }
}
