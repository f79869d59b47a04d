//! Events as JSON: `{"format":1,"stream":"trial/3","seq":0,"at":…,"by":"…","fact":{"type":"trial_started",…}}`.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::config::{BudgetJson, ConfigJson};
use super::space::ParameterJson;
use super::tagged::{self, Variants};
use super::value::{params, single};
use super::{FORMAT, Versioned, errors};
use crate::budget::Budget;
use crate::config::StudyConfig;
use crate::event::{Event, Fact, Grant, Revision, Start, Stream, Takeover};
use crate::metric::Values;
use crate::space::Parameter;
use crate::timestamp::{Timestamp, Writer};
use crate::trial::{Checkpoint, Effective, ExampleErrors, FailureReason, Report, RequeueReason};
use crate::value::{Params, Value};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventJson {
    format: u32,
    #[serde(with = "stream")]
    stream: Stream,
    seq: u32,
    #[serde(with = "TimestampJson")]
    at: Timestamp,
    by: String,
    #[serde(serialize_with = "FactJson::serialize", deserialize_with = "tagged::deserialize")]
    fact: Fact,
}

impl Versioned for EventJson {
    fn format(&self) -> u32 {
        self.format
    }
}

impl From<&Event> for EventJson {
    fn from(event: &Event) -> Self {
        let Event { stream, seq, at, by, fact } = event.clone();
        Self { format: FORMAT, stream, seq, at, by: by.as_str().to_owned(), fact }
    }
}

