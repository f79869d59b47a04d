//! Files into columns of text, one reader a format.
//!
//! A reader takes the columns it is asked for and nothing else. It never skips a broken row, guesses
//! a separator or repairs an encoding; empty lines between rows are the one thing passed over.

mod csv;
mod json;
mod lines;
mod parquet;
#[cfg(test)]
mod tests;
mod tsv;

use std::path::{Path, PathBuf};

use super::error::DataError;
use super::task::Format;

/// Columns of one file, as text.
#[derive(Debug)]
pub(super) struct Table {
    /// The file.
    pub(super) path: PathBuf,
    /// The columns asked for, in that order; equally long.
    pub(super) columns: Vec<Vec<String>>,
    /// The line of each row (its number in a Parquet file), from 1.
    pub(super) lines: Vec<u32>,
    /// The names in the last column in the order that the file gives them (Hugging Face
    /// `ClassLabel`), where it does.
    pub(super) class_names: Option<Vec<String>>,
}

impl Table {
    fn new(path: &Path, columns: usize) -> Self {
        let columns = vec![Vec::new(); columns];
        Self { path: path.to_owned(), columns, lines: Vec::new(), class_names: None }
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.lines.len()
    }
}

/// Reads `columns` of a file; `format` overrides the extension.
pub(super) fn read(
    path: &Path,
    format: Option<Format>,
    columns: &[&str],
) -> Result<Table, DataError> {
    let table = match format.or_else(|| format_of(path)) {
        Some(Format::Tsv) => tsv::read(path, columns)?,
        Some(Format::Csv) => csv::read(path, columns)?,
        Some(Format::Jsonl) => json::read(path, columns)?,
        Some(Format::Parquet) => parquet::read(path, columns)?,
        None => {
            return Err(DataError::UnknownFormat { path: path.to_owned() });
        }
    };
    if table.rows() == 0 {
        return Err(DataError::Empty { path: path.to_owned() });
    }
    Ok(table)
}

/// What the extension says.
fn format_of(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "tsv" => Some(Format::Tsv),
        "csv" => Some(Format::Csv),
        "jsonl" | "ndjson" | "json" => Some(Format::Jsonl),
        "parquet" => Some(Format::Parquet),
        _ => None,
    }
}

/// Where each wanted column stands in a header.
fn positions(path: &Path, header: &[String], wanted: &[&str]) -> Result<Vec<usize>, DataError> {
    wanted.iter().map(|name| position(path, header, name)).collect()
}

fn position(path: &Path, header: &[String], wanted: &str) -> Result<usize, DataError> {
    let mut places = header.iter().enumerate().filter(|(_, name)| *name == wanted);
    let Some((place, _)) = places.next() else {
        return Err(DataError::MissingColumn {
            path: path.to_owned(),
            line: 1,
            column: wanted.to_owned(),
            columns: header.to_vec(),
        });
    };
    if places.next().is_some() {
        return Err(DataError::DuplicateColumn {
            path: path.to_owned(),
            column: wanted.to_owned(),
        });
    }
    Ok(place)
}
