//! What follows from each command.

use crate::scene::*;
use expect_test::{Expect, expect};
use tunesmith_core::*;

#[expect(clippy::needless_pass_by_value, reason = "reads as a table")]
fn check(events: Vec<Event>, expected: Expect) {
    expected.assert_eq(&lines(&events));
}

#[test]
fn asking_starts_trials_under_leases() {
    let mut scene = Scene::new(&config());
    check(
        scene.at(5).act(Command::Ask { count: 2 }),
        expect![[r#"
            trial/0#0 w: {"type":"trial_started","start":{"params":{"lr":0.00001793295018666775},"seed":3565713704,"based_on":1,"asked":2},"lease":{"number":1,"expires_at":30005}}
            trial/1#0 w: {"type":"trial_started","start":{"params":{"lr":0.00031445458909591146},"seed":1747492783,"based_on":1,"asked":2},"lease":{"number":1,"expires_at":30005}}
        "#]],
    );
    assert_eq!(scene.study.count(TrialState::Running), 2);
    assert_eq!(
        scene.study.trial(1).unwrap().origin,
        Origin::Sampler { based_on: Revision(1), asked: 2, note: Params::new() }
    );
}

#[test]
fn a_batch_is_the_same_as_one_after_the_other() {
    let params = |counts: &[u32]| {
        let mut scene = Scene::new(&config());
        for count in counts {
            scene.act(Command::Ask { count: *count });
        }
        let trials = scene.study.trials().iter();
        trials.map(|trial| (trial.params.to_string(), trial.seed)).collect::<Vec<_>>()
    };
    assert_eq!(params(&[5]), params(&[1, 1, 1, 1, 1]));
    assert_eq!(params(&[5]), params(&[2, 3]));
}

#[test]
fn reports_renew_the_lease_and_take_the_verdict() {
    let mut scene = Scene::new(&config());
    scene.policy.scheduler = Box::new(Bounds { prune_above: 5.0, pause_below: -5.0 });
    scene.act(Command::Ask { count: 3 });
    check(
        scene.at(1_000).report(0, 10, 0.5),
        expect![[r#"
            trial/0#1 w: {"type":"reported","report":{"step":10,"fraction":0.1,"values":{"loss":0.5},"device_seconds":2.0},"expires_at":31000}
        "#]],
    );
    check(
        scene.report(1, 10, 6.0),
        expect![[r#"
            trial/1#1 w: {"type":"reported","report":{"step":10,"fraction":0.1,"values":{"loss":6.0},"device_seconds":2.0},"expires_at":31000}
            trial/1#2 w: {"type":"trial_pruned","reason":"6 is high"}
        "#]],
    );
    check(
        scene.report(2, 10, -6.0),
        expect![[r#"
            trial/2#1 w: {"type":"reported","report":{"step":10,"fraction":0.1,"values":{"loss":-6.0},"device_seconds":2.0},"expires_at":31000}
            trial/2#2 w: {"type":"trial_paused","reason":"-6 is low"}
        "#]],
    );
    assert_eq!(scene.state(0), TrialState::Running);
    assert_eq!(scene.state(1), TrialState::Pruned);
    assert_eq!(scene.state(2), TrialState::Paused);
    scene.complete(0);
    // The paused trial goes on under a new lease.
    check(
        scene.act(Command::Ask { count: 2 }),
        expect![[r#"
            trial/2#3 w: {"type":"trial_leased","lease":{"number":2,"expires_at":31000}}
        "#]],
    );
}

#[test]
fn a_repeated_report_adds_nothing_but_its_cost() {
    let mut scene = Scene::new(&config());
    scene.act(Command::Ask { count: 1 });
    scene.report(0, 10, 0.5);
    check(
        scene.report(0, 10, 0.5),
        expect![[r#"
            trial/0#2 w: {"type":"lease_renewed","expires_at":30000,"device_seconds":2.0}
        "#]],
    );
    let lease = scene.key(0);
    let free = Report { device_seconds: 0.0, ..report(5, 0.5) };
    check(scene.act(Command::Report { lease, report: free }), expect![[""]]);
    assert_eq!(scene.study.trial(0).unwrap().reports.len(), 1);
    assert_eq!(scene.study.trial(0).unwrap().device_seconds, 4.0);
}

#[test]
fn a_number_that_is_not_finite_fails_the_trial() {
    let mut scene = Scene::new(&config());
    scene.act(Command::Ask { count: 2 });
    scene.report(0, 10, 0.5);
    check(
        scene.report(0, 20, f64::NAN),
        expect![[r#"
            trial/0#2 w: {"type":"trial_failed","reason":{"type":"non_finite","metric":"loss","step":20},"device_seconds":2.0}
        "#]],
    );
    let (lease, values) = (scene.key(1), Values::from([("loss".to_owned(), f64::INFINITY)]));
    let outcome = Outcome::Completed { values };
    check(
        scene.act(Command::Tell { lease, outcome, device_seconds: 1.0 }),
        expect![[r#"
            trial/1#1 w: {"type":"trial_failed","reason":{"type":"non_finite","metric":"loss","step":0},"device_seconds":1.0}
        "#]],
    );
    assert_eq!(scene.study.best(), None);
}

#[test]
fn a_metric_never_reported_fails_the_trial() {
    let mut scene = Scene::new(&config());
    scene.act(Command::Ask { count: 1 });
    check(
        scene.complete(0),
        expect![[r#"
            trial/0#1 w: {"type":"trial_failed","reason":{"type":"missing_metric","metric":"loss"}}
        "#]],
    );
}

#[test]
fn the_value_is_the_last_or_the_best_report_or_what_was_told() {
    for (summary, expected) in [(Summary::Last, 0.4), (Summary::Best, 0.2)] {
        let mut config = config();
        config.metrics[0].summary = summary;
        let mut scene = Scene::new(&config);
        scene.act(Command::Ask { count: 1 });
        for (step, loss) in [(10, 0.5), (20, 0.2), (30, 0.4)] {
            scene.report(0, step, loss);
        }
        scene.complete(0);
        assert_eq!(
            scene.study.best().and_then(|best| best.value(&config.metrics[0])),
            Some(expected)
        );
    }
    let mut scene = Scene::new(&config());
    scene.act(Command::Ask { count: 1 });
    scene.report(0, 10, 0.5);
    let (lease, values) = (scene.key(0), Values::from([("loss".to_owned(), 0.1)]));
    scene.act(Command::Tell { lease, outcome: Outcome::Completed { values }, device_seconds: 0.0 });
    assert_eq!(
        scene.study.best().and_then(|best| best.value(&scene.study.metrics()[0])),
        Some(0.1)
    );
}

#[test]
fn a_report_that_cannot_be_is_refused() {
    let mut scene = Scene::new(&config());
    scene.act(Command::Ask { count: 1 });
    let lease = scene.key(0);
    let mut refused = |report| scene.refuse(Command::Report { lease, report });
    assert_eq!(
        refused(Report { fraction: 1.5, ..report(1, 0.0) }),
        "fraction is 1.5; it must be a finite number not below 0 and not above 1"
    );
    assert_eq!(
        refused(Report { device_seconds: -1.0, ..report(1, 0.0) }),
        "device_seconds is -1; it must be a finite number not below 0"
    );
}

#[test]
fn heartbeats_write_only_when_a_third_of_the_lease_is_over() {
    let mut scene = Scene::new(&config());
    scene.act(Command::Ask { count: 1 });
    let lease = scene.key(0);
    check(scene.at(9_999).act(Command::Heartbeat { lease }), expect![[""]]);
    check(
        scene.at(10_000).act(Command::Heartbeat { lease }),
        expect![[r#"
            trial/0#1 w: {"type":"lease_renewed","expires_at":40000}
        "#]],
    );
    check(scene.at(15_000).act(Command::Heartbeat { lease }), expect![[""]]);
}

#[test]
fn a_lost_lease_makes_its_worker_stale() {
    let mut scene = Scene::new(&config());
    scene.act(Command::Ask { count: 1 });
    let old = scene.key(0);
    scene.report(0, 10, 0.5);
    let checkpoint = Checkpoint { step: 10, path: "trials/0/10".to_owned(), bytes: 99 };
    check(
        scene.act(Command::RecordCheckpoint { lease: old, checkpoint: checkpoint.clone() }),
        expect![[r#"
            trial/0#2 w: {"type":"checkpointed","checkpoint":{"step":10,"path":"trials/0/10","bytes":99},"expires_at":30000}
        "#]],
    );
    // Nothing was heard of it, but for one event that who looked did not see.
    let silence =
        |events| Command::Reap { dead: Vec::new(), silent: vec![Silence { lease: old, events }] };
    check(scene.at(30_001).act(silence(2)), expect![[""]]);
    check(
        scene.at(30_001).act(silence(3)),
        expect![[r#"
            trial/0#3 w: {"type":"trial_requeued","reason":"lease_expired"}
        "#]],
    );
    assert_eq!(scene.state(0), TrialState::Queued);
    let stale = "the lease on trial 0 was lost; stop working on it";
    assert_eq!(scene.refuse(Command::Heartbeat { lease: old }), stale);
    let events = scene.try_as("other", Command::Ask { count: 1 }).unwrap();
    check(
        events,
        expect![[r#"
            trial/0#4 other: {"type":"trial_leased","lease":{"number":2,"expires_at":60001}}
        "#]],
    );
    // The old number, and the new number in the wrong hands.
    let new = scene.key(0);
    assert_eq!(scene.refuse(Command::Report { lease: old, report: report(20, 0.1) }), stale);
    assert_eq!(scene.refuse(Command::Report { lease: new, report: report(20, 0.1) }), stale);
    assert!(scene.try_as("other", Command::Report { lease: new, report: report(20, 0.1) }).is_ok());
    assert_eq!(scene.study.trial(0).unwrap().checkpoint, Some(checkpoint));
    assert_eq!(scene.study.trial(0).unwrap().reports.len(), 2);
}

#[test]
fn a_worker_that_is_known_to_be_dead_is_reaped_at_once() {
    let mut scene = Scene::new(&config());
    scene.act(Command::Ask { count: 1 });
    scene.try_as("other", Command::Ask { count: 1 }).unwrap();
    check(
        scene.act(reap("other")),
        expect![[r#"
            trial/1#1 w: {"type":"trial_requeued","reason":"worker_died"}
        "#]],
    );
    assert_eq!(scene.state(0), TrialState::Running);
}

#[test]
fn a_lease_that_is_over_holds_until_somebody_reaps_it() {
    let mut scene = Scene::new(&config());
    scene.act(Command::Ask { count: 1 });
    scene.at(1_000_000).report(0, 10, 0.5);
    check(scene.act(Command::Reap { dead: Vec::new(), silent: Vec::new() }), expect![[""]]);
}

#[test]
fn a_clock_that_was_set_back_gives_signs_of_life() {
    let mut scene = Scene::new(&config());
    scene.at(5_000_000).act(Command::Ask { count: 1 });
    let lease = scene.key(0);
    check(
        scene.at(1_400_000).act(Command::Heartbeat { lease }),
        expect![[r#"
            trial/0#1 w: {"type":"lease_renewed","expires_at":1430000}
        "#]],
    );
    check(scene.at(1_409_000).act(Command::Heartbeat { lease }), expect![[""]]);
    assert_eq!(scene.at(1_410_000).act(Command::Heartbeat { lease }).len(), 1);
}

fn reap(worker: &str) -> Command {
    Command::Reap { dead: vec![Writer::new(worker)], silent: Vec::new() }
}

#[test]
fn a_trial_that_kills_every_worker_fails_in_the_end() {
    let mut scene = Scene::new(&config());
    scene.act(Command::Ask { count: 1 });
    for round in 1..=MOST_FRUITLESS_LEASES {
        scene.act(reap("w"));
        let expected =
            if round < MOST_FRUITLESS_LEASES { TrialState::Queued } else { TrialState::Failed };
        assert_eq!(scene.state(0), expected, "round {round}");
        scene.act(Command::Ask { count: 1 });
    }
    let outcome = scene.study.trial(0).unwrap().outcome.clone();
    let reason = FailureReason::WorkersLost { leases: MOST_FRUITLESS_LEASES };
    assert_eq!(outcome, Some(Outcome::Failed { reason }));
}

#[test]
fn handing_back_does_not_count_as_a_loss() {
    let mut scene = Scene::new(&config());
    scene.act(Command::Ask { count: 1 });
    for _ in 0..2 * MOST_FRUITLESS_LEASES {
        let command = Command::Release {
            lease: scene.key(0),
            reason: RequeueReason::Released,
            device_seconds: 0.5,
        };
        scene.act(command);
        scene.act(Command::Ask { count: 1 });
    }
    assert_eq!(scene.state(0), TrialState::Running);
    assert_eq!(scene.study.trial(0).unwrap().device_seconds, f64::from(MOST_FRUITLESS_LEASES));
}

#[test]
fn queued_trials_come_before_new_ones() {
    let mut scene = Scene::new(&config());
    scene.act(Command::Ask { count: 2 });
    scene.act(Command::Enqueue { params: Params::from([("lr", 1e-4)]) });
    let release = |scene: &Scene| Command::Release {
        lease: scene.key(1),
        reason: RequeueReason::Released,
        device_seconds: 0.0,
    };
    let command = release(&scene);
    scene.act(command);
    check(
        scene.act(Command::Ask { count: 3 }),
        expect![[r#"
            trial/1#2 w: {"type":"trial_leased","lease":{"number":2,"expires_at":30000}}
            trial/2#1 w: {"type":"trial_leased","lease":{"number":1,"expires_at":30000}}
            trial/3#0 w: {"type":"trial_started","start":{"params":{"lr":0.0006654200433307385},"seed":83533006,"based_on":5,"asked":1},"lease":{"number":1,"expires_at":30000}}
        "#]],
    );
}

#[test]
fn enqueued_params_are_checked_and_filled() {
    let mut config = config();
    let warmup = Parameter::new("warmup", Domain::float(0.0, 0.2));
    config.space.extend(warmup).unwrap();
    let mut scene = Scene::new(&config);
    check(
        scene.act(Command::Enqueue { params: Params::from([("lr", 1e-4)]) }),
        expect![[r#"
            trial/0#0 w: {"type":"trial_enqueued","params":{"lr":0.0001,"warmup":0.009247249237320232},"seed":3565713704}
        "#]],
    );
    assert_eq!(
        scene.refuse(Command::Enqueue { params: Params::from([("lr", 1.0)]) }),
        "1.0 is no legal value of lr"
    );
}

#[test]
fn a_seed_parameter_is_the_trials_seed() {
    let mut config = config();
    config.space.extend(Parameter::new("seed", Domain::categorical([41_i64]))).unwrap();
    let mut scene = Scene::new(&config);
    scene.act(Command::Ask { count: 1 });
    assert_eq!(scene.study.trial(0).unwrap().seed, 41);
}

#[test]
fn a_tie_without_a_value_fails_its_trial_and_the_search_goes_on() {
    let mut config = config();
    config.space = SearchSpace::new(vec![
        Parameter::new("x", Domain::int(0, 1)),
        Parameter::tied("y", Expression::parse("1 / x").unwrap()),
    ])
    .unwrap();
    config.validate().unwrap();
    let mut scene = Scene::new(&config);
    scene.act(Command::Ask { count: 20 });
    let failed = scene.study.in_state(TrialState::Failed).count();
    assert!(failed > 0, "no draw had x = 0");
    assert_eq!(scene.study.count(TrialState::Running), 20 - failed);
    let first = scene.study.in_state(TrialState::Failed).next().unwrap();
    let Some(Outcome::Failed { reason }) = &first.outcome else { panic!("not failed") };
    assert_eq!(reason.to_string(), "y: / has no finite result here");
}

#[test]
fn people_cancel_pause_and_resume() {
    let mut scene = Scene::new(&config());
    scene.act(Command::Ask { count: 1 });
    let lease = scene.key(0);
    check(
        scene.act(Command::Cancel { trial: 0 }),
        expect![[r#"
            trial/0#1 w: {"type":"trial_cancelled"}
        "#]],
    );
    assert_eq!(scene.refuse(Command::Heartbeat { lease }), "trial 0 has ended: it is cancelled");
    assert_eq!(scene.refuse(Command::Cancel { trial: 0 }), "trial 0 has ended: it is cancelled");
    assert_eq!(scene.refuse(Command::Cancel { trial: 9 }), "there is no trial 9");
    check(
        scene.act(Command::Pause),
        expect![[r#"
            study#1 w: {"type":"study_paused"}
        "#]],
    );
    check(scene.act(Command::Pause), expect![[""]]);
    assert_eq!(scene.refuse(Command::Ask { count: 1 }), "the study is paused; resume it");
    check(
        scene.act(Command::Resume),
        expect![[r#"
            study#2 w: {"type":"study_resumed"}
        "#]],
    );
    assert_eq!(scene.act(Command::Ask { count: 1 }).len(), 1);
}

#[test]
fn effective_hyperparameters_are_recorded_once() {
    let mut scene = Scene::new(&config());
    scene.act(Command::Ask { count: 1 });
    let effective = Effective {
        params: Params::from([("learning_rate", 1e-4)]),
        total_steps: 120,
        validation_rows: Some(277),
        read_back: Params::new(),
    };
    let command = Command::RecordEffective { lease: scene.key(0), effective };
    check(
        scene.act(command.clone()),
        expect![[r#"
            trial/0#1 w: {"type":"effective_recorded","effective":{"params":{"learning_rate":0.0001},"total_steps":120,"validation_rows":277}}
        "#]],
    );
    check(scene.act(command), expect![[""]]);
    let effective = Effective {
        params: Params::from([("weight_decay", f64::NAN)]),
        total_steps: 120,
        validation_rows: Some(277),
        read_back: Params::new(),
    };
    let command = Command::RecordEffective { lease: scene.key(0), effective };
    assert_eq!(
        scene.refuse(command),
        "the effective weight_decay is not finite; the executor must report what it uses"
    );
}
