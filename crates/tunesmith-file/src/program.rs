//! `program`, `command` and what goes with them to how a study's trials are run as programs. It
//! refuses what W&B drops without a word, unless it is told to be lenient: a macro that there is not,
//! and a variable of the environment that is not set.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tunesmith_runtime::program::command::{CommandError, Occasion, expand};
use tunesmith_runtime::program::resources::Resources;
use tunesmith_runtime::program::spec::{Capture, DEFAULT_COMMAND, Length, ProgramSpec, Total};

use super::problem::{Problem, ProblemKind};
use super::shape::{duration_ms, size_bytes};
use super::yaml::{Kind, Node};

/// The keys that only a study of a program has.
pub(super) const KEYS: [&str; 12] = [
    "program",
    "command",
    "directory",
    "env",
    "capture",
    "progress",
    "grace",
    "time_limit",
    "retries",
    "resources",
    "parallel",
    "lenient",
];
/// Parameters that say how long a trial is where `progress` does not: those of the Trainer and of
/// common scripts, whose output has an `epoch`.
const EPOCHS: [&str; 4] = ["num_train_epochs", "epochs", "num_epochs", "max_epochs"];

/// Whether the file says that trials are programs.
pub(super) fn is_there(root: &Node) -> bool {
    root.get("program").is_some() || root.get("command").is_some()
}

/// Reads the checked keys. `base` is the folder of the file, `names` are those of the parameters.
pub(super) fn read(
    root: &Node,
    base: &Path,
    names: &[&str],
    problems: &mut Vec<Problem>,
) -> Option<ProgramSpec> {
    let words = |node: &Node| node.elements().iter().map(scalar).collect::<Option<Vec<_>>>();
    let command = match root.get("command") {
        Some(node) => words(node)?,
        None => DEFAULT_COMMAND.map(str::to_owned).into(),
    };
    let directory =
        root.get("directory").and_then(Node::text).map_or_else(PathBuf::new, PathBuf::from);
    let mut spec = ProgramSpec::new(command, base.join(directory));
    spec.program = root.get("program").and_then(Node::text).map(str::to_owned);
    spec.environment = environment(root.get("env"));
    spec.groups = groups(root.get("parameters"), "");
    spec.lenient = is_lenient(root);
    spec.capture = match root.get("capture").and_then(Node::text) {
        Some("report") => Capture::Report,
        Some("wandb") => Capture::Wandb,
        _ => Capture::Output,
    };
    spec.progress = progress(root.get("progress"), names, problems);
    let length = |key: &str| root.get(key).and_then(Node::text).and_then(duration_ms);
    spec.grace_ms = length("grace").unwrap_or(spec.grace_ms);
    spec.time_limit_ms = length("time_limit");
    let whole = |key: &str| super::whole(root, key);
    spec.retries = whole("retries").map_or(0, super::saturated);
    spec.resources = root.get("resources").map(resources);
    spec.parallel = whole("parallel").map(|count| super::saturated(count) as usize);
    check_command(root, &spec, problems);
    Some(spec)
}

/// Refuses what belongs to programs in a file that trains by itself.
pub(super) fn refuse(root: &Node, problems: &mut Vec<Problem>) {
    for entry in root.entries().iter().filter(|entry| KEYS.contains(&entry.key.as_str())) {
        let kind = ProblemKind::OfPrograms { key: entry.key.clone() };
        problems.push(Problem::new(entry.key_span.clone(), kind));
    }
}

fn resources(node: &Node) -> Resources {
    let number = |key: &str| node.get(key).and_then(Node::number);
    Resources {
        cpu: number("cpu"),
        gpu: number("gpu"),
        memory_bytes: node.get("memory").and_then(Node::text).and_then(size_bytes),
    }
}

fn environment(node: Option<&Node>) -> BTreeMap<String, String> {
    let entries = node.map(Node::entries).unwrap_or_default();
    entries.iter().filter_map(|entry| Some((entry.key.clone(), scalar(&entry.value)?))).collect()
}

/// A scalar as the text that it is in the file's own terms: W&B's words are strings too.
fn scalar(node: &Node) -> Option<String> {
    Some(match &node.kind {
        Kind::Text(text) => text.clone(),
        Kind::Int(value) => value.to_string(),
        Kind::Float(value) => value.to_string(),
        Kind::Bool(value) => value.to_string(),
        Kind::Null => String::new(),
        Kind::List(_) | Kind::Map(_) => return None,
    })
}

/// The names of parameters that hold others.
fn groups(parameters: Option<&Node>, prefix: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in parameters.map(Node::entries).unwrap_or_default() {
        if let Some(nested) = entry.value.get("parameters") {
            let name = format!("{prefix}{}", entry.key);
            let within = format!("{name}.");
            found.push(name);
            found.extend(groups(Some(nested), &within));
        }
    }
    found
}

fn progress(node: Option<&Node>, names: &[&str], problems: &mut Vec<Problem>) -> Option<Length> {
    let Some(node) = node else {
        let known = EPOCHS.iter().find(|name| names.contains(name))?;
        let total = Total::Parameter((*known).to_owned());
        return Some(Length { metric: "epoch".to_owned(), total });
    };
    let metric = node.get("metric")?.text()?.to_owned();
    let total = node.get("total")?;
    if let Some(number) = total.number() {
        return Some(Length { metric, total: Total::Number(number) });
    }
    let name = total.text()?.to_owned();
    if !names.contains(&name.as_str()) {
        let kind = ProblemKind::UnknownTotal { name: name.clone() };
        problems.push(Problem::new(total.span.clone(), kind));
    }
    Some(Length { metric, total: Total::Parameter(name) })
}

/// Whether the file drops what W&B drops.
fn is_lenient(root: &Node) -> bool {
    root.get("lenient").is_some_and(|node| matches!(node.kind, Kind::Bool(true)))
}

/// Expands every word by itself, so that an objection finds its line.
fn check_command(root: &Node, spec: &ProgramSpec, problems: &mut Vec<Problem>) {
    if spec.lenient {
        return;
    }
    let variable =
        |name: &str| spec.environment.get(name).cloned().or_else(|| std::env::var(name).ok());
    let params = BTreeMap::new();
    let json_file = Path::new("config.json");
    let nodes = root.get("command").map(Node::elements).unwrap_or_default();
    for (index, word) in spec.command.iter().enumerate() {
        let alone = ProgramSpec { command: vec![word.clone()], ..spec.clone() };
        let occasion = Occasion { params: &params, json_file, variable: &variable, lenient: false };
        match expand(&alone, occasion) {
            Ok(_) | Err(CommandError::Empty) => {}
            Err(error) => {
                let span = nodes.get(index).map_or(root.span.clone(), |node| node.span.clone());
                let kind = ProblemKind::Command { message: error.to_string() };
                problems.push(Problem::new(span, kind));
            }
        }
    }
}
