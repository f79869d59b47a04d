//! `tunesmith ui`: the dashboard in a browser, from this binary and no network, until somebody stops it. It refuses to
//! start a browser that nobody asked for.

use super::serve;
use crate::cli::{CommandLine, UiArguments};
use crate::exit::Failure;

/// Serves the dashboard and says where.
pub(crate) fn run(line: &CommandLine, arguments: &UiArguments) -> Result<(), Failure> {
    serve::serve(line, &arguments.serve, |address| {
        let page = format!("http://{address}/");
        if !line.quiet {
            anstream::eprintln!("the dashboard is at {page}; Ctrl-C ends it");
        }
        if arguments.open
            && let Err(error) = open::that_detached(&page)
        {
            anstream::eprintln!("no browser could be started ({error}); open {page} in one");
        }
    })
}
