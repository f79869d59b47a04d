//! `tunesmith trials`: every trial of a study, by number. It changes nothing.

use serde_json::Value as Json;

use super::{print, studies};
use crate::cli::StudyArguments;
use crate::exit::Failure;
use crate::findings;

/// Lists the trials.
pub(crate) fn run(address: &str, arguments: &StudyArguments) -> Result<(), Failure> {
    let study = studies::study(address, arguments.study.as_deref())?;
    if arguments.json {
        let trials: Json =
            study.trials().iter().map(|trial| findings::trial_json(&study, trial)).collect();
        return print(&format!("{trials:#}\n"));
    }
    let trials: Vec<_> = study.trials().iter().collect();
    print(&findings::table(&study, &trials).render())
}
