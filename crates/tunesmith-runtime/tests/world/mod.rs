//! A small world for the worker: a clock that stands still unless told, a log in memory, and
//! trainers that train nothing, keep the protocol strictly, and fail when the plan says so.

#![expect(dead_code, reason = "each test program uses a part of the world")]

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tunesmith_core::{
    AppendError, Budget, CreateError, DeleteError, Domain, Event, Exploit, Fact, Goal, Metric,
    Next, Parameter, Params, Policy, ReadError, Revision, Rng, Sampler, Scheduler, SearchSpace,
    Storage, Stream, Study, StudyConfig, StudyHeader, StudyId, Suggestion, Timestamp, Trial,
    TrialState, Value, Verdict, Writer,
};
use tunesmith_runtime::clock::Clock;
use tunesmith_runtime::keeper::{Census, KeepError, Keeper};
use tunesmith_runtime::progress::Progress;
use tunesmith_runtime::trainer::{Ending, How, LaunchError, Launcher, Received, Trainer};
use tunesmith_runtime::worker::{Finish, Settings, Surroundings, WorkError, Worker};
use tunesmith_store::Memory;
use tunesmith_train::protocol::{
    FailureReason, FromTrainer, OptimizerNumbers, Ready, Stretch, Then, ToTrainer, VERSION,
};

pub(crate) const METRIC: &str = "eval_accuracy";
/// Reported too, and lowest at another learning rate.
pub(crate) const LOSS: &str = "eval_loss";
/// Reports of a trial that goes through its schedule.
pub(crate) const STEPS: u64 = 4;

/// What goes wrong, and when. Ticks count messages that trainers were asked for.
#[derive(Default)]
pub(crate) struct Plan {
    /// Trainers die at these ticks, by this signal.
    pub(crate) deaths: BTreeMap<u64, i32>,
    /// Trainers die when this trial is in them.
    pub(crate) killer: Option<u64>,
    /// Somebody presses Ctrl-C at this tick.
    pub(crate) stop_at: Option<u64>,
    /// The storage fails for good after so many appends.
    pub(crate) appends: Option<i64>,
    /// What becomes of a trial at its first step.
    pub(crate) failures: BTreeMap<u64, FailureReason>,
    /// This trial's last report lacks this metric.
    pub(crate) forgetful: Option<(u64, &'static str)>,
    /// Checkpoints cannot be read.
    pub(crate) bad_checkpoints: bool,
    /// The optimiser goes on with the rate that a state came with.
    pub(crate) stale_optimizer: bool,
    /// The bytes of memory that a trainer finds, where it takes 100 for a trial.
    pub(crate) memory: Option<u64>,
    /// The metrics that a trainer says it reports.
    pub(crate) metrics: Option<Vec<String>>,
}

/// Everything that outlives a worker.
pub(crate) struct World {
    pub(crate) storage: Arc<Memory>,
    pub(crate) study: StudyId,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) policy: Policy,
    now: Rc<Cell<i64>>,
    workers: u32,
    pub(crate) pack: usize,
    /// How many trials a worker takes.
    pub(crate) count: Option<u32>,
    /// Workers of earlier lives were on machines of which nothing is known.
    pub(crate) elsewhere: bool,
    /// What a worker's steady clock goes on by at each look at it, in milliseconds.
    pub(crate) haste_ms: u64,
}

/// What one worker did.
pub(crate) struct Life {
    pub(crate) result: Result<Finish, WorkError>,
    /// What watchers were told.
    pub(crate) told: Vec<Progress>,
    /// Trials and the steps they started from, in order.
    pub(crate) starts: Vec<(u64, u64)>,
    /// Trials that were trained anew from others' pasts, with how many stretches these had.
    pub(crate) retraced: Vec<(u64, usize)>,
    /// How many trials each trainer was opened for.
    pub(crate) packs: Vec<usize>,
    /// Trials whose end the keeper was told of, with whether they kept a model.
    pub(crate) ended: Vec<(u32, bool)>,
}

/// A study of so many trials.
pub(crate) fn configured(trials: u32, metrics: Vec<Metric>) -> StudyConfig {
    let rate = Parameter::new("learning_rate", Domain::log_float(1e-6, 1e-3));
    let batch = Parameter::new("per_device_train_batch_size", Domain::categorical([16_i64, 32]));
    let space = SearchSpace::new(vec![rate, batch]).expect("a legal space");
    let mut config = StudyConfig::new("world", space, Metric::new(METRIC, Goal::Maximize));
    config.metrics = metrics;
    config.budget = Budget { trials: Some(trials), ..Budget::default() };
    config.seed = 17;
    config
}

