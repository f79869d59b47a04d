//! Values and hyperparameters as JSON. It refuses to round.

use serde_json::{Map, Value as Json};
use tunesmith_core::{Params, Value};

/// A value; null where it is not finite.
pub fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(truth) => (*truth).into(),
        Value::Int(whole) => (*whole).into(),
        Value::Float(real) => (*real).into(),
        Value::Text(text) => text.clone().into(),
        Value::List(items) => items.iter().map(json).collect(),
    }
}

/// Hyperparameters by name.
pub fn json_params(params: &Params) -> Json {
    let entries = params.iter().map(|(name, value)| (name.to_owned(), json(value)));
    Json::Object(entries.collect::<Map<_, _>>())
}

/// A value as the dashboard's columns have it: numbers, texts, truth values; a list as its text.
pub(crate) fn scalar(value: &Value) -> Json {
    match value {
        Value::List(_) => value.to_string().into(),
        other => json(other),
    }
}
