//! What PyTorch, transformers and peft computed, against what a pack computes; and a slot against
//! the same trial alone.

mod golden;
mod minilm;
mod slots;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::initial::Source;
use super::{Aim, Answers, Pack, Rates, Work};
use crate::encoder::pass::Noise;
use crate::model::EncoderConfig;
use crate::model::layout::{Plan, Target};
use crate::model::load::Checkpoint;
use crate::op::loss::Bend;
use crate::op::optimizer::Numbers;

/// One row of a golden batch.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Row {
    pub(super) ids: Vec<u32>,
    pub(super) type_ids: Vec<u8>,
}

/// A golden batch.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Batch {
    pub(super) rows: Vec<Row>,
    pub(super) labels: Vec<f64>,
}

impl Batch {
    pub(super) fn work(&self, slot: usize, noise: Noise) -> Work<'_> {
        Work {
            slot,
            texts: self.rows.iter().map(|row| (&row.ids[..], &row.type_ids[..])).collect(),
            noise,
        }
    }

    pub(super) fn answers(&self, outputs: usize) -> Answers {
        if outputs == 1 {
            Answers::Scores(self.labels.iter().map(|x| *x as f32).collect())
        } else {
            Answers::Classes(self.labels.iter().map(|x| *x as u32).collect())
        }
    }
}

pub(super) fn folder(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(case)
}

pub(super) fn load(model: &str) -> (EncoderConfig, Source) {
    let directory = folder(model);
    let config = EncoderConfig::read(&directory).expect("a golden config.json");
    (config, Source::Pretrained(Checkpoint::open(&directory).expect("golden weights")))
}

pub(super) fn full(outputs: usize) -> Plan {
    Plan { outputs, frozen_layers: 0, frozen_embeddings: false, lora: None, dense_given: true }
}

pub(super) fn plain<'a>(answers: Answers) -> Aim<'a> {
    Aim { targets: answers, bend: Bend { smoothing: 0.0, weights: None }, scale: 1.0 }
}

pub(super) fn rates(slot: usize, learning_rate: f64, step: u64, factors: Vec<f64>) -> Rates {
    let numbers = Numbers {
        learning_rate,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.01,
        step,
        clip: 1.0,
    };
    Rates { slot, numbers, max_norm: 1.0, factors }
}

pub(super) fn targets(words: &str) -> Vec<Target> {
    match words {
        "all-linear" => Target::LAYER.into_iter().chain([Target::Pooler]).collect(),
        _ => vec![Target::Query, Target::Value],
    }
}

/// The largest absolute difference over the largest absolute value of `exact`.
pub(super) fn distance(ours: &[f32], exact: &[f32]) -> f32 {
    assert_eq!(ours.len(), exact.len());
    let largest = exact.iter().fold(0f32, |a, b| a.max(b.abs()));
    let worst = ours
        .iter()
        .zip(exact)
        .fold(0f32, |a, (x, y)| if (x - y).is_nan() { f32::NAN } else { a.max((x - y).abs()) });
    worst / largest.max(f32::MIN_POSITIVE)
}

pub(super) fn new_pack(config: &EncoderConfig, plan: &Plan, slots: usize, source: &Source) -> Pack {
    let device = candle_core::Device::Cpu;
    Pack::with_frozen(config, plan, slots, &device, source, 1).expect("a pack")
}
