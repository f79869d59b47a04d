//! Rungs: the fractions of a trial's own schedule at which trials are compared, and who passed each with what.
//!
//! A trial passes a rung with its first report there or beyond that has the metric. Where one report passes several
//! rungs, because it reports more rarely than there are rungs, it counts at the highest alone: at the lower ones it
//! would be compared with trials that had trained less. Refuses runs that choose the winner: they are nobody's rivals.

use tunesmith_core::{Metric, Report, Study, Trial};

use crate::history::score;
use crate::options::{OptionKind, OptionSpec, Options};

/// How far a fraction may fall short of a rung and still count as there: what rounding to whole steps leaves.
pub(crate) const SLACK: f64 = 1e-9;

/// The option for the lowest rung.
pub(crate) const GRACE: OptionSpec = OptionSpec::new(
    "grace",
    OptionKind::Number { least: 1e-4, most: 0.999 },
    "the fraction of its own schedule that every trial may run; 1/27 where left out",
);

/// The option for how much is cut at each rung.
pub(crate) const ETA: OptionSpec = OptionSpec::new(
    "eta",
    OptionKind::Number { least: 1.25, most: 100.0 },
    "one trial in so many passes a rung, and rungs are so many times apart; 3 where left out",
);

/// The fractions at which trials are compared, ascending, all below 1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ladder(Vec<f64>);

/// A trial's passing of a rung.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Passing<T> {
    /// The rung, from 0.
    pub(crate) rung: usize,
    /// What was measured there.
    pub(crate) value: T,
    /// Which of the trial's reports it was.
    pub(crate) report: usize,
}

impl Ladder {
    /// `grace`, `grace * eta`, … below 1.
    pub(crate) fn geometric(grace: f64, eta: f64) -> Self {
        let rungs = std::iter::successors(Some(grace), |fraction| Some(fraction * eta));
        Self(rungs.take_while(|fraction| *fraction < 1.0 - 1e-6).collect())
    }

    /// The multiples of `interval` below 1.
    pub(crate) fn every(interval: f64) -> Self {
        let rungs = (1..).map(|count| f64::from(count) * interval);
        Self(rungs.take_while(|fraction| *fraction < 1.0 - 1e-6).collect())
    }

    /// By the options `grace` and `eta`.
    pub(crate) fn of(options: Options<'_>) -> Self {
        Self::geometric(options.number("grace", 1.0 / 27.0), eta(options))
    }

    /// The fractions.
    pub(crate) fn fractions(&self) -> &[f64] {
        &self.0
    }

    /// How many rungs there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The trial's passings of rungs, the lowest first. `value` measures a report; `None` where it lacks the metric.
    pub(crate) fn passings<'a, T: 'a>(
        &'a self,
        trial: &'a Trial,
        value: impl Fn(&Report) -> Option<T> + 'a,
    ) -> impl Iterator<Item = Passing<T>> + 'a {
        let mut passed = 0;
        trial
            .reports
            .iter()
            .enumerate()
            .map_while(move |(index, report)| {
                if passed == self.0.len() {
                    return None;
                }
                let beyond = self.0.partition_point(|rung| *rung <= report.fraction + SLACK);
                if beyond <= passed {
                    return Some(None);
                }
                let passing =
                    value(report).map(|value| Passing { rung: beyond - 1, value, report: index });
                if passing.is_some() {
                    passed = beyond;
                }
                Some(passing)
            })
            .flatten()
    }

    /// What the trial passed the rung with, or the first one beyond that it passed.
    pub(crate) fn first_from<T>(
        &self,
        trial: &Trial,
        rung: usize,
        value: impl Fn(&Report) -> Option<T>,
    ) -> Option<T> {
        self.first_report(trial, rung, value).map(|(_, value)| value)
    }

    /// What the trial passed the rung with, and the report. The same as searching its passings, without a look at the
    /// metric below the rung: over a long history those looks would be felt.
    pub(crate) fn at<'a, T>(
        &self,
        trial: &'a Trial,
        rung: usize,
        value: impl Fn(&Report) -> Option<T>,
    ) -> Option<(&'a Report, T)> {
        let above = self.0.get(rung + 1).copied().unwrap_or(f64::INFINITY);
        let found = self.first_report(trial, rung, value);
        found.filter(|(report, _)| report.fraction + SLACK < above)
    }

    fn first_report<'a, T>(
        &self,
        trial: &'a Trial,
        rung: usize,
        value: impl Fn(&Report) -> Option<T>,
    ) -> Option<(&'a Report, T)> {
        let from = *self.0.get(rung)?;
        let beyond = |report: &&Report| from <= report.fraction + SLACK;
        trial.reports.iter().filter(beyond).find_map(|report| Some((report, value(report)?)))
    }

    /// The passing that the trial's latest report is, where it is one.
    pub(crate) fn latest<T>(
        &self,
        trial: &Trial,
        value: impl Fn(&Report) -> Option<T>,
    ) -> Option<Passing<T>> {
        let newest = trial.reports.len().checked_sub(1)?;
        self.passings(trial, value).last().filter(|passing| passing.report == newest)
    }

    /// What the search's other trials passed the rung with, by number.
    pub(crate) fn others<T>(
        &self,
        study: &Study,
        trial: &Trial,
        rung: usize,
        value: impl Fn(&Report) -> Option<T> + Copy,
    ) -> Vec<T> {
        let at = |other| self.at(other, rung, value).map(|(_, value)| value);
        searched(study).filter(|other| other.number != trial.number).filter_map(at).collect()
    }

    /// The rung in words, for reasons.
    pub(crate) fn name(&self, rung: usize) -> String {
        let fraction = self.0.get(rung).copied().unwrap_or(1.0);
        format!("{} % of its schedule", (fraction * 1000.0).round() / 10.0)
    }
}

/// The option `eta`.
pub(crate) fn eta(options: Options<'_>) -> f64 {
    options.number("eta", 3.0)
}

/// The trials of the search itself, by number.
pub(crate) fn searched(study: &Study) -> impl Iterator<Item = &Trial> + Clone {
    study.trials().iter().filter(|trial| !study.is_replica(trial))
}

/// Measures a report by one metric; less is better.
pub(crate) fn scored(metric: &Metric) -> impl Fn(&Report) -> Option<f64> + Copy {
    move |report: &Report| report.values.get(&metric.name).map(|value| score(metric.goal, *value))
}

/// Whether the trial's latest report is of the end of its schedule: nothing is left to save.
pub(crate) fn is_at_end(trial: &Trial) -> bool {
    trial.reports.last().is_some_and(|report| report.fraction >= 1.0 - SLACK)
}

/// Whether a trial of the search has a worker or waits for one.
pub(crate) fn is_any_live(study: &Study) -> bool {
    use tunesmith_core::TrialState::{Queued, Running};
    let live = study.in_state(Running).chain(study.in_state(Queued));
    live.into_iter().any(|trial| !study.is_replica(trial))
}

#[cfg(test)]
mod tests;
