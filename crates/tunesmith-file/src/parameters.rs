//! `parameters` to a search space: nested ones flattened to dotted names, conditions, formulas,
//! and every name checked against the hyperparameters of the trainer. It refuses a parameter that
//! nothing uses: it would be searched in vain.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tunesmith_core::{
    Clause, Condition, Domain, Expression, Parameter, Prior, Rule, SearchSpace, SpaceError, Step,
    Test, Value,
};
use tunesmith_train::hyperparameters::{self, Hyperparameter, Kind as Legal};

use super::distribution;
use super::problem::{Note, Problem, ProblemKind};
use super::yaml::{Kind, Node, Span};

/// One parameter as the file has it, its name dotted.
struct Entry<'a> {
    name: String,
    span: Span,
    node: &'a Node,
}

/// What reading notes on its way.
pub(super) struct Remarks<'a> {
    /// The file's text.
    pub text: &'a str,
    /// What is wrong.
    pub problems: &'a mut Vec<Problem>,
    /// What is worth knowing.
    pub notes: &'a mut Vec<Note>,
    /// Who runs the trials.
    pub runner: Runner,
}

/// Who runs the trials: parameters are hyperparameters of the trainer; those of programs and callers are anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Runner {
    /// Our trainer.
    Trainer,
    /// A program.
    Program,
    /// Whoever asks for trials.
    Caller,
}

impl Runner {
    /// Who runs the trials of a file.
    pub(super) fn of(root: &Node, by_caller: bool) -> Self {
        match (by_caller, super::program::is_there(root)) {
            (true, _) => Self::Caller,
            (false, true) => Self::Program,
            (false, false) => Self::Trainer,
        }
    }
}

/// Reads a checked `parameters` mapping.
pub(super) fn read(node: &Node, remarks: &mut Remarks<'_>) -> Option<SearchSpace> {
    let before = remarks.problems.len();
    let mut entries = Vec::new();
    flatten("", node, &mut entries, remarks.problems);
    let parameters: Vec<Parameter> =
        entries.iter().filter_map(|entry| parameter(entry, remarks)).collect();
    if remarks.runner == Runner::Trainer {
        check_names(&entries, &parameters, remarks.problems);
    }
    if remarks.problems.len() > before {
        return None;
    }
    match SearchSpace::new(parameters) {
        Ok(space) => with_known_priors(&space, &entries, remarks.problems),
        Err(error) => {
            let named = entries.iter().find(|entry| culprit(&error) == Some(entry.name.as_str()));
            let span = named.map_or(node.span.clone(), |entry| entry.span.clone());
            remarks
                .problems
                .push(Problem::new(span, ProblemKind::Space { message: error.to_string() }));
            None
        }
    }
}

/// The space with the priors that `prior: known` asks for.
fn with_known_priors(
    space: &SearchSpace,
    entries: &[Entry<'_>],
    problems: &mut Vec<Problem>,
) -> Option<SearchSpace> {
    let asks = |name: &str| {
        let entry = entries.iter().find(|entry| entry.name == name)?;
        entry.node.get("prior").filter(|prior| prior.text() == Some("known"))
    };
    let before = problems.len();
    let mut parameters = space.parameters().to_vec();
    for parameter in &mut parameters {
        let (Some(node), Some(domain)) = (asks(&parameter.name), parameter.domain()) else {
            continue;
        };
        let name = hyperparameters::find(&parameter.name).map_or(&*parameter.name, |row| row.name);
        match tunesmith_search::known_prior(name, domain, space) {
            Ok(prior) => *parameter = parameter.clone().with_prior(prior),
            Err(error) => {
                let kind = ProblemKind::Space { message: error.to_string() };
                problems.push(Problem::new(node.span.clone(), kind));
            }
        }
    }
    // The priors were fitted to their domains, so that this cannot fail.
    if problems.len() == before { SearchSpace::new(parameters).ok() } else { None }
}

/// The parameter that an error is about, if it is about one.
fn culprit(error: &SpaceError) -> Option<&str> {
    match error {
        SpaceError::BadName { name }
        | SpaceError::Repeated { name }
        | SpaceError::Domain { name, .. }
        | SpaceError::ConditionNotFinite { name }
        | SpaceError::UnknownReference { name, .. } => Some(name),
        SpaceError::Cycle { names } => names.first().map(String::as_str),
        _ => None,
    }
}

fn flatten<'a>(
    prefix: &str,
    node: &'a Node,
    into: &mut Vec<Entry<'a>>,
    problems: &mut Vec<Problem>,
) {
    for entry in node.entries() {
        let name = format!("{prefix}{}", entry.key);
        if !is_name(&entry.key) {
            problems.push(Problem::new(entry.key_span.clone(), ProblemKind::BadName { name }));
        } else if let Some(nested) = entry.value.get("parameters") {
            flatten(&format!("{name}."), nested, into, problems);
        } else if into.iter().any(|other| other.name == name) {
            let kind = ProblemKind::DefinedTwice { parameter: name };
            problems.push(Problem::new(entry.key_span.clone(), kind));
        } else {
            into.push(Entry { name, span: entry.key_span.clone(), node: &entry.value });
        }
    }
}

