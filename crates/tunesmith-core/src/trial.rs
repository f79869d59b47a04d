//! One try of a set of params: its life, its reports and how it ended. Refuses to change itself: only
//! [`Study::apply`](crate::Study::apply) does.

use std::fmt;

use crate::event::Revision;
use crate::metric::{Metric, Summary, Values};
use crate::timestamp::{Timestamp, Writer};
use crate::value::Params;

/// One try of a set of params.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Its number in the study, from 0.
    pub number: u32,
    /// Where it is in its life.
    pub state: TrialState,
    /// Its hyperparameters.
    pub params: Params,
    /// Proposals of the sampler for parameters that define-by-run found earlier; each becomes a parameter when the
    /// trial asks for it.
    pub proposals: Params,
    /// Where the params come from.
    pub origin: Origin,
    /// The seed of its training.
    pub seed: u64,
    /// What the executor really used, read back from it.
    pub effective: Option<Effective>,
    /// Its reports, steps ascending.
    pub reports: Vec<Report>,
    /// Its last checkpoint since it took over another trial's state, where it did.
    pub checkpoint: Option<Checkpoint>,
    /// How often it took over another trial's state and what from, in order.
    pub exploits: Vec<Exploited>,
    /// The claim of the worker that runs it.
    pub lease: Option<Lease>,
    /// How many leases it has had; the number of the latest.
    pub leases: u32,
    /// Leases lost in a row without a report or a checkpoint.
    pub fruitless_leases: u32,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Device seconds that it used, over all leases.
    pub device_seconds: f64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// How many events its stream has: the next one's sequence number.
    pub events: u32,
}

/// Where a trial is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrialState {
    /// Waits for a worker.
    Queued,
    /// A worker has it.
    Running,
    /// The scheduler holds it back; it may go on from its checkpoint.
    Paused,
    /// It ran to its end.
    Completed,
    /// The scheduler ended it.
    Pruned,
    /// It failed.
    Failed,
    /// A person ended it.
    Cancelled,
}

/// Where a trial's params come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// The sampler.
    Sampler {
        /// The log that it saw.
        based_on: Revision,
        /// How many suggestions it was asked for at once.
        asked: u32,
        /// What it wants to remember.
        note: Params,
    },
    /// A person or a program.
    Enqueued,
    /// The choice of the winner: the configuration of a finalist, on a fresh seed.
    Replica {
        /// The finalist's trial.
        of: u32,
    },
}

/// A trial took over the state of another one and went on with other params.
#[derive(Debug, Clone, PartialEq)]
pub struct Exploited {
    /// The trial whose state it took.
    pub donor: u32,
    /// The donor's optimiser steps at that state.
    pub donor_step: u64,
    /// How often the donor had taken over a state itself by then.
    pub donor_exploits: u32,
    /// The params that the trial had until then.
    pub replaced: Params,
    /// How many reports the trial had by then; the later ones are of the new state.
    pub reports: usize,
    /// What the scheduler wants to remember, and why.
    pub note: Params,
}

/// What the executor really used.
#[derive(Debug, Clone, PartialEq)]
pub struct Effective {
    /// Hyperparameters as the executor has them.
    pub params: Params,
    /// The optimiser steps of the whole schedule; fixed when the trial starts or takes over a state.
    pub total_steps: u64,
    /// The numbers that the optimiser worked with in its first step after a state was taken over, read back from it;
    /// empty where none was.
    pub read_back: Params,
    /// Rows of the dev set that its metrics are measured on; `None` where the executor did not say.
    pub validation_rows: Option<u64>,
}

/// Metric values at a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Optimiser steps done.
    pub step: u64,
    /// The share of the trial's own schedule that is done, 0 to 1.
    pub fraction: f64,
    /// The metrics. Where one is not finite the trial fails.
    pub values: Values,
    /// Device seconds that the trial used since its previous report or since it was leased.
    pub device_seconds: f64,
    /// How wrong it was on each evaluation example, where the scheduler compares trials by that.
    pub errors: Option<ExampleErrors>,
}

/// How wrong a trial was on each evaluation example, in the order of the examples: 0 is right, more is worse. Of a
/// classification 0 or 1; else a rounded size of the error, in a unit that is the same for all trials of a study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExampleErrors(pub Vec<u8>);

/// Resumable training state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Optimiser steps done.
    pub step: u64,
    /// Where it lies, relative to the study's folder.
    pub path: String,
    /// Its size.
    pub bytes: u64,
}

/// A worker's time-limited claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Counts the trial's leases from 1: the fencing token.
    pub number: u32,
    /// Who has it.
    pub holder: Writer,
    /// When it was given or last renewed.
    pub renewed_at: Timestamp,
    /// When it would be over, by the clock of who wrote it: for people to read. Whether it is over [`Watch`](crate::Watch)
    /// says.
    pub expires_at: Timestamp,
}