impl World {
    /// A study of so many trials.
    pub(crate) fn new(trials: u32) -> Self {
        Self::with(trials, Box::new(RunToEnd))
    }

    pub(crate) fn with(trials: u32, scheduler: Box<dyn Scheduler>) -> Self {
        Self::of(trials, scheduler, vec![Metric::new(METRIC, Goal::Maximize)])
    }

    /// A study of both metrics.
    pub(crate) fn with_two_metrics(trials: u32) -> Self {
        let metrics = vec![Metric::new(METRIC, Goal::Maximize), Metric::new(LOSS, Goal::Minimize)];
        Self::of(trials, Box::new(RunToEnd), metrics)
    }

    fn of(trials: u32, scheduler: Box<dyn Scheduler>, metrics: Vec<Metric>) -> Self {
        let config = configured(trials, metrics);
        let storage = Arc::new(Memory::new());
        let study =
            storage.create(&config, &Writer::new("nobody"), Timestamp(0)).expect("it is new");
        Self {
            storage,
            study,
            folder: tempfile::tempdir().expect("a temporary folder"),
            policy: Policy { sampler: Box::new(Draw), scheduler },
            now: Rc::new(Cell::new(1_000)),
            workers: 0,
            pack: 3,
            count: None,
            elsewhere: false,
            haste_ms: 0,
        }
    }

    /// Sets the clock of workers to come.
    pub(crate) fn set_clock(&self, now: i64) {
        self.now.set(now);
    }

    pub(crate) fn study(&self) -> Study {
        tunesmith_core::load(&*self.storage, self.study).expect("the log is whole")
    }

    pub(crate) fn log(&self) -> Vec<Event> {
        self.storage.read(self.study, Revision(0), u32::MAX).expect("memory is readable")
    }

    /// One worker's life under a plan. Workers of earlier lives are known to be dead.
    pub(crate) fn live(&mut self, plan: Plan) -> Life {
        self.workers += 1;
        let name = format!("worker-{}", self.workers);
        let storage = Faulty {
            inner: Arc::clone(&self.storage),
            left: AtomicI64::new(plan.appends.unwrap_or(i64::MAX)),
        };
        let mut launcher = Fakes::new(plan, Arc::clone(&self.storage), self.study);
        let shared = Rc::clone(&launcher.shared);
        shared.borrow_mut().now = Rc::clone(&self.now);
        let stop = Arc::clone(&shared.borrow().stop);
        let mut keeper = Shelf { root: self.folder.path().to_owned(), ended: Vec::new() };
        let (watcher, watched) = sync_channel(100_000);
        let around = Surroundings {
            storage: &storage,
            policy: &self.policy,
            clock: &Still {
                now: Rc::clone(&self.now),
                steady_ms: Cell::new(0),
                haste_ms: self.haste_ms,
            },
            launcher: &mut launcher,
            keeper: &mut keeper,
            census: &OnlyOneLives { living: name.clone(), elsewhere: self.elsewhere },
            watcher,
            stop: &stop,
        };
        let settings = Settings {
            study: self.study,
            writer: Writer::new(&name),
            slots: self.pack,
            count: self.count,
            total: None,
        };
        let result =
            Worker::new(around, settings, self.study(), None).work().map(|work| work.finish);
        let shared = shared.borrow();
        Life {
            result,
            told: watched.try_iter().collect(),
            starts: shared.starts.clone(),
            retraced: shared.retraced.clone(),
            packs: shared.packs.clone(),
            ended: keeper.ended,
        }
    }
}

struct Still {
    now: Rc<Cell<i64>>,
    steady_ms: Cell<u64>,
    haste_ms: u64,
}

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp(self.now.get())
    }

    fn steady_ms(&self) -> u64 {
        self.steady_ms.set(self.steady_ms.get() + self.haste_ms);
        // The other clock's time is what goes by while messages are waited for.
        self.steady_ms.get() + u64::try_from(self.now.get()).unwrap_or(0)
    }

    fn pass(&self, _time: Duration) {}
}

struct OnlyOneLives {
    living: String,
    elsewhere: bool,
}

impl Census for OnlyOneLives {
    fn is_dead(&self, worker: &str) -> bool {
        worker != self.living && !self.elsewhere
    }
}

