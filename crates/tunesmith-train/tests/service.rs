//! A trainer behind its pipes, driven as a host drives it: a small encoder from random weights on
//! data made here.

mod host;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use host::{Host, go_on, open, params, start, write_data};
use serde_json::{Value as Json, json};
use tunesmith_train::protocol::{FailureReason, FatalClass, FromTrainer};

fn ready(host: &mut Host, directory: &Path) {
    host.say(&open(directory));
    let FromTrainer::Ready(ready) = host.hear() else { panic!("not ready") };
    assert_eq!((ready.train_rows, ready.validation_rows), (120, 40));
    assert_eq!(ready.labels, ["no", "yes"]);
    // Weights, gradients and two moments in float32, and activations.
    assert!(ready.bytes_per_slot > 16 * ready.weights, "{ready:?}");
}

type Reports = BTreeMap<u64, Vec<(u64, BTreeMap<String, f64>)>>;

/// Runs until `trials` have ended; answers every report with `continue`.
fn run(host: &mut Host, trials: usize) -> (Reports, Vec<PathBuf>) {
    let (mut reports, mut checkpoints, mut ended) = (Reports::new(), Vec::new(), 0);
    while ended < trials {
        match host.hear_news() {
            FromTrainer::Report { trial, step, metrics, .. } => {
                reports.entry(trial).or_default().push((step, metrics));
                host.say(&go_on(trial));
            }
            FromTrainer::Checkpointed { path, .. } => checkpoints.push(path),
            FromTrainer::Finished { .. } => ended += 1,
            FromTrainer::Started { .. } => {}
            other => panic!("unexpected {other:?}"),
        }
    }
    (reports, checkpoints)
}

#[test]
fn trials_learn_and_a_resumed_one_goes_on_bit_for_bit() {
    let directory = tempfile::tempdir().expect("a directory");
    write_data(directory.path());
    let mut host = Host::new();
    ready(&mut host, directory.path());
    for (trial, rate) in [(0, 2e-3), (1, 1e-9), (2, 5e-4)] {
        host.say(&start(trial, &params(rate), directory.path(), None));
    }
    let (reports, checkpoints) = run(&mut host, 3);
    let last = |trial: u64| reports[&trial].last().expect("reports").clone();
    assert_eq!(last(0).0, 45);
    assert!(last(0).1["eval_accuracy"] > 0.9, "{:?}", last(0));
    assert!(last(1).1["eval_accuracy"] < 0.9, "{:?}", last(1));
    host.close();

    let halfway =
        checkpoints.iter().find(|path| path.ends_with("trial-2/checkpoint-15.safetensors"));
    let mut host = Host::new();
    ready(&mut host, directory.path());
    host.say(&start(2, &params(5e-4), directory.path(), halfway.map(PathBuf::as_path)));
    let FromTrainer::Started { from_step, total_steps, .. } = host.hear_news() else {
        panic!("not started")
    };
    assert_eq!((from_step, total_steps), (15, 45));
    let (resumed, _) = run(&mut host, 1);
    assert_eq!(resumed[&2], reports[&2][1..], "the same numbers to the last bit");
    host.close();
}

#[test]
fn a_checkpoint_of_other_hyperparameters_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    write_data(directory.path());
    let mut host = Host::new();
    ready(&mut host, directory.path());
    host.say(&start(0, &params(1e-3), directory.path(), None));
    let (_, checkpoints) = run(&mut host, 1);
    host.say(&start(0, &params(2e-3), directory.path(), Some(&checkpoints[0])));
    let message = host.hear_news();
    let FromTrainer::Failed { reason: FailureReason::BadCheckpoint { message }, .. } = message
    else {
        panic!("{message:?}")
    };
    assert!(message.contains("other hyperparameters"), "{message}");
    host.close();
}

#[test]
fn a_kept_model_scores_the_same_when_it_is_read_back() {
    let directory = tempfile::tempdir().expect("a directory");
    write_data(directory.path());
    let mut host = Host::new();
    ready(&mut host, directory.path());
    let with_lora = json!({"learning_rate": 1e-2, "num_train_epochs": 1, "lora.r": 4, "lora.target_modules": ["all-linear"]});
    for (trial, params) in [(0, params(2e-3)), (1, with_lora)] {
        host.say(&start(trial, &params, directory.path(), None));
        let (mut score, mut kept) = (None, None);
        loop {
            match host.hear_news() {
                FromTrainer::Report { metrics, .. } => {
                    score = Some(metrics);
                    host.say(&json!({"type": "verdict", "trial": trial, "keep": true, "then": "continue"}));
                }
                FromTrainer::Kept { directory, .. } => kept = Some(directory),
                FromTrainer::Finished { .. } => break,
                _ => {}
            }
        }
        let (score, kept) = (score.expect("a report"), kept.expect("a model"));
        host.say(&json!({"type": "evaluate", "directory": kept, "split": "validation"}));
        let FromTrainer::Evaluated { metrics, rows, .. } = host.hear_news() else {
            panic!("not evaluated")
        };
        assert_eq!(rows, 40);
        assert_eq!(metrics["eval_accuracy"], score["eval_accuracy"]);
        assert!((metrics["eval_loss"] - score["eval_loss"]).abs() < 1e-5, "{metrics:?} {score:?}");
    }
    host.close();
}