/// What a worker shows to act on a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeaseKey {
    /// The trial.
    pub trial: u32,
    /// The number of the lease.
    pub number: u32,
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// At its end, with a value for each of the study's metrics.
    Completed {
        /// At least the study's metrics.
        values: Values,
    },
    /// By the scheduler.
    Pruned {
        /// In its words.
        reason: String,
    },
    /// By a failure.
    Failed {
        /// Which.
        reason: FailureReason,
    },
    /// By a person.
    Cancelled,
}

/// Why a trial failed.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FailureReason {
    /// A metric was NaN or infinite.
    NonFinite {
        /// Which.
        metric: String,
        /// After this many optimiser steps.
        step: u64,
    },
    /// An objective was never reported.
    MissingMetric {
        /// Which.
        metric: String,
        /// What was reported instead, as far as that is known.
        reported: Vec<String>,
    },
    /// It needs more memory than there is.
    OutOfMemory,
    /// Its process died.
    Crashed {
        /// The exit code, where it exited.
        exit_code: Option<i32>,
        /// The signal, where one killed it.
        signal: Option<i32>,
        /// The end of its output.
        tail: String,
    },
    /// It ran too long.
    TimeLimit {
        /// The limit.
        limit_ms: u64,
    },
    /// The executor cannot run these params.
    Refused {
        /// In its words.
        message: String,
    },
    /// Workers kept dying with it and nothing was gained.
    WorkersLost {
        /// How many in a row.
        leases: u32,
    },
}

/// Why a running trial went back to the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequeueReason {
    /// The lease ran out.
    LeaseExpired,
    /// The worker is known to be dead.
    WorkerDied,
    /// The worker handed it back, as on Ctrl-C.
    Released,
    /// Its trainer died, through no fault of the trial that is known.
    TrainerDied,
    /// The pack needed more memory than there is; it is to be tried in a smaller one.
    PackOutOfMemory,
}

impl Trial {
    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.state.is_finished()
    }

    /// The value of a metric by the metric's own summary: of the outcome where it completed, else of its reports.
    pub fn value(&self, metric: &Metric) -> Option<f64> {
        match &self.outcome {
            Some(Outcome::Completed { values }) => values.get(&metric.name).copied(),
            _ => self.reported(metric),
        }
    }

    /// The value of a metric by its summary over the reports so far.
    pub fn reported(&self, metric: &Metric) -> Option<f64> {
        let mut values =
            self.reports.iter().filter_map(|report| report.values.get(&metric.name).copied());
        match metric.summary {
            Summary::Last => values.next_back(),
            Summary::Best => values.reduce(|best, value| metric.goal.better(best, value)),
        }
    }

    /// The reports since it took over another trial's state, where it did; else all of them.
    pub fn current_reports(&self) -> &[Report] {
        let from = self.exploits.last().map_or(0, |exploited| exploited.reports);
        self.reports.get(from..).unwrap_or_default()
    }

    /// The optimiser step that it is known to have reached: of its last report, or of the state that it took over.
    pub fn reached_step(&self) -> u64 {
        let reported = self.current_reports().last().map(|report| report.step);
        reported.or(self.exploits.last().map(|exploited| exploited.donor_step)).unwrap_or(0)
    }

    /// The fraction of its own schedule that it is known to have reached.
    pub fn reached_fraction(&self) -> f64 {
        self.reports.last().map_or(0.0, |report| report.fraction)
    }

    /// What to show to act on the trial, while it runs.
    pub fn lease_key(&self) -> Option<LeaseKey> {
        self.lease.as_ref().map(|lease| LeaseKey { trial: self.number, number: lease.number })
    }
}

impl TrialState {
    /// All of them, in the order of a trial's life.
    pub const ALL: [Self; 7] = [
        Self::Queued,
        Self::Running,
        Self::Paused,
        Self::Completed,
        Self::Pruned,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Whether nothing follows.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Completed | Self::Pruned | Self::Failed | Self::Cancelled)
    }

    /// In lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Pruned => "pruned",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for TrialState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl fmt::Display for FailureReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NonFinite { metric, step } => {
                write!(out, "{metric} was not finite at step {step}")
            }
            Self::MissingMetric { metric, reported } if reported.is_empty() => {
                write!(out, "{metric} was never reported")
            }
            Self::MissingMetric { metric, reported } => {
                write!(out, "{metric} was never reported; there were: {}", reported.join(", "))
            }
            Self::OutOfMemory => out.write_str("out of memory"),
            Self::Crashed { exit_code: Some(code), .. } => {
                write!(out, "crashed with exit code {code}")
            }
            Self::Crashed { signal: Some(signal), .. } => write!(out, "killed by signal {signal}"),
            Self::Crashed { .. } => out.write_str("crashed"),
            Self::TimeLimit { limit_ms } => write!(out, "ran longer than {limit_ms} ms"),
            Self::Refused { message } => out.write_str(message),
            Self::WorkersLost { leases } => write!(out, "{leases} workers in a row died with it"),
        }
    }
}
