//! `tunesmith run`: creates the study that a file describes or resumes it, works until its budget
//! is spent, and shows what was found. It refuses to run a file under the name of another study.

mod closing;
mod household;
mod labour;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{SyncSender, sync_channel};

use tunesmith_core::{
    Command, CreateError, Policy, Replication, Storage, Study, StudyConfig, StudyId, Timestamp,
    Writer,
};
use tunesmith_runtime::clock::{Clock, SystemClock};
use tunesmith_runtime::identity::Identity;
use tunesmith_runtime::progress::Progress;
use tunesmith_runtime::session::{OpenError, Session};
use tunesmith_runtime::trainer::Launcher;
use tunesmith_runtime::worker::{Work, WorkError};
use tunesmith_search::policy;
use tunesmith_store::sqlite::Presence;
use tunesmith_train::protocol::FatalClass;

pub(super) use labour::{Labour, heading, launcher, trainers};

use super::studies;
use crate::artefacts::{Artefacts, Certificate};
use crate::cli::{CommandLine, RunArguments};
use crate::exit::{Class, Classified, Failure};
use crate::interrupt;
use crate::progress::{Heading, displays, watch};
use tunesmith_file::{StudyFile, Task, difference, warm};

/// Things that happened and were not shown yet; beyond it the worker waits.
pub(super) const WATCH_LIMIT: usize = 1_024;

