//! The vocabulary of tunesmith and the two pure functions that everything goes through: [`decide`] turns a command
//! into events, [`Study::apply`] turns events into state.
//!
//! Refuses disk, clock, environment, threads, network and unordered maps: time and chance are arguments, so a study
//! can be replayed, simulated and crashed at any write, and gives the same suggestions again.

mod budget;
mod command;
mod config;
mod decide;
mod event;
mod metric;
mod policy;
pub mod probability;
pub mod replay;
mod rng;
mod space;
mod storage;
mod study;
mod submit;
mod timestamp;
mod trial;
mod value;
mod watch;
pub mod wire;

pub use budget::{Budget, FinishReason, Spent};
pub use command::{Command, Rejection};
pub use config::{Component, ConfigError, Document, LEAST_LEASE_MS, StudyConfig};
pub use decide::{MOST_FRUITLESS_LEASES, decide};
pub use event::{Event, Fact, Grant, Revision, Start, Stream, Takeover};
pub use metric::{Goal, Metric, Summary, Values};
pub use policy::{
    Exploit, Next, Policy, Sampler, Scheduler, Suggestion, Verdict, finalists_by_value,
};
pub use rng::Rng;
pub use space::*;
pub use storage::{
    AppendError, BackendError, CreateError, DeleteError, ReadError, Storage, StudyHeader, StudyId,
};
pub use study::{
    ApplyError, Finalist, MOST_REPLICATION, REPLICATION_SHARE, Replication, Segment, Study,
};
pub use submit::{CatchUpError, MOST_CONFLICTS, SubmitError, catch_up, load, submit};
pub use timestamp::{Timestamp, Writer};
pub use trial::{
    Checkpoint, Effective, ExampleErrors, Exploited, FailureReason, Lease, LeaseKey, Origin,
    Outcome, Report, RequeueReason, Trial, TrialState,
};
pub use value::{Params, Value};
pub use watch::{Silence, Watch};
