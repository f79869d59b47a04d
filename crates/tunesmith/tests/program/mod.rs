//! The program as a test starts it: in a folder of its own, whatever the surroundings say.

use std::path::Path;
use std::process::Command;

/// A command of the program.
pub(crate) fn tunesmith(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tunesmith"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("TUNESMITH_STORAGE")
        .env_remove("TUNESMITH_RUNS")
        .env("NO_COLOR", "1");
    command
}
