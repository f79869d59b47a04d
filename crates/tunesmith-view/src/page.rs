//! One trial, with everything that is known of it. It refuses to say what belongs to the study.

use serde_json::{Map, Value as Json, json};
use tunesmith_core::{FailureReason, Origin, Outcome, Report, Study, Trial, Values};

use crate::album::{Album, ENDINGS};
use crate::picture::{command, reason};
use crate::values::json_params;

/// The trial of that number; `None` where there is none.
pub fn page(study: &Study, album: &Album, number: u32) -> Option<Json> {
    let trial = study.trial(number)?;
    let price = study.config().price_per_device_hour;
    let (repeats, note) = match &trial.origin {
        Origin::Replica { of } => (Some(*of), None),
        Origin::Sampler { note, .. } => (None, Some(json_params(note).to_string())),
        Origin::Enqueued => (None, None),
    };
    let lineage = study.lineage(number);
    let ancestors: Vec<u32> =
        lineage.iter().map(|segment| segment.trial).filter(|one| *one != number).collect();
    let took_over = |other: &&Trial| other.exploits.iter().any(|one| one.donor == number);
    let children: Vec<u32> =
        study.trials().iter().filter(took_over).map(|other| other.number).collect();
    Some(json!({
        "number": number,
        "state": trial.state.name(),
        "seed": trial.seed.to_string(),
        "params": json_params(&trial.params),
        "effective": trial.effective.as_ref().map(|effective| json_params(&effective.params)),
        "values": outcome_values(trial),
        "reason": reason(trial),
        "reports": reports(trial, album),
        "stretches": stretches(album, number),
        "output": output(trial),
        "lineage": ancestors,
        "children": children,
        "repeats": repeats,
        "repeated_by": study.replicas_of(number).map(|one| one.number).collect::<Vec<_>>(),
        "device_seconds": trial.device_seconds,
        "money": price.map(|price| price * trial.device_seconds / 3600.0),
        "note": note,
        "commands": commands(study, trial),
    }))
}

fn commands(study: &Study, trial: &Trial) -> Vec<Json> {
    let name = &study.config().name;
    let mut commands = Vec::new();
    if trial.is_finished() {
        let what = ["replay", "--trial", &trial.number.to_string()];
        commands.push(command("train it again as it was", &what, name));
    }
    commands.push(command("derive every decision again", &["replay", "--verify"], name));
    commands
}

fn outcome_values(trial: &Trial) -> Json {
    match &trial.outcome {
        Some(Outcome::Completed { values }) => named(values),
        _ => Json::Null,
    }
}

fn reports(trial: &Trial, album: &Album) -> Vec<Json> {
    let times = album.reported_at(trial.number);
    let entry = |(place, report): (usize, &Report)| {
        json!({
            "step": report.step,
            "fraction": report.fraction,
            "at": times.get(place),
            "values": named(&report.values),
        })
    };
    trial.reports.iter().enumerate().map(entry).collect()
}

fn stretches(album: &Album, number: u32) -> Vec<Json> {
    let own = album.stretches.iter().filter(|stretch| stretch.trial == number);
    let entry = |stretch: &crate::album::Stretch| {
        json!({
            "worker": album.workers[stretch.worker],
            "from": stretch.from,
            "to": stretch.to,
            "end": ENDINGS[stretch.end as usize],
        })
    };
    own.map(entry).collect()
}

/// The end of what its process said before it failed.
fn output(trial: &Trial) -> Option<&str> {
    match trial.outcome.as_ref()? {
        Outcome::Failed { reason: FailureReason::Crashed { tail, .. } } => Some(tail),
        _ => None,
    }
}

fn named(values: &Values) -> Json {
    let entries = values.iter().map(|(name, value)| (name.clone(), json!(value)));
    Json::Object(entries.collect::<Map<_, _>>())
}
