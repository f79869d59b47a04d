//! Whole logs: any sequence of commands, folded, written, read, replayed; and one log of the first format, kept
//! forever.

use expect_test::expect;
use proptest::prelude::*;
use tunesmith_core::*;

use crate::scene::*;

/// One thing that a person or a worker does.
#[derive(Debug, Clone)]
enum Act {
    Ask { by: u8, count: u32 },
    Report { trial: u32, step: u64, loss: f64 },
    Checkpoint { trial: u32, step: u64 },
    Tell { trial: u32 },
    Fail { trial: u32 },
    Release { trial: u32 },
    Heartbeat { trial: u32 },
    Reap { dead: Option<u8> },
    Enqueue { lr: f64 },
    Suggest { trial: u32, name: u8 },
    Cancel { trial: u32 },
    Pause,
    Resume,
    SetBudget { trials: u32 },
    Wait { ms: i64 },
}

fn acts() -> impl Strategy<Value = Act> {
    let trial = 0..8_u32;
    prop_oneof![
        4 => (0..3_u8, 1..4_u32).prop_map(|(by, count)| Act::Ask { by, count }),
        6 => (trial.clone(), 0..100_u64, prop_oneof![9 => -10.0..10.0, 1 => Just(f64::NAN)])
            .prop_map(|(trial, step, loss)| Act::Report { trial, step, loss }),
        2 => (trial.clone(), 0..100_u64).prop_map(|(trial, step)| Act::Checkpoint { trial, step }),
        3 => trial.clone().prop_map(|trial| Act::Tell { trial }),
        1 => trial.clone().prop_map(|trial| Act::Fail { trial }),
        1 => trial.clone().prop_map(|trial| Act::Release { trial }),
        2 => trial.clone().prop_map(|trial| Act::Heartbeat { trial }),
        1 => proptest::option::of(0..3_u8).prop_map(|dead| Act::Reap { dead }),
        1 => (1e-6..1e-3).prop_map(|lr| Act::Enqueue { lr }),
        2 => (trial.clone(), 0..3_u8).prop_map(|(trial, name)| Act::Suggest { trial, name }),
        1 => trial.prop_map(|trial| Act::Cancel { trial }),
        1 => Just(Act::Pause),
        2 => Just(Act::Resume),
        1 => (1..12_u32).prop_map(|trials| Act::SetBudget { trials }),
        3 => (0..40_000_i64).prop_map(|ms| Act::Wait { ms }),
    ]
}

/// What a worker says of a trial, under the trial's lease where there is one.
fn of_trial(act: &Act, lease: LeaseKey) -> Option<Command> {
    let trial = lease.trial;
    Some(match act {
        Act::Report { step, loss, .. } => Command::Report { lease, report: report(*step, *loss) },
        Act::Checkpoint { step, .. } => {
            let checkpoint =
                Checkpoint { step: *step, path: format!("trials/{trial}/{step}"), bytes: 10 };
            Command::RecordCheckpoint { lease, checkpoint }
        }
        Act::Tell { .. } => Command::Tell { lease, outcome: completed(), device_seconds: 0.25 },
        Act::Fail { .. } => {
            let reason =
                FailureReason::Crashed { exit_code: Some(1), signal: None, tail: "…".to_owned() };
            Command::Tell { lease, outcome: Outcome::Failed { reason }, device_seconds: 0.0 }
        }
        Act::Release { .. } => {
            Command::Release { lease, reason: RequeueReason::TrainerDied, device_seconds: 0.5 }
        }
        Act::Heartbeat { .. } => Command::Heartbeat { lease },
        Act::Suggest { name, .. } => {
            let parameter = Parameter::new(&format!("p{name}"), Domain::int(0, 9));
            Command::Suggest { lease, parameter: Box::new(parameter) }
        }
        _ => return None,
    })
}

fn trial_of(act: &Act) -> u32 {
    match act {
        Act::Report { trial, .. }
        | Act::Checkpoint { trial, .. }
        | Act::Tell { trial }
        | Act::Fail { trial }
        | Act::Release { trial }
        | Act::Heartbeat { trial }
        | Act::Suggest { trial, .. } => *trial,
        _ => 0,
    }
}

/// What needs no lease.
fn of_study(act: &Act) -> Option<(String, Command)> {
    let worker = |by: u8| format!("worker {by}");
    let person = "person".to_owned();
    Some(match act {
        Act::Ask { by, count } => (worker(*by), Command::Ask { count: *count }),
        Act::Reap { dead } => {
            let dead = dead.map(|by| Writer::new(&worker(by))).into_iter().collect();
            (worker(0), Command::Reap { dead, silent: Vec::new() })
        }
        Act::Enqueue { lr } => (person, Command::Enqueue { params: Params::from([("lr", *lr)]) }),
        Act::Cancel { trial } => (person, Command::Cancel { trial: *trial }),
        Act::Pause => (person, Command::Pause),
        Act::Resume => (person, Command::Resume),
        Act::SetBudget { trials } => {
            let budget = Budget { trials: Some(*trials), ..Budget::default() };
            (person, Command::SetBudget { budget })
        }
        _ => return None,
    })
}

