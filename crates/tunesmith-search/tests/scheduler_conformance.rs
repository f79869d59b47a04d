//! What every scheduler of the registry keeps to, by whole studies on simulated curves. A new one is held to it without
//! a line here.
//!
//! Refuses to test what is one method's own: that is beside the method.

use std::collections::BTreeMap;

use tunesmith_core::*;
use tunesmith_search::{policy, schedulers};

/// Optimiser steps of every trial's schedule.
const STEPS: u64 = 108;

/// Schedulers that leave trials paused at the end: a larger budget may still promote those.
const KEEP_PAUSED: &[&str] = &["asha-promote", "auto", "pasha"];

/// How trials report.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Life {
    /// Every so many steps.
    Every(u64),
    /// As every 4 steps; every third fails on its way.
    Failing,
    /// As every 4 steps, but every second report lacks the metric.
    Gaps,
    /// As every 4 steps; each report comes twice, and an older one follows.
    Stutter,
    /// Never; the value comes with the end.
    Silent,
    /// Every third never reports, the others do every 12 steps.
    SomeSilent,
}

const LIVES: &[Life] = &[
    Life::Every(1),
    Life::Every(4),
    Life::Every(54),
    Life::Every(STEPS),
    Life::Failing,
    Life::Gaps,
    Life::Stutter,
    Life::Silent,
    Life::SomeSilent,
];

fn config(scheduler: &str, trials: u32) -> StudyConfig {
    let space = SearchSpace::new(vec![
        Parameter::new("lr", Domain::log_float(1e-6, 1e-2)),
        Parameter::new("epochs", Domain::int(1, 5)),
        Parameter::new("kind", Domain::categorical(["a", "b", "c"])),
    ])
    .expect("a space");
    let budget = Budget { trials: Some(trials), ..Budget::default() };
    StudyConfig {
        scheduler: Component::named(scheduler),
        budget,
        seed: 31,
        ..StudyConfig::new("schedulers", space, Metric::new("loss", Goal::Minimize))
    }
}

struct Farm {
    study: Study,
    policy: Policy,
    log: Vec<Event>,
    by: Writer,
    life: Life,
}

impl Farm {
    fn new(config: &StudyConfig, life: Life) -> Self {
        let by = Writer::new("farm");
        let created = Study::created(config, &by, Timestamp(0));
        let study = Study::begin(&created).expect("the first event");
        Self { study, policy: policy(config).expect("a policy"), log: vec![created], by, life }
    }

    fn act(&mut self, command: Command) -> Result<(), Rejection> {
        let now = Timestamp(self.log.len() as i64);
        let events = decide(&self.study, &self.policy, &self.by, command, now)?;
        for event in &events {
            self.study.apply(event).expect("a decided event applies");
        }
        self.log.extend(events);
        Ok(())
    }

    /// Lets `workers` work until nothing is left to do.
    fn run(&mut self, workers: usize) {
        let mut turn = 0_usize;
        loop {
            let refusal = self.fill(workers);
            let running: Vec<u32> = self.study.running().map(|trial| trial.number).collect();
            if running.is_empty() {
                assert!(
                    matches!(refusal, Some(Rejection::Finished { .. })),
                    "{} with {:?} waits for nothing: {refusal:?}",
                    self.name(),
                    self.life
                );
                return;
            }
            self.advance(running[turn % running.len()]);
            turn += 1;
            assert!(turn < 200_000, "{} with {:?} does not end", self.name(), self.life);
        }
    }

    /// Asks until there is no room or a refusal.
    fn fill(&mut self, workers: usize) -> Option<Rejection> {
        for _ in 0..10_000 {
            if self.study.count(TrialState::Running) >= workers {
                return None;
            }
            if let Err(refusal) = self.act(Command::Ask { count: 1 }) {
                return Some(refusal);
            }
        }
        panic!("{} hands out nothing and refuses nothing", self.name());
    }

    fn name(&self) -> String {
        self.study.config().scheduler.name.clone()
    }

