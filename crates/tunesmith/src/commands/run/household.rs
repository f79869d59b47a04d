//! Keeps the files of a running study: crowns winners, and lets go of checkpoints beyond the quota.
//! It refuses to remove what a trial still needs, or the best model.

use std::path::{Path, PathBuf};

use tunesmith_core::{Study, Trial};
use tunesmith_runtime::keeper::{KeepError, Keeper};
use tunesmith_store::checkpoints::{self, Needed};

use crate::artefacts::{Artefacts, Certificate};
use crate::commands::json_params;

/// Bytes that the checkpoints of a study may take: with what is needed, which is never removed.
const CHECKPOINT_QUOTA_BYTES: u64 = 4 << 30;

/// The files of one study.
#[derive(Debug)]
pub(super) struct Household {
    artefacts: Artefacts,
    validation_rows: usize,
}

impl Household {
    /// The files under `artefacts`, of a study whose metric is measured on so many rows; 0 where
    /// that is not known yet.
    pub(super) fn new(artefacts: Artefacts, validation_rows: usize) -> Self {
        Self { artefacts, validation_rows }
    }

    /// Finishes what a crash left undone: the best trial of the log is the winner on disk, and
    /// trials that are over have no files.
    pub(super) fn settle(&self, study: &Study) -> Result<(), KeepError> {
        if let Some(chosen) = study.chosen() {
            let crowned = self.artefacts.certificate().map_err(boxed)?;
            if crowned.is_none_or(|known| known.trial != chosen.number) {
                self.crown(study, chosen)?;
            }
        }
        for trial in study.finished().filter(|trial| !is_candidate(study, trial)) {
            crate::artefacts::remove(&self.trial_folder(trial.number)).map_err(boxed)?;
        }
        Ok(())
    }

    fn crown(&self, study: &Study, trial: &Trial) -> Result<(), KeepError> {
        let model = self.trial_folder(trial.number).join("model");
        let Some((metric, value)) =
            study.metrics().first().and_then(|m| Some((m, trial.value(m)?)))
        else {
            return Ok(());
        };
        let certificate = Certificate {
            study: study.config().name.clone(),
            trial: trial.number,
            params: json_params(&trial.params),
            metric: metric.name.clone(),
            value,
            validation_rows: self.validation_rows,
            test: None,
        };
        self.artefacts.crown(&model, &certificate).map(|_| ()).map_err(boxed)
    }

    fn tidy(&self, study: &Study, quota_bytes: u64) -> Result<(), KeepError> {
        let catalogue = checkpoints::catalogue(&self.artefacts.trials()).map_err(boxed)?;
        let unfinished = study.trials().iter().filter(|trial| !trial.is_finished());
        let needed = Needed {
            unfinished: unfinished.map(|trial| trial.number.into()).collect(),
            // A model that a running trial keeps may be the next winner.
            best: study
                .trials()
                .iter()
                .filter(|trial| trial.lease.is_some() || is_candidate(study, trial))
                .chain(study.chosen())
                .map(|trial| trial.number.into())
                .collect(),
        };
        checkpoints::remove(&checkpoints::evict(&catalogue, quota_bytes, &needed)).map_err(boxed)
    }
}

/// Whether the trial's model may yet become the winner's: a run on a fresh seed while others are outstanding.
fn is_candidate(study: &Study, trial: &Trial) -> bool {
    study.is_replica(trial) && study.winner().is_none()
}

fn boxed(error: impl std::error::Error + Send + Sync + 'static) -> KeepError {
    KeepError(Box::new(error))
}

impl Keeper for Household {
    fn root(&self) -> &Path {
        self.artefacts.root()
    }

    fn trial_folder(&self, trial: u32) -> PathBuf {
        self.artefacts.trials().join(trial.to_string())
    }

    fn opened(&mut self, ready: &tunesmith_train::protocol::Ready) {
        self.validation_rows = ready.validation_rows;
    }

    /// Its checkpoints are of no use any more, and neither is a model that is not the best.
    fn ended(&mut self, study: &Study, trial: &Trial) -> Result<(), KeepError> {
        if study.is_replica(trial) {
            // With the last of them the winner is known, whose run may have ended earlier.
            return self.settle(study);
        }
        if study.best().is_some_and(|best| best.number == trial.number) {
            self.crown(study, trial)?;
        }
        crate::artefacts::remove(&self.trial_folder(trial.number)).map_err(boxed)
    }

    fn checkpointed(&mut self, study: &Study) -> Result<(), KeepError> {
        self.tidy(study, CHECKPOINT_QUOTA_BYTES)
    }
}
