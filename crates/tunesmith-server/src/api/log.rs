//! The storage's own calls: studies are created, listed and deleted, logs are read and appended to. Events are lines of
//! JSON, as in every storage. It refuses to look into them beyond that.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, State as Extract};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use tunesmith_core::{Event, Revision, Timestamp, Writer, wire};

use super::{State, body, json_body, study_id};
use crate::problem::Problem;

/// The type of lines of events.
const LINES: &str = "application/x-ndjson";
/// Events that are read at once at most.
const MOST_AT_ONCE: u32 = 4_096;

/// What creates a study.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Creation {
    config: Json,
    by: String,
    at: i64,
}

/// Which part of a log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    #[serde(default)]
    after: u64,
    limit: Option<u32>,
}

/// Every study, oldest first.
pub(crate) async fn list(Extract(state): Extract<State>) -> Result<Response, Problem> {
    let headers = state.with_storage(|storage| Ok(storage.studies()?)).await?;
    let studies: Vec<Json> = headers
        .into_iter()
        .map(|header| {
            json!({
                "id": header.id.0,
                "name": header.name,
                "created_at": header.created_at.0,
                "revision": header.revision.0,
            })
        })
        .collect();
    Ok(axum::Json(json!({ "studies": studies })).into_response())
}

/// Creates a study.
pub(crate) async fn create(
    Extract(state): Extract<State>,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let Creation { config, by, at } = json_body(&headers, bytes)?;
    let config = wire::config_from_json(&config.to_string())
        .map_err(|error| Problem::malformed(format!("config: {error}")))?;
    config.validate().map_err(|error| Problem::malformed(format!("config: {error}")))?;
    let created = state.with_storage(move |storage| {
        Ok(storage.create(&config, &Writer::new(&by), Timestamp(at))?)
    });
    let id = created.await?;
    Ok((StatusCode::CREATED, axum::Json(json!({ "id": id.0 }))).into_response())
}

/// Deletes a study with its log.
pub(crate) async fn delete(
    Extract(state): Extract<State>,
    Path(study): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = study_id(&study)?;
    state.with_storage(move |storage| Ok(storage.delete(id)?)).await?;
    state.forget(id);
    Ok(StatusCode::NO_CONTENT)
}

/// A part of a log, an event a line.
pub(crate) async fn read(
    Extract(state): Extract<State>,
    Path(study): Path<String>,
    part: Result<Query<Part>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let id = study_id(&study)?;
    let Query(part) = part.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    let limit = part.limit.unwrap_or(MOST_AT_ONCE).min(MOST_AT_ONCE);
    let events = state
        .with_storage(move |storage| Ok(storage.read(id, Revision(part.after), limit)?))
        .await?;
    let mut text = String::new();
    for event in &events {
        text.push_str(&wire::event_to_json(event));
        text.push('\n');
    }
    Ok(([(header::CONTENT_TYPE, LINES)], text).into_response())
}

/// Appends events, all of them or none.
pub(crate) async fn append(
    Extract(state): Extract<State>,
    Path(study): Path<String>,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let id = study_id(&study)?;
    let events = lines(&body(&headers, LINES, bytes)?)?;
    let revision = state.with_storage(move |storage| Ok(storage.append(id, &events)?)).await?;
    state.appended.notify_waiters();
    Ok(axum::Json(json!({ "revision": revision.0 })).into_response())
}

fn lines(text: &str) -> Result<Vec<Event>, Problem> {
    let lines = text.lines().enumerate();
    let event = |(index, line): (usize, &str)| {
        wire::event_from_json(line)
            .map_err(|error| Problem::malformed(format!("line {}: {error}", index + 1)))
    };
    lines.map(event).collect()
}
