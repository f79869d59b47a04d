//! A study for people's eyes, as columns: everything but its curves.
//!
//! Shapes and names are those of `dashboard/src/data/contract.ts`. Refuses to leave a key out: what there is none of is null.

mod history;
mod outlook;
mod parts;

use serde_json::{Value as Json, json};
use tunesmith_core::{Goal, Metric, Origin, Outcome, Study, Timestamp, Trial, TrialState};

use crate::album::{Album, ENDINGS};
use crate::values::scalar;
use crate::{standing, verdict};

/// What a study looks like now. `id` is where a server keeps it; the album has the same events as the study.
pub fn picture(study: &Study, album: &Album, id: Option<i64>, now: Timestamp) -> Json {
    let config = study.config();
    let name = &config.name;
    let sentences = verdict(study, validation_rows(study)).unwrap_or_default();
    json!({
        "format": 1,
        "id": id,
        "name": name,
        "method": config.sampler.name,
        "scheduler": config.scheduler.name,
        "revision": study.revision().0,
        "created_at": study.created_at().0,
        "now": now.0,
        "paused": study.is_paused(),
        "finished": study.finish_reason(now).map(|why| why.to_string()),
        "standing": standing(study),
        "verdict": sentences.lines().collect::<Vec<_>>(),
        "metrics": study.metrics().iter().map(metric).collect::<Vec<_>>(),
        "parameters": parts::parameters(study),
        "states": TrialState::ALL.map(TrialState::name),
        "counts": TrialState::ALL.map(|state| study.count(state)),
        "trials": trials(study, album),
        "best": study.best().map(|trial| trial.number),
        "front": study.front().iter().map(|trial| trial.number).collect::<Vec<_>>(),
        "chosen": study.chosen().map(|trial| trial.number),
        "history": study.metrics().iter().map(|one| history::of(study, one)).collect::<Vec<_>>(),
        "importance": study.metrics().iter().map(|one| parts::importance(study, one)).collect::<Vec<_>>(),
        "timeline": timeline(album),
        "lineage": parts::takeovers(study, album),
        "cost": outlook::cost(study),
        "budget": outlook::budget(study, now),
        "commands": commands(study, name),
    })
}

fn metric(metric: &Metric) -> Json {
    let goal = match metric.goal {
        Goal::Minimize => "minimize",
        Goal::Maximize => "maximize",
    };
    json!({ "name": metric.name, "goal": goal })
}

/// On how many rows the best trial was measured, where that is known.
fn validation_rows(study: &Study) -> Option<usize> {
    let rows = study.chosen().or(study.best())?.effective.as_ref()?.validation_rows?;
    usize::try_from(rows).ok()
}

fn trials(study: &Study, album: &Album) -> Json {
    let trials = study.trials();
    let price = study.config().price_per_device_hour;
    let column = |of: &dyn Fn(&Trial) -> Json| trials.iter().map(of).collect::<Vec<Json>>();
    let params = study.space().parameters().iter().map(|parameter| {
        column(&|trial| trial.params.get(&parameter.name).map_or(Json::Null, scalar))
    });
    let values = study.metrics().iter().map(|metric| column(&|trial| json!(value(trial, metric))));
    let repeats = |trial: &Trial| match trial.origin {
        Origin::Replica { of } => json!(of),
        _ => Json::Null,
    };
    let reasons =
        trials.iter().filter_map(|trial| Some((trial.number.to_string(), reason(trial)?.into())));
    json!({
        "state": column(&|trial| (trial.state as usize).into()),
        "params": params.collect::<Vec<_>>(),
        "values": values.collect::<Vec<_>>(),
        "step": column(&|trial| json!(trial.reports.last().map(|report| report.step))),
        "fraction": column(&|trial| json!(trial.reports.last().map(|report| report.fraction))),
        "device_seconds": column(&|trial| trial.device_seconds.into()),
        "money": column(&|trial| json!(price.map(|price| price * trial.device_seconds / 3600.0))),
        "created_at": column(&|trial| trial.created_at.0.into()),
        "started_at": column(&|trial| json!(album.started_at(trial.number))),
        "finished_at": column(&|trial| json!(trial.finished_at.map(|at| at.0))),
        "seed": column(&|trial| trial.seed.to_string().into()),
        "repeats": column(&repeats),
        "reports": column(&|trial| trial.reports.len().into()),
        "reason": Json::Object(reasons.collect()),
    })
}

/// The outcome's value, else that of the reports.
fn value(trial: &Trial, metric: &Metric) -> Option<f64> {
    trial.value(metric)
}

/// Why a trial did not run to its end.
pub(crate) fn reason(trial: &Trial) -> Option<String> {
    match trial.outcome.as_ref()? {
        Outcome::Completed { .. } => None,
        Outcome::Pruned { reason } => Some(reason.clone()),
        Outcome::Failed { reason } => Some(reason.to_string()),
        Outcome::Cancelled => Some("cancelled".to_owned()),
    }
}

fn timeline(album: &Album) -> Json {
    let stretches = &album.stretches;
    json!({
        "trial": stretches.iter().map(|one| one.trial).collect::<Vec<_>>(),
        "worker": stretches.iter().map(|one| one.worker).collect::<Vec<_>>(),
        "from": stretches.iter().map(|one| one.from).collect::<Vec<_>>(),
        "to": stretches.iter().map(|one| one.to).collect::<Vec<_>>(),
        "end": stretches.iter().map(|one| one.end as usize).collect::<Vec<_>>(),
        "workers": album.workers,
        "ends": ENDINGS,
    })
}

fn commands(study: &Study, name: &str) -> Vec<Json> {
    let mut commands = vec![
        command("how it stands", &["show"], name),
        command("all trials", &["trials"], name),
        command("what mattered", &["importance"], name),
        command("derive every decision again", &["replay", "--verify"], name),
    ];
    if study.count(TrialState::Failed) > 0 {
        commands.push(command("run the failed trials again", &["rerun", "--failed"], name));
    }
    commands
}

/// A line to type into a shell, and what it is for.
pub(crate) fn command(what: &str, words: &[&str], study: &str) -> Json {
    let is_plain = |text: &str| {
        !text.is_empty()
            && !text.starts_with('-')
            && text.chars().all(|one| one.is_ascii_alphanumeric() || "-_.".contains(one))
    };
    let quoted = if is_plain(study) {
        study.to_owned()
    } else {
        format!("'{}'", study.replace('\'', r"'\''"))
    };
    let guard = if study.starts_with('-') { "-- " } else { "" };
    json!({ "name": what, "line": format!("tunesmith {} {guard}{quoted}", words.join(" ")) })
}
