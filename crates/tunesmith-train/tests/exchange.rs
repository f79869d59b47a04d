//! Trials that wait, take over each other's state, and are trained again from their lineage.

mod host;

use std::path::{Path, PathBuf};

use host::{Host, go_on, open, params, start, write_data};
use serde_json::{Value as Json, json};
use tunesmith_train::protocol::{FailureReason, FatalClass, FromTrainer};

fn answer(trial: u64, keep: bool, then: &str) -> Json {
    json!({"type": "verdict", "trial": trial, "keep": keep, "then": then})
}

fn exploit(trial: u64, donor: u64, params: &Json) -> Json {
    json!({"type": "exploit", "trial": trial, "donor": donor, "params": params})
}

/// Hears until every one of `trials` has reported; gives the steps of their reports.
fn barrier(host: &mut Host, trials: &[u64]) -> Vec<u64> {
    let mut steps = vec![None; trials.len()];
    while steps.contains(&None) {
        if let FromTrainer::Report { trial, step, .. } = host.hear_news() {
            let place = trials.iter().position(|known| *known == trial).expect("one of them");
            steps[place] = Some(step);
        }
    }
    steps.into_iter().flatten().collect()
}

/// Keeps the model of a trial that has reported; gives the bytes of its weights.
fn kept(host: &mut Host, trial: u64) -> Vec<u8> {
    host.say(&answer(trial, true, "continue"));
    loop {
        if let FromTrainer::Kept { directory, .. } = host.hear_news() {
            return std::fs::read(directory.join("model.safetensors")).expect("weights");
        }
    }
}

fn opened(change: impl FnOnce(&mut Json)) -> (tempfile::TempDir, Host) {
    let directory = tempfile::tempdir().expect("a directory");
    write_data(directory.path());
    let mut host = Host::new();
    let mut message = open(directory.path());
    change(&mut message);
    host.say(&message);
    let answer = host.hear();
    assert!(matches!(answer, FromTrainer::Ready(_)), "{answer:?}");
    (directory, host)
}

/// Hyperparameters of three members and of what two of them go on with: rates, decay, batch size
/// and length of the schedule differ.
fn members() -> [Json; 5] {
    let with = |change: Json| {
        let mut all = params(1e-3);
        let all_entries = all.as_object_mut().expect("an object");
        all_entries.extend(change.as_object().expect("an object").clone());
        all
    };
    [
        with(json!({"learning_rate": 2e-3, "weight_decay": 0.1})),
        with(json!({"lr_scheduler_type": "cosine"})),
        with(json!({"learning_rate": 5e-4, "adam_beta2": 0.99})),
        with(
            json!({"learning_rate": 1.5e-3, "per_device_train_batch_size": 12, "warmup_ratio": 0.1}),
        ),
        with(
            json!({"learning_rate": 3e-3, "num_train_epochs": 5, "model.hidden_dropout_prob": 0.3}),
        ),
    ]
}

/// Three members in one pack; 1 takes over 0 at its first report, 2 takes over 1 at its second.
/// Gives 2's final weights and the steps at which its donors stood.
fn population(host: &mut Host, directory: &Path) -> (Vec<u8>, [u64; 2]) {
    let [first, second, third, next, last] = members();
    for (trial, params) in [(0, &first), (1, &second), (2, &third)] {
        host.say(&start(trial, params, directory, None));
    }
    let steps = barrier(host, &[0, 1, 2]);
    host.say(&exploit(1, 0, &next));
    host.say(&go_on(0));
    host.say(&go_on(2));
    let again = barrier(host, &[0, 1, 2]);
    host.say(&exploit(2, 1, &last));
    host.say(&json!({"type": "drop", "trial": 0}));
    host.say(&go_on(1));
    loop {
        match host.hear_news() {
            FromTrainer::Report { trial: 2, fraction: 1.0, .. } => break,
            FromTrainer::Report { trial, .. } => host.say(&go_on(trial)),
            _ => {}
        }
    }
    (kept(host, 2), [steps[0], again[1]])
}

fn past(until: [u64; 2]) -> Json {
    let [first, _, _, next, _] = members();
    json!([
        {"params": first, "seed": 100, "until_step": until[0]},
        {"params": next, "seed": 101, "until_step": until[1]},
    ])
}

/// Trial 2 started with its past; `resume` names a checkpoint and its stretch.
fn start_again(directory: &Path, until: [u64; 2], resume: Option<(&Path, usize)>) -> Json {
    let mut message = start(2, &members()[4], directory, resume.map(|(path, _)| path));
    message["past"] = past(until);
    message["resume_stretch"] = json!(resume.map_or(0, |(_, stretch)| stretch));
    message
}

