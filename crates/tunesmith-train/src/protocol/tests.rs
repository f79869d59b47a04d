//! What is written on one end is read on the other.

use serde_json::json;

use super::*;

#[path = "../../../tunesmith-core/tests/mutations/mod.rs"]
mod mutations;

fn comes_back<T>(message: &T)
where
    T: Serialize + for<'de> Deserialize<'de> + PartialEq + std::fmt::Debug,
{
    let line = serde_json::to_string(message).expect("a line");
    assert!(!line.contains('\n'), "{line}");
    let read: T = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line}"));
    assert_eq!(&read, message, "{line}");
}

fn params(rate: f64) -> Params {
    Params::from([("learning_rate".to_owned(), json!(rate))])
}

#[test]
fn what_the_host_says_comes_back() {
    let stretch = Stretch { params: params(0.1), seed: u64::MAX, until_step: 20 };
    for (past, resume) in [(Vec::new(), None), (vec![stretch], Some(PathBuf::from("a/b")))] {
        comes_back(&ToTrainer::Start {
            trial: 3,
            params: params(1e-5),
            seed: 7,
            directory: "trials/3".into(),
            resume_stretch: past.len(),
            resume,
            past,
        });
    }
    for directory in [None, Some(PathBuf::from("c"))] {
        comes_back(&ToTrainer::Exploit { trial: 1, donor: 2, params: params(0.3), directory });
    }
    for then in [Then::Continue, Then::Stop, Then::Save] {
        comes_back(&ToTrainer::Verdict { trial: 1, keep: true, then });
    }
}

#[test]
fn what_the_trainer_says_comes_back() {
    for errors in [None, Some(vec![0, 1, 255])] {
        comes_back(&FromTrainer::Report {
            trial: 1,
            step: 20,
            fraction: 0.1 + 0.2,
            metrics: BTreeMap::from([("eval_loss".to_owned(), 1.0 / 3.0)]),
            device_seconds: 1.5,
            errors,
        });
    }
    let numbers = OptimizerNumbers {
        learning_rate: 1.0 / 3.0,
        weight_decay: 0.01,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
    };
    comes_back(&FromTrainer::ReadBack {
        trial: 1,
        step: 21,
        optimizer: numbers,
        expected: numbers,
    });
    comes_back(&FromTrainer::Exploited {
        trial: 1,
        donor: 2,
        step: 20,
        total_steps: 60,
        effective: params(0.3),
    });
    comes_back(&FromTrainer::Checkpointed {
        trial: 1,
        step: 20,
        path: "x".into(),
        bytes: 9,
        stretch: 2,
    });
}

#[test]
fn what_may_be_left_out_has_its_meaning() {
    let line = json!({"type": "start", "trial": 0, "params": {}, "seed": 1, "directory": "d"});
    let read: ToTrainer = serde_json::from_value(line).expect("a start");
    let ToTrainer::Start { resume: None, past, resume_stretch: 0, .. } = read else {
        panic!("{read:?}")
    };
    assert_eq!(past, []);
    let open = json!({"version": VERSION, "model": "m", "task": "glue/rte", "base_directory": ".",
        "pack": 1, "data_seed": 0});
    let open: Open = serde_json::from_value(open).expect("an opening");
    assert_eq!((open.evaluate_at.len(), open.examples), (0, false));
}

#[test]
fn a_damaged_line_is_refused_or_says_the_same_when_it_is_written_again() {
    let start = ToTrainer::Start {
        trial: 3,
        params: params(1e-5),
        seed: 7,
        directory: "trials/3".into(),
        resume: Some("a/b".into()),
        past: vec![Stretch { params: params(0.1), seed: u64::MAX, until_step: 20 }],
        resume_stretch: 1,
    };
    let verdict = ToTrainer::Verdict { trial: 1, keep: true, then: Then::Save };
    let report = FromTrainer::Report {
        trial: 1,
        step: 30,
        fraction: 0.5,
        metrics: BTreeMap::from([("eval_accuracy".to_owned(), 0.75)]),
        device_seconds: 1.5,
        errors: Some(vec![0, 1, 2]),
    };
    let reason = FailureReason::NonFinite { what: "loss".to_owned(), step: 3 };
    let failed = FromTrainer::Failed { trial: 1, reason, device_seconds: 0.25 };
    let lines = [
        serde_json::to_vec(&start),
        serde_json::to_vec(&verdict),
        serde_json::to_vec(&report),
        serde_json::to_vec(&failed),
    ];
    let corpus: Vec<Vec<u8>> = lines.map(|line| line.expect("a line")).into();
    mutations::survive(&corpus, |input| {
        if let Ok(message) = serde_json::from_slice::<ToTrainer>(input) {
            comes_back(&message);
        }
        if let Ok(message) = serde_json::from_slice::<FromTrainer>(input) {
            comes_back(&message);
        }
    });
}
