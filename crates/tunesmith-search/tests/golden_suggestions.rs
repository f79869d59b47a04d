//! The same seed and the same history give the same suggestion, bit for bit, on every platform and in every version:
//! a study that was begun with one release goes on with the next. Floats are written as their bits.
//!
//! `UPDATE_EXPECT=1 cargo test -p tunesmith-search --test golden_suggestions` writes the file anew, where a method was
//! changed on purpose; say so in the change log.

use std::fmt::Write as _;

use expect_test::expect_file;
use tunesmith_core::*;
use tunesmith_search::{policy, samplers};

/// All that a grid can enumerate, and for the others a log scale, a prior and a condition too.
fn space(sampler: &str) -> SearchSpace {
    let stepped = Domain::Float {
        low: 0.0,
        high: 0.5,
        scale: Scale::Linear,
        step: Some(Step::FromLow(0.25)),
    };
    let mut parameters = vec![
        Parameter::new("batch", Domain::categorical([8_i64, 16, 32])),
        Parameter::new("dropout", stepped),
        Parameter::new("epochs", Domain::int(1, 5)),
    ];
    if sampler != "grid" {
        let median = Prior::LogNormal { mu: -10.5, sigma: 1.0 };
        parameters.push(Parameter::new("lr", Domain::log_float(1e-6, 1e-2)).with_prior(median));
        parameters.push(Parameter::new("decay", Domain::float(0.0, 0.3)));
    }
    SearchSpace::new(parameters).expect("a space")
}

struct Bench {
    study: Study,
    policy: Policy,
}

impl Bench {
    fn new(sampler: &str) -> Self {
        let metric = Metric::new("loss", Goal::Minimize);
        let config = StudyConfig {
            sampler: Component::named(sampler),
            seed: 20,
            ..StudyConfig::new("golden", space(sampler), metric)
        };
        let created = Study::created(&config, &Writer::new("w"), Timestamp(0));
        let study = Study::begin(&created).expect("begins");
        Self { study, policy: policy(&config).expect("a policy") }
    }

    fn act(&mut self, command: Command) {
        let events = decide(&self.study, &self.policy, &Writer::new("w"), command, Timestamp(0));
        for event in events.expect("not refused") {
            self.study.apply(&event).expect("applies");
        }
    }

    /// Starts a trial, and ends it: most complete, some fail, some run on.
    fn live(&mut self, number: u32) {
        self.act(Command::Ask { count: 1 });
        let trial = self.study.trial(number).expect("started");
        let lease = trial.lease_key().expect("leased");
        let outcome = match number % 8 {
            3 => Outcome::Failed { reason: FailureReason::OutOfMemory },
            6 => return,
            _ => Outcome::Completed { values: [("loss".to_owned(), loss(&trial.params))].into() },
        };
        self.act(Command::Tell { lease, outcome, device_seconds: 0.0 });
    }
}

fn loss(params: &Params) -> f64 {
    let real = |name: &str| params.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    let epochs = real("epochs") - 3.0;
    let dropout = real("dropout") - 0.25;
    real("decay")
        + 0.1 * epochs * epochs
        + dropout * dropout
        + real("batch") / 100.0
        + 50.0 * real("lr")
}

fn written(value: &Value) -> String {
    match value {
        Value::Float(real) => format!("{:016x} ({real:.6})", real.to_bits()),
        other => other.to_string(),
    }
}

#[test]
fn suggestions_are_those_of_the_golden_file() {
    let mut text = String::new();
    for entry in samplers() {
        let mut bench = Bench::new(entry.name);
        (0..28).for_each(|number| bench.live(number));
        bench.act(Command::Ask { count: 2 });
        for trial in bench.study.trials().iter().skip(28) {
            writeln!(text, "{} {}", entry.name, trial.number).expect("a string takes all");
            for (name, value) in trial.params.iter() {
                writeln!(text, "  {name} {}", written(value)).expect("a string takes all");
            }
        }
    }
    expect_file!["golden/suggestions.txt"].assert_eq(&text);
}
