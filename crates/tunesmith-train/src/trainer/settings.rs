//! A trial's hyperparameters as the trainer uses them: every one resolved, defaults included.
//!
//! What the host sends is checked against the table first; what only this model or task can
//! decide is checked here. This file refuses to let anything pass unused.

use serde_json::{Value as Json, json};

use crate::hyperparameters::{HyperparameterError, TABLE, canonical, whole};
use crate::model::EncoderConfig;
use crate::model::layout::{Plan, Target};
use crate::protocol::{FailureReason, Params};
use crate::schedule::{Schedule, Shape};

/// Everything about a trial but its data.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    /// Peak learning rate.
    pub(crate) learning_rate: f64,
    /// Rows of a batch.
    pub(crate) batch_size: usize,
    /// Passes over the data.
    pub(crate) epochs: f64,
    /// Steps instead of epochs.
    pub(crate) max_steps: Option<u64>,
    /// Decoupled weight decay.
    pub(crate) weight_decay: f64,
    /// Shape of the schedule.
    pub(crate) shape: Shape,
    /// Warm-up in steps, or as a part of all.
    pub(crate) warmup: Warmup,
    /// Seed of weights and dropout.
    pub(crate) seed: u64,
    /// Clipping.
    pub(crate) max_grad_norm: f64,
    /// Label smoothing.
    pub(crate) label_smoothing: f32,
    /// Whether class weights are by inverse frequency.
    pub(crate) balanced: bool,
    /// Batches of a step.
    pub(crate) accumulation: usize,
    /// Longest text.
    pub(crate) max_tokens: usize,
    /// AdamW's betas.
    pub(crate) betas: (f64, f64),
    /// AdamW's epsilon.
    pub(crate) epsilon: f64,
    /// Learning-rate factor from a layer to the one below.
    pub(crate) layer_decay: f64,
    /// Dropout: hidden, attention, classifier, adapter.
    pub(crate) dropout: [f32; 4],
    /// LoRA's scale.
    pub(crate) lora_scale: f32,
    /// What decides the pack.
    pub(crate) plan: Plan,
    /// All of it, by name.
    pub(crate) effective: Params,
}

/// How warm-up was given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Warmup {
    /// In steps.
    Steps(u64),
    /// As a part of all steps, rounded up as transformers does.
    Ratio(f64),
}

/// What the model and the task decide.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given<'a> {
    /// The encoder.
    pub(crate) config: &'a EncoderConfig,
    /// Outputs of the classifier.
    pub(crate) outputs: usize,
    /// Whether the head's dense layer came with the checkpoint.
    pub(crate) dense_given: bool,
    /// The trial's seed, unless its params have one.
    pub(crate) seed: u64,
}

/// The longest text when nothing says otherwise, in tokens: that of `run_glue.py`.
const DEFAULT_LENGTH: usize = 128;

/// Reads resolved values by name.
struct Resolved(Params);

impl Resolved {
    fn get(&self, name: &str) -> &Json {
        self.0.get(name).unwrap_or(&Json::Null)
    }

    fn float(&self, name: &str) -> Option<f64> {
        self.get(name).as_f64()
    }

    fn count(&self, name: &str) -> Option<u64> {
        whole(self.get(name)).and_then(|x| u64::try_from(x).ok())
    }

    fn or(&mut self, name: &str, value: impl FnOnce() -> Json) {
        if self.get(name).is_null() {
            self.0.insert(name.to_owned(), value());
        }
    }
}

fn bad(name: &str, message: impl Into<String>) -> FailureReason {
    FailureReason::BadHyperparameter { name: name.to_owned(), message: message.into() }
}

impl From<HyperparameterError> for FailureReason {
    fn from(error: HyperparameterError) -> Self {
        let name = match &error {
            HyperparameterError::Unknown { name, .. }
            | HyperparameterError::Illegal { name, .. } => name.clone(),
            HyperparameterError::Twice { first, .. } => first.clone(),
        };
        Self::BadHyperparameter { name, message: error.to_string() }
    }
}

