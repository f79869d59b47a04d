//! The log in a SQLite file: write-ahead log, one transaction an append, one writer at a time across
//! processes. It keeps each event as the one line of JSON that the core writes, beside its key, and never
//! looks into it.

mod opening;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{
    Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params,
};
use tunesmith_core::{
    AppendError, BackendError, CreateError, DeleteError, Event, ReadError, Revision, Storage,
    Stream, Study, StudyConfig, StudyHeader, StudyId, Timestamp, Writer, wire,
};

pub use opening::{OpenError, SCHEMA_VERSION};

/// How long a call waits for another process's transaction, in milliseconds.
pub const BUSY_LIMIT_MS: u64 = 30_000;

/// What an append waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// The disk has it: it survives a power cut. SQLite's `synchronous=FULL`.
    #[default]
    Full,
    /// The system has it: it survives `kill -9`, and a power cut may undo the latest appends, never tear
    /// one. SQLite's `synchronous=NORMAL`.
    Normal,
}

/// Whether a database may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Make it where there is none.
    CreateIfMissing,
    /// It must be there.
    Existing,
}

/// Studies in a SQLite file. Threads of this process share one connection; processes share the file.
#[derive(Debug)]
pub struct Sqlite {
    connection: Mutex<Connection>,
}

impl Sqlite {
    /// Opens the database at `path`.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(
        path: &Path,
        presence: Presence,
        durability: Durability,
    ) -> Result<Self, OpenError> {
        let connection = opening::open(path, presence, durability)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// A thread that panicked while it held the lock dropped its transaction, which rolled it back.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for Sqlite {
    fn create(
        &self,
        config: &StudyConfig,
        by: &Writer,
        at: Timestamp,
    ) -> Result<StudyId, CreateError> {
        let created = Study::created(config, by, at);
        let mut connection = self.lock();
        insert_study(&mut connection, &config.name, &created).map_err(|error| match code(&error) {
            Some(ErrorCode::ConstraintViolation) => {
                CreateError::NameTaken { name: config.name.clone() }
            }
            Some(ErrorCode::DiskFull) => CreateError::Full(error.into()),
            _ => CreateError::Backend(error.into()),
        })
    }

    fn studies(&self) -> Result<Vec<StudyHeader>, ReadError> {
        list(&self.lock()).map_err(|error| ReadError::Backend(error.into()))
    }

    fn append(&self, study: StudyId, events: &[Event]) -> Result<Revision, AppendError> {
        let mut connection = self.lock();
        append(&mut connection, study, events).map_err(|refusal| match refusal {
            Refusal::Conflict { stream, seq } => AppendError::Conflict { stream, seq },
            Refusal::NoSuchStudy => AppendError::NoSuchStudy { study },
            Refusal::Database(error) if code(&error) == Some(ErrorCode::DiskFull) => {
                AppendError::Full(error.into())
            }
            Refusal::Database(error) => AppendError::Backend(error.into()),
        })
    }

    fn read(&self, study: StudyId, after: Revision, limit: u32) -> Result<Vec<Event>, ReadError> {
        let lines = lines(&self.lock(), study, after, limit)
            .map_err(|error| ReadError::Backend(error.into()))?;
        let lines = lines.ok_or(ReadError::NoSuchStudy { study })?;
        let decode = |(number, line): &(i64, String)| {
            let unreadable =
                |source| ReadError::Unreadable { study, revision: revision(*number), source };
            wire::event_from_json(line).map_err(unreadable)
        };
        lines.iter().map(decode).collect()
    }

    fn delete(&self, study: StudyId) -> Result<(), DeleteError> {
        let backend = |error: rusqlite::Error| DeleteError::Backend(BackendError::from(error));
        match self
            .lock()
            .execute("DELETE FROM studies WHERE id = ?1", [study.0])
            .map_err(backend)?
        {
            0 => Err(DeleteError::NoSuchStudy { study }),
            _ => Ok(()),
        }
    }
}

/// Why a transaction was rolled back.
enum Refusal {
    Conflict { stream: Stream, seq: u32 },
    NoSuchStudy,
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

fn code(error: &rusqlite::Error) -> Option<ErrorCode> {
    error.sqlite_error_code()
}

fn insert_study(
    connection: &mut Connection,
    name: &str,
    created: &Event,
) -> rusqlite::Result<StudyId> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let statement = "INSERT INTO studies (name, created_at_ms) VALUES (?1, ?2)";
    transaction.execute(statement, params![name, created.at.0])?;
    let study = StudyId(transaction.last_insert_rowid());
    insert(&transaction, study, 1, created)?;
    transaction.commit()?;
    Ok(study)
}

