//! A study in memory, so that the tests of samplers can live through one: ask, end trials as they please, look.
//!
//! Refuses what a worker would not do: everything goes through `decide` and `apply`.

use tunesmith_core::{
    Command, Component, Condition, Domain, FailureReason, Goal, Metric, Outcome, Parameter, Params,
    Policy, Report, SearchSpace, Study, StudyConfig, Timestamp, Trial, Value, Values, Writer,
    decide,
};

use crate::population;
use crate::registry::policy;

/// How a trial of a rehearsal ends.
pub(crate) enum End {
    /// With values for the metrics in their order.
    Completed(Vec<f64>),
    /// Halfway, after it reported these values.
    Pruned(Vec<f64>),
    /// Out of memory.
    Failed,
}

/// A study in memory.
pub(crate) struct Rehearsal {
    pub(crate) study: Study,
    policy: Policy,
    by: Writer,
}

impl Rehearsal {
    /// A study that minimises `goals` metrics.
    pub(crate) fn new(
        sampler: &str,
        options: Params,
        parameters: Vec<Parameter>,
        goals: usize,
    ) -> Self {
        Self::seeded(7, sampler, options, parameters, goals)
    }

    /// As [`Rehearsal::new`] with a seed of its own.
    pub(crate) fn seeded(
        seed: u64,
        sampler: &str,
        options: Params,
        parameters: Vec<Parameter>,
        goals: usize,
    ) -> Self {
        let space = SearchSpace::new(parameters).expect("a space");
        let metric = |index: usize| Metric::new(&format!("m{index}"), Goal::Minimize);
        let mut config = StudyConfig::new("rehearsal", space, metric(0));
        config.metrics = (0..goals).map(metric).collect();
        config.sampler = Component { options, ..Component::named(sampler) };
        config.seed = seed;
        let by = Writer::new("rehearsal");
        let created = Study::created(&config, &by, Timestamp(0));
        let study = Study::begin(&created).expect("the first event");
        Self { study, policy: policy(&config).expect("a policy"), by }
    }

    pub(crate) fn act(&mut self, command: Command) {
        let now = Timestamp(0);
        let events = decide(&self.study, &self.policy, &self.by, command, now).expect("agreed");
        for event in &events {
            self.study.apply(event).expect("a decided event applies");
        }
    }

    /// Starts trials; their numbers.
    pub(crate) fn ask(&mut self, count: u32) -> std::ops::Range<u32> {
        let first = self.study.next_number();
        self.act(Command::Ask { count });
        first..self.study.next_number()
    }

    /// Ends a running trial.
    pub(crate) fn tell(&mut self, number: u32, end: End) {
        let lease = self.trial(number).lease_key().expect("running");
        let named = |values: Vec<f64>| -> Values {
            values.into_iter().enumerate().map(|(i, value)| (format!("m{i}"), value)).collect()
        };
        let outcome = match end {
            End::Completed(values) => Outcome::Completed { values: named(values) },
            End::Failed => Outcome::Failed { reason: FailureReason::OutOfMemory },
            End::Pruned(values) => {
                let values = named(values);
                let report =
                    Report { step: 1, fraction: 0.5, values, device_seconds: 0.0, errors: None };
                self.act(Command::Report { lease, report });
                Outcome::Pruned { reason: "by the test".to_owned() }
            }
        };
        self.act(Command::Tell { lease, outcome, device_seconds: 0.0 });
    }

    /// Runs trials one after the other.
    pub(crate) fn run(&mut self, count: u32, end: impl Fn(&Params) -> End) {
        for _ in 0..count {
            for number in self.ask(1) {
                let end = end(&self.trial(number).params);
                self.tell(number, end);
            }
        }
    }

    pub(crate) fn trial(&self, number: u32) -> &Trial {
        self.study.trial(number).expect("a trial of that number")
    }

    /// What the sampler remembers of a trial.
    pub(crate) fn note(&self, number: u32) -> &Params {
        population::note(self.trial(number)).expect("the sampler's")
    }

    /// The least value of the first metric.
    pub(crate) fn best(&self) -> f64 {
        let best = self.study.best().expect("a completed trial");
        best.value(&self.study.metrics()[0]).expect("a value")
    }
}

/// A number of params.
pub(crate) fn number(params: &Params, name: &str) -> f64 {
    params.get(name).and_then(tunesmith_core::Value::as_f64).expect("a number")
}

/// A log scale, whole numbers, a choice and a condition.
pub(crate) fn mixed_space() -> Vec<Parameter> {
    vec![
        Parameter::new("lr", Domain::log_float(1e-6, 1e-1)),
        Parameter::new("layers", Domain::int(1, 12)),
        Parameter::new("kind", Domain::categorical(["a", "b", "c", "d"])),
        Parameter::new("warmup", Domain::float(0.0, 1.0))
            .when(Condition::one_of("kind", ["b", "c"])),
    ]
}

/// A loss over the mixed space: least, and 0, at lr 1e-3, 9 layers, kind c and warm-up 0.2.
pub(crate) fn mixed_loss(params: &Params) -> f64 {
    let (lr, layers) = (libm::log10(number(params, "lr")) + 3.0, number(params, "layers") - 9.0);
    let warmup = params.get("warmup").and_then(Value::as_f64).map_or(0.5, |share| share - 0.2);
    let kind = f64::from(u8::from(params.get("kind") != Some(&Value::from("c"))));
    lr * lr + 0.1 * layers * layers + warmup * warmup + kind
}

/// The median over seeds of the best loss over the mixed space after so many trials.
pub(crate) fn median_best(sampler: &str, trials: u32, seeds: u64) -> f64 {
    let best = |seed: u64| {
        let mut study = Rehearsal::seeded(seed, sampler, Params::new(), mixed_space(), 1);
        study.run(trials, |params| End::Completed(vec![mixed_loss(params)]));
        study.best()
    };
    let mut all: Vec<f64> = (0..seeds).map(best).collect();
    all.sort_by(f64::total_cmp);
    all[seeds as usize / 2]
}
