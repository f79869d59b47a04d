//! The keys of `train`, as the trainer's wire types have them. It refuses what they do not have.

use super::super::shape::{Bounds, Key, Shape, Table};

/// `train`.
pub(crate) static TRAIN: Table = Table {
    place: "`train`",
    keys: &[
        Key::new("model", Shape::Either(&[Shape::Text, Shape::Map(&SCRATCH)]), "A hub id, a directory with config.json, tokenizer.json and safetensors, or the shape of a small encoder to train from scratch.")
            .required("add `model: bert-base-uncased`"),
        Key::new("task", Shape::Either(&[Shape::Text, Shape::Map(&TASK)]), "A task by name such as glue/rte, or files and their columns.")
            .required("add `task: glue/rte`, or `task: {train: train.tsv, validation: dev.tsv, text: sentence, label: label}`"),
        Key::new("device", Shape::Word { what: "device of this version", words: || vec!["cpu"] }, "Where the arithmetic happens; cpu where left out."),
        Key::new("precision", Shape::Word { what: "precision of this version", words: || vec!["float32"] }, "The number format; float32 where left out."),
        Key::new("pack", Shape::Whole { least: 1 }, "How many trials are trained at once at most."),
        Key::new("threads", Shape::Whole { least: 1 }, "Processor threads; all cores where left out."),
        Key::new("evaluate", Shape::Map(&EVALUATE), "How often a trial is evaluated; once an epoch where left out, and always at its end."),
        Key::new("eval_batch_size", Shape::Whole { least: 1 }, "Rows evaluated at once; 64 where left out."),
        Key::new("data_seed", Shape::Whole { least: 0 }, "The seed of the order of the training rows, the same for all trials; the study's seed where left out."),
        Key::new("checkpoint_seconds", Shape::Number(Bounds::NotNegative), "Seconds of training between two checkpoints of a trial, at least; 60 where left out."),
    ],
};

/// `train.model` from scratch.
pub(crate) static SCRATCH: Table = Table {
    place: "`train.model`",
    keys: &[
        Key::new(
            "architecture",
            Shape::Word { what: "architecture", words: || vec!["bert", "distilbert", "roberta"] },
            "The encoder's family; bert where left out.",
        ),
        Key::new("layers", Shape::Whole { least: 1 }, "Number of layers.")
            .required("add `layers: 2`"),
        Key::new(
            "hidden",
            Shape::Whole { least: 1 },
            "Width of the hidden state, a multiple of the heads.",
        )
        .required("add `hidden: 128`"),
        Key::new("heads", Shape::Whole { least: 1 }, "Attention heads.").required("add `heads: 2`"),
        Key::new(
            "intermediate",
            Shape::Whole { least: 1 },
            "Width inside the feed-forward part; four times hidden where left out.",
        ),
        Key::new(
            "vocabulary",
            Shape::Whole { least: 1 },
            "Entries of the vocabulary that is trained; 4000 where left out.",
        ),
        Key::new(
            "positions",
            Shape::Whole { least: 1 },
            "The longest text in tokens; 128 where left out.",
        ),
    ],
};

/// `train.task` with files.
pub(crate) static TASK: Table = Table {
    place: "`train.task`",
    keys: &[
        Key::new(
            "dataset",
            Shape::Text,
            "A hub dataset, owner/name or owner/name/config, instead of files.",
        ),
        Key::new(
            "train",
            FILES,
            "The training rows: a path, or a list of paths. Paths start at the study file.",
        ),
        Key::new(
            "validation",
            FILES,
            "The validation rows; a part of the training rows where left out.",
        ),
        Key::new("test", FILES, "The test rows: touched once, by the winner."),
        Key::new(
            "text",
            Shape::Either(&[Shape::Text, Shape::List { of: &Shape::Text, least: 1 }]),
            "The text column, or the two columns of a pair.",
        )
        .required("add `text: sentence`, or `text: [sentence1, sentence2]`"),
        Key::new("label", Shape::Text, "The label column.").required("add `label: label`"),
        Key::new(
            "labels",
            Shape::List { of: &Shape::Scalar, least: 2 },
            "The labels in the order of the model's outputs.",
        ),
        Key::new(
            "kind",
            Shape::Word { what: "kind of task", words: || vec!["classification", "regression"] },
            "Classes or scores; told from the labels where left out.",
        ),
        Key::new(
            "format",
            Shape::Word { what: "format", words: || vec!["tsv", "csv", "jsonl", "parquet"] },
            "How the files are written; told from their endings where left out.",
        ),
        Key::new(
            "validation_fraction",
            Shape::Number(Bounds::OpenUnit),
            "The share of the training rows that validates where there is no file for it; 0.1 where left out.",
        ),
        Key::new(
            "test_fraction",
            Shape::Number(Bounds::OpenUnit),
            "The share of the training rows that is locked away as the test split.",
        ),
        Key::new(
            "split_seed",
            Shape::Whole { least: 0 },
            "The seed of these splits; 0 where left out.",
        ),
        Key::new("limit", Shape::Map(&LIMIT), "How many rows to keep of each split."),
    ],
};

const FILES: Shape = Shape::Either(&[Shape::Text, Shape::List { of: &Shape::Text, least: 1 }]);

/// `train.task.limit`.
pub(crate) static LIMIT: Table = Table {
    place: "`limit`",
    keys: &[
        Key::new("train", Shape::Whole { least: 1 }, "Training rows kept, from the first on."),
        Key::new(
            "validation",
            Shape::Whole { least: 1 },
            "Validation rows kept, from the first on.",
        ),
    ],
};

/// `train.evaluate`.
pub(crate) static EVALUATE: Table = Table {
    place: "`evaluate`",
    keys: &[
        Key::new("steps", Shape::Whole { least: 1 }, "Every so many optimiser steps."),
        Key::new("epochs", Shape::Number(Bounds::Positive), "Every fraction of an epoch."),
        Key::new(
            "fraction",
            Shape::Number(Bounds::Positive),
            "Every fraction of the trial's own schedule.",
        ),
    ],
};
