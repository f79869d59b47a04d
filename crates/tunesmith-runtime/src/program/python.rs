//! Values as Python writes them: `str`, `repr` and `json.dumps` of CPython 3. Programs of sweeps
//! get their arguments so. It refuses objects that are not plain data.

use std::fmt::Write;

use serde_json::Value as Json;

/// `str(value)`.
pub(super) fn str(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => repr(other),
    }
}

/// `repr(value)`.
pub(super) fn repr(value: &Json) -> String {
    let mut text = String::new();
    write_repr(value, &mut text);
    text
}

fn write_repr(value: &Json, into: &mut String) {
    match value {
        Json::Null => into.push_str("None"),
        Json::Bool(true) => into.push_str("True"),
        Json::Bool(false) => into.push_str("False"),
        Json::Number(number) => into.push_str(&self::number(number)),
        Json::String(text) => quoted(text, into),
        Json::Array(values) => {
            into.push('[');
            for (index, value) in values.iter().enumerate() {
                into.push_str(if index > 0 { ", " } else { "" });
                write_repr(value, into);
            }
            into.push(']');
        }
        Json::Object(entries) => {
            into.push('{');
            for (index, (name, value)) in entries.iter().enumerate() {
                into.push_str(if index > 0 { ", " } else { "" });
                quoted(name, into);
                into.push_str(": ");
                write_repr(value, into);
            }
            into.push('}');
        }
    }
}

/// A string in the quotes that `repr` chooses.
fn quoted(text: &str, into: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    into.push(quote);
    for letter in text.chars() {
        match letter {
            '\\' => into.push_str("\\\\"),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\t' => into.push_str("\\t"),
            letter if letter == quote => into.extend(['\\', letter]),
            letter if letter.is_ascii_control() => {
                // Writing to a string does not fail.
                let _ = write!(into, "\\x{:02x}", letter as u32);
            }
            letter => into.push(letter),
        }
    }
    into.push(quote);
}

fn number(number: &serde_json::Number) -> String {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(whole), _, _) => whole.to_string(),
        (_, Some(whole), _) => whole.to_string(),
        (_, _, value) => float(value.unwrap_or(f64::NAN)),
    }
}

/// `repr` of a float: the shortest digits that read back, with an exponent below 1e-4 and from 1e16.
fn float(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "nan"
        } else if value > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_owned();
    }
    let magnitude = value.abs();
    if value != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    let text = format!("{value}");
    if text.contains('.') { text } else { text + ".0" }
}

/// `json.dumps(value)`.
pub(super) fn dumps(value: &Json) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(number) => self::number(number),
        Json::String(text) => json_string(text),
        Json::Array(values) => {
            format!("[{}]", values.iter().map(dumps).collect::<Vec<_>>().join(", "))
        }
        Json::Object(entries) => {
            let entry = |(name, value): (&String, &Json)| {
                format!("{}: {}", json_string(name), dumps(value))
            };
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
    }
}

/// A JSON string in ASCII, as `json.dumps` writes it.
fn json_string(text: &str) -> String {
    let mut into = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\t' => into.push_str("\\t"),
            '\u{8}' => into.push_str("\\b"),
            '\u{c}' => into.push_str("\\f"),
            letter if letter.is_ascii() && !letter.is_ascii_control() => into.push(letter),
            letter => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    // Writing to a string does not fail.
                    let _ = write!(into, "\\u{unit:04x}");
                }
            }
        }
    }
    into.push('"');
    into
}
