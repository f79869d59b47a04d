//! Programs as trials: each trial is a process, started by a sweep's command, heard through its
//! output, and spoken to as a trainer is, so that the worker and the log know no difference. Unix
//! alone. It refuses to know a study: what may be tried and who is stopped is decided elsewhere.

mod channel;
mod child;
pub mod command;
mod flapping;
mod folder;
mod meter;
pub mod modules;
mod python;
mod reading;
pub mod resources;
pub mod spec;
mod surroundings;
mod system;
mod trial;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use tunesmith_core::FailureReason;
use tunesmith_train::protocol::{FatalClass, FromTrainer, Params, Ready, Then, ToTrainer, VERSION};

use crate::trainer::{LaunchError, Launcher, Received, Trainer};
use flapping::Flapping;
use folder::Folder;
pub use folder::end_orphans;
use meter::Meter;
use resources::Place;
use spec::ProgramSpec;
use trial::{Heard, Trial};

/// The variable by which the processes of a trial are found again.
const TOKEN: &str = "TUNESMITH_LAUNCH";
/// What waits to be received of all trials; beyond it they wait.
const QUEUE_LIMIT: usize = 1_024;

/// What all trials of an agent share.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The program.
    pub spec: ProgramSpec,
    /// The metrics that the study searches for.
    pub metrics: Vec<String>,
    /// The study's name.
    pub study: String,
    /// Who runs the trials, unlike anybody else.
    pub agent: String,
    /// Whether a process is held while its report waits for an answer: where somebody may pause or
    /// end it.
    pub holds: bool,
    /// Whether to go on however many trials fail at once.
    pub keeps_on: bool,
    /// Where the modules lie that programs may import.
    pub modules: PathBuf,
    /// Where trials run, as many at once as there are places; at least one.
    pub places: Vec<Place>,
}

impl Settings {
    fn token(&self, trial: u64) -> String {
        format!("{}:{}:{trial}", self.study, self.agent)
    }

    fn grace(&self) -> Duration {
        Duration::from_millis(self.spec.grace_ms)
    }

    fn time_limit(&self) -> Option<Duration> {
        self.spec.time_limit_ms.map(Duration::from_millis)
    }
}

/// Starts the trainer whose trials are processes.
#[derive(Debug)]
pub struct ProgramLauncher(Arc<Settings>);

impl ProgramLauncher {
    /// For these settings.
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(settings))
    }
}

impl Launcher for ProgramLauncher {
    fn launch(&mut self, _slots: usize) -> Result<Box<dyn Trainer>, LaunchError> {
        let (out, told) = sync_channel(QUEUE_LIMIT);
        let ready = Ready {
            version: VERSION,
            device: "processes".to_owned(),
            model: self.0.spec.command.join(" "),
            weights: 0,
            train_rows: 0,
            validation_rows: 0,
            test_rows: 0,
            labels: Vec::new(),
            metrics: self.0.metrics.clone(),
            notes: Vec::new(),
            bytes_per_slot: 0,
            available_bytes: 0,
        };
        let trainer = ProgramTrainer {
            settings: Arc::clone(&self.0),
            ready: Some(Box::new(ready)),
            trials: BTreeMap::new(),
            flapping: Flapping::new(!self.0.keeps_on),
            out,
            told,
        };
        Ok(Box::new(trainer))
    }

    fn takes(&self, _hyperparameter: &str) -> bool {
        true
    }
}

/// What a trial's thread tells.
#[derive(Debug)]
enum Told {
    /// A trainer's word.
    Message(FromTrainer),
    /// It failed.
    Failed { trial: u64, reason: FailureReason, device_seconds: f64 },
}

impl Told {
    /// The trial that has ended with it.
    fn ended(&self) -> Option<u64> {
        match self {
            Self::Message(
                FromTrainer::Finished { trial, .. } | FromTrainer::Stopped { trial, .. },
            )
            | Self::Failed { trial, .. } => Some(*trial),
            Self::Message(_) => None,
        }
    }
}

/// A trial that is on its thread.
struct Running {
    thread: SyncSender<Heard>,
    /// Which of the places it has.
    place: usize,
}

struct ProgramTrainer {
    settings: Arc<Settings>,
    ready: Option<Box<Ready>>,
    trials: BTreeMap<u64, Running>,
    flapping: Flapping,
    out: SyncSender<Told>,
    told: Receiver<Told>,
}

