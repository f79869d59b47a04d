//! Every hyperparameter a trial may have: its name, kind, legal range and default, as one table.
//!
//! The names are those of transformers' `TrainingArguments` (5.23) where it has one, `lora.*` as
//! peft's `LoraConfig`, and `model.*` for the encoder. Parser, schema, help and errors derive from
//! the table. This file refuses to guess: an unknown name or a value out of range is an error.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use thiserror::Error;

use crate::protocol::Params;

mod table;

pub use table::{LORA_TARGETS, SCHEDULES, TABLE};

/// What values a hyperparameter takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A real number from `low` to `high`, both included unless `open_low`.
    Float {
        /// Least legal value.
        low: f64,
        /// Greatest legal value.
        high: f64,
        /// Whether `low` itself is illegal.
        open_low: bool,
    },
    /// A whole number from `low` to `high`, both included.
    Int {
        /// Least legal value.
        low: i64,
        /// Greatest legal value.
        high: i64,
    },
    /// True or false.
    Bool,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A word of `Choice`, or a list of them.
    Choices(&'static [&'static str]),
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Hyperparameter {
    /// The name in study files.
    pub name: &'static str,
    /// Older or alternative names of the same thing.
    pub aliases: &'static [&'static str],
    /// Legal values.
    pub kind: Kind,
    /// The default as JSON; `null` where the model or another hyperparameter decides.
    pub default: &'static str,
    /// One line of help.
    pub help: &'static str,
}

/// Why hyperparameters were refused.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum HyperparameterError {
    /// No such name in the table.
    #[error("unknown hyperparameter `{name}`{}", nearest.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    Unknown {
        /// The name as given.
        name: String,
        /// The nearest name of the table, if one is near.
        nearest: Option<&'static str>,
    },
    /// Two spellings of one hyperparameter were given.
    #[error("`{first}` and `{second}` are the same hyperparameter; give one")]
    Twice {
        /// One spelling.
        first: String,
        /// The other.
        second: String,
    },
    /// A value outside the legal ones.
    #[error("`{name}` is {value}; legal is {legal}")]
    Illegal {
        /// The name as given.
        name: String,
        /// The value, as JSON.
        value: String,
        /// What is legal, in words.
        legal: String,
    },
}

/// The row for `name`, which may be an alias.
///
/// # Errors
/// [`HyperparameterError::Unknown`] with the nearest name.
pub fn find(name: &str) -> Result<&'static Hyperparameter, HyperparameterError> {
    TABLE.iter().find(|row| row.name == name || row.aliases.contains(&name)).ok_or_else(|| {
        HyperparameterError::Unknown { name: name.to_owned(), nearest: nearest(name) }
    })
}

/// The name of the table nearest to `name` by edit distance, if one is near enough to be meant.
pub fn nearest(name: &str) -> Option<&'static str> {
    let names = TABLE.iter().flat_map(|row| std::iter::once(&row.name).chain(row.aliases));
    let (distance, best) = names.map(|known| (edit_distance(name, known), *known)).min()?;
    (distance <= name.len().max(4) / 2).then_some(best)
}

