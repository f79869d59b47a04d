//! Refusals as Python's exceptions. It refuses to lose a cause: what a library said stands behind what it means here.

use std::error::Error;

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use tunesmith_core::{Rejection, SubmitError};

create_exception!(tunesmith, TunesmithError, PyException, "What tunesmith refuses or cannot do.");
create_exception!(
    tunesmith,
    Finished,
    TunesmithError,
    "The search is over: its budget is spent, its target reached, or nothing is left to try."
);
create_exception!(
    tunesmith,
    Busy,
    TunesmithError,
    "Nothing can start until a running trial reports or ends."
);
create_exception!(tunesmith, Paused, TunesmithError, "The study is paused; resume it to go on.");
create_exception!(
    tunesmith,
    LeaseLost,
    TunesmithError,
    "The trial belongs to another worker now, or has ended; stop working on it."
);
create_exception!(
    tunesmith,
    StorageError,
    TunesmithError,
    "The storage cannot be opened, does not answer, or holds something else."
);

/// Adds the exceptions to the module.
pub(crate) fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("TunesmithError", py.get_type::<TunesmithError>())?;
    module.add("Finished", py.get_type::<Finished>())?;
    module.add("Busy", py.get_type::<Busy>())?;
    module.add("Paused", py.get_type::<Paused>())?;
    module.add("LeaseLost", py.get_type::<LeaseLost>())?;
    module.add("StorageError", py.get_type::<StorageError>())
}

/// An error with all that stands behind it, each cause once.
pub(crate) fn said(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !said.contains(&words) {
            said = format!("{said}: {words}");
        }
        source = cause.source();
    }
    said
}

/// A fault of the storage.
pub(crate) fn storage(error: &dyn Error) -> PyErr {
    StorageError::new_err(said(error))
}

/// A mistake of the caller.
pub(crate) fn value(error: &dyn Error) -> PyErr {
    PyValueError::new_err(said(error))
}

/// Why a command did not become true.
pub(crate) fn submission(error: &SubmitError) -> PyErr {
    match error {
        SubmitError::Rejected(rejection) => refusal(rejection),
        other => storage(other),
    }
}

fn refusal(rejection: &Rejection) -> PyErr {
    let words = said(rejection);
    match rejection {
        Rejection::Finished { .. } => Finished::new_err(words),
        Rejection::Paused => Paused::new_err(words),
        Rejection::Wait => Busy::new_err(words),
        Rejection::StaleLease { .. } | Rejection::Ended { .. } => LeaseLost::new_err(words),
        _ => PyValueError::new_err(words),
    }
}
