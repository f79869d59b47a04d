//! Carries studies out: a worker leases trials from the log and has trainer processes train them.
//!
//! It knows the core and the trainer's wire types, and nothing else of ours. It refuses to decide:
//! what is tried, stopped and finished is the core's to say, and everything that happens is in the
//! log before anybody acts on it.

pub mod clock;
pub mod identity;
pub mod keeper;
pub mod params;
pub mod process;
#[cfg(unix)]
pub mod program;
pub mod progress;
pub mod session;
pub mod trainer;
pub mod worker;
