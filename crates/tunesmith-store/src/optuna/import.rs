//! From a study of Optuna's to one of ours: a configuration and the events of its log. It refuses what the log cannot
//! say, with the trial and the parameter, and notes what it leaves out.

use std::collections::{BTreeMap, BTreeSet};

use tunesmith_core::{
    ApplyError, ConfigError, Domain, Event, Fact, FailureReason, Grant, Metric, Parameter, Params,
    ParamsError, Report, Rng, Scale, SearchSpace, SpaceError, Step, Stream, Study, StudyConfig,
    Timestamp, Value, Values, Writer, wire,
};

use serde_json::Value as Json;

use super::export::{FIXED, METRIC_NAMES};
use super::model::{self, Distribution, Param, State};

/// Who wrote the events of such a log.
const WRITER: &str = "optuna";
/// How many attributes of a kind are named; samplers may keep one for each generation.
const NAMED: usize = 8;

/// A study as it is kept here.
#[derive(Debug)]
pub struct Imported {
    /// What creates it.
    pub config: StudyConfig,
    /// Its log after that.
    pub events: Vec<Event>,
    /// What is not as it was, in words.
    pub notes: Vec<String>,
}

/// Why a study of Optuna's cannot become one of ours.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A parameter changed its kind on the way.
    #[error(
        "trial {trial}: parameter `{parameter}` is not of the kind that it had in earlier trials"
    )]
    Kind {
        /// The trial's number.
        trial: usize,
        /// The parameter.
        parameter: String,
    },
    /// A value that its distribution does not have.
    #[error("trial {trial}: {internal} is no value of parameter `{parameter}`")]
    Value {
        /// The trial's number.
        trial: usize,
        /// The parameter.
        parameter: String,
        /// As Optuna keeps it.
        internal: f64,
    },
    /// A step below 0.
    #[error("trial {trial}: step {step} is below 0")]
    Step {
        /// The trial's number.
        trial: usize,
        /// The step.
        step: i64,
    },
    /// It has another number of values than the study has directions.
    #[error("trial {trial}: {found} values, and the study has {expected} directions")]
    Values {
        /// The trial's number.
        trial: usize,
        /// How many it has.
        found: usize,
        /// How many there must be.
        expected: usize,
    },
    /// A damaged database: Optuna gives every study a direction.
    #[error(
        "study `{study}` has no direction, to minimise or to maximise: the file is damaged; import another copy of it"
    )]
    NoDirection {
        /// The study.
        study: String,
    },
    /// The parameters make no space.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// The configuration is impossible.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// What was enqueued does not fit the parameters.
    #[error("trial {trial}, which waits: {source}")]
    Enqueued {
        /// The trial's number.
        trial: usize,
        /// Why.
        source: ParamsError,
    },
    /// What was enqueued is no list of values by their names.
    #[error("trial {trial}, which waits: its `{FIXED}` cannot be read: {source}")]
    Fixed {
        /// The trial's number.
        trial: usize,
        /// Why.
        source: wire::DecodeError,
    },
    /// The log does not hold together.
    #[error("the study cannot be told as a log: {0}")]
    Apply(#[from] ApplyError),
}

