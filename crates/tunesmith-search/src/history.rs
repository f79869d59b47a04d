//! What a sampler sees of a study: its trials by how they stand, with values turned so that less is better.
//!
//! Refuses to drop a trial: one that was cancelled tells nothing and is the only kind left out.

use tunesmith_core::{FailureReason, Goal, Metric, Outcome, Study, Trial, TrialState};

/// A trial with a value for every metric.
#[derive(Debug, Clone)]
pub(crate) struct Scored<'a> {
    /// The trial.
    pub(crate) trial: &'a Trial,
    /// Its values in the order of the metrics; less is better.
    pub(crate) scores: Vec<f64>,
}

/// A study's trials, each kind by number.
#[derive(Debug, Clone, Default)]
pub(crate) struct History<'a> {
    /// Those that ran to their end.
    pub(crate) completed: Vec<Scored<'a>>,
    /// Those that the scheduler ended after they had reported every metric.
    pub(crate) pruned: Vec<Scored<'a>>,
    /// Those that failed of themselves, and those that were pruned before they reported.
    pub(crate) failed: Vec<&'a Trial>,
    /// Those that have not ended: queued, running or paused.
    pub(crate) pending: Vec<&'a Trial>,
}

impl<'a> History<'a> {
    /// The history of a study.
    pub(crate) fn of(study: &'a Study) -> Self {
        let mut history = Self::default();
        for trial in study.trials() {
            match (trial.state, scores(trial, study.metrics())) {
                (TrialState::Completed, Some(scores)) => {
                    history.completed.push(Scored { trial, scores });
                }
                (TrialState::Pruned, Some(scores)) => history.pruned.push(Scored { trial, scores }),
                (TrialState::Failed, _) if is_of_itself(trial) => history.failed.push(trial),
                (TrialState::Pruned | TrialState::Completed, None) => history.failed.push(trial),
                (TrialState::Queued | TrialState::Running | TrialState::Paused, _) => {
                    history.pending.push(trial);
                }
                (TrialState::Failed | TrialState::Cancelled, _) => {}
            }
        }
        history
    }

    /// How many trials ended with something to learn from.
    pub(crate) fn finished(&self) -> usize {
        self.completed.len() + self.pruned.len() + self.failed.len()
    }
}

/// The trial's value of each metric, turned so that less is better; `None` where one is missing.
pub(crate) fn scores(trial: &Trial, metrics: &[Metric]) -> Option<Vec<f64>> {
    metrics
        .iter()
        .map(|metric| trial.value(metric).map(|value| score(metric.goal, value)))
        .collect()
}

/// A metric's value turned so that less is better.
pub(crate) fn score(goal: Goal, value: f64) -> f64 {
    match goal {
        Goal::Minimize => value,
        Goal::Maximize => -value,
    }
}

/// Whether the params may be to blame: not where the workers died or the executor was told something impossible.
pub(crate) fn is_of_itself(trial: &Trial) -> bool {
    !matches!(trial.outcome, Some(Outcome::Failed { reason: FailureReason::WorkersLost { .. } }))
}
