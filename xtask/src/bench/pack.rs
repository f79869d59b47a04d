//! `cargo x bench pack`: trials trained in one pack against the same trials one after another, in turn.
//!
//! The loop is `crates/tunesmith-train/benches/pack.rs`. This file judges no ratio.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use serde_json::{Map, Value};

/// What is trained, and how often.
#[derive(Debug, Clone, Args)]
pub(crate) struct Pack {
    /// Rounds, in each of which both sides run once
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// A MiniLM checkpoint, for a second case
    #[arg(long, env = "TUNESMITH_MINILM")]
    minilm: Option<PathBuf>,
}

/// Runs the bench program; gives one figure a case.
pub(crate) fn measure(root: &Path, options: &Pack) -> Result<Vec<Map<String, Value>>> {
    let mut arguments = vec![options.rounds.to_string()];
    arguments.extend(options.minilm.as_ref().map(|path| path.display().to_string()));
    super::measure(root, "tunesmith-train", "pack", &arguments)
}
