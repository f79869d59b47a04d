//! Writes a slot's model as a directory that `AutoModelForSequenceClassification.from_pretrained`
//! loads: weights, `config.json` with label names, tokenizer.
//!
//! LoRA is merged into the weights (`W + s·B·A`), so that no other package is needed to load it.
//! The directory appears whole or not at all. This file refuses to touch a tokenizer's files; it is
//! handed a writer for them.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, View};
use serde_json::{Map, Value as Json, json};
use thiserror::Error;

use super::layout::{Adapter, Affine, Named};
use super::names;
use crate::data::Target;
use crate::op::matrix::{Matrix, MatrixMut, Threads, Write, multiply};
use crate::pack::Pack;
use crate::protocol::Params;

/// Why a model could not be written.
#[derive(Debug, Error)]
pub(crate) enum ExportError {
    /// The disk.
    #[error(
        "{path}: {source}; make room or make the directory writable, then run the same command again"
    )]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The weights could not be written.
    #[error(
        "{path}: {source}; make room or make the directory writable, then run the same command again"
    )]
    Weights {
        /// The file.
        path: PathBuf,
        /// Why.
        source: safetensors::SafeTensorError,
    },
    /// The tokenizer could not be written.
    #[error("{directory}: the tokenizer could not be written: {reason}")]
    Tokenizer {
        /// The directory.
        directory: PathBuf,
        /// Why.
        reason: String,
    },
    /// The buffers could not be read.
    #[error("the weights could not be read from the device: {0}")]
    Device(#[from] candle_core::Error),
}

/// The file beside the weights that says how they came about.
pub(crate) const RECORD: &str = "tunesmith.json";

/// What is written about a model beside its weights.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    /// The label names.
    pub(crate) target: &'a Target,
    /// Optimiser steps done.
    pub(crate) step: u64,
    /// Every hyperparameter as it was used.
    pub(crate) effective: &'a Params,
}

/// A tensor that is read when its turn comes.
struct Lazy<'a> {
    pack: &'a Pack,
    slot: usize,
    named: &'a Named,
}

impl View for Lazy<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.named.shape
    }

    fn data(&self) -> std::borrow::Cow<'_, [u8]> {
        let values = self.pack.merged(self.slot, self.named).unwrap_or_default();
        std::borrow::Cow::Owned(values.into_iter().flat_map(f32::to_le_bytes).collect())
    }

    fn data_len(&self) -> usize {
        self.named.placed.place.slab.length * size_of::<f32>()
    }
}

impl Pack {
    /// A tensor of the checkpoint with the adapter on it merged in.
    fn merged(&self, slot: usize, named: &Named) -> candle_core::Result<Vec<f32>> {
        let mut values = self.tensor(slot, named)?;
        let Some(adapter) = self.adapter_on(named) else {
            return Ok(values);
        };
        let (inputs, outputs) = adapter.target.shape(&self.config);
        let rank = adapter.down.place.slab.length / inputs;
        crate::op::read(&self.weights, |all| {
            let (a, b) = (adapter.down.place.of(all, slot), adapter.up.place.of(all, slot));
            let out = MatrixMut::dense(&mut values, outputs, inputs);
            let (b, a) = (Matrix::dense(b, outputs, rank), Matrix::dense(a, rank, inputs));
            multiply(out, b, a, self.scales[slot], Write::Add, Threads::Pool);
        })?;
        Ok(values)
    }

    fn adapter_on(&self, named: &Named) -> Option<&Adapter> {
        use super::layout::Target as T;
        let offset = named.placed.place.slab.offset;
        let width = self.config.width;
        let starts = |affine: &Affine, part: usize| {
            !named.placed.trained
                && named.shape.len() == 2
                && affine.weight.place.slab.offset + part * width * width == offset
        };
        for layer in &self.layout.layers {
            for adapter in &layer.adapters {
                let (affine, part) = match adapter.target {
                    T::Query => (&layer.qkv, 0),
                    T::Key => (&layer.qkv, 1),
                    T::Value => (&layer.qkv, 2),
                    T::AttentionOutput => (&layer.attention_output, 0),
                    T::Intermediate => (&layer.intermediate, 0),
                    T::Output | T::Pooler => (&layer.output, 0),
                };
                if starts(affine, part) {
                    return Some(adapter);
                }
            }
        }
        let adapter = self.layout.dense_adapter.as_ref()?;
        starts(&self.layout.dense, 0).then_some(adapter)
    }

    /// Writes the model of `slot` to `directory`, which is replaced when it exists.
    pub(crate) fn export(
        &mut self,
        slot: usize,
        about: &About<'_>,
        directory: &Path,
        tokenizer: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Result<(), ExportError> {
        self.settle(slot)?;
        let partial = directory.with_extension("partial");
        let write = |path: &Path| {
            let path = path.to_owned();
            move |source| ExportError::Write { path, source }
        };
        if partial.exists() {
            fs::remove_dir_all(&partial).map_err(write(&partial))?;
        }
        fs::create_dir_all(&partial).map_err(write(&partial))?;
        let weights = partial.join("model.safetensors");
        let tensors = self
            .layout
            .named
            .iter()
            .map(|named| (named.name.as_str(), Lazy { pack: self, slot, named }));
        let format = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        safetensors::serialize_to_file(tensors, Some(format), &weights)
            .map_err(|source| ExportError::Weights { path: weights.clone(), source })?;
        let config = partial.join("config.json");
        let text = format!("{:#}\n", Json::Object(self.exported_config(about.target)));
        fs::write(&config, text).map_err(write(&config))?;
        let record = partial.join(RECORD);
        let text = format!("{:#}\n", json!({"step": about.step, "effective": about.effective}));
        fs::write(&record, text).map_err(write(&record))?;
        tokenizer(&partial)
            .map_err(|reason| ExportError::Tokenizer { directory: partial.clone(), reason })?;
        for file in [&weights, &config] {
            fs::File::open(file).and_then(|file| file.sync_all()).map_err(write(file))?;
        }
        if directory.exists() {
            fs::remove_dir_all(directory).map_err(write(directory))?;
        }
        fs::rename(&partial, directory).map_err(write(directory))
    }

    fn exported_config(&self, target: &Target) -> Map<String, Json> {
        let mut config = self.config.raw.clone();
        config.insert("architectures".into(), json!([names::class(self.config.architecture)]));
        config.insert("dtype".into(), json!("float32"));
        config.remove("torch_dtype");
        config.remove("_name_or_path");
        let (labels, problem): (Vec<String>, _) = match target {
            Target::Classes(names) => (names.clone(), "single_label_classification"),
            Target::Regression => (vec!["LABEL_0".into()], "regression"),
        };
        let by_id: Map<String, Json> =
            labels.iter().enumerate().map(|(id, name)| (id.to_string(), json!(name))).collect();
        let by_name: Map<String, Json> =
            labels.iter().enumerate().map(|(id, name)| (name.clone(), json!(id))).collect();
        config.insert("id2label".into(), Json::Object(by_id));
        config.insert("label2id".into(), Json::Object(by_name));
        config.insert("problem_type".into(), json!(problem));
        config
    }
}
