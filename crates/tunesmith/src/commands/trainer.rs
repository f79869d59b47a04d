//! `tunesmith trainer`, hidden: the process that trains for a worker. It refuses to be talked to by
//! anything but its worker.

use std::io::{BufReader, BufWriter, stdin, stdout};
use std::process::ExitCode;

use crate::exit::Class;

/// Serves a worker over standard input and output until that closes. A worker that is gone is told
/// nothing any more.
pub(crate) fn run() -> ExitCode {
    let mut output = BufWriter::new(stdout());
    match tunesmith_train::service::serve(BufReader::new(stdin()), &mut output) {
        Ok(()) => Class::Success.into(),
        Err(_) => Class::Trainer.into(),
    }
}
