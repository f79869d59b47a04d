//! `tunesmith serve`: the storage over HTTP until somebody stops it. It refuses to be reached from other machines
//! without tokens.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::Context;
use tunesmith_core::{StudyConfig, Writer};
use tunesmith_runtime::clock::{Clock, SystemClock};
use tunesmith_runtime::identity::Identity;
use tunesmith_server::{Surroundings, Tokens};
use tunesmith_store::sqlite::Presence;

use super::studies;
use crate::cli::{CommandLine, ServeArguments};
use crate::exit::{Class, Classified, Failure};
use crate::interrupt;

/// Serves.
pub(crate) fn run(line: &CommandLine, arguments: &ServeArguments) -> Result<(), Failure> {
    serve(line, arguments, |address| {
        if !line.quiet {
            anstream::eprintln!(
                "serving {} and its dashboard on http://{address}; Ctrl-C ends it",
                studies::shown(&line.storage)
            );
        }
    })
}

/// Serves, and tells where once that is known.
pub(super) fn serve(
    line: &CommandLine,
    arguments: &ServeArguments,
    tell: impl FnOnce(SocketAddr),
) -> Result<(), Failure> {
    let tokens = match &arguments.tokens {
        Some(path) => Some(Arc::new(Tokens::load(path).class(Class::Usage)?)),
        None => None,
    };
    let storage = studies::storage(&line.storage, Presence::CreateIfMissing)?;
    let listener = TcpListener::bind(arguments.listen)
        .with_context(|| format!("cannot listen on {}", arguments.listen))
        .class(Class::Usage)?;
    let address = listener.local_addr().class(Class::Unexpected)?;
    let surroundings = Surroundings {
        storage: Arc::from(storage),
        policies: Arc::new(|config: &StudyConfig| {
            tunesmith_search::policy(config).map_err(Into::into)
        }),
        tokens,
        writer: Writer::new(&Identity::of_this_process().to_string()),
        now: || SystemClock.now(),
    };
    let stop = interrupt::listen(true)?;
    tell(address);
    tunesmith_server::serve(listener, surroundings, &stop).class(Class::Usage)
}