/// W&B's rule for the names of parameters.
fn is_name(name: &str) -> bool {
    let letter = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
    name.starts_with(letter)
        && name.chars().all(|c| letter(c) || c.is_ascii_digit() || c == '.' || c == '-')
}

fn parameter(entry: &Entry<'_>, remarks: &mut Remarks<'_>) -> Option<Parameter> {
    let condition = match entry.node.get("when") {
        Some(node) => condition(node, remarks.problems),
        None => None,
    };
    let mut parameter = match entry.node.get("expr") {
        Some(formula) => tied(entry, formula, remarks)?,
        None => drawn(entry, remarks)?,
    };
    parameter.condition = condition;
    Some(parameter)
}

fn drawn(entry: &Entry<'_>, remarks: &mut Remarks<'_>) -> Option<Parameter> {
    let Some(form) = distribution::of(entry.node) else {
        let kind = ProblemKind::NoValues { parameter: entry.name.clone() };
        remarks.problems.push(Problem::new(entry.span.clone(), kind));
        return None;
    };
    if form.exponents {
        remarks.notes.push(Note {
            span: entry.span.clone(),
            message: format!(
                "`{name}` takes min and max as natural logarithms, as W&B has it; `{name}_values` takes the values themselves",
                name = form.name
            ),
        });
    }
    let (domain, prior) = form.read(&entry.span, entry.node, remarks.problems)?;
    if let Ok(known) = hyperparameters::find(&entry.name)
        && remarks.runner == Runner::Trainer
    {
        check_legal(entry, known, (&domain, &prior), remarks.problems);
    }
    Some(Parameter::new(&entry.name, domain).with_prior(prior))
}

fn tied(entry: &Entry<'_>, formula: &Node, remarks: &mut Remarks<'_>) -> Option<Parameter> {
    let others =
        entry.node.entries().iter().filter(|other| !matches!(other.key.as_str(), "expr" | "when"));
    for other in others {
        let kind = ProblemKind::NotOfDistribution {
            key: other.key.clone(),
            distribution: "expr",
            known: vec!["expr".to_owned(), "when".to_owned()],
        };
        remarks.problems.push(Problem::new(other.key_span.clone(), kind));
    }
    match Expression::parse(formula.text()?) {
        Ok(expression) => Some(Parameter::tied(&entry.name, expression)),
        Err(error) => {
            let span = place_in(formula, error.column(), remarks.text);
            remarks
                .problems
                .push(Problem::new(span, ProblemKind::Space { message: error.to_string() }));
            None
        }
    }
}

/// The bytes of the character in `column` of a text value, or of the whole value where it does not
/// stand in one line.
fn place_in(node: &Node, column: usize, text: &str) -> Span {
    let written = text.get(node.span.clone()).unwrap_or_default();
    let quote = usize::from(written.starts_with(['"', '\'']));
    let before: usize =
        written.chars().take(column.saturating_sub(1) + quote).map(char::len_utf8).sum();
    let start = node.span.start + before;
    if written.starts_with(['|', '>']) || start >= node.span.end {
        return node.span.clone();
    }
    start
        ..start
            + written.get(before..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8)
}

fn condition(node: &Node, problems: &mut Vec<Problem>) -> Option<Condition> {
    let mut clauses = Vec::new();
    for entry in node.entries() {
        for test in tests(&entry.value) {
            clauses.push(Clause { parameter: entry.key.clone(), test });
        }
    }
    if clauses.is_empty() {
        problems.push(Problem::new(node.span.clone(), ProblemKind::EmptyCondition));
        return None;
    }
    Some(Condition { clauses })
}

fn tests(node: &Node) -> Vec<Test> {
    let Kind::Map(comparisons) = &node.kind else {
        return vec![Test::OneOf(values(node))];
    };
    let mut tests = Vec::new();
    for comparison in comparisons {
        let bound = comparison.value.number();
        tests.extend(match (comparison.key.as_str(), bound) {
            ("gt", Some(bound)) => Some(Test::Above(bound)),
            ("ge", Some(bound)) => Some(Test::AtLeast(bound)),
            ("lt", Some(bound)) => Some(Test::Below(bound)),
            ("le", Some(bound)) => Some(Test::AtMost(bound)),
            ("not", _) => Some(Test::NoneOf(values(&comparison.value))),
            _ => None,
        });
    }
    tests
}

