//! One hyperparameter value and a trial's named set of them.
//!
//! Refuses to know which values are legal: that is a [`Domain`](crate::Domain)'s business. Serialisation is in
//! [`wire`](crate::wire).

use std::collections::BTreeMap;
use std::fmt;

/// A hyperparameter value.
///
/// Equality is structural (`Int(3) != Float(3.0)`); [`Value::same_as`] compares by what the value means.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// No value, as YAML's `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A finite real number.
    Float(f64),
    /// Text.
    Text(String),
    /// A list, allowed as one choice of a categorical domain.
    List(Vec<Value>),
}

impl Value {
    /// The value as a real number, where it is a number.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(whole) => Some(*whole as f64),
            Self::Float(real) => Some(*real),
            _ => None,
        }
    }

    /// The value as a whole number: an `Int`, or a `Float` without a fraction (`3e6`).
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(whole) => Some(*whole),
            Self::Float(real) => whole_number(*real),
            _ => None,
        }
    }

    /// The value as text, where it is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value as a truth value, where it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// Whether both mean the same: as equality, but `3000000` is `3e6`.
    pub fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(left), Self::List(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(a, b)| a.same_as(b))
            }
            (Self::Int(_) | Self::Float(_), Self::Int(_) | Self::Float(_)) => {
                match (self.as_i64(), other.as_i64()) {
                    (Some(left), Some(right)) => left == right,
                    (None, None) => self.as_f64() == other.as_f64(),
                    _ => false,
                }
            }
            _ => self == other,
        }
    }

    /// Whether every number in the value is finite.
    pub fn is_finite(&self) -> bool {
        match self {
            Self::Float(real) => real.is_finite(),
            Self::List(items) => items.iter().all(Self::is_finite),
            _ => true,
        }
    }

    /// Appends a text that is equal for two values exactly where [`Value::same_as`] holds.
    fn write_canonical(&self, out: &mut String) {
        use fmt::Write as _;
        let written = match self {
            Self::Null => write!(out, "n;"),
            Self::Bool(truth) => write!(out, "b{};", u8::from(*truth)),
            Self::Int(whole) => write!(out, "i{whole};"),
            Self::Float(real) => match whole_number(*real) {
                Some(whole) => write!(out, "i{whole};"),
                None => write!(out, "f{:x};", real.to_bits()),
            },
            Self::Text(text) => write!(out, "t{}:{text};", text.len()),
            Self::List(items) => {
                out.push('[');
                for item in items {
                    item.write_canonical(out);
                }
                write!(out, "]")
            }
        };
        debug_assert!(written.is_ok(), "writing to a String succeeds");
    }

    /// A text that is equal for two values exactly where [`Value::same_as`] holds; a key for deduplication.
    pub fn canonical(&self) -> String {
        let mut out = String::new();
        self.write_canonical(&mut out);
        out
    }
}

fn whole_number(real: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (real.trunc() == real && (-LIMIT..LIMIT).contains(&real)).then_some(real as i64)
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => out.write_str("null"),
            Self::Bool(truth) => write!(out, "{truth}"),
            Self::Int(whole) => write!(out, "{whole}"),
            Self::Float(real) => write!(out, "{real:?}"),
            Self::Text(text) => out.write_str(text),
            Self::List(items) => {
                out.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.write_str(", ")?;
                    }
                    write!(out, "{item}")?;
                }
                out.write_str("]")
            }
        }
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<i64> for Value {
    fn from(whole: i64) -> Self {
        Self::Int(whole)
    }
}

impl From<f64> for Value {
    fn from(real: f64) -> Self {
        Self::Float(real)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A trial's hyperparameters by name, in the order of their names. An inactive parameter is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Params(BTreeMap<String, Value>);

impl Params {
    /// No parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value under `name`, where there is one.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Sets `name` to `value`; returns what it was before.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.0.insert(name.into(), value.into())
    }

    /// Takes `name` out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// A text that is equal for two sets exactly where they have the same names with values that mean the same:
    /// a key for deduplication, under which `3e6` is `3000000`.
    pub fn canonical(&self) -> String {
        let mut out = String::new();
        for (name, value) in &self.0 {
            Value::Text(name.clone()).write_canonical(&mut out);
            value.write_canonical(&mut out);
        }
        out
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Params {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl<N: Into<String>, V: Into<Value>, const COUNT: usize> From<[(N, V); COUNT]> for Params {
    fn from(pairs: [(N, V); COUNT]) -> Self {
        pairs.into_iter().collect()
    }
}

impl IntoIterator for Params {
    type Item = (String, Value);
    type IntoIter = std::collections::btree_map::IntoIter<String, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Params {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            let separator = if index > 0 { " " } else { "" };
            write!(out, "{separator}{name}={value}")?;
        }
        Ok(())
    }
}
