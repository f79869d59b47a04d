//! What every sampler of the registry keeps to; the schedulers' suite is beside this one. A new one is held to it
//! without a line here.
//!
//! Refuses to test what is one method's own: that is beside the method.

use std::collections::BTreeSet;

use tunesmith_core::*;
use tunesmith_search::{Entry, Objectives, policy, samplers};

/// Every kind of domain, prior, condition and tie that can be enumerated, so that a grid takes it too.
fn finite_space() -> Vec<Parameter> {
    let stepped =
        |step| Domain::Float { low: 0.0, high: 0.5, scale: Scale::Linear, step: Some(step) };
    vec![
        Parameter::new("adapter", Domain::categorical(["none", "lora", "dora"])),
        Parameter::tied("lora.alpha", Expression::parse("2 * lora.r").expect("parses")),
        Parameter::new("lora.r", Domain::categorical([4_i64, 8]))
            .when(Condition::one_of("adapter", ["lora", "dora"])),
        Parameter::new("epochs", Domain::Int { low: 1, high: 7, scale: Scale::Linear, step: 3 }),
        Parameter::new("dropout", stepped(Step::FromLow(0.25))),
        Parameter::new("warmup", stepped(Step::Multiple(0.25))),
        Parameter::new("model", Domain::Fixed(Value::from("base"))),
    ]
}

/// What cannot be enumerated, with every prior.
fn continuous_space() -> Vec<Parameter> {
    let all = Domain::float(f64::NEG_INFINITY, f64::INFINITY);
    vec![
        Parameter::new("lr", Domain::log_float(1e-6, 1e-2)),
        Parameter::new("decay", Domain::float(0.0, 0.3)).with_prior(Prior::Beta { a: 2.0, b: 5.0 }),
        Parameter::new("shift", all).with_prior(Prior::Normal { mu: 1.0, sigma: 2.0 }),
        Parameter::new("scale", Domain::float(0.0, f64::INFINITY))
            .with_prior(Prior::LogNormal { mu: 0.0, sigma: 1.0 }),
        Parameter::new("cut", Domain::float(0.0, 1.0))
            .with_prior(Prior::Normal { mu: 2.0, sigma: 1.0 }),
    ]
}

fn config(sampler: &str, parameters: Vec<Parameter>, seed: u64) -> StudyConfig {
    let space = SearchSpace::new(parameters).expect("a space");
    StudyConfig {
        sampler: Component::named(sampler),
        seed,
        ..StudyConfig::new("conformance", space, Metric::new("loss", Goal::Minimize))
    }
}

/// The same study with so many metrics.
fn with_metrics(count: usize, mut config: StudyConfig) -> StudyConfig {
    let more = ["accuracy", "seconds"].map(|name| Metric::new(name, Goal::Maximize));
    config.metrics.extend(more);
    config.metrics.truncate(count);
    config
}

/// The configurations that each sampler takes: all take the finite space, and each as many metrics as its entry says.
fn configs(seed: u64) -> Vec<StudyConfig> {
    let of = |entry: &Entry<_>| {
        let of = |space| config(entry.name, space, seed);
        let mixed: Vec<_> = finite_space().into_iter().chain(continuous_space()).collect();
        let mut configs = vec![of(finite_space()), of(continuous_space()), of(mixed.clone())];
        if entry.objectives == Objectives::Any {
            configs.extend([with_metrics(2, of(finite_space())), with_metrics(3, of(mixed))]);
        }
        configs
    };
    let all = samplers().iter().flat_map(of);
    all.filter(|config| config.sampler.name != "grid" || policy(config).is_ok()).collect()
}

fn ignores_results(sampler: &str) -> bool {
    samplers().iter().any(|entry| entry.name == sampler && entry.ignores_results)
}

struct Bench {
    study: Study,
    policy: Policy,
    log: Vec<Event>,
    by: Writer,
}