impl From<EventJson> for Event {
    fn from(json: EventJson) -> Self {
        let EventJson { stream, seq, at, by, fact, .. } = json;
        Self { stream, seq, at, by: Writer::new(&by), fact }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Timestamp")]
struct TimestampJson(i64);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Revision")]
struct RevisionJson(u64);

/// The facts as JSON: written with serde's `type`, and read by [`tagged`], which is quicker than serde's own way.
macro_rules! facts {
    ($name:ident, $direction:ident, $($tag:tt)*) => {
        #[derive($direction)]
        #[serde(remote = "Fact", $($tag)* rename_all = "snake_case", deny_unknown_fields)]
        enum $name {
            StudyCreated {
                #[serde(with = "boxed_config")]
                config: Box<StudyConfig>,
            },
            BudgetChanged {
                #[serde(with = "BudgetJson")]
                budget: Budget,
            },
            StudyPaused,
            StudyResumed,
            TrialEnqueued {
                #[serde(with = "params")]
                params: Params,
                seed: u64,
            },
            TrialReplicated {
                of: u32,
                seed: u64,
            },
            TrialStarted {
                #[serde(with = "boxed_start")]
                start: Box<Start>,
                #[serde(with = "GrantJson")]
                lease: Grant,
            },
            TrialLeased {
                #[serde(with = "GrantJson")]
                lease: Grant,
            },
            TrialExploited {
                #[serde(with = "boxed_takeover")]
                exploit: Box<Takeover>,
                #[serde(with = "GrantJson")]
                lease: Grant,
            },
            LeaseRenewed {
                #[serde(with = "TimestampJson")]
                expires_at: Timestamp,
                #[serde(default, skip_serializing_if = "is_zero")]
                device_seconds: f64,
            },
            ParameterSuggested {
                #[serde(with = "boxed_parameter")]
                parameter: Box<Parameter>,
                #[serde(with = "single")]
                value: Value,
            },
            EffectiveRecorded {
                #[serde(with = "EffectiveJson")]
                effective: Effective,
            },
            Reported {
                #[serde(with = "ReportJson")]
                report: Report,
                #[serde(with = "TimestampJson")]
                expires_at: Timestamp,
            },
            Checkpointed {
                #[serde(with = "CheckpointJson")]
                checkpoint: Checkpoint,
                #[serde(with = "TimestampJson")]
                expires_at: Timestamp,
            },
            TrialRequeued {
                #[serde(with = "RequeueReasonJson")]
                reason: RequeueReason,
                #[serde(default, skip_serializing_if = "is_zero")]
                device_seconds: f64,
            },
            TrialPaused {
                reason: String,
            },
            TrialCompleted {
                values: Values,
                #[serde(default, skip_serializing_if = "is_zero")]
                device_seconds: f64,
            },
            TrialPruned {
                reason: String,
                #[serde(default, skip_serializing_if = "is_zero")]
                device_seconds: f64,
            },
            TrialFailed {
                #[serde(with = "FailureReasonJson")]
                reason: FailureReason,
                #[serde(default, skip_serializing_if = "is_zero")]
                device_seconds: f64,
            },
            TrialCancelled,
        }
    };
}

facts!(FactJson, Serialize, tag = "type",);
facts!(FactFields, Deserialize,);

impl Variants for Fact {
    fn read<'de, D: Deserializer<'de>>(variant: D) -> Result<Self, D::Error> {
        FactFields::deserialize(variant)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Start", deny_unknown_fields)]
struct StartJson {
    #[serde(with = "params")]
    params: Params,
    #[serde(default, skip_serializing_if = "Params::is_empty", with = "params")]
    proposals: Params,
    seed: u64,
    #[serde(with = "RevisionJson")]
    based_on: Revision,
    asked: u32,
    #[serde(default, skip_serializing_if = "Params::is_empty", with = "params")]
    note: Params,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Takeover", deny_unknown_fields)]
struct TakeoverJson {
    donor: u32,
    donor_step: u64,
    #[serde(with = "params")]
    params: Params,
    #[serde(with = "RevisionJson")]
    based_on: Revision,
    #[serde(default, skip_serializing_if = "Params::is_empty", with = "params")]
    note: Params,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Grant", deny_unknown_fields)]
struct GrantJson {
    number: u32,
    #[serde(with = "TimestampJson")]
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Effective", deny_unknown_fields)]
struct EffectiveJson {
    #[serde(with = "params")]
    params: Params,
    total_steps: u64,
    #[serde(default, skip_serializing_if = "Params::is_empty", with = "params")]
    read_back: Params,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    validation_rows: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Report", deny_unknown_fields)]
struct ReportJson {
    step: u64,
    fraction: f64,
    values: Values,
    #[serde(default, skip_serializing_if = "is_zero")]
    device_seconds: f64,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "errors")]
    errors: Option<ExampleErrors>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Checkpoint", deny_unknown_fields)]
struct CheckpointJson {
    step: u64,
    path: String,
    bytes: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RequeueReason", rename_all = "snake_case")]
enum RequeueReasonJson {
    LeaseExpired,
    WorkerDied,
    Released,
    TrainerDied,
    PackOutOfMemory,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "FailureReason", tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum FailureReasonJson {
    NonFinite {
        metric: String,
        step: u64,
    },
    MissingMetric {
        metric: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reported: Vec<String>,
    },
    OutOfMemory,
    Crashed {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit_code: Option<i32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
        tail: String,
    },
    TimeLimit {
        limit_ms: u64,
    },
    Refused {
        message: String,
    },
    WorkersLost {
        leases: u32,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(device_seconds: &f64) -> bool {
    *device_seconds == 0.0
}

/// `study` or `trial/3`.
mod stream {
    use super::{Deserialize, Deserializer, Error, Serializer, Stream};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(crate) fn serialize<S: Serializer>(stream: &Stream, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(stream)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(json: D) -> Result<Stream, D::Error> {
        let text = String::deserialize(json)?;
        let number = text.strip_prefix("trial/").and_then(|number| number.parse().ok());
        match (text.as_str(), number) {
            ("study", _) => Ok(Stream::Study),
            (_, Some(number)) => Ok(Stream::Trial(number)),
            _ => Err(D::Error::custom(format_args!(
                "`{text}` is neither `study` nor `trial/` and a number"
            ))),
        }
    }
}

mod boxed_config {
    use super::{ConfigJson, Deserializer, Serializer, StudyConfig};

    pub(crate) fn serialize<S: Serializer>(
        config: &StudyConfig,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        ConfigJson::serialize(config, out)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        json: D,
    ) -> Result<Box<StudyConfig>, D::Error> {
        ConfigJson::deserialize(json).map(Box::new)
    }
}

mod boxed_start {
    use super::{Deserializer, Serializer, Start, StartJson};

    pub(crate) fn serialize<S: Serializer>(start: &Start, out: S) -> Result<S::Ok, S::Error> {
        StartJson::serialize(start, out)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(json: D) -> Result<Box<Start>, D::Error> {
        StartJson::deserialize(json).map(Box::new)
    }
}

mod boxed_takeover {
    use super::{Deserializer, Serializer, Takeover, TakeoverJson};

    pub(crate) fn serialize<S: Serializer>(takeover: &Takeover, out: S) -> Result<S::Ok, S::Error> {
        TakeoverJson::serialize(takeover, out)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        json: D,
    ) -> Result<Box<Takeover>, D::Error> {
        TakeoverJson::deserialize(json).map(Box::new)
    }
}

mod boxed_parameter {
    use super::{Deserializer, Parameter, ParameterJson, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        parameter: &Parameter,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        ParameterJson::serialize(parameter, out)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        json: D,
    ) -> Result<Box<Parameter>, D::Error> {
        ParameterJson::deserialize(json).map(Box::new)
    }
}
