//! Priors and defaults of the hyperparameters of transformer fine-tuning, by the names of transformers'
//! `TrainingArguments`, `lora.*` and `model.*`.
//!
//! Sources: Devlin et al. 2019 (A.3) and Liu et al. 2019 (table 10) for the defaults; the fall of the best learning
//! rate with the number of epochs was measured on 1,024 runs of DeBERTa on MNLI; that a LoRA learns at about ten times
//! the rate of full fine-tuning is what practitioners say of encoders, and was not measured. On 162 LoRAs of decoders
//! (BLOOMZ and XGLM, trained for some twenty evaluations, the best one kept) the lowest rate of the grid, 2e-5, was best:
//! there 64 draws of these priors leave a regret of 0.18 and 0.06 where uniform ones leave 0.04 and 0.02, most of it by
//! the learning rate alone (0.15 and 0.06). One family is no reason to move a prior, so none was fitted to it. Refuses a
//! prior with next to no mass in the study's range: there the range knows better.

use tunesmith_core::{Domain, Parameter, Params, Prior, Rule, SearchSpace, Value};

/// The least share of a known prior that must lie in a range for it to be used there.
const LEAST_MASS: f64 = 0.05;

/// What known priors depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    epochs: f64,
    lora: bool,
}

impl Setting {
    /// As params have it, else as the space fixes it, else transformers' default of 3 epochs.
    pub(super) fn of(space: &SearchSpace, params: &Params) -> Self {
        let fixed = |name: &str| match space.get(name).map(|parameter| &parameter.rule) {
            Some(Rule::Free { domain: Domain::Fixed(value), .. }) => value.as_f64(),
            _ => None,
        };
        let given = params.get("num_train_epochs").and_then(Value::as_f64);
        let epochs = given.or_else(|| fixed("num_train_epochs")).unwrap_or(3.0);
        let is_lora = |name: &str| name.starts_with("lora.");
        let lora = if params.is_empty() {
            space.parameters().iter().any(|parameter| is_lora(&parameter.name))
        } else {
            params.iter().any(|(name, _)| is_lora(name))
        };
        Self { epochs: epochs.clamp(0.1, 100.0), lora }
    }

    fn learning_rate(self) -> f64 {
        let at_three = if self.lora { 2e-4 } else { 2e-5 };
        at_three * libm::pow(self.epochs / 3.0, -0.6)
    }
}

/// The default of a hyperparameter.
pub(super) fn default(name: &str, setting: &Setting) -> Option<Value> {
    Some(match name {
        "learning_rate" => Value::Float(setting.learning_rate()),
        "num_train_epochs" => Value::Float(3.0),
        "per_device_train_batch_size" | "lora.r" => Value::Int(16),
        "warmup_ratio" => Value::Float(0.06),
        "weight_decay" => Value::Float(0.01),
        "max_grad_norm" => Value::Float(1.0),
        "label_smoothing_factor" | "lora.dropout" | "warmup_steps" => Value::Float(0.0),
        "lr_scheduler_type" => Value::from("linear"),
        "lora.alpha" => Value::Int(32),
        "adam_beta1" => Value::Float(0.9),
        "adam_beta2" => Value::Float(0.999),
        "adam_epsilon" => Value::Float(1e-8),
        "gradient_accumulation_steps" => Value::Int(1),
        _ if is_dropout(name) => Value::Float(0.1),
        _ => return None,
    })
}

fn is_dropout(name: &str) -> bool {
    name.starts_with("model.") && name.contains("dropout")
}

/// Mean and deviation of the value, or of its logarithm.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Plain(f64, f64),
    Log(f64, f64),
}

/// The names with a known prior.
pub(super) const NAMES: [&str; 11] = [
    "learning_rate",
    "num_train_epochs",
    "per_device_train_batch_size",
    "warmup_ratio",
    "weight_decay",
    "label_smoothing_factor",
    "max_grad_norm",
    "lora.r",
    "lora.alpha",
    "lora.dropout",
    "model.*dropout*",
];

/// Whether a prior is known for the name.
pub(super) fn has_shape(name: &str, setting: &Setting) -> bool {
    shape(name, setting).is_some()
}

