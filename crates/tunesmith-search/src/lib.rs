//! The methods of search: samplers, schedulers and the registry that knows them by name.
//!
//! Refuses to write: what a sampler must remember it returns as a note, which the log keeps. Refuses disk, clock,
//! environment, threads and unordered maps, as the core does.
//!
//! ```
//! use tunesmith_core::*;
//!
//! let space = SearchSpace::new(vec![Parameter::new("x", Domain::float(-1.0, 1.0))])?;
//! let mut config = StudyConfig::new("parabola", space, Metric::new("loss", Goal::Minimize));
//! config.budget.trials = Some(20);
//! let policy = tunesmith_search::policy(&config)?;
//! let me = Writer::new("me");
//! let mut study = Study::begin(&Study::created(&config, &me, Timestamp(0)))?;
//! while let Ok(events) = decide(&study, &policy, &me, Command::Ask { count: 1 }, Timestamp(0)) {
//!     events.iter().try_for_each(|event| study.apply(event))?;
//!     for trial in study.running().map(|trial| trial.number).collect::<Vec<_>>() {
//!         let Some(trial) = study.trial(trial) else { continue };
//!         let (Some(lease), Some(x)) = (trial.lease_key(), trial.params.get("x").and_then(Value::as_f64)) else {
//!             continue;
//!         };
//!         let outcome = Outcome::Completed { values: [("loss".to_owned(), x * x)].into() };
//!         let told = Command::Tell { lease, outcome, device_seconds: 0.0 };
//!         decide(&study, &policy, &me, told, Timestamp(0))?.iter().try_for_each(|event| study.apply(event))?;
//!     }
//! }
//! assert_eq!(study.count(TrialState::Completed), 20);
//! assert!(study.best().and_then(|best| best.value(&config.metrics[0])).is_some_and(|loss| loss < 0.05));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod belief;
mod encoding;
mod history;
pub mod importance;
mod nearest;
mod numeric;
mod options;
mod population;
mod registry;
mod samplers;
mod schedulers;
pub mod transfer;

pub use belief::{KnownPriorError, flat_prior, known_prior};
pub use nearest::nearest;
pub use options::{OptionKind, OptionSpec};
pub use registry::{
    Entry, Method, Objectives, RegistryError, methods, policy, samplers, schedulers,
};
pub use samplers::grid::{Grid, GridRefusal, MOST_POINTS};
pub use samplers::sobol::Sobol;
pub use schedulers::none::NoScheduler;

#[cfg(test)]
mod tests;
