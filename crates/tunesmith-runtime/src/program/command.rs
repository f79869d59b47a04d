//! A sweep's command with its macros to the words of a process, as W&B's agent expands them (wandb
//! 0.28, `wandb/sweeps/agent` and `wandb/wandb_agent.py`). What W&B drops without a word, a macro
//! that it does not know and a variable that is not set, is an error here, unless `lenient`. It
//! refuses to start anything.

use std::path::Path;

use serde_json::{Map, Value as Json};

use super::python;
use super::spec::ProgramSpec;
use tunesmith_train::protocol::Params;

/// What one trial brings to its command.
#[derive(Clone, Copy)]
pub struct Occasion<'a> {
    /// The trial's hyperparameters.
    pub params: &'a Params,
    /// What `${args_json_file}` names.
    pub json_file: &'a Path,
    /// The value of a variable of the environment.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Whether to drop what W&B drops.
    pub lenient: bool,
}

/// Why a command cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// A macro that there is not.
    #[error(
        "`{word}` of the command is no macro; there are {}. W&B drops it without a word, as `--lenient` does",
        MACROS.join(", ")
    )]
    UnknownMacro {
        /// The word.
        word: String,
    },
    /// A variable that is not set.
    #[error(
        "`{word}` of the command needs the environment variable {name}, which is not set here. W&B puts its name there, as `--lenient` does"
    )]
    Unset {
        /// The word.
        word: String,
        /// The variable.
        name: String,
    },
    /// `${program}` without a program.
    #[error(
        "the command has `${{program}}` and the study has no `program`; add `program: train.py`"
    )]
    NoProgram,
    /// No word is left.
    #[error("the command is empty")]
    Empty,
}

/// The macros, as they are written.
pub const MACROS: &[&str] = &[
    "${env}",
    "${interpreter}",
    "${program}",
    "${args}",
    "${args_no_equals}",
    "${args_no_hyphens}",
    "${args_no_boolean_flags}",
    "${args_append_hydra}",
    "${args_override_hydra}",
    "${args_json}",
    "${args_json_file}",
    "${envvar:NAME}",
];

/// The words of the trial's process.
///
/// # Errors
/// [`CommandError`].
pub fn expand(spec: &ProgramSpec, occasion: Occasion<'_>) -> Result<Vec<String>, CommandError> {
    let arguments = nested(&spec.groups, occasion.params);
    let mut words = Vec::new();
    for word in &spec.command {
        let word = variables(word, occasion)?;
        match whole(&word, spec, &arguments, occasion)? {
            Some(expanded) => words.extend(expanded),
            None => words.push(word),
        }
    }
    if words.is_empty() { Err(CommandError::Empty) } else { Ok(words) }
}

/// Whether the command asks for the file of `${args_json_file}`.
pub fn wants_json_file(spec: &ProgramSpec) -> bool {
    spec.command.iter().any(|word| word == "${args_json_file}")
}

/// The arguments as W&B nests them, in the order of their names.
pub(super) fn nested(groups: &[String], params: &Params) -> Map<String, Json> {
    let mut root = Map::new();
    for (name, value) in params {
        put(&mut root, groups, "", name, value);
    }
    root
}

/// Puts a value in its place below the group `path`; `rest` is what of its name is left.
fn put(within: &mut Map<String, Json>, groups: &[String], path: &str, rest: &str, value: &Json) {
    let Some(group) = group_of(groups, path, rest) else {
        within.insert(rest.to_owned(), value.clone());
        return;
    };
    let entry = within.entry(group.to_owned()).or_insert_with(|| Json::Object(Map::new()));
    if let Json::Object(inner) = entry {
        put(inner, groups, &joined(path, group), &rest[group.len() + 1..], value);
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The group that `rest` begins with, below `path`.
fn group_of<'a>(groups: &[String], path: &str, rest: &'a str) -> Option<&'a str> {
    let parts = rest.match_indices('.').map(|(at, _)| &rest[..at]);
    parts.into_iter().find(|part| groups.contains(&joined(path, part)))
}

/// Puts in `${envvar:NAME}`, anywhere in a word.
fn variables(word: &str, occasion: Occasion<'_>) -> Result<String, CommandError> {
    const OPEN: &str = "${envvar:";
    let mut out = String::new();
    let mut rest = word;
    while let Some(at) = rest.find(OPEN) {
        let tail = &rest[at + OPEN.len()..];
        let length = tail
            .find(|letter: char| {
                !(letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_')
            })
            .unwrap_or(tail.len());
        let (name, after) = tail.split_at(length);
        let Some(after) = after.strip_prefix('}') else {
            out.push_str(&rest[..at + OPEN.len()]);
            rest = tail;
            continue;
        };
        out.push_str(&rest[..at]);
        match (occasion.variable)(name) {
            Some(value) => out.push_str(&value),
            None if occasion.lenient => out.push_str(name),
            None => {
                return Err(CommandError::Unset { word: word.to_owned(), name: name.to_owned() });
            }
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// What a word that is a macro as a whole stands for; `None` where it is none.
fn whole(
    word: &str,
    spec: &ProgramSpec,
    arguments: &Map<String, Json>,
    occasion: Occasion<'_>,
) -> Result<Option<Vec<String>>, CommandError> {
    let Some(name) = word.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) else {
        return Ok(None);
    };
    let each = |one: &dyn Fn(&str, &Json) -> Vec<String>| {
        arguments.iter().flat_map(|(name, value)| one(name, value)).collect::<Vec<_>>()
    };
    let equals = |before: &str, name: &str, value: &Json| {
        vec![format!("{before}{name}={}", python::str(value))]
    };
    Ok(Some(match name {
        "env" => vec!["/usr/bin/env".to_owned()],
        "interpreter" => vec!["python".to_owned()],
        "program" => vec![spec.program.clone().ok_or(CommandError::NoProgram)?],
        "args" => each(&|name, value| equals("--", name, value)),
        "args_no_equals" => each(&|name, value| vec![format!("--{name}"), python::str(value)]),
        "args_no_hyphens" => each(&|name, value| equals("", name, value)),
        "args_no_boolean_flags" => each(&|name, value| match value {
            Json::Bool(true) => vec![format!("--{name}")],
            Json::Bool(false) => Vec::new(),
            value => equals("--", name, value),
        }),
        "args_append_hydra" => each(&|name, value| equals("+", name, value)),
        "args_override_hydra" => each(&|name, value| equals("++", name, value)),
        "args_json" => vec![python::dumps(&Json::Object(arguments.clone()))],
        "args_json_file" => vec![occasion.json_file.to_string_lossy().into_owned()],
        _ if occasion.lenient => Vec::new(),
        _ => return Err(CommandError::UnknownMacro { word: word.to_owned() }),
    }))
}
