//! One optimiser step of every runnable trial of a pack.
//!
//! Trials whose steps have more batches than others' go on alone for the rest. This file refuses
//! to evaluate.

use std::time::{Duration, Instant};

use super::trial::{State, Trial};
use super::{Tell, Trainer};
use crate::checkpoint::Position;
use crate::data::{Labels, Split};
use crate::encoder::pass::Noise;
use crate::op::loss::Bend;
use crate::op::matrix::Write;
use crate::op::optimizer::Numbers;
use crate::pack::{Aim, Answers, Rates, Updated, Work};
use crate::protocol::{FailureReason, FromTrainer, OptimizerNumbers};

/// The least time between two progress lines of a trial.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// What a step came to for one trial.
struct Outcome {
    /// The loss; `None` where it or a gradient is no number.
    loss: Option<f64>,
    /// The numbers of the update.
    used: Numbers,
}

/// What the optimiser worked with in the step that a trial has just done, and what it should have.
fn read_back(number: u64, trial: &Trial, used: &Numbers) -> FromTrainer {
    let optimizer = OptimizerNumbers {
        learning_rate: used.learning_rate,
        weight_decay: used.weight_decay,
        beta1: used.beta1,
        beta2: used.beta2,
        epsilon: used.epsilon,
    };
    let (step, expected) = (trial.at.step + 1, trial.leg.expected(trial.at.step));
    FromTrainer::ReadBack { trial: number, step, optimizer, expected }
}

/// Token rows of a batch.
pub(crate) fn texts<'d>(split: &'d Split, rows: &[u32]) -> Vec<(&'d [u32], &'d [u8])> {
    rows.iter()
        .map(|row| {
            let row = split.row(*row as usize);
            (row.ids, row.type_ids)
        })
        .collect()
}

/// Labels of a batch.
pub(crate) fn answers(split: &Split, rows: &[u32]) -> Answers {
    match split.labels() {
        Labels::Classes(ids) => {
            Answers::Classes(rows.iter().map(|row| ids[*row as usize]).collect())
        }
        Labels::Scores(scores) => {
            Answers::Scores(rows.iter().map(|row| scores[*row as usize]).collect())
        }
    }
}

impl Trial {
    /// What batch `part` of the coming step asks of the pack.
    fn part<'t>(&'t self, part: usize, batches: &[Vec<u32>]) -> (Work<'t>, Aim<'t>) {
        let leg = &self.leg;
        let (settings, split, rows) = (&leg.settings, &leg.dataset.train, &batches[part]);
        let [hidden, attention, classifier, adapter] = settings.dropout;
        let step = self.at.step * settings.accumulation as u64 + part as u64;
        let noise = Noise { seed: settings.seed, step, hidden, attention, classifier, adapter };
        let weights = leg.class_weights.as_deref();
        let bend = Bend { smoothing: settings.label_smoothing, weights };
        let scale = 1.0 / batches.len() as f32;
        let work = Work { slot: self.slot, texts: texts(split, rows), noise };
        (work, Aim { targets: answers(split, rows), bend, scale })
    }

    /// The numbers of the coming update.
    fn rates(&self) -> Rates {
        let settings = &self.leg.settings;
        let numbers = Numbers {
            learning_rate: self.leg.schedule.rate(self.at.step),
            beta1: settings.betas.0,
            beta2: settings.betas.1,
            epsilon: settings.epsilon,
            weight_decay: settings.weight_decay,
            step: self.at.updates + 1,
            clip: 1.0,
        };
        let factors = self.leg.factors.clone();
        Rates { slot: self.slot, numbers, max_norm: settings.max_grad_norm, factors }
    }
}

impl Trainer {
    /// One step of every pack that has a runnable trial, then what is due.
    pub(crate) fn step(&mut self, tell: &mut Tell<'_>) {
        for index in 0..self.packs.len() {
            let taken = self.packs[index].taken.iter().flatten();
            let runnable = |number: &u64| {
                self.trials.get(number).is_some_and(|trial| trial.state == State::Running)
            };
            let numbers: Vec<u64> = taken.copied().filter(runnable).collect();
            if numbers.is_empty() {
                continue;
            }
            let began = Instant::now();
            let stepped = self.step_pack(index, &numbers);
            let share = began.elapsed() / numbers.len() as u32;
            match stepped {
                Ok(outcomes) => self.settle_step(&numbers, &outcomes, share, tell),
                Err(error) => {
                    let message = error.to_string();
                    for number in numbers {
                        self.fail(
                            number,
                            FailureReason::OutOfMemory { message: message.clone() },
                            tell,
                        );
                    }
                }
            }
        }
    }