impl Settings {
    /// Resolves `params` over `defaults` over the table's defaults over what the model says.
    ///
    /// # Errors
    /// Unknown names, illegal values, and values that this model or task cannot take.
    pub(crate) fn resolve(
        params: &Params,
        defaults: &Params,
        given: &Given<'_>,
    ) -> Result<Self, FailureReason> {
        let mut all = canonical(defaults)?;
        let own = canonical(params)?;
        // A trial's own schedule length replaces the other form of it that the defaults have.
        for (one, other) in [("warmup_steps", "warmup_ratio"), ("max_steps", "num_train_epochs")] {
            if own.contains_key(other) && !own.contains_key(one) {
                all.remove(one);
            }
        }
        all.extend(own);
        let lora = adapter(&all)?;
        for row in TABLE.iter().filter(|row| lora || !row.name.starts_with("lora.")) {
            let default = serde_json::from_str(row.default).unwrap_or(Json::Null);
            all.entry(row.name.to_owned()).or_insert(default);
        }
        let mut all = Resolved(all);
        fill_from_model(&mut all, given, lora);
        let plan = plan(&all, given, lora)?;
        all.or("model.frozen_embeddings", || json!(plan.frozen_embeddings));
        all.0.insert("adapter".into(), json!(if lora { "lora" } else { "none" }));
        let shape = shape(&mut all);
        let max_tokens = length(&all, given.config)?;
        let float = |name: &str| all.float(name).unwrap_or(0.0);
        let steps = all.count("warmup_steps").unwrap_or(0);
        let warmup =
            if steps > 0 { Warmup::Steps(steps) } else { Warmup::Ratio(float("warmup_ratio")) };
        let rates = [
            "model.hidden_dropout_prob",
            "model.attention_probs_dropout_prob",
            "model.classifier_dropout",
            "lora.dropout",
        ];
        Ok(Self {
            learning_rate: float("learning_rate"),
            batch_size: all.count("per_device_train_batch_size").unwrap_or(1) as usize,
            epochs: float("num_train_epochs"),
            max_steps: all.count("max_steps").filter(|steps| *steps > 0),
            weight_decay: float("weight_decay"),
            shape,
            warmup,
            seed: all.count("seed").unwrap_or(given.seed),
            max_grad_norm: float("max_grad_norm"),
            label_smoothing: float("label_smoothing_factor") as f32,
            balanced: all.get("class_weights") == "balanced",
            accumulation: all.count("gradient_accumulation_steps").unwrap_or(1) as usize,
            max_tokens,
            betas: (float("adam_beta1"), float("adam_beta2")),
            epsilon: float("adam_epsilon"),
            layer_decay: float("layerwise_lr_decay"),
            dropout: rates.map(|name| float(name) as f32),
            lora_scale: lora_scale(&all),
            plan,
            effective: all.0,
        })
    }

    /// Optimiser steps of an epoch over `rows` rows.
    pub(crate) fn steps_of_epoch(&self, rows: usize) -> u64 {
        (rows.div_ceil(self.batch_size).div_ceil(self.accumulation)).max(1) as u64
    }

    /// The schedule over `rows` training rows.
    pub(crate) fn schedule(&self, rows: usize) -> Schedule {
        let by_epochs = (self.epochs * self.steps_of_epoch(rows) as f64).ceil() as u64;
        let total_steps = self.max_steps.unwrap_or(by_epochs).max(1);
        let warmup_steps = match self.warmup {
            Warmup::Steps(steps) => steps,
            Warmup::Ratio(ratio) => (ratio * total_steps as f64).ceil() as u64,
        };
        Schedule { shape: self.shape, peak: self.learning_rate, warmup_steps, total_steps }
    }

    /// Learning-rate factor by depth: the head's, then layer by layer down to the embeddings.
    pub(crate) fn factors(&self, layers: usize) -> Vec<f64> {
        (0..=layers as i32 + 1).map(|depth| self.layer_decay.powi(depth)).collect()
    }
}

/// Whether LoRA is wanted; its hyperparameters without it are an error.
fn adapter(all: &Params) -> Result<bool, FailureReason> {
    let named = all.keys().find(|name| name.starts_with("lora."));
    match (all.get("adapter").and_then(Json::as_str), named) {
        (Some("lora"), _) | (None, Some(_)) => Ok(true),
        (Some(_), Some(name)) => {
            Err(bad(name, "`adapter` is none; give it only `when: {adapter: lora}`"))
        }
        _ => Ok(false),
    }
}

