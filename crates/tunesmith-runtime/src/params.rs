//! A trial's parameters as they cross to a trainer. It refuses to pass on what no trainer knows:
//! parameters that only conditions and formulas use stay behind.

use serde_json::Value as Json;
use tunesmith_core::{Params, Segment, Value};
use tunesmith_train::hyperparameters;
use tunesmith_train::protocol;

/// A value as JSON.
pub fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => Json::from(*value),
        Value::Float(value) => Json::from(*value),
        Value::Text(value) => Json::String(value.clone()),
        Value::List(values) => values.iter().map(json).collect(),
    }
}

/// JSON as a value; `None` for objects and numbers beyond 64 bits.
pub fn value(json: &Json) -> Option<Value> {
    Some(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(number.as_f64()?),
        },
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(values) => Value::List(values.iter().map(value).collect::<Option<_>>()?),
        Json::Object(_) => return None,
    })
}

/// The parameters that the trainer knows.
pub fn for_trainer(params: &Params) -> protocol::Params {
    params
        .iter()
        .filter(|(name, _)| hyperparameters::find(name).is_ok())
        .map(|(name, value)| (name.to_owned(), json(value)))
        .collect()
}

/// A stretch of training that comes before a trial, as the trainer goes through it again.
pub fn stretch(segment: &Segment) -> protocol::Stretch {
    protocol::Stretch {
        params: for_trainer(&segment.params),
        seed: segment.seed,
        until_step: segment.until_step.unwrap_or(0),
    }
}

/// The effective hyperparameters that a trainer reports, as the log keeps them.
pub fn from_trainer(params: &protocol::Params) -> Params {
    params.iter().filter_map(|(name, json)| Some((name.clone(), value(json)?))).collect()
}
