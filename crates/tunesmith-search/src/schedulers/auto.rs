//! `auto`: stops trials at 1/27, 1/9 and 1/3 of their own schedules, as boldly as those rungs have earned it.
//!
//! It is `asha` by Syne Tune's rule, with four guards:
//!
//! 1. *What a rung is worth is measured.* How well a rung's order foretells what becomes of the trials is Spearman's
//!    correlation between what they passed it with and the furthest that is known of each: its value where it completed,
//!    else the highest rung beyond. Until six trials tell, two thirds go on; then one third at 0.7 and above, half down
//!    to 0.3, and below that the rung stops nobody. Where early ranks mislead, as with LoRA runs that converge at
//!    different paces, a fixed third loses the best. Of 40 trials drawn at random from recorded curves, four at once, 24
//!    seeds: on two LoRA tasks eta 3 gave away 33 % and 7 % of the way from the median to the best, these rules 8 % and
//!    3 %. On DeBERTa they took 42 % of full training's compute and gave away 0.7 %, on two tasks of TaskSet 40 % and 45 %
//!    and at most 0.4 %; eta 3 took 31 %, 33 % and 35 %, and gave away 1.8 % and at most 0.4 %.
//! 2. *Noise.* Where both report their errors example by example, a trial stops only if it is worse than the last that
//!    would go on by more than one standard error of the paired difference; of right and wrong answers that is McNemar's.
//! 3. *Few.* Nobody stops before three have passed a rung. That is also what remains of D-ASHA's delay here: without
//!    pauses a trial cannot wait for a rung to fill.
//! 4. *Divergence.* After a tenth of its schedule a trial stops whose `eval_loss` is above twice that of its first
//!    report, made before, while its `eval_accuracy` is no better than then. A model that overfits has a higher loss and
//!    a better accuracy, and goes on. A loss that is not finite the core fails.
//!
//! Refuses to stop a trial at the end of its schedule, to pause, and to look at objectives beyond the first.

use tunesmith_core::{Metric, Next, Report, Scheduler, Study, Trial, TrialState, Verdict};

use super::rungs::{Ladder, is_at_end, scored, searched};
use super::wilcoxon::differences;
use crate::history::score;
use crate::numeric::ranks::spearman;

/// Rungs are so many times apart.
const ETA: f64 = 3.0;
/// The lowest rung.
const GRACE: f64 = 1.0 / 27.0;
/// How many pass a rung before anybody stops there.
const LEAST_AT_RUNG: usize = 3;
/// How many trials tell what a rung is worth.
const LEAST_TELLING: usize = 6;
/// The share that goes on until then.
const UNPROVEN: f64 = 2.0 / 3.0;
/// From which correlation on which share goes on.
const PROVEN: [(f64, f64); 2] = [(0.7, 1.0 / 3.0), (0.3, 1.0 / 2.0)];
/// From which fraction on a trial may have diverged.
const SETTLED: f64 = 0.1;

/// Stops trials where that is safe.
#[derive(Debug, Clone)]
pub(crate) struct AutoScheduler {
    ladder: Ladder,
}

/// A trial's passing of the rung in question.
struct Rival<'a> {
    score: f64,
    trial: &'a Trial,
    report: &'a Report,
}

impl AutoScheduler {
    pub(crate) fn new() -> Self {
        Self { ladder: Ladder::geometric(GRACE, ETA) }
    }

    /// The other trials that passed the rung, the best first.
    fn rivals<'a>(
        &self,
        study: &'a Study,
        trial: &Trial,
        metric: &Metric,
        rung: usize,
    ) -> Vec<Rival<'a>> {
        let others = searched(study).filter(|other| other.number != trial.number);
        let at = |other: &'a Trial| {
            let (report, score) = self.ladder.at(other, rung, scored(metric))?;
            Some(Rival { score, trial: other, report })
        };
        let mut rivals: Vec<Rival<'a>> = others.filter_map(at).collect();
        rivals.sort_by(|a, b| a.score.total_cmp(&b.score));
        rivals
    }

    /// The furthest that is known of a trial beyond the rung; less is better.
    fn outcome(&self, trial: &Trial, metric: &Metric, rung: usize) -> Option<f64> {
        if trial.state == TrialState::Completed {
            return trial.value(metric).map(|value| score(metric.goal, value));
        }
        let mut beyond = (rung + 1..self.ladder.len()).rev();
        beyond.find_map(|rung| Some(self.ladder.at(trial, rung, scored(metric))?.1))
    }

    /// Which share of the trials goes on from the rung; `None` where it foretells too little.
    fn share(&self, rivals: &[Rival<'_>], metric: &Metric, rung: usize) -> Option<f64> {
        let told =
            |rival: &Rival<'_>| Some((rival.score, self.outcome(rival.trial, metric, rung)?));
        let (early, late): (Vec<f64>, Vec<f64>) = rivals.iter().filter_map(told).unzip();
        if early.len() < LEAST_TELLING {
            return Some(UNPROVEN);
        }
        let agreement = spearman(&early, &late)?;
        let earned = PROVEN.iter().find(|(least, _)| agreement >= *least);
        earned.map(|(_, share)| *share)
    }

    /// Why the trial stops at the rung that its latest report passes.
    fn behind(&self, study: &Study, trial: &Trial, metric: &Metric) -> Option<String> {
        let own = self.ladder.latest(trial, scored(metric))?;
        let rivals = self.rivals(study, trial, metric, own.rung);
        let count = rivals.len() + 1;
        if count < LEAST_AT_RUNG {
            return None;
        }
        let share = self.share(&rivals, metric, own.rung)?;
        let better = rivals.partition_point(|rival| rival.score < own.value);
        if better as f64 / count as f64 <= share {
            return None;
        }
        // The last of the better ones that would go on with as many before it.
        let cut = rivals.get((share * count as f64) as usize)?;
        let report = trial.reports.get(own.report)?;
        (!is_within_noise(report, cut.report)).then(|| {
            format!(
                "{better} of {} others were better at {}",
                count - 1,
                self.ladder.name(own.rung)
            )
        })
    }
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
    fn next(&self, _study: &Study, may_start: bool) -> Next {
        if may_start { Next::START } else { Next::Finished }
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
        behind.map_or(Verdict::Continue, |reason| Verdict::Prune { reason })
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
