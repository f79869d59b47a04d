//! Whether a study file still describes the study that its name has in the storage. It refuses to
//! let anything but the budget, the labels and where and how fast the work is done differ: the
//! trials that were run would mean something else.

use tunesmith_core::StudyConfig;

use crate::warm::LABEL;

/// A study of this name exists and is another one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the study `{name}` exists with another configuration: {} differ{}; give the file another `name`, or change it back (`budget` may change)",
    fields.join(", "),
    if fields.len() == 1 { "s" } else { "" }
)]
pub struct Differs {
    /// The study.
    pub name: String,
    /// The keys of the study file that differ.
    pub fields: Vec<String>,
}

/// Checks the file against the study.
///
/// # Errors
/// [`Differs`], naming every key that does.
pub fn check(recorded: &StudyConfig, described: &StudyConfig) -> Result<(), Differs> {
    let mut fields: Vec<String> = Vec::new();
    let mut compare = |name: &str, same: bool| {
        if !same {
            fields.push(format!("`{name}`"));
        }
    };
    compare("parameters", recorded.space == described.space);
    let several = recorded.metrics.len().max(described.metrics.len()) > 1;
    compare(if several { "metrics" } else { "metric" }, recorded.metrics == described.metrics);
    compare("method", recorded.sampler == described.sampler);
    compare("scheduler", recorded.scheduler == described.scheduler);
    compare("final", recorded.replication == described.replication);
    compare("price", recorded.price_per_device_hour == described.price_per_device_hour);
    compare("warm_start", recorded.labels.get(LABEL) == described.labels.get(LABEL));
    compare("seed", recorded.seed == described.seed);
    fields.extend(differing_keys(recorded.task.as_str(), described.task.as_str()));
    if fields.is_empty() {
        return Ok(());
    }
    Err(Differs { name: described.name.clone(), fields })
}

/// What of a program may differ: how much is done at once, and how long its end is waited for.
const OF_THE_WORK: [&str; 4] = ["parallel", "resources", "grace_ms", "retries"];

/// The keys of `train`, or of a program, whose values differ.
fn differing_keys(recorded: &str, described: &str) -> Vec<String> {
    if recorded == described {
        return Vec::new();
    }
    let parse =
        |text: &str| serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text);
    let (Ok(recorded), Ok(described)) = (parse(recorded), parse(described)) else {
        return vec!["`train`".to_owned()];
    };
    let program = |task: &serde_json::Map<String, serde_json::Value>| {
        task.get("program").and_then(serde_json::Value::as_object).cloned()
    };
    let (recorded, described, place) = match (program(&recorded), program(&described)) {
        (Some(recorded), Some(described)) => (recorded, described, ""),
        _ => (recorded, described, "train."),
    };
    let keys = described.keys().chain(recorded.keys().filter(|key| !described.contains_key(*key)));
    keys.filter(|key| !place.is_empty() || !OF_THE_WORK.contains(&key.as_str()))
        .filter(|key| recorded.get(*key) != described.get(*key))
        .map(|key| format!("`{place}{}`", spelled(key)))
        .collect()
}

/// A key of a recorded program as a study file has it.
fn spelled(key: &str) -> &str {
    match key {
        "environment" => "env",
        "groups" => "parameters",
        "time_limit_ms" => "time_limit",
        key => key,
    }
}
