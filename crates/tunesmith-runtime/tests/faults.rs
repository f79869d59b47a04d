//! Workers that crash, stall, lose their leases and their trainers, on machines whose clocks jump, at the end of lines
//! that lose, repeat and delay. One seed plays one such piece; many are played here, and `TUNESMITH_FAULT_SEEDS` and
//! `TUNESMITH_FAULT_FIRST` say how many and which. The workers are the real ones. A seed that fails says so; the same
//! seed fails again in the same way.

#[path = "faults/mail.rs"]
mod mail;
#[path = "faults/stage.rs"]
mod stage;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tunesmith_core::{
    Event, Fact, Goal, Metric, Policy, Revision, Scheduler, Storage, Stream, Study, StudyId,
    Timestamp, TrialState, Writer,
};
use tunesmith_runtime::keeper::Census;
use tunesmith_runtime::trainer::{Ending, How, LaunchError, Launcher, Received, Trainer};
use tunesmith_runtime::worker::{Finish, Settings, Surroundings, Worker};
use tunesmith_store::Memory;
use tunesmith_train::protocol::ToTrainer;

use mail::{Line, Post};
use stage::{Killed, Stage, Watch};
use world::{Draw, Fakes, Halves, METRIC, Plan, PruneOdd, RunToEnd, Shelf, configured};

/// Pieces that are played where nobody says how many.
const SEEDS: u64 = 1_000;
/// Every so many seeds one is played twice.
const TWICE: u64 = 25;

/// What is the same for all actors of a piece.
struct Piece {
    stage: Arc<Stage>,
    storage: Arc<Memory>,
    post: Arc<Post>,
    policy: Policy,
    study: StudyId,
    root: std::path::PathBuf,
    /// Workers that have died.
    dead: Mutex<BTreeSet<String>>,
    /// How many actors share a machine, where one sees whether another still lives.
    neighbours: usize,
    slots: usize,
}

/// What a piece leaves.
struct Played {
    log: Vec<Event>,
    acknowledged: Vec<Event>,
    trials: u32,
}

#[test]
fn studies_survive_whatever_goes_wrong() {
    let setting = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let first = setting("TUNESMITH_FAULT_FIRST").unwrap_or(0);
    let count = setting("TUNESMITH_FAULT_SEEDS").unwrap_or(SEEDS);
    let mut lost_by: BTreeMap<String, u64> = BTreeMap::new();
    for seed in first..first + count {
        let played = play(seed);
        check(seed, &played);
        for event in &played.log {
            if let Fact::TrialRequeued { reason, .. } = event.fact {
                *lost_by.entry(format!("{reason:?}")).or_default() += 1;
            }
        }
        if seed % TWICE == 0 {
            assert!(play(seed).log == played.log, "seed {seed} played twice is two pieces");
        }
    }
    println!("{count} seeds from {first}; leases ended: {lost_by:?}");
    assert!(count < SEEDS || lost_by.len() == 5, "some of it never went wrong: {lost_by:?}");
}

/// Plays one piece to its end.
fn play(seed: u64) -> Played {
    let drawn = |bound: u64, purpose: &str| tunesmith_core::Rng::at(seed, 0, purpose).below(bound);
    let actors = 2 + drawn(3, "actors") as usize;
    let trials = 4 + drawn(5, "trials") as u32;
    let scheduler: Box<dyn Scheduler> = match drawn(4, "scheduler") {
        0 => Box::new(RunToEnd),
        1 => Box::new(PruneOdd),
        2 => Box::new(Halves { exploits: false, trials }),
        _ => Box::new(Halves { exploits: true, trials }),
    };
    let storage = Arc::new(Memory::new());
    let config = configured(trials, vec![Metric::new(METRIC, Goal::Maximize)]);
    let study = storage.create(&config, &Writer::new("nobody"), Timestamp(0)).expect("it is new");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let piece = Piece {
        stage: Stage::new(seed, actors, drawn(30, "faults") as u32),
        storage,
        post: Arc::default(),
        policy: Policy { sampler: Box::new(Draw), scheduler },
        study,
        root: folder.path().to_owned(),
        dead: Mutex::default(),
        neighbours: 1 + drawn(3, "neighbours") as usize,
        slots: 1 + drawn(3, "slots") as usize,
    };
    let shared = &piece;
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..actors).map(|actor| scope.spawn(move || act(shared, actor))).collect();
        let fell = threads.into_iter().find_map(|thread| thread.join().err());
        assert!(fell.is_none(), "seed {seed}: {}", fell.as_deref().map(words).unwrap_or_default());
    });
    let log = piece.storage.read(study, Revision(0), u32::MAX).expect("memory is readable");
    Played { log, acknowledged: piece.post.acknowledged(), trials }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "an actor was killed outside its part".to_owned())
}

/// An actor's part: one worker's life after another, until one of them sees the study to its end.
fn act(piece: &Piece, actor: usize) {
    piece.stage.enter(actor);
    let part = catch_unwind(AssertUnwindSafe(|| {
        for life in 0.. {
            let name = format!("worker-{actor}-{life}");
            if live(piece, actor, &name) {
                return;
            }
            piece.dead.lock().expect("no actor dies here").insert(name);
        }
    }));
    piece.stage.leave(actor);
    if let Err(panic) = part {
        std::panic::resume_unwind(panic);
    }
}

