//! Who goes on in a bracket and who ends.

use tunesmith_core::TrialState::{Failed, Paused, Pruned, Running};
use tunesmith_core::{Params, TrialState, Value};

use crate::schedulers::tests::course::Course;

/// Brackets of six with rungs at a ninth and a third.
fn course(trials: u32) -> Course {
    let options = [("n", Value::Int(6)), ("grace", Value::Float(1.0 / 9.0))];
    Course::new("sha", Params::from(options), trials)
}

#[test]
fn the_best_third_goes_on_once_all_have_arrived() {
    let mut course = course(12);
    course.start(6);
    for (number, loss) in [(0, 0.5), (1, 0.1), (2, 0.3), (4, 0.2)] {
        assert_eq!(course.report(number, 0.12, loss), TrialState::Paused);
    }
    course.fail(3);
    // One is on its way: the next bracket opens.
    assert_eq!(course.ask(), Some(6));
    assert_eq!(course.report(5, 0.15, 0.4), TrialState::Paused);
    assert_eq!(course.ask(), Some(1));
    assert_eq!(course.ask(), Some(4));
    let states: Vec<TrialState> = (0..6).map(|number| course.trial(number).state).collect();
    assert_eq!(states, [Pruned, Running, Pruned, Failed, Running, Pruned]);
    // Of six, 6 / 9 go on from the second rung, which is one.
    assert_eq!(course.report(1, 0.34, 0.1), TrialState::Paused);
    assert_eq!(course.report(4, 0.34, 0.05), TrialState::Paused);
    assert_eq!(course.ask(), Some(4));
    assert_eq!(course.trial(1).state, Pruned);
}

#[test]
fn a_bracket_that_is_never_filled_goes_on_with_what_it_has() {
    let mut course = course(3);
    course.start(3);
    for (number, loss) in [(0, 0.5), (1, 0.1)] {
        assert_eq!(course.report(number, 0.12, loss), TrialState::Paused);
        assert_eq!(course.ask(), None);
    }
    // It reports for the first time beyond the second rung, and waits there.
    assert_eq!(course.report(2, 0.4, 0.3), TrialState::Paused);
    assert_eq!(course.ask(), Some(1));
    assert_eq!(course.trial(2).state, TrialState::Pruned);
    assert_eq!(course.report(1, 0.4, 0.1), TrialState::Paused);
    assert_eq!(course.ask(), Some(1));
    course.complete(1, 0.1);
    assert_eq!(course.ask(), None);
}

#[test]
fn hyperbands_brackets_have_rungs_of_their_own() {
    // R = 9: nine trials with rungs at 1/9 and 1/3, five with a rung at 1/3, three with none.
    let options = Params::from([("grace", Value::Float(1.0 / 9.0))]);
    let mut course = Course::new("hyperband", options, 30);
    course.start(18);
    let mut state = |number| course.report(number, 0.2, 0.5);
    assert_eq!((state(8), state(9), state(14)), (Paused, Running, Running));
    let mut state = |number| course.report(number, 0.4, 0.5);
    assert_eq!((state(9), state(13)), (TrialState::Paused, TrialState::Paused));
    assert_eq!((state(14), state(16)), (TrialState::Running, TrialState::Running));
    assert_eq!(state(17), TrialState::Paused, "the next round's first");
    assert_eq!(course.policy.scheduler.rungs().len(), 2);
}
