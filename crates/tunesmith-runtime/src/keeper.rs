//! What the worker asks of whoever keeps the files of a study. It refuses to know where they lie.

use std::path::{Path, PathBuf};

use tunesmith_core::{Study, Trial};
use tunesmith_train::protocol::Ready;

/// Why files could not be kept. The worker stops at it: a disk that is full now is full for the
/// next trial too.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct KeepError(#[from] pub Box<dyn std::error::Error + Send + Sync>);

/// Keeps the files of a study.
pub trait Keeper {
    /// The folder that checkpoint paths in the log are relative to.
    fn root(&self) -> &Path;

    /// The folder of a trial's own files; it need not exist.
    fn trial_folder(&self, trial: u32) -> PathBuf;

    /// A trainer has loaded model and data.
    fn opened(&mut self, ready: &Ready);

    /// A trial is over, and the log says so. Its model is in `model/` of its folder, if it was kept.
    ///
    /// # Errors
    /// Where files cannot be moved or removed.
    fn ended(&mut self, study: &Study, trial: &Trial) -> Result<(), KeepError>;

    /// A checkpoint is in the log: older ones may go.
    ///
    /// # Errors
    /// Where files cannot be removed.
    fn checkpointed(&mut self, study: &Study) -> Result<(), KeepError>;
}

/// Tells which workers are dead.
pub trait Census {
    /// Whether the worker of this name is known to be gone for good.
    fn is_dead(&self, worker: &str) -> bool;
}

impl Census for crate::identity::Identity {
    fn is_dead(&self, worker: &str) -> bool {
        worker.parse().is_ok_and(|other| self.fate_of(&other) == crate::identity::Fate::Dead)
    }
}
