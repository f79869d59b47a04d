//! `tunesmith run` with the real trainer on a study that trains in the blink of an eye: what is
//! printed, what is left, what a second run does, and how bad material is refused.

#![expect(clippy::needless_raw_string_hashes, reason = "expect-test writes its strings so")]

mod program;
mod tiny;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use expect_test::{Expect, expect};
use serde_json::Value as Json;

use program::tunesmith;

const STUDY: &str = "
name: tiny
method: grid
metric: {name: eval_accuracy, goal: maximize}
price: {gpu_hour: 3.06}
parameters:
  learning_rate: {values: [1e-2, 1e-6]}
  num_train_epochs: {value: 20}
train:
  model: {layers: 1, hidden: 16, heads: 2, intermediate: 32, vocabulary: 120, positions: 16}
  task: {train: train.tsv, validation: validation.tsv, test: test.tsv, text: text, label: label}
";

fn study(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    tiny::prepare(folder.path(), text);
    folder
}

/// Standard output and exit code of a command, and standard error marked as such. Figures that
/// differ from run to run are hidden.
fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = tunesmith(folder, arguments).output().expect("the program starts");
    let mut text = String::new();
    for (mark, stream) in [("", &output.stdout), ("2> ", &output.stderr)] {
        for line in String::from_utf8_lossy(stream).lines() {
            text += format!("{mark}{line}").trim_end();
            text.push('\n');
        }
    }
    let code = output.status.code().expect("it is not killed").to_string();
    text.extend(["exit ", &code, "\n"]);
    hidden(&text.replace(&*folder.to_string_lossy(), "FOLDER"))
}

/// Times, costs, scores and thread counts as `#`. How many blanks align a column depends on the
/// figures in it, so that runs of blanks become one.
fn hidden(text: &str) -> String {
    text.lines().map(|line| hidden_line(line) + "\n").collect()
}

fn hidden_line(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut shown: Vec<String> = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let figure = word.trim_end_matches(',');
        let unit = words.get(index + 1).is_some_and(|next| ["ms", "s", "threads;"].contains(next));
        let decimal = figure.contains('.') && figure.parse::<f64>().is_ok();
        let time = ["ms", "s"].contains(word);
        shown.push(match (unit || decimal, time) {
            (true, _) => word.replace(figure, "#"),
            (_, true) => "s".to_owned(),
            _ => (*word).to_owned(),
        });
    }
    shown.join(" ")
}

fn check(found: &str, expected: &Expect) {
    expected.assert_eq(found);
}

