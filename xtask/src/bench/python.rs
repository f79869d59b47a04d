//! `cargo x bench python`: studies of so many trials through the Python package, and the peers' in turn; and how long
//! `import tunesmith` takes.
//!
//! Both sides are `tools/bench/python_tpe.py`. The package must be installed as a release build in the Python that is
//! given. This file judges no ratio.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Map, Value, json};

/// Where the package and the peers are.
#[derive(Debug, Clone, Args)]
pub(crate) struct Python {
    /// A Python that has tools/requirements.txt and the package, built for release
    #[arg(long, default_value = ".venv/bin/python")]
    python: PathBuf,
    /// Rounds, in each of which every side runs once
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Trials of each study
    #[arg(long, default_value_t = 1000)]
    trials: usize,
}

const OURS: [&str; 4] =
    ["tunesmith", "tunesmith-define", "tunesmith-floats", "tunesmith-floats-define"];
const PEERS: [&str; 4] = ["rustuna", "optuna", "rustuna-floats", "optuna-floats"];

/// Runs all cases; gives one figure for each of ours and each peer on the same space, and one for the import.
pub(crate) fn measure(root: &Path, options: &Python) -> Result<Vec<Map<String, Value>>> {
    let sides: Vec<&str> = OURS.iter().chain(&PEERS).copied().collect();
    let mut times = vec![Vec::new(); sides.len()];
    let mut imports = Vec::new();
    for round in 0..options.rounds {
        for (side, times) in sides.iter().zip(&mut times) {
            times.push(run(root, options, side, options.trials)?);
        }
        imports.push(run(root, options, "import", 5)?);
        eprintln!("round {round}: {sides:?} {times:.1?} ms, import {imports:.1?} ms");
    }
    let of = |name: &str| {
        let place = sides.iter().position(|side| *side == name);
        place.map_or(f64::NAN, |place| super::median(&times[place]))
    };
    let mut figures = vec![json!({ "case": "python/import", "ours_ms": super::median(&imports) })];
    for ours in OURS {
        for theirs in PEERS.iter().filter(|peer| peer.contains("floats") == ours.contains("floats"))
        {
            let (ours_ms, theirs_ms) = (of(ours), of(theirs));
            figures.push(json!({
                "case": format!("python/{ours}"), "trials": options.trials, "rounds": options.rounds,
                "ours_ms": ours_ms, "theirs": theirs, "theirs_ms": theirs_ms, "ratio": ours_ms / theirs_ms,
            }));
        }
    }
    figures
        .iter()
        .map(|figure| figure.as_object().cloned().context("figures are an object"))
        .collect()
}

fn run(root: &Path, options: &Python, side: &str, count: usize) -> Result<f64> {
    let mut python = Command::new(&options.python);
    python.arg("tools/bench/python_tpe.py").arg(side).arg(count.to_string());
    super::search::milliseconds(python.current_dir(root))
}
