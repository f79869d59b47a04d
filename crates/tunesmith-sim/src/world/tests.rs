//! Simulated studies: time, order, failures, verdicts, and that nothing but the seed decides.

use std::sync::{Arc, Mutex};

use tunesmith_core::{
    Domain, Exploit, Metric, Next, Parameter, Params, Rng, Sampler, Scheduler, SearchSpace,
    Suggestion, Value, Verdict,
};

use super::*;
use crate::noise::Noise;
use crate::objective::{Objective, Point};
use crate::tasks::FAMILIES;

/// `x` is the value and, in tens of seconds, the cost; the curve has two points; above 0.9 it breaks down half-way.
#[derive(Debug)]
struct Line {
    space: SearchSpace,
    metric: Metric,
}

impl Objective for Line {
    fn space(&self) -> &SearchSpace {
        &self.space
    }

    fn metric(&self) -> &Metric {
        &self.metric
    }

    fn evaluate(&self, params: &Params) -> Evaluation {
        let x = params.get("x").and_then(Value::as_f64).expect("a number");
        let half = if x > 0.9 { f64::NAN } else { 1.0 };
        let curve = [(0.5, half), (1.0, x)].map(|(fraction, value)| Point { fraction, value });
        Evaluation { curve: curve.to_vec(), seconds: 10.0 * x }
    }

    fn optimum(&self) -> Option<f64> {
        Some(0.0)
    }
}

/// Proposes a list, and remembers how many trials ran each time that it was asked.
#[derive(Debug)]
struct Listed {
    list: Vec<f64>,
    running: Arc<Mutex<Vec<usize>>>,
}

impl Sampler for Listed {
    fn suggest(&self, study: &Study, _count: u32, _rng: &Rng) -> Vec<Suggestion> {
        self.running.lock().expect("no panic").push(study.count(TrialState::Running));
        let next = self.list.get(study.next_number() as usize);
        let suggestion =
            |x: &f64| Suggestion { params: Params::from([("x", *x)]), note: Params::new() };
        next.map(suggestion).into_iter().collect()
    }
}

/// Prunes at half-way what is above a value.
#[derive(Debug)]
struct Above(f64);

impl Scheduler for Above {
    fn next(&self, _study: &Study, _may_start: bool) -> Next {
        Next::START
    }

    fn judge(&self, _study: &Study, trial: &Trial) -> Verdict {
        let x = trial.params.get("x").and_then(Value::as_f64).expect("a number");
        if x > self.0 { Verdict::Prune { reason: "above".to_owned() } } else { Verdict::Continue }
    }
}

/// Pauses all trials half-way, goes on with the last one, and retires the others once that has completed.
#[derive(Debug)]
struct Barrier;

fn half_way(trial: &Trial) -> Verdict {
    let half_way = trial.reached_fraction() < 1.0;
    if half_way { Verdict::Pause { reason: "half-way".to_owned() } } else { Verdict::Continue }
}

impl Scheduler for Barrier {
    fn next(&self, study: &Study, may_start: bool) -> Next {
        let last = study.in_state(TrialState::Paused).next_back();
        match last.filter(|_| study.count(TrialState::Completed) == 0) {
            _ if may_start => Next::START,
            Some(trial) => Next::Resume { trial: trial.number },
            None => Next::Finished,
        }
    }

    fn judge(&self, _study: &Study, trial: &Trial) -> Verdict {
        half_way(trial)
    }

    fn retire(&self, study: &Study) -> Vec<(u32, String)> {
        let paused = study.in_state(TrialState::Paused);
        let over = study.count(TrialState::Completed) > 0;
        paused.filter(|_| over).map(|trial| (trial.number, "over".to_owned())).collect()
    }
}

/// Pauses half-way, and lets the first trial go on from the state of the second.
#[derive(Debug)]
struct Swap;

impl Scheduler for Swap {
    fn next(&self, study: &Study, _may_start: bool) -> Next {
        if study.count(TrialState::Paused) < 2 {
            return Next::START;
        }
        Next::Exploit(Box::new(Exploit {
            trial: 0,
            donor: 1,
            params: Params::from([("x", 0.5)]),
            note: Params::new(),
        }))
    }

    fn judge(&self, _study: &Study, trial: &Trial) -> Verdict {
        half_way(trial)
    }
}

fn task() -> Task {
    let space =
        SearchSpace::new(vec![Parameter::new("x", Domain::float(0.0, 1.0))]).expect("a space");
    let objective = Line { space, metric: Metric::new("loss", tunesmith_core::Goal::Minimize) };
    Task { name: "line", family: &FAMILIES[0], noise: Noise::None, objective: Box::new(objective) }
}

/// The trace, and how many trials ran whenever the sampler was asked.
fn run(list: &[f64], workers: u32, cut: f64) -> (Trace, Vec<usize>) {
    run_under(Box::new(Above(cut)), list, workers)
}

fn run_under(scheduler: Box<dyn Scheduler>, list: &[f64], workers: u32) -> (Trace, Vec<usize>) {
    let (trace, running) = simulated(scheduler, list, workers);
    (trace.expect("it runs"), running)
}

