//! Parquet files as the Hugging Face hub keeps them: flat columns, plain, snappy, gzip or zstd.
//!
//! Reads only the columns asked for. The names of integer labels come from the `huggingface` entry
//! of the file's metadata, where `datasets` writes them.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::Type;
use serde::Deserialize;

use super::{Table, positions};
use crate::data::error::{DataError, Found};

/// Reads `columns` of a file.
pub(super) fn read(path: &Path, columns: &[&str]) -> Result<Table, DataError> {
    let file =
        File::open(path).map_err(|source| DataError::Read { path: path.to_owned(), source })?;
    let broken = |source: ParquetError| DataError::Parquet { path: path.to_owned(), source };
    let reader = SerializedFileReader::new(file).map_err(broken)?;
    let metadata = reader.metadata().file_metadata();
    let schema = metadata.schema();
    let header: Vec<String> =
        schema.get_fields().iter().map(|field| field.name().to_owned()).collect();
    let places = positions(path, &header, columns)?;
    let projection = project(schema, &places).map_err(broken)?;
    let mut table = Table::new(path, columns.len());
    for (row, record) in reader.get_row_iter(Some(projection)).map_err(broken)?.enumerate() {
        let record = record.map_err(broken)?;
        for (name, field) in record.get_column_iter() {
            let text = text(field).map_err(|found| DataError::NotText {
                path: path.to_owned(),
                line: row + 1,
                column: name.clone(),
                found,
            })?;
            for (column, wanted) in table.columns.iter_mut().zip(columns) {
                if wanted == name {
                    column.push(text.clone());
                }
            }
        }
        table.lines.push(row as u32 + 1);
    }
    let entries = metadata.key_value_metadata();
    let entry = entries.and_then(|all| all.iter().find(|entry| entry.key == "huggingface"));
    let label = columns.last();
    table.class_names = label.and_then(|label| class_names(entry?.value.as_deref()?, label));
    name_labels(&mut table);
    Ok(table)
}

/// Puts the class names where the file has their numbers; other numbers stay, to be refused later.
fn name_labels(table: &mut Table) {
    let (Some(names), Some(labels)) = (&table.class_names, table.columns.last_mut()) else {
        return;
    };
    for label in labels {
        if let Some(name) = label.parse::<usize>().ok().and_then(|number| names.get(number)) {
            label.clone_from(name);
        }
    }
}

/// The schema with the wanted columns only, in file order.
fn project(schema: &Type, places: &[usize]) -> Result<Type, ParquetError> {
    let fields = schema.get_fields().iter().enumerate();
    let kept = fields.filter(|(place, _)| places.contains(place));
    let kept = kept.map(|(_, field)| Arc::clone(field)).collect();
    Type::group_type_builder(schema.name()).with_fields(kept).build()
}

fn text(field: &Field) -> Result<String, Found> {
    match field {
        Field::Str(text) => Ok(text.clone()),
        Field::Bool(value) => Ok(value.to_string()),
        Field::Byte(value) => Ok(value.to_string()),
        Field::Short(value) => Ok(value.to_string()),
        Field::Int(value) => Ok(value.to_string()),
        Field::Long(value) => Ok(value.to_string()),
        Field::UByte(value) => Ok(value.to_string()),
        Field::UShort(value) => Ok(value.to_string()),
        Field::UInt(value) => Ok(value.to_string()),
        Field::ULong(value) => Ok(value.to_string()),
        Field::Float(value) => Ok(value.to_string()),
        Field::Double(value) => Ok(value.to_string()),
        Field::Null => Err(Found::Null),
        Field::ListInternal(_) => Err(Found::List),
        Field::Group(_) | Field::MapInternal(_) => Err(Found::Mapping),
        _ => Err(Found::Other),
    }
}

/// The `ClassLabel` names of `column` in the JSON that `datasets` keeps: `info.features`.
fn class_names(json: &str, column: &str) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct Entry {
        info: Info,
    }
    #[derive(Deserialize)]
    struct Info {
        features: serde_json::Map<String, serde_json::Value>,
    }
    #[derive(Deserialize)]
    struct Feature {
        names: Vec<String>,
        #[serde(rename = "_type")]
        kind: String,
    }

    let entry: Entry = serde_json::from_str(json).ok()?;
    let feature = Feature::deserialize(entry.info.features.get(column)?).ok()?;
    (feature.kind == "ClassLabel").then_some(feature.names)
}
