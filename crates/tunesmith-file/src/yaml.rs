//! YAML text to a tree whose every key and value knows its place in the file; the only module that
//! touches the YAML library. It refuses duplicate keys, non-text keys, numbers beyond 64 bits,
//! alias bombs and YAML 1.1 booleans (`yes`, `on`), and it knows nothing of studies.

use std::fmt;
use std::ops::Range;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};

use super::problem::{Problem, ProblemKind};

/// A study file longer than this is refused, bytes.
pub(crate) const MAX_FILE_BYTES: usize = 1 << 20;

/// The bytes of the file that a node or key was read from.
pub(crate) type Span = Range<usize>;

/// One YAML value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// Where it stands in the file, in bytes.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
}

/// What a YAML value can be under the core schema.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number that fits in 64 bits.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// Text, quoted or plain.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<Entry>),
}

/// One `key: value` of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands, in bytes.
    pub key_span: Span,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// The word for its kind in messages.
    pub(crate) fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Null => "nothing",
            Kind::Bool(_) => "a boolean",
            Kind::Int(_) => "a whole number",
            Kind::Float(_) => "a number",
            Kind::Text(_) => "text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
        }
    }

    /// The number it is, if it is one.
    pub(crate) fn number(&self) -> Option<f64> {
        match self.kind {
            Kind::Int(value) => Some(value as f64),
            Kind::Float(value) => Some(value),
            _ => None,
        }
    }

    /// The text it is, if it is text.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of `key`, where it is a mapping that has one.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// Its entries, none where it is no mapping.
    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Its elements, none where it is no list.
    pub(crate) fn elements(&self) -> &[Node] {
        match &self.kind {
            Kind::List(elements) => elements,
            _ => &[],
        }
    }
}

/// Reads one YAML document.
///
/// # Errors
/// The first thing the YAML library objects to, with its place.
pub(crate) fn parse(text: &str) -> Result<Node, Problem> {
    if text.len() > MAX_FILE_BYTES {
        return Err(Problem::new(0..0, ProblemKind::TooLong { bytes: text.len() }));
    }
    serde_saphyr::from_str_with_options::<Spanned<RawKind>>(text, options())
        .map(|raw| node(raw, text))
        .map_err(|error| syntax_problem(&error, text))
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        with_snippet: false,
        emit_comments: false,
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::Error,
        budget: serde_saphyr::budget! {
            max_depth: 64,
            max_nodes: 100_000,
        },
    }
}

fn syntax_problem(error: &serde_saphyr::Error, text: &str) -> Problem {
    let location = error.location().unwrap_or(Location::UNKNOWN);
    let message = error.render_with_formatter(&serde_saphyr::UserMessageFormatter);
    let tail = format!(" at line {}, column {}", location.line(), location.column());
    let message = message.strip_suffix(&tail).unwrap_or(&message).to_owned();
    Problem::new(span(location, text), ProblemKind::Syntax { message })
}

fn span(location: Location, text: &str) -> Span {
    let place = location.span();
    let start = match place.byte_offset() {
        Some(offset) => offset as usize,
        None => byte_of(location, text),
    };
    let start = start.min(text.len());
    let end = start + place.byte_len().map_or(0, |length| length as usize);
    start..end.min(text.len())
}

/// The byte of a one-based line and column, for locations that come without bytes.
fn byte_of(location: Location, text: &str) -> usize {
    let line = (location.line() as usize).saturating_sub(1);
    let column = (location.column() as usize).saturating_sub(1);
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(before..).unwrap_or_default();
    before + rest.chars().take(column).map(char::len_utf8).sum::<usize>()
}

fn node(raw: Spanned<RawKind>, text: &str) -> Node {
    let span = span(raw.referenced, text);
    let kind = match raw.value {
        RawKind::Scalar(kind) => kind,
        RawKind::List(elements) => {
            Kind::List(elements.into_iter().map(|element| node(element, text)).collect())
        }
        RawKind::Map(entries) => {
            Kind::Map(entries.into_iter().map(|(key, value)| entry(key, value, text)).collect())
        }
    };
    Node { span, kind }
}

fn entry(key: Spanned<String>, value: Spanned<RawKind>, text: &str) -> Entry {
    Entry { key_span: span(key.referenced, text), key: key.value, value: node(value, text) }
}

enum RawKind {
    Scalar(Kind),
    List(Vec<Spanned<RawKind>>),
    Map(Vec<(Spanned<String>, Spanned<RawKind>)>),
}

impl<'de> Deserialize<'de> for RawKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = RawKind;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<RawKind, E> {
        Ok(RawKind::Scalar(Kind::Null))
    }

    fn visit_none<E: de::Error>(self) -> Result<RawKind, E> {
        self.visit_unit()
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<RawKind, E> {
        Ok(RawKind::Scalar(Kind::Bool(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<RawKind, E> {
        Ok(RawKind::Scalar(Kind::Int(value)))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<RawKind, E> {
        i64::try_from(value).map(|value| RawKind::Scalar(Kind::Int(value))).map_err(|_| {
            E::custom(format!("{value} is beyond the largest whole number, {}", i64::MAX))
        })
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<RawKind, E> {
        Ok(RawKind::Scalar(Kind::Float(value)))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<RawKind, E> {
        Ok(RawKind::Scalar(Kind::Text(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<RawKind, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = access.next_element()? {
            elements.push(element);
        }
        Ok(RawKind::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<RawKind, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(RawKind::Map(entries))
    }
}
