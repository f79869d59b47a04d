//! `auto`: pauses trials at 1/27, 1/9 and 1/3 of their own schedules, and goes on with as many as those rungs have earned.
//!
//! It is `asha-promote` with four guards:
//!
//! 1. *What a rung is worth is measured.* How well a rung's order foretells what becomes of the trials is Spearman's
//!    correlation between what they passed it with and the furthest that is known of each: its value where it completed,
//!    else the highest rung beyond. Until six trials tell, and at 0.7 and above, a third goes on; half down to 0.3; below
//!    that everybody does, those that paused before too. Once no new trial may start, half go on at least: nothing else
//!    is left to spend on. Where early ranks mislead, as with LoRA runs that converge at different paces, a fixed third
//!    loses the best for good. The figures are in `docs/schedulers.md`.
//! 2. *Noise.* Where both report their errors example by example, a trial waits only if it is worse than the last that
//!    may go on by more than one standard error of the paired difference; of right and wrong answers that is McNemar's.
//! 3. *Early luck.* A trial is measured against all that have passed the rung by now, not by the time it came: one that
//!    waits goes on once it is among the best, and the first to come go on no sooner than a third allows.
//! 4. *Divergence.* After a tenth of its schedule a trial ends whose `eval_loss` is above twice that of its first
//!    report, made before, while its `eval_accuracy` is no better than then. A model that overfits has a higher loss and
//!    a better accuracy, and goes on. A loss that is not finite the core fails.
//!
//! With `pause: false`, for trials that cannot go on from a checkpoint, one that would wait ends instead: guard 3 is then
//! that nobody ends before three have passed, and that two thirds go on until six trials tell.
//!
//! Refuses to stop a trial at the end of its schedule, and to look at objectives beyond the first.

use tunesmith_core::{Metric, Next, Report, Scheduler, Study, Trial, TrialState, Verdict};

use super::promotion::{Place, Standings};
use super::rungs::{Ladder, is_at_end, scored, searched};
use super::wilcoxon::differences;
use crate::history::score;
use crate::numeric::ranks::spearman;
use crate::options::{OptionKind, OptionSpec, Options};

/// What a study may choose.
pub(crate) const OPTIONS: &[OptionSpec] = &[OptionSpec::new(
    "pause",
    OptionKind::Bool,
    "whether a trial that is not among the best waits, to go on later; false ends it; true where left out",
)];

/// Rungs are so many times apart.
const ETA: f64 = 3.0;
/// The lowest rung.
const GRACE: f64 = 1.0 / 27.0;
/// How many pass a rung before anybody ends there.
const LEAST_AT_RUNG: usize = 3;
/// How many trials tell what a rung is worth.
const LEAST_TELLING: usize = 6;
/// The share that goes on until then, where trials wait.
const UNPROVEN: f64 = 1.0 / 3.0;
/// The share that goes on until then, where trials end.
const UNPROVEN_FOR_GOOD: f64 = 2.0 / 3.0;
/// From which correlation on which share goes on.
const PROVEN: [(f64, f64); 2] = [(0.7, 1.0 / 3.0), (0.3, 1.0 / 2.0)];
/// The share that goes on at least once no new trial may start.
const IN_THE_END: f64 = 1.0 / 2.0;
/// From which fraction on a trial may have diverged.
const SETTLED: f64 = 0.1;

/// Lets trials wait, or ends them, where that is safe.
#[derive(Debug, Clone)]
pub(crate) struct AutoScheduler {
    ladder: Ladder,
    pauses: bool,
}

/// A trial's passing of the rung in question.
struct Passed<'a> {
    score: f64,
    trial: &'a Trial,
    report: &'a Report,
}

impl AutoScheduler {
    pub(crate) fn new(options: Options<'_>) -> Self {
        let ladder = Ladder::geometric(GRACE, ETA);
        Self { ladder, pauses: options.bool("pause", true) }
    }