impl Hyperparameter {
    /// Checks one value.
    ///
    /// # Errors
    /// [`HyperparameterError::Illegal`] naming what is legal.
    pub fn check(&self, value: &Json) -> Result<(), HyperparameterError> {
        let legal = match self.kind {
            Kind::Float { low, high, open_low } => value.as_f64().is_some_and(|x| {
                x.is_finite() && (x > low || (x == low && !open_low)) && x <= high
            }),
            Kind::Int { low, high } => whole(value).is_some_and(|x| (low..=high).contains(&x)),
            Kind::Bool => value.is_boolean(),
            Kind::Choice(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Kind::Choices(words) => match value {
                Json::Array(items) => {
                    !items.is_empty()
                        && items
                            .iter()
                            .all(|item| item.as_str().is_some_and(|w| words.contains(&w)))
                }
                other => other.as_str().is_some_and(|word| words.contains(&word)),
            },
        };
        if legal {
            return Ok(());
        }
        Err(HyperparameterError::Illegal {
            name: self.name.to_owned(),
            value: value.to_string(),
            legal: self.kind.to_string(),
        })
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Kind::Float { low, high, open_low } => {
                let from = if *open_low { "above" } else { "from" };
                if *high == f64::MAX {
                    write!(f, "a number {from} {low}")
                } else {
                    write!(f, "a number {from} {low} to {high}")
                }
            }
            Kind::Int { low, high } if *high >= 1 << 40 => write!(f, "a whole number from {low}"),
            Kind::Int { low, high } => write!(f, "a whole number from {low} to {high}"),
            Kind::Bool => write!(f, "true or false"),
            Kind::Choice(words) => write!(f, "one of {}", words.join(", ")),
            Kind::Choices(words) => write!(f, "one or a list of {}", words.join(", ")),
        }
    }
}

/// The params with every alias replaced by the name of the table, every value checked.
///
/// # Errors
/// Unknown names, illegal values, one hyperparameter under two names.
pub fn canonical(params: &Params) -> Result<Params, HyperparameterError> {
    let mut spelled: BTreeMap<&'static str, &str> = BTreeMap::new();
    let mut result = Params::new();
    for (name, value) in params {
        let row = find(name)?;
        row.check(value)?;
        if let Some(first) = spelled.insert(row.name, name) {
            return Err(HyperparameterError::Twice {
                first: first.to_owned(),
                second: name.clone(),
            });
        }
        result.insert(row.name.to_owned(), value.clone());
    }
    Ok(result)
}

/// A whole number, also when it was written as `16.0`.
pub(crate) fn whole(value: &Json) -> Option<i64> {
    value.as_i64().or_else(|| {
        let x = value.as_f64()?;
        (x.fract() == 0.0 && x.abs() < 9e15).then_some(x as i64)
    })
}

/// Levenshtein distance in characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substitute = corner + usize::from(ca != *cb);
            corner = row[j + 1];
            row[j + 1] = substitute.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_default_is_legal_and_every_name_unique() {
        let mut names = std::collections::BTreeSet::new();
        for row in TABLE {
            let default: Json = serde_json::from_str(row.default).expect("a JSON default");
            assert!(default.is_null() || row.check(&default).is_ok(), "{}", row.name);
            for name in row.aliases.iter().chain([&row.name]) {
                assert!(names.insert(*name), "{name} stands twice");
            }
        }
    }

    #[test]
    fn a_typo_gets_the_nearest_name() {
        let error = find("learning_rat").expect_err("a typo");
        assert_eq!(
            error.to_string(),
            "unknown hyperparameter `learning_rat`; did you mean `learning_rate`?"
        );
        assert!(find("zzzzzzzzzzzzzzz").expect_err("nonsense").to_string().ends_with("zzz`"));
    }

    #[test]
    fn canonical_replaces_aliases_and_refuses_two_spellings() {
        let params = Params::from([("lr".into(), json!(1e-4)), ("batch_size".into(), json!(16.0))]);
        let canonical_params = canonical(&params).expect("legal");
        assert!(canonical_params.contains_key("learning_rate"));
        let twice =
            Params::from([("lr".into(), json!(1e-4)), ("learning_rate".into(), json!(1e-4))]);
        assert!(matches!(canonical(&twice), Err(HyperparameterError::Twice { .. })));
    }

    #[test]
    fn values_out_of_range_are_refused_in_words() {
        let error =
            canonical(&Params::from([("learning_rate".into(), json!(0))])).expect_err("zero");
        assert_eq!(error.to_string(), "`learning_rate` is 0; legal is a number above 0");
        assert!(canonical(&Params::from([("warmup_ratio".into(), json!(1.5))])).is_err());
        assert!(canonical(&Params::from([("max_steps".into(), json!("ten"))])).is_err());
    }
}