/// Runs trial 2 to its last report. Gives its final weights, its checkpoints with their stretches,
/// and how often it reported.
fn alone(host: &mut Host) -> (Vec<u8>, Vec<(PathBuf, u64, usize)>, usize) {
    let (mut checkpoints, mut reports) = (Vec::new(), 0);
    loop {
        match host.hear_news() {
            FromTrainer::Checkpointed { path, step, stretch, .. } => {
                checkpoints.push((path, step, stretch));
            }
            FromTrainer::Report { fraction, .. } => {
                reports += 1;
                if fraction >= 1.0 {
                    return (kept(host, 2), checkpoints, reports);
                }
                host.say(&go_on(2));
            }
            FromTrainer::Started { .. } | FromTrainer::ReadBack { .. } => {}
            other => panic!("unexpected {other:?}"),
        }
    }
}

#[test]
fn a_lineage_trained_again_alone_gives_the_same_weights_bit_for_bit() {
    let (directory, mut host) = opened(|_| {});
    let (original, until) = population(&mut host, directory.path());
    host.close();
    // The second goes on with batches of 12, from step 10 of 30, and reports ten steps later.
    assert_eq!(until, [15, 20]);

    let (directory, mut host) = opened(|open| {
        open["pack"] = json!(1);
        open["checkpoint_seconds"] = json!(1e-9);
    });
    host.say(&start_again(directory.path(), until, None));
    let (weights, checkpoints, reports) = alone(&mut host);
    assert!(weights == original, "trained again in one piece");
    assert_eq!(reports, 2, "the past reports nothing");
    host.close();

    for (step, stretch) in [(7, 0), (13, 1), (60, 2)] {
        let known = |(_, at, of): &&(PathBuf, u64, usize)| (*at, *of) == (step, stretch);
        let (path, ..) = checkpoints.iter().find(known).expect("a checkpoint after every step");
        let (fresh, mut host) = opened(|open| open["pack"] = json!(1));
        host.say(&start_again(fresh.path(), until, Some((path, stretch))));
        let started = host.hear_news();
        assert!(
            matches!(started, FromTrainer::Started { from_step, total_steps: 75, .. } if from_step == step),
            "{started:?}"
        );
        let (weights, ..) = alone(&mut host);
        assert!(weights == original, "resumed in stretch {stretch}");
        host.close();
    }
}

#[test]
fn a_trial_that_took_over_a_state_resumes_from_its_own_checkpoint_bit_for_bit() {
    let (directory, mut host) = opened(|_| {});
    let [first, second, _, next, _] = members();
    host.say(&start(0, &first, directory.path(), None));
    host.say(&start(1, &second, directory.path(), None));
    barrier(&mut host, &[0, 1]);
    let elsewhere = directory.path().join("taken-over");
    let mut message = exploit(1, 0, &next);
    message["directory"] = json!(elsewhere);
    host.say(&message);
    barrier(&mut host, &[1]);
    host.say(&answer(1, false, "save"));
    let FromTrainer::Checkpointed { path, step: 20, stretch: 1, .. } = host.hear_news() else {
        panic!("not saved")
    };
    assert!(path.starts_with(&elsewhere), "{}", path.display());
    assert!(matches!(host.hear_news(), FromTrainer::Stopped { step: 20, .. }));

    let finish = |host: &mut Host| {
        barrier(host, &[1]);
        kept(host, 1)
    };
    host.say(&start(1, &next, directory.path(), Some(&path)));
    let resumed = finish(&mut host);
    host.close();

    let (directory, mut host) = opened(|_| {});
    host.say(&start(0, &first, directory.path(), None));
    host.say(&start(1, &second, directory.path(), None));
    barrier(&mut host, &[0, 1]);
    host.say(&exploit(1, 0, &next));
    barrier(&mut host, &[1]);
    host.say(&go_on(1));
    assert!(finish(&mut host) == resumed, "as if it had never stopped");
    host.close();
}

