//! `tunesmith completions`: what a shell needs to complete the command line. It installs nothing.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::CommandLine;

/// Prints the completions of `shell` to standard output.
pub(crate) fn run(shell: Shell) {
    clap_complete::generate(
        shell,
        &mut CommandLine::command(),
        "tunesmith",
        &mut std::io::stdout(),
    );
}
