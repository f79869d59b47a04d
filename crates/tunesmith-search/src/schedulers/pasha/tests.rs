//! The order of two rungs and the cap on them.

use tunesmith_core::{Params, TrialState};

use super::*;
use crate::schedulers::tests::course::Course;
use crate::schedulers::tests::golden;

fn places(scores: impl IntoIterator<Item = (u32, f64)>) -> Vec<Place> {
    let place = |(trial, score)| Place { trial, score, waits: true, went_on: false };
    scores.into_iter().map(place).collect()
}

#[test]
fn soft_rankings_are_those_of_syne_tune() {
    let mut found = [0; 2];
    for case in &golden::file()["syne_tune_pasha"]["rankings"].as_array().expect("a list").clone() {
        let lower = places((0..).zip(golden::numbers(&case["lower"])));
        let order = golden::numbers(&case["upper"]).into_iter().map(|trial| trial as u32);
        let upper = places(order.zip((0..).map(f64::from)));
        let expected = case["agree"].as_bool().expect("a truth");
        assert_eq!(agree(&upper, &lower, golden::number(&case["epsilon"])), expected, "{case}");
        found[usize::from(expected)] += 1;
    }
    assert!(found.iter().all(|count| *count > 5), "{found:?}");
}

#[test]
fn epsilons_are_those_of_syne_tune() {
    let mut found = 0;
    for case in golden::file()["syne_tune_pasha"]["epsilons"].as_array().expect("a list") {
        let curves = case["curves"].as_array().expect("curves").iter().map(golden::numbers);
        let at = |step: usize| (step + 1) as f64 / 27.0;
        let curves: Vec<Curve> = curves
            .map(|scores| {
                Curve(
                    scores.into_iter().enumerate().map(|(step, score)| (at(step), score)).collect(),
                )
            })
            .collect();
        let rung = |name: &str| golden::number(&case[name]) / 27.0;
        let epsilon = noise(&curves, rung("bottom"), rung("top"));
        let expected = golden::number(&case["epsilon"]);
        assert!((epsilon - expected).abs() < 1e-12, "{epsilon}, not {expected}");
        found += u32::from(expected > 0.0);
    }
    assert!(found >= 3, "{found} cases with noise");
}

/// Lets four trials pass the first rung, and the two best of them the second with these losses.
fn course(second: [f64; 2]) -> Course {
    let mut course = Course::new("pasha", Params::new(), 20);
    for (best, loss) in second.into_iter().enumerate() {
        for number in [2 * best as u32, 2 * best as u32 + 1] {
            assert_eq!(course.ask(), Some(number));
            let first = f64::from(number) / 10.0;
            assert_eq!(course.report(number, 0.04, first), TrialState::Paused);
        }
        assert_eq!(course.ask(), Some(best as u32));
        assert_eq!(course.report(best as u32, 0.12, loss), TrialState::Paused);
    }
    course
}

#[test]
fn the_cap_rises_where_the_order_changes() {
    // The same order in both rungs: nobody goes beyond the second.
    let mut same = course([0.05, 0.15]);
    assert_eq!(same.ask(), Some(4));
    // Another order: the best of the second rung goes on.
    let mut changed = course([0.15, 0.05]);
    assert_eq!(changed.ask(), Some(1));
}
