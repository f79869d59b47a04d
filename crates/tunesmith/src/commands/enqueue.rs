//! `tunesmith enqueue`: adds a trial with chosen hyperparameters to a study, for a worker to run next. It refuses
//! params that do not fit, and those that were tried or queued before unless it is told to try them again.

use tunesmith_core::{Command, FinishReason, Params, Study, TrialState, Writer};
use tunesmith_runtime::clock::{Clock, SystemClock};
use tunesmith_runtime::identity::Identity;
use tunesmith_search::policy;

use super::{print, studies};
use crate::cli::EnqueueArguments;
use crate::exit::{Class, Classified, Failure};
use crate::findings;
use crate::progress::short_params;

/// Why no trial was added.
#[derive(Debug, thiserror::Error)]
enum EnqueueError {
    #[error(
        "trial {trial} has exactly these values and is {state}; `--again` queues them once more"
    )]
    Known { trial: u32, state: TrialState },
}

/// Adds the trial and says which it is.
pub(crate) fn run(address: &str, arguments: &EnqueueArguments) -> Result<(), Failure> {
    let (storage, id, mut study) = studies::opened(address, Some(&arguments.study))?;
    let params =
        tunesmith_file::settings(&arguments.settings, study.space()).class(Class::Usage)?;
    if !arguments.again {
        check_new(&study, &params).class(Class::Usage)?;
    }
    let policy = policy(study.config()).class(Class::Storage)?;
    let writer = Writer::new(&Identity::of_this_process().to_string());
    let now = SystemClock.now();
    let command = Command::Enqueue { params };
    let events = tunesmith_core::submit(&*storage, id, &mut study, &policy, &writer, &command, now)
        .class(Class::Storage)?;
    let added = events.iter().find_map(|event| match event.stream {
        tunesmith_core::Stream::Trial(number) => study.trial(number),
        tunesmith_core::Stream::Study => None,
    });
    let Some(trial) = added else { return Ok(()) };
    let shown = short_params(&trial.params, &findings::varying_in(study.space()));
    let mut lines = vec![format!("trial {} is queued: {shown}", trial.number)];
    match study.finish_reason(now) {
        None | Some(FinishReason::Trials) => {}
        Some(why) => lines.push(format!(
            "it waits: the search is finished ({why}); raise the `budget` in the study file and run it again"
        )),
    }
    print(&(lines.join("\n") + "\n"))
}

/// Refuses what a trial has already; where values are left out to be drawn, none is the same.
fn check_new(study: &Study, params: &Params) -> Result<(), EnqueueError> {
    let Ok(complete) = study.space().check(params) else {
        return Ok(());
    };
    let wanted = complete.canonical();
    let same = study.trials().iter().find(|trial| trial.params.canonical() == wanted);
    match same {
        Some(trial) => Err(EnqueueError::Known { trial: trial.number, state: trial.state }),
        None => Ok(()),
    }
}
