//! From an address, as `--storage` takes it, to a storage. It knows which back ends this build has and
//! refuses the others by name.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use tunesmith_core::Storage;

use crate::http::{self, Http};
use crate::memory::Memory;
use crate::postgres::{self, Postgres};
use crate::sqlite::{self, Durability, Presence, Sqlite};

/// Addresses that [`Location`] understands, for help texts and errors.
pub const ADDRESSES: &str =
    "a path, sqlite:///PATH, postgres://USER@HOST/DATABASE, http://HOST:PORT or memory:";

/// Where a storage is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In this process, gone with it.
    Memory,
    /// A SQLite database in a file.
    Sqlite(PathBuf),
    /// A PostgreSQL database, by its whole address.
    Postgres(String),
    /// A tunesmith server.
    Http(String),
}

/// An address that names no storage of this build.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// A scheme that this build has no back end for.
    #[error("`{scheme}:` storages are not supported by this build: give {ADDRESSES}")]
    UnsupportedScheme {
        /// What stands before the colon.
        scheme: String,
    },
    /// An address that names no file.
    #[error("`{address}` names no file: give {ADDRESSES}")]
    NoPath {
        /// The address.
        address: String,
    },
    /// `sqlite://` followed by a host, as in other tools' network addresses.
    #[error("`{address}` names a host, and SQLite has none: write sqlite:///{path} for that path")]
    HasHost {
        /// The address.
        address: String,
        /// What follows the two slashes.
        path: String,
    },
}

/// Why a storage cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is wrong.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// The database cannot be opened.
    #[error(transparent)]
    Sqlite(#[from] sqlite::OpenError),
    /// The server or its database cannot be used.
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
    /// The server cannot be used.
    #[error(transparent)]
    Http(#[from] http::OpenError),
}

/// Opens the storage at `location`, and creates it where `presence` allows.
///
/// # Errors
/// [`OpenError::Sqlite`] when the file is no database of tunesmith, is from a newer version, or cannot be
/// reached; [`OpenError::Postgres`] likewise; [`OpenError::Http`] when no server of tunesmith answers.
pub fn open(
    location: &Location,
    presence: Presence,
    durability: Durability,
) -> Result<Box<dyn Storage>, OpenError> {
    match location {
        Location::Memory => Ok(Box::new(Memory::new())),
        Location::Sqlite(path) => Ok(Box::new(Sqlite::open(path, presence, durability)?)),
        Location::Postgres(address) => Ok(Box::new(Postgres::open(address, presence)?)),
        Location::Http(address) => Ok(Box::new(Http::open(address)?)),
    }
}

impl FromStr for Location {
    type Err = LocationError;

    /// `memory:` is memory, `sqlite:///file` (a relative path, as in SQLAlchemy) and `sqlite:////dir/file`
    /// (an absolute one) are SQLite, anything without a scheme is the path of a SQLite database.
    fn from_str(address: &str) -> Result<Self, LocationError> {
        let no_path = || LocationError::NoPath { address: address.to_owned() };
        let Some((scheme, rest)) = address.split_once(':').filter(|(scheme, _)| is_scheme(scheme))
        else {
            return if address.trim().is_empty() {
                Err(no_path())
            } else {
                Ok(Location::Sqlite(address.into()))
            };
        };
        match (scheme, rest.strip_prefix("//")) {
            ("memory", None) if rest.is_empty() => Ok(Location::Memory),
            ("sqlite", Some(rest)) => match rest.strip_prefix('/') {
                Some("") => Err(no_path()),
                Some(path) => Ok(Location::Sqlite(path.into())),
                None if rest.is_empty() => Err(no_path()),
                None => Err(LocationError::HasHost {
                    address: address.to_owned(),
                    path: rest.to_owned(),
                }),
            },
            ("sqlite" | "memory", _) => Err(no_path()),
            ("postgres" | "postgresql", Some(_)) => Ok(Location::Postgres(address.to_owned())),
            ("http" | "https", Some(_)) => Ok(Location::Http(address.to_owned())),
            _ => Err(LocationError::UnsupportedScheme { scheme: scheme.to_owned() }),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Memory => formatter.write_str("memory:"),
            Location::Sqlite(path) => Path::display(path).fmt(formatter),
            Location::Postgres(address) => formatter.write_str(&postgres::shown(address)),
            Location::Http(address) => formatter.write_str(address),
        }
    }
}

/// Two letters at least: a single one is a drive, as in `C:\studies.db`.
fn is_scheme(text: &str) -> bool {
    text.len() > 1
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

#[cfg(test)]
mod tests {
    use super::Location;

    fn sqlite(path: &str) -> Location {
        Location::Sqlite(path.into())
    }

    #[test]
    fn addresses_are_read_as_other_tools_write_them() {
        for (address, expected) in [
            ("memory:", Location::Memory),
            ("tunesmith.db", sqlite("tunesmith.db")),
            ("/data/a b.db", sqlite("/data/a b.db")),
            ("C:\\studies.db", sqlite("C:\\studies.db")),
            ("https://host:8080", Location::Http("https://host:8080".to_owned())),
            ("postgres://a@b/c", Location::Postgres("postgres://a@b/c".to_owned())),
            ("sqlite:///studies.db", sqlite("studies.db")),
            ("sqlite:////data/studies.db", sqlite("/data/studies.db")),
        ] {
            assert_eq!(address.parse(), Ok(expected), "{address}");
        }
    }

    #[test]
    fn addresses_that_lead_nowhere_say_what_would() {
        for (address, words) in [
            (
                "mysql://host/db",
                "`mysql:` storages are not supported by this build: give a path, sqlite:///PATH",
            ),
            ("ftp://host", "`ftp:` storages are not supported"),
            ("sqlite://studies.db", "write sqlite:///studies.db"),
            ("sqlite://", "names no file"),
            ("sqlite:///", "names no file"),
            ("sqlite:studies.db", "names no file"),
            ("memory:other", "names no file"),
            ("", "names no file"),
        ] {
            let error = address.parse::<Location>().expect_err(address).to_string();
            assert!(error.contains(words), "{address}: {error}");
        }
    }
}
