//! What a host says first: the encoder, the data, the device, how often trials are evaluated.
//!
//! All of it is common to the trials of a trainer process. This file refuses to know a trial.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Params;
use crate::data::Task;

/// Which encoder is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Model {
    /// A directory in Hugging Face's layout, or a hub id such as `bert-base-uncased`.
    Pretrained(String),
    /// A small encoder with random weights and a tokenizer trained on the training text.
    Scratch(Scratch),
}

/// The shape of an encoder that is trained from random weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scratch {
    /// The architecture whose block, names and head are used.
    #[serde(default)]
    pub architecture: Architecture,
    /// Number of layers.
    pub layers: usize,
    /// Width of the hidden state; a multiple of `heads`.
    pub hidden: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width between the two products of the feed-forward part; four times `hidden` by default.
    #[serde(default)]
    pub intermediate: Option<usize>,
    /// Size of the WordPiece vocabulary that is trained, in entries.
    #[serde(default = "Scratch::default_vocabulary")]
    pub vocabulary: usize,
    /// Longest text, in tokens.
    #[serde(default = "Scratch::default_positions")]
    pub positions: usize,
}

impl Scratch {
    const fn default_vocabulary() -> usize {
        4000
    }

    const fn default_positions() -> usize {
        128
    }
}

/// The encoder families that can be trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Architecture {
    /// BERT (Devlin et al. 2018).
    #[default]
    Bert,
    /// DistilBERT (Sanh et al. 2019).
    Distilbert,
    /// RoBERTa (Liu et al. 2019).
    Roberta,
}

/// Where the arithmetic happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// The processor.
    #[default]
    Cpu,
}

/// The number format of weights and activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// IEEE single precision.
    #[default]
    Float32,
}

/// How often a trial is evaluated on the validation split; it always is at its end.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Cadence {
    /// Every so many optimiser steps.
    Steps(u64),
    /// Every fraction of an epoch; `1.0` is once an epoch.
    Epochs(f64),
    /// Every fraction of the trial's own schedule; `0.25` is four times.
    Fraction(f64),
}

impl Default for Cadence {
    fn default() -> Self {
        Self::Epochs(1.0)
    }
}

/// What is common to all trials of a trainer process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Open {
    /// [`super::VERSION`] of the sender.
    pub version: u32,
    /// The encoder.
    pub model: Model,
    /// The data.
    pub task: Task,
    /// Where relative paths in `model` and `task` start.
    pub base_directory: PathBuf,
    /// Where the arithmetic happens.
    #[serde(default)]
    pub device: DeviceChoice,
    /// The number format.
    #[serde(default)]
    pub precision: Precision,
    /// How many trials are trained at once at most.
    pub pack: usize,
    /// Processor threads; `None` takes the cores there are.
    #[serde(default)]
    pub threads: Option<usize>,
    /// Evaluation cadence.
    #[serde(default)]
    pub evaluate: Cadence,
    /// Fractions of its own schedule, above 0 to 1, at which a trial is evaluated besides: after
    /// `⌈fraction · steps⌉` steps. A step that the cadence names too is evaluated once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evaluate_at: Vec<f64>,
    /// Whether reports carry how wrong the model is on each validation row.
    #[serde(default)]
    pub examples: bool,
    /// Rows evaluated at once.
    #[serde(default = "Open::default_eval_batch")]
    pub eval_batch_size: usize,
    /// Seed of the training order: the same for all trials, so that they are paired.
    pub data_seed: u64,
    /// Device seconds of a trial between two checkpoints. Zero writes one at every report.
    #[serde(default = "Open::default_checkpoint_seconds")]
    pub checkpoint_seconds: f64,
    /// Hyperparameters that every trial has unless its own say otherwise.
    #[serde(default)]
    pub defaults: Params,
}

impl Open {
    const fn default_eval_batch() -> usize {
        64
    }

    const fn default_checkpoint_seconds() -> f64 {
        60.0
    }
}
