//! The log in a PostgreSQL database, for agents on many machines. Appends to one study are in a row: each
//! takes the study's lock first, in a function of ours that the server keeps. A connection that is lost is made again, for as long as
//! [`RECONNECT_LIMIT`]; whatever was under way is done again, which changes nothing where it was done. It
//! never looks into an event.

mod opening;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use postgres::error::SqlState;
use postgres::types::ToSql;
use postgres::{Client, Config, NoTls, Statement};
use tunesmith_core::{
    AppendError, BackendError, CreateError, DeleteError, Event, ReadError, Revision, Storage,
    Stream, Study, StudyConfig, StudyHeader, StudyId, Timestamp, Writer, wire,
};

pub(crate) use opening::without_password as shown;
pub use opening::{OpenError, SCHEMA_VERSION};

use crate::patience::Patience;
use crate::sqlite::Presence;

/// How long a database may be away before a call gives up.
pub const RECONNECT_LIMIT: Duration = Duration::from_mins(2);

/// Every statement of ours finds one row, or a range of revisions, by a key: to plan it anew for each call takes
/// longer than to run it.
const PLANS: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off";

/// Studies in a PostgreSQL database. Threads of this process share one connection.
#[derive(Debug)]
pub struct Postgres {
    config: Config,
    client: Mutex<Option<Connected>>,
}

/// A connection, and what the server has read of our statements there.
struct Connected {
    client: Client,
    append: Statement,
    read: Statement,
}

impl Connected {
    fn new(mut client: Client) -> Result<Self, postgres::Error> {
        client.batch_execute(PLANS)?;
        let append = client.prepare("SELECT head, lost FROM tunesmith.append($1, $2, $3, $4)")?;
        let read = client.prepare(
            "SELECT revision, event FROM tunesmith.events WHERE study = $1 AND revision > $2 \
             ORDER BY revision LIMIT $3",
        )?;
        Ok(Self { client, append, read })
    }
}

impl std::fmt::Debug for Connected {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Connected")
    }
}

impl Postgres {
    /// Opens the database at an address such as `postgres://user@host/database`.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(address: &str, presence: Presence) -> Result<Self, OpenError> {
        let config = opening::config(address)?;
        let mut client = opening::connect(&config)?;
        opening::prepare(&mut client, &config, presence)?;
        let connected = Connected::new(client)
            .map_err(|source| OpenError::Prepare { host: opening::host(&config), source })?;
        Ok(Self { config, client: Mutex::new(Some(connected)) })
    }

    /// Does a piece of work on the connection, again on another one where it breaks. `true` where it may have been
    /// done before.
    fn with<R, E: From<postgres::Error> + Lost>(
        &self,
        mut work: impl FnMut(&mut Connected, bool) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut held = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let mut patience = Patience::new(RECONNECT_LIMIT);
        let mut again = false;
        loop {
            let connected = match held.as_mut() {
                Some(connected) if !connected.client.is_closed() => connected,
                _ => match self.connect() {
                    Ok(connected) => held.insert(connected),
                    Err(error) if patience.is_over() => return Err(error.into()),
                    Err(_) => {
                        patience.wait(patience.pause());
                        continue;
                    }
                },
            };
            match work(connected, again) {
                Err(error) if error.is_lost() && !patience.is_over() => {
                    again = true;
                    *held = None;
                }
                result => return result,
            }
        }
    }

    fn connect(&self) -> Result<Connected, postgres::Error> {
        Connected::new(self.config.connect(NoTls)?)
    }
}

/// Whether a failure is the connection's and not the statement's.
trait Lost {
    fn is_lost(&self) -> bool;
}

impl Lost for postgres::Error {
    fn is_lost(&self) -> bool {
        match self.code() {
            Some(code) => [
                &SqlState::ADMIN_SHUTDOWN,
                &SqlState::CRASH_SHUTDOWN,
                &SqlState::CANNOT_CONNECT_NOW,
                &SqlState::CONNECTION_FAILURE,
                &SqlState::CONNECTION_EXCEPTION,
            ]
            .contains(&code),
            // Without a word of the server it is the wire.
            None => true,
        }
    }
}

/// Why a transaction was rolled back.
enum Refusal {
    Conflict { stream: Stream, seq: u32 },
    NoSuchStudy,
    Database(postgres::Error),
}

impl From<postgres::Error> for Refusal {
    fn from(error: postgres::Error) -> Self {
        Self::Database(error)
    }
}

impl Lost for Refusal {
    fn is_lost(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_lost())
    }
}

impl Storage for Postgres {
    fn create(
        &self,
        config: &StudyConfig,
        by: &Writer,
        at: Timestamp,
    ) -> Result<StudyId, CreateError> {
        let created = Study::created(config, by, at);
        let line = wire::event_to_json(&created);
        let made = self.with(|connected, again| {
            let client = &mut connected.client;
            if again && let Some(study) = made_before(client, &config.name, &line)? {
                return Ok(study);
            }
            insert_study(client, &config.name, created.at, &line)
        });
        made.map_err(|error: postgres::Error| match error.code() {
            Some(code) if *code == SqlState::UNIQUE_VIOLATION => {
                CreateError::NameTaken { name: config.name.clone() }
            }
            Some(code) if *code == SqlState::DISK_FULL => CreateError::Full(error.into()),
            _ => CreateError::Backend(error.into()),
        })
    }

