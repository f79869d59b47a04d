//! How a study stands. It refuses to say what a list of trials says.

use axum::extract::{Path, State as Extract};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value as Json, json};
use tunesmith_core::{Goal, Metric, Study, Timestamp, Trial, TrialState};

use super::{State, study_id};
use crate::problem::Problem;

/// All states, in the order of a trial's life.
const STATES: [TrialState; 7] = [
    TrialState::Queued,
    TrialState::Running,
    TrialState::Paused,
    TrialState::Completed,
    TrialState::Pruned,
    TrialState::Failed,
    TrialState::Cancelled,
];

/// A study's standing.
pub(crate) async fn one(
    Extract(state): Extract<State>,
    Path(study): Path<String>,
) -> Result<Response, Problem> {
    let id = study_id(&study)?;
    let shown = state
        .with_study(id, move |surroundings, study| Ok(standing(id.0, study, (surroundings.now)())));
    Ok(axum::Json(shown.await?).into_response())
}

fn standing(id: i64, study: &Study, now: Timestamp) -> Json {
    let metric = |metric: &Metric| {
        let goal = match metric.goal {
            Goal::Minimize => "minimize",
            Goal::Maximize => "maximize",
        };
        json!({ "name": metric.name, "goal": goal })
    };
    let metrics: Vec<Json> = study.metrics().iter().map(metric).collect();
    let counts: Map<String, Json> =
        STATES.iter().map(|state| (state.to_string(), study.count(*state).into())).collect();
    let front: Vec<u32> = study.front().iter().map(|trial| trial.number).collect();
    json!({
        "id": id,
        "name": study.config().name,
        "created_at": study.created_at().0,
        "revision": study.revision().0,
        "metrics": metrics,
        "trials": counts,
        "best": study.best().map(|trial| trial.number),
        "front": front,
        "chosen": study.chosen().map(|trial| trial.number),
        "paused": study.is_paused(),
        "finished": study.finish_reason(now).map(|why| why.to_string()),
        "device_seconds": study.trials().iter().map(|trial: &Trial| trial.device_seconds).sum::<f64>(),
    })
}
