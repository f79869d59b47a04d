//! The best trial, the Pareto front, and order.

use tunesmith_core::*;

use crate::scene::*;

/// Completes trials with these values of loss and accuracy, in this order of numbers.
fn with_results(results: &[(u32, f64, f64)]) -> Scene {
    let mut config = config();
    config.metrics.push(Metric::new("accuracy", Goal::Maximize));
    let mut scene = Scene::new(&config);
    scene.act(Command::Ask { count: results.len() as u32 });
    for (trial, loss, accuracy) in results {
        let values = [("loss".to_owned(), *loss), ("accuracy".to_owned(), *accuracy)].into();
        let lease = scene.key(*trial);
        scene.act(Command::Tell {
            lease,
            outcome: Outcome::Completed { values },
            device_seconds: 0.0,
        });
    }
    scene
}

fn numbers<'a>(trials: impl IntoIterator<Item = &'a Trial>) -> Vec<u32> {
    trials.into_iter().map(|trial| trial.number).collect()
}

#[test]
fn the_best_is_by_the_first_metric_and_the_earliest_of_equals() {
    assert_eq!(
        with_results(&[(0, 0.5, 0.1), (1, 0.2, 0.1), (2, 0.3, 0.9)]).study.best().unwrap().number,
        1
    );
    // Trial 2 came in before trial 0.
    assert_eq!(
        with_results(&[(2, 0.2, 0.1), (0, 0.2, 0.1), (1, 0.3, 0.9)]).study.best().unwrap().number,
        0
    );
    let mut maximize = config();
    maximize.metrics[0].goal = Goal::Maximize;
    let mut scene = Scene::new(&maximize);
    scene.act(Command::Ask { count: 2 });
    for (trial, loss) in [(0, 1.0), (1, 3.0)] {
        scene.report(trial, 10, loss);
        scene.complete(trial);
    }
    assert_eq!(scene.study.best().unwrap().number, 1);
}

#[test]
fn the_front_is_what_nothing_beats() {
    let scene = with_results(&[
        (0, 0.5, 0.90),
        (1, 0.2, 0.50),
        (2, 0.5, 0.80), // beaten by 0
        (3, 0.9, 0.95),
        (4, 0.2, 0.50), // equal to 1
        (5, 0.9, 0.10), // beaten by all
    ]);
    assert_eq!(numbers(scene.study.front()), [0, 1, 3, 4]);
}

#[test]
fn the_front_is_the_same_whichever_way_zero_is_signed() {
    let scene = with_results(&[(0, -0.0, 0.5), (1, 0.0, 0.9)]);
    assert_eq!(numbers(scene.study.front()), [1]);
}

#[test]
fn of_the_front_one_trial_is_the_best_by_each_metric() {
    let scene = with_results(&[
        (0, 0.2, 0.40), // as good by the first metric as 1, and beaten by it
        (1, 0.2, 0.50),
        (2, 0.5, 0.90),
        (3, 0.9, 0.95),
        (4, 0.9, 0.95), // equal to 3
    ]);
    let [loss, accuracy] = scene.study.metrics() else { panic!("two metrics") };
    let best_by = |metric| scene.study.best_by(metric).map(|trial| trial.number);
    assert_eq!((best_by(loss), best_by(accuracy)), (Some(1), Some(3)));
    assert_eq!(scene.study.chosen().map(|trial| trial.number), Some(1));
    assert_eq!(scene.study.best().map(|trial| trial.number), Some(0), "by the first metric alone");
}

#[test]
fn who_would_join_the_front_is_known_beforehand() {
    let scene = with_results(&[(0, 0.2, 0.5), (1, 0.5, 0.9)]);
    let unbeaten = |loss: f64, accuracy: f64| {
        let values = [("loss".to_owned(), loss), ("accuracy".to_owned(), accuracy)].into();
        scene.study.is_unbeaten(&values)
    };
    assert!(unbeaten(0.3, 0.6), "between both");
    assert!(unbeaten(0.2, 0.5), "equal to one");
    assert!(unbeaten(0.1, 0.1), "the best by the first metric");
    assert!(!unbeaten(0.5, 0.8), "beaten by trial 1");
    assert!(!scene.study.is_unbeaten(&[("loss".to_owned(), 0.1)].into()), "a metric is lacking");
}

#[test]
fn finished_trials_come_in_the_order_in_which_they_finished() {
    let scene = with_results(&[(2, 0.5, 0.1), (0, 0.2, 0.1), (1, 0.3, 0.9)]);
    assert_eq!(numbers(scene.study.finished()), [2, 0, 1]);
}

#[test]
fn nothing_is_better_than_its_equal_and_a_target_may_be_met_exactly() {
    assert!(!Goal::Minimize.is_better(1.0, 1.0));
    assert!(!Goal::Maximize.is_better(f64::NAN, 1.0));
    let metric = Metric { target: Some(0.9), ..Metric::new("accuracy", Goal::Maximize) };
    assert!(metric.reaches_target(0.9));
    assert!(metric.reaches_target(0.95));
    assert!(!metric.reaches_target(0.89));
}
