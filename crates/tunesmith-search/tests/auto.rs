//! `auto` from outside: what it proposes first, who proposes afterwards, and whom it sends to the final.

use tunesmith_core::*;
use tunesmith_search::policy;

fn config(parameters: Vec<Parameter>, options: Params) -> StudyConfig {
    let space = SearchSpace::new(parameters).expect("a space");
    let sampler = Component { name: "auto".to_owned(), options };
    let metric = Metric::new("eval_accuracy", Goal::Maximize);
    StudyConfig { sampler, seed: 4, ..StudyConfig::new("auto", space, metric) }
}

fn fine_tuning() -> Vec<Parameter> {
    vec![
        Parameter::new("learning_rate", Domain::log_float(1e-6, 1e-3)),
        Parameter::new("warmup_ratio", Domain::float(0.0, 0.2)),
    ]
}

/// Runs `count` trials whose accuracy is `score`.
fn run(config: &StudyConfig, count: u32, score: impl Fn(&Trial) -> f64) -> (Study, Policy) {
    run_on(config, None, count, score)
}

/// The same by an executor that has a dev set of so many rows.
fn run_on(
    config: &StudyConfig,
    validation_rows: Option<u64>,
    count: u32,
    score: impl Fn(&Trial) -> f64,
) -> (Study, Policy) {
    let (policy, me) = (policy(config).expect("a policy"), Writer::new("me"));
    let mut study = Study::begin(&Study::created(config, &me, Timestamp(0))).expect("begins");
    for number in 0..count {
        act(&mut study, &policy, Command::Ask { count: 1 });
        let trial = study.trial(number).expect("started");
        let values = Values::from([(config.metrics[0].name.clone(), score(trial))]);
        let (lease, params) = (trial.lease_key().expect("leased"), trial.params.clone());
        let effective =
            Effective { params, total_steps: 100, validation_rows, read_back: Params::new() };
        act(&mut study, &policy, Command::RecordEffective { lease, effective });
        let outcome = Outcome::Completed { values };
        act(&mut study, &policy, Command::Tell { lease, outcome, device_seconds: 1.0 });
    }
    (study, policy)
}

fn act(study: &mut Study, policy: &Policy, command: Command) {
    let events = decide(study, policy, &Writer::new("me"), command, Timestamp(0));
    for event in events.expect("not refused") {
        study.apply(&event).expect("applies");
    }
}

fn model(trial: &Trial) -> &str {
    match &trial.origin {
        Origin::Sampler { note, .. } => note.get("model").and_then(Value::as_str).unwrap_or("none"),
        _ => "nobody",
    }
}

fn models(study: &Study) -> Vec<&str> {
    study.trials().iter().map(model).collect()
}

fn real(trial: &Trial, name: &str) -> f64 {
    trial.params.get(name).and_then(Value::as_f64).expect("a number")
}

/// An accuracy that peaks at a learning rate of 1e-4.
fn peaked(trial: &Trial) -> f64 {
    let off = libm::log10(real(trial, "learning_rate") / 1e-4);
    0.8 - 0.1 * off * off
}

#[test]
fn the_default_comes_first_then_prior_and_sobol_then_the_model() {
    let known = Params::from([("prior", Value::from("known"))]);
    let (study, _) = run(&config(fine_tuning(), known), 7, peaked);
    assert_eq!(models(&study), ["default", "prior", "sobol", "prior", "sobol", "gp", "gp"]);
    assert_eq!(real(&study.trials()[0], "learning_rate"), 2e-5);
    assert_eq!(real(&study.trials()[0], "warmup_ratio"), 0.06);
}

#[test]
fn where_no_prior_says_anything_the_first_are_quasi_random() {
    let (study, _) = run(&config(fine_tuning(), Params::new()), 6, peaked);
    assert_eq!(models(&study), ["default", "sobol", "sobol", "sobol", "sobol", "gp"]);
}

