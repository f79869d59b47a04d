//! The steps of `check`, `test` and `ci`: programs run one after the other, timed, with a table at the end.
//!
//! A step that cannot run on this machine says so; where `CI` is set that is a failure.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::{quickstart, tidy};

/// One thing that must pass.
#[derive(Debug)]
pub(crate) struct Step {
    name: &'static str,
    work: Work,
}

#[derive(Debug)]
enum Work {
    Cargo(Vec<&'static str>),
    /// A cargo subcommand that comes from a package of its own.
    Extension {
        subcommand: &'static str,
        arguments: Vec<&'static str>,
        otherwise: Option<Vec<&'static str>>,
    },
    Tidy,
    Quickstart,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Outcome::Passed => "passed",
            Outcome::Failed => "FAILED",
            Outcome::Skipped => "skipped",
        })
    }
}

/// Formatting, lints, and links between docs.
pub(crate) fn check() -> Vec<Step> {
    vec![
        cargo("format", &["fmt", "--all", "--check"]),
        cargo("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        cargo(
            "docs",
            &[
                "doc",
                "--workspace",
                "--no-deps",
                "--quiet",
                "--config",
                "build.rustdocflags=['-D', 'warnings']",
            ],
        ),
    ]
}

/// The tests: nextest where it is installed, `cargo test` otherwise. Nextest leaves doc tests out.
pub(crate) fn test() -> Vec<Step> {
    vec![
        Step {
            name: "test",
            work: Work::Extension {
                subcommand: "nextest",
                arguments: vec!["run", "--workspace", "--no-fail-fast"],
                otherwise: Some(vec![
                    "test",
                    "--workspace",
                    "--lib",
                    "--bins",
                    "--tests",
                    "--no-fail-fast",
                ]),
            },
        },
        cargo("doc tests", &["test", "--workspace", "--doc", "--quiet"]),
    ]
}

/// Everything.
pub(crate) fn ci() -> Vec<Step> {
    let mut steps = check();
    steps.push(Step { name: "tidy", work: Work::Tidy });
    steps.push(Step {
        name: "deny",
        work: Work::Extension {
            subcommand: "deny",
            // Not offline: it reads the crates of other systems too, which no build has fetched.
            arguments: vec!["--log-level", "error", "check", "bans", "licenses", "sources"],
            otherwise: None,
        },
    });
    steps.extend(test());
    steps.push(Step { name: "quickstart", work: Work::Quickstart });
    steps
}

/// Runs every step, also after one failed, and prints what became of each. True when all passed.
pub(crate) fn run(root: &Path, steps: &[Step]) -> Result<bool> {
    let mut rows = Vec::new();
    for step in steps {
        eprintln!("── {}", step.name);
        let start = Instant::now();
        let outcome = perform(root, step)?;
        rows.push((step.name, outcome, start.elapsed()));
    }
    eprint!("{}", table(&rows));
    Ok(rows.iter().all(|(_, outcome, _)| *outcome != Outcome::Failed))
}

fn cargo(name: &'static str, arguments: &[&'static str]) -> Step {
    Step { name, work: Work::Cargo(arguments.to_vec()) }
}

fn perform(root: &Path, step: &Step) -> Result<Outcome> {
    match &step.work {
        Work::Cargo(arguments) => run_cargo(root, arguments),
        Work::Tidy => Ok(if tidy::run(root)? { Outcome::Passed } else { Outcome::Failed }),
        Work::Quickstart => Ok(told(quickstart::run(root))),
        Work::Extension { subcommand, arguments, otherwise } => {
            if installed(subcommand) {
                let mut line = vec![*subcommand];
                line.extend(arguments);
                return run_cargo(root, &line);
            }
            match otherwise {
                Some(arguments) => run_cargo(root, arguments),
                None => Ok(absent(subcommand)),
            }
        }
    }
}

fn told(result: Result<()>) -> Outcome {
    match result {
        Ok(()) => Outcome::Passed,
        Err(error) => {
            eprintln!("error: {error:#}");
            Outcome::Failed
        }
    }
}

fn absent(subcommand: &str) -> Outcome {
    eprintln!("cargo-{subcommand} is not installed: cargo install --locked cargo-{subcommand}");
    if std::env::var_os("CI").is_some() { Outcome::Failed } else { Outcome::Skipped }
}

fn installed(subcommand: &str) -> bool {
    Command::new("cargo")
        .args([subcommand, "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn run_cargo(root: &Path, arguments: &[&str]) -> Result<Outcome> {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(root);
    passed(&mut command)
}

fn passed(command: &mut Command) -> Result<Outcome> {
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    Ok(if status.success() { Outcome::Passed } else { Outcome::Failed })
}

fn table(rows: &[(&str, Outcome, Duration)]) -> String {
    let line = |(name, outcome, took): &(&str, Outcome, Duration)| {
        format!("{name:<12} {outcome:<8} {:>7.1} s\n", took.as_secs_f64())
    };
    std::iter::once("\n".to_owned()).chain(rows.iter().map(line)).collect()
}
