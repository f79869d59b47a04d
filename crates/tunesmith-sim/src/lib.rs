//! Benchmarks of search methods: objectives whose true values are known, the noise of a finite dev set, workers on a
//! virtual clock that drive the same `decide` and `apply` as real ones, and the regret of what a study would
//! recommend.
//!
//! Refuses to know samplers: policies are an argument, and foreign searches speak JSON lines with a [`Peer`]. Refuses
//! to measure the time that a search itself takes.

mod analytic;
mod bench;
mod method;
mod misled;
mod noise;
mod objective;
mod peer;
mod report;
mod results;
mod scale;
mod statistics;
mod tables;
mod tasks;
mod world;
#[cfg(feature = "yahpo")]
mod yahpo;

pub use bench::{Bench, BenchError, Outcomes, Plan, PolicyError, PolicyFor};
pub use method::{Method, MethodError, PEERS};
pub use noise::Noise;
pub use objective::{Evaluation, Objective, Point};
pub use peer::{Peer, PeerError, PeerProgram};
pub use report::Report;
pub use results::{Recommendation, ResultsError, ResultsFile, Share, Unit, UnitResult};
pub use scale::Scale;
pub use tables::ReadError;
pub use tasks::{FAMILIES, Family, Group, Selection, Sources, Task, TaskError, select};
pub use world::{Setting, SimulationError, Trace, simulate};

use tunesmith_core::{Parameter, SearchSpace};

/// The space of parameters that are legal by construction.
fn legal(parameters: Vec<Parameter>) -> SearchSpace {
    SearchSpace::new(parameters)
        .unwrap_or_else(|error| unreachable!("the parameters of a benchmark are legal: {error}"))
}

/// The directory of the recorded trainings, for tests that want them. Without it they say so and end.
#[cfg(test)]
fn real_data() -> Option<std::path::PathBuf> {
    let data = std::env::var_os("TUNESMITH_DATA").map(std::path::PathBuf::from);
    if data.is_none() {
        assert!(std::env::var_os("TUNESMITH_REQUIRE_REAL").is_none(), "TUNESMITH_DATA must be set");
        eprintln!("skipped: TUNESMITH_DATA is not set");
    }
    data
}
