//! `kill -9` at random moments of `tunesmith run`, again and again, then the same command to the
//! end: every report that was told is in the log, no trial runs after its end, and the trials are
//! those of a run that nobody disturbed.

mod tiny;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::Value as Json;
use tunesmith_core::{Event, Fact, Revision, Rng, Storage, Stream, Study};
use tunesmith_store::sqlite::{Durability, Presence, Sqlite};

const KILLS: u32 = 50;
const TRIALS: u64 = 24;
/// At most so many lines are read of a run that is then killed.
const MOST_LINES: u64 = 9;
/// And at most so many milliseconds later.
const MOST_DELAY_MS: u64 = 40;

const STUDY: &str = "
name: killed
method: sobol
seed: 5
metric: {name: eval_accuracy, goal: maximize}
budget: {trials: 24}
parameters:
  learning_rate: {distribution: log_uniform_values, min: 1e-4, max: 1e-1}
  per_device_train_batch_size: {values: [4, 8]}
  num_train_epochs: {values: [1, 2]}
train:
  model: {layers: 1, hidden: 16, heads: 2, intermediate: 32, vocabulary: 120, positions: 16}
  task: {train: train.tsv, validation: validation.tsv, text: text, label: label}
  evaluate: {fraction: 0.2}
  checkpoint_seconds: 0
  pack: 2
";

/// Runs the study; kills it after so many lines and milliseconds, where that is asked. What it told.
fn run(folder: &Path, kill_after: Option<(u64, Duration)>) -> Vec<Json> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tunesmith"))
        .args(["run", "study.yaml", "--json", "--quiet"])
        .current_dir(folder)
        .env_remove("TUNESMITH_STORAGE")
        .env_remove("TUNESMITH_RUNS")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let output = child.stdout.take().expect("it is piped");
    let (sender, lines) = channel();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // A line that was cut short by the kill was not told.
            if let Ok(told) = serde_json::from_str::<Json>(&line) {
                sender.send(told).expect("the test waits for the end");
            }
        }
    });
    let mut told = Vec::new();
    if let Some((count, delay)) = kill_after {
        told.extend(lines.iter().take(count as usize));
        told.extend(lines.recv_timeout(delay));
        child.kill().expect("it can be killed");
    }
    told.extend(lines.iter());
    reader.join().expect("it only reads");
    let ended = child.wait_with_output().expect("it can be waited for");
    assert!(
        kill_after.is_some() || ended.status.success(),
        "{}: {}",
        ended.status,
        String::from_utf8_lossy(&ended.stderr)
    );
    told
}

fn log(folder: &Path) -> Vec<Event> {
    let path = folder.join("tunesmith.db");
    let storage =
        Sqlite::open(&path, Presence::Existing, Durability::default()).expect("it is a database");
    let header = storage.studies().expect("it is readable").pop().expect("there is a study");
    storage.read(header.id, Revision(0), u32::MAX).expect("it is readable")
}

fn params(study: &Study) -> Vec<String> {
    study.trials().iter().map(|trial| trial.params.to_string()).collect()
}

/// Every report by trial and step.
fn reports(study: &Study) -> BTreeMap<(u64, u64), BTreeMap<String, f64>> {
    let of = |trial: &tunesmith_core::Trial| {
        let number = u64::from(trial.number);
        trial
            .reports
            .iter()
            .map(move |report| ((number, report.step), report.values.clone()))
            .collect::<Vec<_>>()
    };
    study.trials().iter().flat_map(of).collect()
}

fn assert_nothing_ran_after_its_end(log: &[Event]) {
    let mut ended = BTreeSet::new();
    for event in log {
        let Stream::Trial(trial) = event.stream else {
            continue;
        };
        assert!(!ended.contains(&trial), "{} of trial {trial} after its end", event.fact.name());
        if matches!(event.fact, Fact::TrialCompleted { .. } | Fact::TrialFailed { .. }) {
            ended.insert(trial);
        }
    }
}

fn assert_told_is_logged(told: &[Json], study: &Study) {
    let logged = reports(study);
    let mut checked = 0;
    for line in told.iter().filter(|line| line["event"] == "reported") {
        let key =
            (line["trial"].as_u64().expect("a number"), line["step"].as_u64().expect("a number"));
        let metrics: BTreeMap<String, f64> =
            serde_json::from_value(line["metrics"].clone()).expect("numbers by name");
        assert_eq!(logged.get(&key), Some(&metrics), "trial and step {key:?} were told");
        checked += 1;
    }
    assert!(checked > 0, "nothing was told before a kill: kill later");
}

fn assert_no_ended_trial_started_again(told: &[Json]) {
    let mut ended = BTreeSet::new();
    for line in told {
        let trial = line["trial"].as_u64();
        match line["event"].as_str() {
            Some("ended") => drop(ended.insert(trial)),
            Some("started") => assert!(!ended.contains(&trial), "{line}"),
            _ => {}
        }
    }
}

#[test]
fn a_study_survives_being_killed_again_and_again() {
    let undisturbed = tempfile::tempdir().expect("a temporary folder");
    tiny::prepare(undisturbed.path(), STUDY);
    run(undisturbed.path(), None);
    let expected = Study::fold(&log(undisturbed.path())).expect("the log is whole");

    let killed = tempfile::tempdir().expect("a temporary folder");
    tiny::prepare(killed.path(), STUDY);
    let mut told = Vec::new();
    for kill in 0..KILLS {
        let mut rng = Rng::at(11, kill, "kill");
        let delay = Duration::from_millis(rng.below(MOST_DELAY_MS));
        told.extend(run(killed.path(), Some((rng.below(MOST_LINES), delay))));
    }
    let unfinished = Study::fold(&log(killed.path())).expect("the log is whole");
    assert!(
        (unfinished.finished().count() as u64) < TRIALS,
        "the kills must hit a study that works"
    );
    eprintln!("{} of {TRIALS} trials were over after {KILLS} kills", unfinished.finished().count());
    told.extend(run(killed.path(), None));

    let log = log(killed.path());
    let study = Study::fold(&log).expect("the log is whole");
    assert_told_is_logged(&told, &study);
    assert_no_ended_trial_started_again(&told);
    assert_nothing_ran_after_its_end(&log);
    assert_eq!(
        params(&study),
        params(&expected),
        "the suggestions are those of an undisturbed run"
    );
    let (found, expected) = (reports(&study), reports(&expected));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (key, values) in &expected {
        let difference = (found[key]["eval_loss"] - values["eval_loss"]).abs();
        assert!(difference < 1e-3, "trial and step {key:?}: eval_loss differs by {difference}");
    }
    let best = killed.path().join("runs/killed/best");
    assert!(best.join("model.safetensors").is_file(), "the winner is there");
}
