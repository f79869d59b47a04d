//! A population at its barriers.

use tunesmith_core::{Origin, TrialState, Value, replay};

use super::*;
use crate::schedulers::tests::course::Course;

fn params(course: &Course, number: u32) -> Params {
    course.trial(number).params.clone()
}

/// Eight members of which all but the last have arrived at the first barrier, the lower numbers the better.
fn nearly_there(trials: u32, options: Params) -> Course {
    let mut course = Course::new("pbt", options, trials);
    course.start(8);
    for number in 0..7 {
        assert_eq!(course.report(number, 0.2, 1.0), TrialState::Running);
        assert_eq!(course.report(number, 0.25, f64::from(number)), TrialState::Paused);
        assert_eq!(course.ask(), None, "one has not arrived");
    }
    course
}

#[test]
fn the_worst_take_over_from_the_best_and_then_all_go_on() {
    let mut course = nearly_there(8, Params::new());
    let before: Vec<Params> = (0..8).map(|number| params(&course, number)).collect();
    assert_eq!(course.report(7, 0.3, 7.0), TrialState::Paused);
    let order: Vec<u32> = (0..8).map(|_| course.ask().expect("all go on")).collect();
    assert_eq!(order, [6, 7, 0, 1, 2, 3, 4, 5]);
    for number in [6, 7] {
        let trial = course.trial(number);
        let exploited = trial.exploits.first().expect("took over");
        assert!([0, 1].contains(&exploited.donor));
        assert_eq!((exploited.donor_step, exploited.reports), (2500, trial.reports.len()));
        let lr = |params: &Params| params.get("lr").cloned().expect("lr");
        let donor = lr(&before[exploited.donor as usize]);
        let real = |value: &Value| value.as_f64().expect("a number");
        let ratio = real(&lr(&trial.params)) / real(&donor);
        let note = exploited.note.get("changed.lr").and_then(Value::as_str).expect("a note");
        let changed = (ratio - 1.2).abs() < 1e-9 || (ratio - 0.8).abs() < 1e-9;
        assert!(changed || note.contains("resample"), "{ratio} {note}");
        assert!(note.starts_with(&format!("{donor}")), "{note}");
        assert!(note.ends_with(&format!("was {}", lr(&before[number as usize]))), "{note}");
    }
    assert!((0..6).all(|number| params(&course, number) == before[number as usize]));
    // The first is at the next barrier before the others; it waits for them.
    assert_eq!(course.report(6, 0.5, 0.0), TrialState::Paused);
    assert_eq!(course.ask(), None);
    let replayed = replay::verify(&course.log, &course.policy).expect("the same");
    assert_eq!(replayed.exploits, 2);
}

#[test]
fn who_exploited_does_not_wait_at_the_same_barrier() {
    let mut course = nearly_there(8, Params::new());
    course.report(7, 0.25, 7.0);
    assert_eq!(course.ask(), Some(6));
    // It is at the next barrier before the other loser got its turn.
    assert_eq!(course.report(6, 0.4, 0.0), TrialState::Running);
    assert_eq!(course.report(6, 0.5, 0.0), TrialState::Paused);
    assert_eq!(course.ask(), Some(7));
    assert_eq!(course.trial(7).exploits.len(), 1);
    assert_eq!(course.ask(), Some(0), "and not the sixth, which is ahead");
}

#[test]
fn a_population_shrinks_where_a_member_fails() {
    let mut course = nearly_there(8, Params::new());
    course.fail(7);
    // Of seven, the two worst.
    assert_eq!(course.ask(), Some(5));
    assert_eq!(course.ask(), Some(6));
    assert_eq!(course.ask(), Some(0));
    assert_eq!(course.study.next_number(), 8, "nobody is replaced");
}

#[test]
fn populations_follow_each_other() {
    let members = Params::from([("population", Value::Int(2)), ("quantile", Value::Float(0.0))]);
    let mut course = Course::new("pbt", members, 3);
    course.start(2);
    assert_eq!(course.ask(), None, "the first is full");
    course.complete(0, 0.1);
    assert_eq!(course.ask(), None);
    course.complete(1, 0.1);
    course.start(1);
    // Alone it pauses at its barriers and goes on.
    assert_eq!(course.report(2, 0.25, 0.5), TrialState::Paused);
    assert_eq!(course.ask(), Some(2));
    course.complete(2, 0.1);
    assert_eq!(course.ask(), None);
}

#[test]
fn only_named_parameters_change() {
    assert_eq!(taken(8, 0.25), 2);
    assert_eq!(taken(3, 0.5), 1, "at most half");
    assert_eq!((taken(1, 0.25), taken(9, 0.0)), (0, 0));
    let config = crate::schedulers::tests::course::config("pbt", Params::new(), 8);
    let pbt = Pbt::new(&config);
    assert!(pbt.changes("lr") && !pbt.changes("num_train_epochs") && !pbt.changes("seed"));
    assert!(!pbt.changes("lora.r"), "the donor's weights would not fit");
    assert_eq!(pbt.population, 8);
    let named = Params::from([("mutate", Value::from("seed"))]);
    let pbt = Pbt::new(&crate::schedulers::tests::course::config("pbt", named, 8));
    assert!(pbt.changes("seed") && !pbt.changes("lr"));
    let course = nearly_there(8, Params::new());
    assert!(matches!(course.trial(0).origin, Origin::Sampler { .. }));
}
