//! The folder of a study's artefacts, `<runs>/<study>/`: `trials/<n>/` for checkpoints, `best/` for
//! the exported winner, `front/<n>/` for the models of a study of several metrics that no other beats,
//! a copy of the study file and `trials.csv`. Every file and folder appears
//! whole or not at all. It refuses to be the record: that is the log, and what a crash left
//! unfinished here is finished from it.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tunesmith_store::atomic::{self, WriteError};

/// The folder.
#[derive(Debug, Clone)]
pub(crate) struct Artefacts {
    root: PathBuf,
}

/// What a winner's folder says of itself, in `best/tunesmith.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Certificate {
    /// The study.
    pub study: String,
    /// The trial whose weights these are.
    pub trial: u32,
    /// Its hyperparameters.
    pub params: serde_json::Value,
    /// The study's metric.
    pub metric: String,
    /// Its value at the evaluation whose weights these are.
    pub value: f64,
    /// All metrics with their values, where the study has several.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
    /// How many rows it was measured on.
    pub validation_rows: usize,
    /// The metrics on the test split, measured once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<serde_json::Value>,
}

/// Why an artefact could not be written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArtefactError {
    /// A file or folder refused.
    #[error("cannot {action} {path}; is the disk full, or the folder not yours?")]
    Disk {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The winner's certificate is none.
    #[error("{path} is damaged; remove the folder and run the study file again")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

/// A `map_err` for `action` on `path`.
fn disk(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ArtefactError + use<> {
    let path = path.to_owned();
    move |source| ArtefactError::Disk { action, path, source }
}

const CERTIFICATE: &str = "tunesmith.json";

impl Artefacts {
    /// The folder of the study `name` under `runs`.
    pub(crate) fn of(runs: &Path, name: &str) -> Self {
        let root = runs.join(name);
        Self { root: std::path::absolute(&root).unwrap_or(root) }
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the trials' folders.
    pub(crate) fn trials(&self) -> PathBuf {
        self.root.join("trials")
    }

    /// The winner's folder.
    pub(crate) fn best(&self) -> PathBuf {
        self.root.join("best")
    }

    /// The folder of the front's models, each under its trial's number.
    pub(crate) fn front(&self) -> PathBuf {
        self.root.join("front")
    }

    /// The model of a trial of the front.
    pub(crate) fn front_model(&self, trial: u32) -> PathBuf {
        self.front().join(trial.to_string())
    }

    /// Makes the folder and keeps a copy of the study file in it.
    pub(crate) fn prepare(&self, study_file: &str) -> Result<(), ArtefactError> {
        let trials = self.trials();
        fs::create_dir_all(&trials).map_err(disk("make the folder", &trials))?;
        self.write("study.yaml", study_file.as_bytes())?;
        self.recover()
    }

    /// Writes a file of the folder.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> Result<(), ArtefactError> {
        Ok(atomic::write(&self.root.join(name), content)?)
    }

    /// The certificate of the winner's folder, if there is a winner.
    pub(crate) fn certificate(&self) -> Result<Option<Certificate>, ArtefactError> {
        let path = self.best().join(CERTIFICATE);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|source| ArtefactError::Certificate { path, source }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(disk("read", &path)(error)),
        }
    }

    /// Makes the model that a trial kept the winner. The model's folder moves; nothing is copied.
    /// `false` where the trial kept none.
    pub(crate) fn crown(
        &self,
        model: &Path,
        certificate: &Certificate,
    ) -> Result<bool, ArtefactError> {
        if !model.is_dir() {
            return Ok(false);
        }
        certify(model, certificate)?;
        self.enthrone(model)?;
        Ok(true)
    }

    /// Makes the folder the winner's.
    fn enthrone(&self, folder: &Path) -> Result<(), ArtefactError> {
        let (best, former) = (self.best(), self.former());
        if best.is_dir() {
            fs::rename(&best, &former).map_err(disk("move", &best))?;
        }
        fs::rename(folder, &best).map_err(disk("move", folder))?;
        remove(&former)
    }

    /// Gives the model that a trial kept a place in the front. The model's folder moves. Where the trial kept none,
    /// or has its place already, nothing happens.
    pub(crate) fn admit(
        &self,
        model: &Path,
        certificate: &Certificate,
    ) -> Result<(), ArtefactError> {
        let place = self.front_model(certificate.trial);
        if !model.is_dir() || place.is_dir() {
            return Ok(());
        }
        certify(model, certificate)?;
        let front = self.front();
        fs::create_dir_all(&front).map_err(disk("make the folder", &front))?;
        fs::rename(model, &place).map_err(disk("move", model))
    }

    /// Makes a model of the front the winner: the files get a second name, and no bytes are copied where the file
    /// system can do that. `false` where the front has no model of the trial.
    pub(crate) fn crown_from_front(&self, trial: u32) -> Result<bool, ArtefactError> {
        let model = self.front_model(trial);
        if !model.is_dir() {
            return Ok(false);
        }
        let next = self.next();
        remove(&next)?;
        link(&model, &next)?;
        self.enthrone(&next)?;
        Ok(true)
    }

    /// The trials that have a model in the front's folder.
    pub(crate) fn front_models(&self) -> Result<Vec<u32>, ArtefactError> {
        let front = self.front();
        let listing = match fs::read_dir(&front) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            listing => listing.map_err(disk("list", &front))?,
        };
        let mut trials = Vec::new();
        for entry in listing {
            let name = entry.map_err(disk("list", &front))?.file_name();
            trials.extend(name.to_str().and_then(|name| name.parse::<u32>().ok()));
        }
        trials.sort_unstable();
        Ok(trials)
    }

    /// Rewrites the winner's certificate.
    pub(crate) fn recertify(&self, certificate: &Certificate) -> Result<(), ArtefactError> {
        certify(&self.best(), certificate)
    }

    /// A crash between the two moves of [`Artefacts::crown`] leaves the former winner aside; one before them leaves
    /// the next winner unfinished.
    fn recover(&self) -> Result<(), ArtefactError> {
        remove(&self.next())?;
        let (best, former) = (self.best(), self.former());
        if former.is_dir() && !best.is_dir() {
            return fs::rename(&former, &best).map_err(disk("move", &former));
        }
        remove(&former)
    }

    fn former(&self) -> PathBuf {
        self.root.join("best.former")
    }

    fn next(&self) -> PathBuf {
        self.root.join("best.next")
    }
}

