//! Trials, as people look at them. It refuses to round: numbers are those of the log.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State as Extract};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use tunesmith_core::{Outcome, Params, Report, Trial, Values, wire};

use super::{State, study_id};
use crate::problem::Problem;

/// Trials that are listed at once at most.
const MOST_AT_ONCE: usize = 1_000;

/// Which trials.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Part {
    #[serde(default)]
    from: usize,
    limit: Option<usize>,
}

/// Trials by number, without their reports.
pub(crate) async fn list(
    Extract(state): Extract<State>,
    Path(study): Path<String>,
    part: Result<Query<Part>, QueryRejection>,
) -> Result<Response, Problem> {
    let id = study_id(&study)?;
    let Query(part) = part.map_err(|rejection| Problem::malformed(rejection.body_text()))?;
    let limit = part.limit.unwrap_or(MOST_AT_ONCE).min(MOST_AT_ONCE);
    let shown = state.with_study(id, move |_, study| {
        let some = study.trials().iter().skip(part.from).take(limit);
        let trials: Vec<Json> = some.map(brief).collect();
        Ok(json!({ "trials": trials, "total": study.trials().len() }))
    });
    Ok(axum::Json(shown.await?).into_response())
}

/// One trial with its reports.
pub(crate) async fn one(
    Extract(state): Extract<State>,
    Path((study, number)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let id = study_id(&study)?;
    let number: u32 = number
        .parse()
        .map_err(|_| Problem::malformed(format!("`{number}` is no trial's number")))?;
    let shown = state.with_study(id, move |_, study| {
        let trial = study.trial(number).ok_or_else(|| Problem::no_such_trial(number))?;
        let mut shown = brief(trial);
        shown["reports"] = trial.reports.iter().map(report).collect();
        Ok(shown)
    });
    Ok(axum::Json(shown.await?).into_response())
}

fn brief(trial: &Trial) -> Json {
    let ended = match &trial.outcome {
        None => Json::Null,
        Some(Outcome::Completed { values: of }) => json!({ "values": values(of) }),
        Some(Outcome::Pruned { reason }) => json!({ "reason": reason }),
        Some(Outcome::Failed { reason }) => json!({ "reason": reason.to_string() }),
        Some(Outcome::Cancelled) => json!({ "reason": "cancelled" }),
    };
    json!({
        "number": trial.number,
        "state": trial.state.to_string(),
        "params": params(&trial.params),
        "seed": trial.seed,
        "outcome": ended,
        "last": trial.reports.last().map(report),
        "effective": trial.effective.as_ref().map(|effective| params(&effective.params)),
        "leases": trial.leases,
        "holder": trial.lease.as_ref().map(|lease| lease.holder.as_str().to_owned()),
        "device_seconds": trial.device_seconds,
        "created_at": trial.created_at.0,
        "finished_at": trial.finished_at.map(|at| at.0),
    })
}

fn report(report: &Report) -> Json {
    json!({ "step": report.step, "fraction": report.fraction, "values": values(&report.values) })
}

fn values(values: &Values) -> Json {
    Json::Object(values.iter().map(|(name, value)| (name.clone(), json!(value))).collect())
}

fn params(params: &Params) -> Json {
    // The core writes nothing else.
    serde_json::from_str(&wire::params_to_json(params)).unwrap_or_else(|_| Json::Object(Map::new()))
}
