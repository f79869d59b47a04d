//! Numbers of the golden file.

use serde_json::Value as Json;

use super::super::dimension::{Kind, Range};
use super::super::mixture::{bandwidths, fading_weights};
use super::super::observations::gamma;
use super::*;
use crate::numeric::special::{log_gauss_mass, truncated_normal_quantile};

fn golden() -> Json {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/tpe.json"));
    serde_json::from_str(text).expect("JSON")
}

fn numbers(json: &Json) -> Vec<f64> {
    json.as_array().expect("a list").iter().map(|each| each.as_f64().expect("a number")).collect()
}

fn list(json: &Json) -> &Vec<Json> {
    json.as_array().expect("a list")
}

#[track_caller]
fn assert_close(found: f64, expected: f64, relative: f64, what: &str) {
    let scale = expected.abs().max(f64::MIN_POSITIVE);
    assert!((found - expected).abs() <= relative * scale, "{what}: {found}, not {expected}");
}

#[test]
fn masses_are_optunas_and_quantiles_scipys() {
    let golden = golden();
    let masses = &golden["log_gauss_mass"];
    for ((a, b), expected) in
        numbers(&masses["a"]).iter().zip(numbers(&masses["b"])).zip(numbers(&masses["log_mass"]))
    {
        let found = log_gauss_mass(*a, b);
        // Optuna's own error where it takes a small mass as 1 less two halves.
        let own =
            if *a < 0.0 && b > 0.0 { 1e-16 / (libm::exp(expected) * expected.abs()) } else { 0.0 };
        assert_close(found, expected, 1e-10 + own, &format!("mass {a}..{b}"));
    }
    let quantiles = &golden["truncated_normal_quantile"];
    let column = |name: &str| numbers(&quantiles[name]);
    let points = column("q").into_iter().zip(column("a")).zip(column("b")).zip(column("x"));
    for (((q, a), b), expected) in points {
        let found = truncated_normal_quantile(q, a, b);
        let close = (found - expected).abs() <= 1e-8 * expected.abs() + 1e-10 * (b - a).min(1.0);
        assert!(close, "{q} of {a}..{b}: {found}, not {expected}");
    }
}

#[test]
fn shares_and_weights_are_optunas_and_hyperopts() {
    let golden = golden();
    for row in list(&golden["gamma"]) {
        let row: Vec<usize> = numbers(row).iter().map(|number| *number as usize).collect();
        assert_eq!(gamma(Flavour::Optuna, row[0], 1), row[1], "of {}", row[0]);
        assert_eq!(gamma(Flavour::HyperOpt, row[0], 1), row[2], "of {}", row[0]);
    }
    assert_eq!((gamma(Flavour::Optuna, 1_000, 2), gamma(Flavour::Watanabe, 41, 1)), (100, 7));
    for (count, expected) in golden["weights"].as_object().expect("an object") {
        let found = fading_weights(count.parse().expect("a count"));
        let expected = numbers(expected);
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert_close(*found, *expected, 1e-12, "weight");
        }
    }
}

#[test]
fn bandwidths_are_hyperopts_and_watanabes() {
    let unit =
        SearchSpace::new(vec![Parameter::new("x", Domain::float(0.0, 1.0))]).expect("a space");
    let dimensions = dimensions(&unit);
    let Kind::Range(range) = &dimensions[0].kind else { panic!("a range") };
    for case in list(&golden()["bandwidths"]) {
        let sorted: Vec<(f64, u32)> = numbers(&case["at"]).into_iter().zip(0..).collect();
        for (flavour, name) in [(Flavour::HyperOpt, "hyperopt"), (Flavour::Watanabe, "watanabe")] {
            for (found, expected) in
                bandwidths(range, &sorted, flavour).iter().zip(numbers(&case[name]))
            {
                assert_close(*found, expected, 1e-12, &format!("{name} of {}", sorted.len()));
            }
        }
    }
}

/// The params at one index of columns in optuna's own terms.
fn params(space: &SearchSpace, columns: &Json, index: usize) -> Params {
    space.complete(|parameter| {
        let number = columns[&parameter.name][index].as_f64().expect("a number");
        match parameter.domain() {
            Some(Domain::Categorical { choices, .. }) => choices[number as usize].clone(),
            Some(domain) => domain.coerce(&Value::Float(number)).expect("a legal value"),
            None => Value::Null,
        }
    })
}

fn candidate(dimension: &Dimension<'_>, params: &Params) -> f64 {
    let value = params.get(&dimension.parameter.name).expect("a value");
    match &dimension.kind {
        Kind::Range(Range { lattice: Some(_), .. }) => value.as_f64().expect("a number"),
        _ => dimension.coordinate(value),
    }
}