/// Makes `to` a folder with the files of `from`: by hard links, or copies where the file system has none.
fn link(from: &Path, to: &Path) -> Result<(), ArtefactError> {
    fs::create_dir_all(to).map_err(disk("make the folder", to))?;
    for entry in fs::read_dir(from).map_err(disk("list", from))? {
        let source = entry.map_err(disk("list", from))?.path();
        let target = to.join(source.file_name().unwrap_or_default());
        if source.is_dir() {
            link(&source, &target)?;
        } else if fs::hard_link(&source, &target).is_err() {
            fs::copy(&source, &target).map_err(disk("copy", &source))?;
        }
    }
    Ok(())
}

fn certify(folder: &Path, certificate: &Certificate) -> Result<(), ArtefactError> {
    let path = folder.join(CERTIFICATE);
    let text = serde_json::to_vec_pretty(certificate)
        .map_err(|source| ArtefactError::Certificate { path: path.clone(), source })?;
    Ok(atomic::write(&path, &text)?)
}

/// How often a folder may fill again while it is removed: the trainer of a killed worker may write
/// a last file before it notices.
const REMOVALS: u32 = 3;

/// Removes a folder with everything in it, if there is one.
pub(crate) fn remove(folder: &Path) -> Result<(), ArtefactError> {
    let mut removals = 1;
    loop {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty && removals < REMOVALS => {
                removals += 1;
            }
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(disk("remove", folder)(error));
            }
            _ => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(trial: u32) -> Certificate {
        Certificate {
            study: "rte".into(),
            trial,
            params: serde_json::json!({ "learning_rate": 2e-5 }),
            metric: "eval_accuracy".into(),
            value: 0.73,
            metrics: BTreeMap::new(),
            validation_rows: 277,
            test: None,
        }
    }

    fn model(artefacts: &Artefacts, trial: u32) -> PathBuf {
        let folder = artefacts.root().join(format!("trials/{trial}/model"));
        fs::create_dir_all(&folder).expect("a temporary folder is writable");
        fs::write(folder.join("weights"), trial.to_string())
            .expect("a temporary folder is writable");
        folder
    }

    #[test]
    fn the_winner_is_the_last_one_crowned() {
        let runs = tempfile::tempdir().expect("a temporary folder");
        let artefacts = Artefacts::of(runs.path(), "rte");
        artefacts.prepare("name: rte").expect("it can be prepared");
        for trial in [3, 5] {
            let model = model(&artefacts, trial);
            assert!(artefacts.crown(&model, &certificate(trial)).expect("it can be crowned"));
            assert!(!model.exists(), "the model moves");
        }
        assert_eq!(artefacts.certificate().expect("it is readable"), Some(certificate(5)));
        assert_eq!(fs::read_to_string(artefacts.best().join("weights")).expect("it is there"), "5");
        assert!(!artefacts.former().exists());
    }

    #[test]
    fn a_trial_that_kept_nothing_is_not_crowned() {
        let runs = tempfile::tempdir().expect("a temporary folder");
        let artefacts = Artefacts::of(runs.path(), "rte");
        artefacts.prepare("").expect("it can be prepared");
        let nothing = artefacts.root().join("trials/1/model");
        assert!(!artefacts.crown(&nothing, &certificate(1)).expect("that is no error"));
        assert_eq!(artefacts.certificate().expect("it is readable"), None);
    }

    #[test]
    fn the_winner_of_several_metrics_keeps_its_place_in_the_front() {
        let runs = tempfile::tempdir().expect("a temporary folder");
        let artefacts = Artefacts::of(runs.path(), "rte");
        artefacts.prepare("").expect("it can be prepared");
        assert_eq!(artefacts.front_models().expect("none is no error"), [0; 0]);
        for trial in [5, 3] {
            artefacts.admit(&model(&artefacts, trial), &certificate(trial)).expect("admitted");
            assert!(artefacts.crown_from_front(trial).expect("it can be crowned"));
        }
        assert!(!artefacts.crown_from_front(4).expect("a trial without a model is no error"));
        assert_eq!(artefacts.front_models().expect("they can be listed"), [3, 5]);
        assert_eq!(artefacts.certificate().expect("it is readable"), Some(certificate(3)));
        let mut tested = certificate(3);
        tested.test = Some(serde_json::json!({ "test_accuracy": 0.7 }));
        artefacts.recertify(&tested).expect("it can be rewritten");
        remove(&artefacts.front_model(3)).expect("it can be removed");
        let weights = fs::read_to_string(artefacts.best().join("weights"));
        assert_eq!(weights.expect("the winner has files of its own name"), "3");
        assert_eq!(artefacts.certificate().expect("it is readable"), Some(tested));
    }

    #[test]
    fn a_crash_between_the_moves_leaves_a_winner() {
        let runs = tempfile::tempdir().expect("a temporary folder");
        let artefacts = Artefacts::of(runs.path(), "rte");
        artefacts.prepare("").expect("it can be prepared");
        artefacts.crown(&model(&artefacts, 3), &certificate(3)).expect("it can be crowned");
        fs::rename(artefacts.best(), artefacts.former()).expect("the first move");
        artefacts.prepare("").expect("it can be prepared again");
        assert_eq!(artefacts.certificate().expect("it is readable"), Some(certificate(3)));
    }
}
