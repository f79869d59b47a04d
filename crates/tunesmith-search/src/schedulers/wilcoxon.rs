//! Wilcoxon's test: a trial ends where it is worse than the best completed one on the same evaluation examples, by more
//! than chance.
//!
//! As optuna 5's `WilcoxonPruner`: a one-sided signed-rank test of the paired differences, zeros split, significant
//! below `p`, and never where the mean is not worse. The pairs are evaluation examples, [`Report::errors`]: of the best
//! trial those of the report that is nearest in its schedule and not before, for a learning rate that has decayed
//! further is to be beaten, not one that has not. The price of looking at every report is more than one chance in `p`
//! to end a trial that is as good.
//!
//! Refuses to judge without errors on both sides, or where they are not of equally many examples: every trial runs to
//! its end then. That is how a study whose executor does not report them behaves.

use tunesmith_core::{
    ExampleErrors, Metric, Next, Report, Scheduler, Study, Trial, TrialState, Verdict,
};

use super::rungs::{SLACK, is_at_end};
use crate::history::score;
use crate::numeric::signed_rank::chance_of_greater;
use crate::options::{OptionKind, OptionSpec, Options};

/// What a study may choose.
pub(crate) const OPTIONS: &[OptionSpec] = &[OptionSpec::new(
    "p",
    OptionKind::Number { least: 1e-6, most: 0.5 },
    "how unlikely the difference must be if both were as good; 0.1 where left out",
)];

/// Ends what is significantly worse than the best.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wilcoxon {
    p: f64,
}

impl Wilcoxon {
    pub(crate) fn new(options: Options<'_>) -> Self {
        Self { p: options.number("p", 0.1) }
    }
}

/// The completed trial of the search with the best value, the earliest among equals.
fn best<'a>(study: &'a Study, metric: &Metric) -> Option<&'a Trial> {
    let completed = study.in_state(TrialState::Completed);
    let scored = completed
        .filter(|trial| !study.is_replica(trial))
        .filter_map(|trial| Some((score(metric.goal, trial.value(metric)?), trial)));
    scored.min_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, trial)| trial)
}

/// The errors of the first report from a fraction on that has some.
fn errors_from(trial: &Trial, fraction: f64) -> Option<&ExampleErrors> {
    let from = |report: &&Report| report.fraction >= fraction - SLACK;
    trial.reports.iter().filter(from).find_map(|report| report.errors.as_ref())
}

/// How much worse the first is on each example; `None` where the examples are not the same ones.
pub(super) fn differences(left: &ExampleErrors, right: &ExampleErrors) -> Option<Vec<f64>> {
    let pairs = left.0.iter().zip(&right.0);
    let differ = |(a, b): (&u8, &u8)| f64::from(*a) - f64::from(*b);
    (left.0.len() == right.0.len() && !left.0.is_empty()).then(|| pairs.map(differ).collect())
}

impl Scheduler for Wilcoxon {
    fn next(&self, _study: &Study, may_start: bool) -> Next {
        if may_start { Next::START } else { Next::Finished }
    }

    fn judge(&self, study: &Study, trial: &Trial) -> Verdict {
        let worse = || {
            let metric = study.metrics().first().filter(|_| !is_at_end(trial))?;
            let report = trial.reports.last()?;
            let rival = best(study, metric)?;
            let theirs = errors_from(rival, report.fraction)?;
            let differences = differences(report.errors.as_ref()?, theirs)?;
            let is_worse = differences.iter().sum::<f64>() > 0.0;
            let chance = is_worse.then(|| chance_of_greater(&differences))?;
            (chance < self.p).then(|| {
                let examples = differences.len();
                format!("worse than trial {} on {examples} examples, p {chance:.2e}", rival.number)
            })
        };
        worse().map_or(Verdict::Continue, |reason| Verdict::Prune { reason })
    }

    fn pairs_examples(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