/// Keeps files in a folder.
pub(crate) struct Shelf {
    pub(crate) root: PathBuf,
    pub(crate) ended: Vec<(u32, bool)>,
}

impl Keeper for Shelf {
    fn root(&self) -> &Path {
        &self.root
    }

    fn trial_folder(&self, trial: u32) -> PathBuf {
        self.root.join("trials").join(trial.to_string())
    }

    fn opened(&mut self, _ready: &Ready) {}

    fn ended(&mut self, _study: &Study, trial: &Trial) -> Result<(), KeepError> {
        let model = self.trial_folder(trial.number).join("model");
        self.ended.push((trial.number, model.is_dir()));
        Ok(())
    }

    fn checkpointed(&mut self, _study: &Study) -> Result<(), KeepError> {
        Ok(())
    }
}

/// A storage that fails for good after some appends, as one whose process is killed.
#[derive(Debug)]
struct Faulty {
    inner: Arc<Memory>,
    left: AtomicI64,
}

impl Storage for Faulty {
    fn create(
        &self,
        config: &StudyConfig,
        by: &Writer,
        at: Timestamp,
    ) -> Result<StudyId, CreateError> {
        self.inner.create(config, by, at)
    }

    fn studies(&self) -> Result<Vec<StudyHeader>, ReadError> {
        self.inner.studies()
    }

    fn append(&self, study: StudyId, events: &[Event]) -> Result<Revision, AppendError> {
        if self.left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return Err(AppendError::Backend("the plug was pulled".into()));
        }
        self.inner.append(study, events)
    }

    fn read(&self, study: StudyId, after: Revision, limit: u32) -> Result<Vec<Event>, ReadError> {
        self.inner.read(study, after, limit)
    }

    fn delete(&self, study: StudyId) -> Result<(), DeleteError> {
        self.inner.delete(study)
    }
}

/// Draws from the priors.
#[derive(Debug)]
pub(crate) struct Draw;

impl Sampler for Draw {
    fn suggest(&self, study: &Study, count: u32, rng: &Rng) -> Vec<Suggestion> {
        let first = study.next_number();
        let draw = |number: u32| Suggestion {
            params: study.space().sample(&rng.branch(number.into())),
            note: Params::new(),
        };
        (first..first + count).map(draw).collect()
    }
}

#[derive(Debug)]
pub(crate) struct RunToEnd;

impl Scheduler for RunToEnd {
    fn next(&self, _study: &Study, _may_start: bool) -> Next {
        Next::START
    }

    fn judge(&self, _study: &Study, _trial: &Trial) -> Verdict {
        Verdict::Continue
    }
}

/// Prunes odd trials at their second report.
#[derive(Debug)]
pub(crate) struct PruneOdd;

impl Scheduler for PruneOdd {
    fn next(&self, _study: &Study, _may_start: bool) -> Next {
        Next::START
    }

    fn judge(&self, _study: &Study, trial: &Trial) -> Verdict {
        if trial.number % 2 == 1 && trial.reports.len() >= 2 {
            return Verdict::Prune { reason: "odd".to_owned() };
        }
        Verdict::Continue
    }
}

fn rate_of(params: &tunesmith_train::protocol::Params) -> f64 {
    let rate = params.get("learning_rate").and_then(serde_json::Value::as_f64);
    rate.expect("every trial has one")
}

/// Pauses every trial at its second report. When all have paused or ended, the better half goes on;
/// the worse half ends, or takes over the state of the best with half its rate.
#[derive(Debug)]
pub(crate) struct Halves {
    pub(crate) exploits: bool,
    pub(crate) trials: u32,
}

impl Halves {
    /// Those that paused at this rung and whether they go on, best first; `None` while some have not come.
    fn ranking(&self, study: &Study) -> Option<Vec<u32>> {
        let at_rung = |trial: &&Trial| trial.reports.len() >= 2 || trial.is_finished();
        if study.next_number() < self.trials || !study.trials().iter().all(|t| at_rung(&t)) {
            return None;
        }
        let value =
            |trial: &Trial| trial.reports.get(1).and_then(|r| r.values.get(METRIC)).copied();
        let mut ranked: Vec<(f64, u32)> =
            study.trials().iter().filter_map(|trial| Some((value(trial)?, trial.number))).collect();
        ranked.sort_by(|left, right| right.0.total_cmp(&left.0));
        Some(ranked.into_iter().map(|(_, trial)| trial).collect())
    }
}

