//! `tunesmith import`: studies that Optuna kept, as studies of this storage: to look at, to begin from (`warm_start`), to
//! compare with. It refuses to leave half a study behind.

use std::path::PathBuf;

use tunesmith_core::{Storage, Writer};
use tunesmith_runtime::clock::{Clock, SystemClock};
use tunesmith_runtime::identity::Identity;
use tunesmith_store::optuna::{self, ForeignStudy, Imported};
use tunesmith_store::sqlite::Presence;

use super::{print, studies};
use crate::cli::ImportArguments;
use crate::exit::{Class, Classified, Failure};

/// Events that are appended at once.
const AT_ONCE: usize = 1_000;

/// Why there is nothing to import.
#[derive(Debug, thiserror::Error)]
enum ImportError {
    #[error("there is no study `{name}` in {}; there are: {known}", path.display())]
    Unknown { name: String, path: PathBuf, known: String },
    #[error("there is no study in {}", path.display())]
    Empty { path: PathBuf },
}

/// Imports, and says what is not as it was.
pub(crate) fn run(address: &str, arguments: &ImportArguments) -> Result<(), Failure> {
    let all = optuna::read(&arguments.file).class(Class::Usage)?;
    let chosen = chosen(&all, arguments).class(Class::Usage)?;
    let read = |study: &ForeignStudy| {
        optuna::import(study, arguments.name.as_ref().unwrap_or(&study.name)).class(Class::Usage)
    };
    let imported: Vec<Imported> = chosen.into_iter().map(read).collect::<Result<_, _>>()?;
    let storage = studies::storage(address, Presence::CreateIfMissing)?;
    for study in &imported {
        keep(&*storage, study)?;
        let trials = study.events.iter().filter(|event| event.seq == 0).count();
        let mut lines = vec![format!("study `{}` is imported: {trials} trials", study.config.name)];
        lines.extend(study.notes.iter().map(|note| format!("  {note}")));
        print(&(lines.join("\n") + "\n"))?;
    }
    Ok(())
}

fn chosen<'a>(
    all: &'a [ForeignStudy],
    arguments: &ImportArguments,
) -> Result<Vec<&'a ForeignStudy>, ImportError> {
    let path = arguments.file.clone();
    let Some(name) = &arguments.study else {
        return if all.is_empty() {
            Err(ImportError::Empty { path })
        } else {
            Ok(all.iter().collect())
        };
    };
    let known = || all.iter().map(|study| study.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = all.iter().find(|study| study.name == *name);
    let unknown = || ImportError::Unknown { name: name.clone(), path, known: known() };
    Ok(vec![found.ok_or_else(unknown)?])
}

fn keep(storage: &dyn Storage, study: &Imported) -> Result<(), Failure> {
    let by = Writer::new(&Identity::of_this_process().to_string());
    let id = storage.create(&study.config, &by, SystemClock.now()).class(Class::Storage)?;
    for events in study.events.chunks(AT_ONCE) {
        if let Err(error) = storage.append(id, events) {
            drop(storage.delete(id));
            return Err(Failure::new(Class::Storage, error));
        }
    }
    Ok(())
}
