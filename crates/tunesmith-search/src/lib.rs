//! The methods of search: samplers, schedulers and the registry that knows them by name.
//!
//! Refuses to write: what a sampler must remember it returns as a note, which the log keeps. Refuses disk, clock,
//! environment, threads and unordered maps, as the core does.

mod nearest;
mod registry;
mod samplers;
mod schedulers;

pub use nearest::nearest;
pub use registry::{Entry, RegistryError, policy, samplers, schedulers};
pub use samplers::grid::{Grid, GridRefusal, MOST_POINTS};
pub use samplers::random::Random;
pub use samplers::sobol::Sobol;
pub use schedulers::none::NoScheduler;
