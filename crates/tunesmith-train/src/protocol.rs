//! What a trainer process and its host say to each other: one JSON object a line, host to trainer
//! on standard input, trainer to host on standard output.
//!
//! The order of a conversation: [`ToTrainer::Open`] once, answered by [`FromTrainer::Ready`] or
//! [`FromTrainer::Fatal`]; then any number of [`ToTrainer::Start`]. Every [`FromTrainer::Report`]
//! is answered by exactly one [`ToTrainer::Verdict`] or [`ToTrainer::Exploit`] for that trial, or
//! ended by [`ToTrainer::Release`] or [`ToTrainer::Drop`]. Until then the trial is parked: it keeps
//! its slot and does not step, for as long as the host likes, so that a decision is a function of
//! the reports and never of timing. Trials that are not parked go on meanwhile.
//!
//! This file refuses to know what a study is: a trial is a number, params are names and values.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

mod hexadecimal;
mod open;

pub use open::{Architecture, Cadence, DeviceChoice, Model, Open, Precision, Scratch};

/// The protocol's version; both ends refuse another.
pub const VERSION: u32 = 2;

/// A hyperparameter's value as it crosses the wire.
pub type ParamValue = serde_json::Value;

/// Hyperparameters by name, as the study file spells them.
pub type Params = BTreeMap<String, ParamValue>;

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
        /// Training that comes before the trial is itself, first to last: each stretch ends at its
        /// own `until_step` and hands its state over as [`ToTrainer::Exploit`] does. Nothing is
        /// evaluated or reported until the trial is itself.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        past: Vec<Stretch>,
        /// The stretch that `resume` belongs to: an index into `past`; its length is the trial
        /// itself. Without `resume` it must be 0.
        #[serde(default)]
        resume_stretch: usize,
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
    /// A parked trial takes over the state of another parked one (weights, moments, update count)
    /// and goes on at once with other hyperparameters, at the donor's fraction of its own new
    /// schedule. Its seed stays. The donor stays parked; a trial may be its own donor. Answered by
    /// [`FromTrainer::Exploited`], or by [`FromTrainer::Failed`] where the hyperparameters do not
    /// fit the state.
    Exploit {
        /// The trial that takes over.
        trial: u64,
        /// Whose state.
        donor: u64,
        /// The trial's hyperparameters from here on.
        params: Params,
        /// The trial's directory from here on; `None` keeps the one it has.
        #[serde(default)]
        directory: Option<PathBuf>,
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
    /// Write a checkpoint, then stop: [`FromTrainer::Checkpointed`], then [`FromTrainer::Stopped`].
    Save,
}

/// A stretch of training that a trial's state comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stretch {
    /// Its hyperparameters.
    pub params: Params,
    /// Seed of initial weights and dropout, unless `params` has a `seed`.
    pub seed: u64,
    /// The step of its own schedule after which the next stretch takes over.
    pub until_step: u64,
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
        /// The step it starts from; not zero when resumed. A trial with a past counts the steps of
        /// the stretch it starts in.
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
        /// How wrong the model is on each validation row, in file order, when [`Open::examples`]
        /// asks for it: a class that is wrong is 1, one that is right 0; of a regression
        /// `min(255, round(64 · |error| / sd))`, `sd` being that of the validation targets. On the
        /// wire two hexadecimal digits a row.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "hexadecimal")]
        errors: Option<Vec<u8>>,
    },
    /// A trial has taken over another's state and goes on.
    Exploited {
        /// The trial.
        trial: u64,
        /// Whose state it has.
        donor: u64,
        /// Where in its new schedule it stands: the donor's fraction of it, in optimiser steps.
        step: u64,
        /// Optimiser steps of the whole new schedule.
        total_steps: u64,
        /// Every hyperparameter as the trainer uses it, defaults included.
        effective: Params,
    },
    /// The first optimiser step after a trial took over a state was done with these numbers; also
    /// told when a trial with a past becomes itself.
    ReadBack {
        /// The trial.
        trial: u64,
        /// The step, counted with it.
        step: u64,
        /// What the update worked with, noted where it ran.
        optimizer: OptimizerNumbers,
        /// What schedule and hyperparameters say.
        expected: OptimizerNumbers,
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
        /// How many stretches of training come before the one it belongs to: what
        /// [`ToTrainer::Start`] wants as `resume_stretch`.
        #[serde(default)]
        stretch: usize,
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

/// What AdamW works with in a step. The learning rate is that of the head: layers below have it
/// times their factor where `layerwise_lr_decay` is not 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OptimizerNumbers {
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the denominator.
    pub epsilon: f64,
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
    /// Estimated bytes of memory that a trial adds to a pack with the defaults of
    /// [`Open::defaults`], all weights trained: weights, gradients and two moments, and its part of
    /// the largest training and evaluation batches' activations.
    #[serde(default)]
    pub bytes_per_slot: u64,
    /// Bytes of memory that a process can still take here, limits of control groups respected; 0
    /// where the system does not tell.
    #[serde(default)]
    pub available_bytes: u64,
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
    /// Programs that are trials fail one after another.
    Program,
    /// A disk that is full or not writable.
    Disk,
}

#[cfg(test)]
mod tests;
