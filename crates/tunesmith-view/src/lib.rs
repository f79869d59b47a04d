//! What a study looks like: the sentences, numbers and columns that the command line, the dashboard and the report show,
//! worked out in one place so that they cannot differ.
//!
//! Everything is a function of a [`Study`](tunesmith_core::Study) and, for what only the log tells (who worked when), of
//! an [`Album`] that is folded from the same events. Refuses to draw, and to decide anything.

mod album;
mod curves;
pub mod figures;
pub mod importance;
mod page;
mod picture;
mod report;
mod standing;
mod values;
mod verdict;

pub use album::Album;
pub use curves::curves;
pub use page::page;
pub use picture::picture;
pub use report::report;
pub use standing::{overrun, standing};
pub use values::{json, json_params};
pub use verdict::{is_several, metric, standard_error, verdict};
