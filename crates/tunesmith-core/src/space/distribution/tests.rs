//! Every distribution of W&B against figures of `sweeps` 0.3.0: what its `ppf` gives at five shares.

use super::*;

const SHARES: [f64; 5] = [0.03, 0.21, 0.49, 0.77, 0.98];

#[expect(clippy::unreadable_literal, reason = "the figures as Python printed them")]
const NUMERIC: [(Distribution, bool, [f64; 5]); 16] = [
    (Distribution::IntUniform { min: 1, max: 4 }, true, [1.0, 1.0, 2.0, 4.0, 4.0]),
    (
        Distribution::Uniform { min: 0.5, max: 2.0 },
        false,
        [0.545, 0.815, 1.2349999999999999, 1.655, 1.97],
    ),
    (
        Distribution::QUniform { min: 0.3, max: 5.0, q: Bound::Real(0.5) },
        false,
        [0.5, 1.5, 2.5, 4.0, 5.0],
    ),
    (
        Distribution::QUniform { min: 0.6, max: 9.0, q: Bound::Whole(2) },
        true,
        [0.0, 2.0, 4.0, 8.0, 8.0],
    ),
    (
        Distribution::LogUniform { min: -7.0, max: -2.0 },
        false,
        [
            0.0010594556929076101,
            0.0026058405184084983,
            0.010567204383852655,
            0.04285212686704019,
            0.12245642825298195,
        ],
    ),
    (
        Distribution::LogUniformValues { min: 1e-6, max: 1e-3 },
        false,
        [
            1.2302687708123811e-06,
            4.265795188015926e-06,
            2.9512092266663874e-05,
            0.00020417379446695288,
            0.0008709635899560806,
        ],
    ),
    (
        Distribution::InvLogUniform { min: 1.0, max: 3.0 },
        false,
        [
            0.05286572873835037,
            0.07577400402284548,
            0.13265546508012172,
            0.23223627472975883,
            0.35345468195878016,
        ],
    ),
    (
        Distribution::InvLogUniformValues { min: 0.01, max: 10.0 },
        false,
        [
            0.012302687708123821,
            0.04265795188015926,
            0.29512092266663864,
            2.04173794466953,
            8.709635899560805,
        ],
    ),
    (
        Distribution::QLogUniform { min: 0.0, max: 3.0, q: Bound::Real(0.5) },
        false,
        [1.0, 2.0, 4.5, 10.0, 19.0],
    ),
    (
        Distribution::QLogUniformValues { min: 1.0, max: 100.0, q: Bound::Whole(8) },
        true,
        [0.0, 0.0, 8.0, 32.0, 88.0],
    ),
    (
        Distribution::Normal { mu: 1.5, sigma: 0.25 },
        false,
        [
            1.0298015979621873,
            1.2983946882454398,
            1.4937327729353223,
            1.6847117122963033,
            2.0134372276579557,
        ],
    ),
    (
        Distribution::QNormal { mu: 10.0, sigma: 4.0, q: Bound::Whole(1) },
        true,
        [2.0, 7.0, 10.0, 13.0, 18.0],
    ),
    (
        Distribution::LogNormal { mu: 0.5, sigma: 1.5 },
        false,
        [
            0.09815666912968625,
            0.4918252194978318,
            1.5878749892825517,
            4.994165213842454,
            35.895910162261764,
        ],
    ),
    (
        Distribution::QLogNormal { mu: 0.5, sigma: 1.5, q: Bound::Real(0.1) },
        false,
        [0.1, 0.5, 1.6, 5.0, 35.9],
    ),
    (
        Distribution::Beta { a: 2.0, b: 5.0 },
        false,
        [
            0.04768709038396942,
            0.1442119074913622,
            0.2601588614999916,
            0.402118402610099,
            0.6582664902679591,
        ],
    ),
    (
        Distribution::QBeta { a: 0.5, b: 0.5, q: Bound::Real(0.25) },
        false,
        [0.0, 0.0, 0.5, 1.0, 1.0],
    ),
];

#[test]
fn numeric_distributions_are_those_of_sweeps() {
    for (distribution, whole, expected) in NUMERIC {
        let (domain, prior) = distribution.resolve().unwrap();
        for (share, expected) in SHARES.into_iter().zip(expected) {
            let value = prior.quantile(&domain, share);
            assert_eq!(matches!(value, Value::Int(_)), whole, "{distribution:?}");
            let found = value.as_f64().unwrap();
            assert!(
                (found - expected).abs() <= 1e-12 * expected.abs(),
                "{found} is not {expected}: {distribution:?}"
            );
        }
    }
}

#[test]
fn choices_are_those_of_sweeps() {
    let values = || ["a", "b", "c"].map(Value::from).to_vec();
    let drawn = |distribution: Distribution| {
        let (domain, prior) = distribution.resolve().unwrap();
        SHARES.map(|share| prior.quantile(&domain, share).to_string()).concat()
    };
    assert_eq!(drawn(Distribution::Categorical { values: values() }), "aabcc");
    let probabilities = vec![0.2, 0.5, 0.3];
    assert_eq!(
        drawn(Distribution::CategoricalWithProbabilities { values: values(), probabilities }),
        "abbcc"
    );
    assert_eq!(drawn(Distribution::Constant { value: Value::from("x") }), "xxxxx");
}

#[test]
fn bare_bounds_are_whole_where_both_are() {
    let (whole, real) = (Bound::Whole, Bound::Real);
    assert_eq!(
        Distribution::of_bounds(whole(1), whole(4)),
        Distribution::IntUniform { min: 1, max: 4 }
    );
    let uniform = Distribution::Uniform { min: 1.0, max: 4.0 };
    assert_eq!(Distribution::of_bounds(whole(1), real(4.0)), uniform);
    assert_eq!(Distribution::of_bounds(real(1.0), whole(4)), uniform);
}

#[test]
fn impossible_distributions_say_what_to_do() {
    let q = Bound::Real(0.0);
    for (distribution, expected) in [
        (
            Distribution::CategoricalWithProbabilities {
                values: vec![Value::Int(1)],
                probabilities: vec![0.5],
            },
            "the probabilities sum to 0.5, not to 1; correct them",
        ),
        (
            Distribution::LogUniform { min: 1.0, max: 1_000.0 },
            "the bounds 1 and 1000 are exponents of e here, which gives an impossible range; use the distribution whose name ends in `_values`",
        ),
        (
            Distribution::LogUniformValues { min: 0.0, max: 1.0 },
            "a log scale needs a minimum above 0, not 0",
        ),
        (
            Distribution::Uniform { min: 1.0, max: 1.0 },
            "the minimum 1 is not below the maximum 1; give a range with room, or one `value`",
        ),
        (
            Distribution::QUniform { min: 0.0, max: 1.0, q },
            "the step 0 is not a finite number above 0",
        ),
        (
            Distribution::Normal { mu: 0.0, sigma: -1.0 },
            "the prior's sigma is -1; it must be a finite number above 0",
        ),
    ] {
        assert_eq!(distribution.resolve().unwrap_err().to_string(), expected);
    }
}
