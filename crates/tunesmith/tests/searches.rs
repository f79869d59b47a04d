//! Searches in which trials stop, wait and take over each other's state, with the real trainer: a population whose
//! optimiser is read back and whose winner is trained again bit for bit, whatever is killed on the way; early stopping;
//! and a comparison of several searches.

mod program;
mod tiny;

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use serde_json::Value as Json;

use program::tunesmith;

const TRAIN: &str = "
  model: {layers: 1, hidden: 16, heads: 2, intermediate: 32, vocabulary: 120, positions: 16}
  task: {train: train.tsv, validation: validation.tsv, test: test.tsv, text: text, label: label}
";

const SPACE: &str = "
parameters:
  learning_rate: {distribution: log_uniform_values, min: 1e-4, max: 2e-2}
  weight_decay: {min: 0.0, max: 0.1}
  per_device_train_batch_size: {values: [8, 16]}
  num_train_epochs: {values: [8, 12]}
metric: {name: eval_loss, goal: minimize}
seed: 5
";

fn folder(study: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    tiny::prepare(folder.path(), study);
    folder
}

fn population() -> String {
    format!(
        "name: tiny\nmethod: {{name: pbt, population: 4, interval: 0.25}}\nbudget: {{trials: 4}}\n\
         {SPACE}train:\n  pack: 3\n  checkpoint_seconds: 0{TRAIN}"
    )
}

/// What a command that succeeds prints.
fn output(folder: &Path, arguments: &[&str]) -> String {
    let output = tunesmith(folder, arguments).output().expect("the program starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {told}");
    String::from_utf8(output.stdout).expect("it prints text")
}

fn value(folder: &Path, arguments: &[&str]) -> Json {
    serde_json::from_str(&output(folder, arguments)).expect("it prints JSON")
}

fn array(json: &Json) -> &Vec<Json> {
    json.as_array().expect("an array")
}

#[test]
fn a_population_is_read_back_and_trained_again() {
    let folder = folder(&population());
    output(folder.path(), &["run", "study.yaml"]);
    let trials = value(folder.path(), &["trials", "--json"]);
    let exchanged: Vec<&Json> =
        array(&trials).iter().filter(|trial| !trial["lineage"].is_null()).collect();
    assert!(!exchanged.is_empty(), "three barriers exchange something: {trials}");
    for trial in &exchanged {
        assert_eq!(trial["read_back"]["weight_decay"], trial["params"]["weight_decay"], "{trial}");
        let epochs = |stretch: &Json| stretch["params"]["num_train_epochs"].clone();
        let stretches = array(&trial["lineage"]);
        let first = epochs(&stretches[0]);
        assert!(
            stretches.iter().all(|stretch| epochs(stretch) == first),
            "the length is the donor's"
        );
        // Whatever a trial went through can be gone through again.
        let number = trial["trial"].to_string();
        let replay = value(folder.path(), &["replay", "--trial", &number, "--json"]);
        assert_eq!(replay["value"], trial["value"]);
        assert_eq!(replay["stretches"], stretches.len());
    }
    let winner = value(folder.path(), &["replay", "--json"]);
    assert_eq!(winner["same_weights"], true, "{winner}");
    let verified = value(folder.path(), &["replay", "--verify", "--json"]);
    assert_eq!(verified["suggestions"], 4);
    assert_eq!(verified["unjudged"], 0);
    assert!(verified["exchanges"].as_u64() >= Some(exchanged.len() as u64), "{verified}");
}

/// How the trials of a study came out.
fn results(folder: &Path) -> Vec<[Json; 4]> {
    let trials = value(folder, &["trials", "--json"]);
    let result =
        |trial: &Json| ["state", "params", "value", "lineage"].map(|key| trial[key].clone());
    array(&trials).iter().map(result).collect()
}

/// Ends the process once the log has so many bytes, or lets it end by itself; whether it was killed.
fn kill_at(mut child: Child, log: &Path, bytes: u64) -> bool {
    while child.try_wait().expect("it is a child").is_none() {
        if fs::metadata(log).is_ok_and(|file| file.len() >= bytes) {
            child.kill().expect("it can be killed");
            child.wait().expect("it is a child");
            return true;
        }
        std::thread::yield_now();
    }
    false
}

#[test]
fn a_population_comes_out_the_same_whenever_it_is_killed() {
    let calm = folder(&population());
    output(calm.path(), &["run", "study.yaml"]);
    let expected = results(calm.path());
    let torn = folder(&population());
    let log = torn.path().join("tunesmith.db-wal");
    let mut killed = 0;
    for kilobytes in [60, 90, 120, 160, 200, 240] {
        let mut run = tunesmith(torn.path(), &["-q", "run", "study.yaml"]);
        let child = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = child.expect("the program starts");
        killed += u32::from(kill_at(child, &log, kilobytes * 1024));
    }
    assert!(killed > 0, "no run was long enough to be killed");
    output(torn.path(), &["run", "study.yaml"]);
    assert_eq!(results(torn.path()), expected);
}

