//! The JSON in which logs and configurations are kept and exchanged.
//!
//! Refuses what it does not know: an unknown field, fact or format version is an error, never skipped.

mod config;
mod errors;
mod event;
mod space;
mod tagged;
mod value;

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::config::{Document, StudyConfig};
use crate::event::Event;
use crate::value::{Params, Value};
use config::ConfigText;
use event::EventJson;
use value::{ParamsJson, ValueJson};

/// The version of the format that this build writes, and the latest that it reads.
pub const FORMAT: u32 = 1;

/// Why a JSON text is not what it should be.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Written by a later version.
    #[error(
        "written in format {found}, and this version reads up to {FORMAT}; use a newer tunesmith"
    )]
    NewerFormat {
        /// Its format.
        found: u32,
    },
    /// No JSON, or not of the right shape.
    #[error("cannot be read: {0}")]
    Json(#[from] serde_json::Error),
}

/// An event as one line of JSON.
pub fn event_to_json(event: &Event) -> String {
    encode(&EventJson::from(event))
}

/// The event of a line of JSON.
///
/// # Errors
/// Where the text is none, or of a later format.
pub fn event_from_json(text: &str) -> Result<Event, DecodeError> {
    let json: EventJson = decode(text)?;
    Ok(json.into())
}

/// A configuration as one line of JSON.
pub fn config_to_json(config: &StudyConfig) -> String {
    encode(&ConfigText { format: FORMAT, config: config.clone() })
}

/// The configuration of a JSON text. Its space is checked; the rest is [`StudyConfig::validate`]'s business.
///
/// # Errors
/// Where the text is none, or of a later format.
pub fn config_from_json(text: &str) -> Result<StudyConfig, DecodeError> {
    let json: ConfigText = decode(text)?;
    Ok(json.config)
}

/// A value as JSON.
pub fn value_to_json(value: &Value) -> String {
    encode(&ValueJson(value.clone()))
}

/// The value of a JSON text. Objects and whole numbers beyond 64 bits are none.
///
/// # Errors
/// Where the text is no value.
pub fn value_from_json(text: &str) -> Result<Value, DecodeError> {
    Ok(serde_json::from_str::<ValueJson>(text)?.0)
}

/// Params as a JSON object.
pub fn params_to_json(params: &Params) -> String {
    encode(&ParamsJson(params.clone()))
}

/// The params of a JSON object.
///
/// # Errors
/// Where the text is none.
pub fn params_from_json(text: &str) -> Result<Params, DecodeError> {
    Ok(serde_json::from_str::<ParamsJson>(text)?.0)
}

/// A JSON text in canonical form.
///
/// # Errors
/// Where it is no JSON.
pub fn document(text: &str) -> Result<Document, DecodeError> {
    Ok(canonical(&serde_json::from_str(text)?))
}

fn canonical(json: &serde_json::Value) -> Document {
    let mut out = String::new();
    write_canonical(json, &mut out);
    Document(out)
}

fn write_canonical(json: &serde_json::Value, out: &mut String) {
    match json {
        serde_json::Value::Object(fields) => {
            // The map's own order depends on a feature that other crates may turn on.
            let fields: BTreeMap<_, _> = fields.iter().collect();
            out.push('{');
            for (index, (name, field)) in fields.into_iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                out.push_str(&encode(name));
                out.push(':');
                write_canonical(field, out);
            }
            out.push('}');
        }
        serde_json::Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                write_canonical(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&encode(scalar)),
    }
}

fn encode<T: Serialize>(json: &T) -> String {
    // Maps have text keys and numbers are finite or null, so nothing can fail.
    serde_json::to_string(json).unwrap_or_default()
}

/// A text that says which version wrote it.
trait Versioned {
    fn format(&self) -> u32;
}

/// The one field of a text that every version can read.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

/// Reads the text. One of a later version is refused as such, whether this one can read it or not.
fn decode<T: DeserializeOwned + Versioned>(text: &str) -> Result<T, DecodeError> {
    let read: Result<T, _> = serde_json::from_str(text);
    let format = match &read {
        Ok(json) => Some(json.format()),
        Err(_) => serde_json::from_str(text).ok().map(|Format { format }| format),
    };
    match format {
        Some(found) if found > FORMAT => Err(DecodeError::NewerFormat { found }),
        _ => read.map_err(DecodeError::Json),
    }
}

#[cfg(test)]
mod tests;
