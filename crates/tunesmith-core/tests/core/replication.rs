//! The winner by runs on fresh seeds: when they start, what they repeat, and what decides.

use crate::scene::*;
use tunesmith_core::*;

fn with_final(top: u32, seeds: u32, budget: Budget) -> Scene {
    let replication = Some(Replication { top, seeds });
    Scene::new(&StudyConfig { replication, budget, ..config() })
}

fn trials(count: u32) -> Budget {
    Budget { trials: Some(count), ..Budget::default() }
}

/// Runs trials whose losses are these, one after the other.
fn search(scene: &mut Scene, losses: &[f64]) {
    for loss in losses {
        scene.act(Command::Ask { count: 1 });
        finish(scene, *loss);
    }
}

fn finish(scene: &mut Scene, loss: f64) -> u32 {
    let number = scene.study.running().next().expect("running").number;
    scene.report(number, 100, loss);
    scene.complete(number);
    number
}

#[test]
fn the_best_run_again_on_fresh_seeds_and_their_runs_decide() {
    let mut scene = with_final(2, 2, trials(4));
    search(&mut scene, &[0.5, 0.1, 0.9, 0.2]);
    assert_eq!(scene.study.chosen().map(|best| best.number), Some(1));
    let events = scene.act(Command::Ask { count: 3 });
    assert_eq!(events.len(), 4 + 3, "four runs queued, three of them leased");
    let of = |scene: &Scene, number| scene.study.trial(number).expect("there").origin.clone();
    assert_eq!(of(&scene, 4), Origin::Replica { of: 1 });
    assert_eq!(of(&scene, 7), Origin::Replica { of: 3 });
    let original = scene.study.trial(1).expect("there").clone();
    let replica = scene.study.trial(4).expect("there").clone();
    assert_eq!(replica.params, original.params);
    assert_ne!(replica.seed, original.seed);
    scene.act(Command::Ask { count: 1 });
    // Trial 1 was lucky: on fresh seeds it is worse than trial 3.
    for loss in [0.40, 0.44, 0.21, 0.23] {
        assert_eq!(scene.study.winner(), None, "some are outstanding");
        finish(&mut scene, loss);
    }
    let winner = scene.study.winner().expect("known");
    assert_eq!((winner.trial, winner.runs.as_slice()), (3, &[6, 7][..]));
    assert!((winner.mean - 0.22).abs() < 1e-12);
    assert_eq!(scene.study.chosen().map(|run| run.number), Some(6), "its better run");
    assert_eq!(scene.study.best().map(|best| best.number), Some(1), "of the search");
    let refusal = scene.refuse(Command::Ask { count: 1 });
    assert_eq!(refusal, "the search is finished: all trials of the budget are started");
    assert_eq!((scene.study.searched_trials(), scene.study.next_number()), (4, 8));
    assert_eq!(Study::fold(&scene.log).as_ref(), Ok(&scene.study));
    assert!(replay::verify(&scene.log, &scene.policy).is_ok());
}

#[test]
fn intervals_are_of_student_with_a_pooled_deviation() {
    let mut scene = with_final(2, 2, trials(2));
    search(&mut scene, &[0.5, 0.1]);
    scene.act(Command::Ask { count: 4 });
    for loss in [0.10, 0.14, 0.52, 0.50] {
        finish(&mut scene, loss);
    }
    // Squares about the means: 2 · 0.02² + 2 · 0.01², over two degrees of freedom.
    let deviation = (0.001_f64 / 2.0).sqrt();
    let (found, freedom) = scene.study.seed_deviation().expect("known");
    assert!((found - deviation).abs() < 1e-12 && freedom == 2);
    let winner = scene.study.winner().expect("known");
    // t(0.975, 2) = 4.302653.
    let half = 4.302_652_729_911_275 * deviation / 2.0_f64.sqrt();
    assert!((winner.half_width.expect("an interval") - half).abs() < 1e-9);
    assert!((winner.bound - (0.12 + deviation / 2.0_f64.sqrt())).abs() < 1e-12);
    // Blom's expected maximum of two is 0.545 deviations (exactly: 0.564).
    let inflation = scene.study.expected_inflation().expect("known") / deviation;
    assert!((inflation - 0.589).abs() < 0.05, "{inflation}");
}

