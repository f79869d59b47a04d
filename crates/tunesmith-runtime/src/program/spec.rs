//! What a study says of the program that is its trials: the command, where it runs, what of its
//! output counts. It is part of the study's log, so that an agent on another machine needs no file.
//! It refuses to know a study file: spans and messages about YAML are for whoever reads that.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::resources::Resources;

/// W&B's command where a sweep has none (sweeps 0.3.0).
pub const DEFAULT_COMMAND: [&str; 4] = ["${env}", "${interpreter}", "${program}", "${args}"];

/// How trials of a study are run as programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramSpec {
    /// The words of the command, macros and all.
    pub command: Vec<String>,
    /// What `${program}` stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// Where it runs.
    pub directory: PathBuf,
    /// Variables of its environment besides those of the agent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// Parameters that hold others: `opt` where there is `opt.name`, as nested ones in W&B.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Whether to drop what W&B drops without a word.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lenient: bool,
    /// Which of its output is read for metrics.
    #[serde(default)]
    pub capture: Capture,
    /// How far a trial has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Length>,
    /// Milliseconds between the request to end and the end.
    #[serde(default = "ProgramSpec::default_grace_ms")]
    pub grace_ms: u64,
    /// Milliseconds that a trial may run; pauses do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit_ms: Option<u64>,
    /// How often a trial whose process fails is started again, with growing pauses.
    #[serde(default)]
    pub retries: u32,
    /// What each trial needs of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// How many trials an agent runs at once at most; without it as many as `resources` leave places for, or one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel: Option<usize>,
}

impl ProgramSpec {
    const fn default_grace_ms() -> u64 {
        30_000
    }

    /// A program with this command and the defaults of everything else.
    pub fn new(command: Vec<String>, directory: PathBuf) -> Self {
        Self {
            command,
            program: None,
            directory,
            environment: BTreeMap::new(),
            groups: Vec::new(),
            lenient: false,
            capture: Capture::default(),
            progress: None,
            grace_ms: Self::default_grace_ms(),
            time_limit_ms: None,
            retries: 0,
            resources: None,
            parallel: None,
        }
    }
}

/// Where metrics are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Capture {
    /// Lines that are a dictionary as the Hugging Face Trainer prints it or a JSON object, and
    /// `tunesmith.report`.
    #[default]
    Output,
    /// `tunesmith.report` alone.
    Report,
    /// `wandb.log`, by a module in the place of wandb's, and `tunesmith.report`.
    Wandb,
}

/// How far a trial has come: `metric` of `total`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Length {
    /// What the program reports beside its metrics, such as `epoch`.
    pub metric: String,
    /// What it is at the end.
    pub total: Total,
}

/// The end of a trial's schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Total {
    /// A number.
    Number(f64),
    /// What this parameter is.
    Parameter(String),
}
