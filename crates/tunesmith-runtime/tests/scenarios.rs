//! What a worker does when all goes well, and when it does not: the same trials with the same
//! reports come out, whatever is killed on the way.

mod world;

use std::collections::BTreeMap;

use tunesmith_core::{
    Event, Fact, FailureReason, FinishReason, Outcome, Stream, Study, TrialState,
};
use tunesmith_runtime::progress::Progress;
use tunesmith_runtime::session::OpenError;
use tunesmith_runtime::worker::{Finish, WorkError};
use tunesmith_train::protocol;

use world::{LOSS, METRIC, Plan, PruneOdd, STEPS, World};

/// What a study is about: for each trial its params and the values it reported, by step.
fn substance(study: &Study) -> Vec<(String, Vec<(u64, f64)>)> {
    let reports = |trial: &tunesmith_core::Trial| {
        trial
            .reports
            .iter()
            .filter_map(|report| Some((report.step, *report.values.get(METRIC)?)))
            .collect()
    };
    study.trials().iter().map(|trial| (trial.params.to_string(), reports(trial))).collect()
}

/// What an undisturbed worker makes of a study of so many trials.
fn undisturbed(trials: u32) -> Vec<(String, Vec<(u64, f64)>)> {
    let mut world = World::new(trials);
    world.live(Plan::default()).result.expect("nothing disturbs it");
    substance(&world.study())
}

/// Every trial has one end in the log, and nothing of it follows.
fn assert_nothing_ran_after_its_end(log: &[Event]) {
    let mut ended: BTreeMap<u32, &str> = BTreeMap::new();
    for event in log {
        let Stream::Trial(trial) = event.stream else {
            continue;
        };
        let name = event.fact.name();
        assert!(
            !ended.contains_key(&trial),
            "{name} of trial {trial} after {:?}",
            ended.get(&trial)
        );
        if matches!(
            event.fact,
            Fact::TrialCompleted { .. } | Fact::TrialFailed { .. } | Fact::TrialPruned { .. }
        ) {
            ended.insert(trial, name);
        }
    }
}

/// What watchers were told is in the log.
fn assert_told_is_logged(told: &[Progress], log: &[Event]) {
    for progress in told {
        let Progress::Reported { trial, step, .. } = progress else {
            continue;
        };
        let logged = log.iter().any(|event| {
            event.stream == Stream::Trial(*trial as u32)
                && matches!(&event.fact, Fact::Reported { report, .. } if report.step == *step)
        });
        assert!(logged, "step {step} of trial {trial} was told and is not in the log");
    }
}

#[test]
fn a_study_runs_to_its_budget() {
    let mut world = World::new(7);
    let life = world.live(Plan::default());
    assert_eq!(life.result.expect("nothing disturbs it"), Finish::Done(FinishReason::Trials));
    let study = world.study();
    assert_eq!(study.count(TrialState::Completed), 7);
    assert!(study.trials().iter().all(|trial| trial.reports.len() == STEPS as usize));
    assert!(study.trials().iter().all(|trial| trial.device_seconds == STEPS as f64 + 0.5));
    assert!(study.trials().iter().all(|trial| trial.effective.is_some()));
    assert_eq!(life.packs, [3], "one trainer does");
    let best = study.best().expect("seven are completed").number;
    assert!(life.ended.contains(&(best, true)), "the best trial's model is kept");
    assert_nothing_ran_after_its_end(&world.log());
}

#[test]
fn a_finished_study_starts_no_trainer() {
    let mut world = World::new(2);
    world.live(Plan::default()).result.expect("nothing disturbs it");
    let again = world.live(Plan::default());
    assert_eq!(again.result.expect("nothing is left to do"), Finish::Done(FinishReason::Trials));
    assert!(again.packs.is_empty());
}

