//! What a study has found, as tables and sentences: ranking, winner, and how sure that is. It
//! refuses to call a difference inside the noise a difference.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use tunesmith_core::{
    Domain, FailureReason, Finalist, Goal, Metric, Origin, Outcome, Parameter, SearchSpace, Study,
    Trial, TrialState,
};

use crate::front;
use crate::table::Table;
use tunesmith_view::figures::{self, short_value};
use tunesmith_view::json_params;
use tunesmith_view::metric;

/// The best trial of the search; of several metrics by the first.
pub(crate) fn best(study: &Study) -> Option<&Trial> {
    if tunesmith_view::is_several(study) { study.chosen() } else { study.best() }
}

/// Completed trials from best to worst, then the others by number. With several metrics the front alone, once there is
/// one.
pub(crate) fn ranking(study: &Study) -> Vec<&Trial> {
    let Some(metric) = metric(study) else {
        return Vec::new();
    };
    if tunesmith_view::is_several(study) && study.count(TrialState::Completed) > 0 {
        return front::ranking(study);
    }
    let mut completed: Vec<(f64, &Trial)> = study
        .in_state(TrialState::Completed)
        .filter_map(|trial| Some((trial.value(metric)?, trial)))
        .collect();
    completed.sort_by(|(left, _), (right, _)| match metric.goal {
        Goal::Minimize => left.total_cmp(right),
        Goal::Maximize => right.total_cmp(left),
    });
    let others = study.trials().iter().filter(|trial| trial.state != TrialState::Completed);
    completed.into_iter().map(|(_, trial)| trial).chain(others).collect()
}

/// The names of the parameters that differ between trials, as they were declared.
pub(crate) fn varying_in(space: &SearchSpace) -> Vec<String> {
    let fixed = |parameter: &Parameter| matches!(parameter.domain(), Some(Domain::Fixed(_)));
    let parameters = space.parameters().iter();
    parameters
        .filter(|parameter| !fixed(parameter))
        .map(|parameter| parameter.name.clone())
        .collect()
}

/// The first `most` of the ranking as lines, with how many there are beyond; nothing where there is no trial.
pub(crate) fn ranking_lines(study: &Study, most: usize) -> Vec<String> {
    let ranking = ranking(study);
    let shown: Vec<_> = ranking.iter().copied().take(most).collect();
    if shown.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![table(study, &shown).render().trim_end().to_owned()];
    let beyond = ranking.len() - shown.len();
    if beyond > 0 {
        lines.push(format!("… and {beyond} more: tunesmith trials {}", study.config().name));
    }
    lines
}

/// A table of trials.
pub(crate) fn table(study: &Study, trials: &[&Trial]) -> Table {
    let names = varying_in(study.space());
    let price = study.config().price_per_device_hour;
    let mut table = Table::default().number("trial").text("state");
    for metric in study.metrics() {
        table = table.number(&metric.name);
    }
    for name in &names {
        table = table.number(name);
    }
    table = table.number("steps").number("minutes");
    if price.is_some() {
        table = table.number("cost");
    }
    let repeats = trials.iter().any(|trial| study.is_replica(trial));
    if repeats {
        table = table.number("repeats");
    }
    let front = front_beside_others(study, trials);
    if front.is_some() {
        table = table.text("front");
    }
    if trials.iter().any(|trial| reason(trial).is_some()) {
        table = table.text("reason");
    }
    let chosen = study.chosen().map(|chosen| chosen.number);
    for (index, trial) in trials.iter().enumerate() {
        let mut cells = row(study, trial, &names, price, repeats);
        if let Some(front) = &front {
            cells.push(if front.contains(&trial.number) { "yes" } else { "-" }.to_owned());
        }
        cells.extend(reason(trial));
        table.row(cells);
        if chosen == Some(trial.number) {
            table.mark(index);
        }
    }
    table
}