impl ProgramTrainer {
    fn start(&mut self, trial: u64, params: Params, seed: u64, directory: &Path) {
        let place = self.free_place();
        match self.prepare(trial, params, seed, directory, place) {
            Ok(prepared) => {
                let running = Running { thread: prepared.heard_from.clone(), place };
                self.trials.insert(trial, running);
                std::thread::spawn(move || prepared.run());
            }
            Err(message) => {
                let reason = FailureReason::Refused { message };
                // The queue holds more than there are trials.
                drop(self.out.try_send(Told::Failed { trial, reason, device_seconds: 0.0 }));
            }
        }
    }

    /// The place that fewest trials have: a free one, as no more are started at once than there are.
    fn free_place(&self) -> usize {
        let taken =
            |place: &usize| self.trials.values().filter(|running| running.place == *place).count();
        (0..self.settings.places.len()).min_by_key(taken).unwrap_or(0)
    }

    fn prepare(
        &self,
        trial: u64,
        params: Params,
        seed: u64,
        directory: &Path,
        place: usize,
    ) -> Result<Trial, String> {
        let folder = Folder::open(directory)?;
        let (heard_from, heard) = sync_channel(QUEUE_LIMIT);
        let place = self.settings.places.get(place);
        let surroundings = surroundings::Surroundings {
            settings: &self.settings,
            trial,
            params: &params,
            seed,
            place,
        };
        let environment = surroundings.environment(directory, &folder.checkpoints())?;
        let words = surroundings.words(directory)?;
        let effective = params.clone();
        let started = FromTrainer::Started {
            trial,
            total_steps: 0,
            from_step: folder.steps(),
            effective,
            trained_weights: 0,
        };
        drop(self.out.try_send(Told::Message(started)));
        Ok(Trial {
            number: trial,
            meter: Meter::new(self.settings.metrics.clone(), folder.steps()),
            params,
            folder,
            environment,
            words,
            settings: Arc::clone(&self.settings),
            heard,
            heard_from,
            out: self.out.clone(),
        })
    }

    /// Tells a trial's thread something. One that has ended hears nothing.
    fn tell(&self, trial: u64, heard: Heard) {
        if let Some(running) = self.trials.get(&trial) {
            drop(running.thread.send(heard));
        }
    }
}

impl Trainer for ProgramTrainer {
    fn send(&mut self, message: ToTrainer) {
        match message {
            ToTrainer::Start { trial, params, seed, directory, .. } => {
                self.start(trial, params, seed, &directory);
            }
            ToTrainer::Verdict { trial, then: Then::Continue, .. } => self.tell(trial, Heard::Go),
            ToTrainer::Verdict { trial, .. }
            | ToTrainer::Release { trial }
            | ToTrainer::Drop { trial } => self.tell(trial, Heard::End),
            // Programs exchange no states and keep no models: nobody asks for it.
            ToTrainer::Open(_)
            | ToTrainer::Exploit { .. }
            | ToTrainer::Evaluate { .. }
            | ToTrainer::Shutdown => {}
        }
    }

    fn receive(&mut self, wait: Duration) -> Received {
        if let Some(ready) = self.ready.take() {
            return Received::Message(FromTrainer::Ready(ready));
        }
        if let Some(message) = self.flapping.take_verdict() {
            return Received::Message(FromTrainer::Fatal { class: FatalClass::Program, message });
        }
        match self.told.recv_timeout(wait) {
            Ok(told) => {
                if let Some(trial) = told.ended() {
                    self.trials.remove(&trial);
                }
                self.flapping.note(&told);
                match told {
                    Told::Message(message) => Received::Message(message),
                    Told::Failed { trial, reason, device_seconds } => {
                        Received::Failed { trial, reason, device_seconds }
                    }
                }
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Received::Nothing,
        }
    }
}

impl Drop for ProgramTrainer {
    /// Ends what still runs, and waits for it.
    fn drop(&mut self) {
        for running in self.trials.values() {
            drop(running.thread.send(Heard::End));
        }
        while !self.trials.is_empty() {
            let Ok(told) = self.told.recv_timeout(self.settings.grace() + ENDING) else { return };
            if let Some(trial) = told.ended() {
                self.trials.remove(&trial);
            }
        }
    }
}

/// How long a process that was killed may take to be gone, with its output.
const ENDING: Duration = Duration::from_secs(20);