#[test]
fn a_trial_whose_loss_is_not_finite_fails_and_the_search_goes_on() {
    let mut world = World::new(5);
    let reason = protocol::FailureReason::NonFinite { what: "train_loss".into(), step: 3 };
    let life = world.live(Plan { failures: BTreeMap::from([(2, reason)]), ..Plan::default() });
    life.result.expect("a failed trial is no failed search");
    let study = world.study();
    assert_eq!(study.count(TrialState::Completed), 4);
    let expected = FailureReason::NonFinite { metric: "train_loss".into(), step: 3 };
    assert_eq!(study.trials()[2].outcome, Some(Outcome::Failed { reason: expected }));
}

#[test]
fn params_that_the_trainer_refuses_fail_their_trial_alone() {
    let mut world = World::new(4);
    let reason = protocol::FailureReason::BadHyperparameter {
        name: "lora.r".into(),
        message: "no such layer".into(),
    };
    world
        .live(Plan { failures: BTreeMap::from([(0, reason)]), ..Plan::default() })
        .result
        .expect("the search goes on");
    let study = world.study();
    let expected = FailureReason::Refused { message: "lora.r: no such layer".into() };
    assert_eq!(study.trials()[0].outcome, Some(Outcome::Failed { reason: expected }));
    assert_eq!(study.count(TrialState::Completed), 3);
}

#[test]
fn a_last_report_without_the_metric_is_a_failed_trial() {
    let mut world = World::new(3);
    world
        .live(Plan { forgetful: Some((1, METRIC)), ..Plan::default() })
        .result
        .expect("the search goes on");
    let expected = FailureReason::MissingMetric { metric: METRIC.into(), reported: Vec::new() };
    assert_eq!(world.study().trials()[1].outcome, Some(Outcome::Failed { reason: expected }));
}

#[test]
fn a_last_report_without_one_of_several_metrics_is_a_failed_trial() {
    let mut world = World::with_two_metrics(3);
    world
        .live(Plan { forgetful: Some((1, LOSS)), ..Plan::default() })
        .result
        .expect("the search goes on");
    let study = world.study();
    let expected = FailureReason::MissingMetric { metric: LOSS.into(), reported: Vec::new() };
    assert_eq!(study.trials()[1].outcome, Some(Outcome::Failed { reason: expected }));
    assert_eq!(study.count(TrialState::Completed), 2);
}

#[test]
fn the_models_of_the_front_are_kept() {
    let mut world = World::with_two_metrics(12);
    let life = world.live(Plan::default());
    life.result.expect("nothing disturbs it");
    let study = world.study();
    let front: Vec<u32> = study.front().iter().map(|trial| trial.number).collect();
    assert!(front.len() > 1 && front.len() < 12, "{front:?}");
    for number in &front {
        assert!(life.ended.contains(&(*number, true)), "trial {number} of the front");
    }
    assert!(life.ended.iter().any(|(_, kept)| !kept), "a trial that was beaten keeps no model");
    let standing = life.told.iter().rev().find_map(|progress| match progress {
        Progress::Standing(standing) => Some(standing),
        _ => None,
    });
    let standing = standing.expect("it is told at every end");
    assert_eq!(standing.front, Some(front.len()));
    let best = study.chosen().map(|trial| u64::from(trial.number));
    assert_eq!(standing.best.map(|(trial, _)| trial), best);
}

#[test]
fn pruned_trials_end_where_the_scheduler_says() {
    let mut world = World::with(6, Box::new(PruneOdd));
    let life = world.live(Plan::default());
    life.result.expect("nothing disturbs it");
    let study = world.study();
    assert_eq!((study.count(TrialState::Completed), study.count(TrialState::Pruned)), (3, 3));
    assert!(study.in_state(TrialState::Pruned).all(|trial| trial.reports.len() == 2));
    assert_nothing_ran_after_its_end(&world.log());
}

#[test]
fn trainers_may_die_at_any_moment() {
    let expected = undisturbed(6);
    for tick in 1..70 {
        let mut world = World::new(6);
        let life = world.live(Plan { deaths: BTreeMap::from([(tick, 11)]), ..Plan::default() });
        match life.result {
            Ok(finish) => assert_eq!(finish, Finish::Done(FinishReason::Trials), "death at {tick}"),
            // Dead before it said that it was ready: whatever ails it would ail the next one.
            Err(WorkError::Open(OpenError::Lost { .. })) => assert_eq!(tick, 1),
            Err(error) => panic!("death at {tick}: {error}"),
        }
        if tick > 1 {
            assert_eq!(substance(&world.study()), expected, "death at {tick}");
            assert_eq!(world.study().count(TrialState::Completed), 6, "death at {tick}");
        }
        assert_nothing_ran_after_its_end(&world.log());
        assert_told_is_logged(&life.told, &world.log());
    }
}

