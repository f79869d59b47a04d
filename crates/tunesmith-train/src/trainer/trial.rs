//! One trial as the loop sees it: where it stands, what it owes, when it is due.
//!
//! This file refuses to hold weights; a pack does.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::settings::Settings;
use crate::data::{Dataset, Labels, Order};
use crate::protocol::Cadence;
use crate::schedule::Schedule;

/// Whether a trial may step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It may.
    Running,
    /// It waits for the verdict on its report.
    Reported,
}

/// One trial.
#[derive(Debug)]
pub(crate) struct Trial {
    /// Index of its pack.
    pub(crate) pack: usize,
    /// Its slot there.
    pub(crate) slot: usize,
    /// Its hyperparameters.
    pub(crate) settings: Settings,
    /// Its schedule.
    pub(crate) schedule: Schedule,
    /// Learning-rate factors by depth.
    pub(crate) factors: Vec<f64>,
    /// Its rows.
    pub(crate) dataset: Arc<Dataset>,
    /// Class weights, when they are balanced.
    pub(crate) class_weights: Option<Vec<f32>>,
    /// Its directory.
    pub(crate) directory: PathBuf,
    /// Optimiser steps done.
    pub(crate) step: u64,
    /// Whether it may step.
    pub(crate) state: State,
    /// The order of an epoch, kept while that lasts.
    order: Option<(u64, Order)>,
    /// Sum and count of training losses since the last report.
    pub(crate) losses: (f64, u64),
    /// Device time since the last report.
    pub(crate) unreported: Duration,
    /// Device time since the last checkpoint.
    pub(crate) since_checkpoint: Duration,
    /// When progress was told last, and the step then.
    pub(crate) told: (Instant, u64),
    /// Sum and count of training losses since progress was told.
    pub(crate) recent: (f64, u64),
}

impl Trial {
    pub(crate) fn new(
        (pack, slot): (usize, usize),
        settings: Settings,
        factors: Vec<f64>,
        dataset: Arc<Dataset>,
        directory: PathBuf,
    ) -> Self {
        let schedule = settings.schedule(dataset.train.rows());
        let class_weights = settings.balanced.then(|| balanced(&dataset)).flatten();
        Self {
            pack,
            slot,
            schedule,
            factors,
            class_weights,
            settings,
            dataset,
            directory,
            step: 0,
            state: State::Running,
            order: None,
            losses: (0.0, 0),
            unreported: Duration::ZERO,
            since_checkpoint: Duration::ZERO,
            told: (Instant::now(), 0),
            recent: (0.0, 0),
        }
    }

    /// The row numbers of the batches of the coming step.
    pub(crate) fn batches(&mut self, data_seed: u64) -> Vec<Vec<u32>> {
        let rows = self.dataset.train.rows();
        let of_epoch = self.settings.steps_of_epoch(rows);
        let (epoch, within) = (self.step / of_epoch, self.step % of_epoch);
        if self.order.as_ref().is_none_or(|(known, _)| *known != epoch) {
            self.order = Some((epoch, Order::shuffled(rows, data_seed, epoch)));
        }
        let Some((_, order)) = &self.order else {
            return Vec::new();
        };
        let first = within as usize * self.settings.accumulation;
        let batches = (first..first + self.settings.accumulation)
            .map(|index| order.batch(self.settings.batch_size, index).to_vec());
        batches.filter(|batch| !batch.is_empty()).collect()
    }

    /// Whether the validation rows are due after the step just done.
    pub(crate) fn evaluation_due(&self, cadence: Cadence) -> bool {
        let total = self.schedule.total_steps;
        let every = match cadence {
            Cadence::Steps(steps) => steps as f64,
            Cadence::Epochs(part) => {
                part * self.settings.steps_of_epoch(self.dataset.train.rows()) as f64
            }
            Cadence::Fraction(part) => part * total as f64,
        };
        // How many evaluations are behind a step; a hair's breadth against rounding.
        let behind = |step: u64| ((step as f64 + 1e-6) / every.max(1.0)).floor();
        self.step >= total || behind(self.step) > behind(self.step - 1)
    }

    /// How much of the schedule is done.
    pub(crate) fn fraction(&self) -> f64 {
        (self.step as f64 / self.schedule.total_steps as f64).min(1.0)
    }

    /// Charges device time.
    pub(crate) fn charge(&mut self, time: Duration) {
        self.unreported += time;
        self.since_checkpoint += time;
    }
}

/// Weights of classes by inverse frequency, as scikit-learn's `balanced`: `n / (k · count)`.
fn balanced(dataset: &Dataset) -> Option<Vec<f32>> {
    let Labels::Classes(ids) = dataset.train.labels() else {
        return None;
    };
    let mut counts = vec![0usize; dataset.target.outputs()];
    ids.iter().for_each(|id| counts[*id as usize] += 1);
    let scale = ids.len() as f64 / counts.len() as f64;
    Some(counts.into_iter().map(|count| (scale / count.max(1) as f64) as f32).collect())
}
