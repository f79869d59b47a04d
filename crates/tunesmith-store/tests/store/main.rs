//! The storages as their users meet them: one contract for all, and what only a file can suffer.

mod behind;
mod conformance;
mod damage;
mod interchange;
#[path = "../../../tunesmith-core/tests/mutations/mod.rs"]
mod mutations;
mod opening;
mod processes;
mod search;
#[cfg(unix)]
mod server;
#[cfg(unix)]
mod serving;
