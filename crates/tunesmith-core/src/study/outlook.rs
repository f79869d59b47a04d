//! What stopping early saved, and what the rest of a search will use. Estimates from what trials used so far; refuses to
//! guess before one has ended.

use crate::study::Study;
use crate::trial::{Trial, TrialState};

impl Study {
    /// Device seconds that the trials which the scheduler ended, or holds back, would have used besides, had they gone
    /// on to their end as fast as they had come so far.
    pub fn saved_device_seconds(&self) -> f64 {
        let stopped = self.in_state(TrialState::Pruned).chain(self.in_state(TrialState::Paused));
        // A sum of nothing would be -0.
        stopped.filter_map(remaining_device_seconds).fold(0.0, |sum, saved| sum + saved)
    }

    /// Device seconds that the search is expected to use yet: what running trials lack, and a mean trial for each that
    /// the budget still has, within the budget of device time. `None` where the budget counts no trials, or none has
    /// ended.
    pub fn expected_device_seconds(&self) -> Option<f64> {
        let trials = self.budget.trials?;
        let ended: Vec<f64> = self.finished().map(|trial| trial.device_seconds).collect();
        let mean = ended.iter().sum::<f64>() / ended.len() as f64;
        if ended.is_empty() {
            return None;
        }
        let to_come = f64::from(trials.saturating_sub(self.searched_trials())) * mean;
        let lacks = |trial: &Trial| {
            remaining_device_seconds(trial).unwrap_or((mean - trial.device_seconds).max(0.0))
        };
        let open = self.running().chain(self.in_state(TrialState::Queued)).map(lacks);
        let open = open.fold(0.0, |sum, lacks| sum + lacks);
        let limit = self.budget.device_seconds.map(|limit| (limit - self.device_seconds).max(0.0));
        Some(limit.map_or(to_come + open, |limit| limit.min(to_come + open)))
    }
}

/// At the pace of what is done; `None` where nothing was reported.
fn remaining_device_seconds(trial: &Trial) -> Option<f64> {
    let done = trial.reached_fraction();
    (done > 0.0 && done <= 1.0).then(|| trial.device_seconds * (1.0 - done) / done)
}
