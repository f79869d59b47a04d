//! `cargo x bench regret`: `tunesmith bench` from a build that has the YAHPO surrogates. It keeps no figures: the
//! command's own `--results` do.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

/// What the command is given.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Regret {
    /// Arguments of `tunesmith bench`, such as --methods and --data
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    arguments: Vec<String>,
}

/// Builds and runs it. False where it failed.
pub(super) fn run(root: &Path, options: &Regret) -> Result<bool> {
    let build = ["run", "--quiet", "--release", "--package", "tunesmith", "--features", "yahpo"];
    let status = Command::new("cargo")
        .args(build)
        .args(["--", "bench"])
        .args(&options.arguments)
        .current_dir(root)
        .status()
        .context("cannot run cargo")?;
    Ok(status.success())
}