    /// The next thing that happens to a running trial.
    fn advance(&mut self, number: u32) {
        let trial = self.study.trial(number).expect("there").clone();
        let lease = trial.lease_key().expect("running");
        let reached = trial.reached_step();
        let life = match self.life {
            Life::SomeSilent if number % 3 == 1 => Life::Silent,
            Life::SomeSilent => Life::Every(12),
            life => life,
        };
        let every = match life {
            Life::Every(steps) => steps,
            Life::Silent => STEPS,
            _ => 4,
        };
        let step = (reached / every + 1) * every;
        if life == Life::Failing && number % 3 == 2 && step > 16 {
            let reason = FailureReason::OutOfMemory;
            return self.tell(lease, Outcome::Failed { reason });
        }
        if life != Life::Silent && reached < STEPS {
            self.report(lease, step, life == Life::Gaps && (step / every) % 2 == 1);
            if life == Life::Stutter {
                self.report(lease, step, false);
                self.report(lease, step - 2, false);
            }
        }
        let trial = self.study.trial(number).expect("there").clone();
        if trial.state == TrialState::Running && (step >= STEPS || life == Life::Silent) {
            let values = Values::from([("loss".to_owned(), loss(&trial, STEPS))]);
            self.tell(lease, Outcome::Completed { values });
        }
    }

    fn report(&mut self, lease: LeaseKey, step: u64, lacks_metric: bool) {
        let trial = self.study.trial(lease.trial).expect("there");
        if trial.state != TrialState::Running {
            return;
        }
        let loss = loss(trial, step);
        let name = if lacks_metric { "other" } else { "loss" };
        let values = Values::from([(name.to_owned(), loss)]);
        let fraction = (step as f64 / STEPS as f64).min(1.0);
        // Examples are the harder the higher their index.
        let errors = (0..64_u8).map(|index| u8::from(f64::from(index) / 64.0 > 1.0 - loss));
        let errors = Some(ExampleErrors(errors.collect()));
        let report = Report { step, fraction, values, device_seconds: 1.0, errors };
        self.act(Command::Report { lease, report }).expect("a report is taken");
    }

    fn tell(&mut self, lease: LeaseKey, outcome: Outcome) {
        let told = Command::Tell { lease, outcome, device_seconds: 0.0 };
        self.act(told).expect("an outcome is taken");
    }
}

/// Falls towards a floor that depends on the params, a little unevenly.
fn loss(trial: &Trial, step: u64) -> f64 {
    let lr = trial.params.get("lr").and_then(Value::as_f64).unwrap_or(1e-4);
    let far = (libm::log10(lr) + 4.0).abs() / 4.0;
    let mut noise = Rng::at(5, trial.number, "noise").branch(step);
    let done = step as f64 / STEPS as f64;
    0.1 + 0.3 * far + 0.5 * libm::exp(-6.0 * done) + 0.02 * noise.uniform()
}

/// Every scheduler, with every life, at every size.
fn each(run: impl Fn(&StudyConfig, Life, usize)) {
    for entry in schedulers() {
        for life in LIVES {
            for trials in [1, 2, 20] {
                for workers in [1, 3] {
                    run(&config(entry.name, trials), *life, workers);
                }
            }
        }
    }
}

#[test]
fn every_study_ends_and_leaves_nothing_behind() {
    each(|config, life, workers| {
        let mut farm = Farm::new(config, life);
        farm.run(workers);
        let name = &config.scheduler.name;
        let state = |state| farm.study.count(state);
        assert_eq!(state(TrialState::Running) + state(TrialState::Queued), 0, "{name} {life:?}");
        assert_eq!(Some(farm.study.searched_trials()), config.budget.trials, "{name} {life:?}");
        if !KEEP_PAUSED.contains(&name.as_str()) {
            assert_eq!(state(TrialState::Paused), 0, "{name} {life:?} {workers}");
        }
        assert!(state(TrialState::Completed) > 0, "{name} {life:?} {workers}: no model");
    });
}

#[test]
fn verdicts_and_takeovers_follow_from_the_log() {
    each(|config, life, workers| {
        let logs = [(); 2].map(|()| {
            let mut farm = Farm::new(config, life);
            farm.run(workers);
            let verified = replay::verify(&farm.log, &farm.policy);
            assert!(verified.is_ok(), "{} {life:?}: {verified:?}", config.scheduler.name);
            farm.log
        });
        assert_eq!(logs[0], logs[1]);
    });
}

