//! A trainer that has loaded model and data, or why it could not. It refuses to retry: what kept
//! a trainer from loading once keeps it from it again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tunesmith_core::Metric;
use tunesmith_train::protocol::{FatalClass, FromTrainer, Ready, SplitName, ToTrainer, VERSION};

use crate::trainer::{Ending, LaunchError, Launcher, Received, Trainer};

/// How long to wait for a message before looking at the time and at Ctrl-C again.
pub(crate) const POLL: Duration = Duration::from_millis(200);

/// One part in so many of the memory there is that trials do not take.
const LEFT_ALONE: u64 = 5;

/// An open trainer.
pub struct Session {
    /// The trainer.
    pub trainer: Box<dyn Trainer>,
    /// What it has loaded.
    pub ready: Ready,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No process.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The data or the model cannot be used, or the device.
    #[error("{message}")]
    Fatal {
        /// Which class of error.
        class: FatalClass,
        /// What happened and what to do.
        message: String,
    },
    /// It ended without a word of explanation.
    #[error("{ending}")]
    Lost {
        /// How.
        ending: Ending,
    },
    /// It speaks another version of the protocol.
    #[error(
        "the trainer speaks version {found} of the protocol, and {VERSION} is needed; are two versions of tunesmith installed?"
    )]
    Version {
        /// Its version.
        found: u32,
    },
    /// It never reports something that the study searches for.
    #[error("`{metric}` is never reported for this task; there are: {}", known.join(", "))]
    Metric {
        /// The study's metric; of several the first that is not reported.
        metric: String,
        /// What a report carries.
        known: Vec<String>,
    },
    /// Ctrl-C.
    #[error("interrupted; the same command goes on")]
    Interrupted,
}

impl Session {
    /// Starts a trainer of at most so many trials at once, and checks that it reports every one of the `metrics`.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(
        launcher: &mut dyn Launcher,
        slots: usize,
        metrics: &[Metric],
        stop: &AtomicBool,
    ) -> Result<Self, OpenError> {
        let mut trainer = launcher.launch(slots)?;
        loop {
            match trainer.receive(POLL) {
                Received::Message(FromTrainer::Ready(ready)) => {
                    check(&ready, metrics)?;
                    return Ok(Self { trainer, ready: *ready });
                }
                Received::Message(FromTrainer::Fatal { class, message }) => {
                    return Err(OpenError::Fatal { class, message });
                }
                Received::Ended(ending) => return Err(OpenError::Lost { ending }),
                Received::Message(_) | Received::Failed { .. } | Received::Nothing => {}
            }
            if stop.load(Ordering::SeqCst) {
                return Err(OpenError::Interrupted);
            }
        }
    }
}

impl Session {
    /// How many trials fit into memory beside what else uses it, by the trainer's estimate: one at least, and as many
    /// as anybody wants where the trainer cannot tell.
    pub fn most_trials(&self) -> usize {
        let Ready { bytes_per_slot, available_bytes, .. } = self.ready;
        if bytes_per_slot == 0 || available_bytes == 0 {
            return usize::MAX;
        }
        let share = available_bytes - available_bytes / LEFT_ALONE;
        usize::try_from(share / bytes_per_slot).unwrap_or(usize::MAX).max(1)
    }

    /// Scores a kept model on a split, while no trial trains.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn evaluate(
        &mut self,
        directory: &Path,
        split: SplitName,
        stop: &AtomicBool,
    ) -> Result<BTreeMap<String, f64>, OpenError> {
        self.trainer.send(ToTrainer::Evaluate { directory: directory.to_owned(), split });
        loop {
            match self.trainer.receive(POLL) {
                Received::Message(FromTrainer::Evaluated { metrics, .. }) => return Ok(metrics),
                Received::Message(FromTrainer::Fatal { class, message }) => {
                    return Err(OpenError::Fatal { class, message });
                }
                Received::Ended(ending) => return Err(OpenError::Lost { ending }),
                Received::Message(_) | Received::Failed { .. } | Received::Nothing => {}
            }
            if stop.load(Ordering::SeqCst) {
                return Err(OpenError::Interrupted);
            }
        }
    }
}

fn check(ready: &Ready, metrics: &[Metric]) -> Result<(), OpenError> {
    if ready.version != VERSION {
        return Err(OpenError::Version { found: ready.version });
    }
    let unknown = |metric: &&Metric| !ready.metrics.contains(&metric.name);
    match metrics.iter().find(unknown) {
        Some(metric) => {
            Err(OpenError::Metric { metric: metric.name.clone(), known: ready.metrics.clone() })
        }
        None => Ok(()),
    }
}
