//! The engine of the Python package: a study as Python sees it, over the same log, samplers and schedulers as
//! everywhere else.
//!
//! Refuses logic: what is tried, stopped and finished is the core's to say; what Python makes of it is in the package
//! beside this crate. Refuses to hold the interpreter while it works.

#![expect(clippy::needless_pass_by_value, reason = "what comes from Python is owned by the call")]

mod convert;
mod engine;
mod errors;
mod holding;
mod methods;
mod opening;
mod pulse;
mod snapshot;

use pyo3::prelude::*;

/// The engine of tunesmith; use it through the package `tunesmith`.
#[pymodule(gil_used = false)]
fn _engine(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("DEFAULT_LEASE_SECONDS", tunesmith_core::StudyConfig::DEFAULT_LEASE_MS / 1000)?;
    module.add_class::<engine::Engine>()?;
    errors::add(module)?;
    methods::add(module)
}