#[test]
fn a_trial_with_one_rival_or_none_is_not_cut() {
    for entry in schedulers() {
        let mut farm = Farm::new(&config(entry.name, 1), Life::Every(4));
        farm.run(1);
        assert_eq!(farm.study.best().map(|best| best.number), Some(0), "{}", entry.name);
    }
}

#[test]
fn a_sampler_at_its_end_lets_the_study_end() {
    for entry in schedulers() {
        for workers in [1, 3] {
            let values = Domain::categorical([1e-6, 1e-5, 1e-4, 1e-3, 1e-2]);
            let space = SearchSpace::new(vec![Parameter::new("lr", values)]).expect("a space");
            let sampler = Component::named("grid");
            let budget = Budget::default();
            let config = StudyConfig { space, sampler, budget, ..config(entry.name, 1) };
            let mut farm = Farm::new(&config, Life::Every(4));
            farm.run(workers);
            assert!(farm.study.count(TrialState::Completed) > 0, "{}", entry.name);
        }
    }
}

#[test]
fn a_larger_budget_goes_on() {
    for entry in schedulers() {
        let mut farm = Farm::new(&config(entry.name, 4), Life::Every(4));
        farm.run(2);
        let budget = Budget { trials: Some(12), ..Budget::default() };
        farm.act(Command::SetBudget { budget }).expect("a larger budget is taken");
        farm.run(2);
        let first = farm.study.searched_trials();
        assert!(first == 12, "{}: {first}", entry.name);
    }
}

#[test]
fn runs_on_fresh_seeds_are_left_alone() {
    for entry in schedulers() {
        let replication = Some(Replication { top: 2, seeds: 2 });
        let mut farm =
            Farm::new(&StudyConfig { replication, ..config(entry.name, 9) }, Life::Every(4));
        farm.run(3);
        let replicas: Vec<&Trial> =
            farm.study.trials().iter().filter(|trial| farm.study.is_replica(trial)).collect();
        assert!(!replicas.is_empty(), "{}", entry.name);
        for replica in replicas {
            assert_eq!(replica.state, TrialState::Completed, "{}", entry.name);
            assert_eq!(replica.leases, 1, "{}", entry.name);
        }
    }
}

#[test]
fn less_is_spent_where_trials_are_cut() {
    let mut spent = BTreeMap::new();
    for entry in schedulers() {
        let mut farm = Farm::new(&config(entry.name, 20), Life::Every(4));
        farm.run(3);
        let reports: usize = farm.study.trials().iter().map(|trial| trial.reports.len()).sum();
        spent.insert(entry.name, reports);
        let best = farm.study.best().and_then(|best| best.value(&farm.study.metrics()[0]));
        // The best of 20 draws on this curve is near 0.12, a middling one near 0.25.
        assert!(best.is_some_and(|best| best < 0.2), "{}: {best:?}", entry.name);
    }
    for name in ["asha", "asha-promote", "hyperband", "pasha", "sha"] {
        assert!(spent[name] * 2 < spent["none"], "{name}: {spent:?}");
    }
}

#[test]
fn a_long_history_is_no_trouble() {
    let mut farm = Farm::new(&config("none", 10_003), Life::Every(36));
    while farm.study.next_number() < 10_000 {
        farm.act(Command::Ask { count: 100 }).expect("there is room");
        let running: Vec<u32> = farm.study.running().map(|trial| trial.number).collect();
        for number in running {
            (0..3).for_each(|_| farm.advance(number));
        }
    }
    for entry in schedulers() {
        let config = config(entry.name, 10_003);
        let policy = policy(&config).expect("a policy");
        let mut own = Farm {
            study: farm.study.clone(),
            policy,
            log: Vec::new(),
            by: farm.by.clone(),
            life: Life::Every(4),
        };
        own.run(2);
        assert_eq!(own.study.count(TrialState::Running), 0, "{}", entry.name);
    }
}
