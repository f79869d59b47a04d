//! The commands, one file each, and what they share. It refuses logic that is not about a command
//! line: that lives in the libraries.

pub(crate) mod agent;
pub(crate) mod bench;
pub(crate) mod best;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod enqueue;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod importance;
pub(crate) mod init;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod rerun;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod show;
mod studies;
pub(crate) mod sweep;
pub(crate) mod token;
pub(crate) mod trainer;
pub(crate) mod trials;
pub(crate) mod ui;

use std::io::{ErrorKind, Write};

use crate::exit::{Class, Failure};

/// Prints a result. A reader that has seen enough is no error.
fn print(text: &str) -> Result<(), Failure> {
    let mut output = anstream::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(Class::Unexpected, error))
        }
        _ => Ok(()),
    }
}
