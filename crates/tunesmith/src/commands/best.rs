//! `tunesmith best`: the best trial of a study and where its model lies. It changes nothing.

use std::path::Path;

use super::{print, studies};
use crate::artefacts::Artefacts;
use crate::cli::StudyArguments;
use crate::exit::{Class, Classified, Failure};
use crate::findings;
use crate::progress::short_value;

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
    let (Some(best), Some(chosen)) = (study.best(), study.chosen()) else {
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
            .map_or(serde_json::Value::Null, |path| path.to_string_lossy().into());
        json["test"] = certificate.and_then(|known| known.test).unwrap_or_default();
        json["final"] = findings::final_json(&study);
        return print(&format!("{json:#}\n"));
    }
    let rows = certificate.as_ref().map(|known| known.validation_rows);
    let mut lines = vec![findings::verdict(&study, rows).unwrap_or_default()];
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
        None => lines.push(format!("no model of it under {}", artefacts.root().display())),
    }
    print(&(lines.join("\n") + "\n"))
}
