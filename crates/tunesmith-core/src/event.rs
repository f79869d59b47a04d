//! What happened to a study, as its log keeps it. Refuses to carry what can be worked out again from earlier events,
//! and dense curves.

use std::fmt;

use crate::budget::Budget;
use crate::config::StudyConfig;
use crate::metric::Values;
use crate::space::Parameter;
use crate::timestamp::{Timestamp, Writer};
use crate::trial::{Checkpoint, Effective, FailureReason, Report, RequeueReason};
use crate::value::{Params, Value};

/// How many events a study's log has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Revision(pub u64);

/// One thing that happened. `(study, stream, seq)` is unique.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// To what.
    pub stream: Stream,
    /// Its place in the stream, from 0.
    pub seq: u32,
    /// When, by the writer's clock.
    pub at: Timestamp,
    /// Who wrote it.
    pub by: Writer,
    /// What.
    pub fact: Fact,
}

/// A part of a study's log in which writers race.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// The study itself.
    Study,
    /// One of its trials.
    Trial(u32),
}

/// A lease as it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Counts the trial's leases from 1.
    pub number: u32,
    /// When it would be over, by the clock of who wrote it: for people to read. Whether it is over [`Watch`](crate::Watch)
    /// says.
    pub expires_at: Timestamp,
}

/// A trial as the sampler proposed it.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// Its hyperparameters.
    pub params: Params,
    /// Proposals for parameters that define-by-run found earlier.
    pub proposals: Params,
    /// The seed of its training.
    pub seed: u64,
    /// The log that the sampler saw.
    pub based_on: Revision,
    /// How many suggestions it was asked for at once.
    pub asked: u32,
    /// What it wants to remember.
    pub note: Params,
}

/// A paused trial takes over the state of another.
#[derive(Debug, Clone, PartialEq)]
pub struct Takeover {
    /// The trial whose state it takes.
    pub donor: u32,
    /// The optimiser steps of that state.
    pub donor_step: u64,
    /// The hyperparameters from now on.
    pub params: Params,
    /// The log that the scheduler saw.
    pub based_on: Revision,
    /// What it wants to remember.
    pub note: Params,
}

/// What happened. The first four are of the study's stream, the others of a trial's.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    missing_docs,
    reason = "the fields are explained where their types are, and at each variant"
)]
pub enum Fact {
    /// The study began.
    StudyCreated { config: Box<StudyConfig> },
    /// The budget is now this.
    BudgetChanged { budget: Budget },
    /// No more work is handed out.
    StudyPaused,
    /// Work is handed out again.
    StudyResumed,

    /// A person or a program queued a trial with these params.
    TrialEnqueued { params: Params, seed: u64 },
    /// A trial's configuration is to run again on a fresh seed; its params are that trial's, without a seed.
    TrialReplicated { of: u32, seed: u64 },
    /// The sampler proposed a trial, which starts under a lease of the event's writer.
    TrialStarted { start: Box<Start>, lease: Grant },
    /// A queued or paused trial goes on under a lease of the event's writer.
    TrialLeased { lease: Grant },
    /// A paused trial goes on from the state that the donor had after `donor_step`, with other params, under a lease of
    /// the event's writer.
    TrialExploited { exploit: Box<Takeover>, lease: Grant },
    /// A sign of life, and device seconds that no report carries.
    LeaseRenewed { expires_at: Timestamp, device_seconds: f64 },
    /// Define-by-run: the trial asked for a parameter and got a value.
    ParameterSuggested { parameter: Box<Parameter>, value: Value },
    /// What the executor really uses.
    EffectiveRecorded { effective: Effective },
    /// Metrics at a step; renews the lease.
    Reported { report: Report, expires_at: Timestamp },
    /// Training state was saved.
    Checkpointed { checkpoint: Checkpoint, expires_at: Timestamp },
    /// The lease ended without an outcome; the trial waits for another worker.
    TrialRequeued { reason: RequeueReason, device_seconds: f64 },
    /// The scheduler holds the trial back.
    TrialPaused { reason: String },
    /// The trial ran to its end.
    TrialCompleted { values: Values, device_seconds: f64 },
    /// The scheduler ended the trial, which ran or was paused.
    TrialPruned { reason: String, device_seconds: f64 },
    /// The trial failed.
    TrialFailed { reason: FailureReason, device_seconds: f64 },
    /// A person ended the trial.
    TrialCancelled,
}

impl Fact {
    /// The fact's name in the log.
    pub fn name(&self) -> &'static str {
        match self {
            Self::StudyCreated { .. } => "study_created",
            Self::BudgetChanged { .. } => "budget_changed",
            Self::StudyPaused => "study_paused",
            Self::StudyResumed => "study_resumed",
            Self::TrialEnqueued { .. } => "trial_enqueued",
            Self::TrialReplicated { .. } => "trial_replicated",
            Self::TrialStarted { .. } => "trial_started",
            Self::TrialLeased { .. } => "trial_leased",
            Self::TrialExploited { .. } => "trial_exploited",
            Self::LeaseRenewed { .. } => "lease_renewed",
            Self::ParameterSuggested { .. } => "parameter_suggested",
            Self::EffectiveRecorded { .. } => "effective_recorded",
            Self::Reported { .. } => "reported",
            Self::Checkpointed { .. } => "checkpointed",
            Self::TrialRequeued { .. } => "trial_requeued",
            Self::TrialPaused { .. } => "trial_paused",
            Self::TrialCompleted { .. } => "trial_completed",
            Self::TrialPruned { .. } => "trial_pruned",
            Self::TrialFailed { .. } => "trial_failed",
            Self::TrialCancelled => "trial_cancelled",
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Study => out.write_str("study"),
            Self::Trial(number) => write!(out, "trial/{number}"),
        }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}