#[test]
fn runs_wait_until_the_search_has_ended() {
    let mut scene = with_final(1, 1, trials(2));
    scene.act(Command::Ask { count: 2 });
    scene.report(0, 100, 0.5);
    scene.complete(0);
    let refusal = scene.refuse(Command::Ask { count: 1 });
    assert_eq!(refusal, "nothing to start until a running trial reports");
    finish(&mut scene, 0.7);
    scene.act(Command::Ask { count: 1 });
    assert_eq!(
        scene.study.running().next().map(|run| run.origin.clone()),
        Some(Origin::Replica { of: 0 })
    );
}

#[test]
fn a_fifth_of_a_budget_of_time_is_kept_for_them() {
    let limits = Budget { device_seconds: Some(10.0), ..Budget::default() };
    let mut scene = with_final(1, 1, limits);
    // Each reports once, at 2 device seconds: the search has 8.
    search(&mut scene, &[0.4, 0.3, 0.2, 0.1]);
    let events = scene.act(Command::Ask { count: 1 });
    assert!(matches!(events[0].fact, Fact::TrialReplicated { of: 3, .. }), "{events:?}");
    finish(&mut scene, 0.15);
    let refusal = scene.refuse(Command::Ask { count: 1 });
    assert_eq!(refusal, "the search is finished: the device time of the budget is spent");
}

#[test]
fn a_larger_budget_goes_on_searching_and_chooses_again() {
    let mut scene = with_final(1, 1, trials(1));
    search(&mut scene, &[0.5]);
    scene.act(Command::Ask { count: 1 });
    finish(&mut scene, 0.6);
    scene.act(Command::SetBudget { budget: trials(2) });
    search(&mut scene, &[0.1]);
    assert_eq!(scene.study.best().map(|best| best.number), Some(2));
    scene.act(Command::Ask { count: 1 });
    finish(&mut scene, 0.2);
    assert_eq!(scene.study.winner().map(|winner| winner.trial), Some(2));
}

#[test]
fn nothing_that_completed_leaves_nothing_to_run_again() {
    let mut scene = with_final(3, 2, trials(1));
    scene.act(Command::Ask { count: 1 });
    let lease = scene.key(0);
    let outcome = Outcome::Failed { reason: FailureReason::OutOfMemory };
    scene.act(Command::Tell { lease, outcome, device_seconds: 0.0 });
    let refusal = scene.refuse(Command::Ask { count: 1 });
    assert_eq!(refusal, "the search is finished: all trials of the budget are started");
    assert_eq!((scene.study.winner(), scene.study.chosen()), (None, None));
}

#[test]
fn a_seed_that_the_search_chose_is_not_kept() {
    let seed = Parameter::new("seed", Domain::int(1, 1_000));
    let space = SearchSpace::new(vec![seed]).expect("a space");
    let replication = Some(Replication { top: 1, seeds: 1 });
    let mut scene = Scene::new(&StudyConfig { space, replication, budget: trials(1), ..config() });
    search(&mut scene, &[0.5]);
    scene.act(Command::Ask { count: 1 });
    let run = scene.study.running().next().expect("running");
    assert_eq!(run.params.get("seed"), None);
    assert_ne!(Some(run.seed), scene.study.trial(0).map(|trial| trial.seed));
}

#[test]
fn a_choice_among_none_is_refused() {
    let config = StudyConfig { replication: Some(Replication { top: 0, seeds: 2 }), ..config() };
    let error = config.validate().expect_err("refused").to_string();
    assert_eq!(error, "the winner is chosen among 0 trials on 2 seeds each; give 1 to 100 of both");
}