    fn studies(&self) -> Result<Vec<StudyHeader>, ReadError> {
        self.with(|connected, _| list(&mut connected.client))
            .map_err(|error| ReadError::Backend(error.into()))
    }

    fn append(&self, study: StudyId, events: &[Event]) -> Result<Revision, AppendError> {
        self.with(|connected, _| append(connected, study, events)).map_err(
            |refusal| match refusal {
                Refusal::Conflict { stream, seq } => AppendError::Conflict { stream, seq },
                Refusal::NoSuchStudy => AppendError::NoSuchStudy { study },
                Refusal::Database(error) if error.code() == Some(&SqlState::DISK_FULL) => {
                    AppendError::Full(error.into())
                }
                Refusal::Database(error) => AppendError::Backend(error.into()),
            },
        )
    }

    fn read(&self, study: StudyId, after: Revision, limit: u32) -> Result<Vec<Event>, ReadError> {
        let lines = self
            .with(|connected, _| lines(connected, study, after, limit))
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
        let backend = |error: postgres::Error| DeleteError::Backend(BackendError::from(error));
        let statement = "SELECT tunesmith.delete_study($1)";
        let deleted = self.with(|connected, again| {
            let row = connected.client.query_one(statement, &[&study.0])?;
            Ok::<_, postgres::Error>(row.get::<_, bool>(0) || again)
        });
        if deleted.map_err(backend)? { Ok(()) } else { Err(DeleteError::NoSuchStudy { study }) }
    }
}

fn insert_study(
    client: &mut Client,
    name: &str,
    at: Timestamp,
    line: &str,
) -> Result<StudyId, postgres::Error> {
    let mut transaction = client.transaction()?;
    let statement =
        "INSERT INTO tunesmith.studies (name, created_at_ms) VALUES ($1, $2) RETURNING id";
    let study: i64 = transaction.query_one(statement, &[&name, &at.0])?.get(0);
    let statement = "INSERT INTO tunesmith.events (study, revision, stream, seq, event) VALUES ($1, 1, -1, 0, $2)";
    transaction.execute(statement, &[&study, &line])?;
    transaction.commit()?;
    Ok(StudyId(study))
}

/// The study that an attempt made whose answer was lost.
fn made_before(
    client: &mut Client,
    name: &str,
    line: &str,
) -> Result<Option<StudyId>, postgres::Error> {
    let query = "SELECT id FROM tunesmith.studies JOIN tunesmith.events ON study = id AND events.revision = 1 WHERE name = $1 AND event = $2";
    Ok(client.query_opt(query, &[&name, &line])?.map(|row| StudyId(row.get(0))))
}

fn list(client: &mut Client) -> Result<Vec<StudyHeader>, postgres::Error> {
    let query = "SELECT id, name, created_at_ms, (SELECT MAX(revision) FROM tunesmith.events WHERE study = id) FROM tunesmith.studies ORDER BY id";
    let header = |row: &postgres::Row| StudyHeader {
        id: StudyId(row.get(0)),
        name: row.get(1),
        created_at: Timestamp(row.get(2)),
        revision: revision(row.get(3)),
    };
    Ok(client.query(query, &[])?.iter().map(header).collect())
}

/// All of `events` or none, in one call of the server's function, which takes the study's lock for as long as it needs.
fn append(
    connected: &mut Connected,
    study: StudyId,
    events: &[Event],
) -> Result<Revision, Refusal> {
    let streams: Vec<i64> = events.iter().map(|event| key(event.stream)).collect();
    let seqs: Vec<i64> = events.iter().map(|event| i64::from(event.seq)).collect();
    let lines: Vec<String> = events.iter().map(wire::event_to_json).collect();
    let parameters: [&(dyn ToSql + Sync); 4] = [&study.0, &streams, &seqs, &lines];
    let row = connected.client.query_opt(&connected.append, &parameters)?;
    let row = row.ok_or(Refusal::NoSuchStudy)?;
    let lost: i64 = row.get(1);
    let loser = usize::try_from(lost).ok().and_then(|lost| events.get(lost.checked_sub(1)?));
    match loser {
        Some(event) => Err(Refusal::Conflict { stream: event.stream, seq: event.seq }),
        None => Ok(revision(row.get(0))),
    }
}

/// Revisions and lines; nothing when there is no such study.
fn lines(
    connected: &mut Connected,
    study: StudyId,
    after: Revision,
    limit: u32,
) -> Result<Option<Vec<(i64, String)>>, postgres::Error> {
    let client = &mut connected.client;
    let after = i64::try_from(after.0).unwrap_or(i64::MAX);
    let rows = client.query(&connected.read, &[&study.0, &after, &i64::from(limit)])?;
    let there = "SELECT 1 FROM tunesmith.studies WHERE id = $1";
    if rows.is_empty() && client.query_opt(there, &[&study.0])?.is_none() {
        return Ok(None);
    }
    Ok(Some(rows.iter().map(|row| (row.get(0), row.get(1))).collect()))
}

/// PostgreSQL's integers are signed; a revision is positive and far below their limit.
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