impl Bench {
    fn new(config: &StudyConfig) -> Self {
        let by = Writer::new("conformance");
        let created = Study::created(config, &by, Timestamp(0));
        let study = Study::begin(&created).expect("the first event");
        Self { study, policy: policy(config).expect("a policy"), log: vec![created], by }
    }

    /// Whether the study went along.
    fn act(&mut self, command: Command) -> bool {
        let now = Timestamp(self.log.len() as i64);
        let Ok(events) = decide(&self.study, &self.policy, &self.by, command, now) else {
            return false;
        };
        for event in &events {
            self.study.apply(event).expect("a decided event applies");
        }
        self.log.extend(events);
        true
    }

    /// Lets a trial report and end, in one of the ways that trials end.
    fn live(&mut self, number: u32, chance: &mut Rng) {
        let Some(lease) = self.study.trial(number).and_then(Trial::lease_key) else {
            return;
        };
        let metrics = self.study.metrics().iter();
        let values = metrics.map(|metric| (metric.name.clone(), chance.normal())).collect();
        let report = Report { step: 10, fraction: 0.5, values, device_seconds: 1.0, errors: None };
        self.act(Command::Report { lease, report });
        let outcome = match chance.below(5) {
            0 => Outcome::Failed { reason: FailureReason::OutOfMemory },
            1 => Outcome::Pruned { reason: "by the test".to_owned() },
            2 => return,
            _ => Outcome::Completed { values: Values::new() },
        };
        self.act(Command::Tell { lease, outcome, device_seconds: 0.0 });
    }

    /// Asks for `rounds` times `count` trials while others fail, end and run on.
    fn run(&mut self, rounds: u32, count: u32) {
        let mut chance = Rng::at(99, 0, "conformance");
        for _ in 0..rounds {
            let first = self.study.next_number();
            if !self.act(Command::Ask { count }) {
                return;
            }
            for number in first..self.study.next_number() {
                self.live(number, &mut chance);
            }
        }
    }
}

fn starts(log: &[Event]) -> Vec<&Start> {
    let start = |event: &'_ Event| matches!(event.fact, Fact::TrialStarted { .. });
    log.iter()
        .filter(|event| start(event))
        .filter_map(|event| match &event.fact {
            Fact::TrialStarted { start, .. } => Some(&**start),
            _ => None,
        })
        .collect()
}

#[test]
fn suggestions_are_legal_and_complete() {
    for config in configs(3) {
        let mut bench = Bench::new(&config);
        bench.run(40, 3);
        assert!(bench.study.next_number() >= 30, "{} stopped early", config.sampler.name);
        for start in starts(&bench.log) {
            let checked = config.space.check(&start.params);
            assert_eq!(checked.as_ref(), Ok(&start.params), "{}", config.sampler.name);
        }
        let refused = |trial: &&Trial| {
            matches!(
                &trial.outcome,
                Some(Outcome::Failed { reason: FailureReason::Refused { .. } })
            )
        };
        assert_eq!(bench.study.trials().iter().filter(refused).count(), 0);
    }
}

#[test]
fn the_same_study_gives_the_same_suggestions() {
    for (config, other_seed) in configs(5).into_iter().zip(configs(6)) {
        let params = |config: &StudyConfig| {
            let mut bench = Bench::new(config);
            bench.run(10, 2);
            bench.study.trials().iter().map(|trial| trial.params.clone()).collect::<Vec<_>>()
        };
        assert_eq!(params(&config), params(&config), "{}", config.sampler.name);
        if config.sampler.name != "grid" {
            assert_ne!(
                params(&config),
                params(&other_seed),
                "{} ignores its seed",
                config.sampler.name
            );
        }
    }
}

#[test]
fn several_metrics_are_taken_or_refused_as_the_registry_says() {
    for entry in samplers() {
        for count in [2, 3] {
            let taken =
                policy(&with_metrics(count, config(entry.name, finite_space(), 31))).is_ok();
            assert_eq!(taken, entry.objectives == Objectives::Any, "{} of {count}", entry.name);
        }
    }
}

