//! Against SciPy.

use super::*;
use crate::schedulers::tests::golden;

#[test]
fn chances_are_those_of_scipy() {
    for case in golden::cases("signed_rank") {
        let (found, expected) =
            (chance_of_greater(&golden::numbers(&case["differences"])), golden::number(&case["p"]));
        assert!((found - expected).abs() <= 1e-12 + 1e-9 * expected, "{found}, not {expected}");
    }
    // search_golden.json, wilcoxon_zsplit_greater.
    assert_eq!(chance_of_greater(&[0.1, -0.2, 0.3, 0.4, 0.0, 0.5, 0.6]), 0.046_875);
}

#[test]
fn nothing_follows_from_nothing() {
    assert_eq!(chance_of_greater(&[]), 1.0);
    assert_eq!(chance_of_greater(&[0.0; 30]), 1.0);
}
