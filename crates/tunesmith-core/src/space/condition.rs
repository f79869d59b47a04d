//! When a parameter exists: tests on the values of others.
//!
//! Refuses `or`: a list of values says it where it is needed, and a conjunction can be shown to people.

use std::fmt;

use crate::value::{Params, Value};

/// All of its clauses must hold; without clauses it always holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Condition {
    /// The clauses.
    pub clauses: Vec<Clause>,
}

/// A test of one other parameter. An inactive parameter fails every test.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    /// The other parameter's name.
    pub parameter: String,
    /// The test of its value.
    pub test: Test,
}

/// A test of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// It means the same as one of these.
    OneOf(Vec<Value>),
    /// It means the same as none of these.
    NoneOf(Vec<Value>),
    /// It is a number below this.
    Below(f64),
    /// It is a number not above this.
    AtMost(f64),
    /// It is a number above this.
    Above(f64),
    /// It is a number not below this.
    AtLeast(f64),
}

impl Condition {
    /// The condition that `parameter` has one of `values`.
    pub fn one_of<V: Into<Value>>(parameter: &str, values: impl IntoIterator<Item = V>) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        Self {
            clauses: vec![Clause { parameter: parameter.to_owned(), test: Test::OneOf(values) }],
        }
    }

    /// Whether it holds for the parameters chosen so far.
    pub fn holds(&self, params: &Params) -> bool {
        self.clauses.iter().all(|clause| {
            params.get(&clause.parameter).is_some_and(|value| clause.test.passes(value))
        })
    }

    /// The names that it refers to.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        self.clauses.iter().map(|clause| clause.parameter.as_str())
    }
}

impl Test {
    /// Whether the value passes.
    pub fn passes(&self, value: &Value) -> bool {
        let number = |holds: fn(&f64, &f64) -> bool, bound: &f64| {
            value.as_f64().is_some_and(|number| holds(&number, bound))
        };
        match self {
            Self::OneOf(values) => values.iter().any(|legal| legal.same_as(value)),
            Self::NoneOf(values) => !values.iter().any(|illegal| illegal.same_as(value)),
            Self::Below(bound) => number(f64::lt, bound),
            Self::AtMost(bound) => number(f64::le, bound),
            Self::Above(bound) => number(f64::gt, bound),
            Self::AtLeast(bound) => number(f64::ge, bound),
        }
    }

    /// The values or bounds that it names are finite.
    pub(super) fn is_finite(&self) -> bool {
        match self {
            Self::OneOf(values) | Self::NoneOf(values) => values.iter().all(Value::is_finite),
            Self::Below(bound)
            | Self::AtMost(bound)
            | Self::Above(bound)
            | Self::AtLeast(bound) => bound.is_finite(),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, clause) in self.clauses.iter().enumerate() {
            let and = if index > 0 { " and " } else { "" };
            write!(out, "{and}{} {}", clause.parameter, clause.test)?;
        }
        Ok(())
    }
}

impl fmt::Display for Test {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneOf(values) => write!(out, "in {}", Value::List(values.clone())),
            Self::NoneOf(values) => write!(out, "not in {}", Value::List(values.clone())),
            Self::Below(bound) => write!(out, "< {bound}"),
            Self::AtMost(bound) => write!(out, "<= {bound}"),
            Self::Above(bound) => write!(out, "> {bound}"),
            Self::AtLeast(bound) => write!(out, ">= {bound}"),
        }
    }
}