    /// What a step came to, by trial, in the order of `numbers`.
    fn step_pack(&mut self, index: usize, numbers: &[u64]) -> candle_core::Result<Vec<Outcome>> {
        let data_seed = self.open.data_seed;
        let mut batches = Vec::with_capacity(numbers.len());
        for number in numbers {
            if let Some(trial) = self.trials.get_mut(number) {
                batches.push(trial.batches(data_seed));
            }
        }
        let trials: Vec<_> = numbers.iter().filter_map(|number| self.trials.get(number)).collect();
        let pack = &mut self.packs[index].pack;
        let mut losses = vec![0.0; trials.len()];
        let most = batches.iter().map(Vec::len).max().unwrap_or(0);
        for part in 0..most {
            let taking: Vec<usize> =
                (0..trials.len()).filter(|i| part < batches[*i].len()).collect();
            let part_of = |i: &usize| trials[*i].part(part, &batches[*i]);
            let (works, aims): (Vec<Work<'_>>, Vec<Aim<'_>>) = taking.iter().map(part_of).unzip();
            let write = if part == 0 { Write::Replace } else { Write::Add };
            let parts = pack.gradients(&works, &aims, write)?;
            for (i, loss) in taking.iter().zip(parts) {
                losses[*i] += loss / batches[*i].len() as f64;
            }
        }
        let rates: Vec<Rates> = trials.iter().map(|trial| trial.rates()).collect();
        let updates = pack.update(&rates)?;
        let outcome = |(loss, update): (f64, Updated)| Outcome {
            loss: (loss.is_finite() && update.norm.is_finite()).then_some(loss),
            used: update.numbers,
        };
        Ok(losses.into_iter().zip(updates).map(outcome).collect())
    }

    fn settle_step(
        &mut self,
        numbers: &[u64],
        outcomes: &[Outcome],
        share: Duration,
        tell: &mut Tell<'_>,
    ) {
        let mut due = Vec::new();
        for (number, outcome) in numbers.iter().zip(outcomes) {
            let Some(trial) = self.trials.get_mut(number) else {
                continue;
            };
            trial.charge(share);
            let step = trial.at.step + 1;
            let Some(loss) = outcome.loss else {
                let reason = FailureReason::NonFinite { what: "train_loss".into(), step };
                self.fail(*number, reason, tell);
                continue;
            };
            if std::mem::take(&mut trial.reads_back) {
                tell(read_back(*number, trial, &outcome.used));
            }
            trial.at = Position { step, updates: trial.at.updates + 1, ..trial.at };
            trial.losses = (trial.losses.0 + loss, trial.losses.1 + 1);
            trial.recent = (trial.recent.0 + loss, trial.recent.1 + 1);
            if trial.evaluation_due(&self.open) {
                due.push(*number);
            }
            if trial.told.0.elapsed() >= PROGRESS_INTERVAL {
                tell(Self::progress(*number, trial));
            }
            if trial.turn() {
                let scale = trial.leg.settings.lora_scale;
                self.packs[trial.pack].pack.scales[trial.slot] = scale;
            }
        }
        self.evaluate_trials(&due, tell);
        for number in numbers.iter().filter(|number| !due.contains(number)) {
            self.checkpoint_if_due(*number, false, tell);
        }
    }

    fn progress(number: u64, trial: &mut super::trial::Trial) -> FromTrainer {
        let (since, from) = trial.told;
        let (sum, count) = trial.recent;
        trial.told = (Instant::now(), trial.at.step);
        trial.recent = (0.0, 0);
        FromTrainer::Progress {
            trial: number,
            step: trial.at.step,
            loss: sum / count.max(1) as f64,
            learning_rate: trial.leg.schedule.rate(trial.at.step.saturating_sub(1)),
            steps_per_second: trial.at.step.saturating_sub(from) as f64
                / since.elapsed().as_secs_f64().max(1e-9),
        }
    }
}
