//! Densities by hand, and whether proposals follow the best budget.

use tunesmith_core::{Component, StudyConfig};

use super::*;
use crate::population::note;
use crate::schedulers::tests::course::{Course, config};

#[test]
fn densities_are_those_of_the_formulas() {
    let lr = Parameter::new("lr", Domain::float(0.0, 1.0));
    let kind = Parameter::new("kind", Domain::categorical(["a", "b"]));
    let parameters = [&lr, &kind];
    let points = vec![vec![0.2, 0.25], vec![0.4, 0.75], vec![0.6, 0.25]];
    let density = Density::of(&parameters, points);
    // 1.06 * standard deviation * 3^(-1/6); of the choice's indexes 0, 1, 0 it is sqrt(2)/3.
    let shrink = libm::pow(3.0, -1.0 / 6.0);
    let expected = [1.06 * (0.08_f64 / 3.0).sqrt() * shrink, 1.06 * 2.0_f64.sqrt() / 3.0 * shrink];
    for (found, expected) in density.bandwidths.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
    let [h, chance] = expected;
    let normal = |z: f64| libm::exp(-0.5 * z * z) / h;
    let by_hand =
        ((1.0 - chance) * (normal(0.0) + normal(0.4 / h)) + chance * normal(0.2 / h)) / 3.0;
    assert!((density.at(&[0.2, 0.25]) - by_hand).abs() < 1e-12);
}

#[test]
fn proposals_lie_where_the_good_ones_are() {
    let sampler = Component::named("bohb");
    let mut course =
        Course::of(&StudyConfig { sampler, ..config("hyperband", Params::new(), 300) });
    let loss = |course: &Course, number| {
        let lr = course.trial(number).params.get("lr").and_then(Value::as_f64).expect("lr");
        (libm::log10(lr) + 3.0).abs()
    };
    let mut near = [Vec::new(), Vec::new()];
    while let Some(number) = course.ask() {
        let trial = course.trial(number);
        if trial.reports.is_empty() {
            let is_model =
                note(trial).and_then(|note| note.get("model")) == Some(&Value::from("bohb"));
            near[usize::from(is_model)].push(loss(&course, number));
        }
        let loss = loss(&course, number);
        for step in 1..=54 {
            let fraction = f64::from(step) / 54.0;
            if course.trial(number).state == TrialState::Running
                && fraction > course.trial(number).reached_fraction()
            {
                course.report(number, fraction, loss);
            }
        }
        if course.trial(number).state == TrialState::Running {
            course.complete(number, loss);
        }
    }
    let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
    let [random, modelled] = near;
    assert!(modelled.len() > 150 && random.len() > 60, "{} {}", modelled.len(), random.len());
    assert!(mean(&modelled) < mean(&random) / 3.0, "{} {}", mean(&modelled), mean(&random));
}
