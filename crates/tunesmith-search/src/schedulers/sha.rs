//! Successive halving in brackets of one size.
//!
//! Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization" (AISTATS 2016):
//! see the brackets for how rungs are counted. Refuses to go on with a trial before all of its bracket have arrived at
//! the rung.

use super::brackets::{Bracket, Brackets};
use super::rungs::{ETA, GRACE, Ladder, eta};
use crate::options::{OptionKind, OptionSpec, Options};

/// What a study may choose.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    ETA,
    GRACE,
    OptionSpec::new(
        "n",
        OptionKind::Whole { least: 1, most: 100_000 },
        "trials of a bracket; eta to the power of the number of rungs where left out, so that one is left",
    ),
];

/// Brackets of one size.
pub(crate) fn sha(options: Options<'_>) -> Brackets {
    let (ladder, eta) = (Ladder::of(options), eta(options));
    let full = libm::pow(eta, ladder.len() as f64).round().clamp(1.0, 1e5);
    let size = options.whole("n", full as usize).max(1);
    Brackets::new(vec![Bracket { size, ladder }], eta)
}
