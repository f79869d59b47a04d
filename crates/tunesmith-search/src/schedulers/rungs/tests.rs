//! Which rungs a trial has passed, and with which report.

use tunesmith_core::{Goal, Metric};

use super::*;
use crate::schedulers::tests::course::reported;

fn passings(points: &[(f64, Option<f64>)]) -> Vec<(usize, f64, usize)> {
    let ladder = Ladder::geometric(1.0 / 27.0, 3.0);
    let trial = reported(points);
    let metric = Metric::new("loss", Goal::Maximize);
    let all = || ladder.passings(&trial, scored(&metric));
    for rung in 0..3 {
        let passed = all().find(|passing| passing.rung == rung).map(|passing| passing.value);
        assert_eq!(ladder.at(&trial, rung, scored(&metric)).map(|(_, value)| value), passed);
        let beyond = all().find(|passing| passing.rung >= rung).map(|passing| passing.value);
        assert_eq!(ladder.first_from(&trial, rung, scored(&metric)), beyond);
    }
    all().map(|passing| (passing.rung, passing.value, passing.report)).collect()
}

#[test]
fn rungs_end_below_the_whole() {
    let ladder = Ladder::geometric(1.0 / 27.0, 3.0);
    let expected = [1.0 / 27.0, 1.0 / 9.0, 1.0 / 3.0];
    assert_eq!(ladder.len(), 3);
    assert!(ladder.fractions().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12));
    assert_eq!(ladder.name(1), "11.1 % of its schedule");
    assert_eq!(Ladder::geometric(0.5, 4.0).fractions(), [0.5]);
}

#[test]
fn a_rung_is_passed_by_the_first_report_there_that_has_the_metric() {
    let points = [(0.01, Some(0.1)), (0.05, None), (0.06, Some(0.2)), (0.08, Some(0.3))];
    assert_eq!(passings(&points), [(0, -0.2, 2)]);
    // A step short of the rung, by rounding.
    assert_eq!(passings(&[(1.0 / 27.0 - 1e-12, Some(1.0))]), [(0, -1.0, 0)]);
}

#[test]
fn of_several_rungs_passed_at_once_the_highest_counts() {
    let points = [(0.2, Some(0.2)), (0.9, Some(0.4)), (1.0, Some(0.5))];
    assert_eq!(passings(&points), [(1, -0.2, 0), (2, -0.4, 1)]);
    assert_eq!(passings(&[(1.0, Some(0.5))]), [(2, -0.5, 0)]);
    // One that lacks the metric leaves its rungs to the next.
    assert_eq!(passings(&[(0.2, None), (0.9, Some(0.4))]), [(2, -0.4, 1)]);
    assert!(passings(&[]).is_empty());
}