/// Refusals are part of life.
fn perform(scene: &mut Scene, act: &Act) {
    if let Act::Wait { ms } = act {
        scene.now.0 += ms;
        return;
    }
    let trial = trial_of(act);
    let lease = scene.study.trial(trial).and_then(|trial| trial.lease.clone());
    let holder = lease.as_ref().map_or("nobody".to_owned(), |lease| lease.holder.to_string());
    let key = LeaseKey { trial, number: lease.map_or(1, |lease| lease.number) };
    let command = of_study(act).or_else(|| of_trial(act, key).map(|command| (holder, command)));
    if let Some((by, command)) = command {
        let _ = scene.try_as(&by, command);
    }
}

fn played(acts: &[Act]) -> Scene {
    let mut scene = Scene::new(&config());
    scene.policy.scheduler = Box::new(Bounds { prune_above: 8.0, pause_below: -8.0 });
    for act in acts {
        perform(&mut scene, act);
    }
    scene
}

proptest! {
    #[test]
    fn a_fold_of_the_log_is_the_study_that_was_stepped(acts in prop::collection::vec(acts(), 0..80)) {
        let scene = played(&acts);
        prop_assert_eq!(Study::fold(&scene.log).unwrap(), scene.study);
    }

    #[test]
    fn a_log_survives_its_json(acts in prop::collection::vec(acts(), 0..80)) {
        let scene = played(&acts);
        for event in &scene.log {
            let read = wire::event_from_json(&wire::event_to_json(event)).unwrap();
            prop_assert_eq!(&read, event);
        }
    }

    #[test]
    fn every_suggestion_can_be_derived_again(acts in prop::collection::vec(acts(), 0..80)) {
        let scene = played(&acts);
        let replay::Replay { verified, exploits, .. } = replay::verify(&scene.log, &scene.policy).unwrap();
        let taken: usize = scene.study.trials().iter().map(|trial| trial.exploits.len()).sum();
        prop_assert_eq!(exploits as usize, taken);
        let sampled = scene.study.trials().iter().filter(|trial| trial.origin != Origin::Enqueued).count();
        prop_assert_eq!(verified as usize, sampled);
    }

    #[test]
    fn the_indexes_agree_with_the_trials(acts in prop::collection::vec(acts(), 0..80)) {
        let study = played(&acts).study;
        for state in TrialState::ALL {
            let counted = study.trials().iter().filter(|trial| trial.state == state).count();
            prop_assert_eq!(study.count(state), counted);
        }
        for trial in study.trials() {
            prop_assert_eq!(trial.lease.is_some(), trial.state == TrialState::Running);
            prop_assert_eq!(trial.outcome.is_some(), trial.is_finished());
            prop_assert_eq!(trial.finished_at.is_some(), trial.is_finished());
            let ascending = trial.current_reports().windows(2).all(|pair| pair[0].step < pair[1].step);
            prop_assert!(ascending);
            prop_assert!(trial.reports.iter().all(|report| report.values.values().all(|value| value.is_finite())));
        }
        let finished: std::collections::BTreeSet<u32> = study.finished().map(|trial| trial.number).collect();
        prop_assert_eq!(finished.len(), study.trials().iter().filter(|trial| trial.is_finished()).count());
        let metric = &study.metrics()[0];
        let completed = study.in_state(TrialState::Completed).filter_map(|trial| trial.value(metric));
        prop_assert_eq!(study.best().and_then(|best| best.value(metric)), completed.reduce(f64::min));
        let used: f64 = study.trials().iter().map(|trial| trial.device_seconds).sum();
        prop_assert!((study.spent(Timestamp(0)).device_seconds - used).abs() < 1e-9);
    }
}

#[test]
fn a_log_with_a_gap_or_out_of_order_is_refused() {
    let mut scene = Scene::new(&config());
    scene.act(Command::Ask { count: 2 });
    scene.report(0, 10, 0.5);
    scene.report(0, 20, 0.4);
    scene.complete(0);
    let refusal = |change: fn(&mut Vec<Event>)| {
        let mut log = scene.log.clone();
        change(&mut log);
        Study::fold(&log).unwrap_err().to_string()
    };
    assert_eq!(refusal(Vec::clear), "the log does not begin with the creation of a study");
    assert_eq!(
        refusal(|log| drop(log.remove(0))),
        "the log does not begin with the creation of a study"
    );
    assert_eq!(refusal(|log| drop(log.remove(3))), "event 2 of trial/0 came where 1 was due");
    assert_eq!(
        refusal(|log| log.swap(1, 2)),
        "trial_started of trial 1, where trial 0 is the next to be created"
    );
    assert_eq!(
        refusal(|log| {
            let again = Event { seq: 4, ..log[4].clone() };
            log.push(again);
        }),
        "reported of trial 0, which is completed"
    );
    assert_eq!(
        refusal(|log| log[1].fact = Fact::StudyPaused),
        "study_paused of trial 0, where trial 0 is the next to be created"
    );
}

