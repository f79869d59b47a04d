//! What a study has found, as tables and sentences: ranking, winner, and how sure that is. It
//! refuses to call a difference inside the noise a difference.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use tunesmith_core::{
    Domain, FailureReason, Finalist, Goal, Metric, Origin, Outcome, Parameter, SearchSpace, Study,
    Trial, TrialState,
};

use crate::commands::json_params;
use crate::progress::short_value;
use crate::table::Table;
use crate::{figures, front};

/// The study's metric, of several the first. A study has at least one.
pub(crate) fn metric(study: &Study) -> Option<&Metric> {
    study.metrics().first()
}

/// The best trial of the search; of several metrics by the first.
pub(crate) fn best(study: &Study) -> Option<&Trial> {
    if front::is_several(study) { study.chosen() } else { study.best() }
}

/// Completed trials from best to worst, then the others by number. With several metrics the front alone, once there is
/// one.
pub(crate) fn ranking(study: &Study) -> Vec<&Trial> {
    let Some(metric) = metric(study) else {
        return Vec::new();
    };
    if front::is_several(study) && study.count(TrialState::Completed) > 0 {
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
    (front::is_several(study) && beside_others).then_some(front)
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

/// What the winner's score is worth, a sentence a line. `rows` is how many rows it was measured on,
/// where that is known.
pub(crate) fn verdict(study: &Study, rows: Option<usize>) -> Option<String> {
    if front::is_several(study) {
        return front::verdict(study, rows);
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

/// The standard error of a share of right answers; `None` for metrics that are no such share.
pub(crate) fn standard_error(metric: &Metric, value: f64, rows: usize) -> Option<f64> {
    let share = metric.name.ends_with("accuracy") && (0.0..=1.0).contains(&value);
    share.then(|| (value * (1.0 - value) / rows as f64).sqrt())
}

/// How a study stands, in one line.
pub(crate) fn standing(study: &Study) -> String {
    let count = |state| study.count(state);
    let again = |trial: &&Trial| study.is_replica(trial);
    let again = study.in_state(TrialState::Completed).filter(again).count();
    let searched = count(TrialState::Completed) - again;
    let mut parts = vec![match study.budget().trials {
        Some(limit) => format!("{searched} of {limit} trials completed"),
        None => format!("{searched} trials completed"),
    }];
    if again > 0 {
        parts.push(format!("{again} runs on fresh seeds"));
    }
    for state in [
        TrialState::Failed,
        TrialState::Pruned,
        TrialState::Paused,
        TrialState::Running,
        TrialState::Queued,
        TrialState::Cancelled,
    ] {
        if count(state) > 0 {
            parts.push(format!("{} {state}", count(state)));
        }
    }
    let spent = study.spent(study.last_event_at());
    parts.push(format!("{} of training", figures::duration(spent.device_seconds)));
    let saved = study.saved_device_seconds();
    if saved > 0.0 {
        parts.push(format!("about {} saved by stopping early", figures::duration(saved)));
    }
    parts.extend(spent.cost.map(|cost| format!("cost {}", figures::money(cost))));
    parts.join(" · ")
}

/// What a search used beyond its limit of device time or money, where that is more than a tenth: trials that run when
/// it is spent go on to their end, and a first round may be longer than all of it.
pub(crate) fn overrun(study: &Study) -> Option<String> {
    let (budget, spent) = (study.budget(), study.spent(study.last_event_at()));
    let beyond = |limit: f64, used: f64| used > 1.1 * limit;
    let text = match (budget.device_seconds, budget.cost.zip(spent.cost)) {
        (Some(limit), _) if beyond(limit, spent.device_seconds) => {
            let used = figures::duration(spent.device_seconds);
            format!("{used} of training for a budget of {}", figures::duration(limit))
        }
        (_, Some((limit, used))) if beyond(limit, used) => {
            format!("{} for a budget of {}", figures::money(used), figures::money(limit))
        }
        _ => return None,
    };
    Some(format!("{text}: trials that run when it is spent go on to their end"))
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
