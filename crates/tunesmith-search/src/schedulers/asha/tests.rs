//! Who is cut at a rung, by hand and against recorded decisions of Ray and Syne Tune.

use tunesmith_core::{Goal, Metric, Params, StudyConfig, TrialState};

use crate::schedulers::tests::course::{Course, config};
use crate::schedulers::tests::golden;

#[test]
fn of_nine_at_a_rung_the_worst_end() {
    let mut course = Course::new("asha", Params::new(), 9);
    course.start(9);
    let losses = [0.5, 0.4, 0.6, 0.45, 0.3, 0.41, 0.9, 0.2, 0.35];
    let cut: Vec<usize> = (0..9)
        .filter(|index| course.report(*index as u32, 0.05, losses[*index]) == TrialState::Pruned)
        .collect();
    // A trial ends where more than a third of those at the rung, itself among them, are better.
    assert_eq!(cut, [2, 6]);
    // Reports between rungs end nobody.
    assert_eq!(course.report(0, 0.08, 9.0), TrialState::Running);
}

#[test]
fn more_is_better_where_the_metric_says_so() {
    let metrics = vec![Metric::new("loss", Goal::Maximize)];
    let mut course = Course::of(&StudyConfig { metrics, ..config("asha", Params::new(), 3) });
    course.start(3);
    assert_eq!(course.report(0, 0.05, 0.5), TrialState::Running);
    assert_eq!(course.report(1, 0.05, 0.4), TrialState::Pruned);
    assert_eq!(course.report(2, 0.05, 0.6), TrialState::Running);
}

#[test]
fn the_end_of_a_schedule_ends_nobody() {
    let mut course = Course::new("asha", Params::new(), 3);
    course.start(3);
    for (number, loss) in [(0, 0.1), (1, 0.2), (2, 0.3)] {
        assert_eq!(course.report(number, 1.0, loss), TrialState::Running);
    }
}

#[test]
fn several_objectives_are_ranked_by_fronts() {
    let metrics = vec![Metric::new("loss", Goal::Minimize), Metric::new("f1", Goal::Maximize)];
    let mut course = Course::of(&StudyConfig { metrics, ..config("asha", Params::new(), 4) });
    course.start(4);
    let mut report =
        |number, loss, f1| course.report_values(number, 0.05, &[("loss", loss), ("f1", f1)], None);
    assert_eq!(report(0, 0.3, 0.8), TrialState::Running);
    // On the front, but not its first.
    assert_eq!(report(1, 0.4, 0.9), TrialState::Pruned);
    // The first of the front.
    assert_eq!(report(2, 0.2, 0.85), TrialState::Running);
    // Beaten in both.
    assert_eq!(report(3, 0.5, 0.7), TrialState::Pruned);
}

/// The trials that end are those that the other tool stopped.
fn replay(name: &str, rule: &str) {
    for case in golden::cases(name) {
        let mut options = golden::ladder(&case);
        options.insert("rule", rule);
        let mut course = golden::course(&case, "asha", options);
        course.start(20);
        assert!(golden::replay(&case, &mut course) >= 5, "few were stopped: {case}");
    }
}

#[test]
fn decisions_are_rays() {
    replay("ray_asha", "ray");
}

#[test]
fn decisions_are_syne_tunes() {
    replay("syne_tune_asha", "syne_tune");
}
