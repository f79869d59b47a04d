//! Draws against exact distributions, and the maps to and from the unit interval.

use proptest::prelude::*;

use super::*;
use crate::rng::Rng;

/// The greatest distance of the draws' distribution from `cdf` (Kolmogorov and Smirnov); the critical value at one in
/// a million is 2.6 / sqrt(n).
fn assert_distributed(domain: &Domain, prior: &Prior, cdf: impl Fn(f64) -> f64) {
    let mut rng = Rng::at(11, 0, "prior test");
    let count = 20_000;
    let mut draws: Vec<f64> = (0..count)
        .map(|_| {
            let value = prior.quantile(domain, rng.open_uniform());
            assert!(domain.contains(&value), "{value} is outside of {domain:?}");
            value.as_f64().unwrap()
        })
        .collect();
    draws.sort_by(f64::total_cmp);
    let n = f64::from(count);
    let distance = draws
        .iter()
        .enumerate()
        .map(|(index, draw)| {
            (cdf(*draw) - index as f64 / n).abs().max((cdf(*draw) - (index + 1) as f64 / n).abs())
        })
        .fold(0.0, f64::max);
    assert!(distance < 2.6 / n.sqrt(), "distance {distance} for {domain:?} under {prior:?}");
}

#[test]
fn continuous_draws_have_their_distributions() {
    use crate::probability::{beta_cdf, normal_cdf};
    let all = Domain::float(f64::NEG_INFINITY, f64::INFINITY);
    assert_distributed(&Domain::float(-1.0, 3.0), &Prior::Uniform, |x| (x + 1.0) / 4.0);
    assert_distributed(&Domain::log_float(1e-6, 1e-2), &Prior::Uniform, |x| {
        (libm::log10(x) + 6.0) / 4.0
    });
    assert_distributed(&all, &Prior::Normal { mu: 2.0, sigma: 0.5 }, |x| {
        normal_cdf((x - 2.0) / 0.5)
    });
    assert_distributed(
        &Domain::float(0.0, f64::INFINITY),
        &Prior::LogNormal { mu: 1.0, sigma: 2.0 },
        |x| normal_cdf((libm::log(x) - 1.0) / 2.0),
    );
    assert_distributed(&Domain::float(0.0, 1.0), &Prior::Beta { a: 2.0, b: 5.0 }, |x| {
        beta_cdf(2.0, 5.0, x)
    });
    let cut = |x| (normal_cdf(x) - normal_cdf(1.0)) / (normal_cdf(2.0) - normal_cdf(1.0));
    assert_distributed(&Domain::float(1.0, 2.0), &Prior::Normal { mu: 0.0, sigma: 1.0 }, cut);
}

/// Shares of the points of a small domain over equally spaced positions.
fn shares(domain: &Domain, prior: &Prior) -> Vec<(String, f64)> {
    let mut counts = std::collections::BTreeMap::new();
    let count = 100_000;
    for index in 0..count {
        let value = prior.quantile(domain, (f64::from(index) + 0.5) / f64::from(count));
        assert!(domain.contains(&value));
        counts.entry(value.canonical()).or_insert((value.to_string(), 0.0)).1 +=
            1.0 / f64::from(count);
    }
    counts.into_values().collect()
}

fn share(shares: &[(String, f64)], value: &str) -> f64 {
    shares.iter().find(|(name, _)| name == value).map_or(0.0, |(_, share)| *share)
}

#[test]
fn discrete_draws_have_their_shares() {
    let near = |found: f64, expected: f64| {
        assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
    };
    for (_, found) in shares(&Domain::int(1, 8), &Prior::Uniform) {
        near(found, 1.0 / 8.0);
    }
    let weighted =
        shares(&Domain::categorical(["a", "b", "c"]), &Prior::Weights(vec![1.0, 0.0, 3.0]));
    near(share(&weighted, "a"), 0.25);
    near(share(&weighted, "b"), 0.0);
    near(share(&weighted, "c"), 0.75);
    let stepped = Domain::Float {
        low: 0.0,
        high: 1.0,
        scale: Scale::Linear,
        step: Some(Step::FromLow(0.25)),
    };
    for (_, found) in shares(&stepped, &Prior::Uniform) {
        near(found, 0.2);
    }
    // W&B's q_uniform: the ends have half a cell.
    let quantised = Domain::Float {
        low: 0.0,
        high: 1.0,
        scale: Scale::Linear,
        step: Some(Step::Multiple(0.5)),
    };
    let quantised = shares(&quantised, &Prior::Uniform);
    near(share(&quantised, "0.0"), 0.25);
    near(share(&quantised, "0.5"), 0.5);
    // A log range of whole numbers has the share of its cell on the log axis.
    let logarithmic =
        shares(&Domain::Int { low: 1, high: 4, scale: Scale::Log, step: 1 }, &Prior::Uniform);
    near(share(&logarithmic, "1"), libm::log(3.0) / libm::log(9.0));
}