fn simulated(
    scheduler: Box<dyn Scheduler>,
    list: &[f64],
    workers: u32,
) -> (Result<Trace, SimulationError>, Vec<usize>) {
    let task = task();
    let objective = &*task.objective;
    let mut config =
        StudyConfig::new("line", objective.space().clone(), objective.metric().clone());
    config.budget.trials = Some(list.len() as u32 + 1);
    let running = Arc::new(Mutex::new(Vec::new()));
    let sampler = Listed { list: list.to_vec(), running: running.clone() };
    let policy = Policy { sampler: Box::new(sampler), scheduler };
    let setting = Setting { task: &task, scale: &Scale::of(objective), config: &config, workers };
    let trace = simulate(&setting, &policy, None);
    let running = running.lock().expect("no panic").clone();
    (trace, running)
}

fn steps(trace: &Trace) -> Vec<(u32, u32, f64, f64)> {
    let steps = trace.recommendations.iter();
    steps.map(|made| (made.trial, made.finished, made.seconds, made.regret)).collect()
}

#[test]
fn one_worker_takes_trials_one_after_the_other_until_the_sampler_has_no_more() {
    let (trace, running) = run(&[0.5, 0.8, 0.25], 1, 1.0);
    assert_eq!(steps(&trace), [(0, 1, 5.0, 0.5), (2, 3, 15.5, 0.25)]);
    assert_eq!((trace.finished, trace.failed, trace.seconds), (3, 0, 15.5));
    assert_eq!(running, [0, 0, 0, 0]);
}

#[test]
fn workers_overlap_and_trials_end_in_the_order_of_their_cost() {
    let (trace, running) = run(&[0.8, 0.5, 0.25], 2, 1.0);
    // Trial 1 ends at 5 s, trial 2 at 7.5 s, trial 0 at 8 s.
    assert_eq!(steps(&trace), [(1, 1, 5.0, 0.5), (2, 2, 7.5, 0.25)]);
    assert_eq!((trace.finished, trace.seconds), (3, 8.0));
    assert_eq!(running, [0, 1, 1, 1]);
}

#[test]
fn what_breaks_down_fails_at_its_time_and_is_never_recommended() {
    let (trace, _) = run(&[0.95, 0.5], 1, 1.0);
    assert_eq!((trace.finished, trace.failed), (2, 1));
    assert_eq!(steps(&trace), [(1, 2, 9.75, 0.5)]);
}

#[test]
fn a_pruned_trial_costs_what_it_ran_and_is_recommended_only_while_none_has_completed() {
    let (trace, _) = run(&[0.8, 0.7, 0.5, 0.1], 1, 0.2);
    // All report 1 half-way: the first of equals holds until the last one completes.
    assert_eq!(steps(&trace), [(0, 1, 4.0, 0.8), (3, 4, 11.0, 0.1)]);
    assert_eq!((trace.finished, trace.failed, trace.device_seconds), (4, 0, 11.0));
}

#[test]
fn a_paused_trial_goes_on_from_its_point_and_loses_no_time() {
    // Half-way after 4 s, 2.5 s and 1 s; then the shortest goes on, and when it has ended the others retire.
    let (trace, _) = run_under(Box::new(Barrier), &[0.8, 0.5, 0.2], 1);
    assert_eq!(steps(&trace), [(0, 0, 4.0, 0.8), (2, 1, 8.5, 0.2)]);
    assert_eq!((trace.finished, trace.failed), (3, 0));
    assert_eq!((trace.seconds, trace.device_seconds), (8.5, 8.5));
}

#[test]
fn device_seconds_are_those_of_all_workers() {
    let (trace, _) = run(&[0.8, 0.5, 0.25], 2, 1.0);
    let spent: Vec<Option<f64>> =
        trace.recommendations.iter().map(|made| made.device_seconds).collect();
    // Two workers until 7.5 s, one until 8 s.
    assert_eq!((spent, trace.device_seconds), (vec![Some(10.0), Some(15.0)], 15.5));
}

#[test]
fn a_trial_that_takes_over_anothers_weights_is_refused() {
    let error = simulated(Box::new(Swap), &[0.8, 0.5], 1).0.expect_err("refused");
    assert!(error.to_string().starts_with("trial 0 takes over"), "{error}");
}

#[test]
fn the_same_study_gives_the_same_trace() {
    let policy = |config: &StudyConfig| tunesmith_search::policy(config).expect("random");
    let selected = crate::select(&["finetune".to_owned()], &crate::Sources::default());
    let task = selected.expect("a formula").tasks.remove(0);
    let scale = Scale::of(&*task.objective);
    let trace = |seed: u64| {
        let objective = &*task.objective;
        let mut config =
            StudyConfig::new("same", objective.space().clone(), objective.metric().clone());
        config.budget.trials = Some(20);
        config.seed = seed;
        let setting = Setting { task: &task, scale: &scale, config: &config, workers: 3 };
        simulate(&setting, &policy(&config), None).expect("it runs")
    };
    assert_eq!(trace(1), trace(1));
    assert_ne!(trace(1), trace(2));
}
