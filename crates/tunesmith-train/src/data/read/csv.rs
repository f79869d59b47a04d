//! Comma-separated text with a header, quoted as RFC 4180 says.
//!
//! A parser of our own because a quote that never closes must be an error at the line where it
//! opens: most parsers swallow the rest of the file as one field.

use std::path::Path;

use super::lines::Lines;
use super::{Table, positions};
use crate::data::error::DataError;

/// Reads `columns` of a file.
pub(super) fn read(path: &Path, columns: &[&str]) -> Result<Table, DataError> {
    let mut records = Records { path, lines: Lines::open(path)?, fields: Vec::new() };
    let mut table = Table::new(path, columns.len());
    if records.next()?.is_none() {
        return Ok(table);
    }
    let header = std::mem::take(&mut records.fields);
    let places = positions(path, &header, columns)?;
    while let Some(line) = records.next()? {
        let (found, expected) = (records.fields.len(), header.len());
        if found != expected {
            let path = path.to_owned();
            return Err(DataError::Ragged { path, line, found, expected, quoted: true });
        }
        for (column, place) in table.columns.iter_mut().zip(&places) {
            column.push(records.fields[*place].clone());
        }
        table.lines.push(line as u32);
    }
    Ok(table)
}

/// Records, each of one line or, where a quoted field holds line ends, of several.
struct Records<'a> {
    path: &'a Path,
    lines: Lines,
    fields: Vec<String>,
}

/// Where in a field the parser stands.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Start,
    Bare,
    Quoted,
    Closed,
}

impl Records<'_> {
    /// Parses one record into `fields`; gives the line it starts on, or `None` at the end.
    fn next(&mut self) -> Result<Option<usize>, DataError> {
        self.fields.clear();
        let (mut first, mut opened) = (None, (0, 0));
        let (mut field, mut state) = (String::new(), State::Start);
        while let Some((number, line)) = self.lines.next()? {
            if first.is_none() && line.is_empty() {
                continue;
            }
            first.get_or_insert(number);
            for (place, letter) in line.char_indices() {
                state = match (state, letter) {
                    (State::Start, '"') => {
                        opened = (number, place + 1);
                        State::Quoted
                    }
                    (State::Quoted, '"') => State::Closed,
                    (State::Closed, '"') => {
                        field.push('"');
                        State::Quoted
                    }
                    (State::Start | State::Bare | State::Closed, ',') => {
                        self.fields.push(std::mem::take(&mut field));
                        State::Start
                    }
                    (State::Closed, _) => {
                        let (path, line, column) = (self.path.to_owned(), number, place + 1);
                        return Err(DataError::AfterQuote { path, line, column });
                    }
                    (State::Quoted, letter) => {
                        field.push(letter);
                        State::Quoted
                    }
                    (State::Start | State::Bare, letter) => {
                        field.push(letter);
                        State::Bare
                    }
                };
            }
            if state != State::Quoted {
                self.fields.push(field);
                return Ok(first);
            }
            field.push('\n');
        }
        if first.is_none() {
            return Ok(None);
        }
        let (line, column) = opened;
        Err(DataError::OpenQuote { path: self.path.to_owned(), line, column })
    }
}
