//! The rule by hand; the test itself is beside the numbers.

use tunesmith_core::{Params, TrialState};

use crate::schedulers::tests::course::Course;

/// 40 examples of which the first `wrong` are wrong.
fn errors(wrong: usize) -> Vec<u8> {
    (0..40).map(|index| u8::from(index < wrong)).collect()
}

/// A completed trial, right on all but 4 examples halfway and at its end, and two others that run.
fn course() -> Course {
    let mut course = Course::new("wilcoxon", Params::new(), 3);
    course.start(3);
    for (fraction, wrong) in [(0.25, 30), (0.5, 4), (1.0, 4)] {
        course.report_values(0, fraction, &[("loss", 0.1)], Some(errors(wrong)));
    }
    course.complete(0, 0.1);
    course
}

#[test]
fn what_is_worse_on_the_same_examples_ends() {
    let mut course = course();
    // Against the report at a half, not that at a quarter. One more error of 40 is chance.
    assert_eq!(
        course.report_values(1, 0.3, &[("loss", 0.1)], Some(errors(5))),
        TrialState::Running
    );
    assert_eq!(
        course.report_values(1, 0.4, &[("loss", 0.1)], Some(errors(12))),
        TrialState::Pruned
    );
    assert!(course.policy.scheduler.pairs_examples());
}

#[test]
fn what_is_no_worse_goes_on() {
    let mut course = course();
    assert_eq!(
        course.report_values(1, 0.5, &[("loss", 9.0)], Some(errors(4))),
        TrialState::Running
    );
    assert_eq!(
        course.report_values(2, 0.5, &[("loss", 9.0)], Some(errors(0))),
        TrialState::Running
    );
    assert_eq!(
        course.report_values(2, 1.0, &[("loss", 9.0)], Some(errors(40))),
        TrialState::Running
    );
}

#[test]
fn without_paired_errors_everything_goes_on() {
    let mut course = course();
    assert_eq!(course.report(1, 0.5, 9.0), TrialState::Running);
    let few = Some(vec![1; 12]);
    assert_eq!(course.report_values(2, 0.5, &[("loss", 9.0)], few), TrialState::Running);
}
