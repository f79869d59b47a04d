//! What a scheduler may ask for beyond a verdict: paused trials that go on, end, or take over another's state.

use expect_test::expect;
use tunesmith_core::*;

use crate::scene::*;

/// Pauses every trial at every report; its queue says what comes next, and who is to end.
#[derive(Debug, Default)]
struct Script {
    next: Vec<Next>,
    retire: Vec<(u32, String)>,
}

impl Scheduler for Script {
    fn next(&self, study: &Study, may_start: bool) -> Next {
        // A pure function of the study: the script's place is how many leases were given.
        let given: u32 = study.trials().iter().map(|trial| trial.leases).sum();
        match self.next.get(given as usize) {
            Some(Next::Start { .. }) if !may_start => Next::Finished,
            Some(next) => next.clone(),
            None => Next::Finished,
        }
    }

    fn judge(&self, _study: &Study, _trial: &Trial) -> Verdict {
        Verdict::Pause { reason: "a rung".to_owned() }
    }

    fn retire(&self, _study: &Study) -> Vec<(u32, String)> {
        self.retire.clone()
    }
}

fn scene(next: Vec<Next>) -> Scene {
    let budget = Budget { trials: Some(2), ..Budget::default() };
    let mut scene = Scene::new(&StudyConfig { budget, ..config() });
    scene.policy.scheduler = Box::new(Script { next, ..Script::default() });
    scene
}

fn exploit(trial: u32, donor: u32, lr: f64) -> Next {
    let params = Params::from([("lr", lr)]);
    Next::Exploit(Box::new(Exploit { trial, donor, params, note: Params::new() }))
}

#[test]
fn a_scheduler_may_start_few_at_a_time() {
    let mut scene = scene(vec![Next::Start { most: 1 }, Next::START]);
    scene.act(Command::Ask { count: 8 });
    assert_eq!(scene.study.next_number(), 1);
    scene.act(Command::Ask { count: 8 });
    assert_eq!(scene.study.next_number(), 2);
}

#[test]
fn paused_trials_go_on_after_the_last_has_started() {
    let mut scene =
        scene(vec![Next::START, Next::START, Next::Resume { trial: 0 }, Next::Finished]);
    scene.act(Command::Ask { count: 2 });
    scene.report(0, 10, 0.5);
    scene.report(1, 10, 0.4);
    assert_eq!(scene.study.finish_reason(scene.now), Some(FinishReason::Trials));
    scene.act(Command::Ask { count: 1 });
    assert_eq!(scene.state(0), TrialState::Running);
    let refusal = scene.refuse(Command::Ask { count: 1 });
    assert_eq!(refusal, "the search is finished: all trials of the budget are started");
}

#[test]
fn nothing_goes_on_when_the_device_time_is_spent() {
    let mut scene = scene(vec![Next::START, Next::START, Next::Resume { trial: 0 }]);
    scene.act(Command::Ask { count: 2 });
    scene.report(0, 10, 0.5);
    let budget = Budget { device_seconds: Some(1.0), ..Budget::default() };
    scene.act(Command::SetBudget { budget });
    let refusal = scene.refuse(Command::Ask { count: 1 });
    assert_eq!(refusal, "the search is finished: the device time of the budget is spent");
}

