//! `tunesmith agent`: works on a study that is in the storage, beside any number of others. All it
//! needs is the storage and the place where the program or the data are. It refuses to end a study
//! for others: what is found is for `show` and `best` to say.

use std::path::PathBuf;
use std::sync::mpsc::sync_channel;

use tunesmith_core::Study;
use tunesmith_runtime::identity::Identity;
use tunesmith_runtime::worker::Finish;
use tunesmith_search::policy;

use super::run::{self, Labour, WATCH_LIMIT};
use super::studies;
use crate::artefacts::Artefacts;
use crate::cli::{AgentArguments, CommandLine};
use crate::exit::{Class, Classified, Failure};
use crate::interrupt;
use crate::progress::{displays, watch};
use tunesmith_file::Task;

/// Why an agent cannot work.
#[derive(Debug, thiserror::Error)]
enum AgentError {
    #[error("the study `{study}` was written by another version of tunesmith")]
    Task { study: String, source: serde_json::Error },
    #[error(
        "the program of this study runs in {directory}, which is not here; say where it is with --directory"
    )]
    NoDirectory { directory: PathBuf },
}

/// Works until the study is over.
pub(crate) fn run(line: &CommandLine, arguments: &AgentArguments) -> Result<Class, Failure> {
    let (storage, id, study) = studies::opened(&line.storage, arguments.study.as_deref())?;
    let config = study.config().clone();
    let policy = policy(&config).class(Class::Storage)?;
    let mut task = Task::of(&config)
        .map_err(|source| AgentError::Task { study: config.name.clone(), source })
        .class(Class::Storage)?;
    settle(&mut task, arguments).class(Class::Usage)?;
    if let Task::Trained(open) = &mut task {
        open.evaluate_at = policy.scheduler.rungs();
        open.examples = policy.scheduler.pairs_examples();
    }
    let stop = interrupt::listen(line.quiet)?;
    let artefacts = Artefacts::of(&line.runs, &config.name);
    let identity = Identity::of_this_process();
    let ended = study.finished().count() as u64;
    let mut displays = displays(&run::heading(&config, &task, ended), line.quiet, arguments.json);
    let (launcher, slots) =
        run::launcher(&task, &config, &artefacts, &identity, arguments.keep_going)?;
    let mut labour = Labour {
        launcher,
        storage: &*storage,
        policy: &policy,
        artefacts: &artefacts,
        identity: &identity,
        stop: &stop,
        slots,
        is_program: matches!(task, Task::Program(_)),
        count: arguments.count,
        total: run::total(&config),
    };
    let (watcher, events) = sync_channel(WATCH_LIMIT);
    let work = std::thread::scope(|scope| {
        scope.spawn(move || watch(&events, &mut displays));
        labour.go(id, study, None, watcher)
    })?;
    Ok(conclude(line, work.finish, &work.study))
}

/// Where and how much at once this agent works.
fn settle(task: &mut Task, arguments: &AgentArguments) -> Result<(), AgentError> {
    let parallel = arguments.parallel.map(|count| count as usize);
    match task {
        Task::Trained(open) => open.pack = parallel.unwrap_or(open.pack),
        Task::Program(spec) => {
            spec.parallel = parallel.or(spec.parallel);
            if let Some(directory) = &arguments.directory {
                spec.directory.clone_from(directory);
            }
            if !spec.directory.is_dir() {
                return Err(AgentError::NoDirectory { directory: spec.directory.clone() });
            }
        }
        Task::Caller => {}
    }
    Ok(())
}

fn conclude(line: &CommandLine, finish: Finish, study: &Study) -> Class {
    let standing = tunesmith_view::standing(study);
    let words = match finish {
        Finish::Done(_) => "the study is finished",
        Finish::Interrupted => "handed back what was running; the same command goes on",
        Finish::Paused => "the study is paused",
        Finish::Counted => "this agent has done its share",
    };
    if !line.quiet {
        anstream::eprintln!("{standing}; {words}");
    }
    if finish == Finish::Interrupted { Class::Interrupted } else { Class::Success }
}
