//! The transforms against SciPy's and Vizier's numbers; see tools/golden/transforms.py.

use super::*;

fn numbers(value: &serde_json::Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|item| item.as_f64().expect("a number")).collect()
}

fn cases() -> Vec<serde_json::Value> {
    let text = include_str!("../../../tests/golden/transforms.json");
    let golden: serde_json::Value = serde_json::from_str(text).expect("JSON");
    golden["cases"].as_array().expect("cases").clone()
}

fn assert_near(found: f64, expected: f64, tolerance: f64) {
    let scale = expected.abs().max(1.0);
    assert!((found - expected).abs() <= tolerance * scale, "{found} is not {expected}");
}

#[test]
fn fences_and_half_ranks_are_those_of_the_reference() {
    for case in cases() {
        let values = numbers(&case["values"]);
        assert_near(fence(&values), case["fence"].as_f64().expect("a number"), 1e-12);
        let mut warped = values.clone();
        half_rank(&mut warped);
        for (found, expected) in warped.iter().zip(numbers(&case["half_rank"])) {
            assert_near(*found, expected, 1e-12);
        }
    }
}

#[test]
fn lambdas_are_those_of_scipy() {
    for case in cases() {
        let values = numbers(&case["values"]);
        let expected = case["yeo_johnson_lambda"].as_f64().expect("a number");
        assert_near(yeo_johnson_lambda(&values), expected, 1e-6);
        if let Some(expected) = case["box_cox_lambda"].as_f64() {
            assert_near(box_cox_lambda(&values), expected, 1e-6);
        }
        let mut transformed = values.clone();
        power(&mut transformed);
        standardise(&mut transformed);
        for (found, expected) in transformed.iter().zip(numbers(&case["power_standardised"])) {
            assert_near(*found, expected, 1e-5);
        }
    }
}

#[test]
fn one_outlier_is_cut_and_nothing_else() {
    let mut values = vec![0.1, 0.2, 0.15, 0.3, 900.0];
    clip(&mut values);
    assert_eq!(values[..4], [0.1, 0.2, 0.15, 0.3]);
    assert_near(values[4], 0.4, 1e-12);
}

#[test]
fn equal_values_and_few_stay_finite() {
    for transform in [clip, half_rank, power] {
        for values in [vec![], vec![3.0], vec![2.0; 20], vec![-1e308, 1e308], vec![0.0, 1e-300]] {
            let mut changed = values.clone();
            transform(&mut changed);
            standardise(&mut changed);
            assert!(changed.iter().all(|value| value.is_finite()), "{values:?} became {changed:?}");
        }
    }
    let mut equal = vec![0.1 + 0.2; 7];
    assert_eq!(standardise(&mut equal), 0.0);
    assert_eq!(equal, [0.0; 7]);
}
