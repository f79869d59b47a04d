//! `cargo x bench storage`: trials a second in one storage, ours and optuna's in turn on the same disk and server,
//! with random search, ten reports a trial and nothing trained.
//!
//! Ours is `crates/tunesmith-store/benches/storage.rs`, theirs `tools/bench/storage_peer.py`. This file starts no
//! server and judges no ratio.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Map, Value, json};

/// Where the peer and a server are.
#[derive(Debug, Clone, Args)]
pub(crate) struct Storage {
    /// A Python that has optuna, and psycopg2 for PostgreSQL
    #[arg(long, default_value = ".venv/bin/python")]
    python: PathBuf,
    /// A socket's folder or a host where PostgreSQL lets the user in without a password; without it only SQLite is measured
    #[arg(long)]
    postgres: Option<String>,
    /// Who that is; he owns the databases `ours` and `theirs` there
    #[arg(long, default_value = "tunesmith")]
    user: String,
    /// Rounds, in each of which either side runs once
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

const REPORTS: u32 = 10;

/// One storage: its name, agents, and how many trials each of them does, ours and theirs.
struct Case {
    name: &'static str,
    agents: u32,
    trials: (u32, u32),
    ours: String,
    theirs: String,
}

/// Runs all cases; gives one figure for each.
pub(crate) fn measure(root: &Path, options: &Storage) -> Result<Vec<Map<String, Value>>> {
    let folder = root.join("target/storage");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let mut figures = Vec::new();
    for case in cases(options, &folder) {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..options.rounds {
            let mut bench = Command::new("cargo");
            bench.args(["bench", "--quiet", "--package", "tunesmith-store", "--bench", "storage"]);
            bench.arg("--").args(arguments(&case.ours, case.agents, case.trials.0));
            ours.push(rate(bench.current_dir(root))?);
            let mut python = Command::new(&options.python);
            python.arg("tools/bench/storage_peer.py");
            python.args(arguments(&case.theirs, case.agents, case.trials.1));
            theirs.push(rate(python.current_dir(root))?);
            eprintln!(
                "{}, round {round}: ours {ours:.1?}, optuna {theirs:.1?} trials/s",
                case.name
            );
        }
        let (ours, theirs) = (super::median(&ours), super::median(&theirs));
        let figure = json!({
            "case": format!("storage/{}", case.name), "agents": case.agents, "reports": REPORTS,
            "ours_trials_per_s": ours, "optuna_trials_per_s": theirs, "ratio": ours / theirs,
            "rounds": options.rounds,
        });
        figures.push(figure.as_object().cloned().context("figures are an object")?);
    }
    std::fs::remove_dir_all(&folder)
        .with_context(|| format!("cannot remove {}", folder.display()))?;
    Ok(figures)
}

fn cases(options: &Storage, folder: &Path) -> Vec<Case> {
    let file = |name: &str| folder.join(name).display().to_string();
    let mut cases = vec![Case {
        name: "sqlite",
        agents: 1,
        trials: (500, 50),
        ours: file("ours.db"),
        theirs: format!("sqlite:///{}", file("theirs.db")),
    }];
    if let Some(host) = &options.postgres {
        let user = &options.user;
        cases.push(Case {
            name: "postgres",
            agents: 16,
            trials: (40, 10),
            ours: format!("postgres://{user}@{}/ours", host.replace('/', "%2F")),
            theirs: format!("postgresql+psycopg2://{user}@/theirs?host={host}"),
        });
    }
    cases
}

fn arguments(address: &str, agents: u32, trials: u32) -> [String; 4] {
    [address.to_owned(), agents.to_string(), trials.to_string(), REPORTS.to_string()]
}

/// The trials a second that a bench program printed.
fn rate(command: &mut Command) -> Result<f64> {
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
    line["trials_per_s"].as_f64().with_context(|| format!("no `trials_per_s` in {line}"))
}
