//! The options of a method: what there is, what each takes, and reading them.
//!
//! Refuses what an option does not take when a policy is built, so that reading cannot fail afterwards.

use std::fmt;

use tunesmith_core::{Params, Value};

/// One option of a method.
#[derive(Debug, Clone, Copy)]
pub struct OptionSpec {
    /// Its name in study files and logs.
    pub name: &'static str,
    /// What it takes.
    pub kind: OptionKind,
    /// What it does and what holds where it is left out, in one line.
    pub summary: &'static str,
}

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OptionKind {
    /// `true` or `false`.
    Bool,
    /// A whole number of a range.
    Whole {
        /// The least.
        least: i64,
        /// The greatest.
        most: i64,
    },
    /// A number of a range.
    Number {
        /// The least.
        least: f64,
        /// The greatest.
        most: f64,
    },
    /// One of these words.
    Word(&'static [&'static str]),
    /// Names of parameters: a list of them, or one text with commas between. None is empty.
    Names,
}

impl OptionSpec {
    /// An option.
    pub const fn new(name: &'static str, kind: OptionKind, summary: &'static str) -> Self {
        Self { name, kind, summary }
    }
}

impl OptionKind {
    /// Whether the option takes the value.
    pub fn takes(&self, value: &Value) -> bool {
        match self {
            Self::Bool => value.as_bool().is_some(),
            Self::Whole { least, most } => {
                value.as_i64().is_some_and(|whole| (*least..=*most).contains(&whole))
            }
            Self::Number { least, most } => {
                value.as_f64().is_some_and(|real| (*least..=*most).contains(&real))
            }
            Self::Word(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Self::Names => names(value).is_some(),
        }
    }
}

impl fmt::Display for OptionKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => out.write_str("true or false"),
            Self::Whole { least, most: i64::MAX } => write!(out, "a whole number from {least} up"),
            Self::Whole { least, most } => write!(out, "a whole number from {least} to {most}"),
            Self::Number { least, most } if most.is_infinite() => {
                write!(out, "a number from {least} up")
            }
            Self::Number { least, most } => write!(out, "a number from {least} to {most}"),
            Self::Word(words) => write!(out, "one of {}", words.join(", ")),
            Self::Names => out.write_str("names of parameters"),
        }
    }
}

/// The names of a list or of a text; `None` where it is neither, or one is empty.
fn names(value: &Value) -> Option<Vec<String>> {
    let names: Vec<String> = match value {
        Value::List(names) => {
            names.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<_>>()?
        }
        Value::Text(text) => text.split(',').map(|name| name.trim().to_owned()).collect(),
        _ => return None,
    };
    (!names.is_empty() && names.iter().all(|name| !name.is_empty())).then_some(names)
}

/// Options that were checked, read with what holds where one is left out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options<'a>(pub(crate) &'a Params);

impl<'a> Options<'a> {
    pub(crate) fn bool(self, name: &str, default: bool) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(default)
    }

    pub(crate) fn whole(self, name: &str, default: usize) -> usize {
        let given = self.0.get(name).and_then(Value::as_i64);
        given.and_then(|whole| usize::try_from(whole).ok()).unwrap_or(default)
    }

    pub(crate) fn number(self, name: &str, default: f64) -> f64 {
        self.0.get(name).and_then(Value::as_f64).unwrap_or(default)
    }

    pub(crate) fn names(self, name: &str) -> Option<Vec<String>> {
        self.0.get(name).and_then(names)
    }

    pub(crate) fn word(self, name: &str, default: &'a str) -> &'a str {
        self.0.get(name).and_then(Value::as_str).unwrap_or(default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_take_what_they_say() {
        let share = OptionKind::Number { least: 0.0, most: 1.0 };
        assert!(share.takes(&Value::Int(1)) && share.takes(&Value::Float(0.5)));
        assert!(!share.takes(&Value::Float(1.5)) && !share.takes(&Value::Text("1".to_owned())));
        let count = OptionKind::Whole { least: 1, most: i64::MAX };
        assert!(count.takes(&Value::Float(3.0)) && !count.takes(&Value::Int(0)));
        assert_eq!(count.to_string(), "a whole number from 1 up");
        let word = OptionKind::Word(&["declared", "known"]);
        assert!(word.takes(&Value::from("known")) && !word.takes(&Value::from("other")));
        assert_eq!(word.to_string(), "one of declared, known");
        let text = Value::from("lr, decay");
        assert!(OptionKind::Names.takes(&text) && !OptionKind::Names.takes(&Value::from("lr,")));
        let options = Params::from([("mutate", text)]);
        let expected = Some(vec!["lr".to_owned(), "decay".to_owned()]);
        assert_eq!(Options(&options).names("mutate"), expected);
        assert!(OptionKind::Bool.takes(&Value::Bool(false)));
    }

    #[test]
    fn what_is_left_out_is_the_default() {
        let given = Params::from([("n", Value::Int(3)), ("kind", Value::from("b"))]);
        let options = Options(&given);
        assert_eq!((options.whole("n", 7), options.whole("m", 7)), (3, 7));
        assert_eq!((options.word("kind", "a"), options.bool("on", true)), ("b", true));
        assert_eq!(options.number("n", 0.5), 3.0);
    }
}