/// How many trials ran at once at most after so many trainers were lost.
fn most_running_after(told: &[Progress], lost: usize) -> u64 {
    let mut ends = 0;
    let mut most = 0;
    for progress in told {
        match progress {
            Progress::TrainerLost { .. } => ends += 1,
            Progress::Standing(standing) if ends >= lost => most = most.max(standing.running),
            _ => {}
        }
    }
    most
}

#[test]
fn out_of_memory_halves_the_pack() {
    let mut world = World::new(6);
    world.pack = 4;
    let life = world.live(Plan { deaths: BTreeMap::from([(12, 9)]), ..Plan::default() });
    life.result.expect("a smaller pack does it");
    assert_eq!(life.packs, [4, 3], "the next one has room for all that memory may bear");
    let slots = |progress: &Progress| match progress {
        Progress::Opening { slots } => Some(*slots),
        _ => None,
    };
    assert_eq!(life.told.iter().filter_map(slots).collect::<Vec<_>>(), [4, 2]);
    assert_eq!(most_running_after(&life.told, 1), 3, "it grows again, to one fewer than failed");
    assert_eq!(substance(&world.study()), undisturbed(6));
}

#[test]
fn a_trial_that_kills_trainers_fails_and_no_other_is_blamed() {
    let mut world = World::new(6);
    world.pack = 4;
    world.live(Plan { killer: Some(2), ..Plan::default() }).result.expect("the search goes on");
    let study = world.study();
    assert_eq!(study.count(TrialState::Completed), 5);
    let killer = &study.trials()[2];
    assert!(
        matches!(
            &killer.outcome,
            Some(Outcome::Failed { reason: FailureReason::Crashed { signal: Some(11), .. } })
        ),
        "{:?}",
        killer.outcome
    );
}

#[test]
fn workers_may_be_killed_at_any_append() {
    let expected = undisturbed(5);
    for appends in 0..60 {
        let mut world = World::new(5);
        let first = world.live(Plan { appends: Some(appends), ..Plan::default() });
        let killed = first.result.is_err();
        let finished: Vec<u32> = world.study().finished().map(|trial| trial.number).collect();
        let second = world.live(Plan::default());
        assert_eq!(
            second.result.expect("the second is not killed"),
            Finish::Done(FinishReason::Trials)
        );
        assert_eq!(
            substance(&world.study()),
            expected,
            "killed after {appends} appends ({killed})"
        );
        assert_nothing_ran_after_its_end(&world.log());
        assert_told_is_logged(&first.told, &world.log());
        let rerun = second.starts.iter().find(|(trial, _)| finished.contains(&(*trial as u32)));
        assert_eq!(rerun, None, "killed after {appends} appends");
    }
}

#[test]
fn trials_go_on_from_their_last_checkpoint() {
    let mut world = World::new(3);
    world.live(Plan { appends: Some(24), ..Plan::default() }).result.expect_err("it is killed");
    let at: BTreeMap<u64, u64> = world
        .study()
        .trials()
        .iter()
        .filter_map(|trial| Some((trial.number.into(), trial.checkpoint.as_ref()?.step)))
        .collect();
    assert!(at.values().any(|step| *step > 0), "some trial was saved");
    let second = world.live(Plan::default());
    for (trial, from) in &second.starts {
        assert_eq!(at.get(trial).copied().unwrap_or(0), *from, "trial {trial}");
    }
}

