//! What a trial tells after an evaluation.
//!
//! This file refuses to let a number that is none pass as a score: the trial fails.

use std::collections::BTreeMap;
use std::time::Duration;

use super::trial::State;
use super::{Tell, Trainer};
use crate::protocol::{FailureReason, FromTrainer};

impl Trainer {
    /// Reports `metrics`, or fails the trial when one of them is no finite number.
    pub(super) fn report(
        &mut self,
        number: u64,
        (mut metrics, errors): (BTreeMap<String, f64>, Option<Vec<u8>>),
        share: Duration,
        tell: &mut Tell<'_>,
    ) {
        let Some(trial) = self.trials.get_mut(&number) else {
            return;
        };
        trial.charge(share);
        let (sum, count) = std::mem::take(&mut trial.losses);
        metrics.insert("train_loss".into(), sum / count.max(1) as f64);
        if let Some((what, _)) = metrics.iter().find(|(_, value)| !value.is_finite()) {
            let reason = FailureReason::NonFinite { what: what.clone(), step: trial.at.step };
            self.fail(number, reason, tell);
            return;
        }
        trial.state = State::Parked;
        let device_seconds = std::mem::take(&mut trial.unreported).as_secs_f64();
        tell(FromTrainer::Report {
            trial: number,
            step: trial.at.step,
            fraction: trial.fraction(),
            metrics,
            device_seconds,
            errors,
        });
    }
}
