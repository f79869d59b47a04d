//! Likelihood, prior, fit and posterior against optuna's numbers; see tools/golden/gaussian_process.py.

use serde_json::Value as Json;

use super::*;
use crate::samplers::gp::model::Model;

fn golden() -> Json {
    serde_json::from_str(include_str!("../../../../tests/golden/gaussian_process.json"))
        .expect("JSON")
}

fn number(value: &Json) -> f64 {
    value.as_f64().expect("a number")
}

fn numbers(value: &Json) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(number).collect()
}

fn rows(value: &Json) -> Vec<Vec<f64>> {
    value.as_array().expect("a list").iter().map(numbers).collect()
}

const CATEGORICAL: [bool; 3] = [false, false, true];

fn evidence(problem: &Json, floor: f64) -> Evidence {
    let points = rows(&problem["points"]);
    let points: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
    Evidence::new(&CATEGORICAL, &points, numbers(&problem["targets"]), floor)
}

fn assert_near(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        "{found} is not {expected}"
    );
}

#[test]
fn likelihood_and_prior_are_optunas() {
    let golden = golden();
    let expected = &golden["posterior"];
    let mut raw: Vec<f64> =
        numbers(&expected["inverse_squares"]).into_iter().map(libm::log).collect();
    raw.push(libm::log(number(&expected["scale"])));
    raw.push(libm::log(number(&expected["noise"])));
    let evidence = evidence(&golden["problems"][0], 0.0);
    let mut gradient = vec![0.0; 5];
    let likelihood = evidence.likelihood(&evidence.kernel(&raw), &raw, &mut gradient);
    assert_near(likelihood, number(&expected["likelihood"]));
    assert_near(
        log_prior(&evidence.kernel(&raw), &raw, &mut gradient),
        number(&expected["log_prior"]),
    );
}

#[test]
fn the_posterior_is_optunas() {
    let golden = golden();
    let expected = &golden["posterior"];
    let kernel = Kernel {
        categorical: CATEGORICAL.to_vec(),
        inverse_squares: numbers(&expected["inverse_squares"]),
        scale: number(&expected["scale"]),
        noise: number(&expected["noise"]),
    };
    let problem = &golden["problems"][0];
    let (points, targets) = (rows(&problem["points"]), numbers(&problem["targets"]));
    let model = Model::new(kernel, &points, &targets);
    let best = targets.iter().copied().fold(f64::INFINITY, f64::min);
    let asked = rows(&expected["asked"]);
    let projections: Vec<Vec<f64>> = asked
        .iter()
        .map(|point| {
            let mut projection = Vec::new();
            model.project(point, &mut projection);
            projection
        })
        .collect();
    for (i, projection) in projections.iter().enumerate() {
        assert_near(model.mean(projection), number(&expected["mean"][i]));
        let variance = model.variance(projection);
        assert_near(variance - 1e-12, number(&expected["variance"][i]));
        for (j, other) in projections.iter().enumerate() {
            let mut prior = [model.kernel.squared(&asked[i], &asked[j])];
            materns(&mut prior, &mut [0.0]);
            let covariance = model.kernel.scale * prior[0] - dot(projection, other);
            assert_near(covariance, number(&expected["covariance"][i][j]));
        }
        let sigma = variance.sqrt();
        let z = (best - model.mean(projection)) / sigma;
        let improvement = crate::numeric::special::standard_log_ei(z) + libm::log(sigma);
        assert_near(improvement, number(&expected["log_improvement"][i]));
    }
}

#[test]
fn fits_are_no_worse_than_optunas() {
    let golden = golden();
    let fitted = numbers(&golden["fitted_objectives"]);
    for (problem, reference) in golden["problems"].as_array().expect("problems").iter().zip(fitted)
    {
        let evidence = evidence(problem, 1e-6);
        let found = evidence.objective(&evidence.fitted(), &mut [0.0; 5]);
        assert!(found >= reference - 1e-4, "{found} is below {reference}");
    }
}

#[test]
fn the_gradient_is_that_of_differences() {
    let golden = golden();
    let problem = &golden["problems"][1];
    let small = evidence(problem, 1e-6);
    assert_gradient(&small, &[1.2, -0.4, 0.3, 0.2, -3.0]);
    // Thirteen axes, so that the other prior holds.
    let points: Vec<Vec<f64>> =
        rows(&problem["points"]).iter().map(|point| point.repeat(5)[..13].to_vec()).collect();
    let points: Vec<&[f64]> = points.iter().map(Vec::as_slice).collect();
    let categorical: Vec<bool> = (0..13).map(|axis| axis % 3 == 2).collect();
    let wide = Evidence::new(&categorical, &points, numbers(&problem["targets"]), 0.01);
    let raw: Vec<f64> = (0..15).map(|i| 0.1 * f64::from(i) - 1.5).collect();
    assert_gradient(&wide, &raw);
}

fn assert_gradient(evidence: &Evidence, raw: &[f64]) {
    let mut gradient = vec![0.0; raw.len()];
    evidence.objective(raw, &mut gradient);
    for (axis, slope) in gradient.iter().enumerate() {
        let at = |shift: f64| {
            let mut moved = raw.to_vec();
            moved[axis] += shift;
            evidence.objective(&moved, &mut vec![0.0; raw.len()])
        };
        let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
        assert!(
            (slope - difference).abs() <= 1e-6 * slope.abs().max(1.0),
            "{axis}: {slope} {difference}"
        );
    }
}

#[test]
fn a_subset_holds_the_best_and_spreads_over_the_rest() {
    let targets: Vec<f64> = (0..1_000).map(|i| f64::from((i * 7) % 1_000)).collect();
    let chosen = chosen(&targets, MOST_POINTS);
    assert_eq!(chosen.len(), MOST_POINTS);
    let mut values: Vec<f64> = chosen.iter().map(|index| targets[*index]).collect();
    values.sort_by(f64::total_cmp);
    assert_eq!(values[31], 31.0);
    assert!(values[127] > 980.0 && values.is_sorted_by(|a, b| a < b));
}

#[test]
fn the_prior_of_many_axes_peaks_where_botorch_starts() {
    // search_golden.json: dim_prior_mode.
    for (axes, mode) in [(1, 0.204_786_677_8), (5, 0.457_916_932_5), (20, 0.915_833_865_0)] {
        assert!((libm::exp(length_median(axes) - 3.0) - mode).abs() < 1e-9);
    }
}
