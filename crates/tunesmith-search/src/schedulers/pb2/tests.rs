//! Ray's arithmetic, and a population that learns which way to go.

use tunesmith_core::{Params, TrialState, Value, replay};

use super::*;
use crate::schedulers::tests::course::Course;
use crate::schedulers::tests::golden::{file, number, numbers};

#[test]
fn targets_and_bounds_are_rays() {
    let golden = &file()["ray_pb2"];
    for (found, expected) in
        standardised(numbers(&golden["y"])).iter().zip(numbers(&golden["standardised"]))
    {
        assert!((found - expected).abs() < 1e-12);
    }
    let first = |name: &str| numbers(&golden[name])[0];
    let bound = upper_bound(first("mean"), first("deviation") * first("deviation"), 8);
    assert!((bound - number(&golden["ucb"])).abs() < 1e-9, "{bound}");
}

#[test]
fn the_search_finds_a_peak() {
    let peak = |at: &[f64]| -(at[0] - 0.3) * (at[0] - 0.3) - (at[1] - 2.0) * (at[1] - 2.0);
    let found = greatest(peak, 2, &Rng::at(1, 0, "peak"));
    assert!((found[0] - 0.3).abs() < 1e-3 && found[1] > 0.999, "{found:?}");
}

#[test]
fn exploits_follow_what_improves() {
    // Whoever has the greater rate improves faster.
    let quantile = Params::from([("quantile", Value::Float(0.5))]);
    let mut course = Course::new("pb2", quantile, 8);
    course.start(8);
    let mut loss = [10.0_f64; 8];
    let mut proposed = Vec::new();
    while course.study.count(TrialState::Running) > 0 {
        let before = loss;
        for trial in 0..8_u32 {
            let rate = course.trial(trial).params.get("lr").and_then(Value::as_f64).expect("lr");
            let fraction = (course.trial(trial).reached_fraction() + 0.25).min(1.0);
            if let Some(taken) = course.trial(trial).exploits.last()
                && course.trial(trial).current_reports().is_empty()
            {
                loss[trial as usize] = before[taken.donor as usize];
            }
            loss[trial as usize] -= (libm::log10(rate) + 6.0) / 4.0;
            course.report(trial, fraction, loss[trial as usize]);
            if fraction >= 1.0 {
                course.complete(trial, loss[trial as usize]);
            }
        }
        while course.ask().is_some() {}
    }
    for trial in course.study.trials() {
        // The first exploit has no rows to go by.
        let model = |one: &tunesmith_core::Exploited| one.note.get("model").cloned();
        let modelled = trial.exploits.iter().filter(|one| model(one) == Some(Value::from("pb2")));
        if modelled.count() > 0 {
            proposed.push(trial.params.get("lr").and_then(Value::as_f64).expect("lr"));
        }
    }
    assert!(proposed.len() >= 4, "{proposed:?}");
    let mean = proposed.iter().map(|rate| libm::log10(*rate)).sum::<f64>() / proposed.len() as f64;
    // The middle of the range is 1e-4.
    assert!(mean > -3.0, "{proposed:?}");
    assert!(replay::verify(&course.log, &course.policy).is_ok());
}
