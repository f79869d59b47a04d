//! Studies whose trials are programs, through the command line: created by `sweep`, worked on by
//! `agent`, W&B's own file as it was published. The program is a stand-in for the Trainer's script.
#![cfg(unix)]

mod program;
#[path = "../../tunesmith-store/tests/store/server.rs"]
#[expect(dead_code, reason = "the storage's own tests need more of it")]
mod server;
mod serving;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Output, Stdio};

use program::tunesmith;
use serde_json::Value as Json;
use serving::Serving;

const SCRIPT: &str = include_str!("sweep_program.py");

fn examples() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn folder(script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("run_glue.py"), script).expect("written");
    let sweep = std::fs::read_to_string(examples().join("sweeps/rte.yaml")).expect("an example");
    std::fs::write(folder.path().join("rte.yaml"), sweep).expect("written");
    folder
}

fn write(folder: &tempfile::TempDir, text: &str) {
    std::fs::write(folder.path().join("study.yaml"), text).expect("written");
}

fn done(folder: &tempfile::TempDir, arguments: &[&str]) -> Output {
    tunesmith(folder.path(), arguments).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Standard output of a command that must succeed.
fn says(folder: &tempfile::TempDir, arguments: &[&str]) -> String {
    let output = done(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn trials(folder: &tempfile::TempDir, study: &str) -> Vec<Json> {
    listed(&says(folder, &["trials", study, "--json"]))
}

fn listed(text: &str) -> Vec<Json> {
    match serde_json::from_str(text).expect("JSON") {
        Json::Array(trials) => trials,
        Json::Object(mut object) => match object.remove("trials") {
            Some(Json::Array(trials)) => trials,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn agent(folder: &tempfile::TempDir, study: &str) -> Child {
    tunesmith(folder.path(), &["agent", study])
        .stderr(Stdio::piped())
        .spawn()
        .expect("an agent starts")
}

/// Three agents on the published sweep, whose study is in `storage`; what `best` says of it.
fn published(storage: &str) -> Json {
    let folder = folder(SCRIPT);
    let with = |words: &[&'static str]| -> Vec<String> {
        ["--storage", storage].iter().chain(words).map(|word| (*word).to_owned()).collect()
    };
    let says = |words: &[&'static str]| {
        let words = with(words);
        says(&folder, &words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert!(says(&["sweep", "rte.yaml"]).ends_with(" agent rte\n"));
    let agent = |_| {
        let words = with(&["agent", "rte"]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        tunesmith(folder.path(), &words).stderr(Stdio::piped()).spawn().expect("an agent starts")
    };
    let agents: Vec<Child> = (0..3).map(agent).collect();
    for agent in agents {
        let output = agent.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let trials = listed(&says(&["trials", "rte", "--json"]));
    let distinct: BTreeSet<String> =
        trials.iter().map(|trial| trial["params"].to_string()).collect();
    assert_eq!((trials.len(), distinct.len()), (40, 40));
    assert!(trials.iter().all(|trial| trial["state"] == "completed" && trial["leases"] == 1));
    let verified = says(&["replay", "rte", "--verify"]);
    assert!(verified.contains("40 suggestions"), "{verified}");
    serde_json::from_str(&says(&["best", "rte", "--json"])).expect("JSON")
}

#[test]
fn three_agents_run_the_published_sweep_each_configuration_once() {
    let best = published("sqlite:///studies.db");
    assert_eq!(best["params"]["model_name_or_path"], "bert-base-uncased");
    assert_eq!(best["params"]["learning_rate"], 5e-5);
    // 0.75 less a tenth of the last epoch's.
    assert_eq!(best["value"], 0.725);
}

#[test]
fn three_agents_share_a_postgresql_database() {
    let Some(server) = server::Server::start() else { return };
    assert_eq!(published(&server.database())["value"], 0.725);
}

#[test]
fn three_agents_share_a_server_and_see_no_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Serving::start(folder.path(), &["--listen", "127.0.0.1:0"]);
    assert_eq!(published(&serving.url)["value"], 0.725);
    let near = done(&folder, &["best", "rte", "--json"]);
    let near: Json = serde_json::from_slice(&near.stdout).expect("JSON");
    assert_eq!(near["value"], 0.725);
}

#[test]
fn tokens_let_agents_in_and_others_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let token = says(&folder, &["token", "add", "agents", "--scope", "write"]);
    let serving =
        Serving::start(folder.path(), &["--listen", "127.0.0.1:0", "--tokens", "tunesmith.tokens"]);
    let list = |token: &str| {
        let words = ["--storage", &serving.url, "show"];
        tunesmith(folder.path(), &words).env("TUNESMITH_TOKEN", token).output().expect("it runs")
    };
    assert!(
        list(token.trim()).status.success()
            || text(&list(token.trim()).stderr).contains("no study")
    );
    assert!(text(&list("").stderr).contains("TUNESMITH_TOKEN"));
    assert_eq!(says(&folder, &["token", "list"]), "write  agents\n");
    assert!(says(&folder, &["token", "remove", "agents"]).starts_with("the token `agents`"));
    let open = done(&folder, &["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(open.status.code(), Some(2));
    assert!(text(&open.stderr).contains("tunesmith token add"), "{}", text(&open.stderr));
}

const SMALL: &str = "program: run_glue.py
command: [python3, '${program}', '${args_no_hyphens}']
method: grid
metric: {name: score, goal: maximize}
parameters:
  x: {values: [1, 2, 3, 4]}
";

/// Reports `x`; fails for `x=3` until a file `mended` is there.
const FAILS: &str = "import os, sys
x = int(sys.argv[1].split('=')[1])
if x == 3 and not os.path.exists('mended'): sys.exit('three is not to be had')
print({'score': float(x), 'epoch': 1.0})
";

#[test]
fn failed_trials_run_again_with_the_same_hyperparameters() {
    let folder = folder(FAILS);
    write(&folder, SMALL);
    let output = done(&folder, &["run", "study.yaml"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let first = trials(&folder, "study");
    let failed: Vec<&Json> = first.iter().filter(|trial| trial["state"] == "failed").collect();
    assert_eq!(failed.len(), 1);
    assert!(failed[0].to_string().contains("three is not to be had"), "{}", failed[0]);
    std::fs::write(folder.path().join("mended"), "").expect("written");
    assert_eq!(says(&folder, &["rerun", "--failed"]), "trial 4 is queued: trial 2 again\n");
    assert_eq!(
        says(&folder, &["rerun", "--failed"]),
        "no trial failed that was not queued again\n"
    );
    says(&folder, &["agent"]);
    let trials = trials(&folder, "study");
    assert_eq!(trials[4]["params"], failed[0]["params"]);
    assert_eq!(
        (&trials[4]["state"], trials[4]["value"].as_f64()),
        (&"completed".into(), Some(3.0))
    );
}

#[test]
fn a_program_that_is_broken_stops_the_study_with_its_words() {
    let folder = folder("raise SystemExit('nothing works')");
    write(&folder, SMALL);
    let output = done(&folder, &["run", "study.yaml"]);
    let error = text(&output.stderr);
    assert!(!output.status.success());
    assert!(error.contains("3 trials failed and 0 ended well"), "{error}");
    assert!(error.contains("nothing works"), "{error}");
    let output = done(&folder, &["agent", "--keep-going"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(trials(&folder, "study").len(), 4);
}

#[test]
fn an_agent_takes_its_count_and_the_target_ends_the_study() {
    let folder = folder(FAILS);
    std::fs::write(folder.path().join("mended"), "").expect("written");
    write(&folder, &SMALL.replace("maximize}", "maximize, target: 2.5}"));
    says(&folder, &["sweep", "study.yaml"]);
    says(&folder, &["agent", "--count", "1"]);
    assert_eq!(trials(&folder, "study").len(), 1);
    says(&folder, &["agent"]);
    let values: Vec<f64> =
        trials(&folder, "study").iter().filter_map(|trial| trial["value"].as_f64()).collect();
    assert_eq!(values, [1.0, 2.0, 3.0], "the grid has a fourth, and the target is reached");
}

#[test]
fn what_wandb_would_drop_stops_the_file_unless_it_is_told_otherwise() {
    let folder = folder(FAILS);
    std::fs::write(folder.path().join("mended"), "").expect("written");
    write(&folder, &SMALL.replace("'${args_no_hyphens}'", "'${args_no_hyphens}', '${bogus}'"));
    let output = done(&folder, &["sweep", "study.yaml"]);
    let error = text(&output.stderr);
    assert!(error.contains("`${bogus}` of the command is no macro"), "{error}");
    assert!(error.contains("study.yaml:2:"), "{error}");
    says(&folder, &["sweep", "--lenient", "study.yaml"]);
    says(&folder, &["agent"]);
    assert!(trials(&folder, "study").iter().all(|trial| trial["state"] == "completed"));
}

/// Waits for ever in the second trial until a file `go` is there.
const WAITS: &str = "import os, sys, time
x = int(sys.argv[1].split('=')[1])
print({'score': x / 10, 'epoch': 0.5})
if x == 2 and not os.path.exists('go'):
    with open('waiting', 'w') as file: print(os.getpid(), file=file)
    while True: time.sleep(1)
print({'score': float(x), 'epoch': 1.0})
";

#[test]
fn a_sweep_says_the_address_as_it_was_given() {
    let folder = folder(FAILS);
    write(&folder, SMALL);
    let swept = done(&folder, &["--storage", "sqlite:///studies.db", "sweep", "study.yaml"]);
    assert_eq!(text(&swept.stdout), "tunesmith --storage sqlite:///studies.db agent study\n");
    assert!(!text(&swept.stderr).contains("password"), "{}", text(&swept.stderr));
}

#[test]
fn an_agent_that_is_killed_leaves_nothing_running_and_nothing_undone() {
    let folder = folder(WAITS);
    write(&folder, SMALL);
    says(&folder, &["sweep", "study.yaml"]);
    let mut killed = agent(&folder, "study");
    let waiting = folder.path().join("waiting");
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    let mut pid = String::new();
    while !pid.ends_with('\n') {
        assert!(std::time::Instant::now() < deadline, "the second trial never starts");
        pid = std::fs::read_to_string(&waiting).unwrap_or_default();
        std::thread::yield_now();
    }
    killed.kill().expect("SIGKILL");
    killed.wait().expect("it is gone");
    std::fs::write(folder.path().join("go"), "").expect("written");
    says(&folder, &["agent"]);
    let environment = format!("/proc/{}/environ", pid.trim());
    assert!(std::fs::read(environment).unwrap_or_default().is_empty(), "it still runs");
    let trials = trials(&folder, "study");
    let values: Vec<f64> = trials.iter().filter_map(|trial| trial["value"].as_f64()).collect();
    assert_eq!(values, [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(trials[1]["leases"], 2);
    // What it reported before the agent died stands.
    assert_eq!(trials[1]["reports"].as_array().map(Vec::len), Some(2), "{}", trials[1]);
}

/// Waits until four are at work, so that who sees which device is no matter of chance.
const PLACED: &str = "import glob, os, sys, time
x = sys.argv[1].split('=')[1]
open('at-' + x, 'w').write(os.environ['CUDA_VISIBLE_DEVICES'] + ' ' + os.environ['OMP_NUM_THREADS'])
while len(glob.glob('at-*')) < 4: time.sleep(0.01)
print({'score': float(x)})
";

#[test]
fn trials_share_the_devices_that_the_agent_sees() {
    let folder = folder(PLACED);
    write(&folder, &format!("{SMALL}resources: {{cpu: 0.25, gpu: 0.5, memory: 1MiB}}\n"));
    let run = |devices: &str, words: &[&str]| {
        let mut command = tunesmith(folder.path(), words);
        command.env("CUDA_VISIBLE_DEVICES", devices).output().expect("the program starts")
    };
    let none = run("-1", &["run", "study.yaml"]);
    assert_eq!(none.status.code(), Some(2), "{}", text(&none.stderr));
    assert!(text(&none.stderr).contains("needs 0.5 GPUs by `resources`, and this machine has 0"));
    let output = run("5,GPU-8a", &["run", "study.yaml"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let seen = |x: u32| std::fs::read_to_string(folder.path().join(format!("at-{x}")));
    let mut seen: Vec<String> = (1..=4).map(|x| seen(x).expect("written")).collect();
    seen.sort();
    assert_eq!(seen, ["5 1", "5 1", "GPU-8a 1", "GPU-8a 1"]);
    // What is done at once is not what the study is.
    write(&folder, &format!("{SMALL}parallel: 2\n"));
    assert!(run("", &["run", "study.yaml"]).status.success());
    write(&folder, &SMALL.replace("name: score", "name: loss"));
    let other = text(&run("", &["run", "study.yaml"]).stderr);
    assert!(other.contains("`metric` differs"), "{other}");
    write(&folder, &format!("{SMALL}time_limit: 1h\nenv: {{A: 1}}\n"));
    let other = text(&run("", &["run", "study.yaml"]).stderr);
    assert!(other.contains("`env`, `time_limit` differ"), "{other}");
}