/// The params of the next trial, which completes with values that say nothing of them; `last` is what the last
/// metric's value is times.
fn next_with_last_metric_times(last: f64, bench: &mut Bench) -> Params {
    assert!(bench.act(Command::Ask { count: 1 }), "{}", bench.study.config().sampler.name);
    let trial = bench.study.trials().last().expect("it was asked for");
    let (number, params, lease) = (trial.number, trial.params.clone(), trial.lease_key());
    let mut chance = Rng::at(5, number, "values");
    let mut values = Values::new();
    for (index, metric) in bench.study.metrics().iter().enumerate() {
        let sign = if index + 1 == bench.study.metrics().len() { last } else { 1.0 };
        values.insert(metric.name.clone(), sign * chance.normal());
    }
    let (lease, outcome) = (lease.expect("running"), Outcome::Completed { values });
    bench.act(Command::Tell { lease, outcome, device_seconds: 1.0 });
    params
}

#[test]
fn a_method_of_several_metrics_goes_by_all_of_them() {
    let several = |entry: &&Entry<_>| entry.objectives == Objectives::Any && !entry.ignores_results;
    for entry in samplers().iter().filter(several) {
        for count in [2, 3] {
            let config = with_metrics(count, config(entry.name, continuous_space(), 37));
            let (mut as_is, mut turned) = (Bench::new(&config), Bench::new(&config));
            // The largest generation of a method has fifty trials.
            let differs = (0..120).any(|_| {
                next_with_last_metric_times(1.0, &mut as_is)
                    != next_with_last_metric_times(-1.0, &mut turned)
            });
            assert!(differs, "{} of {count} metrics ignores the last", entry.name);
        }
    }
}

#[test]
fn a_sampler_that_ignores_results_gives_a_batch_as_one_after_the_other() {
    for config in configs(7).into_iter().filter(|config| ignores_results(&config.sampler.name)) {
        let params = |counts: &[u32]| {
            let mut bench = Bench::new(&config);
            for count in counts {
                bench.act(Command::Ask { count: *count });
            }
            bench.study.trials().iter().map(|trial| trial.params.clone()).collect::<Vec<_>>()
        };
        assert_eq!(params(&[12]), params(&[1; 12]), "{}", config.sampler.name);
        assert_eq!(params(&[12]), params(&[5, 7]), "{}", config.sampler.name);
    }
}

#[test]
fn a_log_can_be_derived_again() {
    for config in configs(11) {
        let mut bench = Bench::new(&config);
        bench.act(Command::Enqueue { params: Params::new() });
        bench.run(12, 3);
        let verified = replay::verify(&bench.log, &bench.policy).map(|replay| replay.verified);
        assert_eq!(verified, Ok(starts(&bench.log).len() as u32), "{}", config.sampler.name);
    }
}

#[test]
fn a_study_read_from_its_log_goes_on_as_the_one_that_never_stopped() {
    for config in configs(13) {
        let mut bench = Bench::new(&config);
        bench.run(6, 3);
        let mut resumed = Bench::new(&config);
        resumed.study = Study::fold(&bench.log).expect("a log");
        resumed.log.clone_from(&bench.log);
        assert_eq!(bench.act(Command::Ask { count: 4 }), resumed.act(Command::Ask { count: 4 }));
        assert_eq!(bench.study, resumed.study, "{}", config.sampler.name);
    }
}

