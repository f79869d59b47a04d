//! Keeps the files of a running study: crowns winners, keeps the models of the front where there are
//! several metrics, and lets go of checkpoints beyond the quota. It refuses to remove what a trial
//! still needs, the best model, or one that no other is known to beat.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tunesmith_core::{Study, Trial};
use tunesmith_runtime::keeper::{KeepError, Keeper};
use tunesmith_store::checkpoints::{self, Needed};

use crate::artefacts::{Artefacts, Certificate};
use tunesmith_view::json_params;

/// Bytes that the checkpoints of a study may take: with what is needed, which is never removed.
const CHECKPOINT_QUOTA_BYTES: u64 = 4 << 30;

/// The files of one study.
#[derive(Debug)]
pub(super) struct Household {
    artefacts: Artefacts,
    validation_rows: usize,
    is_program: bool,
}

impl Household {
    /// The files under `artefacts`, of a study whose metric is measured on so many rows; 0 where
    /// that is not known yet. Of a program only checkpoints are removed: its output stays.
    pub(super) fn new(artefacts: Artefacts, validation_rows: usize, is_program: bool) -> Self {
        Self { artefacts, validation_rows, is_program }
    }

    /// Finishes what a crash left undone: the best trial of the log is the winner on disk, and
    /// trials that are over have no files.
    pub(super) fn settle(&self, study: &Study) -> Result<(), KeepError> {
        if self.is_program {
            return self.forget_beaten(study);
        }
        if tunesmith_view::is_several(study) {
            for trial in study.front() {
                self.admit(study, trial)?;
            }
            self.keep_front(study)?;
        } else if let Some(chosen) = study.chosen() {
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

    /// Removes the checkpoints of a program's trials that are over, the best ones apart.
    fn forget_beaten(&self, study: &Study) -> Result<(), KeepError> {
        let kept: Vec<u32> =
            study.front().into_iter().chain(study.chosen()).map(|trial| trial.number).collect();
        let over = study.finished().filter(|trial| !kept.contains(&trial.number));
        over.into_iter().try_for_each(|trial| {
            let checkpoints = self.trial_folder(trial.number).join("checkpoints");
            crate::artefacts::remove(&checkpoints).map_err(boxed)
        })
    }

    fn crown(&self, study: &Study, trial: &Trial) -> Result<(), KeepError> {
        let model = self.trial_folder(trial.number).join("model");
        match self.certificate(study, trial) {
            Some(certificate) => {
                self.artefacts.crown(&model, &certificate).map(|_| ()).map_err(boxed)
            }
            None => Ok(()),
        }
    }

    /// Gives the model of a trial of the front its place there.
    fn admit(&self, study: &Study, trial: &Trial) -> Result<(), KeepError> {
        let model = self.trial_folder(trial.number).join("model");
        match self.certificate(study, trial) {
            Some(certificate) => self.artefacts.admit(&model, &certificate).map_err(boxed),
            None => Ok(()),
        }
    }

    /// Removes the models of trials that are beaten by now, and makes the best by the first metric the winner. A
    /// trial that ended elsewhere and is not known of yet keeps its model.
    fn keep_front(&self, study: &Study) -> Result<(), KeepError> {
        let front: Vec<u32> = study.front().iter().map(|trial| trial.number).collect();
        for number in self.artefacts.front_models().map_err(boxed)? {
            let has_ended = study.trial(number).is_some_and(Trial::is_finished);
            if has_ended && !front.contains(&number) {
                crate::artefacts::remove(&self.artefacts.front_model(number)).map_err(boxed)?;
            }
        }
        let crowned = self.artefacts.certificate().map_err(boxed)?;
        let chosen = study.chosen().map(|chosen| chosen.number);
        match chosen.filter(|chosen| crowned.is_none_or(|known| known.trial != *chosen)) {
            Some(chosen) => self.artefacts.crown_from_front(chosen).map(|_| ()).map_err(boxed),
            None => Ok(()),
        }
    }

    fn certificate(&self, study: &Study, trial: &Trial) -> Option<Certificate> {
        let metrics: BTreeMap<String, f64> = study
            .metrics()
            .iter()
            .filter_map(|metric| Some((metric.name.clone(), trial.value(metric)?)))
            .collect();
        let first = study.metrics().first()?;
        Some(Certificate {
            study: study.config().name.clone(),
            trial: trial.number,
            params: json_params(&trial.params),
            metric: first.name.clone(),
            value: trial.value(first)?,
            metrics: if tunesmith_view::is_several(study) { metrics } else { BTreeMap::new() },
            validation_rows: self.validation_rows,
            test: None,
        })
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
                .chain(study.front())
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

    /// Its checkpoints are of no use any more, and neither is a model that is not among the best.
    fn ended(&mut self, study: &Study, trial: &Trial) -> Result<(), KeepError> {
        if self.is_program {
            return self.forget_beaten(study);
        }
        if study.is_replica(trial) {
            // With the last of them the winner is known, whose run may have ended earlier.
            return self.settle(study);
        }
        if tunesmith_view::is_several(study) {
            if study.front().iter().any(|unbeaten| unbeaten.number == trial.number) {
                self.admit(study, trial)?;
                self.keep_front(study)?;
            }
        } else if study.best().is_some_and(|best| best.number == trial.number) {
            self.crown(study, trial)?;
        }
        crate::artefacts::remove(&self.trial_folder(trial.number)).map_err(boxed)
    }

    fn checkpointed(&mut self, study: &Study) -> Result<(), KeepError> {
        self.tidy(study, CHECKPOINT_QUOTA_BYTES)
    }
}

#[cfg(test)]
mod tests;
