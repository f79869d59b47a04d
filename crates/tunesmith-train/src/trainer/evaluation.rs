//! Scores trials on the validation rows, and a written model on any split.
//!
//! Metrics are GLUE's; the loss is the plain one, without smoothing or class weights. This file
//! refuses to pick the better of two trials.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use super::loading::Fatal;
use super::stepping::{answers, texts};
use super::{Tell, Trainer};
use crate::data::{Dataset, Labels, Split, Target};
use crate::encoder::pass::Noise;
use crate::metrics::Metric;
use crate::model::EncoderConfig;
use crate::model::export::RECORD;
use crate::model::layout::Plan;
use crate::model::load::Checkpoint;
use crate::op::loss::{Bend, Targets, loss};
use crate::pack::initial::Source;
use crate::pack::{Answers, Pack, Work};
use crate::protocol::{FromTrainer, SplitName};

/// Logits of `slots` on all rows of a split: `[rows, outputs]` by slot.
fn predict(
    pack: &mut Pack,
    slots: &[usize],
    split: &Split,
    batch: usize,
) -> candle_core::Result<Vec<Vec<f32>>> {
    let mut all = vec![Vec::with_capacity(split.rows() * pack.plan.outputs); slots.len()];
    let rows: Vec<u32> = (0..split.rows() as u32).collect();
    for rows in rows.chunks(batch.max(1)) {
        let work =
            |slot: &usize| Work { slot: *slot, texts: texts(split, rows), noise: Noise::NONE };
        let works: Vec<Work<'_>> = slots.iter().map(work).collect();
        let logits = pack.logits(&works)?;
        all.iter_mut().zip(logits).for_each(|(all, logits)| all.extend(logits));
    }
    Ok(all)
}

/// The class of each row, or its score.
fn predictions(logits: &[f32], target: &Target) -> Labels {
    match target {
        Target::Regression => Labels::Scores(logits.to_vec()),
        Target::Classes(names) => {
            Labels::Classes(logits.chunks_exact(names.len()).map(largest).collect())
        }
    }
}

/// The index of the largest value; of the first, when several are.
fn largest(row: &[f32]) -> u32 {
    let mut best = 0;
    for (class, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = class;
        }
    }
    best as u32
}

fn mean_loss(logits: &[f32], target: &Target, split: &Split) -> f64 {
    let rows: Vec<u32> = (0..split.rows() as u32).collect();
    let wanted = answers(split, &rows);
    let mut unused = vec![0f32; logits.len()];
    let view = match &wanted {
        Answers::Classes(ids) => Targets::Classes(ids),
        Answers::Scores(scores) => Targets::Scores(scores),
    };
    loss(logits, target.outputs(), view, Bend { smoothing: 0.0, weights: None }, 1.0, &mut unused)
}

/// Every metric that has a value, under `prefix`.
fn score(
    logits: &[f32],
    target: &Target,
    split: &Split,
    metrics: &[Metric],
    prefix: &str,
) -> BTreeMap<String, f64> {
    let predictions = predictions(logits, target);
    let mut values = BTreeMap::from([(format!("{prefix}_loss"), mean_loss(logits, target, split))]);
    for metric in metrics {
        // An undefined metric (a constant prediction has no correlation) is absent, not a number.
        if let Ok(value) = metric.score(target, &predictions, split.labels()) {
            let bare = metric.name().trim_start_matches("eval_");
            values.insert(format!("{prefix}_{bare}"), value);
        }
    }
    values
}

/// How wrong each row is: see [`FromTrainer::Report`].
fn wrongness(logits: &[f32], target: &Target, labels: &Labels) -> Vec<u8> {
    match (predictions(logits, target), labels) {
        (Labels::Classes(ours), Labels::Classes(theirs)) => {
            ours.iter().zip(theirs).map(|(ours, theirs)| u8::from(ours != theirs)).collect()
        }
        (Labels::Scores(ours), Labels::Scores(theirs)) => {
            let scale = 64.0 / deviation(theirs);
            let error = |(ours, theirs): (&f32, &f32)| f64::from(ours - theirs).abs();
            // The cast takes what is above 255 to 255; 0/0, where all targets are one, to 0.
            ours.iter().zip(theirs).map(|pair| (scale * error(pair)).round() as u8).collect()
        }
        _ => Vec::new(),
    }
}

/// The standard deviation of values, over their count.
fn deviation(values: &[f32]) -> f64 {
    let count = values.len().max(1) as f64;
    let mean = values.iter().copied().map(f64::from).sum::<f64>() / count;
    let squares = values.iter().map(|value| (f64::from(*value) - mean).powi(2));
    (squares.sum::<f64>() / count).sqrt()
}

impl Trainer {
    /// The names a report carries.
    pub(super) fn metric_names(&self) -> Vec<String> {
        let named = self.metrics.iter().map(|metric| metric.name().to_owned());
        named.chain(["eval_loss".to_owned(), "train_loss".to_owned()]).collect()
    }

