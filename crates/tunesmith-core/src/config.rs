//! What a study is: the content of its log's first event. Refuses file formats: the study file is read elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::budget::Budget;
use crate::metric::Metric;
use crate::rng::Rng;
use crate::space::{ParamsError, SearchSpace};
use crate::study::{MOST_REPLICATION, Replication};
use crate::value::Params;

/// The least lease, in milliseconds.
pub const LEAST_LEASE_MS: u64 = 1_000;

/// What a study is. Only its budget changes after it was created.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyConfig {
    /// Its name, unique in its storage.
    pub name: String,
    /// What is searched; define-by-run adds to it.
    pub space: SearchSpace,
    /// The objectives, at least one. The first decides where one number is needed.
    pub metrics: Vec<Metric>,
    /// Which sampler, with its options.
    pub sampler: Component,
    /// Which scheduler, with its options.
    pub scheduler: Component,
    /// What it may spend at first; a later [`Fact::BudgetChanged`](crate::Fact::BudgetChanged) replaces it.
    pub budget: Budget,
    /// How the winner is chosen; `None` takes the best value as it was measured.
    pub replication: Option<Replication>,
    /// Money for one hour of one device.
    pub price_per_device_hour: Option<f64>,
    /// Where all of its chance comes from.
    pub seed: u64,
    /// How long a worker may hold a trial without a sign of life.
    pub lease_ms: u64,
    /// What the executor runs: JSON that the core does not look into.
    pub task: Document,
    /// Descriptive text without effect.
    pub labels: BTreeMap<String, String>,
}

/// A sampler or a scheduler by name, with its options.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Component {
    /// As the registry knows it.
    pub name: String,
    /// Its options.
    pub options: Params,
}

/// A JSON document in canonical text (keys sorted, no spaces), so that equal documents are equal texts. Made by
/// [`wire::document`](crate::wire::document).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document(pub(crate) String);

/// Why a configuration is impossible.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No name.
    #[error("a study needs a name")]
    NoName,
    /// Nothing to measure.
    #[error("a study needs a metric; name what to optimise")]
    NoMetric,
    /// A metric that appears twice.
    #[error("the metric {name} is listed twice; leave one out")]
    RepeatedMetric {
        /// Its name.
        name: String,
    },
    /// A number that must be finite and above 0.
    #[error("{field} is {value}; it must be a finite number above 0")]
    NotPositive {
        /// Which.
        field: &'static str,
        /// The number.
        value: f64,
    },
    /// A target that is no number.
    #[error("the target of the metric {name} is not finite")]
    BadTarget {
        /// The metric.
        name: String,
    },
    /// A budget of money without a price.
    #[error("a budget of money needs a price for an hour of the device")]
    CostWithoutPrice,
    /// A tie that has no value for any params tried.
    #[error("no params were found for which the tied parameters have values: {0}")]
    Tie(#[source] ParamsError),
    /// A choice of the winner that chooses nothing, or costs more than any search.
    #[error(
        "the winner is chosen among {top} trials on {seeds} seeds each; give 1 to {MOST_REPLICATION} of both"
    )]
    BadReplication {
        /// How many trials.
        top: u32,
        /// On how many seeds.
        seeds: u32,
    },
    /// A lease too short to renew.
    #[error("a lease of {lease_ms} ms is too short; give at least {LEAST_LEASE_MS}")]
    ShortLease {
        /// Its length.
        lease_ms: u64,
    },
}

impl Component {
    /// A component without options.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), options: Params::new() }
    }
}

impl Document {
    /// The canonical JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Document {
    fn default() -> Self {
        Self("null".to_owned())
    }
}

impl StudyConfig {
    /// How long a lease lasts where nobody says otherwise: two minutes.
    pub const DEFAULT_LEASE_MS: u64 = 120_000;

    /// A study of one metric with random search, no limits and seed 0; the rest is set by field.
    pub fn new(name: &str, space: SearchSpace, metric: Metric) -> Self {
        Self {
            name: name.to_owned(),
            space,
            metrics: vec![metric],
            sampler: Component::named("random"),
            scheduler: Component::named("none"),
            budget: Budget::default(),
            replication: None,
            price_per_device_hour: None,
            seed: 0,
            lease_ms: Self::DEFAULT_LEASE_MS,
            task: Document::default(),
            labels: BTreeMap::new(),
        }
    }

    /// Checks what the types do not.
    ///
    /// # Errors
    /// With the first thing that is wrong.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.name.trim().is_empty() {
            return Err(ConfigError::NoName);
        }
        if self.metrics.is_empty() {
            return Err(ConfigError::NoMetric);
        }
        let mut names = BTreeSet::new();
        for metric in &self.metrics {
            if !names.insert(&metric.name) {
                return Err(ConfigError::RepeatedMetric { name: metric.name.clone() });
            }
            if metric.target.is_some_and(|target| !target.is_finite()) {
                return Err(ConfigError::BadTarget { name: metric.name.clone() });
            }
        }
        if let Some(Replication { top, seeds }) = self.replication {
            let legal = 1..=MOST_REPLICATION;
            if !(legal.contains(&top) && legal.contains(&seeds)) {
                return Err(ConfigError::BadReplication { top, seeds });
            }
        }
        if self.lease_ms < LEAST_LEASE_MS {
            return Err(ConfigError::ShortLease { lease_ms: self.lease_ms });
        }
        positive("the price of a device hour", self.price_per_device_hour)?;
        self.check_budget(&self.budget)?;
        self.check_ties()
    }

    /// Refuses a space in which every one of 32 draws breaks a tie: a search would fail every trial.
    fn check_ties(&self) -> Result<(), ConfigError> {
        let draw =
            |number| self.space.fill(&Params::new(), &Rng::at(self.seed, number, "check ties"));
        let mut broken = None;
        for number in 0..32 {
            match draw(number) {
                Ok(_) => return Ok(()),
                Err(error) => broken = Some(error),
            }
        }
        broken.map_or(Ok(()), |error| Err(ConfigError::Tie(error)))
    }

    /// Checks a budget for this study.
    ///
    /// # Errors
    /// Where a limit is not above 0, or money has no price.
    pub fn check_budget(&self, budget: &Budget) -> Result<(), ConfigError> {
        positive("the budget of trials", budget.trials.map(f64::from))?;
        positive("the budget of wall time", budget.wall_ms.map(|wall_ms| wall_ms as f64))?;
        positive("the budget of device time", budget.device_seconds)?;
        positive("the budget of money", budget.cost)?;
        if budget.cost.is_some() && self.price_per_device_hour.is_none() {
            return Err(ConfigError::CostWithoutPrice);
        }
        Ok(())
    }
}

fn positive(field: &'static str, value: Option<f64>) -> Result<(), ConfigError> {
    match value {
        Some(value) if !(value.is_finite() && value > 0.0) => {
            Err(ConfigError::NotPositive { field, value })
        }
        _ => Ok(()),
    }
}
