//! Reads gzipped JSON lines. Refuses a line that is not what it should be, with its number.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// Why a table was not read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// No file, or no text.
    #[error("cannot read {}: {source}; give the directory that holds `hpo` with --data", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line of another shape.
    #[error("{}, line {line}: {source}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Nothing of what is looked for.
    #[error("{} holds no row of {what}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// Of what.
        what: &'static str,
    },
}

/// Every line of a gzipped file.
pub(super) fn rows<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, ReadError> {
    let failed = |source| ReadError::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mut rows = Vec::new();
    for (index, line) in BufReader::new(MultiGzDecoder::new(file)).lines().enumerate() {
        let line = line.map_err(failed)?;
        let row = serde_json::from_str(&line).map_err(|source| ReadError::Line {
            path: path.to_owned(),
            line: index + 1,
            source,
        })?;
        rows.push(row);
    }
    Ok(rows)
}