/// The front's trials, where there are several metrics and the table has other trials too.
fn front_beside_others(study: &Study, trials: &[&Trial]) -> Option<BTreeSet<u32>> {
    let front: BTreeSet<u32> = study.front().iter().map(|trial| trial.number).collect();
    let beside_others = trials.iter().any(|trial| !front.contains(&trial.number));
    (tunesmith_view::is_several(study) && beside_others).then_some(front)
}

fn row(
    study: &Study,
    trial: &Trial,
    names: &[String],
    price: Option<f64>,
    repeats: bool,
) -> Vec<String> {
    let value = |metric| trial.value(metric).map_or("-".to_owned(), figures::metric);
    let steps = trial.reports.last().map(|report| report.step.to_string());
    let mut cells = vec![trial.number.to_string(), trial.state.to_string()];
    cells.extend(study.metrics().iter().map(value));
    cells.extend(
        names.iter().map(|name| trial.params.get(name).map_or("-".to_owned(), short_value)),
    );
    cells.push(steps.unwrap_or("-".to_owned()));
    cells.push(figures::minutes(trial.device_seconds));
    cells.extend(price.map(|price| figures::money(price * trial.device_seconds / 3600.0)));
    if repeats {
        cells.push(repeated(trial).map_or("-".to_owned(), |of| of.to_string()));
    }
    cells
}

/// The trial whose configuration this one repeats.
fn repeated(trial: &Trial) -> Option<u32> {
    match trial.origin {
        Origin::Replica { of } => Some(of),
        _ => None,
    }
}

/// What fresh seeds say, for programs; null while that is not known.
pub(crate) fn final_json(study: &Study) -> Json {
    let Some(winner) = study.winner() else { return Json::Null };
    let finalist = |finalist: &Finalist| {
        json!({
            "trial": finalist.trial,
            "runs": finalist.runs,
            "mean": finalist.mean,
            "interval": finalist.half_width.map(|half| [finalist.mean - half, finalist.mean + half]),
            "bound": finalist.bound,
        })
    };
    json!({
        "winner": finalist(&winner),
        "finalists": study.finalists().iter().map(finalist).collect::<Vec<_>>(),
        "seed_deviation": study.seed_deviation().map(|(deviation, _)| deviation),
        "expected_inflation": study.expected_inflation(),
    })
}

/// A trial for programs.
pub(crate) fn trial_json(study: &Study, trial: &Trial) -> Json {
    let price = study.config().price_per_device_hour;
    let reports: Vec<Json> = trial
        .reports
        .iter()
        .map(|report| json!({ "step": report.step, "fraction": report.fraction, "metrics": report.values }))
        .collect();
    json!({
        "trial": trial.number,
        "state": trial.state.name(),
        "value": metric(study).and_then(|metric| trial.value(metric)),
        "values": front::values(study, trial),
        "params": json_params(&trial.params),
        "effective": trial.effective.as_ref().map(|effective| json_params(&effective.params)),
        "seed": trial.seed,
        "repeats": repeated(trial),
        "total_steps": trial.effective.as_ref().map(|effective| effective.total_steps),
        "device_seconds": trial.device_seconds,
        "cost": price.map(|price| price * trial.device_seconds / 3600.0),
        "leases": trial.leases,
        "reason": reason(trial),
        "output": last_words(trial),
        "read_back": trial.effective.as_ref().map(|effective| json_params(&effective.read_back)),
        "lineage": lineage(study, trial),
        "reports": reports,
    })
}

/// The end of what a trial's process said before it failed.
fn last_words(trial: &Trial) -> Option<&str> {
    match trial.outcome.as_ref()? {
        Outcome::Failed { reason: FailureReason::Crashed { tail, .. } } => Some(tail),
        _ => None,
    }
}

