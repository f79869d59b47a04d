//! Tables and closed forms.

use super::*;

fn near(found: f64, expected: f64, relative: f64) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{found} is not {expected}");
}

#[test]
fn normal_quantiles_are_those_of_the_tables() {
    near(normal_quantile(0.975), 1.959_963_984_540_054, 1e-14);
    near(normal_quantile(0.001), -3.090_232_306_167_813_5, 1e-14);
    near(normal_quantile(1e-10), -6.361_340_902_404_056, 1e-13);
    near(normal_quantile(1e-300), -37.047_096_299_361_2, 1e-13);
    assert_eq!(normal_quantile(0.5), 0.0);
    assert!(normal_quantile(1.5).is_nan());
}

#[test]
fn normal_quantile_inverts_the_distribution_function() {
    for step in 1..1_000 {
        let p = f64::from(step) / 1_000.0;
        near(normal_cdf(normal_quantile(p)), p, 1e-14);
    }
}

#[test]
fn a_truncated_normal_stays_inside_and_inverts() {
    for (low, high) in [(-1.0, 2.0), (3.0, 4.0), (-9.0, -8.0), (8.0, 9.0), (f64::NEG_INFINITY, 0.0)]
    {
        let Some(cut) = TruncatedNormal::new(0.5, 1.0, low, high) else {
            panic!("{low}..{high} has mass")
        };
        for step in 1..100 {
            let u = f64::from(step) / 100.0;
            let x = cut.quantile(u);
            assert!((low..=high).contains(&x), "{x} outside {low}..{high}");
            near(cut.cdf(x), u, 1e-9);
        }
    }
    assert!(TruncatedNormal::new(0.0, 1e-3, 5.0, 6.0).is_none());
}

#[test]
fn beta_agrees_with_closed_forms() {
    for step in 1..50 {
        let x = f64::from(step) / 50.0;
        near(beta_cdf(1.0, 1.0, x), x, 1e-13);
        near(beta_cdf(2.0, 1.0, x), x * x, 1e-13);
        near(beta_cdf(1.0, 3.0, x), 1.0 - (1.0 - x) * (1.0 - x) * (1.0 - x), 1e-12);
        near(beta_quantile(2.0, 1.0, x), x.sqrt(), 1e-12);
        // The arcsine law.
        near(beta_cdf(0.5, 0.5, x), 2.0 / PI * libm::asin(x.sqrt()), 1e-12);
    }
    near(beta_quantile(2.0, 5.0, beta_cdf(2.0, 5.0, 0.3)), 0.3, 1e-12);
}

#[test]
fn students_quantiles_are_those_of_the_tables() {
    for (p, freedom, expected) in
        [(0.975, 1.0, 12.706_204_736), (0.975, 4.0, 2.776_445_105), (0.9, 30.0, 1.310_415_025)]
    {
        near(student_t_quantile(p, freedom), expected, 1e-8);
        near(student_t_quantile(1.0 - p, freedom), -expected, 1e-8);
    }
}