fn fill_from_model(all: &mut Resolved, given: &Given<'_>, lora: bool) {
    let config = given.config;
    // Through the decimal form, so that 0.1 is recorded as 0.1.
    let rate = |x: f32| json!(x.to_string().parse::<f64>().unwrap_or(0.0));
    all.or("model.hidden_dropout_prob", || rate(config.hidden_dropout));
    all.or("model.attention_probs_dropout_prob", || rate(config.attention_dropout));
    all.or("model.classifier_dropout", || rate(config.classifier_dropout));
    all.or("max_seq_length", || json!(DEFAULT_LENGTH.min(config.longest_text())));
    all.or("seed", || json!(given.seed));
    if lora {
        let rank = all.count("lora.r").unwrap_or(8);
        all.or("lora.alpha", || json!(2 * rank));
    }
}

fn length(all: &Resolved, config: &EncoderConfig) -> Result<usize, FailureReason> {
    let asked = all.count("max_seq_length").unwrap_or(0) as usize;
    let longest = config.longest_text();
    if asked > longest {
        return Err(bad(
            "max_seq_length",
            format!(
                "`max_seq_length` is {asked}; this model takes texts of at most {longest} tokens"
            ),
        ));
    }
    Ok(asked)
}

fn plan(all: &Resolved, given: &Given<'_>, lora: bool) -> Result<Plan, FailureReason> {
    let frozen_layers = all.count("model.frozen_layers").unwrap_or(0) as usize;
    if frozen_layers > given.config.layers {
        let message = format!(
            "`model.frozen_layers` is {frozen_layers}; this model has {} layers",
            given.config.layers
        );
        return Err(bad("model.frozen_layers", message));
    }
    let asked = all.get("model.frozen_embeddings").as_bool();
    if lora && (frozen_layers > 0 || asked == Some(false)) {
        return Err(bad(
            "model.frozen_layers",
            "with LoRA all of the encoder is frozen; leave frozen layers out",
        ));
    }
    let lora = lora.then(|| {
        (all.count("lora.r").unwrap_or(8) as usize, targets(all.get("lora.target_modules")))
    });
    Ok(Plan {
        outputs: given.outputs,
        frozen_layers,
        frozen_embeddings: asked.unwrap_or(frozen_layers > 0 || lora.is_some()),
        lora,
        dense_given: given.dense_given,
    })
}

fn targets(value: &Json) -> Vec<Target> {
    let words: Vec<&str> = match value {
        Json::Array(items) => items.iter().filter_map(Json::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    };
    let named = |word: &str| match word {
        "query" => vec![Target::Query],
        "key" => vec![Target::Key],
        "value" => vec![Target::Value],
        "attention_output" => vec![Target::AttentionOutput],
        "intermediate" => vec![Target::Intermediate],
        "output" => vec![Target::Output],
        _ => Target::LAYER.into_iter().chain([Target::Pooler]).collect(),
    };
    let mut targets: Vec<Target> = words.into_iter().flat_map(named).collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}

fn lora_scale(all: &Resolved) -> f32 {
    let (Some(alpha), Some(rank)) = (all.float("lora.alpha"), all.float("lora.r")) else {
        return 0.0;
    };
    let stabilised = all.get("lora.use_rslora") == &json!(true);
    (alpha / if stabilised { rank.sqrt() } else { rank }) as f32
}

fn shape(all: &mut Resolved) -> Shape {
    let cycles = |all: &mut Resolved, default: f64| {
        all.or("num_cycles", || json!(default));
        all.float("num_cycles").unwrap_or(default)
    };
    match all.get("lr_scheduler_type").as_str() {
        Some("cosine") => Shape::Cosine { cycles: cycles(all, 0.5) },
        Some("cosine_with_restarts") => Shape::CosineWithRestarts { cycles: cycles(all, 1.0) },
        Some("polynomial") => Shape::Polynomial {
            power: all.float("power").unwrap_or(1.0),
            end: all.float("lr_end").unwrap_or(1e-7),
        },
        Some("constant") => Shape::Constant,
        Some("constant_with_warmup") => Shape::ConstantWithWarmup,
        _ => Shape::Linear,
    }
}
