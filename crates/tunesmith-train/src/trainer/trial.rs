//! One trial as the loop sees it: where it stands, what it owes, when it is due.
//!
//! This file refuses to hold weights; a pack does.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::settings::Settings;
use crate::checkpoint::Position;
use crate::data::{Dataset, Labels, Order};
use crate::protocol::{Cadence, Open, OptimizerNumbers};
use crate::schedule::Schedule;

/// Whether a trial may step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It may.
    Running,
    /// It is parked: it waits for the verdict on its report.
    Parked,
}

/// Training under one set of hyperparameters, and what follows from them and the data.
#[derive(Debug)]
pub(crate) struct Leg {
    /// The hyperparameters.
    pub(crate) settings: Settings,
    /// The schedule.
    pub(crate) schedule: Schedule,
    /// Learning-rate factors by depth.
    pub(crate) factors: Vec<f64>,
    /// The rows.
    pub(crate) dataset: Arc<Dataset>,
    /// Class weights, when they are balanced.
    pub(crate) class_weights: Option<Vec<f32>>,
    /// The step after which the next leg takes over; `None` of a trial's own leg.
    pub(crate) until_step: Option<u64>,
}

impl Leg {
    pub(crate) fn new(
        settings: Settings,
        layers: usize,
        dataset: Arc<Dataset>,
        until_step: Option<u64>,
    ) -> Self {
        let schedule = settings.schedule(dataset.train.rows());
        let class_weights = settings.balanced.then(|| balanced(&dataset)).flatten();
        let factors = settings.factors(layers);
        Self { settings, schedule, factors, dataset, class_weights, until_step }
    }

    /// The step of this leg's schedule at which `fraction` of it is done; one step at least is
    /// left.
    pub(crate) fn step_at(&self, fraction: f64) -> u64 {
        let total = self.schedule.total_steps;
        ((fraction * total as f64).round() as u64).min(total - 1)
    }

    /// What the update that follows `step` finished ones works with, by the names of the
    /// hyperparameters as they are reported.
    pub(crate) fn expected(&self, step: u64) -> OptimizerNumbers {
        let value = |name: &str| {
            let value = self.settings.effective.get(name);
            value.and_then(serde_json::Value::as_f64).unwrap_or_default()
        };
        OptimizerNumbers {
            learning_rate: self.settings.schedule(self.dataset.train.rows()).rate(step),
            weight_decay: value("weight_decay"),
            beta1: value("adam_beta1"),
            beta2: value("adam_beta2"),
            epsilon: value("adam_epsilon"),
        }
    }
}

/// One trial.
#[derive(Debug)]
pub(crate) struct Trial {
    /// Index of its pack.
    pub(crate) pack: usize,
    /// Its slot there.
    pub(crate) slot: usize,
    /// Its seed as the host gave it.
    pub(crate) seed: u64,
    /// What it trains now.
    pub(crate) leg: Leg,
    /// What it trains after that; its own leg is the last.
    ahead: VecDeque<Leg>,
    /// How many stretches of training came before this leg.
    pub(crate) stretch: usize,
    /// Its directory.
    pub(crate) directory: PathBuf,
    /// Steps of the leg's schedule done, updates of the optimiser, seed of the initial weights.
    pub(crate) at: Position,
    /// Whether it may step.
    pub(crate) state: State,
    /// Whether the numbers of its next step are to be told.
    pub(crate) reads_back: bool,
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
    /// A trial that begins with the first of `legs`, `stretch` stretches after the first of all;
    /// the last leg is its own.
    pub(crate) fn new(
        (pack, slot): (usize, usize),
        seed: u64,
        (leg, ahead): (Leg, VecDeque<Leg>),
        stretch: usize,
        directory: PathBuf,
    ) -> Self {
        let at = Position { step: 0, updates: 0, origin: leg.settings.seed };
        Self {
            pack,
            slot,
            seed,
            leg,
            ahead,
            stretch,
            directory,
            at,
            state: State::Running,
            reads_back: false,
            order: None,
            losses: (0.0, 0),
            unreported: Duration::ZERO,
            since_checkpoint: Duration::ZERO,
            told: (Instant::now(), 0),
            recent: (0.0, 0),
        }
    }