#[test]
fn impossible_priors_are_refused() {
    let float = Domain::float(50.0, 60.0);
    let category = Domain::categorical(["a", "b"]);
    for (prior, domain, expected) in [
        (
            Prior::Normal { mu: 0.0, sigma: 1.0 },
            &float,
            "the prior has no mass between 50 and 60; widen the range or move the prior",
        ),
        (
            Prior::Normal { mu: 0.0, sigma: 0.0 },
            &float,
            "the prior's sigma is 0; it must be a finite number above 0",
        ),
        (
            Prior::Normal { mu: f64::NAN, sigma: 1.0 },
            &float,
            "the prior's mu is NaN; it must be a finite number",
        ),
        (
            Prior::Beta { a: -1.0, b: 1.0 },
            &float,
            "the prior's a is -1; it must be a finite number above 0",
        ),
        (
            Prior::Weights(vec![1.0]),
            &category,
            "1 probabilities do not pair with 2 values; give one for each",
        ),
        (
            Prior::Weights(vec![0.0, 0.0]),
            &category,
            "probabilities must be finite, not below 0, and not all 0",
        ),
        (
            Prior::Beta { a: 1.0, b: 1.0 },
            &category,
            "a beta prior does not go with a categorical parameter",
        ),
        (Prior::Weights(vec![1.0]), &float, "a weights prior does not go with a float parameter"),
        (
            Prior::Uniform,
            &Domain::float(0.0, f64::INFINITY),
            "the range 0 to inf is not finite; give both bounds, or a normal or log-normal prior",
        ),
    ] {
        assert_eq!(prior.validate(domain).unwrap_err().to_string(), expected);
    }
}

fn domains() -> impl Strategy<Value = Domain> {
    prop_oneof![
        (-1e6..1e6, 1e-3..1e6).prop_map(|(low, width)| Domain::float(low, low + width)),
        (1e-9..1.0, 1.5..1e6).prop_map(|(low, ratio)| Domain::log_float(low, low * ratio)),
        (-1_000_i64..1_000, 1_i64..5_000, 1_i64..7).prop_map(|(low, width, step)| Domain::Int {
            low,
            high: low + width,
            scale: Scale::Linear,
            step
        }),
        (1_i64..50, 1_i64..5_000).prop_map(|(low, width)| Domain::Int {
            low,
            high: low + width,
            scale: Scale::Log,
            step: 1
        }),
        (-10.0..10.0, 0.5..50.0, 0.01..0.5).prop_map(|(low, width, step)| Domain::Float {
            low,
            high: low + width,
            scale: Scale::Linear,
            step: Some(Step::FromLow(step))
        }),
        (-10.0..10.0, 0.5..50.0, 0.01..0.5).prop_map(|(low, width, step)| Domain::Float {
            low,
            high: low + width,
            scale: Scale::Linear,
            step: Some(Step::Multiple(step))
        }),
        (1_usize..9).prop_map(|count| Domain::categorical((0..count as i64).map(Value::Int))),
    ]
}