#[test]
fn a_default_that_was_tried_is_not_tried_again() {
    let known = Params::from([("prior", Value::from("known"))]);
    let config = config(fine_tuning(), known);
    let (mut study, policy) = run(&config, 0, peaked);
    let default =
        Params::from([("learning_rate", Value::Float(2e-5)), ("warmup_ratio", Value::Float(0.06))]);
    act(&mut study, &policy, Command::Enqueue { params: default });
    act(&mut study, &policy, Command::Ask { count: 2 });
    assert_eq!(models(&study), ["nobody", "prior"]);
}

#[test]
fn a_declared_prior_has_no_say_in_the_points_of_the_sequence() {
    let rates = |prior: Prior| -> Vec<f64> {
        let rate = Parameter::new("learning_rate", Domain::log_float(1e-6, 1e-3));
        let parameters = vec![rate.with_prior(prior), fine_tuning().remove(1)];
        let (study, _) = run(&config(parameters, Params::new()), 5, peaked);
        assert_eq!(models(&study), ["default", "prior", "sobol", "prior", "sobol"]);
        study.trials().iter().map(|trial| real(trial, "learning_rate")).collect()
    };
    let narrow = |median: f64| Prior::LogNormal { mu: libm::log(median), sigma: 0.1 };
    let (low, high) = (rates(narrow(1e-6)), rates(narrow(1e-3)));
    for trial in [2, 4] {
        assert_eq!(low[trial], high[trial]);
    }
    for trial in [0, 1, 3] {
        assert!(low[trial] < 2e-6 && high[trial] > 5e-4, "{low:?} {high:?}");
    }
}

#[test]
fn conditions_are_for_groups_of_parzen_estimators() {
    let rank =
        Parameter::new("lora.r", Domain::int(4, 64)).when(Condition::one_of("adapter", ["lora"]));
    let adapter = Parameter::new("adapter", Domain::categorical(["none", "lora"]));
    let parameters = fine_tuning().into_iter().chain([adapter, rank]).collect();
    let (study, _) = run(&config(parameters, Params::new()), 8, peaked);
    assert_eq!(models(&study)[5..], ["tpe", "tpe", "tpe"]);
}

#[test]
fn twenty_trials_come_near_the_peak() {
    let (study, _) = run(&config(fine_tuning(), Params::new()), 20, peaked);
    let best = study.best().expect("completed");
    assert!(peaked(best) > 0.799, "the best learning rate is {}", real(best, "learning_rate"));
}

#[test]
fn the_rows_on_record_are_worth_the_option_and_only_an_accuracy_counts_them() {
    let of = |metric: &str, options: Params, rows: Option<u64>| {
        let mut config = config(fine_tuning(), options);
        config.metrics[0].name = metric.to_owned();
        let (study, _) = run_on(&config, rows, 9, peaked);
        study.trials().iter().map(|trial| trial.params.canonical()).collect::<Vec<_>>()
    };
    let option = || Params::from([("validation_rows", Value::Int(50))]);
    let told = of("eval_accuracy", option(), None);
    assert_eq!(of("eval_accuracy", Params::new(), Some(50)), told);
    assert_ne!(of("eval_accuracy", Params::new(), None), told);
    assert_eq!(of("eval_accuracy", option(), Some(1_000_000)), told, "the option comes first");
    assert_eq!(of("eval_loss", Params::new(), Some(50)), of("eval_loss", Params::new(), None));
}

#[test]
fn a_lone_lucky_score_is_no_sure_finalist() {
    // One trial far from the peak is lucky; the many near the peak agree with each other.
    let lucky = |trial: &Trial| if trial.number == 1 { 0.81 } else { peaked(trial) };
    let options = Params::from([("validation_rows", Value::Int(100))]);
    let (study, policy) = run(&config(fine_tuning(), options), 24, lucky);
    assert_eq!(study.best().map(|best| best.number), Some(1));
    let finalists = policy.sampler.finalists(&study, 3);
    assert_eq!(finalists.len(), 3);
    let first = study.trial(finalists[0]).expect("there");
    assert!(peaked(first) > 0.795, "trial {} at {}", first.number, real(first, "learning_rate"));
    assert_ne!(first.number, 1);
}