/// One worker's life; whether it saw the study to its end.
fn live(piece: &Piece, actor: usize, name: &str) -> bool {
    let outcome = catch_unwind(AssertUnwindSafe(|| work(piece, actor, name)));
    match outcome {
        Ok(finish) => matches!(finish, Some(Finish::Done(_))),
        Err(panic) if panic.is::<Killed>() => false,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// `None` where the worker gave up.
fn work(piece: &Piece, actor: usize, name: &str) -> Option<Finish> {
    let Piece { stage, storage, post, policy, study, root, slots, .. } = piece;
    let line = Line {
        stage: Arc::clone(stage),
        actor,
        inner: Arc::clone(storage),
        post: Arc::clone(post),
    };
    let stop = Arc::new(AtomicBool::new(false));
    let plan = Fakes::new(Plan::default(), Arc::clone(storage), *study);
    let mut launcher = Troupe { stage: Arc::clone(stage), actor, plan, stop: Arc::clone(&stop) };
    let mut keeper = Shelf { root: root.clone(), ended: Vec::new() };
    let (watcher, _watched) = sync_channel(100_000);
    let loaded = tunesmith_core::load(&line, *study).ok()?;
    let around = Surroundings {
        storage: &line,
        policy,
        clock: &Watch { stage: Arc::clone(stage), actor },
        launcher: &mut launcher,
        keeper: &mut keeper,
        census: &Neighbourhood { piece, actor },
        watcher,
        stop: &stop,
    };
    let settings = Settings {
        study: *study,
        writer: Writer::new(name),
        slots: *slots,
        count: None,
        total: None,
    };
    Worker::new(around, settings, loaded, None).work().ok().map(|work| work.finish)
}

/// Knows who is dead, of the workers on the same machine.
struct Neighbourhood<'a> {
    piece: &'a Piece,
    actor: usize,
}

impl Census for Neighbourhood<'_> {
    fn is_dead(&self, worker: &str) -> bool {
        let other = worker.split('-').nth(1).and_then(|actor| actor.parse::<usize>().ok());
        let machine = |actor: usize| actor / self.piece.neighbours;
        other.is_some_and(|other| machine(other) == machine(self.actor))
            && self.piece.dead.lock().expect("no actor dies here").contains(worker)
    }
}

/// Starts trainers that die, and presses Ctrl-C.
struct Troupe {
    stage: Arc<Stage>,
    actor: usize,
    plan: Fakes,
    stop: Arc<AtomicBool>,
}

impl Launcher for Troupe {
    fn launch(&mut self, slots: usize) -> Result<Box<dyn Trainer>, LaunchError> {
        let inner = self.plan.launch(slots)?;
        let (stage, stop) = (Arc::clone(&self.stage), Arc::clone(&self.stop));
        Ok(Box::new(Understudy { stage, actor: self.actor, inner, stop, is_ready: false }))
    }
}

struct Understudy {
    stage: Arc<Stage>,
    actor: usize,
    inner: Box<dyn Trainer>,
    stop: Arc<AtomicBool>,
    is_ready: bool,
}

impl Trainer for Understudy {
    fn send(&mut self, message: ToTrainer) {
        self.inner.send(message);
    }

    fn receive(&mut self, wait: Duration) -> Received {
        self.stage.turn(self.actor);
        if self.is_ready && self.stage.is_struck(150) {
            let how = How::Signalled(if self.stage.below(2) == 0 { 9 } else { 11 });
            return Received::Ended(Ending { how, last_words: String::new() });
        }
        if self.stage.is_struck(200) {
            self.stop.store(true, Ordering::SeqCst);
        }
        self.is_ready = true;
        let received = self.inner.receive(wait);
        if matches!(received, Received::Nothing) {
            self.stage.rest(self.actor, wait);
        }
        received
    }
}

/// What holds of every piece.
fn check(seed: u64, played: &Played) {
    let mut study: Option<Study> = None;
    for event in &played.log {
        match &mut study {
            None => study = Some(Study::begin(event).expect("a study begins with its creation")),
            Some(study) => {
                only_the_holder_speaks(seed, study, event);
                study.apply(event).expect("the log is whole");
            }
        }
    }
    let study = study.expect("there is a study");
    let there = |event: &&Event| !played.log.contains(event);
    let lost = played.acknowledged.iter().find(there);
    assert!(lost.is_none(), "seed {seed}: acknowledged and lost: {lost:?}");
    assert_eq!(study.trials().len() as u32, played.trials, "seed {seed}: the budget");
    let open = [TrialState::Queued, TrialState::Running];
    let left = study.trials().iter().find(|trial| open.contains(&trial.state));
    assert!(left.is_none(), "seed {seed}: the study ended without {left:?}");
    let configurations: BTreeSet<String> =
        study.trials().iter().map(|trial| format!("{:?}", trial.params_after(0))).collect();
    assert_eq!(configurations.len(), study.trials().len(), "seed {seed}: configurations");
}

/// A trial that is leased is its holder's alone, until the lease has ended in the log.
fn only_the_holder_speaks(seed: u64, study: &Study, event: &Event) {
    let Stream::Trial(number) = event.stream else { return };
    let holder =
        study.trial(number).and_then(|trial| trial.lease.as_ref()).map(|held| &held.holder);
    let starts = matches!(
        event.fact,
        Fact::TrialStarted { .. } | Fact::TrialLeased { .. } | Fact::TrialExploited { .. }
    );
    let anybody = matches!(event.fact, Fact::TrialRequeued { .. } | Fact::TrialPruned { .. });
    match holder {
        Some(holder) if !anybody => {
            assert!(!starts, "seed {seed}: trial {number} has two leases: {event:?}");
            assert_eq!(holder, &event.by, "seed {seed}: {event:?}");
        }
        _ => {}
    }
    if let Fact::Reported { .. } | Fact::Checkpointed { .. } | Fact::EffectiveRecorded { .. } =
        event.fact
        && holder.is_none()
    {
        let paused = study.trial(number).is_some_and(|trial| trial.state == TrialState::Paused);
        assert!(paused, "seed {seed}: of a trial that nobody has: {event:?}");
    }
}
