//! Trials that the scheduler holds back: they keep their slot, are saved where it is wanted, go on from where they were
//! or from another's state, and come out the same whatever is killed on the way.

mod world;

use std::collections::BTreeMap;

use tunesmith_core::{Fact, FailureReason, FinishReason, Outcome, Study, TrialState, Value};
use tunesmith_runtime::worker::Finish;

use world::{Halves, METRIC, Plan, STEPS, World};

fn world(exploits: bool, trials: u32) -> World {
    World::with(trials, Box::new(Halves { exploits, trials }))
}

/// A trial's state, its params, and what it reported by step.
type Course = (TrialState, String, Vec<(u64, f64)>);

/// For each trial its state, the params that it ended with, and the values it reported.
fn substance(study: &Study) -> Vec<Course> {
    let reports = |trial: &tunesmith_core::Trial| {
        let pairs = trial.reports.iter().map(|report| (report.step, report.values[METRIC]));
        pairs.collect()
    };
    let trials = study.trials().iter();
    trials.map(|trial| (trial.state, trial.params.to_string(), reports(trial))).collect()
}

#[test]
fn paused_trials_go_on_in_their_slots() {
    let mut world = world(false, 3);
    let life = world.live(Plan::default());
    assert_eq!(life.result.expect("nothing disturbs it"), Finish::Done(FinishReason::Trials));
    let study = world.study();
    assert_eq!(study.count(TrialState::Completed), 2);
    assert_eq!(study.count(TrialState::Pruned), 1);
    assert_eq!(life.starts.len(), 3, "nobody is started twice");
    assert_eq!(life.ended.len(), 3, "every end is told to who keeps the files");
}

#[test]
fn a_paused_trial_is_saved_where_its_slot_is_wanted() {
    let mut world = world(false, 7);
    let life = world.live(Plan::default());
    assert_eq!(life.result.expect("nothing disturbs it"), Finish::Done(FinishReason::Trials));
    let study = world.study();
    assert_eq!((study.count(TrialState::Completed), study.count(TrialState::Pruned)), (4, 3));
    let again: Vec<u64> =
        life.starts.iter().filter(|(_, step)| *step == 2).map(|(trial, _)| *trial).collect();
    assert!(!again.is_empty(), "seven do not fit into three slots");
    for trial in study.in_state(TrialState::Completed) {
        assert_eq!(trial.reports.len(), STEPS as usize, "no step is reported twice");
    }
}

#[test]
fn a_loser_goes_on_from_the_best_and_the_optimiser_is_read_back() {
    let mut world = world(true, 3);
    let life = world.live(Plan::default());
    life.result.expect("nothing disturbs it");
    let study = world.study();
    assert_eq!(study.count(TrialState::Completed), 3);
    assert!(
        life.retraced.is_empty() && life.starts.len() == 3,
        "a copy in the pack needs no start"
    );
    let loser = study.trials().iter().find(|trial| !trial.exploits.is_empty()).expect("one lost");
    let donor = &study.trials()[loser.exploits[0].donor as usize];
    let rate =
        |params: &tunesmith_core::Params| params.get("learning_rate").and_then(Value::as_f64);
    assert_eq!(rate(&loser.params), rate(&donor.params).map(|rate| rate / 2.0));
    let effective = loser.effective.as_ref().expect("it was recorded");
    assert_eq!(rate(&effective.read_back), rate(&loser.params));
    assert_eq!(loser.reports.len(), STEPS as usize);
}

#[test]
fn an_optimiser_that_goes_on_as_before_fails_the_trial() {
    let mut world = world(true, 3);
    let life = world.live(Plan { stale_optimizer: true, ..Plan::default() });
    life.result.expect("the search goes on");
    let study = world.study();
    let loser = study.trials().iter().find(|trial| !trial.exploits.is_empty()).expect("one lost");
    let Some(Outcome::Failed { reason: FailureReason::Refused { message } }) = &loser.outcome
    else {
        panic!("{:?}", loser.outcome);
    };
    assert!(message.starts_with("after a state was taken over, learning_rate is"), "{message}");
    assert_eq!(study.count(TrialState::Completed), 2);
}

#[test]
fn the_same_trials_come_out_whenever_the_trainer_dies() {
    for exploits in [false, true] {
        for trials in [3, 5] {
            let mut calm = world(exploits, trials);
            calm.live(Plan::default()).result.expect("nothing disturbs it");
            let expected = substance(&calm.study());
            // The first message is that a trainer is open; one that dies before it is no loss but an error.
            for tick in 2..40 {
                let mut world = world(exploits, trials);
                let plan = Plan { deaths: BTreeMap::from([(tick, 11)]), ..Plan::default() };
                world.live(plan).result.expect("a dead trainer is replaced");
                assert_eq!(substance(&world.study()), expected, "death at {tick}");
            }
        }
    }
}

#[test]
fn the_same_trials_come_out_whenever_the_worker_dies() {
    for exploits in [false, true] {
        let mut calm = world(exploits, 5);
        calm.live(Plan::default()).result.expect("nothing disturbs it");
        let expected = substance(&calm.study());
        for appends in 1..60 {
            let mut world = world(exploits, 5);
            let torn = world.live(Plan { appends: Some(appends), ..Plan::default() }).result;
            let life = world.live(Plan::default());
            life.result.expect("the next worker goes on");
            assert_eq!(substance(&world.study()), expected, "{torn:?} after {appends}");
        }
    }
}

#[test]
fn a_donor_that_is_gone_is_trained_again_from_the_log() {
    let mut world = world(true, 3);
    // The plug is pulled between the last pause and the exchange.
    let mut pulled = None;
    for appends in 1..60 {
        let mut candidate = self::world(true, 3);
        drop(candidate.live(Plan { appends: Some(appends), ..Plan::default() }));
        let paused = candidate.study().count(TrialState::Paused);
        if paused == 3 {
            pulled = Some(appends);
        }
    }
    let appends = pulled.expect("there is such a moment");
    drop(world.live(Plan { appends: Some(appends), ..Plan::default() }));
    let life = world.live(Plan::default());
    life.result.expect("the next worker goes on");
    assert_eq!(life.retraced.len(), 1);
    assert!(world.log().iter().any(|event| matches!(event.fact, Fact::TrialExploited { .. })));
    assert_eq!(world.study().count(TrialState::Completed), 3);
}

#[test]
fn paused_trials_are_saved_when_somebody_stops_the_worker() {
    for tick in 1..30 {
        let mut world = world(false, 5);
        let first = world.live(Plan { stop_at: Some(tick), ..Plan::default() });
        let Ok(Finish::Interrupted) = first.result else { continue };
        let study = world.study();
        for trial in study.in_state(TrialState::Paused) {
            assert_eq!(trial.checkpoint.as_ref().map(|saved| saved.step), Some(2), "at {tick}");
        }
        world.live(Plan::default()).result.expect("the next worker goes on");
        assert_eq!(world.study().count(TrialState::Completed), 3);
    }
}
