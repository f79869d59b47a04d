//! The developer's commands: `cargo x check`, `test`, `tidy`, `bench`, `ci`, `quickstart-data`.
//!
//! It runs tools and reads files. It is no part of what users install, and no crate may depend on it.

mod bench;
mod quickstart;
mod quickstart_data;
mod root;
mod steps;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The developer's commands of tunesmith.
#[derive(Debug, Parser)]
#[command(name = "cargo x", bin_name = "cargo x")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Formatting, clippy and rustdoc, warnings as errors
    Check,
    /// Every test of the workspace
    Test,
    /// The house rules that a compiler does not know
    Tidy,
    /// Measure, and keep the figures in bench/history.jsonl
    Bench {
        #[command(subcommand)]
        case: bench::Case,
    },
    /// Everything that a change must pass: check, tidy, deny, test and the quickstart
    Ci,
    /// Build, run and judge the quickstart
    Quickstart,
    /// Write the quickstart's data again, byte for byte the same each time
    QuickstartData,
}

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<bool> {
    let root = root::find()?;
    match command {
        Command::Check => steps::run(&root, &steps::check()),
        Command::Test => steps::run(&root, &steps::test()),
        Command::Tidy => tidy::run(&root),
        Command::Bench { case } => bench::run(&root, case),
        Command::Ci => steps::run(&root, &steps::ci()),
        Command::Quickstart => quickstart::run(&root).map(|()| true),
        Command::QuickstartData => quickstart_data::write(&root),
    }
}
