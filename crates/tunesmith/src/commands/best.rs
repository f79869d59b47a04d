//! `tunesmith best`: the best trial of a study and where its model lies; with several metrics the
//! trials that no other beats. It changes nothing.

use std::path::Path;

use serde_json::{Value as Json, json};
use tunesmith_core::Study;

use super::{print, studies};
use crate::artefacts::Artefacts;
use crate::cli::StudyArguments;
use crate::exit::{Class, Classified, Failure};
use crate::{findings, front};
use tunesmith_view::figures::short_value;

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
enum BestError {
    #[error(
        "no trial of `{study}` is completed yet; `tunesmith trials {study}` shows how they stand"
    )]
    None { study: String },
}

/// Shows the best trial.
pub(crate) fn run(address: &str, runs: &Path, arguments: &StudyArguments) -> Result<(), Failure> {
    let study = studies::study(address, arguments.study.as_deref())?;
    let name = &study.config().name;
    let (Some(best), Some(chosen)) = (findings::best(&study), study.chosen()) else {
        return Err(Failure::new(Class::Fruitless, BestError::None { study: name.clone() }));
    };
    let best = study.winner().and_then(|winner| study.trial(winner.trial)).unwrap_or(best);
    let artefacts = Artefacts::of(runs, name);
    let certificate =
        artefacts.certificate().class(Class::Storage)?.filter(|known| known.trial == chosen.number);
    if arguments.json {
        let mut json = findings::trial_json(&study, best);
        json["model"] = certificate
            .as_ref()
            .map(|_| artefacts.best())
            .map_or(Json::Null, |path| path.to_string_lossy().into());
        json["test"] = certificate.and_then(|known| known.test).unwrap_or_default();
        json["final"] = findings::final_json(&study);
        json["front"] = front_json(&study, &artefacts);
        return print(&format!("{json:#}\n"));
    }
    let rows = certificate.as_ref().map(|known| known.validation_rows);
    let mut lines = vec![tunesmith_view::verdict(&study, rows).unwrap_or_default()];
    if tunesmith_view::is_several(&study) {
        lines.extend(of_the_front(&study, &artefacts));
        lines.push(format!("trial {}, the best by {}:", best.number, front::first_name(&study)));
    }
    lines.extend(
        best.params.iter().map(|(name, value)| format!("  {name}: {}", short_value(value))),
    );
    match certificate {
        Some(certificate) => {
            lines.extend(
                certificate
                    .test
                    .map(|test| format!("on the test split: {}", findings::metrics(&test))),
            );
            lines.push(format!("model: {}", artefacts.best().display()));
        }
        None => lines.push(elsewhere(&artefacts, best.number)),
    }
    print(&(lines.join("\n") + "\n"))
}

/// The whole front as a table, and where its models lie.
fn of_the_front(study: &Study, artefacts: &Artefacts) -> Vec<String> {
    let table = findings::table(study, &front::ranking(study)).render();
    let mut lines = vec![format!("\n{}\n", table.trim_end())];
    if artefacts.front().is_dir() {
        lines.push(format!("models: {}/<trial>\n", artefacts.front().display()));
    }
    lines
}

/// The front for programs, each trial with its model's folder; null where there is none.
fn front_json(study: &Study, artefacts: &Artefacts) -> Json {
    let mut front = front::json(study);
    for entry in front.as_array_mut().into_iter().flatten() {
        let trial = entry["trial"].as_u64().and_then(|trial| u32::try_from(trial).ok());
        let model = trial.map(|trial| artefacts.front_model(trial)).filter(|path| path.is_dir());
        entry["model"] = json!(model);
    }
    front
}

/// Where the best trial is to be found when it left no model of ours.
fn elsewhere(artefacts: &Artefacts, trial: u32) -> String {
    let folder = artefacts.trials().join(trial.to_string());
    if folder.join("process.json").is_file() {
        format!("its output and checkpoints: {}", folder.display())
    } else {
        format!("no model of it under {}", artefacts.root().display())
    }
}
