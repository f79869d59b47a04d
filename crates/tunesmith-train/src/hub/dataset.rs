//! The Parquet files of a dataset repository, by configuration and split.
//!
//! Knows the layouts that `datasets` writes (`<config>/<split>-00000-of-00001.parquet`, with `data`
//! for the only configuration) and that of the hub's own conversion (`<config>/<split>/0000.parquet`
//! at `refs/convert/parquet`). It runs no loading script.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hf_hub::RepoType;

use super::{Hub, HubError, Repository};

/// The branch where the hub keeps its conversion of every dataset.
const CONVERTED: &str = "refs/convert/parquet";

/// Directories that stand for the only configuration.
const UNNAMED: [&str; 3] = ["", "data", "default"];

/// The Parquet files of one configuration, not yet downloaded.
#[derive(Debug)]
pub struct DatasetFiles<'a> {
    /// The dataset's id.
    pub id: String,
    /// The configuration asked for.
    pub config: Option<String>,
    /// The configurations there are.
    pub configs: Vec<String>,
    repository: Repository<'a>,
    files: Vec<String>,
}

impl<'a> DatasetFiles<'a> {
    pub(super) fn find(hub: &'a Hub, id: &str, config: Option<&str>) -> Result<Self, HubError> {
        let mut files = Self::at(hub, id, config, "main")?;
        if files.files.is_empty() {
            let converted = Self::at(hub, id, config, CONVERTED);
            // The first answer names the configurations: a missing conversion adds nothing to it.
            match converted {
                Ok(converted) => files = converted,
                Err(error) if files.configs.is_empty() => return Err(error),
                Err(_) => {}
            }
        }
        Ok(files)
    }

    fn at(hub: &'a Hub, id: &str, config: Option<&str>, revision: &str) -> Result<Self, HubError> {
        let repository = hub.repository(id, RepoType::Dataset, revision)?;
        let all = match (repository.list(), repository.snapshot()) {
            (Ok(all), _) => all,
            // What was downloaded before serves where the hub does not answer.
            (Err(_), Some(snapshot)) => walk(&snapshot),
            (Err(error), None) => return Err(error),
        };
        let parquet: Vec<String> =
            all.into_iter().filter(|file| file.ends_with(".parquet")).collect();
        let configs: BTreeSet<&str> = parquet.iter().map(|file| config_of(file)).collect();
        let chosen = choose(&configs, config).map(str::to_owned);
        let configs = configs.iter().map(ToString::to_string).collect();
        let of_config = |file: &String| chosen.as_deref() == Some(config_of(file));
        let files = parquet.iter().filter(|file| of_config(file)).cloned().collect();
        let (id, config) = (id.to_owned(), config.map(str::to_owned));
        Ok(Self { id, config, configs, repository, files })
    }

    /// Fetches the files of the first of these splits that the dataset has; none if it has none.
    ///
    /// # Errors
    /// See [`HubError`].
    pub fn split(&self, names: &[&str]) -> Result<Vec<PathBuf>, HubError> {
        for name in names {
            let mut files: Vec<&String> =
                self.files.iter().filter(|file| split_of(file) == *name).collect();
            files.sort_unstable();
            if let Some(first) = files.first() {
                if files.len() < shards(first) {
                    return Err(self.repository.not_cached());
                }
                return files.into_iter().map(|file| self.repository.fetch(file)).collect();
            }
        }
        Ok(Vec::new())
    }
}

/// The configuration meant: the one named, or the only one.
fn choose<'a>(configs: &BTreeSet<&'a str>, wanted: Option<&str>) -> Option<&'a str> {
    let find = |name: &str| configs.iter().find(|config| **config == name).copied();
    match wanted {
        Some(wanted) => find(wanted),
        None if configs.len() == 1 => configs.first().copied(),
        None => UNNAMED.into_iter().find_map(find),
    }
}

/// The directory of a file, without that of its split.
fn config_of(file: &str) -> &str {
    let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
    if is_number(stem(file)) {
        return directory.rsplit_once('/').map_or("", |(config, _)| config);
    }
    directory
}

/// The split of a file: its name up to the shard number, or its directory.
fn split_of(file: &str) -> &str {
    let stem = stem(file);
    if is_number(stem) {
        let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
        return directory.rsplit_once('/').map_or(directory, |(_, split)| split);
    }
    stem.split_once('-').map_or(stem, |(split, _)| split)
}

/// How many files a split has, by the name of one: `train-00000-of-00003` has 3.
fn shards(file: &str) -> usize {
    let count = stem(file).rsplit_once("-of-").map(|(_, count)| count);
    // After the count the hub may put a hash: 00003-0a1b2c.
    let count = count.map(|count| count.split('-').next().unwrap_or(count));
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

fn stem(file: &str) -> &str {
    let name = file.rsplit_once('/').map_or(file, |(_, name)| name);
    name.strip_suffix(".parquet").unwrap_or(name)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The files under a directory, their paths relative to it and with `/`.
fn walk(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![(directory.to_owned(), String::new())];
    while let Some((directory, prefix)) = open.pop() {
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        for entry in entries {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                open.push((entry.path(), format!("{name}/")));
            } else {
                found.push(name);
            }
        }
    }
    found.sort_unstable();
    found
}
