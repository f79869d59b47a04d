//! `tunesmith show`: how a study stands, or which studies there are. It changes nothing.

use serde_json::json;
use tunesmith_store::sqlite::Presence;

use super::{print, studies};
use crate::cli::StudyArguments;
use crate::exit::{Class, Classified, Failure};
use crate::findings;
use crate::table::Table;

/// The best trials that are shown; `tunesmith trials` lists them all.
const SHOWN_TRIALS: usize = 10;

/// Shows the study that is named or the only one; several without a name are listed.
pub(crate) fn run(address: &str, arguments: &StudyArguments) -> Result<(), Failure> {
    let storage = studies::storage(address, Presence::Existing)?;
    let headers = storage.studies().class(Class::Storage)?;
    if arguments.study.is_none() && headers.len() > 1 {
        let mut loaded = Vec::new();
        for header in &headers {
            loaded.push(tunesmith_core::load(&*storage, header.id).class(Class::Storage)?);
        }
        return list(&loaded, arguments.json);
    }
    let study = studies::study(address, arguments.study.as_deref())?;
    if arguments.json {
        return print(&format!("{:#}\n", findings::study_json(&study)));
    }
    let mut lines = vec![format!("{}: {}", study.config().name, tunesmith_view::standing(&study))];
    lines.extend(tunesmith_view::verdict(&study, None));
    let ranking = findings::ranking_lines(&study, SHOWN_TRIALS);
    if !ranking.is_empty() {
        lines.push(String::new());
        lines.extend(ranking);
    }
    print(&(lines.join("\n") + "\n"))
}

fn list(loaded: &[tunesmith_core::Study], as_json: bool) -> Result<(), Failure> {
    if as_json {
        let listed: Vec<_> = loaded.iter().map(findings::study_json).collect();
        return print(&format!("{:#}\n", json!(listed)));
    }
    let mut table = Table::default().text("study").text("method").text("standing");
    for study in loaded {
        let config = study.config();
        table.row(vec![
            config.name.clone(),
            config.sampler.name.clone(),
            tunesmith_view::standing(study),
        ]);
    }
    print(&table.render())
}