impl Scheduler for Halves {
    fn next(&self, study: &Study, may_start: bool) -> Next {
        let Some(ranked) = self.ranking(study) else {
            return if may_start { Next::START } else { Next::Wait };
        };
        let paused = |number: &&u32| {
            study.trial(**number).is_some_and(|trial| trial.state == TrialState::Paused)
        };
        let (better, worse) = ranked.split_at(ranked.len().div_ceil(2));
        if let (true, Some(loser), Some(best)) =
            (self.exploits, worse.iter().find(paused), better.first())
        {
            let mut params = study.trial(*best).expect("it is there").params.clone();
            let rate = params.get("learning_rate").and_then(Value::as_f64).expect("a rate");
            params.insert("learning_rate", rate / 2.0);
            let note = Params::new();
            return Next::Exploit(Box::new(Exploit { trial: *loser, donor: *best, params, note }));
        }
        match better.iter().rev().find(paused) {
            Some(trial) => Next::Resume { trial: *trial },
            None => Next::Finished,
        }
    }

    fn judge(&self, _study: &Study, trial: &Trial) -> Verdict {
        if trial.reports.len() == 2 {
            return Verdict::Pause { reason: "half".to_owned() };
        }
        Verdict::Continue
    }

    fn retire(&self, study: &Study) -> Vec<(u32, String)> {
        match self.ranking(study) {
            Some(ranked) if !self.exploits => {
                let worse = &ranked[ranked.len().div_ceil(2)..];
                worse.iter().map(|trial| (*trial, "the worse half".to_owned())).collect()
            }
            _ => Vec::new(),
        }
    }
}

struct Shared {
    plan: Plan,
    tick: u64,
    starts: Vec<(u64, u64)>,
    retraced: Vec<(u64, usize)>,
    packs: Vec<usize>,
    storage: Arc<Memory>,
    study: StudyId,
    stop: Arc<AtomicBool>,
    now: Rc<Cell<i64>>,
}

/// Starts trainers of this world.
pub(crate) struct Fakes {
    shared: Rc<RefCell<Shared>>,
}

impl Fakes {
    /// Of one life, to a plan, on the log that is in this memory.
    pub(crate) fn new(plan: Plan, storage: Arc<Memory>, study: StudyId) -> Self {
        let shared = Shared {
            plan,
            tick: 0,
            starts: Vec::new(),
            retraced: Vec::new(),
            packs: Vec::new(),
            storage,
            study,
            stop: Arc::new(AtomicBool::new(false)),
            now: Rc::new(Cell::new(0)),
        };
        Self { shared: Rc::new(RefCell::new(shared)) }
    }
}

impl Launcher for Fakes {
    fn launch(&mut self, slots: usize) -> Result<Box<dyn Trainer>, LaunchError> {
        let shared = Rc::clone(&self.shared);
        shared.borrow_mut().packs.push(slots);
        let mut fake =
            Fake { shared, trials: BTreeMap::new(), outbox: VecDeque::new(), turn: 0, pack: slots };
        let ready = fake.ready();
        fake.outbox.push_back(ready);
        Ok(Box::new(fake))
    }
}

/// A trainer that keeps the protocol: no trial steps while its report waits for an answer.
struct Fake {
    shared: Rc<RefCell<Shared>>,
    trials: BTreeMap<u64, InTraining>,
    outbox: VecDeque<FromTrainer>,
    turn: u64,
    pack: usize,
}

struct InTraining {
    step: u64,
    rate: f64,
    directory: PathBuf,
    waits: bool,
    /// How many stretches of training came before.
    depth: usize,
}

/// Both metrics after so many steps.
fn measured(of: &InTraining) -> BTreeMap<String, f64> {
    let distance = |best: f64| (of.rate.ln() - best.ln()).abs();
    let accuracy = 1.0 / (1.0 + distance(1e-4)) + of.step as f64 * 0.01;
    let loss = distance(2e-5) - of.step as f64 * 0.01;
    BTreeMap::from([(METRIC.to_owned(), accuracy), (LOSS.to_owned(), loss)])
}

impl Fake {
    fn ready(&self) -> FromTrainer {
        let metrics = self.shared.borrow().plan.metrics.clone();
        FromTrainer::Ready(Box::new(Ready {
            version: VERSION,
            device: "nothing".into(),
            model: "nothing".into(),
            weights: 0,
            train_rows: 100,
            validation_rows: 10,
            test_rows: 0,
            labels: Vec::new(),
            metrics: metrics.unwrap_or_else(|| [METRIC, LOSS].map(str::to_owned).into()),
            notes: Vec::new(),
            bytes_per_slot: 100,
            available_bytes: self.shared.borrow().plan.memory.unwrap_or(0),
        }))
    }

