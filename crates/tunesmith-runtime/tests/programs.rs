//! Programs as trials, well-behaved and otherwise. Each test drives the trainer that runs them, as the
//! worker does.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use tunesmith_core::FailureReason;
use tunesmith_runtime::program::resources::Place;
use tunesmith_runtime::program::spec::{Capture, Length, ProgramSpec, Total};
use tunesmith_runtime::program::{ProgramLauncher, Settings, end_orphans, modules};
use tunesmith_runtime::trainer::{Launcher, Received, Trainer};
use tunesmith_train::protocol::{FatalClass, FromTrainer, Params, Then, ToTrainer};

/// How long anything here may take before the test gives up.
const PATIENCE: Duration = Duration::from_mins(1);

struct Stage {
    folder: tempfile::TempDir,
    settings: Settings,
}

/// How a trial ended.
#[derive(Debug, PartialEq)]
enum End {
    Finished,
    Stopped,
    Failed(FailureReason),
}

type Reports = Vec<(u64, f64, BTreeMap<String, f64>)>;

impl Stage {
    fn new(words: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let command = words.iter().map(|word| (*word).to_owned()).collect();
        let spec = ProgramSpec::new(command, folder.path().to_owned());
        let modules = folder.path().join("modules");
        modules::write(&modules).expect("written");
        let settings = Settings {
            spec,
            metrics: vec!["eval_accuracy".to_owned()],
            study: "stage".to_owned(),
            agent: format!("{}-{}", std::process::id(), folder.path().display()),
            holds: false,
            keeps_on: false,
            modules,
            places: vec![Place::default()],
        };
        Self { folder, settings }
    }

    fn shell(script: &str) -> Self {
        Self::new(&["sh", "-c", script])
    }

    fn python(script: &str) -> Self {
        Self::new(&["python3", "-c", script])
    }

    fn open(&self) -> Box<dyn Trainer> {
        let mut launcher = ProgramLauncher::new(self.settings.clone());
        let mut trainer = launcher.launch(1).expect("a trainer");
        let ready = trainer.receive(PATIENCE);
        assert!(matches!(ready, Received::Message(FromTrainer::Ready(_))), "{ready:?}");
        trainer
    }

    fn trial(&self, number: u64) -> PathBuf {
        self.folder.path().join(format!("trial-{number}"))
    }

    fn start(&self, trainer: &mut dyn Trainer, trial: u64) {
        let params: Params =
            [("lr", json!(3e-5)), ("epochs", json!(2))].map(|(n, v)| (n.to_owned(), v)).into();
        trainer.send(ToTrainer::Start {
            trial,
            params,
            seed: 7,
            directory: self.trial(trial),
            resume: None,
            past: Vec::new(),
            resume_stretch: 0,
        });
    }

    /// Runs one trial, whose reports are all answered by `Continue`.
    fn run(&self) -> (Reports, End) {
        let mut trainer = self.open();
        self.start(&mut *trainer, 0);
        to_the_end(&mut *trainer)
    }

    fn wait_for(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        let mut text = String::new();
        until(|| {
            text = std::fs::read_to_string(&path).unwrap_or_default();
            text.ends_with('\n')
        });
        text.trim().to_owned()
    }
}

fn until(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "it never came to that");
        std::thread::yield_now();
    }
}

