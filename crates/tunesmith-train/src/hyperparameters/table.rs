//! The rows of the table: one hyperparameter each, in the order help prints them.
//!
//! Data alone; this file refuses to check anything.

use super::{Hyperparameter, Kind};

const POSITIVE: Kind = Kind::Float { low: 0.0, high: f64::MAX, open_low: true };
const NOT_NEGATIVE: Kind = Kind::Float { low: 0.0, high: f64::MAX, open_low: false };
const UNIT: Kind = Kind::Float { low: 0.0, high: 1.0, open_low: false };
const RATE: Kind = Kind::Float { low: 0.0, high: 0.99, open_low: false };
const COUNT: Kind = Kind::Int { low: 1, high: 1 << 40 };
const COUNT_OR_ZERO: Kind = Kind::Int { low: 0, high: 1 << 40 };

/// Names of the learning-rate schedules, as transformers spells them.
pub const SCHEDULES: &[&str] =
    &["linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup"];

/// Names of the projections that LoRA may be put on, in the block's own words.
pub const LORA_TARGETS: &[&str] =
    &["query", "key", "value", "attention_output", "intermediate", "output", "all-linear"];

const fn row(
    name: &'static str,
    aliases: &'static [&'static str],
    kind: Kind,
    default: &'static str,
    help: &'static str,
) -> Hyperparameter {
    Hyperparameter { name, aliases, kind, default, help }
}

/// The table, in the order help prints it.
pub const TABLE: &[Hyperparameter] = &[
    row("learning_rate", &["lr"], POSITIVE, "5e-5", "peak learning rate of AdamW"),
    row(
        "per_device_train_batch_size",
        &["batch_size", "train_batch_size", "per_gpu_batch_size", "per_gpu_train_batch_size"],
        Kind::Int { low: 1, high: 4096 },
        "16",
        "rows of a batch",
    ),
    row("num_train_epochs", &["epochs"], POSITIVE, "3", "passes over the training rows"),
    row(
        "max_steps",
        &[],
        Kind::Int { low: -1, high: 1 << 40 },
        "-1",
        "optimiser steps; -1: by epochs",
    ),
    row("weight_decay", &[], UNIT, "0.0", "decoupled decay, not on biases and LayerNorm"),
    row("warmup_ratio", &[], UNIT, "0.0", "part of the steps the rate rises in"),
    row(
        "warmup_steps",
        &[],
        COUNT_OR_ZERO,
        "0",
        "steps the rate rises in; above zero it beats warmup_ratio",
    ),
    row(
        "lr_scheduler_type",
        &["lr_scheduler"],
        Kind::Choice(SCHEDULES),
        "\"linear\"",
        "shape of the rate over steps",
    ),
    row("lr_end", &[], NOT_NEGATIVE, "1e-7", "last rate of the polynomial schedule"),
    row("power", &[], POSITIVE, "1.0", "power of the polynomial schedule"),
    row("num_cycles", &[], POSITIVE, "null", "waves of the cosine schedules: 0.5, with restarts 1"),
    row(
        "seed",
        &[],
        COUNT_OR_ZERO,
        "null",
        "seed of initial weights and dropout; by trial when absent",
    ),
    row("max_grad_norm", &[], NOT_NEGATIVE, "1.0", "gradient norm is clipped to this; 0: never"),
    row(
        "label_smoothing_factor",
        &["label_smoothing"],
        RATE,
        "0.0",
        "part of the target spread over all classes",
    ),
    row(
        "class_weights",
        &[],
        Kind::Choice(&["none", "balanced"]),
        "\"none\"",
        "loss weights by inverse class frequency",
    ),
    row("gradient_accumulation_steps", &[], COUNT, "1", "batches of an optimiser step"),
    row(
        "max_seq_length",
        &["max_length"],
        Kind::Int { low: 4, high: 1 << 20 },
        "null",
        "longest text in tokens; 128 or what the model takes",
    ),
    row("adam_beta1", &[], RATE, "0.9", "decay of AdamW's first moment"),
    row(
        "adam_beta2",
        &[],
        Kind::Float { low: 0.0, high: 0.999_999, open_low: false },
        "0.999",
        "decay of AdamW's second moment",
    ),
    row("adam_epsilon", &[], POSITIVE, "1e-8", "AdamW's epsilon"),
    row(
        "layerwise_lr_decay",
        &["llrd"],
        Kind::Float { low: 0.0, high: 1.0, open_low: true },
        "1.0",
        "rate factor from a layer to the one below",
    ),
    row(
        "adapter",
        &[],
        Kind::Choice(&["none", "lora"]),
        "null",
        "lora when a lora.* is given, none otherwise",
    ),
    row("lora.r", &["lora.rank"], Kind::Int { low: 1, high: 1024 }, "8", "rank of the adapter"),
    row(
        "lora.alpha",
        &["lora.lora_alpha"],
        POSITIVE,
        "null",
        "scale numerator; twice the rank when absent",
    ),
    row("lora.dropout", &["lora.lora_dropout"], RATE, "0.0", "dropout before the adapter"),
    row(
        "lora.target_modules",
        &["lora.targets"],
        Kind::Choices(LORA_TARGETS),
        "[\"query\",\"value\"]",
        "projections that get an adapter",
    ),
    row(
        "lora.use_rslora",
        &["lora.rslora"],
        Kind::Bool,
        "false",
        "divide alpha by the root of the rank",
    ),
    row(
        "model.hidden_dropout_prob",
        &["model.dropout"],
        RATE,
        "null",
        "dropout of the hidden state",
    ),
    row(
        "model.attention_probs_dropout_prob",
        &["model.attention_dropout"],
        RATE,
        "null",
        "dropout of attention weights",
    ),
    row(
        "model.classifier_dropout",
        &["model.seq_classif_dropout"],
        RATE,
        "null",
        "dropout before the classifier",
    ),
    row(
        "model.frozen_layers",
        &[],
        Kind::Int { low: 0, high: 1024 },
        "0",
        "lowest layers not trained; above zero the embeddings are not either",
    ),
    row(
        "model.frozen_embeddings",
        &[],
        Kind::Bool,
        "null",
        "whether the embeddings are not trained",
    ),
];
