//! Real agents on a real study that are killed, one after another, and with them the server or the database that they
//! work through: whenever the log has grown, something dies. `TUNESMITH_KILL_ROUNDS` says how many times.
#![cfg(unix)]

mod program;
#[path = "../../tunesmith-store/tests/store/server.rs"]
#[expect(dead_code, reason = "the storage's own tests need more of it")]
mod server;
mod serving;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use program::tunesmith;
use serving::Serving;
use tunesmith_core::{Event, Fact, Outcome, Revision, Rng, Storage, Stream, Study, TrialState};
use tunesmith_store::open::open;
use tunesmith_store::sqlite::{Durability, Presence};

/// How many times something is killed where nobody says otherwise.
const ROUNDS: u32 = 8;
/// Trials for each round: there must be some left to kill.
const TRIALS_A_ROUND: u32 = 4;
/// Rounds in which somebody is hit for certain.
const ENOUGH: u32 = 32;
/// Agents at any time.
const AGENTS: usize = 2;
/// How long the log may stay as it is.
const PATIENCE: Duration = Duration::from_mins(3);

/// Says which configuration it runs, and reports it four times.
const SCRIPT: &str = "echo ${1#x=} >>runs.txt
for step in 1 2 3 4; do echo \"{\\\"score\\\": ${1#x=}, \\\"step\\\": $step}\"; done
";

/// What is killed besides agents, and comes back.
trait Fragile {
    /// The storage that agents are given.
    fn address(&self) -> String;
    /// Kills it, and starts it again.
    fn die(&mut self);
}

/// A file: nothing but agents can die.
struct File(String);

impl Fragile for File {
    fn address(&self) -> String {
        self.0.clone()
    }

    fn die(&mut self) {}
}

/// A server on a file.
struct Server<'a> {
    folder: &'a Path,
    serving: Option<Serving>,
    url: String,
}

impl Fragile for Server<'_> {
    fn address(&self) -> String {
        self.url.clone()
    }

    fn die(&mut self) {
        self.serving = None;
        let listen = self.url.trim_start_matches("http://").to_owned();
        self.serving = Some(Serving::start(self.folder, &["--listen", &listen]));
    }
}

struct Database(server::Server, String);

impl Fragile for Database {
    fn address(&self) -> String {
        self.1.clone()
    }

    fn die(&mut self) {
        self.0.crash();
        self.0.up();
    }
}

fn rounds() -> u32 {
    let told = std::env::var("TUNESMITH_KILL_ROUNDS").ok();
    told.map_or(ROUNDS, |told| told.parse().expect("a number of rounds"))
}

fn agent(folder: &Path, address: &str) -> Child {
    let mut agent = tunesmith(folder, &["--storage", address, "agent", "kills"]);
    agent.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("an agent starts")
}

fn storage(address: &str) -> Box<dyn Storage> {
    let location = address.parse().expect("an address");
    open(&location, Presence::Existing, Durability::default()).expect("it is there")
}

/// Waits until the log has more than so many events, or the study is over.
fn grown(storage: &dyn Storage, after: Revision) -> Revision {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = storage.studies().expect("readable")[0].revision;
        if now > after {
            return now;
        }
        assert!(Instant::now() < deadline, "the study stands still at {now}");
        std::thread::yield_now();
    }
}

/// Kills and kills, and then sees the study to its end.
fn survive(folder: &Path, fragile: &mut dyn Fragile) {
    let rounds = rounds();
    let trials = rounds * TRIALS_A_ROUND;
    let values: Vec<String> = (0..trials).map(|x| x.to_string()).collect();
    let study = format!(
        "name: kills\nprogram: run.sh\ncommand: [sh, '${{program}}', '${{args_no_hyphens}}']\nmethod: grid\n\
         metric: {{name: score, goal: maximize}}\nparameters:\n  x: {{values: [{}]}}\n",
        values.join(", ")
    );
    std::fs::write(folder.join("study.yaml"), study).expect("written");
    std::fs::write(folder.join("run.sh"), SCRIPT).expect("written");
    let address = fragile.address();
    let swept = tunesmith(folder, &["--storage", &address, "sweep", "study.yaml"]).output();
    assert!(swept.expect("it runs").status.success());
    let watched = storage(&address);
    let mut agents: Vec<Child> = (0..AGENTS).map(|_| agent(folder, &address)).collect();
    let mut rng = Rng::at(rounds.into(), 0, "kills");
    let mut seen = Revision(1);
    for round in 0..rounds {
        let lives = rng.below(12);
        seen = grown(&*watched, Revision(seen.0 + lives));
        if round % 4 == 3 {
            fragile.die();
        }
        let victim = rng.below(AGENTS as u64) as usize;
        agents[victim].kill().expect("SIGKILL");
        agents[victim].wait().expect("it is gone");
        agents[victim] = agent(folder, &address);
    }
    for mut agent in agents {
        assert!(agent.wait().expect("it ends").success());
    }
    let log = watched.read(watched.studies().expect("readable")[0].id, Revision(0), u32::MAX);
    check(folder, trials, &log.expect("readable"));
    let verified =
        tunesmith(folder, &["--storage", &address, "replay", "kills", "--verify"]).output();
    assert!(verified.expect("it runs").status.success());
}

/// Every configuration is there once and completed; it was started once, and once more for each lease that ended.
fn check(folder: &Path, trials: u32, log: &[Event]) {
    let study = Study::fold(log).expect("it folds");
    assert_eq!(study.count(TrialState::Completed), trials as usize);
    let lost = log.iter().filter(|event| matches!(event.fact, Fact::TrialRequeued { .. })).count();
    println!("{trials} trials, {lost} leases lost");
    assert!(lost > 0 || rounds() < ENOUGH, "nobody was hit");
    let text = std::fs::read_to_string(folder.join("runs.txt")).expect("some ran");
    let mut runs: BTreeMap<i64, u32> = BTreeMap::new();
    for x in text.lines() {
        *runs.entry(x.parse().expect("a number")).or_default() += 1;
    }
    assert_eq!(runs.len(), trials as usize, "configurations");
    for trial in study.trials() {
        let x = trial.params.get("x").and_then(tunesmith_core::Value::as_i64).expect("a number");
        assert!(
            runs[&x] <= trial.leases,
            "x={x} ran {} times under {} leases",
            runs[&x],
            trial.leases
        );
        let requeued = log.iter().filter(|event| {
            event.stream == Stream::Trial(trial.number)
                && matches!(event.fact, Fact::TrialRequeued { .. })
        });
        assert_eq!(trial.leases, 1 + requeued.count() as u32, "trial {}", trial.number);
        let Some(Outcome::Completed { values }) = &trial.outcome else { panic!("{trial:?}") };
        assert_eq!(values["score"], x as f64);
    }
}

#[test]
fn agents_on_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("studies.db").display().to_string();
    survive(folder.path(), &mut File(path));
}

#[test]
fn agents_and_their_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Serving::start(folder.path(), &["--listen", "127.0.0.1:0"]);
    let url = serving.url.clone();
    survive(folder.path(), &mut Server { folder: folder.path(), serving: Some(serving), url });
}

#[test]
fn agents_and_their_database() {
    let Some(server) = server::Server::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let address = server.database();
    survive(folder.path(), &mut Database(server, address));
}