fn to_the_end(trainer: &mut dyn Trainer) -> (Reports, End) {
    let mut reports = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match trainer.receive(PATIENCE) {
            Received::Message(FromTrainer::Report { trial, step, fraction, metrics, .. }) => {
                reports.push((step, fraction, metrics));
                let then = Then::Continue;
                trainer.send(ToTrainer::Verdict { trial, keep: false, then });
            }
            Received::Message(FromTrainer::Finished { .. }) => return (reports, End::Finished),
            Received::Message(FromTrainer::Stopped { .. }) => return (reports, End::Stopped),
            Received::Failed { reason, .. } => return (reports, End::Failed(reason)),
            Received::Message(FromTrainer::Started { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    panic!("it never ends")
}

/// Whether the process runs; one that has ended and waits to be collected does not.
fn is_alive(pid: &str) -> bool {
    state_of(pid).is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

fn state_of(pid: &str) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}

fn values(reports: &Reports) -> Vec<f64> {
    reports.iter().map(|(_, _, metrics)| metrics["eval_accuracy"]).collect()
}

#[test]
fn what_the_trainer_prints_becomes_reports() {
    let mut stage = Stage::python(
        "import os, sys, json\n\
         assert sys.stdin.read() == ''\n\
         assert json.loads(os.environ['TUNESMITH_PARAMS'])['lr'] == 3e-5\n\
         print({'loss': 0.7, 'epoch': 0.5})\n\
         print({'eval_accuracy': 0.6, 'epoch': 1.0})\n\
         print({'eval_accuracy': '0.75', 'epoch': '2.0'})\n\
         print(json.dumps({'train_runtime': 1.0}))\n",
    );
    stage.settings.spec.progress =
        Some(Length { metric: "epoch".to_owned(), total: Total::Parameter("epochs".to_owned()) });
    let (reports, end) = stage.run();
    assert_eq!(end, End::Finished);
    assert_eq!(values(&reports), [0.6, 0.75]);
    assert_eq!(
        reports.iter().map(|report| (report.0, report.1)).collect::<Vec<_>>(),
        [(1, 0.5), (2, 1.0)]
    );
    let log = std::fs::read_to_string(stage.trial(0).join("output.log")).expect("kept");
    assert!(log.contains("train_runtime"));
}

#[test]
fn the_module_reports_whatever_becomes_of_standard_output() {
    let stage = Stage::python(
        "import sys, os, tunesmith\n\
         os.close(1); sys.stdout = open('/dev/null', 'w')\n\
         tunesmith.report(eval_accuracy=0.5, step=10)\n\
         tunesmith.report({'eval_accuracy': 0.9}, step=20)\n\
         for bad in ({}, {'a': 'text'}, {'b': True}):\n\
         \x20   try: tunesmith.report(bad)\n\
         \x20   except (TypeError, ValueError): continue\n\
         \x20   sys.exit(9)\n\
         assert tunesmith.params()['epochs'] == 2 and os.path.isdir(tunesmith.checkpoint_dir())\n",
    );
    let (reports, end) = stage.run();
    assert_eq!(end, End::Finished);
    assert_eq!(values(&reports), [0.5, 0.9]);
    assert_eq!((reports[0].0, reports[1].0), (10, 20));
}

#[test]
fn a_module_takes_the_place_of_wandb() {
    let mut stage = Stage::python(
        "import wandb\n\
         with wandb.init(project='p', config={'lr': 1.0, 'warm': 3}) as run:\n\
         \x20   assert wandb.config.lr == 3e-5 and run.config['warm'] == 3\n\
         \x20   for step in range(3):\n\
         \x20       wandb.log({'eval_accuracy': step / 4, 'text': 'no number'})\n\
         \x20   assert run.summary['eval_accuracy'] == 0.5\n\
         try: wandb.sweep({})\n\
         except AttributeError as error: print(error)\n",
    );
    stage.settings.spec.capture = Capture::Wandb;
    let (reports, end) = stage.run();
    assert_eq!(end, End::Finished);
    assert_eq!(values(&reports), [0.0, 0.25, 0.5]);
    assert_eq!(reports.iter().map(|report| report.0).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn undefined_numbers_are_passed_on_for_the_core_to_refuse() {
    let (reports, _) = Stage::shell("echo \"{'eval_accuracy': nan}\"").run();
    assert!(values(&reports)[0].is_nan());
}

#[test]
fn a_metric_of_another_name_is_told_with_those_that_there_were() {
    let (_, end) = Stage::shell("echo '{\"eval_acc\": 0.5, \"eval_loss\": 1}'").run();
    let End::Failed(reason) = end else { panic!("{end:?}") };
    assert_eq!(
        reason.to_string(),
        "eval_accuracy was never reported; there were: eval_acc, eval_loss"
    );
}

#[test]
fn failures_keep_code_signal_and_last_words() {
    let (_, end) = Stage::shell("echo before; echo the reason >&2; exit 3").run();
    let tail = "before\nthe reason".to_owned();
    assert_eq!(end, End::Failed(FailureReason::Crashed { exit_code: Some(3), signal: None, tail }));
    let (_, end) = Stage::shell("kill -SEGV $$").run();
    let crashed = FailureReason::Crashed { exit_code: None, signal: Some(11), tail: String::new() };
    assert_eq!(end, End::Failed(crashed));
    let (_, end) = Stage::new(&["no-such-program"]).run();
    let End::Failed(FailureReason::Refused { message }) = end else { panic!("{end:?}") };
    assert!(message.starts_with("cannot start `no-such-program` in "), "{message}");
}

#[test]
fn floods_of_output_cost_neither_disk_nor_memory() {
    let stage = Stage::shell(
        "head -c 30000000 /dev/zero | tr '\\0' x; yes | head -c 30000000; echo; echo '{\"eval_accuracy\": 1}'",
    );
    let (reports, end) = stage.run();
    assert_eq!((values(&reports), end), (vec![1.0], End::Finished));
    let size =
        |name: &str| std::fs::metadata(stage.trial(0).join(name)).map_or(0, |file| file.len());
    let total = size("output.log") + size("output.1.log");
    assert!((1 << 20..10 << 20).contains(&total), "{total}");
}

#[test]
fn what_ignores_the_request_to_end_is_killed_with_all_it_started() {
    let mut stage = Stage::shell(
        "trap '' TERM; setsid sleep 1000 & echo $! >child; echo $$ >own; while :; do sleep 1; done",
    );
    stage.settings.spec.grace_ms = 100;
    let mut trainer = stage.open();
    stage.start(&mut *trainer, 0);
    let (own, child) = (stage.wait_for("own"), stage.wait_for("child"));
    assert!(is_alive(&own) && is_alive(&child));
    trainer.send(ToTrainer::Release { trial: 0 });
    assert_eq!(to_the_end(&mut *trainer).1, End::Stopped);
    assert!(!is_alive(&own) && !is_alive(&child));
}

#[test]
fn what_is_asked_to_end_may_save_first() {
    let stage = Stage::shell(
        "trap 'echo saved >$TUNESMITH_CHECKPOINT_DIR/state; exit 0' TERM; echo $$ >own; while :; do sleep 0.05; done",
    );
    let mut trainer = stage.open();
    stage.start(&mut *trainer, 0);
    stage.wait_for("own");
    drop(trainer);
    assert!(stage.trial(0).join("checkpoints/state").is_file());
}

#[test]
fn a_trial_that_never_ends_meets_its_limit() {
    let mut stage = Stage::shell("exec sleep 1000");
    stage.settings.spec.time_limit_ms = Some(300);
    let (_, end) = stage.run();
    assert_eq!(end, End::Failed(FailureReason::TimeLimit { limit_ms: 300 }));
}

#[test]
fn a_failure_that_may_pass_is_tried_again() {
    let mut stage = Stage::shell(
        "if test -e tried; then echo '{\"eval_accuracy\": 1}'; else touch tried; exit 1; fi",
    );
    stage.settings.spec.retries = 1;
    assert_eq!(stage.run().1, End::Finished);
}

#[test]
fn a_process_is_held_while_its_report_waits_for_an_answer() {
    let mut stage = Stage::python(
        "import os, tunesmith\n\
         print(os.getpid(), file=open('own', 'w'))\n\
         for step in range(1, 100): tunesmith.report(eval_accuracy=1.0, step=step)\n\
         while True: pass\n",
    );
    stage.settings.holds = true;
    let mut trainer = stage.open();
    stage.start(&mut *trainer, 0);
    let own = stage.wait_for("own");
    let mut reported = 0;
    while reported == 0 {
        if let Received::Message(FromTrainer::Report { .. }) = trainer.receive(PATIENCE) {
            reported += 1;
        }
    }
    until(|| state_of(&own) == Some('T'));
    trainer.send(ToTrainer::Verdict { trial: 0, keep: false, then: Then::Stop });
    assert_eq!(to_the_end(&mut *trainer).1, End::Stopped);
    assert!(!is_alive(&own));
}

#[test]
fn what_a_dead_agent_left_running_is_ended_before_the_trial_goes_on() {
    let mut stage = Stage::shell(
        "test -e again && exec echo '{\"eval_accuracy\": 1}'; echo $$ >own; exec sleep 1000",
    );
    let mut trainer = stage.open();
    stage.start(&mut *trainer, 0);
    let own = stage.wait_for("own");
    // The agent is gone without a word.
    std::mem::forget(trainer);
    stage.settings.agent = "the one after it".to_owned();
    std::fs::write(stage.folder.path().join("again"), "").expect("written");
    assert!(is_alive(&own));
    assert_eq!(stage.run().1, End::Finished);
    // Killed it is by then; its parent here is still to notice.
    until(|| !is_alive(&own));
}

#[test]
fn what_dead_agents_left_running_is_ended_though_nobody_starts_the_trial_again() {
    let stage = Stage::shell("echo $$ >own; exec sleep 1000");
    let mut trainer = stage.open();
    stage.start(&mut *trainer, 0);
    let own = stage.wait_for("own");
    std::mem::forget(trainer);
    end_orphans(stage.folder.path(), |_| false);
    assert!(is_alive(&own), "its agent lives");
    until(|| {
        end_orphans(stage.folder.path(), |agent| agent == stage.settings.agent);
        !is_alive(&own)
    });
}

#[test]
fn a_program_that_always_fails_stops_its_agent() {
    let stage = Stage::shell("echo no module named nothing >&2; exit 1");
    let mut trainer = stage.open();
    for trial in 0..3 {
        stage.start(&mut *trainer, trial);
        assert!(matches!(to_the_end(&mut *trainer).1, End::Failed(_)));
    }
    match trainer.receive(PATIENCE) {
        Received::Message(FromTrainer::Fatal { class: FatalClass::Program, message }) => {
            assert!(message.contains("no module named nothing"), "{message}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_process_used_is_kept() {
    let stage = Stage::python("x = bytearray(50_000_000); print({'eval_accuracy': 1})");
    assert_eq!(stage.run().1, End::Finished);
    let note =
        std::fs::read_to_string(Path::new(&stage.trial(0)).join("process.json")).expect("kept");
    let note: serde_json::Value = serde_json::from_str(&note).expect("JSON");
    assert_eq!(note["exit_code"], 0);
    assert!(note["peak_bytes"].as_u64().expect("a number") > 50_000_000);
    assert!(note["cpu_seconds"].as_f64().expect("a number") > 0.0);
}