#[test]
fn what_the_optimiser_used_is_told_after_a_state_was_taken_over() {
    let (directory, mut host) = opened(|_| {});
    let [first, second, ..] = members();
    host.say(&start(0, &first, directory.path(), None));
    host.say(&start(1, &second, directory.path(), None));
    barrier(&mut host, &[0, 1]);
    let next = json!({"learning_rate": 1e-3, "per_device_train_batch_size": 8, "num_train_epochs": 3,
        "lr_scheduler_type": "linear", "weight_decay": 0.25, "adam_beta1": 0.8});
    host.say(&exploit(1, 0, &next));
    let FromTrainer::Exploited { trial: 1, donor: 0, step: 15, total_steps: 45, effective } =
        host.hear_news()
    else {
        panic!("not taken over")
    };
    assert_eq!((&effective["weight_decay"], &effective["seed"]), (&json!(0.25), &json!(101)));
    let FromTrainer::ReadBack { trial: 1, step: 16, optimizer, expected } = host.hear_news() else {
        panic!("not read back")
    };
    assert_eq!(optimizer, expected);
    // Two thirds of a linear fall from the peak are left after 15 of 45 steps.
    assert!((optimizer.learning_rate - 1e-3 * 2.0 / 3.0).abs() < 1e-15, "{optimizer:?}");
    let others = (optimizer.weight_decay, optimizer.beta1, optimizer.beta2, optimizer.epsilon);
    assert_eq!(others, (0.25, 0.8, 0.999, 1e-8));
    assert!(matches!(host.hear_news(), FromTrainer::Report { trial: 1, step: 30, .. }));
    host.close();
}

#[test]
fn a_state_does_not_fit_a_trial_with_other_trained_weights() {
    let (directory, mut host) = opened(|_| {});
    let mut lora = params(1e-2);
    lora["lora.r"] = json!(4);
    host.say(&start(0, &params(1e-3), directory.path(), None));
    host.say(&start(1, &lora, directory.path(), None));
    barrier(&mut host, &[0, 1]);
    host.say(&exploit(1, 0, &lora));
    let FromTrainer::Failed {
        trial: 1, reason: FailureReason::BadHyperparameter { name, .. }, ..
    } = host.hear_news()
    else {
        panic!("not refused")
    };
    assert_eq!(name, "adapter");
    // From another pack into the donor's it fits, where the new hyperparameters have its shape.
    host.say(&start(2, &lora, directory.path(), None));
    barrier(&mut host, &[2]);
    host.say(&exploit(2, 0, &params(2e-3)));
    assert!(matches!(host.hear_news(), FromTrainer::Exploited { trial: 2, step: 15, .. }));
    barrier(&mut host, &[2]);
    // A trial that is its own donor only goes on with other hyperparameters.
    host.say(&exploit(2, 2, &params(3e-3)));
    assert!(matches!(
        host.hear_news(),
        FromTrainer::Exploited { trial: 2, donor: 2, step: 30, total_steps: 45, .. }
    ));
    barrier(&mut host, &[2]);
    host.close();
}

#[test]
fn an_exploit_needs_two_parked_trials_and_a_donor_with_steps_left() {
    for (trial, donor, answered, wanted) in [
        (1, 7, 0, "trial 7 is not parked"),
        (7, 0, 0, "trial 7 is not parked"),
        (0, 1, 2, "trial 1, which is at the end of its schedule"),
    ] {
        let (directory, mut host) = opened(|_| {});
        host.say(&start(0, &params(1e-3), directory.path(), None));
        host.say(&start(1, &params(2e-3), directory.path(), None));
        barrier(&mut host, &[0, 1]);
        for _ in 0..answered {
            host.say(&go_on(1));
            barrier(&mut host, &[1]);
        }
        host.say(&exploit(trial, donor, &params(1e-3)));
        let message = host.hear_news();
        let FromTrainer::Fatal { class: FatalClass::Protocol, message } = message else {
            panic!("{message:?}")
        };
        assert!(message.contains(wanted), "{message}");
        host.close();
    }
}

#[test]
fn a_past_that_cannot_have_been_is_refused() {
    let (directory, mut host) = opened(|_| {});
    for (until, wanted) in [
        (
            [45, 46],
            "stretch 0 of the trial's past starts at step 0 of 45 and cannot end at step 45",
        ),
        (
            [15, 10],
            "stretch 1 of the trial's past starts at step 10 of 30 and cannot end at step 10",
        ),
    ] {
        host.say(&start_again(directory.path(), until, None));
        let message = host.hear_news();
        let FromTrainer::Failed {
            reason: FailureReason::BadHyperparameter { message, .. }, ..
        } = message
        else {
            panic!("{message:?}")
        };
        assert!(message.contains(wanted), "{message}");
    }
    host.say(&start_again(directory.path(), [15, 20], Some((Path::new("nowhere"), 3))));
    let message = host.hear_news();
    let FromTrainer::Fatal { class: FatalClass::Protocol, message } = message else {
        panic!("{message:?}")
    };
    assert!(message.contains("cannot resume in stretch 3: its past has 2"), "{message}");
    host.close();
}

