//! What a running trial says of itself. Refuses numbers that are not finite: they fail the trial, with the reason.

use super::{Draft, check_number};
use crate::command::Rejection;
use crate::event::{Fact, Stream};
use crate::metric::Values;
use crate::policy::{Policy, Verdict};
use crate::trial::{FailureReason, LeaseKey, Outcome, Report, Trial};

pub(super) fn report(
    draft: &mut Draft<'_>,
    policy: &Policy,
    key: LeaseKey,
    report: Report,
) -> Result<(), Rejection> {
    let trial = draft.leased(key)?;
    check_number("fraction", report.fraction)?;
    check_number("device_seconds", report.device_seconds)?;
    if report.fraction > 1.0 {
        return Err(Rejection::BadNumber { field: "fraction", value: report.fraction });
    }
    let stream = Stream::Trial(key.trial);
    let device_seconds = report.device_seconds;
    if trial.current_reports().last().is_some_and(|last| report.step <= last.step) {
        if device_seconds > 0.0 {
            let expires_at = draft.expiry();
            draft.push(stream, Fact::LeaseRenewed { expires_at, device_seconds });
        }
        return Ok(());
    }
    if let Some(reason) = not_finite(&report.values, report.step) {
        draft.push(stream, Fact::TrialFailed { reason, device_seconds });
        return Ok(());
    }
    let mut judged = trial.clone();
    judged.reports.push(report.clone());
    let expires_at = draft.expiry();
    draft.push(stream, Fact::Reported { report, expires_at });
    if draft.study.is_replica(trial) {
        return Ok(());
    }
    match policy.scheduler.judge(draft.study, &judged) {
        Verdict::Continue => {}
        Verdict::Pause { reason } => draft.push(stream, Fact::TrialPaused { reason }),
        Verdict::Prune { reason } => {
            draft.push(stream, Fact::TrialPruned { reason, device_seconds: 0.0 });
        }
    }
    Ok(())
}

pub(super) fn tell(
    draft: &mut Draft<'_>,
    key: LeaseKey,
    outcome: Outcome,
    device_seconds: f64,
) -> Result<(), Rejection> {
    let trial = draft.leased(key)?;
    check_number("device_seconds", device_seconds)?;
    let fact = match outcome {
        Outcome::Completed { values } => match completed(draft, trial, values) {
            Ok(values) => Fact::TrialCompleted { values, device_seconds },
            Err(reason) => Fact::TrialFailed { reason, device_seconds },
        },
        Outcome::Pruned { reason } => Fact::TrialPruned { reason, device_seconds },
        Outcome::Failed { reason } => Fact::TrialFailed { reason, device_seconds },
        Outcome::Cancelled => Fact::TrialCancelled,
    };
    draft.push(Stream::Trial(key.trial), fact);
    Ok(())
}

/// The told values and, for each objective that they leave out, what was reported.
fn completed(draft: &Draft<'_>, trial: &Trial, told: Values) -> Result<Values, FailureReason> {
    let last_step = trial.reports.last().map_or(0, |report| report.step);
    if let Some(reason) = not_finite(&told, last_step) {
        return Err(reason);
    }
    let mut values = told;
    for metric in draft.study.metrics() {
        if values.contains_key(&metric.name) {
            continue;
        }
        let missing =
            || FailureReason::MissingMetric { metric: metric.name.clone(), reported: Vec::new() };
        values.insert(metric.name.clone(), trial.reported(metric).ok_or_else(missing)?);
    }
    Ok(values)
}

fn not_finite(values: &Values, step: u64) -> Option<FailureReason> {
    let (metric, _) = values.iter().find(|(_, value)| !value.is_finite())?;
    Some(FailureReason::NonFinite { metric: metric.clone(), step })
}
