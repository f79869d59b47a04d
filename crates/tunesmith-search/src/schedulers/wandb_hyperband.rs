//! The early termination of W&B's sweeps, `early_terminate: {type: hyperband}`.
//!
//! sweeps 0.3.0, `hyperband_stopping.py`: bands are counts of logged values, `min_iter`, `min_iter * eta`, …, or the
//! whole parts of `max_iter / eta`, `max_iter / eta²`, … down to 1, `s` of them. Of a band the threshold is the value at
//! place int(n / eta), from 0, of the n values that all trials logged as their band-th. A trial is held to the highest
//! band that it has reached, at every report: with `strict` it ends where its band-th value is
//! worse than the threshold, else where its best so far is.
//!
//! Kept as it is for files that ask for it: it compares by the number of reports, not by the fraction of the schedule,
//! and `auto` and `asha` do better. Refuses to count reports without the metric.

use tunesmith_core::{Metric, Next, Scheduler, Study, Trial, Verdict};

use super::rungs::{is_at_end, scored, searched};
use crate::options::{OptionKind, OptionSpec, Options};

/// What a study may choose.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "eta",
        OptionKind::Number { least: 1.001, most: 1e6 },
        "one trial in so many passes a band, and bands are so many times apart; 3 where left out",
    ),
    OptionSpec::new(
        "max_iter",
        OptionKind::Whole { least: 1, most: 1_000_000_000 },
        "reports of a whole trial; bands are counted down from it; goes with s",
    ),
    OptionSpec::new(
        "min_iter",
        OptionKind::Whole { least: 1, most: 1_000_000_000 },
        "reports before the first band; bands are counted up from it; 1 where max_iter is left out too",
    ),
    OptionSpec::new(
        "s",
        OptionKind::Whole { least: 1, most: 100 },
        "how many bands max_iter gives at most; goes with max_iter",
    ),
    OptionSpec::new(
        "strict",
        OptionKind::Bool,
        "compare the value at the band, not the best so far; true where left out, as there",
    ),
];

/// How many bands there are at most, as there.
const MOST_BANDS: u32 = 100;

/// Ends trials at bands of W&B.
#[derive(Debug, Clone)]
pub(crate) struct WandbHyperband {
    /// Counts of reports, ascending.
    bands: Vec<usize>,
    eta: f64,
    strict: bool,
}

impl WandbHyperband {
    /// `None` where `min_iter` and `max_iter` are both given, or only one of `max_iter` and `s`, or no band is left.
    pub(crate) fn new(options: Options<'_>) -> Option<Self> {
        let eta = options.number("eta", 3.0);
        let given = |name| options.0.get(name).is_some();
        let bands = match (given("max_iter"), given("s"), given("min_iter")) {
            (true, true, false) => {
                down(options.number("max_iter", 1.0), eta, options.whole("s", 1))
            }
            (false, false, _) => up(options.number("min_iter", 1.0), eta),
            _ => return None,
        };
        let strict = options.bool("strict", true);
        (!bands.is_empty()).then_some(Self { bands, eta, strict })
    }
}

fn up(least: f64, eta: f64) -> Vec<usize> {
    let bands = std::iter::successors(Some(least), |band| Some(band * eta));
    bands.take(MOST_BANDS as usize).map(|band| band as usize).collect()
}

fn down(most: f64, eta: f64, count: usize) -> Vec<usize> {
    let bands = std::iter::successors(Some(most / eta), |band| Some(band / eta));
    let mut bands: Vec<usize> =
        bands.take(count).take_while(|band| *band >= 1.0).map(|band| band as usize).collect();
    bands.reverse();
    bands
}

/// The trial's `band`-th score, from 1.
fn score_at(trial: &Trial, metric: &Metric, band: usize) -> Option<f64> {
    // A trial with fewer reports than the band needs no look at each.
    let enough = trial.reports.len() >= band;
    enough.then(|| trial.reports.iter().filter_map(scored(metric)).nth(band - 1)).flatten()
}

impl Scheduler for WandbHyperband {
    fn next(&self, _study: &Study, may_start: bool) -> Next {
        if may_start { Next::START } else { Next::Finished }
    }

    fn judge(&self, study: &Study, trial: &Trial) -> Verdict {
        let worse = || {
            let metric = study.metrics().first().filter(|_| !is_at_end(trial))?;
            let history: Vec<f64> = trial.reports.iter().filter_map(scored(metric)).collect();
            let band = *self.bands.iter().rfind(|band| **band <= history.len())?;
            let others = searched(study).filter(|other| other.number != trial.number);
            let at = |other: &Trial| score_at(other, metric, band);
            let own = *history.get(band - 1)?;
            let mut values: Vec<f64> = others.filter_map(at).chain([own]).collect();
            values.sort_by(f64::total_cmp);
            let threshold = *values.get((values.len() as f64 * (1.0 / self.eta)) as usize)?;
            let held = if self.strict { own } else { history.into_iter().reduce(f64::min)? };
            (held > threshold).then(|| format!("behind W&B's threshold at report {band}"))
        };
        worse().map_or(Verdict::Continue, |reason| Verdict::Prune { reason })
    }
}

#[cfg(test)]
mod tests;
