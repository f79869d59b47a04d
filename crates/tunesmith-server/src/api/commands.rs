//! What people tell a study to do: to pause, to go on, to try some hyperparameters, to give a trial up, to
//! spend more or less. It refuses
//! commands of workers: those decide by themselves, and append.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State as Extract};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tunesmith_core::{Budget, Command, Event, Stream, Study, wire};

use super::{State, json_body, study_id};
use crate::problem::Problem;

/// A command as it comes.
#[derive(Debug, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
enum Told {
    Pause,
    Resume,
    Cancel { trial: u32 },
    Enqueue { params: Json },
    Budget(Limits),
}

/// Limits that change; what is left out stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    trials: Option<u32>,
    /// Seconds in which at least one trial was leased.
    wall: Option<f64>,
    /// Device seconds.
    device: Option<f64>,
    money: Option<f64>,
}

impl Limits {
    fn over(&self, budget: &Budget) -> Budget {
        Budget {
            trials: self.trials.or(budget.trials),
            wall_ms: self.wall.map(|seconds| (seconds * 1e3) as u64).or(budget.wall_ms),
            device_seconds: self.device.or(budget.device_seconds),
            cost: self.money.or(budget.cost),
        }
    }
}

impl Told {
    fn into_command(self, study: &Study) -> Result<Command, Problem> {
        Ok(match self {
            Self::Pause => Command::Pause,
            Self::Resume => Command::Resume,
            Self::Cancel { trial } => Command::Cancel { trial },
            Self::Enqueue { params } => Command::Enqueue {
                params: wire::params_from_json(&params.to_string())
                    .map_err(|error| Problem::malformed(format!("params: {error}")))?,
            },
            Self::Budget(limits) => Command::SetBudget { budget: limits.over(study.budget()) },
        })
    }
}

/// Does what it is told; says what became true.
pub(crate) async fn command(
    Extract(state): Extract<State>,
    Path(study): Path<String>,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let id = study_id(&study)?;
    let told: Told = json_body(&headers, bytes)?;
    let done = state.with_study(id, move |surroundings, study| {
        let policy = (surroundings.policies)(study.config()).map_err(|error| {
            let status = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
            Problem::new(status, "policy", error.to_string())
        })?;
        let command = told.into_command(study)?;
        let (storage, writer) = (&*surroundings.storage, &surroundings.writer);
        let now = (surroundings.now)();
        Ok(tunesmith_core::submit(storage, id, study, &policy, writer, &command, now)?)
    });
    let events = done.await?;
    state.appended.notify_waiters();
    let facts: Vec<Json> = events.iter().map(fact).collect();
    Ok(axum::Json(json!({ "events": facts })).into_response())
}

fn fact(event: &Event) -> Json {
    let trial = match event.stream {
        Stream::Study => Json::Null,
        Stream::Trial(number) => number.into(),
    };
    json!({ "fact": event.fact.name(), "trial": trial })
}
