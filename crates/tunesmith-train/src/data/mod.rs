//! Labelled text, from files or the hub, as token rows ready for training.
//!
//! The way through: [`Task`] (what the study file says) → [`Corpus::read`] (texts and labels, split)
//! → [`Tokenizer::encode`](crate::tokenizer::Tokenizer::encode) (token rows: [`Dataset`]) → [`Order`] (who comes when).
//! It refuses to guess: a missing column, an unknown label or a ragged row is an error that names
//! file and line, never a skipped row.

#[cfg(feature = "engine")]
mod corpus;
#[cfg(feature = "engine")]
mod dataset;
#[cfg(feature = "engine")]
mod error;
#[cfg(feature = "engine")]
mod glue;
#[cfg(feature = "engine")]
mod labels;
#[cfg(feature = "engine")]
mod nearest;
#[cfg(feature = "engine")]
mod order;
#[cfg(feature = "engine")]
mod plan;
#[cfg(feature = "engine")]
mod read;
#[cfg(feature = "engine")]
mod split;
mod task;

#[cfg(feature = "engine")]
pub use corpus::{Corpus, Texts};
#[cfg(feature = "engine")]
pub use dataset::{Dataset, Labels, Row, Split, Target};
#[cfg(feature = "engine")]
pub use error::{DataError, Found, Setting};
#[cfg(feature = "engine")]
pub use order::Order;
pub use task::{FileTask, Files, Format, Kind, Limit, Task, TextColumns, TextColumnsError};