proptest! {
    #[test]
    fn every_position_gives_a_legal_value(domain in domains(), u in 0.0..=1.0_f64) {
        prop_assert!(domain.validate().is_ok());
        let value = Prior::Uniform.quantile(&domain, u);
        prop_assert!(domain.contains(&value), "{value} of {domain:?}");
    }

    #[test]
    fn units_go_there_and_back(domain in domains(), u in 0.0..=1.0_f64) {
        let value = Prior::Uniform.from_unit(&domain, u);
        let unit = Prior::Uniform.to_unit(&domain, &value);
        prop_assert!(unit.is_some());
        let again = Prior::Uniform.from_unit(&domain, unit.unwrap_or(-1.0));
        let (first, second) = (value.as_f64().unwrap_or(0.0), again.as_f64().unwrap_or(1.0));
        prop_assert!((first - second).abs() <= 1e-9 * first.abs().max(1.0), "{value} became {again} in {domain:?}");
    }

    #[test]
    fn quantiles_ascend(domain in domains(), u in 0.0..1.0_f64, v in 0.0..1.0_f64) {
        let at = |u| Prior::Uniform.quantile(&domain, u).as_f64().unwrap_or(f64::NAN);
        prop_assert!(at(u.min(v)) <= at(u.max(v)));
    }

    #[test]
    fn unbounded_ranges_map_by_their_prior(u in 0.0001..0.9999_f64) {
        let domain = Domain::float(f64::NEG_INFINITY, f64::INFINITY);
        let prior = Prior::Normal { mu: 3.0, sigma: 2.0 };
        let value = prior.from_unit(&domain, u);
        let back = prior.to_unit(&domain, &value).unwrap_or(-1.0);
        prop_assert!((back - u).abs() < 1e-9);
    }

    /// Whatever the numbers are, a domain is refused or every position gives a legal, finite value.
    #[test]
    fn hostile_numbers_are_refused_or_work(
        (low, high, step) in (any::<f64>(), any::<f64>(), any::<f64>()),
        (whole_low, whole_high, whole_step) in (any::<i64>(), any::<i64>(), any::<i64>()),
        (mu, sigma) in (any::<f64>(), any::<f64>()),
        kind in 0..6_u8,
        scale in prop_oneof![Just(Scale::Linear), Just(Scale::Log)],
        u in 0.0..=1.0_f64,
    ) {
        let all = (f64::NEG_INFINITY, f64::INFINITY);
        let float = |(low, high), step| Domain::Float { low, high, scale, step };
        let uniform = Prior::Uniform;
        let (domain, prior) = match kind {
            0 => (float((low, high), None), uniform),
            1 => (float((low, high), Some(Step::FromLow(step))), uniform),
            2 => (float((low, high), Some(Step::Multiple(step))), uniform),
            3 => (Domain::Int { low: whole_low, high: whole_high, scale, step: whole_step }, uniform),
            4 => (float(all, Some(Step::WholeMultiple(whole_step))), Prior::Normal { mu, sigma }),
            _ => (float((0.0, f64::INFINITY), Some(Step::Multiple(step))), Prior::LogNormal { mu, sigma }),
        };
        if domain.validate().is_ok() && prior.validate(&domain).is_ok() {
            let value = prior.quantile(&domain, u);
            prop_assert!(value.is_finite(), "{value} of {domain:?}");
            prop_assert!(domain.contains(&value), "{value} of {domain:?}");
        }
        let _ = (domain.cardinality(), domain.contains(&Value::Float(mu)), domain.contains(&Value::Int(whole_low)));
    }
}

#[test]
fn densities_integrate_to_one_and_to_the_distribution_function() {
    let log = Domain::log_float(1e-6, 1e-2);
    let linear = Domain::float(0.5, 3.0);
    let cases = [
        (log.clone(), Prior::Uniform),
        (log.clone(), Prior::LogNormal { mu: -10.8, sigma: 1.0 }),
        (log, Prior::Normal { mu: 1e-4, sigma: 1e-4 }),
        (linear.clone(), Prior::LogNormal { mu: 0.3, sigma: 0.7 }),
        (linear.clone(), Prior::Normal { mu: 1.0, sigma: 0.5 }),
        (linear, Prior::Beta { a: 2.0, b: 5.0 }),
        (Domain::int(1, 5), Prior::Normal { mu: 2.0, sigma: 1.0 }),
        (Domain::categorical(["a", "b", "c"]), Prior::Weights(vec![1.0, 0.0, 3.0])),
        (Domain::float(f64::NEG_INFINITY, f64::INFINITY), Prior::Normal { mu: 1.0, sigma: 2.0 }),
    ];
    for (domain, prior) in cases {
        let cells = 20_000;
        let at = |cell: i32| (f64::from(cell) + 0.5) / f64::from(cells);
        let mass = |share: f64| {
            let last = (share * f64::from(cells)) as i32;
            (0..last).map(|cell| prior.density(&domain, at(cell))).sum::<f64>() / f64::from(cells)
        };
        assert!((mass(1.0) - 1.0).abs() < 1e-3, "{prior:?}: {}", mass(1.0));
        if let (Domain::Float { .. }, true) = (&domain, prior != Prior::Uniform) {
            let middle = prior.to_unit(&domain, &prior.quantile(&domain, 0.3)).unwrap();
            assert!((mass(middle) - 0.3).abs() < 1e-3, "{prior:?}: {}", mass(middle));
        }
    }
}
