//! Hyperband: brackets of successive halving from many trials that are cut early to few that are not cut at all.
//!
//! Li et al., "Hyperband" (JMLR 2018), algorithm 1, with R = 1 / grace: bracket s of s_max = floor(log_eta R) has
//! ceil((s_max + 1) eta^s / (s + 1)) trials, whose first rung is eta^-s of the schedule. Brackets follow each other from
//! s_max down to 0, whose trials run to their end, and over again; a trial's bracket follows from its place among the
//! search's trials. Refuses to let brackets compete: each is cut by itself.

use super::brackets::{Bracket, Brackets};
use super::rungs::{ETA, GRACE, Ladder, eta};
use crate::options::{OptionSpec, Options};

/// What a study may choose.
pub(crate) const OPTIONS: &[OptionSpec] = &[ETA, GRACE];

/// The brackets of the paper's table.
pub(crate) fn hyperband(options: Options<'_>) -> Brackets {
    let (eta, grace) = (eta(options), options.number("grace", 1.0 / 27.0));
    Brackets::new(table(1.0 / grace, eta), eta)
}

/// From s_max down to 0. `resource` is R.
fn table(resource: f64, eta: f64) -> Vec<Bracket> {
    let most = (libm::log(resource) / libm::log(eta) + 1e-9).floor();
    let bracket = |s: f64| {
        let size = (most + 1.0) * libm::pow(eta, s) / (s + 1.0);
        let ladder = Ladder::geometric(libm::pow(eta, -s), eta);
        Bracket { size: (size - 1e-9).ceil() as usize, ladder }
    };
    (0..=most as u32).rev().map(|s| bracket(f64::from(s))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_brackets_are_those_of_the_paper() {
        // search_golden.json, hyperband_R81_eta3: trials of each bracket, and of its rungs in 81sts.
        let expected: [(usize, &[f64]); 5] = [
            (81, &[1.0, 3.0, 9.0, 27.0]),
            (34, &[3.0, 9.0, 27.0]),
            (15, &[9.0, 27.0]),
            (8, &[27.0]),
            (5, &[]),
        ];
        let table = table(81.0, 3.0);
        assert_eq!(table.len(), expected.len());
        for (bracket, (size, rungs)) in table.iter().zip(expected) {
            assert_eq!((bracket.size, bracket.ladder.len()), (size, rungs.len()));
            for (fraction, rung) in bracket.ladder.fractions().iter().zip(rungs) {
                assert!((fraction * 81.0 - rung).abs() < 1e-9, "{fraction} {rung}");
            }
        }
    }
}
