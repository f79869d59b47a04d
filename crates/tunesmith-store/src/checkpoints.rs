//! Which checkpoint files of a study may go when they outgrow its byte quota.
//!
//! The trainer writes the files; this module lists them, decides which to remove, and removes them. What a
//! trial needs to resume, and the best model, are never removed, not even when they alone are over the
//! quota. It reads no checkpoint's contents.
//!
//! Layout under a study's directory of trials: `<trial>/checkpoint-<step>.safetensors` and `<trial>/model/`.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a file or directory of a trial holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Training state after so many optimiser steps.
    Checkpoint {
        /// The step.
        step: u64,
    },
    /// A model that can be loaded by others.
    Model,
}

/// One thing on disk that counts against the quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Number of the trial it belongs to.
    pub trial: u64,
    /// What it is.
    pub kind: Kind,
    /// Where it is; a directory for [`Kind::Model`].
    pub path: PathBuf,
    /// Its size, in bytes.
    pub bytes: u64,
}

/// What must stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needed {
    /// Trials that may go on: the newest checkpoint of each stays.
    pub unfinished: BTreeSet<u64>,
    /// The best trials so far: their models stay.
    pub best: BTreeSet<u64>,
}

/// What to remove so that the rest fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Eviction<'a> {
    /// In the order in which to remove them.
    pub remove: Vec<&'a Entry>,
    /// Bytes that stay.
    pub kept_bytes: u64,
    /// By how many bytes what is needed is over the quota; zero when all fits.
    pub over_bytes: u64,
}

/// A directory of trials that could not be read, or a file that could not be removed.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The directory of trials, or something in it, cannot be listed.
    #[error("cannot list the checkpoints in {}", path.display())]
    List {
        /// What could not be read.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that should go cannot be removed.
    #[error("cannot remove the checkpoint {}: remove it by hand, or raise the quota", path.display())]
    Remove {
        /// What stayed.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Everything under `trials` that counts, by trial and step. A directory that is not there is empty; files
/// of other names, such as those being written, are not listed.
///
/// # Errors
/// [`CheckpointError::List`] when a directory cannot be read.
pub fn catalogue(trials: &Path) -> Result<Vec<Entry>, CheckpointError> {
    let mut entries = Vec::new();
    for directory in children(trials)? {
        let Some(trial) = name(&directory).parse().ok() else {
            continue;
        };
        for path in children(&directory)? {
            if let Some(kind) = kind(&path) {
                let bytes = size(&path)
                    .map_err(|source| CheckpointError::List { path: path.clone(), source })?;
                entries.push(Entry { trial, kind, path, bytes });
            }
        }
    }
    entries.sort_by_key(|entry| (entry.trial, entry.kind));
    Ok(entries)
}

/// Decides what goes until the rest takes no more than `quota_bytes`. Pure: the same catalogue gives the
/// same answer on every machine.
///
/// First go checkpoints that no trial resumes from (superseded, or of a finished trial), then models of
/// trials that are not among the best; each from the oldest trial and step on.
pub fn evict<'a>(catalogue: &'a [Entry], quota_bytes: u64, needed: &Needed) -> Eviction<'a> {
    let newest = newest_checkpoints(catalogue);
    let stays = |entry: &Entry| match entry.kind {
        Kind::Checkpoint { step } => {
            needed.unfinished.contains(&entry.trial) && newest.get(&entry.trial) == Some(&step)
        }
        Kind::Model => needed.best.contains(&entry.trial),
    };
    let mut candidates: Vec<&Entry> = catalogue.iter().filter(|entry| !stays(entry)).collect();
    candidates.sort_by_key(|entry| (entry.kind == Kind::Model, entry.trial, entry.kind));
    let mut kept_bytes: u64 = catalogue.iter().map(|entry| entry.bytes).sum();
    let mut remove = Vec::new();
    for entry in candidates {
        if kept_bytes <= quota_bytes {
            break;
        }
        kept_bytes -= entry.bytes;
        remove.push(entry);
    }
    Eviction { remove, kept_bytes, over_bytes: kept_bytes.saturating_sub(quota_bytes) }
}

/// Removes what `eviction` names. What is gone already is no error: another worker may have been faster.
///
/// # Errors
/// [`CheckpointError::Remove`] at the first that cannot be removed; those before it are gone.
pub fn remove(eviction: &Eviction<'_>) -> Result<(), CheckpointError> {
    for entry in &eviction.remove {
        let removed = match entry.kind {
            Kind::Checkpoint { .. } => fs::remove_file(&entry.path),
            Kind::Model => fs::remove_dir_all(&entry.path),
        };
        if let Err(source) = removed
            && source.kind() != io::ErrorKind::NotFound
        {
            return Err(CheckpointError::Remove { path: entry.path.clone(), source });
        }
    }
    Ok(())
}

fn newest_checkpoints(catalogue: &[Entry]) -> BTreeMap<u64, u64> {
    let mut newest = BTreeMap::new();
    for entry in catalogue {
        if let Kind::Checkpoint { step } = entry.kind {
            let last = newest.entry(entry.trial).or_insert(step);
            *last = step.max(*last);
        }
    }
    newest
}

fn kind(path: &Path) -> Option<Kind> {
    if name(path) == "model" && path.is_dir() {
        return Some(Kind::Model);
    }
    let step = name(path).strip_prefix("checkpoint-")?.strip_suffix(".safetensors")?;
    Some(Kind::Checkpoint { step: step.parse().ok()? })
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn children(directory: &Path) -> Result<Vec<PathBuf>, CheckpointError> {
    let failed = |source| CheckpointError::List { path: directory.to_path_buf(), source };
    let listing = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        // A file among the directories of trials.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(Vec::new()),
        listing => listing.map_err(failed)?,
    };
    listing.map(|entry| entry.map(|entry| entry.path()).map_err(failed)).collect()
}

fn size(path: &Path) -> io::Result<u64> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    fs::read_dir(path)?.map(|entry| size(&entry?.path())).sum()
}
