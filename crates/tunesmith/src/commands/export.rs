//! `tunesmith export`: a study as a file for Optuna's tools. It refuses to write over a file.

use tunesmith_store::optuna::{Format, write};

use super::{print, studies};
use crate::cli::{ExportArguments, Foreign};
use crate::exit::{Class, Classified, Failure};

/// Writes the file and says how to look at it.
pub(crate) fn run(address: &str, arguments: &ExportArguments) -> Result<(), Failure> {
    let study = studies::study(address, Some(&arguments.study))?;
    let (format, look) = match arguments.to {
        Foreign::OptunaJournal => (Format::Journal, ""),
        Foreign::OptunaSqlite => (Format::Sqlite, "sqlite:///"),
    };
    write(&study, format, &arguments.file).class(Class::Usage)?;
    let (count, file) = (study.trials().len(), arguments.file.display());
    print(&format!(
        "{count} trials are in {file}; look at them with `optuna-dashboard {look}{file}`\n"
    ))
}