#[test]
fn trials_stop_early_where_they_are_worse() {
    let study = format!(
        "name: tiny\nmethod: random\nscheduler: {{type: asha}}\nbudget: {{trials: 8}}\n{SPACE}train:{TRAIN}"
    );
    let folder = folder(&study);
    let told = output(folder.path(), &["run", "study.yaml"]);
    assert!(told.contains("saved by stopping early"), "{told}");
    let study = value(folder.path(), &["show", "--json"]);
    let ended = |state: &str| study["trials"][state].as_u64().unwrap_or(0);
    assert_eq!(ended("completed") + ended("pruned"), 8, "{study}");
    assert!(ended("pruned") > 0, "{study}");
    assert!(study["saved_device_seconds"].as_f64() > Some(0.0), "{study}");
    let trials = value(folder.path(), &["trials", "--json"]);
    let stopped = array(&trials).iter().find(|trial| trial["state"] == "pruned").expect("one");
    let number = stopped["trial"].to_string();
    let again = value(folder.path(), &["replay", "--trial", &number, "--json"]);
    assert_eq!(again["value"], stopped["value"], "its last report was made at a rung");
}

#[test]
fn a_budget_smaller_than_a_trial_is_overrun_and_said_to_be() {
    let study = format!(
        "name: tiny\nmethod: random\nbudget: {{gpu_minutes: 1e-9}}\n{SPACE}train:\n  pack: 2{TRAIN}"
    );
    let folder = folder(&study);
    let told = output(folder.path(), &["run", "study.yaml"]);
    assert!(told.contains("trials that run when it is spent go on to their end"), "{told}");
    let study = value(folder.path(), &["show", "--json"]);
    assert_eq!(study["trials"]["completed"], 2, "those of the first round: {study}");
}

#[test]
fn several_searches_are_compared() {
    let study = format!(
        "name: two\n{SPACE}budget: {{trials: 3}}\nseeds: 2\ntrain:{TRAIN}\
         compare:\n  sobol: {{method: sobol}}\n  random: {{method: random}}\n"
    );
    let folder = folder(&study);
    let table = output(folder.path(), &["compare", "study.yaml"]);
    assert!(table.contains("best eval_loss") && table.contains("on the test split"), "{table}");
    let again = value(folder.path(), &["compare", "study.yaml", "--json"]);
    let contestants = array(&again["contestants"]);
    let names: Vec<&str> = contestants.iter().filter_map(|one| one["label"].as_str()).collect();
    assert_eq!(names, ["sobol", "random"]);
    for contestant in contestants {
        let studies = array(&contestant["studies"]);
        let values: Vec<f64> = studies.iter().filter_map(|study| study["value"].as_f64()).collect();
        assert_eq!(values.len(), 2, "{contestant}");
        let mean = contestant["value"]["mean"].as_f64().expect("a mean");
        assert!((mean - f64::midpoint(values[0], values[1])).abs() < 1e-12, "{contestant}");
        for study in studies {
            let name = study["study"].as_str().expect("a name");
            let best = value(folder.path(), &["best", name, "--json"]);
            assert_eq!(best["value"], study["value"], "the table is what the log says");
        }
    }
    let runs = folder.path().join("runs/two");
    for file in ["compare.md", "compare.csv", "compare.svg", "compare.json"] {
        assert!(runs.join(file).is_file(), "{file}");
    }
    let csv = fs::read_to_string(runs.join("compare.csv")).expect("it is there");
    assert_eq!(csv.lines().count(), 5, "{csv}");
}

#[test]
fn a_comparison_is_no_study_and_a_study_no_comparison() {
    let folder =
        folder(&format!("name: one\nmethod: random\nbudget: {{trials: 1}}\n{SPACE}train:{TRAIN}"));
    let refused = |arguments: &[&str]| {
        let output = tunesmith(folder.path(), arguments).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(3), "{arguments:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let told = refused(&["compare", "study.yaml"]);
    assert!(told.contains("describes one search; give two study files or more"), "{told}");
    let both = "compare:\n  a: {method: random}\n  b: {method: sobol}\n";
    let text = fs::read_to_string(folder.path().join("study.yaml")).expect("it is there");
    fs::write(folder.path().join("study.yaml"), format!("{text}{both}")).expect("it is writable");
    let told = refused(&["run", "study.yaml"]);
    assert!(told.contains("run the file by `tunesmith compare`"), "{told}");
}
