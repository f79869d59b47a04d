//! What was found, in sentences: the winner or the front, and how sure that is. It refuses to call a difference inside
//! the noise a difference.

use tunesmith_core::{Finalist, Metric, Study, TrialState};

use crate::figures;

/// The study's metric, of several the first. A study has at least one.
pub fn metric(study: &Study) -> Option<&Metric> {
    study.metrics().first()
}

/// Whether the study goes by several metrics.
pub fn is_several(study: &Study) -> bool {
    study.metrics().len() > 1
}

/// What the winner's score is worth, a sentence a line. `rows` is how many rows it was measured on,
/// where that is known.
pub fn verdict(study: &Study, rows: Option<usize>) -> Option<String> {
    if is_several(study) {
        return front_verdict(study, rows);
    }
    let metric = metric(study)?;
    if let Some(winner) = study.winner() {
        return Some(chosen(study, metric, &winner));
    }
    let best = study.best()?;
    let value = best.value(metric)?;
    let found =
        format!("best: trial {} with {} {}", best.number, metric.name, figures::metric(value));
    let Some(rows) = rows.filter(|rows| *rows > 0) else {
        return Some(found);
    };
    let found = format!("{found} on {rows} validation rows");
    let Some(error) = standard_error(metric, value, rows) else {
        return Some(found);
    };
    let found = format!("{found}, standard error {}", figures::metric(error));
    let others = study
        .in_state(TrialState::Completed)
        .filter(|trial| trial.number != best.number && !study.is_replica(trial));
    let equals = others
        .filter_map(|trial| trial.value(metric))
        .filter(|other| (other - value).abs() < error)
        .count();
    Some(match equals {
        0 => found,
        1 => format!(
            "{found}\n1 other trial is within that error of it: the data cannot tell them apart"
        ),
        _ => format!(
            "{found}\n{equals} other trials are within that error of it: the data cannot tell them apart"
        ),
    })
}

/// What fresh seeds say, a sentence a line.
fn chosen(study: &Study, metric: &Metric, winner: &Finalist) -> String {
    let runs = if winner.runs.len() == 1 { "one fresh seed" } else { "fresh seeds" };
    let with_interval = |finalist: &Finalist| match finalist.half_width {
        Some(half) => format!("{} ± {}", figures::metric(finalist.mean), figures::metric(half)),
        None => figures::metric(finalist.mean),
    };
    let mut lines = vec![format!(
        "winner: trial {} with {} {} on {} ({} run{})",
        winner.trial,
        metric.name,
        with_interval(winner),
        runs,
        winner.runs.len(),
        if winner.runs.len() == 1 { "" } else { "s" },
    )];
    if let Some(half) = winner.half_width {
        lines[0].push_str(", 95 % interval");
        let finalists = study.finalists();
        let close = finalists
            .iter()
            .filter(|other| other.trial != winner.trial && (other.mean - winner.mean).abs() < half);
        match close.count() {
            0 => {}
            1 => lines.push("1 other finalist is inside that interval".to_owned()),
            count => lines.push(format!("{count} other finalists are inside that interval")),
        }
    }
    if let Some(measured) = study.trial(winner.trial).and_then(|trial| trial.value(metric)) {
        let searched = format!("the search had measured {}", figures::metric(measured));
        let trials = study.searched_trials();
        lines.push(match study.expected_inflation() {
            Some(inflation) => format!(
                "{searched}, and by luck alone the best of {trials} equal trials looks {} too good",
                figures::metric(inflation)
            ),
            None => searched,
        });
    }
    lines.join("\n")
}

/// The standard error of a share of right answers; `None` for metrics that are no such share.
pub fn standard_error(metric: &Metric, value: f64, rows: usize) -> Option<f64> {
    let share = metric.name.ends_with("accuracy") && (0.0..=1.0).contains(&value);
    share.then(|| (value * (1.0 - value) / rows as f64).sqrt())
}

/// What was found, a sentence a line; `None` while no trial is completed. `rows` is how many rows the metrics were
/// measured on, where that is known.
fn front_verdict(study: &Study, rows: Option<usize>) -> Option<String> {
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
    let error = rows.and_then(|rows| Some((rows, standard_error(metric, value, rows)?)));
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