fn value(folder: &Path, arguments: &[&str]) -> Json {
    let output = tunesmith(folder, arguments).output().expect("the program starts");
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

#[test]
fn a_study_runs_and_leaves_a_winner() {
    let folder = study(STUDY);
    check(
        &run(folder.path(), &["run", "study.yaml"]),
        &expect![[r#"
            trial state eval_accuracy learning_rate steps minutes cost
            0 completed # # 80 # #
            1 completed # 1e-6 80 # #

            tiny: 2 trials completed · # s of training · cost #
            best: trial 0 with eval_accuracy # on 24 validation rows, standard error #
            on the test split: test_accuracy #, test_f1 #, test_loss #, test_matthews_correlation #
            model: runs/tiny/best
            all trials: runs/tiny/trials.csv
            2> loading model and data; up to 4 trials at once
            2> BERT, 1 layers, width 16, 2 heads on cpu, # threads; 64 training and 24 validation rows
            2> trial 0 eval_accuracy # learning_rate=0.01 # s
            2> trial 1 eval_accuracy # learning_rate=1e-6 # s
            exit 0
        "#]],
    );
    let runs = folder.path().join("runs/tiny");
    for file in ["best/model.safetensors", "best/config.json", "best/tokenizer.json", "study.yaml"]
    {
        assert!(runs.join(file).is_file(), "{file}");
    }
    let csv = fs::read_to_string(runs.join("trials.csv")).expect("it is there");
    assert_eq!(csv.lines().count(), 3, "{csv}");
    let left = fs::read_dir(runs.join("trials")).expect("it is there").count();
    assert_eq!(left, 0, "trials that are over leave no files");
    let best = value(folder.path(), &["best", "--json"]);
    assert_eq!(best["trial"], 0, "{best}");
    assert!(best["test"]["test_accuracy"].is_number(), "{best}");
    assert!(best["effective"]["weight_decay"].is_number(), "{best}");
}

#[test]
fn a_winner_is_chosen_on_fresh_seeds() {
    let folder = study(&format!("{STUDY}final: {{replicate: 2, seeds: 2}}\n"));
    check(
        &run(folder.path(), &["run", "study.yaml"]),
        &expect![[r#"
            trial state eval_accuracy learning_rate steps minutes cost repeats
            0 completed # # 80 # # -
            2 completed # # 80 # # 0
            3 completed # # 80 # # 0
            1 completed # 1e-6 80 # # -
            4 completed # 1e-6 80 # # 1
            5 completed # 1e-6 80 # # 1

            tiny: 2 trials completed · 4 runs on fresh seeds · # s of training · cost #
            winner: trial 0 with eval_accuracy # ± # on fresh seeds (2 runs), 95 % interval
            the search had measured #, and by luck alone the best of 2 equal trials looks # too good
            on the test split: test_accuracy #, test_f1 #, test_loss #, test_matthews_correlation #
            model: runs/tiny/best
            all trials: runs/tiny/trials.csv
            2> loading model and data; up to 4 trials at once
            2> BERT, 1 layers, width 16, 2 heads on cpu, # threads; 64 training and 24 validation rows
            2> trial 0 eval_accuracy # learning_rate=0.01 # s
            2> trial 1 eval_accuracy # learning_rate=1e-6 # s
            2> trial 2 eval_accuracy # learning_rate=0.01 # s
            2> trial 3 eval_accuracy # learning_rate=0.01 # s
            2> trial 4 eval_accuracy # learning_rate=1e-6 # s
            2> trial 5 eval_accuracy # learning_rate=1e-6 # s
            exit 0
        "#]],
    );
    let best = value(folder.path(), &["best", "--json"]);
    let winner = &best["final"]["winner"];
    assert_eq!((&best["trial"], &winner["trial"]), (&Json::from(0), &Json::from(0)), "{best}");
    assert_eq!(winner["runs"].as_array().map(Vec::len), Some(2), "{best}");
    let certificate = fs::read(folder.path().join("runs/tiny/best/tunesmith.json"));
    let certificate: Json =
        serde_json::from_slice(&certificate.expect("it is there")).expect("JSON");
    assert!(
        winner["runs"].as_array().is_some_and(|runs| runs.contains(&certificate["trial"])),
        "{certificate}"
    );
    let left = fs::read_dir(folder.path().join("runs/tiny/trials")).expect("it is there").count();
    assert_eq!(left, 0, "runs that lost leave no files");
}

/// Two learning rates that learn and one that does not, and a metric that tells nothing beside one that does.
fn of_two_metrics() -> String {
    STUDY
        .replace(
            "metric: {name: eval_accuracy, goal: maximize}",
            "metrics: [{name: eval_accuracy, goal: maximize}, {name: eval_loss, goal: minimize}]",
        )
        .replace("[1e-2, 1e-6]", "[1e-2, 3e-3, 1e-3, 1e-6]")
}

/// The trials that no other beats, found again from what `trials --json` says.
fn unbeaten(trials: &Json) -> Vec<u64> {
    let values = |trial: &Json| {
        let value = |name: &str| trial["values"][name].as_f64().expect("it is measured");
        (-value("eval_accuracy"), value("eval_loss"))
    };
    let all = trials.as_array().expect("a list");
    let beaten = |trial: &Json| {
        let (accuracy, loss) = values(trial);
        all.iter().map(values).any(|(other_accuracy, other_loss)| {
            other_accuracy <= accuracy
                && other_loss <= loss
                && (other_accuracy < accuracy || other_loss < loss)
        })
    };
    let unbeaten = all.iter().filter(|trial| !beaten(trial));
    unbeaten.filter_map(|trial| trial["trial"].as_u64()).collect()
}

fn sorted(mut numbers: Vec<u64>) -> Vec<u64> {
    numbers.sort_unstable();
    numbers
}

#[test]
fn several_metrics_end_in_a_front_and_its_models() {
    let folder = study(&of_two_metrics());
    let found = run(folder.path(), &["run", "study.yaml"]);
    assert!(found.ends_with("exit 0\n"), "{found}");
    let trials = value(folder.path(), &["trials", "--json"]);
    let shown = value(folder.path(), &["show", "--json"]);
    let entries = shown["front"].as_array().expect("a list").clone();
    let front = sorted(entries.iter().filter_map(|entry| entry["trial"].as_u64()).collect());
    assert_eq!(front, unbeaten(&trials), "{shown}");
    for entry in &entries {
        let trial = &trials[entry["trial"].as_u64().expect("a number") as usize];
        assert_eq!((&entry["values"], &entry["params"]), (&trial["values"], &trial["params"]));
    }
    for metric in ["eval_accuracy", "eval_loss"] {
        let best = entries.iter().filter(|entry| {
            entry["best_by"].as_array().is_some_and(|names| names.contains(&metric.into()))
        });
        assert_eq!(best.count(), 1, "one trial is the best by {metric}: {shown}");
    }

    let runs = folder.path().join("runs/tiny");
    let kept = fs::read_dir(runs.join("front")).expect("it is there");
    let kept = kept.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    assert_eq!(sorted(kept.collect()), front, "the models of the front and no others are kept");
    let best = value(folder.path(), &["best", "--json"]);
    let certificate = fs::read(runs.join("best/tunesmith.json")).expect("it is there");
    let certificate: Json = serde_json::from_slice(&certificate).expect("JSON");
    assert_eq!(certificate["trial"], best["trial"], "{certificate}");
    assert_eq!(certificate["metrics"], best["values"], "{certificate}");
    for entry in best["front"].as_array().expect("a list") {
        let model = Path::new(entry["model"].as_str().expect("it is kept"));
        assert!(model.join("model.safetensors").is_file(), "{entry}");
        assert_eq!(
            entry["best_by"]
                .as_array()
                .is_some_and(|names| names.contains(&"eval_accuracy".into())),
            entry["trial"] == best["trial"]
        );
    }
    let left = fs::read_dir(runs.join("trials")).expect("it is there").count();
    assert_eq!(left, 0, "trials that are over leave no files");
    let csv = fs::read_to_string(runs.join("trials.csv")).expect("it is there");
    assert!(csv.starts_with("trial,state,eval_accuracy,eval_loss,learning_rate"), "{csv}");

    let again = run(folder.path(), &["run", "study.yaml"]);
    assert!(
        again.contains("models: runs/tiny/front/<trial>; best by eval_accuracy: runs/tiny/best"),
        "{again}"
    );
    assert_eq!(value(folder.path(), &["trials", "--json"]), trials);
}

#[test]
fn a_metric_of_several_that_is_never_reported_is_refused() {
    let folder = study(&of_two_metrics().replace("eval_loss", "eval_f2"));
    let found = run(folder.path(), &["run", "study.yaml"]);
    assert!(found.contains("`eval_f2` is never reported for this task; there are: "), "{found}");
    assert!(found.ends_with("exit 3\n"), "{found}");
    let shown = run(folder.path(), &["show"]);
    assert!(shown.contains("there is no study in"), "{shown}");
}

#[test]
fn the_same_command_again_finds_the_study_finished() {
    let folder = study(STUDY);
    run(folder.path(), &["run", "study.yaml"]);
    let log = value(folder.path(), &["trials", "--json"]);
    let again = run(folder.path(), &["run", "study.yaml"]);
    assert!(!again.contains("loading model"), "{again}");
    assert!(again.contains("model: runs/tiny/best"), "{again}");
    assert_eq!(value(folder.path(), &["trials", "--json"]), log);
}

#[test]
fn another_study_under_the_same_name_is_refused() {
    let folder = study(STUDY);
    run(folder.path(), &["run", "study.yaml"]);
    let other = STUDY.replace("1e-6", "1e-5").replace("layers: 1", "layers: 2");
    fs::write(folder.path().join("study.yaml"), other).expect("it is writable");
    check(
        &run(folder.path(), &["run", "study.yaml"]),
        &expect![[r#"
        2> error: the study `tiny` exists with another configuration: `parameters`, `train.model` differ; give the file another `name`, or change it back (`budget` may change)
        exit 3
    "#]],
    );
}

#[test]
fn a_larger_budget_goes_on() {
    let file = |trials: u32| {
        STUDY.replace("method: grid", &format!("method: random\nbudget: {{trials: {trials}}}"))
    };
    let folder = study(&file(1));
    run(folder.path(), &["run", "study.yaml"]);
    fs::write(folder.path().join("study.yaml"), file(3)).expect("it is writable");
    run(folder.path(), &["run", "study.yaml"]);
    let shown = value(folder.path(), &["show", "--json"]);
    assert_eq!(shown["trials"]["completed"], 3, "{shown}");
}

#[test]
fn enqueued_params_are_tried_first_and_once() {
    let file = |enqueue: &str| {
        STUDY
            .replace("method: grid", &format!("method: random\nbudget: {{trials: 3}}\n{enqueue}"))
            .replace("{values: [1e-2, 1e-6]}", "{min: 1e-6, max: 1e-2}")
    };
    let folder = study(&file("enqueue: [{learning_rate: 5e-3}]"));
    run(folder.path(), &["run", "study.yaml"]);
    let log = value(folder.path(), &["trials", "--json"]);
    assert_eq!(log.as_array().map(Vec::len), Some(3), "{log}");
    assert_eq!(log[0]["params"]["learning_rate"], 5e-3, "{log}");
    let more = file("enqueue: [{learning_rate: 5e-3}, {learning_rate: 7e-3}]");
    fs::write(folder.path().join("study.yaml"), more).expect("it is writable");
    run(folder.path(), &["run", "study.yaml"]);
    let log = value(folder.path(), &["trials", "--json"]);
    assert_eq!(log.as_array().map(Vec::len), Some(4), "the first is not tried again: {log}");
    assert_eq!(log[3]["params"]["learning_rate"], 7e-3, "{log}");
    assert_eq!(log[3]["state"], "completed", "{log}");
}

#[test]
fn a_warm_start_takes_its_priors_once() {
    let file = |name: &str, trials: u32, more: &str| {
        STUDY
            .replace("name: tiny", &format!("name: {name}"))
            .replace(
                "method: grid",
                &format!("method: {{name: random, prior: declared}}\nbudget: {{trials: {trials}}}\n{more}"),
            )
            .replace(
                "{values: [1e-2, 1e-6]}",
                "{distribution: log_uniform_values, min: 1e-6, max: 1e-2}",
            )
    };
    let folder = study(&file("second", 3, "warm_start: [first]"));
    let write = |text: String| {
        fs::write(folder.path().join("study.yaml"), text).expect("it is writable");
        run(folder.path(), &["run", "study.yaml"])
    };
    let none = run(folder.path(), &["run", "study.yaml"]);
    assert!(none.contains("there is no database at"), "{none}");
    write(file("first", 3, ""));
    let found = write(file("second", 2, "warm_start: [first]"));
    assert!(
        found.contains("2> warm start: the best 3 trials of first give a prior to learning_rate"),
        "{found}"
    );
    // The first study goes on; the second keeps the priors that it was created with.
    write(file("first", 6, ""));
    let resumed = write(file("second", 3, "warm_start: [first]"));
    assert!(resumed.contains("second: 3 of 3 trials completed"), "{resumed}");
    check(
        &write(file("second", 3, "")),
        &expect![[r#"
        2> error: the study `second` exists with another configuration: `parameters`, `warm_start` differ; give the file another `name`, or change it back (`budget` may change)
        exit 3
    "#]],
    );
    check(
        &write(file("third", 3, "warm_start: [frist]")),
        &expect![[r#"
        2> error: `warm_start` names `frist`, and there is no such study in this storage; there are: first, second
        exit 3
    "#]],
    );
}

#[test]
fn material_that_cannot_be_used_leaves_no_study() {
    let folder = study(&STUDY.replace("train: train.tsv", "train: nowhere.tsv"));
    check(
        &run(folder.path(), &["run", "study.yaml"]),
        &expect![[r#"
        2> loading model and data; up to 4 trials at once
        2> error: FOLDER/nowhere.tsv: No such file or directory (os error 2); check the path (relative paths start at the study file)
        exit 4
    "#]],
    );
    let shown = run(folder.path(), &["show"]);
    assert!(shown.contains("there is no study in"), "{shown}");
}

#[test]
fn a_metric_that_is_never_reported_is_refused() {
    let folder = study(&STUDY.replace("eval_accuracy", "eval_acc"));
    let found = run(folder.path(), &["run", "study.yaml"]);
    assert!(found.contains("`eval_acc` is never reported for this task; there are: "), "{found}");
    assert!(found.ends_with("exit 3\n"), "{found}");
}

#[test]
fn a_search_in_which_every_trial_fails_is_class_7() {
    let folder = study(&STUDY.replace("[1e-2, 1e-6]", "[1e30, 1e35]"));
    let found = run(folder.path(), &["run", "study.yaml"]);
    assert!(found.ends_with("exit 7\n"), "{found}");
    let trials = value(folder.path(), &["trials", "--json"]);
    for trial in trials.as_array().expect("a list") {
        assert_eq!(trial["state"], "failed", "{trial}");
        assert!(
            trial["reason"].as_str().is_some_and(|reason| reason.contains("not finite")),
            "{trial}"
        );
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_saves_and_the_same_command_goes_on() {
    let many = STUDY.replace("num_train_epochs: {value: 20}", "num_train_epochs: {value: 300}");
    let folder = study(&many);
    let mut child = tunesmith(folder.path(), &["run", "study.yaml", "--json", "--quiet"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let reported = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("\"reported\"")));
    assert!(reported.is_some(), "it ended before it reported");
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("kill is part of the system").success());
    lines.for_each(drop);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let trials = value(folder.path(), &["trials", "--json"]);
    for trial in trials.as_array().expect("a list") {
        assert!(trial["state"] == "queued" || trial["state"] == "completed", "{trial}");
    }
    let rest = run(folder.path(), &["run", "study.yaml"]);
    assert!(rest.ends_with("exit 0\n"), "{rest}");
    let resumed = value(folder.path(), &["trials", "--json"]);
    assert!(
        resumed.as_array().expect("a list").iter().any(|trial| trial["leases"] == 2),
        "{resumed}"
    );
}

/// The trainer of a running tunesmith: the child of its main thread.
#[cfg(target_os = "linux")]
fn trainer_of(process: u32) -> String {
    let children = format!("/proc/{process}/task/{process}/children");
    let found = fs::read_to_string(children).expect("the process runs");
    found.trim().to_owned()
}

#[cfg(target_os = "linux")]
#[test]
fn a_trainer_that_is_killed_is_replaced() {
    let many = STUDY.replace("num_train_epochs: {value: 20}", "num_train_epochs: {value: 300}");
    let folder = study(&many);
    let mut child = tunesmith(folder.path(), &["run", "study.yaml", "--json", "--quiet"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let reported = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("\"reported\"")));
    assert!(reported.is_some(), "it ended before it reported");
    let killed = Command::new("kill").args(["-KILL", &trainer_of(child.id())]).status();
    assert!(killed.expect("kill is part of the system").success());
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "{rest:?}");
    let lost: Vec<&String> = rest.iter().filter(|line| line.contains("trainer_lost")).collect();
    assert_eq!(lost.len(), 1, "{rest:?}");
    assert!(lost[0].contains("killed (signal 9)"), "{lost:?}");
    let shown = value(folder.path(), &["show", "--json"]);
    assert_eq!(shown["trials"]["completed"], 2, "{shown}");
}