#[test]
fn a_changed_suggestion_is_found_by_the_replay() {
    let mut scene = Scene::new(&config());
    scene.act(Command::Ask { count: 3 });
    let verified = replay::verify(&scene.log, &scene.policy).map(|replay| replay.verified);
    assert_eq!(verified, Ok(3));
    let Fact::TrialStarted { start, .. } = &mut scene.log[2].fact else { panic!("a start") };
    start.params.insert("lr", 1e-4);
    let refusal = replay::verify(&scene.log, &scene.policy).unwrap_err().to_string();
    assert!(
        refusal.starts_with("trial 1 was started with `lr=0.0001`, and the sampler now gives `lr="),
        "{refusal}"
    );
}

/// A log as the first format has it. Never change the file: later versions must read it as it is.
const FIRST_FORMAT: &str = include_str!("golden/log-format-1.jsonl");

#[test]
fn the_first_format_is_read_forever() {
    let log: Vec<Event> =
        FIRST_FORMAT.lines().map(|line| wire::event_from_json(line).unwrap()).collect();
    let study = Study::fold(&log).unwrap();
    let summary = |trial: &Trial| {
        let value = study.metrics().first().and_then(|metric| trial.value(metric));
        let state = trial.state;
        format!(
            "{} {state} {} reports={} value={value:?}\n",
            trial.number,
            trial.params,
            trial.reports.len()
        )
    };
    expect![[r"
        0 completed adapter=lora batch=16 decay=-0.04966073677781743 dropout=0.5 epochs=3 found=7 layers=0.5 lora.alpha=34 lora.r=17 lr=5.352988084091539e-5 steps=10 warmup=0.05 reports=2 value=Some(0.5)
        1 pruned adapter=lora batch=32 decay=-0.10719700699036526 dropout=0.2 epochs=3 layers=0.5 lora.alpha=94 lora.r=47 lr=2.1770346837618437e-5 steps=4 warmup=0.0 reports=1 value=Some(9.0)
        2 failed adapter=null batch=16 decay=0.05988879568566812 dropout=0.2 epochs=3 layers=[1, true] lr=3.1399090586501747e-6 steps=8 warmup=0.0 reports=1 value=Some(-9.0)
        3 failed adapter=lora batch=16 decay=-0.0980890906187627 dropout=0.1 epochs=3 layers=0.5 lora.alpha=14 lora.r=7 lr=1.9134216444353773e-5 steps=2 warmup=0.2 reports=0 value=None
        4 failed adapter=null batch=32 decay=-0.12718764339436706 dropout=0.1 epochs=3 layers=0.5 lr=0.0001 steps=2 warmup=0.1 reports=0 value=None
        5 failed adapter=lora batch=32 decay=-0.09908132044113033 dropout=0.2 epochs=3 layers=[1, true] lora.alpha=36 lora.r=18 lr=2.475136228571406e-5 steps=2 warmup=0.1 reports=0 value=None
        6 failed adapter=lora batch=16 decay=0.021810888928076005 dropout=0.5 epochs=3 layers=[1, true] lora.alpha=8 lora.r=4 lr=2.494654491857506e-5 steps=4 warmup=0.15000000000000002 reports=0 value=None
        7 failed adapter=lora batch=32 decay=-0.02734075810292751 dropout=0.5 epochs=3 layers=0.5 lora.alpha=24 lora.r=12 lr=9.266719039092469e-5 steps=4 warmup=0.2 reports=0 value=None
        8 failed adapter=lora batch=16 decay=0.044237103040754996 dropout=0.4 epochs=3 layers=[1, true] lora.alpha=62 lora.r=31 lr=1.544342714874566e-5 steps=8 warmup=0.2 reports=0 value=None
        9 running adapter=null batch=32 decay=0.11381772239299706 dropout=0.1 epochs=3 layers=[1, true] lr=5.220798740907248e-5 steps=6 warmup=0.2 reports=0 value=None
        10 running adapter=lora batch=16 decay=-0.06028564761652427 dropout=0.4 epochs=3 layers=[1, true] lora.alpha=8 lora.r=4 lr=7.49700933093226e-6 steps=2 warmup=0.2 reports=0 value=None
        11 cancelled adapter=null batch=32 decay=-0.015484013496763866 dropout=0.5 epochs=3 layers=[1, true] lr=4.134628571728609e-5 steps=8 warmup=0.2 reports=0 value=None
    "]].assert_eq(&study.trials().iter().map(summary).collect::<String>());
    let names: std::collections::BTreeSet<_> = log.iter().map(|event| event.fact.name()).collect();
    assert_eq!(names.len(), 18, "the log has every fact: {names:?}");
    let written: Vec<String> = log.iter().map(wire::event_to_json).collect();
    assert_eq!(
        written,
        FIRST_FORMAT.lines().collect::<Vec<_>>(),
        "what is read is written again the same"
    );
}