fn list(connection: &Connection) -> rusqlite::Result<Vec<StudyHeader>> {
    let query = "SELECT id, name, created_at_ms, (SELECT MAX(revision) FROM events WHERE study = id) FROM studies ORDER BY id";
    let mut statement = connection.prepare_cached(query)?;
    let headers = statement.query_map([], |row| {
        Ok(StudyHeader {
            id: StudyId(row.get(0)?),
            name: row.get(1)?,
            created_at: Timestamp(row.get(2)?),
            revision: revision(row.get(3)?),
        })
    })?;
    headers.collect()
}

/// All of `events` or none: a refusal drops the transaction, which rolls it back.
fn append(
    connection: &mut Connection,
    study: StudyId,
    events: &[Event],
) -> Result<Revision, Refusal> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut head = head(&transaction, study)?.ok_or(Refusal::NoSuchStudy)?;
    if let Some(last) = already_there(&transaction, study, events)? {
        return Ok(revision(last));
    }
    for event in events {
        if event.seq != next_seq(&transaction, study, event.stream)? {
            return Err(Refusal::Conflict { stream: event.stream, seq: event.seq });
        }
        head += 1;
        insert(&transaction, study, head, event)?;
    }
    transaction.commit()?;
    Ok(revision(head))
}

fn insert(
    transaction: &Transaction<'_>,
    study: StudyId,
    revision: i64,
    event: &Event,
) -> rusqlite::Result<()> {
    let text =
        "INSERT INTO events (study, revision, stream, seq, event) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut statement = transaction.prepare_cached(text)?;
    let line = wire::event_to_json(event);
    statement.execute(params![study.0, revision, key(event.stream), event.seq, line])?;
    Ok(())
}

/// The revision of the last of `events` when this append was made before.
fn already_there(
    transaction: &Transaction<'_>,
    study: StudyId,
    events: &[Event],
) -> rusqlite::Result<Option<i64>> {
    let query = "SELECT revision, event FROM events WHERE study = ?1 AND stream = ?2 AND seq = ?3";
    let mut statement = transaction.prepare_cached(query)?;
    let mut last = None;
    for event in events {
        let row = statement.query_row(params![study.0, key(event.stream), event.seq], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        });
        match row.optional()? {
            Some((revision, line)) if line == wire::event_to_json(event) => {
                last = last.max(Some(revision));
            }
            _ => return Ok(None),
        }
    }
    Ok(last)
}

fn head(connection: &Connection, study: StudyId) -> rusqlite::Result<Option<i64>> {
    let mut statement =
        connection.prepare_cached("SELECT MAX(revision) FROM events WHERE study = ?1")?;
    statement.query_row([study.0], |row| row.get(0))
}

fn next_seq(
    transaction: &Transaction<'_>,
    study: StudyId,
    stream: Stream,
) -> rusqlite::Result<u32> {
    let query = "SELECT COALESCE(MAX(seq) + 1, 0) FROM events WHERE study = ?1 AND stream = ?2";
    let mut statement = transaction.prepare_cached(query)?;
    statement.query_row(params![study.0, key(stream)], |row| row.get(0))
}

/// Revisions and lines; nothing when there is no such study.
fn lines(
    connection: &Connection,
    study: StudyId,
    after: Revision,
    limit: u32,
) -> rusqlite::Result<Option<Vec<(i64, String)>>> {
    let query = "SELECT revision, event FROM events WHERE study = ?1 AND revision > ?2 ORDER BY revision LIMIT ?3";
    let mut statement = connection.prepare_cached(query)?;
    let after = i64::try_from(after.0).unwrap_or(i64::MAX);
    let rows = statement
        .query_map(params![study.0, after, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let lines: Vec<(i64, String)> = rows.collect::<Result<_, _>>()?;
    if lines.is_empty() && head(connection, study)?.is_none() {
        return Ok(None);
    }
    Ok(Some(lines))
}

/// SQLite's integers are signed; a revision is positive and far below their limit.
fn revision(number: i64) -> Revision {
    Revision(number.cast_unsigned())
}

/// The study's own stream comes before those of its trials.
fn key(stream: Stream) -> i64 {
    match stream {
        Stream::Study => -1,
        Stream::Trial(number) => i64::from(number),
    }
}
