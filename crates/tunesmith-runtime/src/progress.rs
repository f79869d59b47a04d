//! What a worker tells whoever watches it, as one closed enum over a channel. It refuses to be
//! the record: that is the log; what is told of a log entry is told after it is durable.

use std::collections::BTreeMap;

use tunesmith_core::{Outcome, Params, Spent, Study, Trial, TrialState};
use tunesmith_train::protocol::Ready;

use crate::trainer::Ending;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// A trainer is being started with this many slots.
    Opening {
        /// How many trials it trains at once at most.
        slots: usize,
    },
    /// The trainer has loaded model and data.
    Opened(Box<Ready>),
    /// Memory is for fewer trials at once than were asked for.
    Fitted {
        /// For how many.
        slots: usize,
    },
    /// Trials of a worker that is dead wait to be gone on with.
    Reaped {
        /// Their numbers.
        trials: Vec<u64>,
    },
    /// A trial trains.
    Started {
        /// Its number.
        trial: u64,
        /// What is tried.
        params: Params,
        /// Optimiser steps of its whole schedule.
        total_steps: u64,
        /// The step it goes on from, 0 where it begins.
        from_step: u64,
    },
    /// A trial has come further.
    Stepped {
        /// Its number.
        trial: u64,
        /// Optimiser steps done.
        step: u64,
        /// Mean training loss of late.
        loss: f64,
        /// Optimiser steps a second.
        steps_per_second: f64,
    },
    /// A report is in the log.
    Reported {
        /// The trial's number.
        trial: u64,
        /// Optimiser steps done.
        step: u64,
        /// The fraction of the trial's own schedule that is done.
        fraction: f64,
        /// The metrics by name.
        metrics: BTreeMap<String, f64>,
    },
    /// A trial is over, and the log says so.
    Ended {
        /// Its number.
        trial: u64,
        /// How it ended.
        end: End,
        /// What it tried.
        params: Params,
        /// Device seconds it took in all.
        device_seconds: f64,
    },
    /// The scheduler holds a trial back; it may go on later.
    Paused {
        /// Its number.
        trial: u64,
    },
    /// A trial goes on from the state of another one, with other params.
    TookOver {
        /// Its number.
        trial: u64,
        /// The other's.
        donor: u64,
    },
    /// A trial was handed back and waits to be gone on with.
    HandedBack {
        /// Its number.
        trial: u64,
    },
    /// The trainer ended before its time; its trials wait to be gone on with by another one.
    TrainerLost {
        /// How it ended.
        ending: Ending,
        /// How many trials the next one trains at once at most.
        slots: usize,
    },
    /// Where the study stands; told after everything above that changes it.
    Standing(Standing),
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// It went through its schedule.
    Completed {
        /// The study's metrics with their values, in their order.
        values: Vec<(String, f64)>,
    },
    /// It was stopped by the scheduler.
    Pruned,
    /// It failed.
    Failed {
        /// Why, in words.
        reason: String,
    },
}

/// Where a study stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    /// Trials that were completed.
    pub completed: u64,
    /// Trials that were stopped by the scheduler.
    pub pruned: u64,
    /// Trials that failed.
    pub failed: u64,
    /// Trials that train.
    pub running: u64,
    /// Trials that the scheduler holds back.
    pub paused: u64,
    /// How many trials there will be at most, where that is known.
    pub total: Option<u64>,
    /// The best trial so far and its metric; of several metrics the first.
    pub best: Option<(u64, f64)>,
    /// How many trials no other beats, where the study has several metrics.
    pub front: Option<usize>,
    /// Device seconds of all trials.
    pub device_seconds: f64,
    /// What they cost.
    pub cost: f64,
}

impl End {
    /// How a trial ended; `None` while it has not.
    pub fn of(trial: &Trial, study: &Study) -> Option<Self> {
        Some(match trial.outcome.as_ref()? {
            Outcome::Completed { .. } => Self::Completed { values: values(trial, study) },
            Outcome::Pruned { .. } => Self::Pruned,
            Outcome::Failed { reason } => Self::Failed { reason: reason.to_string() },
            Outcome::Cancelled => Self::Failed { reason: "cancelled".to_owned() },
        })
    }
}

fn values(trial: &Trial, study: &Study) -> Vec<(String, f64)> {
    let metrics = study.metrics().iter();
    metrics.filter_map(|metric| Some((metric.name.clone(), trial.value(metric)?))).collect()
}

impl Standing {
    /// Where a study stands that has `spent` so much.
    pub fn of(study: &Study, spent: &Spent, total: Option<u64>) -> Self {
        let count = |state| study.count(state) as u64;
        let metric = study.metrics().first();
        let several = study.metrics().len() > 1;
        let best = if several { study.chosen() } else { study.best() };
        let best = best.and_then(|best| Some((best.number.into(), best.value(metric?)?)));
        Self {
            completed: count(TrialState::Completed),
            pruned: count(TrialState::Pruned),
            failed: count(TrialState::Failed) + count(TrialState::Cancelled),
            running: count(TrialState::Running),
            paused: count(TrialState::Paused),
            total,
            best,
            front: several.then(|| study.front().len()),
            device_seconds: spent.device_seconds,
            cost: spent.cost.unwrap_or_default(),
        }
    }
}
