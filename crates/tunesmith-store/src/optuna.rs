//! Studies of Optuna 5: read from and written to its journal files and its SQLite databases (schema 12), so that
//! optuna-dashboard and optuna.visualization open a study of tunesmith, and a search that Optuna began goes on here.
//!
//! Refuses to guess: what has no place on the other side is named, in an attribute there or in a note here.

mod export;
mod import;
mod journal;
mod model;
mod schema12;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tunesmith_core::Study;

pub use import::{ImportError, Imported, import};
pub use model::{Oddity, Study as ForeignStudy};

/// How every SQLite database begins.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// In which form Optuna keeps studies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `JournalStorage` on a `JournalFileBackend`.
    Journal,
    /// `RDBStorage` on SQLite, schema 12.
    Sqlite,
}

/// Why a file of Optuna's was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It cannot be opened.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is neither a journal nor a database of Optuna's.
    #[error(
        "{} is no study of Optuna's: neither a journal file, whose lines have an `op_code`, nor a SQLite database",
        path.display()
    )]
    Neither {
        /// The file.
        path: PathBuf,
    },
    /// A line of a journal.
    #[error("{}:{line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        problem: Oddity,
    },
    /// Something in a database.
    #[error("{}: trial {trial} of `{study}`: {problem}", path.display())]
    Row {
        /// The file.
        path: PathBuf,
        /// The study.
        study: String,
        /// The trial's number.
        trial: i64,
        /// What is wrong.
        problem: Oddity,
    },
    /// The database is of another version of Optuna.
    #[error(
        "{} has schema {found}, and this version reads {}; bring it up to date with `optuna storage upgrade --storage \
         sqlite:///{}`",
        path.display(), schema12::VERSION, path.display()
    )]
    Schema {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// SQLite cannot read it.
    #[error("{}: {source}; is it a database of Optuna's?", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

/// Why no file for Optuna was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// There is a file already.
    #[error("{} exists; give another file, or remove it", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error(transparent)]
    File(#[from] crate::atomic::WriteError),
    /// SQLite cannot write it.
    #[error("cannot write {}: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

/// The studies of a file, whose form its first bytes tell.
///
/// # Errors
/// [`ReadError`].
pub fn read(path: &Path) -> Result<Vec<ForeignStudy>, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    file.by_ref().take(SQLITE.len() as u64).read_to_end(&mut bytes).map_err(io)?;
    if bytes == SQLITE {
        return schema12::read(path);
    }
    file.read_to_end(&mut bytes).map_err(io)?;
    let text = String::from_utf8_lossy(&bytes);
    let first = text.lines().next().unwrap_or_default();
    if !first.starts_with('{') || !first.contains("\"op_code\"") {
        return Err(ReadError::Neither { path: path.to_owned() });
    }
    journal::read(&text).map_err(|(line, problem)| ReadError::Line {
        path: path.to_owned(),
        line,
        problem,
    })
}

/// The studies of the text of a journal.
///
/// # Errors
/// The line, from 1, and what is wrong with it.
pub fn read_journal(text: &str) -> Result<Vec<ForeignStudy>, (usize, Oddity)> {
    journal::read(text)
}

/// Writes a study to a new file.
///
/// # Errors
/// [`WriteError`]; nothing is left of a file that was begun.
pub fn write(study: &Study, format: Format, path: &Path) -> Result<(), WriteError> {
    if path.exists() {
        return Err(WriteError::Exists { path: path.to_owned() });
    }
    let foreign = export::export(study);
    match format {
        Format::Journal => Ok(crate::atomic::write(path, journal::write(&foreign).as_bytes())?),
        Format::Sqlite => schema12::write(path, &foreign).map_err(|source| {
            drop(std::fs::remove_file(path));
            WriteError::Database { path: path.to_owned(), source }
        }),
    }
}
