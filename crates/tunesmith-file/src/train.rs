//! `train` to what a trainer is opened with. It refuses to look at the disk: whether files and
//! models are there is the trainer's to say.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};
use tunesmith_train::data::Task;
use tunesmith_train::protocol::{Cadence, Model, Open, VERSION};

use super::problem::{Problem, ProblemKind};
use super::yaml::{Entry, Kind, Node};

/// Trials trained at once where the file does not say.
pub(crate) const DEFAULT_PACK: usize = 4;

/// Reads a checked `train` mapping. `base` is the folder of the study file and `study_seed` the
/// seed of the training order where the mapping has none of its own.
pub(crate) fn read(
    node: &Node,
    base: &Path,
    study_seed: u64,
    problems: &mut Vec<Problem>,
) -> Option<Open> {
    if let Some(evaluate) = node.get("evaluate").filter(|node| node.entries().len() != 1) {
        let alternatives = "`steps`, `epochs` and `fraction`";
        let kind = ProblemKind::NotOne { key: "evaluate", alternatives };
        problems.push(Problem::new(evaluate.span.clone(), kind));
        return None;
    }
    let sound = part::<Model>(node, "model", problems)
        & part::<Task>(node, "task", problems)
        & part::<Cadence>(node, "evaluate", problems);
    if !sound {
        return None;
    }
    let Json::Object(mut open) = json(node) else {
        return None;
    };
    open.insert("version".into(), json!(VERSION));
    open.insert("base_directory".into(), json!(base));
    open.entry("pack").or_insert_with(|| json!(DEFAULT_PACK));
    open.entry("data_seed").or_insert_with(|| json!(study_seed));
    match serde_json::from_value(Json::Object(open)) {
        Ok(open) => Some(open),
        Err(error) => {
            problems.push(impossible("train", &error, node));
            None
        }
    }
}

/// Whether the value under `key`, if there is one, can be read as a `T`; notes the problem where
/// it cannot.
fn part<T: DeserializeOwned>(node: &Node, key: &'static str, problems: &mut Vec<Problem>) -> bool {
    let Some(value) = node.get(key) else {
        return true;
    };
    match serde_json::from_value::<T>(json(value)) {
        Ok(_) => true,
        Err(error) => {
            problems.push(impossible(key, &error, value));
            false
        }
    }
}

fn impossible(key: &'static str, error: &serde_json::Error, node: &Node) -> Problem {
    Problem::new(node.span.clone(), ProblemKind::Impossible { key, message: error.to_string() })
}

/// The node as JSON. Labels are names, also where they look like numbers.
fn json(node: &Node) -> Json {
    match &node.kind {
        Kind::Null => Json::Null,
        Kind::Bool(value) => json!(value),
        Kind::Int(value) => json!(value),
        Kind::Float(value) => json!(value),
        Kind::Text(value) => json!(value),
        Kind::List(elements) => elements.iter().map(json).collect(),
        Kind::Map(entries) => Json::Object(entries.iter().map(json_entry).collect::<Map<_, _>>()),
    }
}

fn json_entry(entry: &Entry) -> (String, Json) {
    let value = match entry.key.as_str() {
        "labels" => entry.value.elements().iter().map(name).collect(),
        _ => json(&entry.value),
    };
    (entry.key.clone(), value)
}

fn name(node: &Node) -> Json {
    match json(node) {
        Json::String(name) => Json::String(name),
        other => Json::String(other.to_string()),
    }
}
