//! Optuna's studies as plain data, the same for both of its forms. It refuses values that Optuna would not write.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tunesmith_core::{Goal, Timestamp, Value, wire};

/// A study.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Study {
    /// Its name.
    pub name: String,
    pub(super) directions: Vec<Goal>,
    pub(super) user_attributes: BTreeMap<String, Json>,
    pub(super) system_attributes: BTreeMap<String, Json>,
    pub(super) trials: Vec<Trial>,
}

/// One of its trials; its number is its place.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Trial {
    pub(super) state: State,
    /// In the order in which they were suggested.
    pub(super) params: Vec<Param>,
    pub(super) values: Option<Vec<f64>>,
    /// Steps ascending; values may be NaN.
    pub(super) intermediate: BTreeMap<i64, f64>,
    pub(super) user_attributes: BTreeMap<String, Json>,
    pub(super) system_attributes: BTreeMap<String, Json>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) finished_at: Option<Timestamp>,
}

/// A parameter of a trial.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Param {
    pub(super) name: String,
    /// As Optuna keeps it: a number, or the place in the list of choices.
    pub(super) internal: f64,
    pub(super) distribution: Distribution,
}

/// Optuna's states, by its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum State {
    Running,
    Complete,
    Pruned,
    Fail,
    #[default]
    Waiting,
}

/// Optuna's distributions.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Distribution {
    Float { low: f64, high: f64, log: bool, step: Option<f64> },
    Int { low: i64, high: i64, log: bool, step: i64 },
    Categorical { choices: Vec<Value> },
}

/// What is not as Optuna 5 writes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Oddity {
    /// No JSON.
    #[error("no JSON: {message}")]
    Json {
        /// The parser's words.
        message: String,
    },
    /// A field is missing or of another type.
    #[error("no usable `{field}`")]
    Field {
        /// Its name.
        field: &'static str,
    },
    /// An operation that Optuna 5 does not have.
    #[error("operation {code} is none of Optuna 5's")]
    Operation {
        /// Its number.
        code: i64,
    },
    /// The text of a distribution.
    #[error("the distribution of parameter `{parameter}` is no JSON: {message}")]
    Text {
        /// The parameter.
        parameter: String,
        /// The parser's words.
        message: String,
    },
    /// A distribution of an older Optuna, or none.
    #[error("parameter `{parameter}` has a distribution that Optuna 5 does not write: {name}")]
    Distribution {
        /// The parameter.
        parameter: String,
        /// The distribution's name.
        name: String,
    },
    /// A choice that is neither text, number, truth value nor null.
    #[error("parameter `{parameter}` has a choice that is no plain value: {choice}")]
    Choice {
        /// The parameter.
        parameter: String,
        /// The choice.
        choice: String,
    },
}

impl State {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Running, "RUNNING"),
        (Self::Complete, "COMPLETE"),
        (Self::Pruned, "PRUNED"),
        (Self::Fail, "FAIL"),
        (Self::Waiting, "WAITING"),
    ];

    pub(super) fn number(self) -> i64 {
        self as i64
    }

    pub(super) fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    pub(super) fn of_number(number: i64) -> Option<Self> {
        Some(Self::ALL.get(usize::try_from(number).ok()?)?.0)
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(state, _)| *state)
    }

    pub(super) fn is_finished(self) -> bool {
        matches!(self, Self::Complete | Self::Pruned | Self::Fail)
    }
}

/// Optuna's number of a direction; 0 is that none was set.
pub(super) fn direction(goal: Goal) -> i64 {
    match goal {
        Goal::Minimize => 1,
        Goal::Maximize => 2,
    }
}

impl Distribution {
    /// As both of Optuna's forms keep it.
    pub(super) fn to_text(&self) -> String {
        let (name, attributes) = match self {
            Self::Float { low, high, log, step } => {
                ("FloatDistribution", json!({ "step": step, "low": low, "high": high, "log": log }))
            }
            Self::Int { low, high, log, step } => {
                ("IntDistribution", json!({ "log": log, "step": step, "low": low, "high": high }))
            }
            Self::Categorical { choices } => {
                let choices: Vec<Json> = choices.iter().map(value_to_json).collect();
                ("CategoricalDistribution", json!({ "choices": choices }))
            }
        };
        json!({ "name": name, "attributes": attributes }).to_string()
    }

    pub(super) fn of_text(parameter: &str, text: &str) -> Result<Self, Oddity> {
        let json: Json = serde_json::from_str(text).map_err(|error| Oddity::Text {
            parameter: parameter.to_owned(),
            message: error.to_string(),
        })?;
        let attributes = &json["attributes"];
        let number =
            |field: &'static str| attributes[field].as_f64().ok_or(Oddity::Field { field });
        let whole = |field: &'static str| attributes[field].as_i64().ok_or(Oddity::Field { field });
        let log = || attributes["log"].as_bool().ok_or(Oddity::Field { field: "log" });
        match json["name"].as_str().unwrap_or("none") {
            "FloatDistribution" => Ok(Self::Float {
                low: number("low")?,
                high: number("high")?,
                log: log()?,
                step: attributes["step"].as_f64(),
            }),
            "IntDistribution" => Ok(Self::Int {
                low: whole("low")?,
                high: whole("high")?,
                log: log()?,
                step: whole("step")?,
            }),
            "CategoricalDistribution" => {
                let choices = attributes["choices"].as_array();
                let choices = choices.ok_or(Oddity::Field { field: "choices" })?;
                let choice = |choice: &Json| {
                    let plain = !choice.is_object();
                    let value = wire::value_from_json(&choice.to_string()).ok().filter(|_| plain);
                    value.ok_or_else(|| Oddity::Choice {
                        parameter: parameter.to_owned(),
                        choice: choice.to_string(),
                    })
                };
                Ok(Self::Categorical {
                    choices: choices.iter().map(choice).collect::<Result<_, _>>()?,
                })
            }
            name => {
                Err(Oddity::Distribution { parameter: parameter.to_owned(), name: name.to_owned() })
            }
        }
    }

    /// Whether Optuna lets one parameter have both in trials of one study.
    pub(super) fn goes_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Float { log, .. }, Self::Float { log: other, .. })
            | (Self::Int { log, .. }, Self::Int { log: other, .. }) => log == other,
            (Self::Categorical { .. }, Self::Categorical { .. }) => self == other,
            _ => false,
        }
    }

    /// What a number that Optuna keeps stands for.
    pub(super) fn value(&self, internal: f64) -> Option<Value> {
        match self {
            Self::Float { .. } => internal.is_finite().then_some(Value::Float(internal)),
            Self::Int { .. } => (internal.fract() == 0.0).then_some(Value::Int(internal as i64)),
            Self::Categorical { choices } => {
                (internal >= 0.0).then(|| choices.get(internal as usize).cloned())?
            }
        }
    }
}

pub(super) fn value_to_json(value: &Value) -> Json {
    // The core writes nothing else.
    serde_json::from_str(&wire::value_to_json(value)).unwrap_or_default()
}

/// A time as Optuna writes it, in UTC: with `T` and an offset in journals, with a space and none in databases.
pub(super) fn time(at: Timestamp, in_journal: bool) -> String {
    let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or_default();
    let form = if in_journal { "%Y-%m-%dT%H:%M:%S.%6f+00:00" } else { "%Y-%m-%d %H:%M:%S.%6f" };
    at.strftime(form).to_string()
}

/// A time of either form; one without an offset is in UTC.
pub(super) fn time_of(text: &str) -> Option<Timestamp> {
    let at = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()
    })?;
    Some(Timestamp(at.as_millisecond()))
}