    /// Evaluates and reports trials of one pack; those that share a data set in one pass.
    pub(super) fn evaluate_trials(&mut self, numbers: &[u64], tell: &mut Tell<'_>) {
        let mut left = numbers.to_vec();
        while let Some(first) = left.first().and_then(|number| self.trials.get(number)) {
            let (dataset, pack) = (first.leg.dataset.clone(), first.pack);
            let together = |number: &u64| {
                self.trials
                    .get(number)
                    .is_some_and(|t| std::sync::Arc::ptr_eq(&t.leg.dataset, &dataset))
            };
            let (group, rest): (Vec<u64>, Vec<u64>) = left.iter().copied().partition(together);
            left = rest;
            self.evaluate_group(pack, &group, &dataset, tell);
        }
    }

    fn evaluate_group(
        &mut self,
        pack: usize,
        numbers: &[u64],
        dataset: &Dataset,
        tell: &mut Tell<'_>,
    ) {
        let began = Instant::now();
        let mut seats: Vec<(usize, u64)> = numbers
            .iter()
            .filter_map(|number| self.trials.get(number).map(|trial| (trial.slot, *number)))
            .collect();
        seats.sort_unstable();
        let slots: Vec<usize> = seats.iter().map(|(slot, _)| *slot).collect();
        let logits = predict(
            &mut self.packs[pack].pack,
            &slots,
            &dataset.validation,
            self.open.eval_batch_size,
        );
        let share = began.elapsed() / seats.len().max(1) as u32;
        for (index, (_, number)) in seats.iter().enumerate() {
            match &logits {
                Ok(logits) => {
                    let metrics = score(
                        &logits[index],
                        &dataset.target,
                        &dataset.validation,
                        &self.metrics,
                        "eval",
                    );
                    let errors = self.open.examples.then(|| {
                        wrongness(&logits[index], &dataset.target, dataset.validation.labels())
                    });
                    self.report(*number, (metrics, errors), share, tell);
                }
                Err(error) => {
                    let reason =
                        crate::protocol::FailureReason::OutOfMemory { message: error.to_string() };
                    self.fail(*number, reason, tell);
                }
            }
        }
    }

    /// The length that the trial behind a written model had.
    fn recorded_length(&self, directory: &Path) -> usize {
        let text = std::fs::read(directory.join(RECORD)).unwrap_or_default();
        let record: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        record["effective"]["max_seq_length"]
            .as_u64()
            .map_or_else(|| self.usual_length(), |length| length as usize)
    }

    /// Scores a model directory that was written here.
    pub(crate) fn evaluate_directory(
        &mut self,
        directory: &Path,
        name: SplitName,
    ) -> Result<FromTrainer, Fatal> {
        let config = EncoderConfig::read(directory).map_err(|error| Fatal::model(&error))?;
        let source =
            Source::Pretrained(Checkpoint::open(directory).map_err(|error| Fatal::model(&error))?);
        let dataset = self
            .data
            .length(Some(self.recorded_length(directory)))
            .map_err(|error| Fatal::data(&error))?;
        let (split, prefix) = match name {
            SplitName::Validation => (Some(&dataset.validation), "eval"),
            SplitName::Test => (dataset.test.as_ref(), "test"),
        };
        let Some(split) = split else {
            return Err(Fatal::protocol("the task has no test rows".to_owned()));
        };
        let plan = Plan {
            outputs: dataset.target.outputs(),
            frozen_layers: 0,
            frozen_embeddings: false,
            lora: None,
            dense_given: true,
        };
        let mut pack = Pack::with_frozen(&config, &plan, 1, &self.device, &source, 0)
            .map_err(|error| Fatal::model(&error))?;
        pack.fill(0, &source, 0).map_err(|error| Fatal::model(&error))?;
        let logits = predict(&mut pack, &[0], split, self.open.eval_batch_size)
            .map_err(|error| Fatal::device(&error))?;
        let metrics = score(&logits[0], &dataset.target, split, &self.metrics, prefix);
        Ok(FromTrainer::Evaluated { split: name, metrics, rows: split.rows() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_scores_are_in_sixty_fourths_of_the_deviation() {
        // The targets' standard deviation is 2.
        let targets = Labels::Scores(vec![1.0, 5.0, 1.0, 5.0]);
        let errors = wrongness(&[1.0, 4.0, -1.0, 50.0], &Target::Regression, &targets);
        assert_eq!(errors, [0, 32, 64, 255]);
    }

    #[test]
    fn errors_of_classes_are_one_where_the_largest_logit_is_another() {
        let target = Target::Classes(vec!["no".into(), "yes".into()]);
        let labels = Labels::Classes(vec![0, 1, 1]);
        assert_eq!(wrongness(&[0.5, 0.1, 0.5, 0.1, 0.0, 2.0], &target, &labels), [0, 1, 0]);
    }
}