#[test]
fn a_parked_trial_keeps_its_state_while_others_go_on() {
    let (directory, mut host) = opened(|open| open["checkpoint_seconds"] = json!(1e9));
    for trial in 0..3 {
        host.say(&start(trial, &params(1e-3), directory.path(), None));
    }
    barrier(&mut host, &[0, 1, 2]);
    // Trial 1 goes through its schedule while 0 and 2 wait.
    let mut finished = false;
    host.say(&go_on(1));
    while !finished {
        match host.hear_news() {
            FromTrainer::Report { trial, .. } => {
                assert_eq!(trial, 1);
                host.say(&go_on(1));
            }
            FromTrainer::Finished { trial: 1, .. } => finished = true,
            other => panic!("unexpected {other:?}"),
        }
    }
    host.say(&json!({"type": "drop", "trial": 2}));
    assert!(matches!(host.hear_news(), FromTrainer::Stopped { trial: 2, step: 15, .. }));
    host.say(&json!({"type": "release", "trial": 0}));
    let FromTrainer::Checkpointed { trial: 0, step: 15, path, stretch: 0, .. } = host.hear_news()
    else {
        panic!("no checkpoint")
    };
    assert!(path.ends_with("trial-0/checkpoint-15.safetensors"), "{}", path.display());
    assert!(matches!(host.hear_news(), FromTrainer::Stopped { trial: 0, step: 15, .. }));
    host.close();
}

#[test]
fn trials_report_at_named_fractions_with_their_errors() {
    let (directory, mut host) = opened(|open| {
        open["evaluate"] = json!({"fraction": 0.5});
        open["evaluate_at"] = json!([0.001, 0.1, 0.5, 1.0]);
        open["examples"] = json!(true);
    });
    host.say(&start(0, &params(2e-3), directory.path(), None));
    let mut steps = Vec::new();
    loop {
        match host.hear_news() {
            FromTrainer::Report { step, metrics, errors, .. } => {
                let errors = errors.expect("errors by row");
                let wrong: u32 = errors.iter().copied().map(u32::from).sum();
                assert_eq!(errors.len(), 40);
                assert_eq!(1.0 - f64::from(wrong) / 40.0, metrics["eval_accuracy"]);
                steps.push(step);
                host.say(&go_on(0));
            }
            FromTrainer::Finished { .. } => break,
            _ => {}
        }
    }
    // Of 45 steps: ⌈0.045⌉, ⌈4.5⌉, ⌈22.5⌉, which is the cadence's, and the last.
    assert_eq!(steps, [1, 5, 23, 45]);
    host.close();
}

/// Takes names out of what a checkpoint says about itself.
fn forget(path: &Path, names: &[&str]) {
    let bytes = std::fs::read(path).expect("a checkpoint");
    let (length, rest) = bytes.split_first_chunk::<8>().expect("a length");
    let (header, tensors) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let mut header: Json = serde_json::from_slice(header).expect("a header");
    let about = header["__metadata__"].as_object_mut().expect("metadata");
    for name in names {
        about.remove(*name).expect("it stands there");
    }
    let mut header = header.to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let length = (header.len() as u64).to_le_bytes();
    std::fs::write(path, [&length[..], &header, tensors].concat()).expect("written");
}

#[test]
fn a_checkpoint_from_before_states_were_exchanged_still_resumes() {
    let (directory, mut host) = opened(|_| {});
    host.say(&start(0, &members()[0], directory.path(), None));
    barrier(&mut host, &[0]);
    host.say(&answer(0, false, "save"));
    let FromTrainer::Checkpointed { path, .. } = host.hear_news() else { panic!("not saved") };
    assert!(matches!(host.hear_news(), FromTrainer::Stopped { step: 15, .. }));
    let mut finish = || {
        host.say(&start(0, &members()[0], directory.path(), Some(&path)));
        barrier(&mut host, &[0]);
        host.say(&go_on(0));
        barrier(&mut host, &[0]);
        let weights = kept(&mut host, 0);
        while !matches!(host.hear_news(), FromTrainer::Finished { .. }) {}
        weights
    };
    let resumed = finish();
    forget(&path, &["updates", "origin_seed"]);
    assert!(finish() == resumed, "the step is the count of updates, the trial's seed the origin");
    host.close();
}