fn shape(name: &str, setting: &Setting) -> Option<Shape> {
    let log = |median: f64, sigma: f64| Shape::Log(libm::log(median), sigma);
    Some(match name {
        "learning_rate" => log(setting.learning_rate(), 1.0),
        "num_train_epochs" => log(3.0, 0.5),
        "per_device_train_batch_size" => log(20.0, 0.7),
        "warmup_ratio" => Shape::Plain(0.08, 0.06),
        "weight_decay" => Shape::Plain(0.01, 0.1),
        "label_smoothing_factor" => Shape::Plain(0.0, 0.1),
        "max_grad_norm" => log(1.0, 0.7),
        "lora.r" => log(16.0, 0.7),
        "lora.alpha" => log(32.0, 0.7),
        "lora.dropout" => Shape::Plain(0.02, 0.05),
        _ if is_dropout(name) => Shape::Plain(0.1, 0.07),
        _ => return None,
    })
}

/// The known prior of a hyperparameter over a domain, where there is one that fits.
pub(super) fn prior(name: &str, domain: &Domain, setting: &Setting) -> Option<Prior> {
    let shape = shape(name, setting)?;
    match domain {
        Domain::Categorical { choices, .. } => weights(choices, shape),
        Domain::Float { low, high, .. } => normal(*low, *high, shape, domain),
        Domain::Int { low, high, .. } => {
            normal(*low as f64 - 0.5, *high as f64 + 0.5, shape, domain)
        }
        Domain::Fixed(_) => None,
    }
}

fn normal(low: f64, high: f64, shape: Shape, domain: &Domain) -> Option<Prior> {
    let at = |real: f64| match shape {
        Shape::Plain(..) => real,
        Shape::Log(..) if real > 0.0 => libm::log(real),
        Shape::Log(..) => f64::NEG_INFINITY,
    };
    let (Shape::Plain(mu, sigma) | Shape::Log(mu, sigma)) = shape;
    let below = |real: f64| tunesmith_core::probability::normal_cdf((at(real) - mu) / sigma);
    let prior = match shape {
        Shape::Plain(mu, sigma) => Prior::Normal { mu, sigma },
        Shape::Log(mu, sigma) => Prior::LogNormal { mu, sigma },
    };
    (below(high) - below(low) >= LEAST_MASS && prior.validate(domain).is_ok()).then_some(prior)
}

/// The prior on a list of numbers: the normal's density at each.
fn weights(choices: &[Value], shape: Shape) -> Option<Prior> {
    let density = |value: &Value| {
        let real = value.as_f64()?;
        let z = match shape {
            Shape::Plain(mu, sigma) => (real - mu) / sigma,
            Shape::Log(mu, sigma) if real > 0.0 => (libm::log(real) - mu) / sigma,
            Shape::Log(..) => return None,
        };
        Some(libm::exp(-0.5 * z * z))
    };
    let weights: Option<Vec<f64>> = choices.iter().map(density).collect();
    // At three deviations from every choice the list is about something else.
    weights.filter(|weights| weights.iter().any(|weight| *weight > 0.011)).map(Prior::Weights)
}

/// The legal value nearest to a default: on the domain's scale for numbers, the same one for words, else the first.
pub(super) fn nearest(parameter: &Parameter, domain: &Domain, default: &Value) -> Value {
    if let Domain::Categorical { choices, .. } = domain {
        if let Some(same) = choices.iter().find(|choice| choice.same_as(default)) {
            return same.clone();
        }
        let distance = |choice: &Value| match (choice.as_f64(), default.as_f64()) {
            (Some(left), Some(right)) if left > 0.0 && right > 0.0 => {
                libm::fabs(libm::log(left / right))
            }
            (Some(left), Some(right)) => libm::fabs(left - right),
            _ => f64::INFINITY,
        };
        let found = choices.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
        return found.cloned().unwrap_or(Value::Null);
    }
    if let Some(legal) = domain.coerce(default) {
        return legal;
    }
    let (low, high) = match domain {
        Domain::Float { low, high, .. } => (*low, *high),
        Domain::Int { low, high, .. } => (*low as f64, *high as f64),
        Domain::Categorical { .. } | Domain::Fixed(_) => return default.clone(),
    };
    let inside = Value::Float(default.as_f64().unwrap_or(low).clamp(low, high));
    let rounded = Value::Int(inside.as_f64().unwrap_or(low).round() as i64);
    let unit = [&inside, &rounded].into_iter().find_map(|value| parameter.to_unit(value));
    parameter.from_unit(unit.unwrap_or(0.5)).unwrap_or(Value::Null)
}
