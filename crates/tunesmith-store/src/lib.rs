//! Where a study's log is kept, in memory, in SQLite, in PostgreSQL or behind a server, and which of its checkpoint files may go.
//!
//! A storage keeps events whole, in order, and unique by key; what they mean is `tunesmith-core`'s to say.
//! [`open`](open::open) finds the back end by its address.

pub mod atomic;
pub mod checkpoints;
pub mod http;
mod memory;
pub mod open;
pub mod optuna;
mod patience;
pub mod postgres;
pub mod sqlite;

pub use http::Http;
pub use memory::Memory;
pub use open::{Location, OpenError, open};
pub use postgres::Postgres;
pub use sqlite::Sqlite;
