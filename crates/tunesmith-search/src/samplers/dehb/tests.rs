//! Whose differences move whom.

use tunesmith_core::{Component, Domain, Params, StudyConfig, TrialState};

use super::*;
use crate::population::note;
use crate::schedulers::tests::course::{Course, config};

fn course(trials: u32) -> Course {
    let grace = Params::from([("grace", Value::Float(1.0 / 9.0))]);
    let sampler = Component::named("dehb");
    Course::of(&StudyConfig { sampler, ..config("hyperband", grace, trials) })
}

#[test]
fn a_child_comes_from_its_own_budget() {
    // Brackets of 9 from a ninth, 5 from a third, 3 to the end.
    let mut course = course(40);
    course.start(9);
    let model = |course: &Course, number| {
        let note = note(course.trial(number)).expect("the sampler's").clone();
        note.get("model").and_then(Value::as_str).map(str::to_owned)
    };
    assert!((0..9).all(|number| model(&course, number).as_deref() == Some("random")));
    for number in 0..9 {
        assert_eq!(course.report(number, 0.12, f64::from(number)), TrialState::Paused);
    }
    // The three best of the first bracket go on; at a third of the schedule nobody is known yet.
    assert_eq!((course.ask(), course.ask(), course.ask()), (Some(0), Some(1), Some(2)));
    course.start(5);
    assert_eq!(model(&course, 9).as_deref(), Some("random"));
    for number in [0, 1, 2, 9, 10, 11, 12, 13] {
        assert_eq!(course.report(number, 0.4, f64::from(number)), TrialState::Paused);
    }
    // What was promoted from below is of the population at a third, and in order of their scores.
    let (bracket, seat) = Dehb::new(course.study.config())
        .brackets
        .seat(9)
        .map(|(b, s)| (b.clone(), s))
        .expect("one");
    let numbers: Vec<u32> =
        population(&course.study, &bracket).iter().map(|trial| trial.number).collect();
    assert_eq!((seat, numbers), (0, vec![0, 1, 2, 9, 10]));
}

#[test]
fn children_stay_inside() {
    let mut course = course(40);
    course.start(9);
    for number in 0..9 {
        course.report(number, 0.12, f64::from(number));
    }
    // The fourth bracket starts from a ninth again.
    let dehb = Dehb::new(course.study.config());
    let domain = Domain::log_float(1e-6, 1e-2);
    for place in 17..26 {
        let suggestion = dehb.suggest_one(&course.study, place, &Rng::at(1, place as u32, "dehb"));
        assert_eq!(suggestion.note.get("model"), Some(&Value::from("dehb")));
        assert!(domain.contains(suggestion.params.get("lr").expect("lr")));
    }
}
