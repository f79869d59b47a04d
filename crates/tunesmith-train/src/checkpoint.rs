//! Resumable state of one trial: weights, moments, word rows seen and the position, in one
//! safetensors file. Data order, dropout and schedule are functions of seed and step, so the step
//! is all of the random state.
//!
//! Word rows that no batch named are not saved: they are the initial ones with decay applied, and
//! are made again. Files that do not name the update count and the seed of the initial weights are
//! of trials that never took over a state: the step and the trial's seed. A file appears whole or not at all. This file refuses to resume another trial's
//! state: the settings must be the same.

use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use candle_core::Tensor;
use safetensors::tensor::{Dtype, TensorView};
use thiserror::Error;

use crate::model::load::{Checkpoint, LoadError, header};
use crate::op::{Slab, edit, read};
use crate::pack::Pack;
use crate::pack::initial::{FillError, Source};
use crate::pack::words::WordRows;
use crate::protocol::Params;

/// Why a checkpoint could not be written or read.
#[derive(Debug, Error)]
pub(crate) enum CheckpointError {
    /// The disk.
    #[error("{path}: {source}")]
    Disk {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Writing tensors.
    #[error("{path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: safetensors::SafeTensorError,
    },
    /// Reading tensors.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Filling what a checkpoint leaves out.
    #[error(transparent)]
    Fill(#[from] FillError),
    /// The buffers.
    #[error(transparent)]
    Device(#[from] candle_core::Error),
    /// The file is of another trial or another version of its settings.
    #[error(
        "{path}: it was written with other hyperparameters; remove it to start the trial again"
    )]
    Other {
        /// The file.
        path: PathBuf,
    },
    /// The file has no step.
    #[error("{path}: it is no checkpoint of a trial")]
    NotOne {
        /// The file.
        path: PathBuf,
    },
}

/// Where a trial stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// Steps of its schedule done.
    pub(crate) step: u64,
    /// Updates of its optimiser: other than the steps once a state was taken over.
    pub(crate) updates: u64,
    /// The seed that the initial weights were made with; another trial's where its state was taken
    /// over.
    pub(crate) origin: u64,
}

/// The three buffers a checkpoint holds, by name.
fn buffers(pack: &Pack) -> [(&'static str, &Tensor); 3] {
    [
        ("weights", &pack.weights),
        ("first_moments", &pack.first_moments),
        ("second_moments", &pack.second_moments),
    ]
}

/// Bytes of ids and decays as floats' neighbours in one file.
fn bytes_of(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn gather(row: &[f32], runs: &[Slab]) -> Vec<u8> {
    runs.iter()
        .flat_map(|slab| &row[slab.offset..slab.offset + slab.length])
        .flat_map(|x| x.to_le_bytes())
        .collect()
}

/// Writes the state of `slot`, which stands `at`; gives the file's size in bytes.
pub(crate) fn save(
    pack: &Pack,
    slot: usize,
    at: Position,
    effective: &Params,
    path: &Path,
) -> Result<u64, CheckpointError> {
    let words = &pack.words[slot];
    let runs = pack.runs(words.seen());
    let length: usize = runs.iter().map(|slab| slab.length).sum();
    let row = slot * pack.layout.stride..(slot + 1) * pack.layout.stride;
    let mut parts: Vec<(&str, Dtype, usize, Vec<u8>)> = Vec::new();
    for (name, tensor) in buffers(pack) {
        parts.push((
            name,
            Dtype::F32,
            length,
            read(tensor, |all| gather(&all[row.clone()], &runs))?,
        ));
    }
    parts.push(("seen", Dtype::U32, words.seen().len(), bytes_of(words.seen())));
    let keeps: Vec<u32> = words.keeps().iter().map(|keep| keep.to_bits()).collect();
    parts.push(("keeps", Dtype::U32, keeps.len(), bytes_of(&keeps)));
    let write = |source| CheckpointError::Write { path: path.to_owned(), source };
    let views = parts.iter().map(|(name, dtype, length, bytes)| {
        TensorView::new(*dtype, vec![*length], bytes).map(|view| (*name, view))
    });
    let views: Vec<_> = views.collect::<Result<_, _>>().map_err(write)?;
    let about = HashMap::from([
        ("step".to_owned(), at.step.to_string()),
        ("updates".to_owned(), at.updates.to_string()),
        ("origin_seed".to_owned(), at.origin.to_string()),
        ("effective".to_owned(), settings(effective)),
    ]);
    let partial = path.with_extension("partial");
    let disk = |source| CheckpointError::Disk { path: path.to_owned(), source };
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(disk)?;
    }
    safetensors::serialize_to_file(views, Some(about), &partial).map_err(write)?;
    let file = fs::File::open(&partial).map_err(disk)?;
    file.sync_all().map_err(disk)?;
    let size = file.metadata().map_err(disk)?.len();
    fs::rename(&partial, path).map_err(disk)?;
    Ok(size)
}

fn settings(effective: &Params) -> String {
    serde_json::to_string(effective).unwrap_or_default()
}

/// Fills `slot` with the state of a file of a trial of this seed; gives where it stood.
pub(crate) fn load(
    pack: &mut Pack,
    slot: usize,
    source: &Source,
    seed: u64,
    effective: &Params,
    path: &Path,
) -> Result<Position, CheckpointError> {
    let (mut file, start, metadata) = header(path)?;
    let about = metadata.metadata().clone().unwrap_or_default();
    let number = |name: &str| about.get(name).and_then(|value| value.parse::<u64>().ok());
    let step = number("step").ok_or_else(|| CheckpointError::NotOne { path: path.to_owned() })?;
    let at = Position {
        step,
        updates: number("updates").unwrap_or(step),
        origin: number("origin_seed").unwrap_or(seed),
    };
    if about.get("effective") != Some(&settings(effective)) {
        return Err(CheckpointError::Other { path: path.to_owned() });
    }
    let mut ids = |name: &str| -> Result<Vec<u32>, CheckpointError> {
        let info =
            metadata.info(name).ok_or_else(|| CheckpointError::NotOne { path: path.to_owned() })?;
        let (from, to) = info.data_offsets;
        let disk = |source| CheckpointError::Disk { path: path.to_owned(), source };
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(start + from as u64))
            .map_err(disk)?;
        let mut bytes = vec![0u8; to - from];
        file.read_exact(&mut bytes).map_err(disk)?;
        let (chunks, _) = bytes.as_chunks::<4>();
        Ok(chunks.iter().map(|chunk| u32::from_le_bytes(*chunk)).collect())
    };
    let (seen, keeps) = (ids("seen")?, ids("keeps")?);
    pack.fill(slot, source, at.origin)?;
    pack.words[slot] = WordRows::restore(
        pack.config.vocabulary,
        &seen,
        keeps.into_iter().map(f32::from_bits).collect(),
    );
    let runs = pack.runs(pack.words[slot].seen());
    let length: usize = runs.iter().map(|slab| slab.length).sum();
    let stored = Checkpoint::open_file(path)?;
    let row = slot * pack.layout.stride..(slot + 1) * pack.layout.stride;
    let mut values = vec![0f32; length];
    for (name, tensor) in buffers(pack) {
        stored.read(name, "", &[length], &mut values)?;
        edit(tensor, |all| scatter(&mut all[row.clone()], &runs, &values))?;
    }
    Ok(at)
}

fn scatter(row: &mut [f32], runs: &[Slab], mut values: &[f32]) {
    for slab in runs {
        let (head, rest) = values.split_at(slab.length);
        row[slab.offset..slab.offset + slab.length].copy_from_slice(head);
        values = rest;
    }
}
