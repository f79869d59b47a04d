//! How the best value came down or went up: completed trials in the order in which they ended. It refuses to let pruned
//! trials compete, which were measured earlier in their schedules, and runs on fresh seeds, which repeat the best.

use serde_json::{Value as Json, json};
use tunesmith_core::{Metric, Study, Trial, TrialState};

use crate::verdict::standard_error;

/// The history of a metric.
pub(super) fn of(study: &Study, metric: &Metric) -> Json {
    let mut ended: Vec<(i64, &Trial, f64)> = study
        .in_state(TrialState::Completed)
        .filter(|trial| !study.is_replica(trial))
        .filter_map(|trial| Some((trial.finished_at?.0, trial, trial.value(metric)?)))
        .collect();
    ended.sort_by_key(|(at, trial, _)| (*at, trial.number));
    let mut best: Option<(f64, &Trial)> = None;
    let mut columns: [Vec<f64>; 3] = Default::default();
    for (_, trial, value) in &ended {
        if best.is_none_or(|(best, _)| metric.goal.is_better(*value, best)) {
            best = Some((*value, trial));
        }
        let Some((value, trial)) = best else { continue };
        let noise = noise(study, metric, value, trial);
        columns[0].push(value);
        columns[1].push(value - noise);
        columns[2].push(value + noise);
    }
    let [running, low, high] = columns;
    json!({
        "trial": ended.iter().map(|(_, trial, _)| trial.number).collect::<Vec<_>>(),
        "at": ended.iter().map(|(at, _, _)| *at).collect::<Vec<_>>(),
        "value": ended.iter().map(|(_, _, value)| *value).collect::<Vec<_>>(),
        "best": running,
        "low": low,
        "high": high,
    })
}

/// One deviation of a value: between seeds where they were tried, else the error of a share of so many rows; 0 where
/// neither is known.
fn noise(study: &Study, metric: &Metric, value: f64, trial: &Trial) -> f64 {
    let is_first = study.metrics().first() == Some(metric);
    if let Some((deviation, _)) = study.seed_deviation().filter(|_| is_first) {
        return deviation;
    }
    let rows = trial.effective.as_ref().and_then(|effective| effective.validation_rows);
    let rows = rows.and_then(|rows| usize::try_from(rows).ok()).filter(|rows| *rows > 0);
    rows.and_then(|rows| standard_error(metric, value, rows)).unwrap_or(0.0)
}