    /// The leg that the trial itself is.
    pub(crate) fn own(&self) -> &Leg {
        self.ahead.back().unwrap_or(&self.leg)
    }

    /// Whether it still trains what comes before itself.
    pub(crate) fn is_in_past(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Goes over to the next leg where this one is at its end; says whether it did.
    pub(crate) fn turn(&mut self) -> bool {
        if self.leg.until_step.is_none_or(|until| self.at.step < until) {
            return false;
        }
        let Some(leg) = self.ahead.pop_front() else { return false };
        let from = Position { step: leg.step_at(self.fraction()), ..self.at };
        self.enter(leg, from, self.stretch + 1);
        true
    }

    /// Goes on with `leg` from a state that was taken over.
    pub(crate) fn enter(&mut self, leg: Leg, at: Position, stretch: usize) {
        self.leg = leg;
        self.at = at;
        self.stretch = stretch;
        self.order = None;
        self.losses = (0.0, 0);
        self.recent = (0.0, 0);
        self.told = (Instant::now(), at.step);
        self.reads_back = self.ahead.is_empty();
    }

    /// The row numbers of the batches of the coming step.
    pub(crate) fn batches(&mut self, data_seed: u64) -> Vec<Vec<u32>> {
        let (rows, settings) = (self.leg.dataset.train.rows(), &self.leg.settings);
        let of_epoch = settings.steps_of_epoch(rows);
        let (epoch, within) = (self.at.step / of_epoch, self.at.step % of_epoch);
        if self.order.as_ref().is_none_or(|(known, _)| *known != epoch) {
            self.order = Some((epoch, Order::shuffled(rows, data_seed, epoch)));
        }
        let Some((_, order)) = &self.order else {
            return Vec::new();
        };
        let first = within as usize * settings.accumulation;
        let batches = (first..first + settings.accumulation)
            .map(|index| order.batch(settings.batch_size, index).to_vec());
        batches.filter(|batch| !batch.is_empty()).collect()
    }

    /// Whether the validation rows are due after the step just done. They never are before a
    /// trial is itself.
    pub(crate) fn evaluation_due(&self, open: &Open) -> bool {
        let (step, total) = (self.at.step, self.leg.schedule.total_steps);
        let every = match open.evaluate {
            Cadence::Steps(steps) => steps as f64,
            Cadence::Epochs(part) => {
                let rows = self.leg.dataset.train.rows();
                part * self.leg.settings.steps_of_epoch(rows) as f64
            }
            Cadence::Fraction(part) => part * total as f64,
        };
        // How many evaluations are behind a step; a hair's breadth against rounding.
        let behind = |step: u64| ((step as f64 + 1e-6) / every.max(1.0)).floor();
        let named =
            |fraction: &f64| ((fraction * total as f64 - 1e-6).ceil().max(1.0)) as u64 == step;
        !self.is_in_past()
            && (step >= total
                || behind(step) > behind(step - 1)
                || open.evaluate_at.iter().any(named))
    }

    /// How much of the schedule is done.
    pub(crate) fn fraction(&self) -> f64 {
        (self.at.step as f64 / self.leg.schedule.total_steps as f64).min(1.0)
    }

    /// Charges device time.
    pub(crate) fn charge(&mut self, time: Duration) {
        self.unreported += time;
        self.since_checkpoint += time;
    }
}

/// Why the stretches before a trial cannot be its past, in words; each begins at the fraction at
/// which the one before it ended.
pub(crate) fn check_past(legs: &VecDeque<Leg>) -> Result<(), String> {
    let mut step = 0;
    for (index, (leg, next)) in legs.iter().zip(legs.iter().skip(1)).enumerate() {
        let (total, until) = (leg.schedule.total_steps, leg.until_step.unwrap_or_default());
        if until <= step || until >= total {
            return Err(format!(
                "stretch {index} of the trial's past starts at step {step} of {total} and cannot end at step {until}; \
                 were the data or the defaults changed since it was trained?"
            ));
        }
        step = next.step_at(until as f64 / total as f64);
        if leg.settings.plan != next.settings.plan {
            return Err(format!(
                "stretch {index} of the trial's past trains other weights than what takes its state over"
            ));
        }
    }
    Ok(())
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
