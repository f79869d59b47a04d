//! Models and datasets from the Hugging Face hub, through its usual cache.
//!
//! Keeps to the hub's environment (`HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN`, `HF_ENDPOINT`,
//! `HF_HUB_OFFLINE`), read once by [`Hub::from_env`]. It loads nothing: it gives paths. It fetches
//! safetensors only, never pickled weights, and never code.

mod dataset;
mod error;
mod model;
#[cfg(test)]
mod tests;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use hf_hub::api::sync::{Api, ApiBuilder, ApiError, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};

pub use dataset::DatasetFiles;
pub use error::HubError;

/// Where the hub is, and what this machine has of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hub {
    endpoint: String,
    cache: PathBuf,
    token: Option<String>,
    offline: bool,
}

/// One repository at one revision.
#[derive(Debug)]
struct Repository<'a> {
    hub: &'a Hub,
    id: String,
    repo: Repo,
}

/// The hub that everybody uses.
const ENDPOINT: &str = "https://huggingface.co";

/// A download that breaks is taken up again this often.
const RETRIES: usize = 3;

impl Hub {
    /// A hub at `endpoint` whose files are kept under `cache`.
    pub fn new(endpoint: impl Into<String>, cache: impl Into<PathBuf>) -> Self {
        let endpoint: String = endpoint.into();
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        Self { endpoint, cache: cache.into(), token: None, offline: false }
    }

    /// The hub that the environment names; `variable` looks a variable up.
    ///
    /// As `huggingface_hub` does: the cache is `HF_HUB_CACHE`, else `HF_HOME/hub`, else
    /// `XDG_CACHE_HOME/huggingface/hub`, else `~/.cache/huggingface/hub`; the token is `HF_TOKEN`,
    /// else what stands in `HF_HOME/token`.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let home = set("HF_HOME").map_or_else(
            || {
                let caches = set("XDG_CACHE_HOME").map_or_else(
                    || PathBuf::from(set("HOME").unwrap_or_default()).join(".cache"),
                    PathBuf::from,
                );
                caches.join("huggingface")
            },
            PathBuf::from,
        );
        let cache = set("HF_HUB_CACHE").map_or_else(|| home.join("hub"), PathBuf::from);
        let kept = || std::fs::read_to_string(home.join("token")).ok();
        let token = set("HF_TOKEN").or_else(kept).map(|token| token.trim().to_owned());
        let endpoint = set("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        let hub = Self::new(endpoint, cache).with_token(token.filter(|token| !token.is_empty()));
        let truths = ["1", "on", "yes", "true"];
        let offline = set("HF_HUB_OFFLINE").map(|value| value.to_ascii_lowercase());
        hub.with_offline(offline.is_some_and(|value| truths.contains(&value.as_str())))
    }

    /// Sends this token.
    #[must_use]
    pub fn with_token(self, token: Option<String>) -> Self {
        Self { token, ..self }
    }

    /// Uses the cache alone.
    #[must_use]
    pub fn with_offline(self, offline: bool) -> Self {
        Self { offline, ..self }
    }

    /// The directory of a model: `id_or_path` itself where it is one, else the cached snapshot,
    /// downloaded first where needed.
    ///
    /// # Errors
    /// See [`HubError`].
    pub fn model_directory(&self, id_or_path: &str) -> Result<PathBuf, HubError> {
        let path = Path::new(id_or_path);
        if path.is_dir() {
            return Ok(path.to_owned());
        }
        self.repository(id_or_path, RepoType::Model, "main")?.model()
    }

    /// The Parquet files of a dataset, `owner/name`, and of one of its configurations.
    ///
    /// # Errors
    /// See [`HubError`].
    pub fn dataset(&self, id: &str, config: Option<&str>) -> Result<DatasetFiles<'_>, HubError> {
        DatasetFiles::find(self, id, config)
    }

    fn repository(
        &self,
        id: &str,
        kind: RepoType,
        revision: &str,
    ) -> Result<Repository<'_>, HubError> {
        if !is_id(id) {
            return Err(HubError::NoDirectory { path: id.to_owned() });
        }
        let repo = Repo::with_revision(id.to_owned(), kind, revision.to_owned());
        Ok(Repository { hub: self, id: id.to_owned(), repo })
    }

    fn api(&self) -> Result<Api, ApiError> {
        ApiBuilder::from_cache(Cache::new(self.cache.clone()))
            .with_endpoint(self.endpoint.clone())
            .with_token(self.token.clone())
            .with_retries(RETRIES)
            .with_progress(false)
            .build()
    }
}

impl Repository<'_> {
    /// Where the cached files of this revision lie, if any do.
    fn snapshot(&self) -> Option<PathBuf> {
        let folder = self.hub.cache.join(self.repo.folder_name());
        let commit = folder.join("refs").join(self.repo.revision());
        let commit = std::fs::read_to_string(commit).ok()?;
        let snapshot = folder.join("snapshots").join(commit.trim());
        snapshot.is_dir().then_some(snapshot)
    }

    /// Every file of the repository, as the hub lists them.
    fn list(&self) -> Result<Vec<String>, HubError> {
        let info = self.online()?.info().map_err(|error| self.explain(error))?;
        Ok(info.siblings.into_iter().map(|sibling| sibling.rfilename).collect())
    }

    /// One file, from the cache or the hub.
    fn fetch(&self, file: &str) -> Result<PathBuf, HubError> {
        if let Some(cached) = self.snapshot().map(|snapshot| snapshot.join(file))
            && cached.exists()
        {
            return Ok(cached);
        }
        self.online()?.download(file).map_err(|error| self.explain(error))
    }

    fn online(&self) -> Result<ApiRepo, HubError> {
        if self.hub.offline {
            return Err(self.not_cached());
        }
        let api = self.hub.api().map_err(|error| self.explain(error))?;
        Ok(api.repo(self.repo.clone()))
    }

    fn not_cached(&self) -> HubError {
        HubError::NotCached { id: self.id.clone(), cache: self.hub.cache.clone() }
    }

    /// The hub's error, with what to do about it.
    fn explain(&self, error: ApiError) -> HubError {
        let (id, endpoint) = (self.id.clone(), self.hub.endpoint.clone());
        match &error {
            ApiError::RequestError(request) => match **request {
                ureq::Error::StatusCode(status @ (401 | 403)) => {
                    HubError::Refused { id, status, token: self.hub.token.is_some() }
                }
                ureq::Error::StatusCode(404) => HubError::NotFound { id, endpoint },
                _ => HubError::Unreachable { id, endpoint, source: Box::new(error) },
            },
            ApiError::IoError(cause) if is_disk(cause) => {
                HubError::Disk { cache: self.hub.cache.clone(), source: Box::new(error) }
            }
            _ => HubError::Unreachable { id, endpoint, source: Box::new(error) },
        }
    }
}

/// Whether the disk is at fault rather than the network.
fn is_disk(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull
            | ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::NotADirectory
            | ErrorKind::QuotaExceeded
    )
}

/// `name` or `owner/name`, of the letters that the hub allows.
fn is_id(id: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-'])
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    id.split('/').count() <= 2 && id.split('/').all(part)
}
