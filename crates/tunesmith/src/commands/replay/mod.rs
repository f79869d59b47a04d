//! `tunesmith replay`: what a log says happened, again. With `--verify` every suggestion, exchange and verdict is derived
//! from the prefix of the log that its maker saw; without it a trial is trained again, through the hyperparameters of
//! all stretches that led to its weights, and must come out as recorded. It changes no study.

mod again;

use serde_json::json;
use tunesmith_core::{Revision, replay};
use tunesmith_search::policy;

use super::{print, studies};
use crate::cli::{CommandLine, ReplayArguments};
use crate::exit::{Class, Classified, Failure};

/// Runs the command.
pub(crate) fn run(line: &CommandLine, arguments: &ReplayArguments) -> Result<Class, Failure> {
    if arguments.verify {
        return verify(line, arguments).map(|()| Class::Success);
    }
    again::run(line, arguments)
}

fn verify(line: &CommandLine, arguments: &ReplayArguments) -> Result<(), Failure> {
    let (storage, id, study) = studies::opened(&line.storage, arguments.study.as_deref())?;
    let policy = policy(study.config()).class(Class::StudyFile)?;
    let log = storage.read(id, Revision(0), u32::MAX).class(Class::Storage)?;
    let found = replay::verify(&log, &policy).class(Class::Unexpected)?;
    let name = &study.config().name;
    if arguments.json {
        let json = json!({
            "study": name, "suggestions": found.verified, "exchanges": found.exploits,
            "verdicts": found.verdicts, "unjudged": found.unjudged,
        });
        return print(&format!("{json}\n"));
    }
    let counted =
        |count: u32, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let mut lines = vec![format!(
        "{name}: {}, {} and {} follow again from the log\n",
        counted(found.verified, "suggestion"),
        counted(found.exploits, "exchange"),
        counted(found.verdicts, "verdict"),
    )];
    if found.unjudged > 0 {
        lines.push(format!(
            "{} could not be judged again, as several workers wrote at once\n",
            counted(found.unjudged, "report")
        ));
    }
    print(&lines.concat())
}