fn values(node: &Node) -> Vec<Value> {
    match &node.kind {
        Kind::List(elements) => elements.iter().filter_map(value).collect(),
        _ => value(node).into_iter().collect(),
    }
}

/// A node as the value of a parameter; mappings are none.
pub(super) fn value(node: &Node) -> Option<Value> {
    Some(match &node.kind {
        Kind::Null => Value::Null,
        Kind::Bool(value) => Value::Bool(*value),
        Kind::Int(value) => Value::Int(*value),
        Kind::Float(value) => Value::Float(*value),
        Kind::Text(value) => Value::Text(value.clone()),
        Kind::List(elements) => Value::List(elements.iter().map(value).collect::<Option<_>>()?),
        Kind::Map(_) => return None,
    })
}

/// Notes what stands under `value` or `values` and can be no value.
pub(super) fn check_values(node: &Node, problems: &mut Vec<Problem>) {
    let single = node.get("value").map(|value| ("value", value));
    let several =
        node.get("values").into_iter().flat_map(Node::elements).map(|value| ("values", value));
    for (key, node) in single.into_iter().chain(several).filter(|(_, node)| value(node).is_none()) {
        let kind = ProblemKind::WrongKind {
            key: key.to_owned(),
            expected: "single values or lists".to_owned(),
            found: node.kind_name(),
        };
        problems.push(Problem::new(node.span.clone(), kind));
    }
}

/// Every parameter must be a hyperparameter, under one name alone, or be used by another one.
fn check_names(entries: &[Entry<'_>], parameters: &[Parameter], problems: &mut Vec<Problem>) {
    let used: Vec<&str> = parameters.iter().flat_map(references).collect();
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for entry in entries {
        let kind = match hyperparameters::find(&entry.name) {
            Ok(known) => match seen.insert(known.name, &entry.name) {
                Some(first) => ProblemKind::SameHyperparameter {
                    first: first.to_owned(),
                    second: entry.name.clone(),
                },
                None => continue,
            },
            Err(_) if used.contains(&entry.name.as_str()) => continue,
            Err(_) => ProblemKind::UnknownParameter {
                parameter: entry.name.clone(),
                nearest: hyperparameters::nearest(&entry.name).map(str::to_owned),
            },
        };
        problems.push(Problem::new(entry.span.clone(), kind));
    }
}

/// The parameters that one is tied to or that its condition tests.
fn references(parameter: &Parameter) -> Vec<&str> {
    let mut names: Vec<&str> = parameter.condition.iter().flat_map(Condition::references).collect();
    if let Rule::Tied(expression) = &parameter.rule {
        names.extend(expression.references().iter().map(String::as_str));
    }
    names
}

/// Whether the trainer takes every value of the domain. Of an interval its ends are looked at, but
/// not under a prior that has hardly any mass there: the trainer refuses what it cannot take.
fn check_legal(
    entry: &Entry<'_>,
    known: &Hyperparameter,
    (domain, prior): (&Domain, &Prior),
    problems: &mut Vec<Problem>,
) {
    let samples = match domain {
        Domain::Fixed(value) => vec![value.clone()],
        Domain::Categorical { choices, .. } => choices.clone(),
        Domain::Int { low, high, .. } => vec![Value::Int(*low), Value::Int(*high)],
        Domain::Float { low, high, step, .. } => {
            if matches!(known.kind, Legal::Int { .. })
                && !matches!(step, Some(Step::WholeMultiple(_)))
            {
                return problems.push(illegal(entry, "any real number", known));
            }
            let uniform = *prior == Prior::Uniform;
            let ends = [*low, *high].into_iter().filter(|_| uniform);
            ends.map(|end| rounded(end, *step)).collect()
        }
    };
    let refused = samples.iter().find(|sample| known.check(&json(sample)).is_err());
    if let Some(refused) = refused {
        problems.push(illegal(entry, &refused.to_string(), known));
    }
}

/// An end of an interval as it is drawn.
fn rounded(end: f64, step: Option<Step>) -> Value {
    match step {
        Some(step) => Value::Float((end / step.size()).round_ties_even() * step.size()),
        None => Value::Float(end),
    }
}

fn illegal(entry: &Entry<'_>, found: &str, known: &Hyperparameter) -> Problem {
    let kind = ProblemKind::IllegalValue {
        parameter: entry.name.clone(),
        found: found.to_owned(),
        legal: known.kind.to_string(),
    };
    Problem::new(entry.node.span.clone(), kind)
}

fn json(value: &Value) -> Json {
    tunesmith_runtime::params::json(value)
}
