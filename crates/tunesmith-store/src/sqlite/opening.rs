//! Opening a SQLite file: making sure that it is ours and of a version we know, and making its tables.
//!
//! It changes nothing in a file that is not ours, and nothing in one from a newer version.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::{BUSY_LIMIT_MS, Durability, Presence};

/// Version of the tables that this build reads and writes, kept in SQLite's `user_version`.
pub const SCHEMA_VERSION: i32 = 1;

/// "tune" in ASCII: SQLite keeps it in the file's header, and `file` shows it.
const APPLICATION_ID: i32 = 0x7475_6e65;

/// Statements that read on from one page of a log to the next stay prepared.
const STATEMENT_CACHE: usize = 32;

/// The pause before the write-ahead log is tried again.
const SWITCH_PAUSE: Duration = Duration::from_millis(5);

const TABLES: &str = "
CREATE TABLE studies (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT NOT NULL UNIQUE,
    created_at_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE events (
    study    INTEGER NOT NULL REFERENCES studies (id) ON DELETE CASCADE,
    revision INTEGER NOT NULL,
    stream   INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    event    TEXT NOT NULL,
    PRIMARY KEY (study, revision)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX events_by_stream ON events (study, stream, seq);
";

/// Why a database is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is none, and none was to be made.
    #[error("there is no database at {}: run a study first, or say where the log is with --storage", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The tables are of a version that came after this build.
    #[error(
        "{} was written by a newer tunesmith (tables of version {found}, and this one knows up to {known}): \
         update tunesmith, or name another file with --storage", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i32,
        /// The newest version that this build knows.
        known: i32,
    },
    /// A file that is not SQLite's.
    #[error("{} is not a SQLite database: name another file with --storage", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// A SQLite database of another program.
    #[error("{} is a database of another program: name another file with --storage", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The disk has no room for it.
    #[error("the disk that holds {} is full: free some space and run the same command again", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Another process holds the file for longer than a call waits.
    #[error("another process has had {} locked for {} s: end it, or wait and try again", path.display(), BUSY_LIMIT_MS / 1000)]
    Busy {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file or its directory cannot be reached, read or written.
    #[error("cannot open the database {}: check that its directory is there and may be written to", path.display())]
    Unreachable {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// SQLite finds the file damaged.
    #[error("{} is damaged: restore it from a copy, or recover it with `sqlite3 FILE .recover`", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

pub(super) fn open(
    path: &Path,
    presence: Presence,
    durability: Durability,
) -> Result<Connection, OpenError> {
    if presence == Presence::Existing && !path.exists() {
        return Err(OpenError::Missing { path: path.to_path_buf() });
    }
    let mut connection = connect(path, presence).map_err(|error| explain(path, error))?;
    let version = identify(path, &connection)?;
    configure(&connection, durability).map_err(|error| explain(path, error))?;
    if version < SCHEMA_VERSION {
        create_tables(&mut connection).map_err(|error| explain(path, error))?;
    }
    Ok(connection)
}

fn connect(path: &Path, presence: Presence) -> rusqlite::Result<Connection> {
    let create = match presence {
        Presence::CreateIfMissing => OpenFlags::SQLITE_OPEN_CREATE,
        Presence::Existing => OpenFlags::empty(),
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | create;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_millis(BUSY_LIMIT_MS))?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    Ok(connection)
}

/// The version of the tables; 0 in a database without any. One statement, hence one moment: another process
/// may be creating the tables.
fn identify(path: &Path, connection: &Connection) -> Result<i32, OpenError> {
    let query = "SELECT application_id, user_version, (SELECT COUNT(*) FROM sqlite_schema)
        FROM pragma_application_id, pragma_user_version";
    let row = connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let (application, found, tables): (i32, i32, i64) =
        row.map_err(|error| explain(path, error))?;
    match (application, found) {
        (APPLICATION_ID, ..=SCHEMA_VERSION) => Ok(found),
        (APPLICATION_ID, _) => {
            Err(OpenError::Newer { path: path.to_path_buf(), found, known: SCHEMA_VERSION })
        }
        (0, 0) if tables == 0 => Ok(0),
        _ => Err(OpenError::Foreign { path: path.to_path_buf() }),
    }
}

fn configure(connection: &Connection, durability: Durability) -> rusqlite::Result<()> {
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    log_ahead(connection)?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", true)
}

/// Switches to the write-ahead log. Where several switch at once SQLite refuses at once instead of waiting: a wait
/// might be for one another.
fn log_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let deadline = Instant::now() + Duration::from_millis(BUSY_LIMIT_MS);
    loop {
        match connection.pragma_update(None, "journal_mode", "WAL") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && Instant::now() < deadline =>
            {
                std::thread::park_timeout(SWITCH_PAUSE);
            }
            done => return done,
        }
    }
}

/// Two processes may come here at once: the second finds the version set.
fn create_tables(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == 0 {
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    transaction.commit()
}

fn explain(path: &Path, source: rusqlite::Error) -> OpenError {
    let path = path.to_path_buf();
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotADatabase { path },
        Some(ErrorCode::DiskFull) => OpenError::Full { path, source },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            OpenError::Busy { path, source }
        }
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path, source },
        _ => OpenError::Unreachable { path, source },
    }
}
