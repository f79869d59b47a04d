//! One SQLite file and several processes: racing for the same trials, and killed at any write.
//!
//! A test starts this binary again, told by an environment variable to be a worker. The worker prints every
//! event after its append was acknowledged; what it printed must be in the log whatever happened to it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::search::{Search, config};
use tunesmith_core::{
    Budget, Event, Fact, Revision, Storage, Study, StudyId, Timestamp, TrialState, Writer, load,
    wire,
};
use tunesmith_store::{Sqlite, sqlite::Durability, sqlite::Presence};

const WORKER: &str = "TUNESMITH_STORE_TEST_WORKER";

fn open(path: &Path) -> Sqlite {
    Sqlite::open(path, Presence::CreateIfMissing, Durability::Normal).expect("the database opens")
}

/// A database with one study of so many trials.
fn prepare(trials: u32) -> (tempfile::TempDir, PathBuf, StudyId) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("study.db");
    let mut config = config("shared");
    config.budget = Budget { trials: Some(trials), ..Budget::default() };
    let id = open(&path)
        .create(&config, &Writer::new("parent"), Timestamp(1))
        .expect("a study is created");
    (directory, path, id)
}

/// Works on the only study of a database; prints each event once it is acknowledged.
fn work(path: &Path, writer: &str, out: &mut dyn Write) {
    let storage = open(path);
    let id = storage.studies().expect("the list")[0].id;
    let mut print = |events: &[Event]| {
        for event in events {
            writeln!(out, "ack {}", wire::event_to_json(event)).expect("the parent reads");
        }
        out.flush().expect("the parent reads");
    };
    Search::resume(&storage, id, writer, &mut print).run();
}

fn start(path: &Path, writer: &str) -> Child {
    let program = std::env::current_exe().expect("this program");
    Command::new(program)
        .args([
            "processes::a_worker_acknowledges_what_the_log_has",
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(WORKER, format!("{writer} {}", path.display()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("a worker starts")
}

/// The acknowledged events among the lines, which the test harness mixes with its own.
fn acknowledged(lines: &[String]) -> Vec<Event> {
    let event = |line: &String| {
        Some(wire::event_from_json(line.split_once("ack ")?.1).expect("a whole line"))
    };
    lines.iter().filter_map(event).collect()
}

fn log(path: &Path, id: StudyId) -> Vec<Event> {
    open(path).read(id, Revision(0), u32::MAX).expect("the log is read")
}

/// As a test, a worker that nobody kills; started by the other tests, the worker that they asked for.
#[test]
fn a_worker_acknowledges_what_the_log_has() {
    if let Ok(order) = std::env::var(WORKER) {
        let (writer, path) = order.split_once(' ').expect("a writer and a path");
        work(Path::new(path), writer, &mut std::io::stdout());
        return;
    }
    let (_directory, path, id) = prepare(5);
    let mut printed = Vec::new();
    work(&path, "alone", &mut printed);
    let lines: Vec<String> =
        String::from_utf8(printed).expect("text").lines().map(str::to_owned).collect();
    assert_eq!(acknowledged(&lines), log(&path, id)[1..]);
}

#[test]
fn two_processes_share_a_search() {
    const TRIALS: u32 = 40;
    let (_directory, path, id) = prepare(TRIALS);
    let mut ended = Vec::new();
    for worker in [start(&path, "a"), start(&path, "b")] {
        let output = worker.wait_with_output().expect("a worker ends");
        assert!(output.status.success(), "{output:?}");
        let lines: Vec<String> =
            String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect();
        let ends = acknowledged(&lines)
            .into_iter()
            .filter(|event| matches!(event.fact, Fact::TrialCompleted { .. }));
        ended.extend(ends.map(|event| event.stream));
    }
    let once: BTreeSet<_> = ended.iter().collect();
    assert_eq!(
        (ended.len(), once.len()),
        (TRIALS as usize, TRIALS as usize),
        "every trial by one worker, once"
    );
    assert_eq!(
        load(&open(&path), id).expect("the log folds").count(TrialState::Completed),
        TRIALS as usize
    );
}

#[test]
fn kill_9_loses_nothing_acknowledged() {
    const KILLS: usize = 30;
    let (_directory, path, id) = prepare(u32::MAX);
    let mut kept: Vec<Event> = log(&path, id);
    for kill in 0..KILLS {
        let seen = run_and_kill(&path, &format!("worker{kill}"), 1 + (kill * 7) % 23);
        let events = log(&path, id);
        assert_eq!(events[..kept.len()], kept, "what was there stays as it was");
        for event in &seen {
            assert!(events.contains(event), "acknowledged and lost: {event:?}");
        }
        let study = Study::fold(&events).expect("the log folds");
        assert_eq!(study.revision(), Revision(events.len() as u64));
        kept = events;
        let storage = open(&path);
        Search::resume(&storage, id, "parent", &mut |events| {
            kept.extend_from_slice(events);
        })
        .reap();
    }
    let study = load(&open(&path), id).expect("the log folds");
    assert!(
        study.count(TrialState::Running) == 0 && study.count(TrialState::Completed) >= KILLS,
        "{:?}",
        study.revision()
    );
}

/// Kills a worker after `count` acknowledged events, while it writes the next; returns all that it printed whole.
fn run_and_kill(path: &Path, writer: &str, count: usize) -> Vec<Event> {
    let mut worker = start(path, writer);
    let mut output = BufReader::new(worker.stdout.take().expect("a pipe"));
    let mut lines = Vec::new();
    while lines.len() < count {
        let mut line = String::new();
        assert!(
            output.read_line(&mut line).expect("a line") > 0,
            "the worker ended before it was killed"
        );
        lines.extend(Some(line).filter(|line| line.contains("ack ")));
    }
    worker.kill().expect("it can be killed");
    worker.wait().expect("it ends");
    let mut rest = String::new();
    output.read_to_string(&mut rest).expect("what it still printed");
    // The last line may be cut off.
    lines.extend(rest.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(str::to_owned));
    acknowledged(&lines)
}
