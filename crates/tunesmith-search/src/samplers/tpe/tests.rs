//! The estimator against optuna, HyperOpt and SciPy (`tests/golden/tpe.json`, made by `tools/golden/tpe.py`), and what
//! holds beyond them.

mod behaviour;
mod golden;

use std::collections::BTreeMap;

use tunesmith_core::*;

use super::*;

/// The space of the golden file.
fn space() -> SearchSpace {
    let quarters = Domain::Float {
        low: 0.0,
        high: 1.0,
        scale: Scale::Linear,
        step: Some(Step::FromLow(0.25)),
    };
    SearchSpace::new(vec![
        Parameter::new("lr", Domain::log_float(1e-6, 1e-3)),
        Parameter::new("dropout", Domain::float(0.0, 0.3)),
        Parameter::new("epochs", Domain::int(1, 4)),
        Parameter::new("batch", Domain::categorical(["8", "16", "32"])),
        Parameter::new("warmup", quarters),
        Parameter::new("rank", Domain::Int { low: 2, high: 64, scale: Scale::Log, step: 1 }),
    ])
    .expect("a space")
}

/// A study whose trials are told one by one.
struct Bench {
    study: Study,
    policy: Policy,
}

/// How a told trial ends.
enum End {
    Completed(Vec<f64>),
    /// With the fraction reached and the value there, where it reported.
    Pruned(Option<(f64, f64)>),
    Failed,
    Running,
}

impl Bench {
    fn new(space: SearchSpace, objectives: usize) -> Self {
        let metrics =
            (0..objectives).map(|index| Metric::new(&format!("m{index}"), Goal::Minimize));
        let mut config = StudyConfig::new("tpe", space, Metric::new("m0", Goal::Minimize));
        config.metrics = metrics.collect();
        let study = Study::begin(&Study::created(&config, &Writer::new("test"), Timestamp(0)));
        let policy = crate::policy(&config).expect("a policy");
        Self { study: study.expect("a study"), policy }
    }

    fn act(&mut self, command: Command) {
        let by = Writer::new("test");
        let events = decide(&self.study, &self.policy, &by, command, Timestamp(0));
        for event in events.expect("a legal command") {
            self.study.apply(&event).expect("a decided event");
        }
    }

    fn add(&mut self, params: Params, end: End) {
        self.act(Command::Enqueue { params });
        self.act(Command::Ask { count: 1 });
        let lease = self.study.trials().last().and_then(Trial::lease_key).expect("running");
        let values = |values: &[f64]| -> BTreeMap<String, f64> {
            values.iter().enumerate().map(|(index, value)| (format!("m{index}"), *value)).collect()
        };
        let report = |fraction, values| Command::Report {
            lease,
            report: Report { step: 1, fraction, values, device_seconds: 0.0, errors: None },
        };
        let outcome = match end {
            End::Running => return,
            End::Failed => Outcome::Failed { reason: FailureReason::OutOfMemory },
            End::Completed(found) => {
                self.act(report(1.0, values(&found)));
                Outcome::Completed { values: BTreeMap::new() }
            }
            End::Pruned(reported) => {
                if let Some((fraction, value)) = reported {
                    self.act(report(fraction, values(&[value])));
                }
                Outcome::Pruned { reason: "test".to_owned() }
            }
        };
        self.act(Command::Tell { lease, outcome, device_seconds: 0.0 });
    }
}

/// The sampler with options.
fn tpe<const COUNT: usize>(options: [(&str, Value); COUNT]) -> Tpe {
    Tpe::new(Options(&Params::from(options))).expect("options that go together")
}

fn dimensions(space: &SearchSpace) -> Vec<Dimension<'_>> {
    space.searched().filter_map(Dimension::of).collect()
}
