//! Where logs live. Refuses to interpret events: a storage keeps them whole, in order, and unique by key.

use std::error::Error as StdError;

use thiserror::Error;

use crate::config::StudyConfig;
use crate::event::{Event, Revision, Stream};
use crate::timestamp::{Timestamp, Writer};

/// A study in a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StudyId(pub i64);

/// What a list of studies shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudyHeader {
    /// Its key.
    pub id: StudyId,
    /// Its name, unique in the storage.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// How many events it has.
    pub revision: Revision,
}

/// A fault of a back end, kept whole.
pub type BackendError = Box<dyn StdError + Send + Sync>;

/// Keeps logs. Synchronous; callable from many threads.
pub trait Storage: Send + Sync {
    /// Creates a study by appending [`created`](crate::Study::created), its first event, at revision 1.
    ///
    /// # Errors
    /// Where the name is taken or the back end fails.
    fn create(
        &self,
        config: &StudyConfig,
        by: &Writer,
        at: Timestamp,
    ) -> Result<StudyId, CreateError>;

    /// Every study, oldest first.
    ///
    /// # Errors
    /// Where the back end fails.
    fn studies(&self) -> Result<Vec<StudyHeader>, ReadError>;

    /// Appends all of the events, or none. Returns the study's revision after them.
    ///
    /// Appending events that are already there, from the same writer and the same in content, succeeds and changes
    /// nothing, so a retry is safe.
    ///
    /// # Errors
    /// [`AppendError::Conflict`] where another event has one of the keys or a key leaves a gap in its stream.
    fn append(&self, study: StudyId, events: &[Event]) -> Result<Revision, AppendError>;

    /// Up to `limit` events after the first `after`, in the order in which they were appended.
    ///
    /// # Errors
    /// Where there is no such study or the back end fails.
    fn read(&self, study: StudyId, after: Revision, limit: u32) -> Result<Vec<Event>, ReadError>;

    /// Deletes a study with its log.
    ///
    /// # Errors
    /// Where there is no such study or the back end fails.
    fn delete(&self, study: StudyId) -> Result<(), DeleteError>;
}

/// Why a study was not created.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CreateError {
    /// There is one of that name.
    #[error("there is already a study named {name}; take another name, or resume it")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// No room. Nothing was written.
    #[error("the storage is full; free some space and run the same command again")]
    Full(#[source] BackendError),
    /// The back end failed.
    #[error("the storage did not take the study: {0}")]
    Backend(#[source] BackendError),
}

/// Why nothing was read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// No such study.
    #[error("there is no study {} in this storage", study.0)]
    NoSuchStudy {
        /// The key.
        study: StudyId,
    },
    /// An event that this version cannot read.
    #[error("event {revision} of study {} cannot be read: {source}", study.0)]
    Unreadable {
        /// The study.
        study: StudyId,
        /// Which event, from 1.
        revision: Revision,
        /// Why.
        source: crate::wire::DecodeError,
    },
    /// The back end failed.
    #[error("the storage did not answer: {0}")]
    Backend(#[source] BackendError),
}

/// Why nothing was appended.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AppendError {
    /// Another writer was first. Read again and decide again.
    #[error("event {seq} of {stream} is not the next one any more")]
    Conflict {
        /// The stream.
        stream: Stream,
        /// The event that lost.
        seq: u32,
    },
    /// No such study.
    #[error("there is no study {} in this storage", study.0)]
    NoSuchStudy {
        /// The key.
        study: StudyId,
    },
    /// No room. Nothing was written.
    #[error("the storage is full; free some space and run the same command again")]
    Full(#[source] BackendError),
    /// The back end failed.
    #[error("the storage did not take the events: {0}")]
    Backend(#[source] BackendError),
}

/// Why nothing was deleted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeleteError {
    /// No such study.
    #[error("there is no study {} in this storage", study.0)]
    NoSuchStudy {
        /// The key.
        study: StudyId,
    },
    /// The back end failed.
    #[error("the storage did not delete the study: {0}")]
    Backend(#[source] BackendError),
}
