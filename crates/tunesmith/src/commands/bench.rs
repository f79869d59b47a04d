//! `tunesmith bench`: methods of search on simulated tasks, and the regret of what they would recommend. It refuses
//! to say how fast a search is: that is measured by `cargo x bench`.

use std::io::{IsTerminal, Write};

use tunesmith_core::StudyConfig;
use tunesmith_sim::{
    Bench, BenchError, Method, PeerProgram, Plan, Report, ResultsFile, Selection, Sources,
};

use super::print;
use crate::cli::BenchArguments;
use crate::exit::{Class, Classified, Failure};

/// The most compute that a study is given, in shares of what full training takes.
const MOST_COMPUTE: f64 = 100.0;

/// Why a benchmark does not begin.
#[derive(Debug, thiserror::Error)]
enum BenchRefusal {
    #[error("the baseline `{baseline}` is none of the methods; add it to --methods")]
    Baseline { baseline: String },
    #[error("{what} must be at least 1")]
    Zero { what: &'static str },
    #[error(
        "--compute is a share of what --trials trials take, above 0 and at most {most}, not {share}"
    )]
    Compute { share: f64, most: f64 },
}

/// Runs the benchmark and prints its report.
pub(crate) fn run(arguments: &BenchArguments, quiet: bool) -> Result<(), Failure> {
    let (plan, left_out) = plan(arguments)?;
    let baselines = baselines(arguments, &plan)?;
    let peers = arguments
        .python
        .as_ref()
        .map(|python| PeerProgram { python: python.clone(), driver: arguments.driver.clone() });
    let bench = Bench {
        plan: &plan,
        policy_for: &|config: &StudyConfig| Ok(tunesmith_search::policy(config)?),
        peers: peers.as_ref(),
        jobs: arguments.jobs.map_or_else(available, usize::from),
        kept_only: arguments.kept,
    };
    let mut file =
        arguments.results.as_deref().map(ResultsFile::open).transpose().class(Class::Storage)?;
    let shown = !quiet && std::io::stderr().is_terminal();
    let outcomes = bench.run(file.as_mut(), |done, total| {
        if shown {
            progress(done, total);
        }
    });
    let outcomes = outcomes.map_err(|error| Failure::new(class(&error), error))?;
    let report = Report::of(&plan, &outcomes, &baselines, &left_out);
    print(&if arguments.json { report.to_json() + "\n" } else { report.to_markdown() })
}

type LeftOut = Vec<(&'static str, String)>;

fn plan(arguments: &BenchArguments) -> Result<(Plan, LeftOut), Failure> {
    for (what, count) in [
        ("--trials", arguments.trials),
        ("--seeds", arguments.seeds),
        ("--workers", arguments.workers),
    ] {
        if count == 0 {
            return Err(Failure::new(Class::Usage, BenchRefusal::Zero { what }));
        }
    }
    let is_share = |share: f64| share > 0.0 && share <= MOST_COMPUTE;
    if let Some(share) = arguments.compute.filter(|share| !is_share(*share)) {
        let refusal = BenchRefusal::Compute { share, most: MOST_COMPUTE };
        return Err(Failure::new(Class::Usage, refusal));
    }
    let methods: Result<Vec<Method>, _> =
        arguments.methods.iter().map(|text| text.parse()).collect();
    let sources = Sources { data: arguments.data.clone() };
    let Selection { tasks, left_out } =
        tunesmith_sim::select(&arguments.tasks, &sources).class(Class::Usage)?;
    let plan = Plan {
        tasks,
        methods: methods.class(Class::Usage)?,
        trials: arguments.trials,
        compute: arguments.compute,
        seeds: arguments.seeds,
        workers: arguments.workers,
    };
    let left_out = left_out.into_iter().map(|(task, why)| (task, why.to_string()));
    Ok((plan, left_out.collect()))
}

/// The named methods, else `random` where it is among them, else the first.
fn baselines(arguments: &BenchArguments, plan: &Plan) -> Result<Vec<String>, Failure> {
    let known = |name: &str| plan.methods.iter().any(|method| method.label == name);
    if let Some(unknown) = arguments.baseline.iter().find(|name| !known(name)) {
        let baseline = unknown.clone();
        return Err(Failure::new(Class::Usage, BenchRefusal::Baseline { baseline }));
    }
    if !arguments.baseline.is_empty() {
        return Ok(arguments.baseline.clone());
    }
    let first = plan.methods.first().map(|method| method.label.clone());
    Ok(if known("random") { vec!["random".to_owned()] } else { first.into_iter().collect() })
}

fn available() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A line that overwrites itself. A terminal that is gone is no reason to stop.
fn progress(done: usize, total: usize) {
    let end = if done == total { "\n" } else { "" };
    drop(write!(std::io::stderr(), "\r{done} of {total} studies{end}"));
}

fn class(error: &BenchError) -> Class {
    match error {
        BenchError::NoPython { .. } | BenchError::Unsuited { .. } => Class::Usage,
        BenchError::Results(_) => Class::Storage,
        _ => Class::Unexpected,
    }
}
