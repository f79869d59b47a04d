//! The rule by hand.

use tunesmith_core::{Params, TrialState, Value};

use crate::schedulers::tests::course::Course;

/// Two trials that completed with averages 0.5 and 0.4 up to half of their schedules, and a third that runs.
fn course() -> Course {
    let options = Params::from([("startup", Value::Int(2))]);
    let mut course = Course::new("median", options, 4);
    course.start(2);
    for (number, losses) in [(0, [0.6, 0.4, 0.1]), (1, [0.5, 0.3, 0.2])] {
        for (fraction, loss) in [0.25, 0.5, 0.75].into_iter().zip(losses) {
            assert_eq!(course.report(number, fraction, loss), TrialState::Running);
        }
        course.complete(number, losses[2]);
    }
    course.start(2);
    course
}

#[test]
fn the_best_so_far_is_held_against_the_median_of_averages() {
    // The median up to a half is 0.45; what came later does not count.
    let mut running = course();
    assert_eq!(running.report(2, 0.5, 0.46), TrialState::Pruned);
    assert_eq!(running.report(3, 0.3, 0.44), TrialState::Running);
    // Its best stays.
    assert_eq!(running.report(3, 0.5, 0.9), TrialState::Running);
    // The median of averages up to three quarters is (1.1 / 3 + 1.0 / 3) / 2.
    assert_eq!(running.report(3, 0.75, 0.9), TrialState::Pruned);
}

#[test]
fn grace_and_startup_keep_trials() {
    assert_eq!(course().report(2, 0.09, 9.0), TrialState::Running);
    let mut course = Course::new("median", Params::new(), 3);
    course.start(2);
    course.report(0, 0.5, 0.1);
    course.complete(0, 0.1);
    assert_eq!(course.report(1, 0.5, 9.0), TrialState::Running, "five complete first");
    assert_eq!(course.report(1, 1.0, 9.0), TrialState::Running);
}
