//! What a study of several metrics has found: the trials that no other beats in all of them, and which is the best by
//! each. It refuses to call one of them the winner.

use serde_json::{Map, Value as Json, json};
use tunesmith_core::{Goal, Metric, Study, Trial};

use tunesmith_view::metric;

use tunesmith_view::json_params;

/// The name of the first metric, which decides where one number is needed.
pub(crate) fn first_name(study: &Study) -> &str {
    metric(study).map_or("", |metric| metric.name.as_str())
}

/// The front, from the best to the worst by the first metric.
pub(crate) fn ranking(study: &Study) -> Vec<&Trial> {
    let mut front = study.front();
    if let Some(metric) = study.metrics().first() {
        let value = |trial: &Trial| trial.value(metric).unwrap_or(f64::NAN);
        front.sort_by(|left, right| match metric.goal {
            Goal::Minimize => value(left).total_cmp(&value(right)),
            Goal::Maximize => value(right).total_cmp(&value(left)),
        });
    }
    front
}

/// The front for programs; with one metric the best trial and its equals.
pub(crate) fn json(study: &Study) -> Json {
    let best: Vec<(&Metric, Option<u32>)> = study
        .metrics()
        .iter()
        .map(|metric| (metric, study.best_by(metric).map(|trial| trial.number)))
        .collect();
    let entry = |trial: &Trial| {
        let own = best.iter().filter(|(_, best)| *best == Some(trial.number));
        let best_by: Vec<&str> = own.map(|(metric, _)| metric.name.as_str()).collect();
        json!({
            "trial": trial.number,
            "values": values(study, trial),
            "params": json_params(&trial.params),
            "best_by": best_by,
        })
    };
    ranking(study).into_iter().map(entry).collect()
}

/// A trial's value of each metric, null where there is none.
pub(crate) fn values(study: &Study, trial: &Trial) -> Json {
    let metrics = study.metrics().iter();
    let entries = metrics.map(|metric| (metric.name.clone(), json!(trial.value(metric))));
    Json::Object(entries.collect::<Map<_, _>>())
}