    fn start(&mut self, trial: u64, rate: f64, directory: PathBuf, resume: Option<PathBuf>) {
        assert!(self.trials.len() < self.pack, "more trials than slots");
        let step = match resume {
            Some(_) if self.shared.borrow().plan.bad_checkpoints => {
                let reason = FailureReason::BadCheckpoint { message: "torn".into() };
                return self.outbox.push_back(FromTrainer::Failed {
                    trial,
                    reason,
                    device_seconds: 0.0,
                });
            }
            Some(path) => {
                std::fs::read_to_string(path).expect("it was written").parse().expect("a step")
            }
            None => 0,
        };
        self.shared.borrow_mut().starts.push((trial, step));
        self.outbox.push_back(FromTrainer::Started {
            trial,
            total_steps: STEPS,
            from_step: step,
            effective: BTreeMap::from([("learning_rate".to_owned(), rate.into())]),
            trained_weights: 1,
        });
        self.trials.insert(trial, InTraining { step, rate, directory, waits: false, depth: 0 });
    }

    /// Trains what came before the trial, and then it.
    fn retrace(
        &mut self,
        trial: u64,
        rate: f64,
        directory: PathBuf,
        past: &[Stretch],
        resume_stretch: usize,
    ) {
        assert!(self.trials.len() < self.pack, "more trials than slots");
        assert!(resume_stretch <= past.len());
        let step = past.last().map_or(0, |stretch| stretch.until_step);
        self.shared.borrow_mut().retraced.push((trial, past.len()));
        let depth = past.len();
        self.trials.insert(trial, InTraining { step, rate, directory, waits: false, depth });
        self.outbox.push_back(FromTrainer::Started {
            trial,
            total_steps: STEPS,
            from_step: step,
            effective: BTreeMap::from([("learning_rate".to_owned(), rate.into())]),
            trained_weights: 1,
        });
    }

    fn exploit(&mut self, trial: u64, donor: u64, rate: f64) {
        let donated = self.trials.get(&donor).filter(|known| known.waits).expect("it is parked");
        let (step, depth) = (donated.step, donated.depth + 1);
        let known = self.trials.get_mut(&trial).filter(|known| known.waits).expect("it is parked");
        (known.step, known.rate, known.waits, known.depth) = (step, rate, false, depth);
        let lie = self.shared.borrow().plan.stale_optimizer;
        let numbers = |learning_rate: f64| OptimizerNumbers {
            learning_rate,
            weight_decay: 0.0,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        };
        self.outbox.push_back(FromTrainer::Exploited {
            trial,
            donor,
            step,
            total_steps: STEPS,
            effective: BTreeMap::from([("learning_rate".to_owned(), rate.into())]),
        });
        self.outbox.push_back(FromTrainer::ReadBack {
            trial,
            step: step + 1,
            optimizer: numbers(if lie { 7e-7 } else { rate }),
            expected: numbers(rate),
        });
    }

    fn checkpoint(&mut self, trial: u64) {
        let Some(known) = self.trials.get(&trial) else {
            return;
        };
        let path = known.directory.join(format!("checkpoint-{}.safetensors", known.step));
        std::fs::create_dir_all(&known.directory).expect("a temporary folder is writable");
        std::fs::write(&path, known.step.to_string()).expect("a temporary folder is writable");
        self.outbox.push_back(FromTrainer::Checkpointed {
            trial,
            step: known.step,
            path,
            bytes: 1,
            stretch: known.depth,
        });
    }

    fn verdict(&mut self, trial: u64, keep: bool, then: Then) {
        let Some(known) = self.trials.get_mut(&trial) else {
            return;
        };
        assert!(known.waits, "a verdict without a report");
        known.waits = false;
        let (step, directory) = (known.step, known.directory.join("model"));
        if then == Then::Save {
            self.checkpoint(trial);
        }
        if then != Then::Continue {
            self.trials.remove(&trial);
            return self.outbox.push_back(FromTrainer::Stopped {
                trial,
                step,
                device_seconds: 0.0,
            });
        }
        assert!(self.log_has_report(trial, step), "a report was answered before the log had it");
        if keep {
            std::fs::create_dir_all(&directory).expect("a temporary folder is writable");
            self.outbox.push_back(FromTrainer::Kept { trial, step, directory });
        }
        if step == STEPS {
            self.trials.remove(&trial);
            self.outbox.push_back(FromTrainer::Finished { trial, device_seconds: 0.5 });
        } else {
            self.checkpoint(trial);
        }
    }

