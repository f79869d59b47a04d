//! `tunesmith schema`: the JSON Schema of the study file, for editors. It checks no file.

use crate::exit::Failure;

/// Prints the schema to standard output.
pub(crate) fn run() -> Result<(), Failure> {
    super::print(&format!("{:#}\n", tunesmith_file::schema()))
}
