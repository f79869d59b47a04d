//! What people tell a study to do: to pause, to go on, to try some hyperparameters, to give a trial up. It refuses
//! commands of workers: those decide by themselves, and append.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State as Extract};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tunesmith_core::{Command, Event, Stream, wire};

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
}

/// Does what it is told; says what became true.
pub(crate) async fn command(
    Extract(state): Extract<State>,
    Path(study): Path<String>,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let id = study_id(&study)?;
    let command = match json_body(&headers, bytes)? {
        Told::Pause => Command::Pause,
        Told::Resume => Command::Resume,
        Told::Cancel { trial } => Command::Cancel { trial },
        Told::Enqueue { params } => Command::Enqueue {
            params: wire::params_from_json(&params.to_string())
                .map_err(|error| Problem::malformed(format!("params: {error}")))?,
        },
    };
    let done = state.with_study(id, move |surroundings, study| {
        let policy = (surroundings.policies)(study.config()).map_err(|error| {
            let status = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
            Problem::new(status, "policy", error.to_string())
        })?;
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
