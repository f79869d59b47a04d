//! The files of a model repository that training needs.
//!
//! Takes configuration, tokenizer and safetensors; refuses a repository that has only pickles.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{HubError, Repository};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// One of these makes a tokenizer.
const VOCABULARY: [&str; 2] = ["tokenizer.json", "vocab.txt"];

/// Taken where they are there.
const TOKENIZER: [&str; 7] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
];

impl Repository<'_> {
    /// The snapshot with everything needed, from the cache where it is whole.
    pub(super) fn model(&self) -> Result<PathBuf, HubError> {
        if let Some(snapshot) = self.snapshot()
            && is_whole(&snapshot)
        {
            return Ok(snapshot);
        }
        let there: BTreeSet<String> = self.list()?.into_iter().collect();
        if !there.contains(CONFIG) {
            let (id, endpoint) = (self.id.clone(), self.hub.endpoint.clone());
            return Err(HubError::NotFound { id: format!("{id}/{CONFIG}"), endpoint });
        }
        if !VOCABULARY.iter().any(|file| there.contains(*file)) {
            return Err(HubError::NoTokenizer { id: self.id.clone() });
        }
        for file in TOKENIZER.into_iter().filter(|file| there.contains(*file)) {
            self.fetch(file)?;
        }
        if there.contains(WEIGHTS) {
            self.fetch(WEIGHTS)?;
        } else if there.contains(INDEX) {
            for shard in shards(&self.fetch(INDEX)?)? {
                self.fetch(&shard)?;
            }
        } else {
            return Err(HubError::NoWeights { id: self.id.clone() });
        }
        self.fetch(CONFIG)?;
        let whole = self.snapshot().filter(|snapshot| is_whole(snapshot));
        whole.ok_or_else(|| HubError::Changed { id: self.id.clone() })
    }
}

/// Whether a snapshot has configuration, a tokenizer and all weights.
fn is_whole(snapshot: &Path) -> bool {
    let has = |file: &str| snapshot.join(file).is_file();
    let weights = has(WEIGHTS)
        || shards(&snapshot.join(INDEX)).is_ok_and(|shards| shards.iter().all(|shard| has(shard)));
    let tokenizer = VOCABULARY.into_iter().any(has);
    has(CONFIG) && weights && tokenizer
}

/// The weight files that an index names.
fn shards(index: &Path) -> Result<BTreeSet<String>, HubError> {
    #[derive(Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let text = std::fs::read_to_string(index).unwrap_or_default();
    let index: Index = serde_json::from_str(&text)
        .map_err(|source| HubError::Index { path: index.to_owned(), source })?;
    Ok(index.weight_map.into_values().collect())
}
