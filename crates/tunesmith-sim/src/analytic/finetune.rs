//! A formula that behaves as fine-tuning an encoder does: a valley over the logarithm of the learning rate whose
//! floor moves with epochs, batch size and adapter, a cliff beyond which training diverges to chance and which
//! warm-up pushes back, small effects of decay and schedule, and learning curves that rise.
//!
//! Its shape follows what was measured on 1,024 runs of DeBERTa on MNLI (the fall of the best rate with the epochs,
//! a quarter of runs diverging); its constants are made up, so it says nothing about any model. Refuses noise.

use tunesmith_core::{Condition, Domain, Goal, Metric, Parameter, Params, SearchSpace, Value};

use super::reals;
use crate::objective::{Evaluation, Objective, Point};

/// Accuracy of guessing, and of the best training.
const CHANCE: f64 = 0.5;
const TOP: f64 = 0.85;
/// Points of a learning curve.
const POINTS: u32 = 10;
/// Device seconds of one epoch at batch 16.
const EPOCH_SECONDS: f64 = 300.0;

/// The accuracy of a made-up fine-tuning.
#[derive(Debug)]
pub(crate) struct FineTuning {
    space: SearchSpace,
    metric: Metric,
}

impl FineTuning {
    /// All weights are trained: six parameters, none conditional.
    pub(crate) fn full() -> Self {
        Self::over(parameters(1e-3))
    }

    /// All weights or a LoRA, whose rank exists only for it and whose best rate is ten times higher.
    pub(crate) fn with_adapter() -> Self {
        let mut parameters = parameters(1e-2);
        parameters.push(Parameter::new("adapter", Domain::categorical(["full", "lora"])));
        let ranks = [4, 8, 16, 32, 64].map(Value::Int).to_vec();
        let rank = Parameter::new("lora.r", Domain::Categorical { choices: ranks, ordered: true });
        parameters.push(rank.when(Condition::one_of("adapter", ["lora"])));
        Self::over(parameters)
    }

    fn over(parameters: Vec<Parameter>) -> Self {
        let metric = Metric::new("eval_accuracy", Goal::Maximize);
        Self { space: crate::legal(parameters), metric }
    }
}

fn parameters(highest_rate: f64) -> Vec<Parameter> {
    let batches = [8, 16, 32, 64].map(Value::Int).to_vec();
    vec![
        Parameter::new("learning_rate", Domain::log_float(1e-6, highest_rate)),
        Parameter::new("num_train_epochs", Domain::int(1, 5)),
        Parameter::new(
            "per_device_train_batch_size",
            Domain::Categorical { choices: batches, ordered: true },
        ),
        Parameter::new("warmup_ratio", Domain::float(0.0, 0.3)),
        Parameter::new("weight_decay", Domain::float(0.0, 0.3)),
        Parameter::new(
            "lr_scheduler_type",
            Domain::categorical(["linear", "cosine", "constant_with_warmup"]),
        ),
    ]
}

/// The accuracy at the end.
fn accuracy(params: &Params) -> f64 {
    let names = [
        "learning_rate",
        "num_train_epochs",
        "per_device_train_batch_size",
        "warmup_ratio",
        "weight_decay",
    ];
    let [rate, epochs, batch, warmup, decay] = reals(params, names);
    let word = |name| params.get(name).and_then(Value::as_str).unwrap_or_default();
    let lora = word("adapter") == "lora";
    let moved = libm::log10(epochs / 3.0) * -0.6 + libm::log10(batch / 16.0) * 0.5;
    let adapter = if lora { 1.0 } else { 0.0 };
    let floor = libm::log10(2.5e-5) + moved + adapter;
    let off = libm::log10(rate) - floor;
    // Steeper above than below, as training rates are.
    let valley =
        if off > 0.0 { 0.06 * off * off } else { 0.03 * off * off + 0.02 * off * off * off * off };
    let short = 0.015 * libm::exp(-(epochs - 1.0));
    let schedule = match word("lr_scheduler_type") {
        "linear" => 0.0,
        "cosine" => 0.001,
        _ => 0.006,
    };
    let rank = params.get("lora.r").and_then(Value::as_f64).unwrap_or(16.0);
    let rank_off = libm::log2(rank / 16.0);
    let adapted = if lora { 0.004 + 0.001 * rank_off * rank_off } else { 0.0 };
    let small = 0.1 * (warmup - 0.08) * (warmup - 0.08) + 0.15 * (decay - 0.05) * (decay - 0.05);
    let sane = (TOP - valley - short - schedule - adapted - small).max(CHANCE);
    let cliff = floor + 0.7 + libm::log10(1.0 + 4.0 * warmup);
    let diverged = 1.0 / (1.0 + libm::exp(-(libm::log10(rate) - cliff) / 0.05));
    sane + (CHANCE - sane) * diverged
}

