//! The GLUE tasks by name: where the hub keeps them, their columns and class names.
//!
//! Columns and order of classes are those of the hub's `nyu-mll/glue` (Wang et al. 2019); the
//! metric that chooses is the first that the benchmark reports for the task.

use crate::metrics::Metric;

/// The hub's repository of all of them.
pub(super) const REPOSITORY: &str = "nyu-mll/glue";

/// One task of the benchmark.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct GlueTask {
    /// The name after `glue/`, also the configuration on the hub.
    pub(super) name: &'static str,
    /// One column of text or two.
    pub(super) text: &'static [&'static str],
    /// Class names in order; none for regression.
    pub(super) classes: &'static [&'static str],
    /// The split to choose on.
    pub(super) validation: &'static str,
    /// What the benchmark reports first.
    pub(super) metric: Metric,
}

const ENTAILMENT: &[&str] = &["entailment", "not_entailment"];
const SENTENCES: &[&str] = &["sentence1", "sentence2"];
const VALIDATION: &str = "validation";

/// All that have labels to train on.
pub(super) const TASKS: [GlueTask; 9] = [
    GlueTask {
        name: "cola",
        text: &["sentence"],
        classes: &["unacceptable", "acceptable"],
        validation: VALIDATION,
        metric: Metric::Matthews,
    },
    GlueTask {
        name: "mnli",
        text: &["premise", "hypothesis"],
        classes: &["entailment", "neutral", "contradiction"],
        validation: "validation_matched",
        metric: Metric::Accuracy,
    },
    GlueTask {
        name: "mrpc",
        text: SENTENCES,
        classes: &["not_equivalent", "equivalent"],
        validation: VALIDATION,
        metric: Metric::F1,
    },
    GlueTask {
        name: "qnli",
        text: &["question", "sentence"],
        classes: ENTAILMENT,
        validation: VALIDATION,
        metric: Metric::Accuracy,
    },
    GlueTask {
        name: "qqp",
        text: &["question1", "question2"],
        classes: &["not_duplicate", "duplicate"],
        validation: VALIDATION,
        metric: Metric::F1,
    },
    GlueTask {
        name: "rte",
        text: SENTENCES,
        classes: ENTAILMENT,
        validation: VALIDATION,
        metric: Metric::Accuracy,
    },
    GlueTask {
        name: "sst2",
        text: &["sentence"],
        classes: &["negative", "positive"],
        validation: VALIDATION,
        metric: Metric::Accuracy,
    },
    GlueTask {
        name: "stsb",
        text: SENTENCES,
        classes: &[],
        validation: VALIDATION,
        metric: Metric::Pearson,
    },
    GlueTask {
        name: "wnli",
        text: SENTENCES,
        classes: &["not_entailment", "entailment"],
        validation: VALIDATION,
        metric: Metric::Accuracy,
    },
];

/// The task called `glue/<name>`, in any case and with or without hyphens (`SST-2`).
pub(super) fn named(name: &str) -> Option<&'static GlueTask> {
    let name = name.to_ascii_lowercase().replace(['-', '_'], "");
    let name = name.strip_prefix("glue/")?;
    TASKS.iter().find(|task| task.name == name)
}

/// Every name that [`named`] knows.
pub(super) fn names() -> Vec<String> {
    TASKS.iter().map(|task| format!("glue/{}", task.name)).collect()
}
