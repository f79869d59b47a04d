//! The keys of one parameter: W&B's, and `when`, `expr` and `prior`. It refuses to say which of
//! them go together: that is `distribution.rs`'s.

use super::super::distribution;
use super::super::shape::{Bounds, Key, Shape, Table};

/// One entry of `parameters`.
pub(crate) static PARAMETER: Table = Table {
    place: "a parameter",
    keys: &[
        Key::new("value", Shape::Anything, "The one value it has."),
        Key::new(
            "values",
            Shape::List { of: &Shape::Anything, least: 1 },
            "The values to choose from.",
        ),
        Key::new(
            "probabilities",
            Shape::List { of: &Shape::Number(Bounds::NotNegative), least: 1 },
            "How likely each of the values is; they add up to 1.",
        ),
        Key::new(
            "distribution",
            Shape::Word { what: "distribution", words: distribution::names },
            "The distribution to draw from.",
        ),
        Key::new("min", Shape::Number(Bounds::Any), "The smallest value."),
        Key::new("max", Shape::Number(Bounds::Any), "The largest value."),
        Key::new("q", Shape::Number(Bounds::Positive), "Values are rounded to multiples of it."),
        Key::new("mu", Shape::Number(Bounds::Any), "The mean of a normal distribution."),
        Key::new(
            "sigma",
            Shape::Number(Bounds::Positive),
            "The standard deviation of a normal distribution.",
        ),
        Key::new(
            "a",
            Shape::Number(Bounds::Positive),
            "The first shape parameter of a beta distribution.",
        ),
        Key::new(
            "b",
            Shape::Number(Bounds::Positive),
            "The second shape parameter of a beta distribution.",
        ),
        Key::new(
            "prior",
            Shape::Either(&[
                Shape::Word { what: "prior", words: || vec!["known", "uniform"] },
                Shape::Map(&PRIOR),
            ]),
            "How likely the values are, where not all are alike: a mapping; `known`: as is known of the hyperparameter of this name; `uniform`: all alike, whatever is known.",
        ),
        Key::new(
            "parameters",
            Shape::Each(&Shape::Map(&PARAMETER)),
            "Nested parameters: their names are joined by dots.",
        ),
        Key::new(
            "when",
            Shape::Each(&WHEN),
            "The values of other parameters under which this one exists.",
        ),
        Key::new("expr", Shape::Text, "A formula over other parameters that gives its value."),
    ],
};

/// `prior`.
pub(crate) static PRIOR: Table = Table {
    place: "`prior`",
    keys: &[
        Key::new(
            "distribution",
            Shape::Word {
                what: "prior",
                words: || vec!["uniform", "normal", "log_normal", "beta"],
            },
            "Its form.",
        )
        .required("add `distribution: log_normal`"),
        Key::new(
            "mu",
            Shape::Number(Bounds::Any),
            "The mean of a normal prior, or of the logarithm.",
        ),
        Key::new(
            "sigma",
            Shape::Number(Bounds::Positive),
            "The standard deviation of a normal prior, or of the logarithm.",
        ),
        Key::new(
            "a",
            Shape::Number(Bounds::Positive),
            "The first shape parameter of a beta prior over the interval.",
        ),
        Key::new(
            "b",
            Shape::Number(Bounds::Positive),
            "The second shape parameter of a beta prior over the interval.",
        ),
    ],
};

/// One entry of `when`.
static WHEN: Shape = Shape::Either(&[
    Shape::Scalar,
    Shape::List { of: &Shape::Scalar, least: 1 },
    Shape::Map(&COMPARISON),
]);

/// A comparison in `when`.
pub(crate) static COMPARISON: Table = Table {
    place: "a comparison",
    keys: &[
        Key::new("gt", Shape::Number(Bounds::Any), "It is greater than this."),
        Key::new("ge", Shape::Number(Bounds::Any), "It is this or greater."),
        Key::new("lt", Shape::Number(Bounds::Any), "It is less than this."),
        Key::new(
            "not",
            Shape::Either(&[Shape::Scalar, Shape::List { of: &Shape::Scalar, least: 1 }]),
            "It is none of these.",
        ),
        Key::new("le", Shape::Number(Bounds::Any), "It is this or less."),
    ],
};