/// As it is kept here, under a name.
///
/// # Errors
/// [`ImportError`].
pub fn import(foreign: &model::Study, name: &str) -> Result<Imported, ImportError> {
    let goal = foreign.directions.first().copied();
    let goal = goal.ok_or_else(|| ImportError::NoDirection { study: foreign.name.clone() })?;
    let mut config = StudyConfig::new(name, space(foreign)?, Metric::new("value", goal));
    config.metrics = metrics(foreign);
    config.labels.insert("imported".to_owned(), format!("optuna study {}", foreign.name));
    config.validate()?;
    let begun = foreign.trials.iter().filter_map(|trial| trial.started_at).min();
    let mut log = Log {
        steps: foreign.trials.iter().flat_map(|trial| trial.intermediate.keys().copied()).max(),
        events: Vec::new(),
        notes: BTreeSet::new(),
        lost: Lost::default(),
        now: begun.unwrap_or(Timestamp(0)),
        config: &config,
    };
    for (number, trial) in foreign.trials.iter().enumerate() {
        log.tell(number, trial)?;
    }
    let known = |name: &&String| *name != METRIC_NAMES;
    let system = foreign.system_attributes.keys().filter(known);
    log.leave_out("user attributes of the study", foreign.user_attributes.keys());
    log.leave_out("system attributes of the study", system);
    log.note_lost();
    let (events, notes) = (log.events, log.notes.into_iter().collect());
    let created = Study::created(&config, &Writer::new(WRITER), begun.unwrap_or(Timestamp(0)));
    Study::fold(std::iter::once(&created).chain(&events))?;
    Ok(Imported { config, events, notes })
}

/// The names that Optuna was told, or `value`, `value_1`, ….
fn metrics(foreign: &model::Study) -> Vec<Metric> {
    let named = foreign.system_attributes.get(METRIC_NAMES).and_then(|names| names.as_array());
    let name =
        |index: usize| {
            let named = named.and_then(|names| names.get(index)?.as_str().map(str::to_owned));
            named.unwrap_or_else(|| {
                if index == 0 { "value".to_owned() } else { format!("value_{index}") }
            })
        };
    let directions = foreign.directions.iter().enumerate();
    directions.map(|(index, goal)| Metric::new(&name(index), *goal)).collect()
}

/// Every parameter that a trial had, over all that it ranged over.
fn space(foreign: &model::Study) -> Result<SearchSpace, ImportError> {
    let mut all: Vec<(String, Distribution)> = Vec::new();
    for (trial, Param { name, distribution, .. }) in foreign
        .trials
        .iter()
        .enumerate()
        .flat_map(|(number, trial)| trial.params.iter().map(move |param| (number, param)))
    {
        match all.iter_mut().find(|(known, _)| known == name) {
            None => all.push((name.clone(), distribution.clone())),
            Some((_, known)) => {
                let wrong = || ImportError::Kind { trial, parameter: name.clone() };
                *known = union(known, distribution).ok_or_else(wrong)?;
            }
        }
    }
    let parameters =
        all.into_iter().map(|(name, distribution)| Parameter::new(&name, domain(distribution)));
    Ok(SearchSpace::new(parameters.collect())?)
}

/// What holds the values of both; none where they are of different kinds.
fn union(left: &Distribution, right: &Distribution) -> Option<Distribution> {
    use Distribution::{Categorical, Float, Int};
    match (left, right) {
        (left, right) if left == right => Some(left.clone()),
        (
            Float { low, high, log, step },
            Float { low: other_low, high: other_high, log: other_log, step: other_step },
        ) if log == other_log => Some(Float {
            low: low.min(*other_low),
            high: high.max(*other_high),
            log: *log,
            step: step.filter(|_| step == other_step && low == other_low),
        }),
        (
            Int { low, high, log, step },
            Int { low: other_low, high: other_high, log: other_log, step: other_step },
        ) if log == other_log => Some(Int {
            low: *low.min(other_low),
            high: *high.max(other_high),
            log: *log,
            step: if step == other_step && low == other_low { *step } else { 1 },
        }),
        (Categorical { choices }, Categorical { choices: others }) => {
            let mut choices = choices.clone();
            for other in others {
                if !choices.contains(other) {
                    choices.push(other.clone());
                }
            }
            Some(Categorical { choices })
        }
        _ => None,
    }
}

