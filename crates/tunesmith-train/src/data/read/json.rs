//! JSON lines: one object a line.
//!
//! Numbers and booleans become their text; null, lists and mappings in a wanted column are errors.

use std::path::Path;

use serde_json::{Map, Value};

use super::Table;
use super::lines::Lines;
use crate::data::error::{DataError, Found};

/// Reads `columns` of a file.
pub(super) fn read(path: &Path, columns: &[&str]) -> Result<Table, DataError> {
    let mut lines = Lines::open(path)?;
    let mut table = Table::new(path, columns.len());
    while let Some((number, line)) = lines.next()? {
        if line.is_empty() {
            continue;
        }
        let object: Map<String, Value> = serde_json::from_str(line).map_err(|source| {
            let (path, column) = (path.to_owned(), source.column());
            DataError::Json { path, line: number, column, source }
        })?;
        for (column, name) in table.columns.iter_mut().zip(columns) {
            column.push(text(path, number, &object, name)?);
        }
        table.lines.push(number as u32);
    }
    Ok(table)
}

fn text(
    path: &Path,
    line: usize,
    object: &Map<String, Value>,
    name: &str,
) -> Result<String, DataError> {
    let found = match object.get(name) {
        Some(Value::String(text)) => return Ok(text.clone()),
        Some(Value::Number(number)) => return Ok(number.to_string()),
        Some(Value::Bool(truth)) => return Ok(truth.to_string()),
        Some(Value::Null) => Found::Null,
        Some(Value::Array(_)) => Found::List,
        Some(Value::Object(_)) => Found::Mapping,
        None => {
            return Err(DataError::MissingColumn {
                path: path.to_owned(),
                line,
                column: name.to_owned(),
                columns: object.keys().cloned().collect(),
            });
        }
    };
    Err(DataError::NotText { path: path.to_owned(), line, column: name.to_owned(), found })
}
