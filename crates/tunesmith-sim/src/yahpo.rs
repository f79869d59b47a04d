//! The surrogates of YAHPO Gym 1.0.2 (Pfisterer, Schneider, Moosbauer, Binder and Bischl, AutoML 2022): networks that
//! predict what a machine-learning program would have scored, in ONNX, run by tract.
//!
//! The instance is fixed and the fidelities are at their ends; where epochs are one of them the curve is predicted
//! too. Refuses the noise of the suite's own evaluations: a network's prediction is a mean.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;
use tract_onnx::prelude::*;
use tunesmith_core::{
    Condition, Domain, Goal, Metric, Parameter, Params, Scale, SearchSpace, Value,
};

use crate::objective::{Evaluation, Objective, Point};

/// Why a surrogate cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SurrogateError {
    /// A file that cannot be read.
    #[error("cannot read {}: {source}; give the directory that holds `hpo` with --data", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A description of another shape.
    #[error("{} is no description of a YAHPO scenario: {source}", path.display())]
    Description {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A name that the description does not have.
    #[error("the scenario {scenario} has no {what} {name}")]
    Absent {
        /// The scenario.
        scenario: String,
        /// Of what kind.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A network that tract does not run.
    #[error("{} cannot be run: {source}", path.display())]
    Network {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

#[derive(Debug, Deserialize)]
struct Scenario {
    instance_param: Option<String>,
    fidelity: Vec<String>,
    x_cat_order: Vec<String>,
    x_cont_order: Vec<String>,
    y_order: Vec<String>,
    y_minimize: Vec<bool>,
    runtime: String,
}

#[derive(Debug, Deserialize)]
struct Hyperparameters {
    hyperparameters: Vec<Described>,
    conditions: Vec<Dependence>,
}

#[derive(Debug, Deserialize)]
struct Described {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    log: bool,
    lower: Option<f64>,
    upper: Option<f64>,
    #[serde(default)]
    choices: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Dependence {
    child: String,
    parent: String,
    #[serde(default)]
    values: Vec<String>,
    value: Option<String>,
}

type Codes = BTreeMap<String, BTreeMap<String, i32>>;

/// A network with the order of its columns.
#[derive(Debug)]
struct Network {
    plan: Arc<TypedRunnableModel>,
    categories: usize,
    numbers: usize,
}

/// A scenario on one instance.
#[derive(Debug)]
pub(crate) struct Yahpo {
    space: SearchSpace,
    metric: Metric,
    network: Network,
    scenario: Scenario,
    codes: Codes,
    /// The instance and the fidelities, which are not searched.
    fixed: Params,
    /// Where the metric and the run time stand in the network's answer.
    score: usize,
    runtime: usize,
    /// What the metric is multiplied by: percentages become shares.
    unit: f64,
}

impl Yahpo {
    /// The scenario on an instance, with one of its metrics to search, from the data directory.
    pub(crate) fn read(
        data: &Path,
        name: &str,
        instance: &str,
        metric: &str,
    ) -> Result<Self, SurrogateError> {
        let root = data.join("hpo/yahpo");
        let absent = |what, absent: &str| SurrogateError::Absent {
            scenario: name.to_owned(),
            what,
            name: absent.to_owned(),
        };
        let mut scenarios: BTreeMap<String, Scenario> = json(&root.join("scenarios.json"))?;
        let scenario = scenarios.remove(name).ok_or_else(|| absent("entry", name))?;
        let described: Hyperparameters = json(&root.join(name).join("config_space.json"))?;
        let codes: Codes = json(&root.join(name).join("encoding.json"))?;
        let mut fixed = Params::new();
        if let Some(parameter) = &scenario.instance_param {
            if !codes.get(parameter).is_some_and(|codes| codes.contains_key(instance)) {
                return Err(absent("instance", instance));
            }
            fixed.insert(parameter.as_str(), instance);
        }
        for fidelity in &scenario.fidelity {
            let full = described.of(fidelity).and_then(|of| of.upper);
            fixed.insert(fidelity.as_str(), full.ok_or_else(|| absent("fidelity", fidelity))?);
        }
        let column = |name: &str| scenario.y_order.iter().position(|column| column == name);
        let score = column(metric).ok_or_else(|| absent("metric", metric))?;
        let runtime =
            column(&scenario.runtime).ok_or_else(|| absent("metric", &scenario.runtime))?;
        let goal = if scenario.y_minimize[score] { Goal::Minimize } else { Goal::Maximize };
        let searched = described.searched(&fixed).ok_or_else(|| absent("usable", "space"))?;
        let network = Network::read(
            &root.join(name).join("model.onnx"),
            scenario.x_cat_order.len(),
            scenario.x_cont_order.len(),
        )?;
        let unit = if metric == "val_accuracy" { 0.01 } else { 1.0 };
        let (space, metric) = (crate::legal(searched), Metric::new(metric, goal));
        Ok(Self { space, metric, network, scenario, codes, fixed, score, runtime, unit })
    }

    /// What the network says of params, with some of the fixed ones replaced. NaN where it cannot be run.
    fn predict(&self, params: &Params, instead: &[(&str, f64)]) -> Vec<f32> {
        let value = |name: &str| {
            let replaced = instead.iter().find(|(other, _)| *other == name);
            let replaced = replaced.map(|(_, value)| Value::Float(*value));
            replaced.or_else(|| params.get(name).or_else(|| self.fixed.get(name)).cloned())
        };
        let code = |name: &String| {
            let text = value(name).and_then(|value| value.as_str().map(str::to_owned));
            let codes = self.codes.get(name);
            // An inactive column is the first word, `#na#`.
            text.and_then(|text| codes?.get(&text).copied()).unwrap_or(0)
        };
        let number =
            |name: &String| value(name).and_then(|value| value.as_f64()).unwrap_or(0.0) as f32;
        let categories: Vec<i32> = self.scenario.x_cat_order.iter().map(code).collect();
        let numbers: Vec<f32> = self.scenario.x_cont_order.iter().map(number).collect();
        let answer = self.network.run(&categories, &numbers);
        answer.unwrap_or_else(|_| vec![f32::NAN; self.scenario.y_order.len()])
    }

    /// The epochs at which the curve is predicted: thirteen, or none where epochs are no fidelity.
    fn epochs(&self) -> Vec<f64> {
        let most = self.fixed.get("epoch").and_then(Value::as_f64);
        most.map_or_else(Vec::new, |most| {
            (1..=13).map(|index| most * f64::from(index) / 13.0).collect()
        })
    }

    fn score(&self, answer: &[f32]) -> f64 {
        answer.get(self.score).map_or(f64::NAN, |value| f64::from(*value) * self.unit)
    }
}

impl Objective for Yahpo {
    fn space(&self) -> &SearchSpace {
        &self.space
    }

    fn metric(&self) -> &Metric {
        &self.metric
    }

    fn evaluate(&self, params: &Params) -> Evaluation {
        let full = self.predict(params, &[]);
        let seconds = full.get(self.runtime).map_or(1.0, |seconds| f64::from(*seconds).max(1.0));
        let epochs = self.epochs();
        let most = epochs.last().copied().unwrap_or(1.0);
        let point = |epoch: &f64| Point {
            fraction: epoch / most,
            value: self.score(&self.predict(params, &[("epoch", *epoch)])),
        };
        if epochs.is_empty() {
            return Evaluation::at_end(self.score(&full), seconds);
        }
        Evaluation { curve: epochs.iter().map(point).collect(), seconds }
    }

    fn value(&self, params: &Params) -> Option<f64> {
        Some(self.score(&self.predict(params, &[]))).filter(|value| value.is_finite())
    }
}

impl Hyperparameters {
    fn of(&self, name: &str) -> Option<&Described> {
        self.hyperparameters.iter().find(|described| described.name == name)
    }

    /// The parameters that are not fixed; `None` where one has a form that YAHPO does not use.
    fn searched(&self, fixed: &Params) -> Option<Vec<Parameter>> {
        let searched = self.hyperparameters.iter().filter(|of| fixed.get(&of.name).is_none());
        searched.map(|of| self.parameter(of)).collect()
    }

    fn parameter(&self, of: &Described) -> Option<Parameter> {
        let scale = if of.log { Scale::Log } else { Scale::Linear };
        let domain = match of.kind.as_str() {
            "categorical" => Domain::categorical(of.choices.iter().map(String::as_str)),
            "uniform_int" => {
                Domain::Int { low: of.lower? as i64, high: of.upper? as i64, scale, step: 1 }
            }
            "uniform_float" => Domain::Float { low: of.lower?, high: of.upper?, scale, step: None },
            _ => return None,
        };
        let parameter = Parameter::new(&of.name, domain);
        let Some(on) = self.conditions.iter().find(|condition| condition.child == of.name) else {
            return Some(parameter);
        };
        let values = on.values.iter().chain(&on.value).map(String::as_str);
        Some(parameter.when(Condition::one_of(&on.parent, values)))
    }
}

impl Network {
    fn read(path: &Path, categories: usize, numbers: usize) -> Result<Self, SurrogateError> {
        let plan = load(path, categories, numbers).map_err(|source| SurrogateError::Network {
            path: path.to_owned(),
            source: source.into(),
        })?;
        Ok(Self { plan, categories, numbers })
    }

    /// One row in, one row out.
    fn run(&self, categories: &[i32], numbers: &[f32]) -> TractResult<Vec<f32>> {
        let categories = Tensor::from_shape(&[1, self.categories], categories)?;
        let numbers = Tensor::from_shape(&[1, self.numbers], numbers)?;
        let answers = self.plan.run(tvec!(categories.into(), numbers.into()))?;
        let answer = answers[0].to_plain_array_view::<f32>()?;
        Ok(answer.iter().copied().collect())
    }
}

fn load(path: &Path, categories: usize, numbers: usize) -> TractResult<Arc<TypedRunnableModel>> {
    tract_onnx::onnx()
        .model_for_path(path)?
        .with_input_fact(0, i32::fact([1, categories]).into())?
        .with_input_fact(1, f32::fact([1, numbers]).into())?
        .into_optimized()?
        .into_runnable()
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, SurrogateError> {
    let failed = |source| SurrogateError::File { path: path.to_owned(), source };
    let text = fs::read_to_string(path).map_err(failed)?;
    serde_json::from_str(&text)
        .map_err(|source| SurrogateError::Description { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCENARIOS: [(&str, &str, &str); 4] = [
        ("lcbench", "167168", "val_accuracy"),
        ("rbv2_rpart", "14", "acc"),
        ("rbv2_xgboost", "12", "acc"),
        ("iaml_glmnet", "1067", "mmce"),
    ];

    #[derive(Deserialize)]
    struct Checked {
        scenario: String,
        config: BTreeMap<String, serde_json::Value>,
        y: BTreeMap<String, f64>,
    }

    impl Checked {
        fn params(&self) -> Params {
            let value = |(name, value): (&String, &serde_json::Value)| {
                let value = match value.as_str() {
                    Some(text) => Value::from(text),
                    None => Value::Float(value.as_f64().expect("a number")),
                };
                (name.clone(), value)
            };
            self.config.iter().map(value).collect()
        }
    }

    #[test]
    fn the_checked_vectors_come_out() {
        let Some(data) = crate::real_data() else { return };
        let path = data.join("hpo/yahpo/golden_vectors.json");
        let vectors: Vec<Checked> = json(&path).expect("the vectors");
        let mut checked = 0;
        for (scenario, instance, metric) in SCENARIOS {
            let surrogate = Yahpo::read(&data, scenario, instance, metric).expect(scenario);
            for vector in vectors.iter().filter(|vector| vector.scenario == scenario) {
                let answer = surrogate.predict(&vector.params(), &[]);
                for (column, found) in surrogate.scenario.y_order.iter().zip(answer) {
                    let expected = vector.y[column];
                    // Times and memory leave the network through an exponential, which stretches float32's rounding.
                    let stretched = column.contains("time") || column == "memory";
                    let tolerance = if stretched { 1e-2 } else { 1e-5 };
                    let error = (f64::from(found) - expected).abs() / (1.0 + expected.abs());
                    let close = error <= tolerance;
                    assert!(close, "{scenario} {column}: {found} instead of {expected}");
                }
                checked += 1;
            }
        }
        assert_eq!(checked, vectors.len());
        assert_eq!(checked, 250);
    }

    #[test]
    fn conditions_and_curves_are_those_of_the_scenario() {
        let Some(data) = crate::real_data() else { return };
        let boosted = Yahpo::read(&data, "rbv2_xgboost", "12", "acc").expect("a surrogate");
        assert_eq!(boosted.space.searched().count(), 14);
        assert!(boosted.space.is_conditional());
        let networks =
            Yahpo::read(&data, "lcbench", "167168", "val_accuracy").expect("a surrogate");
        let params = networks.space.sample(&tunesmith_core::Rng::at(0, 0, "test"));
        let evaluation = networks.evaluate(&params);
        assert_eq!(evaluation.curve.len(), 13);
        assert_eq!(evaluation.value(&networks.metric), networks.value(&params));
        let error = Yahpo::read(&data, "lcbench", "1", "val_accuracy").expect_err("no instance");
        assert!(error.to_string().contains("no instance 1"), "{error}");
    }
}
