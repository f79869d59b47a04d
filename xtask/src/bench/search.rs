//! `cargo x bench search`: how long an ask and a tell take, ours and the peers' in turn on the same
//! space and history.
//!
//! Ours is `crates/tunesmith-search/benches/ask.rs`, theirs `tools/bench/ask_peers.py`; both print
//! medians. This file judges no ratio.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Map, Value, json};

/// Where the peers are.
#[derive(Debug, Clone, Args)]
pub(crate) struct Search {
    /// A Python that has tools/requirements.txt
    #[arg(long, default_value = ".venv/bin/python")]
    python: PathBuf,
    /// Rounds, in each of which every side runs once
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// A sampler of ours after so many trials, and the peers to compare it with.
const CASES: [(&str, &str, &[&str]); 4] = [
    ("tpe", "1000", &["optuna-tpe", "rustuna-tpe"]),
    ("tpe", "10000", &["optuna-tpe", "rustuna-tpe"]),
    ("gp", "100", &["optuna-gp"]),
    ("gp-batch16", "60", &[]),
];

/// Runs all cases; gives one figure for each of ours and each peer of it.
pub(crate) fn measure(root: &Path, options: &Search) -> Result<Vec<Map<String, Value>>> {
    let mut figures = Vec::new();
    for (sampler, trials, peers) in CASES {
        let mut ours = Vec::new();
        let mut theirs = vec![Vec::new(); peers.len()];
        for round in 0..options.rounds {
            let mut bench = Command::new("cargo");
            bench.args([
                "bench",
                "--quiet",
                "--package",
                "tunesmith-search",
                "--bench",
                "ask",
                "--",
            ]);
            ours.push(milliseconds(bench.args([sampler, trials]).current_dir(root))?);
            for (peer, times) in peers.iter().zip(&mut theirs) {
                let mut python = Command::new(&options.python);
                python.arg("tools/bench/ask_peers.py").args([peer, trials]);
                times.push(milliseconds(python.current_dir(root))?);
            }
            eprintln!(
                "{sampler} after {trials}, round {round}: ours {ours:.3?} ms, {peers:?} {theirs:.3?} ms"
            );
        }
        let ours_ms = super::median(&ours);
        let case = |peer: Option<(&str, f64)>| {
            let mut figure = json!({
                "case": format!("search/{sampler}"), "trials": trials, "ours_ms": ours_ms, "rounds": options.rounds,
            });
            if let Some((peer, theirs_ms)) = peer {
                figure["theirs"] = peer.into();
                figure["theirs_ms"] = theirs_ms.into();
                figure["ratio"] = (ours_ms / theirs_ms).into();
            }
            figure.as_object().cloned().context("figures are an object")
        };
        if peers.is_empty() {
            figures.push(case(None)?);
        }
        for (peer, times) in peers.iter().zip(&theirs) {
            figures.push(case(Some((peer, super::median(times))))?);
        }
    }
    Ok(figures)
}

/// The median that a bench program printed.
pub(super) fn milliseconds(command: &mut Command) -> Result<f64> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {command:?}; see tools/README.md"))?;
    if !output.status.success() {
        bail!("{command:?} failed");
    }
    let text = String::from_utf8(output.stdout).context("it printed no text")?;
    let line: Value =
        serde_json::from_str(text.trim()).with_context(|| format!("no JSON: {text}"))?;
    line["ms"].as_f64().with_context(|| format!("no `ms` in {line}"))
}