#[test]
fn paused_trials_that_never_go_on_end_as_pruned() {
    let mut scene = scene(vec![]);
    scene.policy.scheduler = Box::new(Script {
        next: vec![Next::START, Next::START],
        // The second does not pause, and one that never was cannot end.
        retire: vec![(0, "the worst".to_owned()), (1, "no".to_owned()), (9, "no".to_owned())],
    });
    scene.act(Command::Ask { count: 2 });
    scene.report(0, 10, 0.5);
    let events = scene.act(Command::Ask { count: 1 });
    expect![[r#"
        trial/0#3 w: {"type":"trial_pruned","reason":"the worst"}
    "#]]
    .assert_eq(&lines(&events));
    assert_eq!(scene.state(0), TrialState::Pruned);
    assert_eq!(scene.study.trial(0).and_then(|trial| trial.finished_at), Some(scene.now));
}

#[test]
fn a_paused_trial_takes_over_a_state() {
    let mut scene = scene(vec![Next::START, Next::START, exploit(0, 1, 3e-4)]);
    scene.act(Command::Ask { count: 2 });
    let first = scene.study.trial(0).expect("there").params.clone();
    scene.report(0, 40, 0.5);
    scene.report(1, 20, 0.4);
    let events = scene.act(Command::Ask { count: 1 });
    expect![[r#"
        trial/0#3 w: {"type":"trial_exploited","exploit":{"donor":1,"donor_step":20,"params":{"lr":0.0003},"based_on":7},"lease":{"number":2,"expires_at":30000}}
    "#]]
    .assert_eq(&lines(&events));
    let trial = scene.study.trial(0).expect("there").clone();
    assert_eq!(trial.state, TrialState::Running);
    assert_eq!(trial.params, Params::from([("lr", 3e-4)]));
    assert_eq!((trial.reached_step(), trial.current_reports().len()), (20, 0));
    // Its schedule may be another one now, whose steps were reported before.
    assert!(scene.report(0, 15, 0.3).iter().any(|event| event.fact.name() == "reported"));
    let lineage = scene.study.lineage(0);
    let stretch = |index: usize| {
        let Segment { trial, exploits, params, until_step, .. } = lineage[index].clone();
        (trial, exploits, params, until_step)
    };
    let donor = scene.study.trial(1).expect("there").params.clone();
    assert_eq!(lineage.len(), 2);
    assert_eq!(stretch(0), (1, 0, donor, Some(20)));
    assert_eq!(stretch(1), (0, 1, Params::from([("lr", 3e-4)]), None));
    assert_eq!(scene.study.trial(0).expect("there").params_after(0), &first);
}

#[test]
fn a_paused_trial_may_still_be_saved_by_the_worker_that_ran_it() {
    let mut scene = scene(vec![Next::START, Next::START, Next::Resume { trial: 0 }]);
    scene.act(Command::Ask { count: 2 });
    let lease = scene.key(0);
    scene.report(0, 10, 0.5);
    let saved = |step| Checkpoint { step, path: "0".to_owned(), bytes: 1 };
    scene.act(Command::RecordCheckpoint { lease, checkpoint: saved(10) });
    assert_eq!(scene.study.trial(0).and_then(|trial| trial.checkpoint.clone()), Some(saved(10)));
    assert_eq!(scene.state(0), TrialState::Paused);
    scene.act(Command::Ask { count: 1 });
    let refusal = scene.refuse(Command::RecordCheckpoint { lease, checkpoint: saved(20) });
    assert_eq!(refusal, "the lease on trial 0 was lost; stop working on it");
}

#[test]
fn takeovers_and_verdicts_are_derived_again() {
    let mut scene = scene(vec![Next::START, Next::START, exploit(0, 1, 3e-4)]);
    scene.act(Command::Ask { count: 2 });
    scene.report(0, 40, 0.5);
    scene.report(1, 20, 0.4);
    scene.act(Command::Ask { count: 1 });
    let replay = replay::verify(&scene.log, &scene.policy).expect("the same");
    assert_eq!((replay.verified, replay.exploits, replay.verdicts, replay.unjudged), (2, 1, 2, 0));
    scene.policy.scheduler = Box::new(Script {
        next: vec![Next::START, Next::START, exploit(0, 1, 2e-4)],
        ..Script::default()
    });
    let error = replay::verify(&scene.log, &scene.policy).expect_err("another scheduler");
    let said =
        "trial 0 went on from trial 1 with `lr=0.0003`, which the scheduler does not give now";
    assert_eq!(error.to_string(), said);
    scene.policy.scheduler = Box::new(Bounds { prune_above: 0.1, pause_below: 0.0 });
    let error = replay::verify(&scene.log, &scene.policy).expect_err("another scheduler");
    assert!(matches!(error, replay::ReplayError::ExploitDiffers { .. }), "{error}");
}

#[test]
fn verdicts_of_another_scheduler_differ() {
    let mut scene = Scene::new(&config());
    scene.act(Command::Ask { count: 1 });
    scene.report(0, 40, 0.5);
    scene.policy.scheduler = Box::new(Bounds { prune_above: 0.1, pause_below: 0.0 });
    let error = replay::verify(&scene.log, &scene.policy).expect_err("another scheduler");
    let said = "trial 0 went on after step 40, and the scheduler now has it was pruned";
    assert_eq!(error.to_string(), said);
}

#[test]
fn runs_that_choose_the_winner_are_not_judged() {
    let replication = Some(Replication { top: 1, seeds: 1 });
    let budget = Budget { trials: Some(1), ..Budget::default() };
    let mut scene = Scene::new(&StudyConfig { budget, replication, ..config() });
    scene.act(Command::Ask { count: 1 });
    scene.report(0, 10, 0.5);
    scene.complete(0);
    scene.policy.scheduler = Box::new(Bounds { prune_above: 0.0, pause_below: -1.0 });
    scene.act(Command::Ask { count: 1 });
    scene.report(1, 10, 0.5);
    assert_eq!(scene.state(1), TrialState::Running);
}
