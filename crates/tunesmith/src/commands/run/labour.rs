//! The work on a study, for whoever brings it: trials in trainers of ours or as programs, their files
//! in place. It refuses to create a study or to speak of what was found.

use std::sync::atomic::AtomicBool;
use std::sync::mpsc::SyncSender;

use tunesmith_core::{Policy, Storage, Study, StudyConfig, StudyId, Writer};
use tunesmith_runtime::clock::SystemClock;
use tunesmith_runtime::identity::Identity;
use tunesmith_runtime::keeper::Census;
use tunesmith_runtime::process::ProcessLauncher;
use tunesmith_runtime::progress::Progress;
use tunesmith_runtime::session::Session;
use tunesmith_runtime::trainer::Launcher;
use tunesmith_runtime::worker::{Settings, Surroundings, Work, Worker};
use tunesmith_train::protocol::Open;

use super::household::Household;
use super::work_failure;
use crate::artefacts::Artefacts;
use crate::exit::{Class, Classified, Failure};
use crate::findings;
use crate::progress::Heading;
use tunesmith_file::Task;

/// What work on a study takes.
pub(in crate::commands) struct Labour<'a> {
    pub(in crate::commands) launcher: Box<dyn Launcher>,
    pub(in crate::commands) storage: &'a dyn Storage,
    pub(in crate::commands) policy: &'a Policy,
    pub(in crate::commands) artefacts: &'a Artefacts,
    pub(in crate::commands) identity: &'a Identity,
    pub(in crate::commands) stop: &'a AtomicBool,
    /// How many trials run at once at most.
    pub(in crate::commands) slots: usize,
    /// Whether trials are programs, whose files are theirs.
    pub(in crate::commands) is_program: bool,
    /// How many trials are taken at most.
    pub(in crate::commands) count: Option<u32>,
    /// How many trials there will be, where that is known.
    pub(in crate::commands) total: Option<u64>,
}

impl Labour<'_> {
    /// Works until the study is over or somebody asks to stop.
    pub(in crate::commands) fn go(
        &mut self,
        id: StudyId,
        study: Study,
        session: Option<Session>,
        watcher: SyncSender<Progress>,
    ) -> Result<Work, Failure> {
        let rows = session.as_ref().map_or(0, |session| session.ready.validation_rows);
        let mut household = Household::new(self.artefacts.clone(), rows, self.is_program);
        household.settle(&study).class(Class::Storage)?;
        let around = Surroundings {
            storage: self.storage,
            policy: self.policy,
            clock: &SystemClock,
            launcher: &mut *self.launcher,
            keeper: &mut household,
            census: self.identity,
            watcher,
            stop: self.stop,
        };
        let settings = Settings {
            study: id,
            writer: Writer::new(&self.identity.to_string()),
            slots: self.slots,
            count: self.count,
            total: self.total,
        };
        Worker::new(around, settings, study, session).work().map_err(work_failure)
    }
}

/// Who starts what trials of the study are, and how many at once.
pub(in crate::commands) fn launcher(
    task: &Task,
    config: &StudyConfig,
    artefacts: &Artefacts,
    identity: &Identity,
    keeps_on: bool,
) -> Result<(Box<dyn Launcher>, usize), Failure> {
    match task {
        Task::Trained(open) => Ok((Box::new(trainers(Open::clone(open))?), open.pack)),
        #[cfg(unix)]
        Task::Program(spec) => {
            use tunesmith_runtime::program::{
                self,
                resources::{Capacity, places},
            };
            let root = std::path::absolute(artefacts.root()).class(Class::Usage)?;
            let modules = root.join("modules");
            program::modules::write(&modules).class(Class::Storage)?;
            program::end_orphans(&artefacts.trials(), |agent| identity.is_dead(agent));
            let (resources, capacity) = (spec.resources.as_ref(), Capacity::here());
            let places = places(resources, spec.parallel, &capacity).class(Class::Usage)?;
            let slots = places.len();
            let launcher = program::ProgramLauncher::new(program::Settings {
                spec: program::spec::ProgramSpec::clone(spec),
                metrics: config.metrics.iter().map(|metric| metric.name.clone()).collect(),
                study: config.name.clone(),
                agent: identity.to_string(),
                holds: config.scheduler.name != "none",
                keeps_on,
                modules,
                places,
            });
            Ok((Box::new(launcher), slots))
        }
        Task::Caller => {
            let error = RunByCaller { study: config.name.clone() };
            Err(Failure::new(Class::Usage, error))
        }
    }
}

/// Nothing here can run the trials.
#[derive(Debug, thiserror::Error)]
#[error(
    "the trials of `{study}` are run by the Python program that asks for them; run that program again to go on"
)]
struct RunByCaller {
    study: String,
}

/// Trainers are this program again, under its hidden command.
pub(in crate::commands) fn trainers(open: Open) -> Result<ProcessLauncher, Failure> {
    let program = std::env::current_exe().class(Class::Trainer)?;
    Ok(ProcessLauncher { program, arguments: vec!["trainer".to_owned()], open })
}

/// What a display says of the study.
pub(in crate::commands) fn heading(
    config: &StudyConfig,
    task: &Task,
    ended_before: u64,
) -> Heading {
    let metric = config.metrics.first();
    Heading {
        study: config.name.clone(),
        metric: metric.map(|metric| metric.name.clone()).unwrap_or_default(),
        priced: config.price_per_device_hour.is_some(),
        varying: findings::varying_in(&config.space),
        ended_before,
        is_program: matches!(task, Task::Program(_)),
    }
}
