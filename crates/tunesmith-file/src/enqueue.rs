//! Params that a person wants tried: under `enqueue` in the study file, and as `name=value` on the command line. It
//! refuses what does not fit the space, what is listed twice, and what would depend on the luck of a draw.

use tunesmith_core::{Params, ParamsError, Rng, SearchSpace};

use super::parameters;
use super::problem::{Problem, ProblemKind};
use super::yaml::{self, Entry, Node};

/// Draws of what is left out, each of which has to fit.
const DRAWS: u32 = 32;

/// Why params cannot be enqueued.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SettingError {
    /// Not `name=value`.
    #[error("`{text}` is no `name=value`")]
    NoPair {
        /// The argument.
        text: String,
    },
    /// A value that YAML cannot read, or a mapping.
    #[error("`{text}` has no value that a parameter can have")]
    NoValue {
        /// The argument.
        text: String,
    },
    /// A name that appears twice.
    #[error("`{name}` is given twice; give it once")]
    Repeated {
        /// The name.
        name: String,
    },
    /// They do not fit.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// Whether they fit hangs on parameters that are left out.
    #[error("{name} exists only for some values of parameters that are left out; give those too")]
    Undecided {
        /// The parameter.
        name: String,
    },
}

/// Checks params for a space; what they leave out may be drawn.
pub(crate) fn check(params: &Params, space: &SearchSpace) -> Result<(), SettingError> {
    let draw = |number| space.fill(params, &Rng::at(0, number, "check enqueued"));
    let outcomes: Vec<_> = (0..DRAWS).map(draw).collect();
    let fit = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    match outcomes.into_iter().find_map(Result::err) {
        None => Ok(()),
        Some(ParamsError::Surplus { name }) if fit > 0 => Err(SettingError::Undecided { name }),
        // A tie may have no value for some draws; those trials fail by themselves.
        Some(ParamsError::Tie { .. }) if fit > 0 => Ok(()),
        Some(error) => Err(error.into()),
    }
}

/// The params of arguments `name=value`, values written as in a study file.
///
/// # Errors
/// [`SettingError`] for what is no such pair, or does not fit the space.
pub fn settings(arguments: &[String], space: &SearchSpace) -> Result<Params, SettingError> {
    let mut params = Params::new();
    for text in arguments {
        let no_pair = || SettingError::NoPair { text: text.clone() };
        let (name, value) = text.split_once('=').ok_or_else(no_pair)?;
        let node = yaml::parse(&format!("value: {value}")).ok();
        let value = node.and_then(|node| parameters::value(node.get("value")?));
        let value = value.ok_or_else(|| SettingError::NoValue { text: text.clone() })?;
        if params.insert(name.trim(), value).is_some() {
            return Err(SettingError::Repeated { name: name.trim().to_owned() });
        }
    }
    check(&params, space)?;
    Ok(params)
}

/// The params under a checked `enqueue`, in their order.
pub(super) fn read(
    node: Option<&Node>,
    space: &SearchSpace,
    problems: &mut Vec<Problem>,
) -> Vec<Params> {
    let mut all: Vec<Params> = Vec::new();
    for element in node.map(Node::elements).unwrap_or_default() {
        let Some(params) = params(element, problems) else { continue };
        if let Err(error) = check(&params, space) {
            let entry = culprit(&error).and_then(|name| entry(element, name));
            let span = entry.map_or(element.span.clone(), |entry| entry.key_span.clone());
            problems.push(Problem::new(span, ProblemKind::Space { message: error.to_string() }));
        } else if let Some(first) = all.iter().position(|other| same(other, &params)) {
            let message = format!(
                "these params are number {} of the list again; keep one of them",
                first + 1
            );
            problems.push(Problem::new(element.span.clone(), ProblemKind::Space { message }));
        }
        all.push(params);
    }
    all
}

fn same(left: &Params, right: &Params) -> bool {
    left.canonical() == right.canonical()
}

/// One element as params; notes values that are none.
fn params(element: &Node, problems: &mut Vec<Problem>) -> Option<Params> {
    let mut params = Params::new();
    let before = problems.len();
    for entry in element.entries() {
        match parameters::value(&entry.value) {
            Some(value) => {
                params.insert(entry.key.as_str(), value);
            }
            None => problems.push(Problem::new(
                entry.value.span.clone(),
                ProblemKind::WrongKind {
                    key: entry.key.clone(),
                    expected: "a single value or a list".to_owned(),
                    found: entry.value.kind_name(),
                },
            )),
        }
    }
    (problems.len() == before).then_some(params)
}

fn entry<'a>(element: &'a Node, name: &str) -> Option<&'a Entry> {
    element.entries().iter().find(|entry| entry.key == name)
}

/// The parameter that an error is about.
fn culprit(error: &SettingError) -> Option<&str> {
    match error {
        SettingError::Undecided { name }
        | SettingError::Params(
            ParamsError::Unknown { name, .. }
            | ParamsError::Illegal { name, .. }
            | ParamsError::Surplus { name }
            | ParamsError::Missing { name }
            | ParamsError::Tie { name, .. },
        ) => Some(name),
        _ => None,
    }
}
