//! What a study of several metrics has found: the trials that no other beats in all of them, and which is the best by
//! each. It refuses to call one of them the winner.

use serde_json::{Map, Value as Json, json};
use tunesmith_core::{Goal, Metric, Study, Trial, TrialState};

use crate::commands::json_params;
use crate::{figures, findings};

/// Whether the study goes by several metrics.
pub(crate) fn is_several(study: &Study) -> bool {
    study.metrics().len() > 1
}

/// The name of the first metric, which decides where one number is needed.
pub(crate) fn first_name(study: &Study) -> &str {
    findings::metric(study).map_or("", |metric| metric.name.as_str())
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

/// What was found, a sentence a line; `None` while no trial is completed. `rows` is how many rows the metrics were
/// measured on, where that is known.
pub(crate) fn verdict(study: &Study, rows: Option<usize>) -> Option<String> {
    let front = study.front();
    let names = names(study);
    let completed = study.count(TrialState::Completed);
    let mut lines = vec![match front.as_slice() {
        [] => return None,
        [one] => {
            format!("front: trial {} alone, at least as good as any other in {names}", one.number)
        }
        several => format!(
            "front: {} of {completed} completed trials, none beaten by another in {names} together",
            several.len()
        ),
    }];
    let rows = rows.filter(|rows| *rows > 0);
    lines.extend(study.metrics().iter().filter_map(|metric| best_by(study, metric, rows)));
    Some(lines.join("\n"))
}

/// `eval_accuracy`, `eval_loss` and `seconds` as people list them.
fn names(study: &Study) -> String {
    let names: Vec<&str> = study.metrics().iter().map(|metric| metric.name.as_str()).collect();
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

fn best_by(study: &Study, metric: &Metric, rows: Option<usize>) -> Option<String> {
    let best = study.best_by(metric)?;
    let value = best.value(metric)?;
    let shown = format!("best {}: {}, trial {}", metric.name, figures::metric(value), best.number);
    let error = rows.and_then(|rows| Some((rows, findings::standard_error(metric, value, rows)?)));
    let Some((rows, error)) = error else { return Some(shown) };
    let close = study
        .in_state(TrialState::Completed)
        .filter(|trial| trial.number != best.number)
        .filter_map(|trial| trial.value(metric))
        .filter(|other| (other - value).abs() < error)
        .count();
    let error = figures::metric(error);
    let noise = format!("on {rows} validation rows, standard error {error}");
    Some(match close {
        0 => format!("{shown}, {noise}"),
        1 => format!("{shown}, {noise}; 1 other trial is within it"),
        close => format!("{shown}, {noise}; {close} other trials are within it"),
    })
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
