//! Study configurations as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Versioned;
use super::space::parameters;
use super::value::params;
use crate::budget::Budget;
use crate::config::{Component, Document, StudyConfig};
use crate::metric::{Goal, Metric, Summary};
use crate::space::SearchSpace;
use crate::study::Replication;
use crate::value::Params;

/// A configuration by itself.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfigText {
    pub(super) format: u32,
    #[serde(with = "ConfigJson")]
    pub(super) config: StudyConfig,
}

impl Versioned for ConfigText {
    fn format(&self) -> u32 {
        self.format
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "StudyConfig", deny_unknown_fields)]
pub(super) struct ConfigJson {
    name: String,
    #[serde(with = "parameters")]
    space: SearchSpace,
    #[serde(with = "metrics")]
    metrics: Vec<Metric>,
    #[serde(with = "ComponentJson")]
    sampler: Component,
    #[serde(with = "ComponentJson")]
    scheduler: Component,
    #[serde(with = "BudgetJson")]
    budget: Budget,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "replication")]
    replication: Option<Replication>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price_per_device_hour: Option<f64>,
    seed: u64,
    lease_ms: u64,
    #[serde(with = "document")]
    task: Document,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Metric", deny_unknown_fields)]
struct MetricJson {
    name: String,
    #[serde(with = "GoalJson")]
    goal: Goal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<f64>,
    #[serde(with = "SummaryJson")]
    summary: Summary,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Goal", rename_all = "snake_case")]
enum GoalJson {
    Minimize,
    Maximize,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Summary", rename_all = "snake_case")]
enum SummaryJson {
    Last,
    Best,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Component", deny_unknown_fields)]
struct ComponentJson {
    name: String,
    #[serde(default, skip_serializing_if = "Params::is_empty", with = "params")]
    options: Params,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Budget", deny_unknown_fields)]
pub(super) struct BudgetJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trials: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wall_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device_seconds: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cost: Option<f64>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Replication", deny_unknown_fields)]
struct ReplicationJson {
    top: u32,
    seeds: u32,
}

mod replication {
    use super::{Deserialize, Deserializer, Replication, ReplicationJson, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Whole(#[serde(with = "ReplicationJson")] Replication);

    #[expect(clippy::ref_option, reason = "serde passes a reference")]
    pub(crate) fn serialize<S: Serializer>(
        replication: &Option<Replication>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        replication.map(Whole).serialize(out)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        json: D,
    ) -> Result<Option<Replication>, D::Error> {
        Ok(Option::<Whole>::deserialize(json)?.map(|whole| whole.0))
    }
}

/// The objectives, in order.
mod metrics {
    use super::{Deserialize, Deserializer, Metric, MetricJson, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Element(#[serde(with = "MetricJson")] Metric);

    pub(crate) fn serialize<S: Serializer>(metrics: &[Metric], out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(metrics.iter().cloned().map(Element))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(json: D) -> Result<Vec<Metric>, D::Error> {
        let elements = Vec::<Element>::deserialize(json)?;
        Ok(elements.into_iter().map(|element| element.0).collect())
    }
}

/// Any JSON, in place.
mod document {
    use super::{Deserialize, Deserializer, Document, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(document: &Document, out: S) -> Result<S::Ok, S::Error> {
        let json: serde_json::Value = serde_json::from_str(document.as_str()).unwrap_or_default();
        json.serialize(out)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(json: D) -> Result<Document, D::Error> {
        serde_json::Value::deserialize(json).map(|json| crate::wire::canonical(&json))
    }
}
