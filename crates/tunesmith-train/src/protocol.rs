//! What a trainer process and its host say to each other: one JSON object a line, host to trainer
//! on standard input, trainer to host on standard output.
//!
//! The order of a conversation: [`ToTrainer::Open`] once, answered by [`FromTrainer::Ready`] or
//! [`FromTrainer::Fatal`]; then any number of [`ToTrainer::Start`]. Every [`FromTrainer::Report`]
//! is answered by exactly one [`ToTrainer::Verdict`] for that trial, and the trial does not step
//! until it came, so that a decision is a function of the reports and never of timing.
//!
//! This file refuses to know what a study is: a trial is a number, params are names and values.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::data::Task;

/// The protocol's version; both ends refuse another.
pub const VERSION: u32 = 1;

/// A hyperparameter's value as it crosses the wire.
pub type ParamValue = serde_json::Value;

/// Hyperparameters by name, as the study file spells them.
pub type Params = BTreeMap<String, ParamValue>;

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
    /// [`VERSION`] of the sender.
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

/// Host to trainer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ToTrainer {
    /// Load model and data.
    Open(Box<Open>),
    /// Take a trial into a free slot.
    Start {
        /// The trial's number.
        trial: u64,
        /// Its hyperparameters.
        params: Params,
        /// Seed of initial weights and dropout, unless `params` has a `seed`.
        seed: u64,
        /// The trial's own directory: `checkpoint-<step>.safetensors` and `model/` go there.
        directory: PathBuf,
        /// A checkpoint to go on from.
        #[serde(default)]
        resume: Option<PathBuf>,
    },
    /// The answer to a report.
    Verdict {
        /// The trial reported on.
        trial: u64,
        /// Write the model as it is now to `<directory>/model`.
        keep: bool,
        /// What the trial does next.
        then: Then,
    },
    /// Checkpoint a trial after its running step and give its slot back.
    Release {
        /// The trial.
        trial: u64,
    },
    /// Drop a trial at once.
    Drop {
        /// The trial.
        trial: u64,
    },
    /// Score a model directory that [`FromTrainer::Kept`] named on a split.
    Evaluate {
        /// The directory.
        directory: PathBuf,
        /// The split.
        split: SplitName,
    },
    /// End the process.
    Shutdown,
}

/// What a trial does after a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Go on; after the last report: finish.
    Continue,
    /// Stop here; the slot is free.
    Stop,
}

/// A part of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitName {
    /// What decides between trials.
    Validation,
    /// What is touched once.
    Test,
}

/// Trainer to host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum FromTrainer {
    /// Model and data are loaded.
    Ready(Box<Ready>),
    /// A trial has its slot.
    Started {
        /// The trial.
        trial: u64,
        /// Optimiser steps of its whole schedule.
        total_steps: u64,
        /// The step it starts from; not zero when resumed.
        from_step: u64,
        /// Every hyperparameter as the trainer uses it, defaults included.
        effective: Params,
        /// How many of the encoder's weights are trained.
        trained_weights: u64,
    },
    /// Where a trial stands; sent at most a few times a second.
    Progress {
        /// The trial.
        trial: u64,
        /// Optimiser steps done.
        step: u64,
        /// Mean training loss since the last progress.
        loss: f64,
        /// The learning rate of the last step.
        learning_rate: f64,
        /// Optimiser steps a second, of this trial.
        steps_per_second: f64,
    },
    /// An evaluation; answered by [`ToTrainer::Verdict`].
    Report {
        /// The trial.
        trial: u64,
        /// Optimiser steps done.
        step: u64,
        /// `step` as a fraction of the trial's own schedule; 1 at the last report.
        fraction: f64,
        /// `eval_*` and `train_loss` by name; a value that is undefined is absent.
        metrics: BTreeMap<String, f64>,
        /// Device seconds this trial has used since the last report: its share of its pack.
        device_seconds: f64,
    },
    /// A checkpoint is on disk, whole.
    Checkpointed {
        /// The trial.
        trial: u64,
        /// Optimiser steps done.
        step: u64,
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The model was written as a verdict asked.
    Kept {
        /// The trial.
        trial: u64,
        /// The step whose weights it has.
        step: u64,
        /// A directory that `AutoModelForSequenceClassification.from_pretrained` loads.
        directory: PathBuf,
    },
    /// A trial went through its schedule; its slot is free.
    Finished {
        /// The trial.
        trial: u64,
        /// Device seconds since the last report.
        device_seconds: f64,
    },
    /// A trial was stopped by a verdict, released or dropped; its slot is free.
    Stopped {
        /// The trial.
        trial: u64,
        /// Optimiser steps done.
        step: u64,
        /// Device seconds since the last report.
        device_seconds: f64,
    },
    /// A trial failed; the others go on.
    Failed {
        /// The trial.
        trial: u64,
        /// Why.
        reason: FailureReason,
        /// Device seconds since the last report.
        device_seconds: f64,
    },
    /// The answer to [`ToTrainer::Evaluate`].
    Evaluated {
        /// The split.
        split: SplitName,
        /// `eval_*` for validation, `test_*` for test.
        metrics: BTreeMap<String, f64>,
        /// Rows scored.
        rows: usize,
    },
    /// Nothing can go on; the process ends after this line.
    Fatal {
        /// Which class of error: the host's exit code follows it.
        class: FatalClass,
        /// What happened, where, and what to do.
        message: String,
    },
}

/// What a trainer has loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    /// [`VERSION`] of the trainer.
    pub version: u32,
    /// The device in words.
    pub device: String,
    /// The model in words: architecture, layers, hidden width, weights.
    pub model: String,
    /// Weights of the encoder with its head.
    pub weights: u64,
    /// Rows by split; test is zero where there is none.
    pub train_rows: usize,
    /// Validation rows.
    pub validation_rows: usize,
    /// Test rows.
    pub test_rows: usize,
    /// Class names in the order of their ids; empty for regression.
    pub labels: Vec<String>,
    /// The metrics that a report carries.
    pub metrics: Vec<String>,
    /// Things worth telling: texts cut at the length limit, empty texts.
    pub notes: Vec<String>,
}

/// Why a trial failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FailureReason {
    /// A loss or a metric is no finite number.
    NonFinite {
        /// Which.
        what: String,
        /// At which optimiser step.
        step: u64,
    },
    /// A hyperparameter that this model or task cannot take.
    BadHyperparameter {
        /// Its name.
        name: String,
        /// What is wrong and what is legal.
        message: String,
    },
    /// A file could not be written or read.
    File {
        /// Which file and why.
        message: String,
    },
    /// The checkpoint to resume from is not one of this trial.
    BadCheckpoint {
        /// Which file and why.
        message: String,
    },
    /// Memory ran out.
    OutOfMemory {
        /// What was asked for.
        message: String,
    },
}

/// Classes of errors that end a trainer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FatalClass {
    /// The data: missing file or column, unknown label, empty.
    Data,
    /// The model: unreadable, truncated, unsupported.
    Model,
    /// The device or number format.
    Device,
    /// The host broke the protocol.
    Protocol,
    /// A disk that is full or not writable.
    Disk,
}