/// The stretches of training that led to a trial's state; null where all of it is its own.
fn lineage(study: &Study, trial: &Trial) -> Json {
    if trial.exploits.is_empty() {
        return Json::Null;
    }
    let stretch = |segment: &tunesmith_core::Segment| {
        json!({
            "trial": segment.trial, "params": json_params(&segment.params), "until_step": segment.until_step,
        })
    };
    study.lineage(trial.number).iter().map(stretch).collect()
}

/// A study for programs.
pub(crate) fn study_json(study: &Study) -> Json {
    let spent = study.spent(study.last_event_at());
    let goal = |metric: &Metric| match metric.goal {
        Goal::Minimize => "minimize",
        Goal::Maximize => "maximize",
    };
    let metrics: Json = study
        .metrics()
        .iter()
        .map(|metric| json!({ "name": metric.name, "goal": goal(metric) }))
        .collect();
    let states = TrialState::ALL.map(|state| (state.name().to_owned(), json!(study.count(state))));
    json!({
        "study": study.config().name,
        "method": study.config().sampler.name,
        "metric": metric(study).map(|metric| metric.name.clone()),
        "goal": metric(study).map(goal),
        "metrics": metrics,
        "trials": Json::Object(states.into_iter().collect()),
        "best": best(study).map(|best| trial_json(study, best)),
        "front": front::json(study),
        "final": final_json(study),
        "device_seconds": spent.device_seconds,
        "cost": spent.cost,
        "saved_device_seconds": study.saved_device_seconds(),
        "expected_device_seconds": study.expected_device_seconds(),
        "paused": study.is_paused(),
    })
}

/// All trials as CSV (RFC 4180): number, state, every metric, every parameter, steps, device seconds,
/// cost, seed, the trial it repeats, reason.
pub(crate) fn csv(study: &Study) -> String {
    let parameters = study.space().parameters().iter();
    let names: Vec<&str> = parameters.map(|parameter| parameter.name.as_str()).collect();
    let mut header = vec!["trial", "state"];
    header.extend(study.metrics().iter().map(|metric| metric.name.as_str()));
    header.extend(&names);
    header.extend(["steps", "device_seconds", "cost", "seed", "repeats", "reason"]);
    let mut lines = vec![header.into_iter().map(csv_cell).collect::<Vec<_>>().join(",")];
    for trial in study.trials() {
        let cells = record(study, trial, &names);
        lines.push(cells.iter().map(|cell| csv_cell(cell)).collect::<Vec<_>>().join(","));
    }
    lines.join("\n") + "\n"
}

fn csv_cell(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

fn record(study: &Study, trial: &Trial, names: &[&str]) -> Vec<String> {
    let price = study.config().price_per_device_hour;
    let text = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    let mut cells = vec![trial.number.to_string(), trial.state.to_string()];
    cells.extend(study.metrics().iter().map(|metric| text(trial.value(metric))));
    cells.extend(
        names.iter().map(|name| trial.params.get(name).map_or(String::new(), ToString::to_string)),
    );
    cells.push(trial.reports.last().map_or(String::new(), |report| report.step.to_string()));
    cells.push(trial.device_seconds.to_string());
    cells.push(text(price.map(|price| price * trial.device_seconds / 3600.0)));
    cells.push(trial.seed.to_string());
    cells.push(repeated(trial).map_or(String::new(), |of| of.to_string()));
    cells.push(reason(trial).unwrap_or_default());
    cells
}

fn reason(trial: &Trial) -> Option<String> {
    match trial.outcome.as_ref()? {
        Outcome::Failed { reason } => Some(reason.to_string()),
        Outcome::Pruned { reason } => Some(reason.clone()),
        Outcome::Completed { .. } | Outcome::Cancelled => None,
    }
}

/// Metrics of a JSON object as `name value`, with commas.
pub(crate) fn metrics(of: &Json) -> String {
    let entries = of.as_object().into_iter().flatten();
    let shown = entries
        .filter_map(|(name, value)| Some(format!("{name} {}", figures::metric(value.as_f64()?))));
    shown.collect::<Vec<_>>().join(", ")
}
