//! What may be asked of a study, and how it refuses.

use thiserror::Error;

use crate::budget::{Budget, FinishReason};
use crate::config::ConfigError;
use crate::space::{Parameter, ParamsError, SpaceError};
use crate::timestamp::Writer;
use crate::trial::{Checkpoint, Effective, LeaseKey, Outcome, Report, RequeueReason, TrialState};
use crate::value::Params;
use crate::watch::Silence;

/// What may be asked of a study. Who asks is an argument of [`decide`](crate::decide()).
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Work for up to `count` free slots: queued trials first, then new ones. Each comes under a lease, as
    /// [`Fact::TrialLeased`](crate::Fact::TrialLeased) or [`Fact::TrialStarted`](crate::Fact::TrialStarted). Fewer
    /// may come; ask again for the rest.
    Ask {
        /// How many.
        count: u32,
    },
    /// Define-by-run: a value for a parameter of a running trial. Asking again gives the same value, without an event.
    Suggest {
        /// The trial.
        lease: LeaseKey,
        /// The parameter, which may be new to the study.
        parameter: Box<Parameter>,
    },
    /// What the executor really uses.
    RecordEffective {
        /// The trial.
        lease: LeaseKey,
        /// What it is.
        effective: Effective,
    },
    /// Metrics at a step; renews the lease. The answer holds the scheduler's verdict: `TrialPruned` or `TrialPaused`
    /// where the trial is to stop. A step that is not beyond the last one, as after a resumption, adds no report.
    Report {
        /// The trial.
        lease: LeaseKey,
        /// The report.
        report: Report,
    },
    /// Training state was saved; renews the lease. Of a paused trial its last lease may still save it.
    RecordCheckpoint {
        /// The trial.
        lease: LeaseKey,
        /// Where.
        checkpoint: Checkpoint,
    },
    /// A sign of life. Adds an event only where a third of the lease is over.
    Heartbeat {
        /// The trial.
        lease: LeaseKey,
    },
    /// How the trial ended. A metric that `Completed` leaves out is taken from the reports by its summary.
    Tell {
        /// The trial.
        lease: LeaseKey,
        /// How.
        outcome: Outcome,
        /// Device seconds since the last report.
        device_seconds: f64,
    },
    /// Hands a running trial back to the queue.
    Release {
        /// The trial.
        lease: LeaseKey,
        /// Why.
        reason: RequeueReason,
        /// Device seconds since the last report.
        device_seconds: f64,
    },
    /// Queues again the running trials whose holder is among `dead`, and those of `silent` leases that are silent still.
    Reap {
        /// Workers that are known to be dead.
        dead: Vec<Writer>,
        /// Leases that the writer found to be over, by [`Watch`](crate::Watch).
        silent: Vec<Silence>,
    },
    /// Queues a trial with these params; what they leave out is drawn from the priors.
    Enqueue {
        /// The params.
        params: Params,
    },
    /// Ends a trial that has not ended.
    Cancel {
        /// Its number.
        trial: u32,
    },
    /// Hands out no more work; what runs goes on.
    Pause,
    /// Hands out work again.
    Resume,
    /// Replaces the budget.
    SetBudget {
        /// The new one.
        budget: Budget,
    },
}

/// How a study refuses a command. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum Rejection {
    /// No more trials start. Trials may still run.
    #[error("the search is finished: {why}")]
    Finished {
        /// Why.
        why: FinishReason,
    },
    /// The study is paused.
    #[error("the study is paused; resume it")]
    Paused,
    /// Nothing to do until a running trial reports.
    #[error("nothing to start until a running trial reports")]
    Wait,
    /// No such trial.
    #[error("there is no trial {trial}")]
    UnknownTrial {
        /// Its number.
        trial: u32,
    },
    /// The lease is not the trial's current one: another worker has the trial, or it waits for one.
    #[error("the lease on trial {trial} was lost; stop working on it")]
    StaleLease {
        /// The trial's number.
        trial: u32,
    },
    /// The trial has ended.
    #[error("trial {trial} has ended: it is {state}")]
    Ended {
        /// Its number.
        trial: u32,
        /// How.
        state: TrialState,
    },
    /// A fraction, a count of device seconds or the like that cannot be.
    #[error("{field} is {value}; it must be a finite number not below 0{}", if *field == "fraction" { " and not above 1" } else { "" })]
    BadNumber {
        /// Which.
        field: &'static str,
        /// The number.
        value: f64,
    },
    /// An effective hyperparameter that is no number.
    #[error("the effective {name} is not finite; the executor must report what it uses")]
    NotFinite {
        /// Its name.
        name: String,
    },
    /// Params that do not fit the space.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// A parameter that cannot be.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// A parameter that the study knows otherwise.
    #[error("{name} is known with another domain; give one parameter one domain, or another name")]
    ParameterChanged {
        /// Its name.
        name: String,
    },
    /// A parameter that follows from others cannot be suggested.
    #[error("{name} follows from other parameters or is inactive; it cannot be suggested")]
    NotFree {
        /// Its name.
        name: String,
    },
    /// A budget that cannot be.
    #[error(transparent)]
    Budget(#[from] ConfigError),
}
