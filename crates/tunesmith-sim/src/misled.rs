//! A task whose study declares priors that are wrong: for every parameter that `tunesmith` ships a prior for, that
//! prior with its median moved by a factor, as far as the range goes. The values stay those of the task.
//!
//! It shows what a search pays for believing. Refuses to move the prior of a parameter without a shipped one.

use tunesmith_core::{Domain, Metric, Parameter, Params, Prior, Rule, SearchSpace, Value};

use crate::objective::{Evaluation, Objective};

/// An objective with the priors that mislead.
#[derive(Debug)]
pub(crate) struct Misled {
    inner: Box<dyn Objective>,
    space: SearchSpace,
}

impl Misled {
    /// The objective, its shipped priors moved by `factor`.
    pub(crate) fn new(inner: Box<dyn Objective>, factor: f64) -> Self {
        let parameters = inner.space().parameters().iter();
        let lora = inner.space().parameters().iter().any(|one| one.name.starts_with("lora."));
        let moved = |parameter: &Parameter| match (shipped(&parameter.name, lora), &parameter.rule)
        {
            (Some(shape), Rule::Free { domain, .. }) => {
                parameter.clone().with_prior(shape.moved(factor, domain))
            }
            _ => parameter.clone(),
        };
        let space = crate::legal(parameters.map(moved).collect());
        Self { inner, space }
    }
}

/// A normal over the value or over its logarithm, by its median.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Plain { median: f64, sigma: f64 },
    Log { median: f64, sigma: f64 },
}

/// What `tunesmith-search` ships for 3 epochs, which this crate cannot ask: a test compares.
fn shipped(name: &str, lora: bool) -> Option<Shape> {
    let log = |median, sigma| Some(Shape::Log { median, sigma });
    let plain = |median, sigma| Some(Shape::Plain { median, sigma });
    match name {
        "learning_rate" => log(if lora { 2e-4 } else { 2e-5 }, 1.0),
        "num_train_epochs" => log(3.0, 0.5),
        "per_device_train_batch_size" => log(20.0, 0.7),
        "warmup_ratio" => plain(0.08, 0.06),
        "weight_decay" => plain(0.01, 0.1),
        "lora.r" => log(16.0, 0.7),
        "model.cls_dropout" => plain(0.1, 0.07),
        _ => None,
    }
}

impl Shape {
    fn moved(self, factor: f64, domain: &Domain) -> Prior {
        let (low, high) = ends(domain);
        match (self, domain) {
            (_, Domain::Categorical { choices, .. }) => self.weights(factor, choices),
            (Self::Plain { median, sigma }, _) => {
                Prior::Normal { mu: (factor * median).clamp(low, high), sigma }
            }
            (Self::Log { median, sigma }, _) => {
                Prior::LogNormal { mu: libm::log((factor * median).clamp(low, high)), sigma }
            }
        }
    }

    /// The density at each of a list of numbers.
    fn weights(self, factor: f64, choices: &[Value]) -> Prior {
        let real = |choice: &Value| choice.as_f64().unwrap_or(f64::NAN);
        let z = |choice: &Value| match self {
            Self::Plain { median, sigma } => (real(choice) - factor * median) / sigma,
            Self::Log { median, sigma } => {
                (libm::log(real(choice)) - libm::log(factor * median)) / sigma
            }
        };
        Prior::Weights(
            choices.iter().map(|choice| libm::exp(-0.5 * z(choice) * z(choice))).collect(),
        )
    }
}

/// The bounds of a range of numbers.
fn ends(domain: &Domain) -> (f64, f64) {
    match domain {
        Domain::Float { low, high, .. } => (*low, *high),
        Domain::Int { low, high, .. } => (*low as f64, *high as f64),
        Domain::Categorical { .. } | Domain::Fixed(_) => (f64::NEG_INFINITY, f64::INFINITY),
    }
}

impl Objective for Misled {
    fn space(&self) -> &SearchSpace {
        &self.space
    }

    fn metric(&self) -> &Metric {
        self.inner.metric()
    }

    fn evaluate(&self, params: &Params) -> Evaluation {
        self.inner.evaluate(params)
    }

    fn optimum(&self) -> Option<f64> {
        self.inner.optimum()
    }

    fn landmarks(&self) -> Vec<Params> {
        self.inner.landmarks()
    }
}

#[cfg(test)]
mod tests {
    use tunesmith_core::Rng;

    use super::*;
    use crate::analytic::finetune::FineTuning;

    fn prior<'a>(objective: &'a dyn Objective, name: &str) -> &'a Prior {
        match &objective.space().get(name).expect("a parameter").rule {
            Rule::Free { prior, .. } => prior,
            Rule::Tied(_) => panic!("{name} is searched"),
        }
    }

    #[test]
    fn by_a_factor_of_one_the_priors_are_those_that_are_shipped() {
        for inner in [FineTuning::full(), FineTuning::with_adapter()] {
            let space = inner.space().clone();
            let same = Misled::new(Box::new(inner), 1.0);
            for parameter in space.parameters() {
                let domain = parameter.domain().expect("all are free");
                let known = tunesmith_search::known_prior(&parameter.name, domain, &space);
                assert_eq!(
                    prior(&same, &parameter.name),
                    &known.unwrap_or(Prior::Uniform),
                    "{}",
                    parameter.name
                );
            }
        }
    }

    #[test]
    fn priors_move_and_values_stay() {
        let (plain, high) = (FineTuning::full(), Misled::new(Box::new(FineTuning::full()), 10.0));
        let rate = Prior::LogNormal { mu: libm::log(2e-4), sigma: 1.0 };
        assert_eq!(prior(&high, "learning_rate"), &rate);
        assert_eq!(prior(&high, "warmup_ratio"), &Prior::Normal { mu: 0.3, sigma: 0.06 });
        assert_eq!(prior(&high, "lr_scheduler_type"), &Prior::Uniform);
        let params = plain.space().sample(&Rng::at(0, 3, "test"));
        assert_eq!(high.evaluate(&params), plain.evaluate(&params));
    }
}