/// Runs a study file.
pub(crate) fn run(line: &CommandLine, arguments: &RunArguments) -> Result<Class, Failure> {
    let file = load(&arguments.file, arguments.lenient)?;
    let notes = file.notes(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    if !line.quiet && !notes.is_empty() {
        anstream::eprintln!("{notes}");
    }
    let mut run = Run::new(line, file, interrupt::listen(line.quiet)?)?;
    run.keeps_on = arguments.keep_going;
    let work = run.watched(line.quiet, arguments.json)?;
    run.conclude(work, line, arguments)
}

/// Reads a study file, as strictly as it is asked for.
pub(super) fn load(path: &std::path::Path, lenient: bool) -> Result<StudyFile, Failure> {
    let load = if lenient { StudyFile::load_leniently } else { StudyFile::load };
    load(path).class(Class::StudyFile)
}

fn warm_failure(error: warm::WarmError) -> Failure {
    let class = if error.is_of_storage() { Class::Storage } else { Class::StudyFile };
    Failure::new(class, error)
}

/// Creates the study of a file, or finds it, with all that the file wants tried; runs nothing.
pub(super) fn prepare(line: &CommandLine, file: StudyFile) -> Result<Study, Failure> {
    let run = Run::new(line, file, Arc::new(AtomicBool::new(false)))?;
    let existing = run.existing()?;
    let (id, mut study) = existing.map_or_else(|| run.create(), Ok)?;
    run.enqueue(id, &mut study)?;
    Ok(study)
}

/// A study that was run, as far as it came.
pub(super) struct Finished {
    /// The study.
    pub(super) study: Study,
    /// What its winner's folder says.
    pub(super) certificate: Option<Certificate>,
}

/// Runs a study to its end, or until `stop`, without showing what was found.
pub(super) fn complete(
    line: &CommandLine,
    file: StudyFile,
    stop: &Arc<AtomicBool>,
) -> Result<Finished, Failure> {
    let run = Run::new(line, file, Arc::clone(stop))?;
    let work = run.watched(line.quiet, false)?;
    run.leave(work)
}

/// One run of a study file.
struct Run {
    file: StudyFile,
    policy: Policy,
    storage: Box<dyn Storage>,
    artefacts: Artefacts,
    identity: Identity,
    clock: SystemClock,
    stop: Arc<AtomicBool>,
    keeps_on: bool,
}

impl Run {
    fn new(
        line: &CommandLine,
        mut file: StudyFile,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, Failure> {
        // What a study starts from has to be there already.
        let presence =
            if file.warm_start.is_empty() { Presence::CreateIfMissing } else { Presence::Existing };
        let storage = studies::storage(&line.storage, presence)?;
        let learned = warm::apply(&*storage, &mut file).map_err(warm_failure)?;
        if let Some(learned) = learned.filter(|_| !line.quiet) {
            anstream::eprintln!("{learned}");
        }
        let policy = policy(&file.config).class(Class::StudyFile)?;
        if let Task::Trained(open) = &mut file.task {
            open.evaluate_at = policy.scheduler.rungs();
            open.examples = policy.scheduler.pairs_examples();
        }
        Ok(Self {
            keeps_on: false,
            artefacts: Artefacts::of(&line.runs, &file.config.name),
            identity: Identity::of_this_process(),
            clock: SystemClock,
            file,
            policy,
            storage,
            stop,
        })
    }

    fn writer(&self) -> Writer {
        Writer::new(&self.identity.to_string())
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Works while another thread shows how it goes.
    fn watched(&self, quiet: bool, as_json: bool) -> Result<Work, Failure> {
        let existing = self.existing()?;
        let heading = self.heading(existing.as_ref().map(|(_, study)| study));
        let mut displays = displays(&heading, quiet, as_json);
        let (watcher, events) = sync_channel(WATCH_LIMIT);
        std::thread::scope(|scope| {
            scope.spawn(move || watch(&events, &mut displays));
            self.work(existing, watcher)
        })
    }

    /// The study of the file's name, if there is one; refuses one that is another study.
    fn existing(&self) -> Result<Option<(StudyId, Study)>, Failure> {
        let config = &self.file.config;
        let headers = self.storage.studies().class(Class::Storage)?;
        let Some(header) = headers.iter().find(|header| header.name == config.name) else {
            return Ok(None);
        };
        let mut study = tunesmith_core::load(&*self.storage, header.id).class(Class::Storage)?;
        difference::check(study.config(), config).class(Class::StudyFile)?;
        if *study.budget() != config.budget {
            self.submit(header.id, &mut study, &Command::SetBudget { budget: config.budget })?;
        }
        Ok(Some((header.id, study)))
    }

    fn submit(&self, id: StudyId, study: &mut Study, command: &Command) -> Result<(), Failure> {
        let (storage, writer) = (&*self.storage, self.writer());
        tunesmith_core::submit(storage, id, study, &self.policy, &writer, command, self.now())
            .map(|_| ())
            .class(Class::Storage)
    }

    /// Queues what the file wants tried and the study does not have yet: a crash between two of them, and a file that
    /// grew, are made good by the next run.
    fn enqueue(&self, id: StudyId, study: &mut Study) -> Result<(), Failure> {
        self.file
            .missing_from(study)
            .into_iter()
            .try_for_each(|params| self.submit(id, study, &Command::Enqueue { params }))
    }

    fn heading(&self, existing: Option<&Study>) -> Heading {
        let config = &self.file.config;
        let ended = existing.map_or(0, |study| study.finished().count() as u64);
        labour::heading(config, &self.file.task, ended)
    }

    fn work(
        &self,
        existing: Option<(StudyId, Study)>,
        watcher: SyncSender<Progress>,
    ) -> Result<Work, Failure> {
        let mut labour = self.labour()?;
        let (session, id, mut study) = if let Some((id, study)) = existing {
            (None, id, study)
        } else {
            let session = self.open(&mut *labour.launcher, labour.slots, &watcher)?;
            let (id, study) = self.create()?;
            (Some(session), id, study)
        };
        self.enqueue(id, &mut study)?;
        self.artefacts.prepare(&self.file.text).class(Class::Storage)?;
        labour.go(id, study, session, watcher)
    }

    fn labour(&self) -> Result<Labour<'_>, Failure> {
        let (launcher, slots) = labour::launcher(
            &self.file.task,
            &self.file.config,
            &self.artefacts,
            &self.identity,
            self.keeps_on,
        )?;
        Ok(Labour {
            launcher,
            storage: &*self.storage,
            policy: &self.policy,
            artefacts: &self.artefacts,
            identity: &self.identity,
            stop: &self.stop,
            slots,
            is_program: matches!(self.file.task, Task::Program(_)),
            count: None,
            total: total(&self.file.config),
        })
    }

    /// Opens a trainer before the study exists, so that a file whose data or model cannot be used
    /// leaves nothing behind.
    fn open(
        &self,
        launcher: &mut dyn Launcher,
        slots: usize,
        watcher: &SyncSender<Progress>,
    ) -> Result<Session, Failure> {
        let metrics = &self.file.config.metrics;
        drop(watcher.send(Progress::Opening { slots }));
        let session = Session::open(launcher, slots, metrics, &self.stop).map_err(open_failure)?;
        drop(watcher.send(Progress::Opened(Box::new(session.ready.clone()))));
        Ok(session)
    }

    fn create(&self) -> Result<(StudyId, Study), Failure> {
        let id = match self.storage.create(&self.file.config, &self.writer(), self.now()) {
            // Another process was faster by a moment; the same command resumes its study.
            Err(error @ CreateError::NameTaken { .. }) => {
                return Err(Failure::new(Class::Usage, error));
            }
            created => created.class(Class::Storage)?,
        };
        let study = tunesmith_core::load(&*self.storage, id).class(Class::Storage)?;
        Ok((id, study))
    }
}

/// How many trials there will be at most: by the budget, or by the size of a grid.
pub(super) fn total(config: &StudyConfig) -> Option<u64> {
    let grid = || {
        let mut sizes = config.space.searched().map(|parameter| parameter.domain()?.cardinality());
        let product = sizes.try_fold(1_u64, |product, size| product.checked_mul(size?));
        product.filter(|_| config.sampler.name == "grid" && !config.space.is_conditional())
    };
    let searched = match (config.budget.trials.map(u64::from), grid()) {
        (Some(budget), Some(grid)) => Some(budget.min(grid)),
        (budget, grid) => budget.or(grid),
    };
    let again = |Replication { top, seeds }| {
        searched.map_or(0, |searched| searched.min(u64::from(top))) * u64::from(seeds)
    };
    searched.map(|searched| searched + config.replication.map_or(0, again))
}

fn fatal_class(class: FatalClass) -> Class {
    match class {
        FatalClass::Data | FatalClass::Model => Class::Material,
        FatalClass::Disk => Class::Storage,
        FatalClass::Device | FatalClass::Protocol | FatalClass::Program => Class::Trainer,
    }
}

pub(super) fn open_failure(error: OpenError) -> Failure {
    let class = match &error {
        OpenError::Fatal { class, .. } => fatal_class(*class),
        OpenError::Metric { .. } => Class::StudyFile,
        OpenError::Interrupted => Class::Interrupted,
        _ => Class::Trainer,
    };
    Failure::new(class, error)
}

pub(super) fn work_failure(error: WorkError) -> Failure {
    let class = match error {
        WorkError::Open(error) => return open_failure(error),
        WorkError::Fatal { class, .. } => fatal_class(class),
        _ => Class::Storage,
    };
    Failure::new(class, error)
}