#[test]
fn a_loss_that_is_no_number_fails_its_trial_alone() {
    let directory = tempfile::tempdir().expect("a directory");
    write_data(directory.path());
    let mut host = Host::new();
    ready(&mut host, directory.path());
    let wild = json!({"learning_rate": 1e30, "max_grad_norm": 0, "num_train_epochs": 1});
    host.say(&start(0, &wild, directory.path(), None));
    host.say(&start(1, &params(1e-3), directory.path(), None));
    let (mut failed, mut finished) = (false, false);
    while !(failed && finished) {
        match host.hear_news() {
            FromTrainer::Failed {
                trial, reason: FailureReason::NonFinite { step, .. }, ..
            } => {
                assert_eq!(trial, 0);
                assert!(step >= 1);
                failed = true;
            }
            FromTrainer::Report { trial, .. } => host.say(&go_on(trial)),
            FromTrainer::Finished { trial, .. } => finished = trial == 1,
            _ => {}
        }
    }
    host.close();
}

#[test]
fn hyperparameters_that_the_model_cannot_take_fail_the_trial_with_a_remedy() {
    let directory = tempfile::tempdir().expect("a directory");
    write_data(directory.path());
    let mut host = Host::new();
    ready(&mut host, directory.path());
    for (params, wanted) in [
        (json!({"max_seq_length": 512}), "texts of at most 32 tokens"),
        (json!({"model.frozen_layers": 3}), "this model has 2 layers"),
        (json!({"lora.r": 4, "adapter": "none"}), "when: {adapter: lora}"),
        (json!({"learning_rte": 1e-3}), "did you mean `learning_rate`?"),
        (json!({"learning_rate": -1}), "legal is a number above 0"),
    ] {
        host.say(&start(9, &params, directory.path(), None));
        let message = host.hear_news();
        let FromTrainer::Failed {
            reason: FailureReason::BadHyperparameter { message, .. }, ..
        } = message
        else {
            panic!("{message:?}")
        };
        assert!(message.contains(wanted), "{message}");
    }
    host.close();
}

#[test]
fn a_stopped_and_a_released_trial_free_their_slots() {
    let directory = tempfile::tempdir().expect("a directory");
    write_data(directory.path());
    let mut host = Host::new();
    ready(&mut host, directory.path());
    for trial in 0..6 {
        host.say(&start(trial, &params(1e-3), directory.path(), None));
        assert!(matches!(host.hear_news(), FromTrainer::Started { .. }));
        let FromTrainer::Report { step, .. } = host.hear_news() else { panic!("no report") };
        host.say(&json!({"type": "verdict", "trial": trial, "keep": false, "then": "stop"}));
        assert!(matches!(host.hear_news(), FromTrainer::Stopped { step: at, .. } if at == step));
    }
    host.say(&start(6, &params(1e-3), directory.path(), None));
    assert!(matches!(host.hear_news(), FromTrainer::Started { .. }));
    assert!(matches!(host.hear_news(), FromTrainer::Report { .. }));
    host.say(&json!({"type": "release", "trial": 6}));
    assert!(matches!(host.hear_news(), FromTrainer::Checkpointed { step: 15, .. }));
    assert!(matches!(host.hear_news(), FromTrainer::Stopped { step: 15, .. }));
    host.close();
}

#[test]
fn what_cannot_be_opened_is_fatal_with_its_class() {
    let directory = tempfile::tempdir().expect("a directory");
    write_data(directory.path());
    let check = |change: &dyn Fn(&mut Json), class: FatalClass, wanted: &str| {
        let mut host = Host::new();
        let mut message = open(directory.path());
        change(&mut message);
        host.say(&message);
        let answer = host.hear();
        let FromTrainer::Fatal { class: found, message } = answer else { panic!("{answer:?}") };
        assert_eq!(found, class, "{message}");
        assert!(message.contains(wanted), "{message}");
        host.close();
    };
    check(&|open| open["task"]["label"] = json!("labl"), FatalClass::Data, "label");
    check(&|open| open["version"] = json!(99), FatalClass::Protocol, "version 99");
    check(&|open| open["evaluate_at"] = json!([0.5, 1.5]), FatalClass::Protocol, "has 1.5");
    let model = directory.path().join("model");
    std::fs::create_dir(&model).expect("made");
    check(&|open| open["model"] = json!(model), FatalClass::Model, "config.json");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bert");
    std::fs::copy(golden.join("config.json"), model.join("config.json")).expect("copied");
    check(&|open| open["model"] = json!(model), FatalClass::Model, "no model.safetensors");
    std::fs::write(model.join("pytorch_model.bin"), b"pickle").expect("written");
    check(&|open| open["model"] = json!(model), FatalClass::Model, "save_pretrained");
    let weights = std::fs::read(golden.join("model.safetensors")).expect("read");
    std::fs::write(model.join("model.safetensors"), &weights[..weights.len() - 100])
        .expect("written");
    check(&|open| open["model"] = json!(model), FatalClass::Model, "truncated");
}
