//! Why the hub gives no files: each variant says what to set or download.

use std::path::PathBuf;

use hf_hub::api::sync::ApiError;

/// Why a model or dataset cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// Neither a directory nor the id of a repository.
    #[error("no directory `{path}`, and it is no hub id (`owner/name`) either; check the spelling")]
    NoDirectory {
        /// What was given.
        path: String,
    },
    /// Offline, and not (wholly) in the cache.
    #[error(
        "{id} is not complete in {} and HF_HUB_OFFLINE is set; unset it, or run \
         `hf download {id}` where there is a network and point HF_HOME at the result",
        cache.display()
    )]
    NotCached {
        /// The repository.
        id: String,
        /// The cache.
        cache: PathBuf,
    },
    /// The hub wants another token, or one at all.
    #[error("{id}: refused (HTTP {status}); {}", token_advice(*token))]
    Refused {
        /// The repository.
        id: String,
        /// HTTP status.
        status: u16,
        /// Whether a token was sent.
        token: bool,
    },
    /// There is no such repository or file.
    #[error("{endpoint} has no {id}; check the spelling, or give a directory instead")]
    NotFound {
        /// The repository.
        id: String,
        /// The hub.
        endpoint: String,
    },
    /// No answer, or none that makes sense.
    #[error(
        "{id}: {endpoint} cannot be reached: {source}; check the network (HF_ENDPOINT names another \
         hub), or give a directory instead"
    )]
    Unreachable {
        /// The repository.
        id: String,
        /// The hub.
        endpoint: String,
        /// What went wrong.
        source: Box<ApiError>,
    },
    /// The cache cannot be written.
    #[error("{}: {source}; free some space, or set HF_HOME to a place that can be written", cache.display())]
    Disk {
        /// The cache.
        cache: PathBuf,
        /// What went wrong.
        source: Box<ApiError>,
    },
    /// A model without safetensors.
    #[error(
        "{id} has no model.safetensors; load it in transformers and save it with \
         `save_pretrained(directory)`, then give the directory"
    )]
    NoWeights {
        /// The repository.
        id: String,
    },
    /// A model without a tokenizer that can be read.
    #[error(
        "{id} has neither tokenizer.json nor vocab.txt; load its tokenizer in transformers and save it \
         with `save_pretrained(directory)` beside the weights, then give the directory"
    )]
    NoTokenizer {
        /// The repository.
        id: String,
    },
    /// An index of weight files that cannot be read.
    #[error("{}: no index of weight files: {source}; delete it and download it again", path.display())]
    Index {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// A new commit arrived between two files.
    #[error("{id} changed on the hub while it was downloaded; run the same command again")]
    Changed {
        /// The repository.
        id: String,
    },
}

fn token_advice(sent: bool) -> &'static str {
    if sent {
        "the token in HF_TOKEN may not read it, or its licence waits to be accepted on the hub"
    } else {
        "it is private, gated or misspelt: set HF_TOKEN to a token that may read it"
    }
}
