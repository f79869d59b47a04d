//! Each guard by hand.

use tunesmith_core::{Params, TrialState};

use crate::schedulers::tests::course::Course;

fn course(trials: u32) -> Course {
    let mut course = Course::new("auto", Params::new(), trials);
    course.start(trials);
    course
}

/// Lets trials pass the first rung with these losses; who ends there.
fn pass(course: &mut Course, first: u32, losses: &[f64]) -> Vec<u32> {
    let passed = (first..).zip(losses);
    passed
        .filter(|(number, loss)| course.report(*number, 0.04, **loss) == TrialState::Pruned)
        .map(|(number, _)| number)
        .collect()
}

#[test]
fn at_first_the_worst_third_ends() {
    let mut course = course(8);
    // Of two nobody is judged; of three the worst has two better ones, which is two thirds.
    let ended = pass(&mut course, 0, &[0.1, 0.2, 0.3, 0.4, 0.25, 0.15, 0.5, 0.05]);
    assert_eq!(ended, [3, 6]);
}

/// Six trials that completed with these losses, after passing the first rung with 1, 2, 3, … tenths; six more run.
fn told(finals: [f64; 6]) -> Course {
    let mut course = course(12);
    // From the worst to the best, so that nobody ends.
    for number in (0..6).rev() {
        let loss = f64::from(number + 1) / 10.0;
        assert_eq!(course.report(number, 0.04, loss), TrialState::Running);
    }
    for (number, loss) in (0..).zip(finals) {
        course.complete(number, loss);
    }
    course
}

#[test]
fn a_rung_that_foretells_much_keeps_a_third() {
    let mut course = told([0.01, 0.02, 0.03, 0.04, 0.05, 0.06]);
    // Two of seven are better, then three of eight.
    assert_eq!(pass(&mut course, 6, &[0.25, 0.29]), [7]);
}

#[test]
fn a_rung_that_foretells_little_keeps_half() {
    // Spearman: 1 - 6 * 14 / 210 = 0.6.
    let mut course = told([0.03, 0.01, 0.02, 0.06, 0.04, 0.05]);
    // Better are 2 of 7, 3 of 8, and then 5 of 9.
    assert_eq!(pass(&mut course, 6, &[0.29, 0.35, 0.45]), [8]);
}

#[test]
fn a_rung_that_misleads_stops_nobody() {
    let mut course = told([0.06, 0.05, 0.04, 0.03, 0.02, 0.01]);
    assert!(pass(&mut course, 6, &[0.9, 5.0, 9.0]).is_empty());
}

#[test]
fn differences_within_noise_stop_nobody() {
    let mut course = course(5);
    let mut report = |number, wrong: std::ops::Range<usize>| {
        let errors = (0..100).map(|index| u8::from(wrong.contains(&index))).collect();
        course.report_values(number, 0.04, &[("loss", wrong.len() as f64)], Some(errors))
    };
    for (number, wrong) in [(0, 0..20), (1, 0..10), (2, 0..5)] {
        assert_eq!(report(number, wrong), TrialState::Running);
    }
    // Against the first: wrong on 7 more and on 5 fewer, 0.02 with a standard error of 0.035.
    assert_eq!(report(3, 5..27), TrialState::Running);
    // Against that one: wrong on 5 more and on 1 fewer, 0.04 with a standard error of 0.024.
    assert_eq!(report(4, 0..26), TrialState::Pruned);
}

#[test]
fn a_loss_that_blows_up_ends_a_trial() {
    let mut course = course(3);
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
