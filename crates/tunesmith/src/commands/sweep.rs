//! `tunesmith sweep`: creates the study that a file describes, or finds it, and says how agents work on
//! it. It refuses to run anything.

use std::io::IsTerminal;

use super::{print, run, studies};
use crate::cli::{CommandLine, SweepArguments};
use crate::exit::Failure;

/// Creates the study.
pub(crate) fn run(line: &CommandLine, arguments: &SweepArguments) -> Result<(), Failure> {
    let file = run::load(&arguments.file, arguments.lenient)?;
    let notes = file.notes(std::io::stderr().is_terminal());
    if !line.quiet && !notes.is_empty() {
        anstream::eprintln!("{notes}");
    }
    let study = run::prepare(line, file)?;
    let name = quoted(&study.config().name);
    let trials = study.trials().len();
    if !line.quiet && trials > 0 {
        anstream::eprintln!("the study is there already, with {trials} trials");
    }
    let address = studies::shown(&line.storage);
    if !line.quiet && address != line.storage {
        anstream::eprintln!(
            "the password is left out below; agents need it too, best in TUNESMITH_STORAGE"
        );
    }
    print(&format!("tunesmith --storage {} agent {name}\n", quoted(&address)))
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@%+=".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
