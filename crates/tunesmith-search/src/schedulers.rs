//! Schedulers, one a file.

pub(crate) mod none;