#[test]
fn mixtures_are_optunas() {
    let space = space();
    for case in list(&golden()["mixtures"]) {
        let bench = Bench::new(space.clone(), 1);
        let dimensions = dimensions(&space);
        let mut observations = Observations::of(&bench.study, dimensions, Flavour::Optuna, true);
        let count = list(&case["observations"]["lr"]).len();
        for index in 0..count {
            observations.push_pending(&params(&space, &case["observations"], index));
        }
        let mixture = Mixture::of(&observations, &[0, 1, 2, 3, 4, 5], false, Flavour::Optuna);
        for (index, dimension) in observations.dimensions.iter().enumerate() {
            let Some((mu, sigma)) = mixture.normals(index) else { continue };
            let expected = &case["kernels"][&dimension.parameter.name];
            for (found, name) in [(mu, "mu"), (sigma, "sigma")] {
                assert_eq!(found.len(), count + 1);
                for (found, expected) in found.iter().zip(numbers(&expected[name])) {
                    assert_close(*found, expected, 1e-12, &format!("{count} {name}"));
                }
            }
        }
        let expected = numbers(&case["log_pdf"]);
        let points: Vec<Vec<f64>> = (0..expected.len())
            .map(|index| {
                let params = params(&space, &case["points"], index);
                observations.dimensions.iter().map(|each| candidate(each, &params)).collect()
            })
            .collect();
        for (found, expected) in mixture.log_densities(&points).iter().zip(expected) {
            assert_close(*found, expected, 1e-12, &format!("log density of {count}"));
        }
    }
}

/// The study of the golden file.
fn told(history: &Json) -> Bench {
    let trials = list(history);
    let objectives = trials.iter().find_map(|trial| trial["values"].as_array()).map_or(1, Vec::len);
    let space = space();
    let mut bench = Bench::new(space.clone(), objectives);
    for trial in trials {
        let params = space.complete(|parameter| {
            let value = match &trial["params"][&parameter.name] {
                Json::String(text) => Value::Text(text.clone()),
                number => Value::Float(number.as_f64().expect("a number")),
            };
            parameter.domain().and_then(|domain| domain.coerce(&value)).expect("a legal value")
        });
        let end = match trial["state"].as_str() {
            Some("COMPLETE") => End::Completed(numbers(&trial["values"])),
            Some("PRUNED") => {
                let last = numbers(&trial["last_report"]);
                End::Pruned(Some((last[0] / 4.0, last[1])))
            }
            _ => End::Running,
        };
        bench.add(params, end);
    }
    bench
}

#[test]
fn the_good_trials_are_those_that_optuna_takes() {
    for case in list(&golden()["studies"]) {
        let bench = told(&case["history"]);
        for split in list(&case["splits"]) {
            let wanted = split["wanted"].as_u64().expect("a count") as usize;
            let expected: Vec<usize> =
                numbers(&split["good"]).iter().map(|number| *number as usize).collect();
            let found = Observations::good(&bench.study, wanted);
            assert_eq!(found, expected, "{wanted} of {} objectives", bench.study.metrics().len());
        }
    }
}

/// Kolmogorov and Smirnov's distance of two samples.
fn distance(left: &mut [f64], right: &mut [f64]) -> f64 {
    left.sort_by(f64::total_cmp);
    right.sort_by(f64::total_cmp);
    let share = |sample: &[f64], at: f64| {
        sample.partition_point(|value| *value <= at) as f64 / sample.len() as f64
    };
    let gap = |at: &f64| (share(left, *at) - share(right, *at)).abs();
    left.iter().chain(right.iter()).map(gap).fold(0.0, f64::max)
}

#[test]
fn proposals_are_distributed_as_optunas() {
    let golden = golden();
    let case = &golden["studies"][0];
    let bench = told(&case["history"]);
    for (name, word) in [("multivariate", "always"), ("univariate", "never")] {
        let tpe = tpe([("multivariate", Value::from(word))]);
        let proposed: Vec<Params> = (0..2_000)
            .map(|seed| tpe.suggest(&bench.study, 1, &Rng::at(seed, 0, "test")).remove(0).params)
            .collect();
        for dimension in dimensions(bench.study.space()) {
            let parameter = &dimension.parameter.name;
            let mut ours: Vec<f64> =
                proposed.iter().map(|params| candidate(&dimension, params)).collect();
            let mut theirs: Vec<f64> = list(&case[name][parameter])
                .iter()
                .map(|each| match each.as_str() {
                    Some(text) => dimension.coordinate(&Value::from(text)),
                    None => candidate(&dimension, &rounded(&dimension, each)),
                })
                .collect();
            let (n, m) = (ours.len() as f64, theirs.len() as f64);
            let found = distance(&mut ours, &mut theirs);
            // The distance that chance exceeds once in a hundred times.
            let limit = 1.628 * ((n + m) / (n * m)).sqrt();
            assert!(found < limit, "{name} {parameter}: {found:.4}, not below {limit:.4}");
        }
    }
}

/// A value of the dump, which has five digits, put back into its domain.
fn rounded(dimension: &Dimension<'_>, json: &Json) -> Params {
    let real = json.as_f64().expect("a number");
    let value = match dimension.parameter.domain() {
        Some(Domain::Float { low, high, .. }) => Value::Float(real.clamp(*low, *high)),
        _ => Value::Float(real),
    };
    Params::from([(dimension.parameter.name.as_str(), value)])
}
