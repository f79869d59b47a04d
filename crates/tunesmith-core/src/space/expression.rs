//! The small language in which one parameter is tied to others: `2 * lora.r`, `max(8, round(256 / batch))`,
//! `1e-4 if adapter == 'lora' else 2e-5`.
//!
//! Numbers, text in quotes, `true`, `false`, names of parameters (in backticks where they hold a `-`), `+ - * / **`,
//! comparisons, `and or not`, `a if c else b`, and the functions `min max round floor ceil log exp sqrt abs`, with
//! Python's precedence and its rounding of halves to even. Refuses loops, assignments and anything that could not
//! end.

mod evaluate;
mod parse;

use std::fmt;

use thiserror::Error;

use crate::value::{Params, Value};

/// A parsed expression, with the text that it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    source: String,
    tree: Node,
    references: Vec<String>,
}

/// Why a text is no expression. Columns count characters from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Something else was to come.
    #[error("column {column}: expected {expected}, found {found}")]
    Unexpected {
        /// Where.
        column: usize,
        /// What would have been right.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A quote without its partner.
    #[error("column {column}: this quote is never closed")]
    OpenQuote {
        /// Where.
        column: usize,
    },
    /// A number that is none.
    #[error("column {column}: {text} is not a number")]
    BadNumber {
        /// Where.
        column: usize,
        /// The text.
        text: String,
    },
    /// A function that does not exist.
    #[error("column {column}: there is no function {name}; there are {}", FUNCTIONS.join(", "))]
    UnknownFunction {
        /// Where.
        column: usize,
        /// Its name.
        name: String,
    },
    /// A function with too few or too many arguments.
    #[error("column {column}: {name} takes {takes}, not {given}")]
    ArgumentCount {
        /// Where.
        column: usize,
        /// The function.
        name: &'static str,
        /// What it takes.
        takes: &'static str,
        /// How many it got.
        given: usize,
    },
    /// Longer than anybody writes by hand.
    #[error("column {column}: longer than {MOST_CHARACTERS} characters; simplify it")]
    TooLong {
        /// Where it is too long.
        column: usize,
    },
    /// Nested deeper than anybody writes by hand.
    #[error("column {column}: nested more than {MOST_NESTING} deep; simplify it")]
    TooDeep {
        /// Where.
        column: usize,
    },
}

impl ParseError {
    /// Where in the expression, in characters from 1.
    pub fn column(&self) -> usize {
        match self {
            Self::Unexpected { column, .. }
            | Self::OpenQuote { column }
            | Self::BadNumber { column, .. }
            | Self::UnknownFunction { column, .. }
            | Self::ArgumentCount { column, .. }
            | Self::TooLong { column }
            | Self::TooDeep { column } => *column,
        }
    }
}

/// Why an expression has no value for the parameters at hand.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// A parameter that is not active.
    #[error("the parameter {name} has no value here")]
    Absent {
        /// Its name.
        name: String,
    },
    /// An operator on what it does not take.
    #[error("{operator} does not take {operand}; it takes {takes}")]
    Operand {
        /// The operator or function.
        operator: &'static str,
        /// The operand's text.
        operand: String,
        /// What would be right.
        takes: &'static str,
    },
    /// Division by zero, a logarithm of 0, an overflow.
    #[error("{operator} has no finite result here")]
    NotFinite {
        /// The operator or function.
        operator: &'static str,
    },
}

const FUNCTIONS: [&str; 9] = ["min", "max", "round", "floor", "ceil", "log", "exp", "sqrt", "abs"];
const MOST_NESTING: usize = 64;
const MOST_CHARACTERS: usize = 1_000;

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Literal(Value),
    Name(String),
    Negate(Box<Node>),
    Not(Box<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Choose { condition: Box<Node>, then: Box<Node>, otherwise: Box<Node> },
    Call(Function, Vec<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Equal,
    Unequal,
    Below,
    AtMost,
    Above,
    AtLeast,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Min,
    Max,
    Round,
    Floor,
    Ceil,
    Log,
    Exp,
    Sqrt,
    Abs,
}

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    /// With the column of the first thing that is wrong.
    pub fn parse(source: &str) -> Result<Self, ParseError> {
        let tree = parse::parse(source)?;
        let mut references = Vec::new();
        tree.collect_references(&mut references);
        Ok(Self { source: source.to_owned(), tree, references })
    }

    /// The text that it was parsed from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The parameters that it refers to, each once.
    pub fn references(&self) -> &[String] {
        &self.references
    }

    /// Its value.
    ///
    /// # Errors
    /// Where a parameter is absent, an operand has the wrong type or a result is not finite.
    pub fn evaluate(&self, params: &Params) -> Result<Value, EvaluateError> {
        evaluate::evaluate(&self.tree, params)
    }
}

impl Node {
    fn collect_references(&self, into: &mut Vec<String>) {
        match self {
            Self::Literal(_) => {}
            Self::Name(name) => {
                if !into.contains(name) {
                    into.push(name.clone());
                }
            }
            Self::Negate(inner) | Self::Not(inner) => inner.collect_references(into),
            Self::Binary(_, left, right) | Self::And(left, right) | Self::Or(left, right) => {
                left.collect_references(into);
                right.collect_references(into);
            }
            Self::Choose { condition, then, otherwise } => {
                condition.collect_references(into);
                then.collect_references(into);
                otherwise.collect_references(into);
            }
            Self::Call(_, arguments) => {
                for argument in arguments {
                    argument.collect_references(into);
                }
            }
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.source)
    }
}

#[cfg(test)]
mod tests;
