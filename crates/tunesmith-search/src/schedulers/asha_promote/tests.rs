//! Who goes on, by hand and against recorded decisions of Syne Tune.

use tunesmith_core::{Params, TrialState, Value};

use crate::schedulers::tests::course::Course;
use crate::schedulers::tests::golden;

/// Starts a trial and lets it pass the first rung.
fn pass(course: &mut Course, number: u32, loss: f64) {
    assert_eq!(course.ask(), Some(number));
    assert_eq!(course.report(number, 0.04, loss), TrialState::Paused);
}

#[test]
fn the_best_third_goes_on() {
    let mut course = Course::new("asha-promote", Params::new(), 9);
    pass(&mut course, 0, 0.5);
    // Of one none is the best third; of two the better is beyond the interpolated cut.
    pass(&mut course, 1, 0.4);
    assert_eq!(course.ask(), Some(1));
    assert_eq!(course.report(1, 0.2, 0.35), TrialState::Paused);
    pass(&mut course, 2, 0.3);
    assert_eq!(course.ask(), Some(2));
    assert_eq!(course.report(2, 0.05, 0.3), TrialState::Running, "between rungs");
}

#[test]
fn the_guard_waits_for_three_to_each_that_goes_on() {
    let guard = Params::from([("guard", Value::Bool(true))]);
    let mut course = Course::new("asha-promote", guard, 9);
    pass(&mut course, 0, 0.5);
    pass(&mut course, 1, 0.4);
    // Nobody has gone on yet.
    assert_eq!(course.ask(), Some(1));
    assert_eq!(course.report(1, 0.2, 0.35), TrialState::Paused);
    // A better one waits until three have passed for the one that went on.
    assert_eq!(course.ask(), Some(2));
    assert_eq!(course.report(2, 0.04, 0.3), TrialState::Paused);
    assert_eq!(course.ask(), Some(2));
}

#[test]
fn without_a_finished_trial_the_best_goes_on_to_its_end() {
    let mut course = Course::new("asha-promote", Params::new(), 2);
    course.start(2);
    assert_eq!(course.report(0, 0.2, 0.5), TrialState::Paused);
    assert_eq!(course.ask(), None, "the other still runs");
    assert_eq!(course.report(1, 0.04, 0.2), TrialState::Paused);
    // The one on the higher rung, though it is worse.
    assert_eq!(course.ask(), Some(0));
    assert_eq!(course.report(0, 0.4, 0.45), TrialState::Paused);
    assert_eq!(course.ask(), Some(0));
    course.fail(0);
    assert_eq!(course.ask(), Some(1), "the next best, where that one failed");
    course.complete(1, 0.1);
    assert_eq!(course.ask(), None);
}

#[test]
fn a_report_at_the_end_does_not_pause() {
    let mut course = Course::new("asha-promote", Params::new(), 1);
    course.start(1);
    assert_eq!(course.report(0, 1.0, 0.5), TrialState::Running);
}

#[test]
fn decisions_are_syne_tunes() {
    for case in golden::cases("syne_tune_promotion") {
        let mut course = golden::course(&case, "asha-promote", golden::ladder(&case));
        assert!(golden::replay(&case, &mut course) > 50, "few paused");
    }
}
