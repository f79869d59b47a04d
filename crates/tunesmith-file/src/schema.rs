//! The JSON Schema of the study file, made from the tables that check one. It promises no more than
//! the tables say: that every file which parses is valid under it, not the reverse.

use serde_json::{Map, Value, json};

use super::dialect::STUDY;
use super::shape::{Bounds, Key, Shape, Table};

/// The schema, draft 2020-12.
pub fn schema() -> Value {
    let mut root = table(&STUDY);
    if let Value::Object(object) = &mut root {
        object.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
        object.insert("title".into(), "tunesmith study file".into());
        object.insert("$defs".into(), json!({ "parameter": table(&super::dialect::PARAMETER) }));
    }
    root["properties"]["parameters"]["properties"] = Value::Object(hyperparameters());
    root
}

/// The hyperparameters of the trainer, for an editor to offer and explain.
fn hyperparameters() -> Map<String, Value> {
    let known = tunesmith_train::hyperparameters::TABLE.iter();
    known
        .map(|row| {
            let about = format!("{}: {}", row.help, row.kind);
            (row.name.to_owned(), json!({ "$ref": "#/$defs/parameter", "description": about }))
        })
        .collect()
}

fn table(table: &Table) -> Value {
    let keys = table.keys.iter().filter(|key| !matches!(key.shape, Shape::Refused { .. }));
    let properties: Map<String, Value> =
        keys.map(|key| (key.name.to_owned(), property(key))).collect();
    let (either, required): (Vec<&Key>, Vec<&Key>) = table
        .keys
        .iter()
        .filter(|key| key.required.is_some())
        .partition(|key| key.instead.is_some());
    let required: Vec<&str> = required.into_iter().map(|key| key.name).collect();
    let mut object = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    for key in either {
        let one = |name| json!({ "required": [name] });
        object["oneOf"] = json!([Some(key.name), key.instead].map(one));
    }
    object
}

fn property(key: &Key) -> Value {
    let mut value = shape(&key.shape);
    if let Value::Object(object) = &mut value {
        object.insert("description".into(), key.about.into());
    }
    value
}

fn shape(of: &Shape) -> Value {
    match of {
        Shape::Text => json!({ "type": "string" }),
        Shape::Duration => json!({ "type": "string", "pattern": "^([0-9]+[smhd])+$" }),
        Shape::Size => json!({ "type": "string", "pattern": "^[1-9][0-9]*[KMGT]i?B$" }),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Whole { least } => json!({ "type": "integer", "minimum": least }),
        Shape::Number(bounds) => number(*bounds),
        Shape::Scalar => json!({ "type": ["number", "string", "boolean", "null"] }),
        Shape::Anything | Shape::Refused { .. } => json!({}),
        Shape::Word { words, .. } => json!({ "enum": words() }),
        Shape::List { of, least } => {
            json!({ "type": "array", "items": shape(of), "minItems": least })
        }
        Shape::Map(keys) if std::ptr::eq(*keys, &raw const super::dialect::PARAMETER) => {
            json!({ "$ref": "#/$defs/parameter" })
        }
        Shape::Map(keys) => table(keys),
        Shape::Component(components) => components.schema(),
        Shape::Each(of) => json!({ "type": "object", "additionalProperties": shape(of) }),
        Shape::Either(shapes) => json!({ "anyOf": shapes.iter().map(shape).collect::<Vec<_>>() }),
    }
}

fn number(bounds: Bounds) -> Value {
    match bounds {
        Bounds::Any => json!({ "type": "number" }),
        Bounds::Positive => json!({ "type": "number", "exclusiveMinimum": 0 }),
        Bounds::NotNegative => json!({ "type": "number", "minimum": 0 }),
        Bounds::OpenUnit => {
            json!({ "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1 })
        }
    }
}