    fn log_has_report(&self, number: u64, at: u64) -> bool {
        let shared = self.shared.borrow();
        let log =
            shared.storage.read(shared.study, Revision(0), u32::MAX).expect("memory is readable");
        log.iter().any(|event| match &event.fact {
            Fact::Reported { report, .. } => {
                event.stream == Stream::Trial(number as u32) && report.step == at
            }
            _ => false,
        })
    }

    /// The next trial in turn does a step and reports.
    fn step(&mut self) -> Received {
        let free: Vec<u64> =
            self.trials.iter().filter(|(_, known)| !known.waits).map(|(trial, _)| *trial).collect();
        let Some(trial) = free.get(self.turn as usize % free.len().max(1)).copied() else {
            return Received::Nothing;
        };
        self.turn += 1;
        let (failure, forgotten) = {
            let plan = &self.shared.borrow().plan;
            let forgotten = plan.forgetful.filter(|(forgetful, _)| *forgetful == trial);
            (plan.failures.get(&trial).cloned(), forgotten.map(|(_, metric)| metric))
        };
        if let Some(reason) = failure {
            self.trials.remove(&trial);
            return Received::Message(FromTrainer::Failed { trial, reason, device_seconds: 1.0 });
        }
        let Some(known) = self.trials.get_mut(&trial) else {
            return Received::Nothing;
        };
        known.step += 1;
        known.waits = true;
        let mut metrics = measured(known);
        if let Some(metric) = forgotten.filter(|_| known.step == STEPS) {
            metrics.remove(metric);
        }
        Received::Message(FromTrainer::Report {
            trial,
            step: known.step,
            fraction: known.step as f64 / STEPS as f64,
            metrics,
            device_seconds: 1.0,
            errors: None,
        })
    }

    fn death(&self) -> Option<Ending> {
        let mut shared = self.shared.borrow_mut();
        shared.tick += 1;
        let tick = shared.tick;
        shared.now.set(shared.now.get() + 50);
        if shared.plan.stop_at == Some(tick) {
            shared.stop.store(true, Ordering::SeqCst);
        }
        let killed = shared.plan.killer.is_some_and(|killer| self.trials.contains_key(&killer));
        let signal = shared.plan.deaths.get(&tick).copied().or(killed.then_some(11))?;
        Some(Ending { how: How::Signalled(signal), last_words: String::new() })
    }
}

impl Trainer for Fake {
    fn send(&mut self, message: ToTrainer) {
        match message {
            ToTrainer::Open(_) => unreachable!("a launcher opens its own trainers"),
            ToTrainer::Start { trial, params, directory, resume, past, resume_stretch, .. } => {
                if past.is_empty() {
                    self.start(trial, rate_of(&params), directory, resume);
                } else {
                    self.retrace(trial, rate_of(&params), directory, &past, resume_stretch);
                }
            }
            ToTrainer::Exploit { trial, donor, params, .. } => {
                self.exploit(trial, donor, rate_of(&params));
            }
            ToTrainer::Verdict { trial, keep, then } => self.verdict(trial, keep, then),
            ToTrainer::Release { trial } => {
                // A trial whose report waits for an answer is released after it.
                self.checkpoint(trial);
                if let Some(known) = self.trials.remove(&trial) {
                    self.outbox.push_back(FromTrainer::Stopped {
                        trial,
                        step: known.step,
                        device_seconds: 0.25,
                    });
                }
            }
            ToTrainer::Drop { trial } => {
                if let Some(InTraining { step, .. }) = self.trials.remove(&trial) {
                    let device_seconds = 0.0;
                    self.outbox.push_back(FromTrainer::Stopped { trial, step, device_seconds });
                }
            }
            ToTrainer::Evaluate { .. } | ToTrainer::Shutdown => {}
        }
    }

    fn receive(&mut self, _wait: Duration) -> Received {
        if let Some(ending) = self.death() {
            return Received::Ended(ending);
        }
        match self.outbox.pop_front() {
            Some(message) => Received::Message(message),
            None => self.step(),
        }
    }
}
