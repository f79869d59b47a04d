//! What the dashboard draws: pictures, curves, a trial's page, and what the caller may do. It refuses to work anything
//! out: that is the view's.

use std::io::Write;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State as Extract};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use serde_json::json;

use super::{State, study_id};
use crate::gate::bearer;
use crate::problem::Problem;
use crate::tokens::Scope;

/// Answers of fewer bytes are sent as they are.
const SMALL: usize = 8_192;

/// What the caller has already.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Known {
    after: Option<u64>,
}

/// Which curves.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    metric: String,
    most: Option<usize>,
}

/// Everything of a study but its curves; 304 where the caller has it.
pub(crate) async fn picture(
    Extract(state): Extract<State>,
    Path(study): Path<String>,
    headers: HeaderMap,
    known: Result<Query<Known>, QueryRejection>,
) -> Result<Response, Problem> {
    let id = study_id(&study)?;
    let Query(known) = known.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    let drawn = state.with_album(id, move |surroundings, study, album| {
        if known.after == Some(study.revision().0) {
            return Ok(None);
        }
        let now = (surroundings.now)();
        Ok(Some(tunesmith_view::picture(study, album, Some(id.0), now).to_string()))
    });
    match drawn.await? {
        None => Ok(StatusCode::NOT_MODIFIED.into_response()),
        Some(text) => Ok(packed(&headers, "application/json", text.into_bytes())),
    }
}

/// The curves of a metric, as bytes.
pub(crate) async fn curves(
    Extract(state): Extract<State>,
    Path(study): Path<String>,
    headers: HeaderMap,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let id = study_id(&study)?;
    let Query(wanted) = wanted.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    let drawn = state.with_study(id, move |_, study| {
        let metric = study.metrics().iter().find(|metric| metric.name == wanted.metric);
        let metric = metric.ok_or_else(|| {
            let known: Vec<&str> =
                study.metrics().iter().map(|metric| metric.name.as_str()).collect();
            let message =
                format!("the study has no metric {}; it has {}", wanted.metric, known.join(", "));
            Problem::new(StatusCode::NOT_FOUND, "no_such_metric", message)
        })?;
        Ok(tunesmith_view::curves(study, metric, wanted.most))
    });
    Ok(packed(&headers, "application/octet-stream", drawn.await?))
}

/// Everything that is known of a trial.
pub(crate) async fn page(
    Extract(state): Extract<State>,
    Path((study, number)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let id = study_id(&study)?;
    let number: u32 = number
        .parse()
        .map_err(|_| Problem::malformed(format!("`{number}` is no trial's number")))?;
    let drawn = state.with_album(id, move |_, study, album| {
        tunesmith_view::page(study, album, number).ok_or_else(|| Problem::no_such_trial(number))
    });
    Ok(axum::Json(drawn.await?).into_response())
}

/// Whether there are tokens, and what the caller may do.
pub(crate) async fn access(Extract(state): Extract<State>, headers: HeaderMap) -> Response {
    let tokens = state.surroundings.tokens.as_deref();
    let scope = match tokens {
        None => Some(Scope::Write),
        Some(tokens) => bearer(&headers).and_then(|token| tokens.scope(token)),
    };
    let scope = scope.map(|scope| scope.to_string());
    axum::Json(json!({ "tokens": tokens.is_some(), "scope": scope })).into_response()
}

/// An answer, compressed where it is large and the caller can read that.
fn packed(headers: &HeaderMap, kind: &'static str, bytes: Vec<u8>) -> Response {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let takes_gzip = accepted.is_some_and(|accepted| {
        accepted.split(',').any(|one| one.split(';').next().map(str::trim) == Some("gzip"))
    });
    let packed = (takes_gzip && bytes.len() > SMALL).then(|| gzip(&bytes)).flatten();
    let is_packed = packed.is_some();
    let mut response = packed.unwrap_or(bytes).into_response();
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_packed {
        answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}