    /// A trial's passing of the rung, if it did.
    fn passed<'a>(&self, trial: &'a Trial, metric: &Metric, rung: usize) -> Option<Passed<'a>> {
        let (report, score) = self.ladder.at(trial, rung, scored(metric))?;
        Some(Passed { score, trial, report })
    }

    /// The furthest that is known of a trial beyond the rung; less is better.
    fn outcome(&self, trial: &Trial, metric: &Metric, rung: usize) -> Option<f64> {
        if trial.state == TrialState::Completed {
            return trial.value(metric).map(|value| score(metric.goal, value));
        }
        let mut beyond = (rung + 1..self.ladder.len()).rev();
        beyond.find_map(|rung| Some(self.ladder.at(trial, rung, scored(metric))?.1))
    }

    /// Which share of the trials goes on from the rung; `None` where it foretells too little. `passed` is what trials
    /// passed it with.
    fn share<'a>(
        &self,
        passed: impl Iterator<Item = (f64, &'a Trial)>,
        metric: &Metric,
        rung: usize,
    ) -> Option<f64> {
        let told = |(score, trial)| Some((score, self.outcome(trial, metric, rung)?));
        let (early, late): (Vec<f64>, Vec<f64>) = passed.filter_map(told).unzip();
        if early.len() < LEAST_TELLING {
            return Some(if self.pauses { UNPROVEN } else { UNPROVEN_FOR_GOOD });
        }
        let agreement = spearman(&early, &late)?;
        let earned = PROVEN.iter().find(|(least, _)| agreement >= *least);
        earned.map(|(_, share)| *share)
    }

    /// Why the trial does not go on at the rung that its latest report passes.
    fn behind(&self, study: &Study, trial: &Trial, metric: &Metric) -> Option<String> {
        let own = self.ladder.latest(trial, scored(metric))?;
        let report = trial.reports.get(own.report)?;
        let others = searched(study).filter(|other| other.number != trial.number);
        let mut rivals: Vec<Passed<'_>> =
            others.filter_map(|other| self.passed(other, metric, own.rung)).collect();
        rivals.sort_by(|a, b| a.score.total_cmp(&b.score));
        let count = rivals.len() + 1;
        if !self.pauses && count < LEAST_AT_RUNG {
            return None;
        }
        let known = rivals.iter().map(|rival| (rival.score, rival.trial));
        let share = self.share(known, metric, own.rung)?;
        let better = rivals.partition_point(|rival| rival.score < own.value);
        let places = places(share, count);
        // The last of those that may go on without it.
        let cut = places.checked_sub(1).and_then(|last| rivals.get(last));
        let goes_on = better < places || cut.is_some_and(|cut| is_within_noise(report, cut.report));
        let rung = self.ladder.name(own.rung);
        (!goes_on).then(|| format!("{better} of {} others were better at {rung}", count - 1))
    }

    /// The trial to go on with, from the top rung down. At `least` this share goes on from every rung.
    fn promotable(
        &self,
        study: &Study,
        metric: &Metric,
        standings: &Standings,
        least: f64,
    ) -> Option<u32> {
        let candidate = |(rung, passed): (usize, &Vec<Place>)| {
            let rank = passed.iter().position(|place| place.waits)?;
            let best = passed[rank].trial;
            let known =
                passed.iter().filter_map(|place| Some((place.score, study.trial(place.trial)?)));
            let Some(share) = self.share(known, metric, rung) else { return Some(best) };
            let places = places(share.max(least), passed.len());
            let report = |number| Some(self.passed(study.trial(number)?, metric, rung)?.report);
            let within = |cut: usize| {
                let both = report(best).zip(report(passed[cut].trial));
                both.is_some_and(|(own, cut)| is_within_noise(own, cut))
            };
            (rank < places || places.checked_sub(1).is_some_and(within)).then_some(best)
        };
        standings.rungs.iter().enumerate().rev().find_map(candidate)
    }
}

/// How many of those that passed a rung may go on.
fn places(share: f64, passed: usize) -> usize {
    // A third of three is one.
    (share * passed as f64 + 1e-9) as usize
}

/// Whether the errors of both are known, and the first is not worse by more than one standard error of the paired
/// difference.
fn is_within_noise(own: &Report, cut: &Report) -> bool {
    let errors = own.errors.as_ref().zip(cut.errors.as_ref());
    let Some(differences) = errors.and_then(|(own, cut)| differences(own, cut)) else {
        return false;
    };
    let count = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / count;
    let squares: f64 = differences.iter().map(|one| (one - mean) * (one - mean)).sum();
    mean <= (squares / count).sqrt() / count.sqrt()
}

/// Whether the loss has blown up and the accuracy says so too.
fn has_diverged(trial: &Trial) -> bool {
    let values = |report: &Report| {
        let value = |name: &str| report.values.get(name).copied();
        Some((value("eval_loss")?, value("eval_accuracy")?))
    };
    let first = trial.reports.iter().find_map(|report| Some((report.fraction, values(report)?)));
    let latest = trial.reports.last().and_then(|report| Some((report.fraction, values(report)?)));
    let (Some((before, first)), Some((now, latest))) = (first, latest) else { return false };
    before < SETTLED && now >= SETTLED && latest.0 > 2.0 * first.0 && latest.1 <= first.1
}

impl Scheduler for AutoScheduler {
    fn next(&self, study: &Study, may_start: bool) -> Next {
        let Some(metric) = study.metrics().first().filter(|_| self.pauses) else {
            return if may_start { Next::START } else { Next::Finished };
        };
        let standings = Standings::of(study, &self.ladder);
        let least = if may_start { 0.0 } else { IN_THE_END };
        let promotable = self.promotable(study, metric, &standings, least);
        standings.next(study, promotable, may_start)
    }

    fn judge(&self, study: &Study, trial: &Trial) -> Verdict {
        if is_at_end(trial) {
            return Verdict::Continue;
        }
        if has_diverged(trial) {
            let reason = "its loss is above twice that of its first report, its accuracy no better";
            return Verdict::Prune { reason: reason.to_owned() };
        }
        let behind = study.metrics().first().and_then(|metric| self.behind(study, trial, metric));
        match behind {
            None => Verdict::Continue,
            Some(reason) if self.pauses => Verdict::Pause { reason },
            Some(reason) => Verdict::Prune { reason },
        }
    }

    fn rungs(&self) -> Vec<f64> {
        self.ladder.fractions().to_vec()
    }

    fn pairs_examples(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