fn domain(distribution: Distribution) -> Domain {
    let scale = |log| if log { Scale::Log } else { Scale::Linear };
    match distribution {
        Distribution::Float { low, high, .. } if low >= high => Domain::Fixed(Value::Float(low)),
        Distribution::Float { low, high, log, step } => {
            Domain::Float { low, high, scale: scale(log), step: step.map(Step::FromLow) }
        }
        Distribution::Int { low, high, .. } if low >= high => Domain::Fixed(Value::Int(low)),
        Distribution::Int { low, high, log, step } => {
            Domain::Int { low, high, scale: scale(log), step }
        }
        Distribution::Categorical { mut choices } => match choices.pop() {
            Some(only) if choices.is_empty() => Domain::Fixed(only),
            last => {
                choices.extend(last);
                Domain::Categorical { choices, ordered: false }
            }
        },
    }
}

struct Log<'a> {
    config: &'a StudyConfig,
    /// The last step of all trials.
    steps: Option<i64>,
    events: Vec<Event>,
    notes: BTreeSet<String>,
    lost: Lost,
    now: Timestamp,
}

/// Names of attributes that have no place here, by what they are attributes of.
type Lost = BTreeMap<&'static str, BTreeSet<String>>;

impl Log<'_> {
    fn note(&mut self, note: String) {
        self.notes.insert(note);
    }

    fn leave_out<'a>(&mut self, what: &'static str, names: impl Iterator<Item = &'a String>) {
        self.lost.entry(what).or_default().extend(names.cloned());
    }

    /// A line for each kind of attributes that there were.
    fn note_lost(&mut self) {
        let lost = std::mem::take(&mut self.lost);
        for (what, names) in lost.into_iter().filter(|(_, names)| !names.is_empty()) {
            let more = names.len().saturating_sub(NAMED);
            let named = names.iter().take(NAMED).map(|name| format!("`{name}`"));
            let rest = (more > 0).then(|| format!("{more} more"));
            let all: Vec<String> = named.chain(rest).collect();
            self.note(format!("{what} are left out: {}", all.join(", ")));
        }
    }

    fn tell(&mut self, number: usize, trial: &model::Trial) -> Result<(), ImportError> {
        // What was enqueued has become the trial's params, or becomes them below.
        let system = trial.system_attributes.keys().filter(|name| *name != FIXED);
        self.leave_out("user attributes of trials", trial.user_attributes.keys());
        self.leave_out("system attributes of trials", system);
        // Trials ran beside each other: each has its own times, which go back from one to the next.
        self.now = trial.started_at.unwrap_or(self.now);
        let mut told = Told { trial: number as u32, seq: 0 };
        let params = match trial.state {
            State::Waiting => self.enqueued(number, trial)?,
            _ => params(number, trial)?,
        };
        let seed = Rng::at(self.config.seed, number as u32, "import").bits_at(0);
        self.push(&mut told, Fact::TrialEnqueued { params, seed });
        if trial.state == State::Waiting {
            return Ok(());
        }
        let expires_at = self.now.plus_ms(self.config.lease_ms);
        self.push(&mut told, Fact::TrialLeased { lease: Grant { number: 1, expires_at } });
        self.reports(number, trial, &mut told)?;
        let seconds = match (trial.started_at, trial.finished_at) {
            (Some(from), Some(to)) => (to.0 - from.0).max(0) as f64 / 1_000.0,
            _ => 0.0,
        };
        self.now = self.now.max(trial.finished_at.unwrap_or(self.now));
        let end = self.end(number, trial, seconds)?;
        self.push(&mut told, end);
        Ok(())
    }

    /// What a trial that waits is to be tried with; what that leaves out is drawn, as for every such trial.
    fn enqueued(&mut self, number: usize, trial: &model::Trial) -> Result<Params, ImportError> {
        let fixed = trial.system_attributes.get(FIXED).map(Json::to_string);
        let fixed = fixed.map(|fixed| wire::params_from_json(&fixed)).transpose();
        let fixed = fixed.map_err(|source| ImportError::Fixed { trial: number, source })?;
        // One that was added as waiting has its params already.
        let mut all = params(number, trial)?;
        for (name, value) in fixed.unwrap_or_default() {
            all.insert(name, value);
        }
        let rng = Rng::at(self.config.seed, number as u32, "enqueued");
        let filled = self.config.space.fill(&all, &rng);
        filled.map_err(|source| ImportError::Enqueued { trial: number, source })
    }

    fn reports(
        &mut self,
        number: usize,
        trial: &model::Trial,
        told: &mut Told,
    ) -> Result<(), ImportError> {
        let Some(metric) = self.config.metrics.first().map(|metric| metric.name.clone()) else {
            return Ok(());
        };
        let last = self.steps.unwrap_or(0) as f64 + 1.0;
        for (step, value) in &trial.intermediate {
            let step = *step;
            if step < 0 {
                return Err(ImportError::Step { trial: number, step });
            }
            if !value.is_finite() {
                self.note("intermediate values that are no numbers are left out".to_owned());
                continue;
            }
            let report = Report {
                step: step as u64,
                fraction: (step as f64 + 1.0) / last,
                values: Values::from([(metric.clone(), *value)]),
                device_seconds: 0.0,
                errors: None,
            };
            let expires_at = self.now.plus_ms(self.config.lease_ms);
            self.push(told, Fact::Reported { report, expires_at });
        }
        Ok(())
    }

    fn end(
        &mut self,
        number: usize,
        trial: &model::Trial,
        device_seconds: f64,
    ) -> Result<Fact, ImportError> {
        let last = trial.intermediate.values().rev().find(|value| value.is_finite());
        let is_said = |values: &Vec<f64>| matches!(values[..], [value] if Some(&value) == last);
        if trial.state != State::Complete
            && trial.values.as_ref().is_some_and(|values| !is_said(values))
        {
            self.note("values of trials that were not completed are left out".to_owned());
        }
        Ok(match trial.state {
            State::Complete => {
                let found = trial.values.clone().unwrap_or_default();
                let metrics = &self.config.metrics;
                if found.len() != metrics.len() {
                    let (found, expected) = (found.len(), metrics.len());
                    return Err(ImportError::Values { trial: number, found, expected });
                }
                let named = metrics.iter().map(|metric| metric.name.clone()).zip(found);
                let values: Values = named.collect();
                let odd = values.iter().find(|(_, value)| !value.is_finite());
                if let Some((metric, _)) = odd {
                    let metric = metric.clone();
                    self.note(
                        "completed trials whose value is no number are failed here".to_owned(),
                    );
                    let reason = FailureReason::NonFinite { metric, step: 0 };
                    return Ok(Fact::TrialFailed { reason, device_seconds });
                }
                Fact::TrialCompleted { values, device_seconds }
            }
            State::Pruned => {
                Fact::TrialPruned { reason: "pruned by Optuna".to_owned(), device_seconds }
            }
            State::Running => {
                self.note(
                    "trials that ran are cancelled: their processes know no log of ours".to_owned(),
                );
                Fact::TrialCancelled
            }
            State::Fail | State::Waiting => {
                let tail = "it failed under Optuna, which keeps no reason".to_owned();
                let reason = FailureReason::Crashed { exit_code: None, signal: None, tail };
                Fact::TrialFailed { reason, device_seconds }
            }
        })
    }

    fn push(&mut self, told: &mut Told, fact: Fact) {
        let (stream, at, by) = (Stream::Trial(told.trial), self.now, Writer::new(WRITER));
        self.events.push(Event { stream, seq: told.seq, at, by, fact });
        told.seq += 1;
    }
}

/// How far a trial's stream is told.
struct Told {
    trial: u32,
    seq: u32,
}

fn params(number: usize, trial: &model::Trial) -> Result<Params, ImportError> {
    let mut params = Params::new();
    for Param { name, internal, distribution } in &trial.params {
        let value = distribution.value(*internal).ok_or_else(|| ImportError::Value {
            trial: number,
            parameter: name.clone(),
            internal: *internal,
        })?;
        params.insert(name.as_str(), value);
    }
    Ok(params)
}
