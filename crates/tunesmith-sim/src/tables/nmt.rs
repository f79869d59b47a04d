//! 162 LoRA fine-tunings of BLOOMZ and XGLM for French to English translation: the whole grid of model size, rank,
//! batch size and learning rate, looked up exactly. The value is the least perplexity of the curve, as the models were
//! kept. Source and licence: `hpo/nmt/LICENSE.md` of the data. Refuses points off the grid, which the space does not
//! have.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tunesmith_core::{Domain, Goal, Metric, Parameter, Params, SearchSpace, Summary, Value};

use super::read::{ReadError, rows};
use crate::objective::{Evaluation, Objective, Point};

const FILE: &str = "hpo/nmt/nmtlc_fr-en-lora_so-en-scratch.jsonl.gz";
/// Device seconds between two points of a curve at batch 32: an assumption, that only sets the unit of time.
const POINT_SECONDS: f64 = 600.0;

#[derive(Deserialize)]
struct Run {
    task: String,
    basemodel: String,
    hyperparams: Hyperparameters,
    perplexity_curve: Vec<f64>,
}

#[derive(Deserialize)]
struct Hyperparameters {
    initial_lr: f64,
    model_size: i64,
    num_layers: i64,
    batch_size: i64,
    r: i64,
}

/// The perplexity of a LoRA of one family of models.
#[derive(Debug)]
pub(crate) struct Nmt {
    space: SearchSpace,
    metric: Metric,
    /// By the canonical text of the params.
    curves: BTreeMap<String, Vec<f64>>,
    landmarks: Vec<Params>,
}

impl Nmt {
    /// The fine-tunings of `bloomz` or `xglm`, from the data directory.
    pub(crate) fn read(data: &Path, model: &str) -> Result<Self, ReadError> {
        let path = data.join(FILE);
        let runs = rows::<Run>(&path)?.into_iter();
        let runs: Vec<Run> =
            runs.filter(|run| run.task == "finetune" && run.basemodel == model).collect();
        if runs.is_empty() {
            return Err(ReadError::Empty { path, what: "LoRA fine-tunings" });
        }
        let landmarks: Vec<Params> = runs.iter().map(Run::params).collect();
        let names = ["model", "learning_rate", "per_device_train_batch_size", "lora.r"];
        let parameter = |name: &str| {
            let mut choices: Vec<Value> =
                landmarks.iter().filter_map(|params| params.get(name).cloned()).collect();
            let key = |value: &Value| value.as_f64().unwrap_or(0.0);
            choices.sort_by(|left, right| {
                key(left).total_cmp(&key(right)).then(left.canonical().cmp(&right.canonical()))
            });
            choices.dedup();
            Parameter::new(name, Domain::Categorical { choices, ordered: name != "model" })
        };
        let space = crate::legal(names.map(parameter).to_vec());
        let mut metric = Metric::new("eval_perplexity", Goal::Minimize);
        metric.summary = Summary::Best;
        let keys = landmarks.iter().map(Params::canonical);
        let curves = keys.zip(runs.into_iter().map(|run| run.perplexity_curve)).collect();
        Ok(Self { space, metric, curves, landmarks })
    }
}

impl Run {
    fn params(&self) -> Params {
        let of = &self.hyperparams;
        let model = format!("{}-{}x{}", self.basemodel, of.num_layers, of.model_size);
        Params::from([
            ("model", Value::Text(model)),
            ("learning_rate", Value::Float(of.initial_lr)),
            ("per_device_train_batch_size", Value::Int(of.batch_size)),
            ("lora.r", Value::Int(of.r)),
        ])
    }
}

impl Objective for Nmt {
    fn space(&self) -> &SearchSpace {
        &self.space
    }

    fn metric(&self) -> &Metric {
        &self.metric
    }

    fn evaluate(&self, params: &Params) -> Evaluation {
        let Some(values) = self.curves.get(&params.canonical()) else {
            return Evaluation::at_end(f64::NAN, POINT_SECONDS);
        };
        let count = values.len() as f64;
        let point = |(index, value): (usize, &f64)| Point {
            fraction: (index as f64 + 1.0) / count,
            value: *value,
        };
        let curve = values.iter().enumerate().map(point).collect();
        Evaluation { curve, seconds: count * POINT_SECONDS }
    }

    fn landmarks(&self) -> Vec<Params> {
        self.landmarks.clone()
    }
}
