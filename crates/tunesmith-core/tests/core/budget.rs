//! What ends a search, and what does not.

use crate::scene::*;
use tunesmith_core::*;

fn with_budget(budget: Budget) -> Scene {
    Scene::new(&StudyConfig { budget, price_per_device_hour: Some(3.6), ..config() })
}

#[test]
fn a_budget_of_trials_is_exact() {
    let mut scene = with_budget(Budget { trials: Some(3), ..Budget::default() });
    assert_eq!(scene.act(Command::Ask { count: 2 }).len(), 2);
    assert_eq!(scene.act(Command::Ask { count: 5 }).len(), 1);
    let refusal = scene.refuse(Command::Ask { count: 1 });
    assert_eq!(refusal, "the search is finished: all trials of the budget are started");
}

#[test]
fn device_time_and_money_end_the_search_and_running_trials_go_on() {
    for (budget, expected) in [
        (
            Budget { device_seconds: Some(4.0), ..Budget::default() },
            "the device time of the budget is spent",
        ),
        // 3.6 an hour is a thousandth a second.
        (Budget { cost: Some(0.004), ..Budget::default() }, "the money of the budget is spent"),
    ] {
        let mut scene = with_budget(budget);
        scene.act(Command::Ask { count: 2 });
        scene.report(0, 10, 0.5);
        assert!(scene.act(Command::Ask { count: 1 }).len() == 1);
        scene.report(1, 10, 0.5);
        assert_eq!(
            scene.refuse(Command::Ask { count: 1 }),
            format!("the search is finished: {expected}")
        );
        scene.report(1, 20, 0.4);
        scene.complete(1);
        assert_eq!(scene.state(1), TrialState::Completed);
    }
}

#[test]
fn what_was_started_is_handed_out_again_when_the_budget_is_spent() {
    let mut scene = with_budget(Budget { device_seconds: Some(2.0), ..Budget::default() });
    scene.act(Command::Enqueue { params: Params::from([("lr", 1e-4)]) });
    scene.act(Command::Ask { count: 2 });
    scene.act(Command::Enqueue { params: Params::from([("lr", 2e-4)]) });
    scene.report(0, 10, 0.5);
    scene.act(Command::Reap { dead: vec![Writer::new("w")], silent: Vec::new() });
    scene.act(Command::Ask { count: 9 });
    let running: Vec<u32> = scene.study.running().map(|trial| trial.number).collect();
    assert_eq!(running, [0, 1], "the trial that never started waits");
    assert_eq!(scene.state(2), TrialState::Queued);
}

#[test]
fn wall_time_runs_only_while_somebody_works() {
    let mut scene = with_budget(Budget { wall_ms: Some(60_000), ..Budget::default() });
    scene.at(1_000_000).act(Command::Ask { count: 1 });
    assert_eq!(scene.study.spent(scene.now).wall_ms, 0, "nobody worked before");
    scene.at(1_020_000).report(0, 10, 0.5);
    assert_eq!(scene.study.spent(scene.now).wall_ms, 20_000);
    // The worker dies, and is found a day later: a lease's length is charged.
    scene.at(90_000_000).act(Command::Reap { dead: vec![Writer::new("w")], silent: Vec::new() });
    assert_eq!(scene.study.spent(scene.now).wall_ms, 50_000);
    scene.at(180_000_000).act(Command::Ask { count: 1 });
    assert_eq!(scene.study.spent(scene.now).wall_ms, 50_000);
    scene.at(180_010_000);
    assert_eq!(
        scene.refuse(Command::Ask { count: 1 }),
        "the search is finished: the wall time of the budget is spent"
    );
}

#[test]
fn a_clock_that_goes_back_charges_nothing() {
    let mut scene = with_budget(Budget::default());
    scene.at(50_000).act(Command::Ask { count: 1 });
    scene.at(40_000).report(0, 10, 0.5);
    scene.at(55_000).report(0, 20, 0.5);
    assert_eq!(scene.study.spent(scene.now).wall_ms, 5_000);
}

#[test]
fn a_target_ends_the_search() {
    let mut config = config();
    config.metrics[0].target = Some(0.1);
    let mut scene = Scene::new(&config);
    scene.act(Command::Ask { count: 2 });
    scene.report(1, 10, 0.05);
    assert_eq!(scene.act(Command::Ask { count: 1 }).len(), 1, "a report is no outcome");
    scene.complete(1);
    assert_eq!(
        scene.refuse(Command::Ask { count: 1 }),
        "the search is finished: trial 1 reached the target"
    );
}

#[test]
fn budgets_can_be_raised() {
    let mut scene = with_budget(Budget { trials: Some(1), ..Budget::default() });
    scene.act(Command::Ask { count: 1 });
    let budget = Budget { trials: Some(2), ..Budget::default() };
    assert_eq!(scene.act(Command::SetBudget { budget }).len(), 1);
    assert_eq!(scene.act(Command::SetBudget { budget }).len(), 0);
    assert_eq!(scene.act(Command::Ask { count: 9 }).len(), 1);
    let nothing = Budget { trials: Some(0), ..Budget::default() };
    let refusal = scene.refuse(Command::SetBudget { budget: nothing });
    assert_eq!(refusal, "the budget of trials is 0; it must be a finite number above 0");
}

#[test]
fn impossible_configurations_are_refused() {
    let refusal = |change: fn(&mut StudyConfig)| {
        let mut config = config();
        change(&mut config);
        config.validate().unwrap_err().to_string()
    };
    assert_eq!(refusal(|config| config.name = " ".to_owned()), "a study needs a name");
    assert_eq!(
        refusal(|config| config.metrics.clear()),
        "a study needs a metric; name what to optimise"
    );
    assert_eq!(
        refusal(|config| config.budget.cost = Some(1.0)),
        "a budget of money needs a price for an hour of the device"
    );
    assert_eq!(
        refusal(|config| config.lease_ms = 5),
        "a lease of 5 ms is too short; give at least 1000"
    );
    assert_eq!(
        refusal(|config| config.metrics.push(config.metrics[0].clone())),
        "the metric loss is listed twice; leave one out"
    );
    assert_eq!(
        refusal(|config| config.metrics[0].target = Some(f64::NAN)),
        "the target of the metric loss is not finite"
    );
    assert_eq!(
        refusal(|config| {
            let tied = Parameter::tied("y", Expression::parse("1 / (lr - lr)").expect("parses"));
            config.space.extend(tied).expect("extends");
        }),
        "no params were found for which the tied parameters have values: y: / has no finite result here"
    );
}
