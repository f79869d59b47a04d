//! The median rule: a trial ends where its best so far is worse than the median of what others had averaged by then.
//!
//! Golovin et al., "Google Vizier" (KDD 2017), section 3.2.2: the median, over the completed trials, of the running
//! average of all that each had reported up to the same point. The point is here the same fraction of each trial's own
//! schedule. A report counts once in the average, however far apart reports are. Refuses to judge before `startup`
//! trials have completed, at the end of a schedule, and by objectives beyond the first.

use tunesmith_core::{Metric, Next, Report, Scheduler, Study, Trial, TrialState, Verdict};

use super::rungs::{SLACK, is_at_end, scored};
use crate::numeric::transform::quantile;
use crate::options::{OptionKind, OptionSpec, Options};

/// What a study may choose.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "grace",
        OptionKind::Number { least: 0.0, most: 0.999 },
        "the fraction of its own schedule that every trial may run; 0.1 where left out",
    ),
    OptionSpec::new(
        "startup",
        OptionKind::Whole { least: 1, most: 10_000 },
        "how many trials complete before any is judged; 5 where left out",
    ),
];

/// Ends what is worse than the median.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MedianRule {
    grace: f64,
    startup: usize,
}

impl MedianRule {
    pub(crate) fn new(options: Options<'_>) -> Self {
        Self { grace: options.number("grace", 0.1), startup: options.whole("startup", 5) }
    }

    /// The median over completed trials of their averages up to the fraction, ascending; `None` of too few.
    fn median(&self, study: &Study, metric: &Metric, fraction: f64) -> Option<f64> {
        let completed = study.in_state(TrialState::Completed);
        let rivals = completed.filter(|trial| !study.is_replica(trial));
        let mut averages: Vec<f64> =
            rivals.filter_map(|trial| average(trial, metric, fraction)).collect();
        if averages.len() < self.startup {
            return None;
        }
        averages.sort_by(f64::total_cmp);
        Some(quantile(&averages, 0.5))
    }
}

/// The scores of the trial's reports up to the fraction.
fn scores<'a>(
    trial: &'a Trial,
    metric: &'a Metric,
    fraction: f64,
) -> impl Iterator<Item = f64> + 'a {
    let until = move |report: &&Report| report.fraction <= fraction + SLACK;
    trial.reports.iter().filter(until).filter_map(scored(metric))
}

fn average(trial: &Trial, metric: &Metric, fraction: f64) -> Option<f64> {
    let add = |(sum, count): (f64, u32), score: f64| (sum + score, count + 1);
    let (sum, count) = scores(trial, metric, fraction).fold((0.0, 0), add);
    (count > 0).then(|| sum / f64::from(count))
}

impl Scheduler for MedianRule {
    fn next(&self, _study: &Study, may_start: bool) -> Next {
        if may_start { Next::START } else { Next::Finished }
    }

    fn judge(&self, study: &Study, trial: &Trial) -> Verdict {
        let fraction = trial.reached_fraction();
        if fraction + SLACK < self.grace || is_at_end(trial) {
            return Verdict::Continue;
        }
        let worse = study.metrics().first().and_then(|metric| {
            let best = scores(trial, metric, fraction).reduce(f64::min)?;
            self.median(study, metric, fraction).filter(|median| best > *median)
        });
        match worse {
            Some(_) => Verdict::Prune {
                reason: "its best was worse than the median of the others' averages".to_owned(),
            },
            None => Verdict::Continue,
        }
    }
}

#[cfg(test)]
mod tests;
