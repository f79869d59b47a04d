//! `tunesmith schema`: the JSON Schema of the study file, for editors. It checks no file.

use crate::exit::Failure;
use crate::study_file;

/// Prints the schema to standard output.
pub(crate) fn run() -> Result<(), Failure> {
    super::print(&format!("{:#}\n", study_file::schema()))
}