impl Objective for FineTuning {
    fn space(&self) -> &SearchSpace {
        &self.space
    }

    fn metric(&self) -> &Metric {
        &self.metric
    }

    fn evaluate(&self, params: &Params) -> Evaluation {
        let end = accuracy(params);
        let [epochs, batch] = reals(params, ["num_train_epochs", "per_device_train_batch_size"]);
        let point = |index: u32| {
            let fraction = f64::from(index) / f64::from(POINTS);
            let risen = (1.0 - libm::exp(-4.0 * fraction)) / (1.0 - libm::exp(-4.0));
            Point { fraction, value: CHANCE + (end - CHANCE) * risen }
        };
        let seconds = EPOCH_SECONDS * epochs * (0.6 + 0.4 * 16.0 / batch);
        Evaluation { curve: (1..=POINTS).map(point).collect(), seconds }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tunesmith_core::Rng;

    fn at(rate: f64, epochs: i64, warmup: f64) -> f64 {
        accuracy(&Params::from([
            ("learning_rate", Value::Float(rate)),
            ("num_train_epochs", Value::Int(epochs)),
            ("per_device_train_batch_size", Value::Int(16)),
            ("warmup_ratio", Value::Float(warmup)),
            ("weight_decay", Value::Float(0.05)),
            ("lr_scheduler_type", Value::from("linear")),
        ]))
    }

    #[test]
    fn more_epochs_want_a_lower_rate_and_warm_up_bears_a_higher_one() {
        assert!(at(4.8e-5, 1, 0.08) > at(1.8e-5, 1, 0.08));
        assert!(at(1.8e-5, 5, 0.08) > at(4.8e-5, 5, 0.08));
        assert!(at(1.6e-4, 3, 0.3) > at(1.6e-4, 3, 0.0) + 0.1);
        assert!(at(1e-3, 3, 0.08) < CHANCE + 0.01);
    }

    #[test]
    fn about_a_quarter_of_draws_diverge_and_every_draw_is_an_accuracy() {
        for objective in [FineTuning::full(), FineTuning::with_adapter()] {
            let values: Vec<f64> = (0..1000)
                .map(|number| objective.space().sample(&Rng::at(0, number, "test")))
                .map(|params| objective.value(&params).expect("finite"))
                .collect();
            assert!(values.iter().all(|value| (CHANCE..=TOP).contains(value)));
            let diverged = values.iter().filter(|value| **value < 0.55).count();
            assert!((150..450).contains(&diverged), "{diverged}");
        }
    }

    #[test]
    fn a_curve_rises_to_the_value() {
        let objective = FineTuning::full();
        let params = objective.space().sample(&Rng::at(0, 5, "test"));
        let evaluation = objective.evaluate(&params);
        assert!(evaluation.curve.windows(2).all(|pair| pair[0].value <= pair[1].value));
        assert_eq!(evaluation.curve.last().map(|point| point.fraction), Some(1.0));
        let difference = objective.value(&params).expect("finite") - accuracy(&params);
        assert!(difference.abs() < 1e-12);
    }
}