#[test]
fn priors_are_kept() {
    let keeps = |name: &str| name != "grid" && ignores_results(name);
    for config in configs(17).into_iter().filter(|config| keeps(&config.sampler.name)) {
        let mut bench = Bench::new(&config);
        let count = 2_048_u32;
        bench.act(Command::Ask { count });
        for parameter in config.space.searched().filter(|parameter| parameter.condition.is_none()) {
            for share in [0.1, 0.25, 0.5, 0.75, 0.9] {
                let bound = parameter.quantile(share).expect("free");
                let not_above = |trial: &&Trial| {
                    let value = trial.params.get(&parameter.name);
                    match (value.and_then(Value::as_f64), bound.as_f64()) {
                        (Some(value), Some(bound)) => value <= bound,
                        _ => rank(parameter, value) <= rank(parameter, Some(&bound)),
                    }
                };
                let found =
                    bench.study.trials().iter().filter(not_above).count() as f64 / f64::from(count);
                let expected = mass_up_to(parameter, &bound);
                // Five standard errors of a share.
                assert!(
                    (found - expected).abs() < 5.0 * (0.25 / f64::from(count)).sqrt(),
                    "{}: {found} of {} up to {bound}, not {expected}",
                    config.sampler.name,
                    parameter.name
                );
            }
        }
    }
}

fn rank(parameter: &Parameter, value: Option<&Value>) -> usize {
    let Some(Domain::Categorical { choices, .. }) = parameter.domain() else {
        return usize::MAX;
    };
    value.and_then(|value| choices.iter().position(|choice| choice == value)).unwrap_or(usize::MAX)
}

/// The share of the prior that is not above a value, counted at 4,000 positions.
fn mass_up_to(parameter: &Parameter, bound: &Value) -> f64 {
    let count = 4_000;
    let below = |index: &i32| {
        let value = parameter.quantile((f64::from(*index) + 0.5) / f64::from(count)).expect("free");
        match (value.as_f64(), bound.as_f64()) {
            (Some(value), Some(bound)) => value <= bound,
            _ => rank(parameter, Some(&value)) <= rank(parameter, Some(bound)),
        }
    };
    (0..count).filter(below).count() as f64 / f64::from(count)
}

#[test]
fn a_space_may_grow_while_trials_run() {
    for config in configs(19) {
        let mut bench = Bench::new(&config);
        bench.run(3, 2);
        bench.act(Command::Ask { count: 1 });
        let newest = bench.study.trials().last().and_then(Trial::lease_key).expect("running");
        let parameter = Box::new(Parameter::new("found", Domain::float(0.0, 1.0)));
        assert!(bench.act(Command::Suggest { lease: newest, parameter }));
        bench.run(3, 2);
        let proposals = starts(&bench.log);
        let last = proposals.last().expect("a start");
        assert!(last.proposals.get("found").is_some(), "{}", config.sampler.name);
        assert!(replay::verify(&bench.log, &bench.policy).is_ok(), "{}", config.sampler.name);
    }
}

#[test]
fn ten_thousand_trials() {
    for entry in samplers() {
        let wide: Vec<_> =
            (0..4).map(|index| Parameter::new(&format!("p{index}"), Domain::int(1, 10))).collect();
        let mut bench = Bench::new(&config(entry.name, wide.clone(), 23));
        if !entry.ignores_results {
            // A method with a model meets a long history that others made, and may well repeat itself.
            let random = policy(&config("random", wide, 23)).expect("a policy");
            let own = std::mem::replace(&mut bench.policy, random);
            bench.run(9_990, 1);
            bench.policy = own;
            bench.run(10, 1);
            assert_eq!(bench.study.next_number(), 10_000, "{}", entry.name);
            continue;
        }
        bench.run(10_000, 1);
        assert_eq!(bench.study.next_number(), 10_000, "{}", entry.name);
        let distinct: BTreeSet<String> =
            bench.study.trials().iter().map(|trial| trial.params.canonical()).collect();
        // A grid of 10,000 points is exhausted; a draw with replacement finds about 6,321 of them.
        assert!(distinct.len() > 6_000, "{} tried {} points", entry.name, distinct.len());
        if entry.name == "grid" {
            assert_eq!(distinct.len(), 10_000);
            assert!(!bench.act(Command::Ask { count: 1 }), "the grid is at its end");
        }
    }
}
