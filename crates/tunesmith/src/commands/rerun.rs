//! `tunesmith rerun`: queues trials again, with the same hyperparameters. The old ones stay as they
//! are. It refuses a trial that has not ended.

use tunesmith_core::{Command, Params, Study, TrialState, Writer};
use tunesmith_runtime::clock::{Clock, SystemClock};
use tunesmith_runtime::identity::Identity;
use tunesmith_search::policy;

use super::{print, studies};
use crate::cli::RerunArguments;
use crate::exit::{Class, Classified, Failure};

/// Why nothing was queued.
#[derive(Debug, thiserror::Error)]
enum RerunError {
    #[error("the study has no trial {trial}; there are {count}, from 0")]
    Unknown { trial: u32, count: usize },
    #[error("trial {trial} is {state}; only one that has ended can be run again")]
    Unfinished { trial: u32, state: TrialState },
}

/// Queues the trials and says which.
pub(crate) fn run(address: &str, arguments: &RerunArguments) -> Result<(), Failure> {
    let (storage, id, mut study) = studies::opened(address, arguments.study.as_deref())?;
    let again = match arguments.trial {
        Some(trial) => vec![chosen(&study, trial).class(Class::Usage)?],
        None => failed(&study),
    };
    let policy = policy(study.config()).class(Class::Storage)?;
    let writer = Writer::new(&Identity::of_this_process().to_string());
    let mut lines = Vec::new();
    for (trial, params) in again {
        let number = study.next_number();
        let (command, now) = (Command::Enqueue { params }, SystemClock.now());
        tunesmith_core::submit(&*storage, id, &mut study, &policy, &writer, &command, now)
            .class(Class::Storage)?;
        lines.push(format!("trial {number} is queued: trial {trial} again"));
    }
    if lines.is_empty() {
        lines.push("no trial failed that was not queued again".to_owned());
    }
    print(&(lines.join("\n") + "\n"))
}

fn chosen(study: &Study, trial: u32) -> Result<(u32, Params), RerunError> {
    let count = study.trials().len();
    let known = study.trial(trial).ok_or(RerunError::Unknown { trial, count })?;
    if !known.is_finished() {
        return Err(RerunError::Unfinished { trial, state: known.state });
    }
    Ok((trial, known.params.clone()))
}

/// Failed trials that no later one repeats.
fn failed(study: &Study) -> Vec<(u32, Params)> {
    let trials = study.trials();
    let repeated = |index: usize| {
        let own = trials[index].params.canonical();
        trials[index + 1..].iter().any(|later| later.params.canonical() == own)
    };
    let failed = trials.iter().enumerate().filter(|(index, trial)| {
        trial.state == TrialState::Failed && !study.is_replica(trial) && !repeated(*index)
    });
    failed.map(|(_, trial)| (trial.number, trial.params.clone())).collect()
}
