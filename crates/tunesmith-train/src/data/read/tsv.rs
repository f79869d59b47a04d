//! Tab-separated text as GLUE writes it: a header, no quoting, no escapes.

use std::path::Path;

use super::lines::Lines;
use super::{Table, positions};
use crate::data::error::DataError;

/// Reads `columns` of a file.
pub(super) fn read(path: &Path, columns: &[&str]) -> Result<Table, DataError> {
    let mut lines = Lines::open(path)?;
    let mut table = Table::new(path, columns.len());
    let Some((_, header)) = lines.next()? else {
        return Ok(table);
    };
    let header: Vec<String> = header.split('\t').map(str::to_owned).collect();
    let places = positions(path, &header, columns)?;
    while let Some((number, line)) = lines.next()? {
        if line.is_empty() {
            continue;
        }
        let (found, expected) = (line.split('\t').count(), header.len());
        if found != expected {
            let path = path.to_owned();
            return Err(DataError::Ragged { path, line: number, found, expected, quoted: false });
        }
        take(line, &places, &mut table);
        table.lines.push(number as u32);
    }
    Ok(table)
}

/// Copies the wanted fields of a line that has them all.
fn take(line: &str, places: &[usize], table: &mut Table) {
    for (index, field) in line.split('\t').enumerate() {
        for (column, place) in table.columns.iter_mut().zip(places) {
            if *place == index {
                column.push(field.to_owned());
            }
        }
    }
}