#[test]
fn ctrl_c_saves_and_the_next_worker_goes_on() {
    let expected = undisturbed(5);
    for tick in 2..50 {
        let mut world = World::new(5);
        let first = world.live(Plan { stop_at: Some(tick), ..Plan::default() });
        let finish = first.result.expect("stopping is no error");
        let study = world.study();
        if finish == Finish::Interrupted {
            assert_eq!(study.count(TrialState::Running), 0, "stopped at {tick}");
        }
        let second = world.live(Plan::default());
        assert_eq!(second.result.expect("nothing disturbs it"), Finish::Done(FinishReason::Trials));
        assert_eq!(substance(&world.study()), expected, "stopped at {tick}");
        assert_nothing_ran_after_its_end(&world.log());
    }
}

#[test]
fn what_died_on_another_machine_goes_on_whatever_the_clocks_say() {
    for clock in [1_000, 1_000 + 3_600_000, 7_200_000 - 3_600_000] {
        let mut world = World::new(3);
        world.live(Plan { appends: Some(12), ..Plan::default() }).result.expect_err("it is killed");
        assert!(world.study().count(TrialState::Running) > 0, "it held something");
        world.set_clock(clock);
        (world.elsewhere, world.haste_ms) = (true, 50_000);
        let second = world.live(Plan::default());
        assert_eq!(second.result.expect("it goes on"), Finish::Done(FinishReason::Trials));
        let reaped = second.told.iter().any(|told| matches!(told, Progress::Reaped { .. }));
        assert!(reaped, "the clock at {clock}");
        assert_eq!(substance(&world.study()), undisturbed(3));
    }
}

#[test]
fn a_checkpoint_that_cannot_be_read_costs_time_and_nothing_else() {
    let mut world = World::new(3);
    world.live(Plan { appends: Some(24), ..Plan::default() }).result.expect_err("it is killed");
    let second = world.live(Plan { bad_checkpoints: true, ..Plan::default() });
    second.result.expect("trials begin again");
    assert!(second.starts.iter().all(|(_, from)| *from == 0));
    assert_eq!(substance(&world.study()), undisturbed(3));
}

#[test]
fn a_metric_that_is_never_reported_is_an_error_that_names_those_that_are() {
    let mut world = World::new(3);
    let plan =
        Plan { metrics: Some(vec!["eval_loss".into(), "eval_f1".into()]), ..Plan::default() };
    let error = world.live(plan).result.expect_err("it cannot be searched for");
    assert_eq!(
        error.to_string(),
        "`eval_accuracy` is never reported for this task; there are: eval_loss, eval_f1"
    );
    assert_eq!(world.study().count(TrialState::Running), 0, "what was leased is handed back");
}

#[test]
fn each_of_several_metrics_must_be_reported() {
    let mut world = World::with_two_metrics(3);
    let plan = Plan { metrics: Some(vec![METRIC.into(), "eval_f1".into()]), ..Plan::default() };
    let error = world.live(plan).result.expect_err("one of them is never there");
    assert_eq!(
        error.to_string(),
        "`eval_loss` is never reported for this task; there are: eval_accuracy, eval_f1"
    );
}

#[test]
fn no_more_trials_run_at_once_than_memory_is_for() {
    let mut world = World::new(5);
    // Of 260 bytes a fifth is left alone; a trial takes 100.
    let life = world.live(Plan { memory: Some(260), ..Plan::default() });
    life.result.expect("nothing disturbs it");
    assert!(life.told.contains(&Progress::Fitted { slots: 2 }));
    let started = |progress: &&Progress| matches!(progress, Progress::Started { .. });
    assert_eq!(life.told.iter().filter(started).count(), 5);
    assert_eq!(most_running_after(&life.told, 0), 2);
    assert_eq!(world.study().count(TrialState::Completed), 5);
}

#[test]
fn a_worker_takes_no_more_trials_than_it_is_told_to() {
    let mut world = World::new(5);
    world.count = Some(2);
    let life = world.live(Plan::default());
    assert_eq!(life.result.expect("nothing disturbs it"), Finish::Counted);
    assert_eq!(world.study().count(TrialState::Completed), 2);
    world.count = None;
    world.live(Plan::default()).result.expect("the next one takes the rest");
    assert_eq!(world.study().count(TrialState::Completed), 5);
}
