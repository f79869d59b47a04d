//! Connecting to a PostgreSQL server and making its tables, in a schema of our own. It changes nothing
//! where a newer version was.

use std::time::Duration;

use postgres::{Client, Config, NoTls};

use crate::sqlite::Presence;

/// Version of the tables that this build reads and writes: how many of the steps in `MIGRATIONS` there were.
pub const SCHEMA_VERSION: i32 = MIGRATIONS.len() as i32;

/// The tables, one change after another.
const MIGRATIONS: [&str; 1] = [include_str!("0001_tables.sql")];

/// "tune" in ASCII: who makes tables holds this lock.
const LOCK: i64 = 0x7475_6e65;

/// How long a server may take to answer a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Why a database is not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address cannot be read.
    #[error(
        "`{address}` is no address of a PostgreSQL database: write postgres://user@host/database"
    )]
    Address {
        /// The address, its password left out.
        address: String,
        /// What is wrong.
        source: postgres::Error,
    },
    /// The address asks for TLS.
    #[error(
        "this build speaks to PostgreSQL without TLS, and the address asks for it: use a tunnel or a \
         socket, and sslmode=disable"
    )]
    Tls,
    /// No connection.
    #[error("cannot connect to PostgreSQL at {host}: {source}")]
    Connect {
        /// Where.
        host: String,
        /// Why not.
        source: postgres::Error,
    },
    /// There are no tables, and none were to be made.
    #[error("there are no studies in the database at {host}: run a study there first")]
    Missing {
        /// Where.
        host: String,
    },
    /// The tables are of a version that came after this build.
    #[error(
        "the database at {host} was written by a newer tunesmith (tables of version {found}, and this one \
         knows up to {known}): update tunesmith, or name another database"
    )]
    Newer {
        /// Where.
        host: String,
        /// Its version.
        found: i32,
        /// The newest that this build knows.
        known: i32,
    },
    /// Tables could not be looked at or made.
    #[error("cannot prepare the database at {host}: {source}")]
    Prepare {
        /// Where.
        host: String,
        /// Why not.
        source: postgres::Error,
    },
}

/// Reads an address.
pub(super) fn config(address: &str) -> Result<Config, OpenError> {
    let mut config: Config = address
        .parse()
        .map_err(|source| OpenError::Address { address: without_password(address), source })?;
    if config.get_ssl_mode() == postgres::config::SslMode::Require {
        return Err(OpenError::Tls);
    }
    config.connect_timeout(CONNECT_LIMIT).application_name("tunesmith");
    Ok(config)
}

/// Connects.
pub(super) fn connect(config: &Config) -> Result<Client, OpenError> {
    config.connect(NoTls).map_err(|source| OpenError::Connect { host: host(config), source })
}

/// Makes sure that the tables are there and of this version.
pub(super) fn prepare(
    client: &mut Client,
    config: &Config,
    presence: Presence,
) -> Result<(), OpenError> {
    let failed = |source| OpenError::Prepare { host: host(config), source };
    let found = version(client).map_err(failed)?;
    match found {
        None if presence == Presence::Existing => Err(OpenError::Missing { host: host(config) }),
        Some(found) if found > SCHEMA_VERSION => {
            Err(OpenError::Newer { host: host(config), found, known: SCHEMA_VERSION })
        }
        Some(SCHEMA_VERSION) => Ok(()),
        _ => migrate(client).map_err(failed),
    }
}

fn version(client: &mut Client) -> Result<Option<i32>, postgres::Error> {
    let there = client.query_one("SELECT to_regclass('tunesmith.version') IS NOT NULL", &[])?;
    if !there.get::<_, bool>(0) {
        return Ok(None);
    }
    let row = client.query_opt("SELECT version FROM tunesmith.version", &[])?;
    Ok(row.map(|row| row.get(0)))
}

/// Makes what changes are missing; of several at once one does it and the others find it done.
fn migrate(client: &mut Client) -> Result<(), postgres::Error> {
    let mut transaction = client.transaction()?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK])?;
    transaction.batch_execute(
        "CREATE SCHEMA IF NOT EXISTS tunesmith; \
         CREATE TABLE IF NOT EXISTS tunesmith.version (version INTEGER NOT NULL)",
    )?;
    let row = transaction.query_opt("SELECT version FROM tunesmith.version", &[])?;
    let done: i32 = row.map_or(0, |row| row.get(0));
    for change in MIGRATIONS.iter().skip(usize::try_from(done).unwrap_or(0)) {
        transaction.batch_execute(change)?;
    }
    transaction.execute("DELETE FROM tunesmith.version", &[])?;
    transaction
        .execute("INSERT INTO tunesmith.version VALUES ($1)", &[&SCHEMA_VERSION.max(done)])?;
    transaction.commit()
}

/// Where a configuration leads, for messages.
pub(super) fn host(config: &Config) -> String {
    use postgres::config::Host;
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "localhost".to_owned(),
    };
    match config.get_dbname() {
        Some(name) => format!("{host}, database {name}"),
        None => host,
    }
}

/// An address as it may be shown.
pub(crate) fn without_password(address: &str) -> String {
    match (address.find("://"), address.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at => {
            let user = address[scheme + 3..at].split(':').next().unwrap_or_default();
            format!("{}{user}{}", &address[..scheme + 3], &address[at..])
        }
        _ => address.to_owned(),
    }
}
