//! Each guard by hand.

use tunesmith_core::{Params, TrialState, Value};

use crate::schedulers::tests::course::Course;

/// So many running trials of a study whose scheduler ends those that do not go on.
fn ending(trials: u32) -> Course {
    let options = Params::from([("pause", Value::Bool(false))]);
    let mut course = Course::new("auto", options, trials);
    course.start(trials);
    course
}

/// So many running trials of a study whose scheduler lets them wait.
fn waiting(trials: u32) -> Course {
    let mut course = Course::new("auto", Params::new(), trials);
    course.start(trials);
    course
}

/// Lets trials pass the first rung with these losses; who does not go on.
fn pass(course: &mut Course, first: u32, losses: &[f64]) -> Vec<u32> {
    let passed = (first..).zip(losses);
    passed
        .filter(|(number, loss)| course.report(*number, 0.04, **loss) != TrialState::Running)
        .map(|(number, _)| number)
        .collect()
}

#[test]
fn at_first_the_worst_third_ends() {
    let mut course = ending(8);
    // Of two nobody is judged; of three two go on, of six four.
    assert_eq!(pass(&mut course, 0, &[0.1, 0.2, 0.3, 0.15, 0.25, 0.18, 0.5, 0.05]), [2, 4, 6]);
    assert_eq!(course.trial(2).state, TrialState::Pruned);
}

#[test]
fn at_first_a_third_goes_on_and_the_others_wait() {
    let mut course = Course::new("auto", Params::new(), 9);
    course.start(5);
    // Of two nobody is a third; of three and more one is, and here it goes on without a pause.
    assert_eq!(pass(&mut course, 0, &[0.4, 0.2, 0.1, 0.3, 0.5]), [0, 1, 3, 4]);
    assert_eq!(course.trial(0).state, TrialState::Paused);
    assert_eq!(course.ask(), Some(5));
}

#[test]
fn one_that_waits_goes_on_once_it_is_among_the_best() {
    let mut course = Course::new("auto", Params::new(), 9);
    course.start(5);
    assert_eq!(pass(&mut course, 0, &[0.1, 0.2, 0.3, 0.4, 0.5]), [0, 1, 2, 3, 4]);
    assert_eq!(course.ask(), Some(0), "the early one, that now is the best of five");
    assert_eq!(course.ask(), Some(5), "nobody else: a new one starts");
    assert_eq!(pass(&mut course, 5, &[0.6]), [5]);
    assert_eq!(course.ask(), Some(1), "of six two go on");
}

#[test]
fn in_the_end_half_go_on() {
    let mut course = waiting(4);
    assert_eq!(pass(&mut course, 0, &[0.1, 0.2, 0.3, 0.4]), [0, 1, 2, 3]);
    // A third of four is one; with no trial left to start two go on.
    assert_eq!([course.ask(), course.ask(), course.ask()], [Some(0), Some(1), None]);
}

/// Six trials that completed with these losses, after passing the first rung with 1, 2, 3, … tenths; six more run.
fn told(mut course: Course, finals: [f64; 6]) -> Course {
    // From the worst to the best, so that none ends.
    for number in (0..6).rev() {
        course.report(number, 0.04, f64::from(number + 1) / 10.0);
    }
    for (number, loss) in (0..).zip(finals) {
        while course.trial(number).state != TrialState::Running {
            course.ask().expect("it goes on sooner or later");
        }
        course.complete(number, loss);
    }
    course
}

#[test]
fn a_rung_that_foretells_much_keeps_a_third() {
    let mut course = told(ending(12), [0.01, 0.02, 0.03, 0.04, 0.05, 0.06]);
    // Two of seven are better, then two of eight, and one of nine.
    assert_eq!(pass(&mut course, 6, &[0.25, 0.22, 0.15]), [6, 7]);
}

#[test]
fn a_rung_that_foretells_little_keeps_half() {
    // Spearman: 1 - 6 * 14 / 210 = 0.6.
    let mut course = told(ending(12), [0.03, 0.01, 0.02, 0.06, 0.04, 0.05]);
    // Three of seven go on, then four of eight, and of nine.
    assert_eq!(pass(&mut course, 6, &[0.25, 0.29, 0.35]), [8]);
}

#[test]
fn a_rung_that_misleads_stops_nobody() {
    let mut course = told(ending(12), [0.06, 0.05, 0.04, 0.03, 0.02, 0.01]);
    assert!(pass(&mut course, 6, &[0.9, 5.0, 9.0]).is_empty());
}

#[test]
fn differences_within_noise_stop_nobody() {
    let mut course = ending(5);
    let mut report = |number, wrong: std::ops::Range<usize>| {
        let errors = (0..100).map(|index| u8::from(wrong.contains(&index))).collect();
        course.report_values(number, 0.04, &[("loss", wrong.len() as f64)], Some(errors))
    };
    for (number, wrong) in [(0, 0..30), (1, 0..20), (2, 0..5)] {
        assert_eq!(report(number, wrong), TrialState::Running);
    }
    // Two of four go on. Against the second: wrong on 7 more and on 5 fewer, 0.02 with a standard error of 0.035.
    assert_eq!(report(3, 5..27), TrialState::Running);
    // Three of five do. Against the third, which is the one before: wrong on 5 more and on 1 fewer, 0.04 with a standard error of 0.024.
    assert_eq!(report(4, 0..26), TrialState::Pruned);
}

#[test]
fn a_loss_that_blows_up_ends_a_trial() {
    let mut course = ending(3);
    let mut report = |number, fraction, loss, accuracy| {
        let values = [("loss", 0.5), ("eval_loss", loss), ("eval_accuracy", accuracy)];
        course.report_values(number, fraction, &values, None)
    };
    for number in 0..3 {
        assert_eq!(report(number, 0.05, 0.7, 0.5), TrialState::Running);
    }
    assert_eq!(report(0, 0.09, 9.0, 0.5), TrialState::Running, "it is warming up");
    assert_eq!(report(0, 0.2, 1.5, 0.5), TrialState::Pruned);
    assert_eq!(report(1, 0.2, 1.5, 0.8), TrialState::Running, "it overfits");
    assert_eq!(report(2, 0.2, 1.3, 0.5), TrialState::Running);
}
