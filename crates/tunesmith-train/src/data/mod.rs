//! Labelled text, from files or the hub, as token rows ready for training.
//!
//! The way through: [`Task`] (what the study file says) → [`Corpus::read`] (texts and labels, split)
//! → [`Tokenizer::encode`](crate::tokenizer::Tokenizer::encode) (token rows: [`Dataset`]) → [`Order`] (who comes when).
//! It refuses to guess: a missing column, an unknown label or a ragged row is an error that names
//! file and line, never a skipped row.

mod corpus;
mod dataset;
mod error;
mod glue;
mod labels;
mod nearest;
mod order;
mod plan;
mod read;
mod split;
mod task;

pub use corpus::{Corpus, Texts};
pub use dataset::{Dataset, Labels, Row, Split, Target};
pub use error::{DataError, Found, Setting};
pub use order::Order;
pub use task::{FileTask, Files, Format, Kind, Limit, Task, TextColumns, TextColumnsError};
