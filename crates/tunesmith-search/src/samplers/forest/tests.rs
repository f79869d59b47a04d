//! What holds of a search with a forest: its design, its share of draws, what it sees, and that it finds.

use tunesmith_core::{Domain, Parameter, Value};

use super::*;
use crate::tests::{End, Rehearsal, median_best, mixed_loss, mixed_space, number};

#[test]
fn it_finds_better_points_than_chance() {
    let (modelled, drawn) = (median_best("forest", 70, 7), median_best("random", 70, 7));
    assert!(modelled < 0.5 * drawn, "{modelled} against {drawn}");
}

fn why(study: &Rehearsal, trial: u32) -> String {
    study.note(trial).get("why").and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[test]
fn a_design_comes_first_then_the_forest_with_a_fifth_of_draws() {
    let mut study = Rehearsal::new("forest", Params::new(), mixed_space(), 1);
    study.run(125, |params| End::Completed(vec![mixed_loss(params)]));
    assert_eq!(why(&study, 24), "25 of 25 first trials");
    let model = |trial: u32| study.note(trial).get("model").cloned();
    let count =
        |name: &str| (25..125).filter(|trial| model(*trial) == Some(Value::from(name))).count();
    assert_eq!(count("random") + count("forest"), 100);
    assert!((10..=30).contains(&count("random")), "{}", count("random"));
}

#[test]
fn options_are_kept() {
    let options = Params::from([
        ("n_startup", Value::Int(3)),
        ("random", Value::Int(0)),
        ("trees", Value::Int(2)),
        ("n_candidates", Value::Int(7)),
    ]);
    let forest = Forest::new(Options(&options));
    assert_eq!((forest.trees, forest.candidates), (2, 7));
    let mut study = Rehearsal::new("forest", options, mixed_space(), 1);
    study.run(40, |params| End::Completed(vec![mixed_loss(params)]));
    assert_eq!(why(&study, 2), "3 of 3 first trials");
    assert!((3..40).all(|trial| study.note(trial).get("model") == Some(&Value::from("forest"))));
}

#[test]
fn a_batch_is_spread() {
    let options = Params::from([("n_startup", Value::Int(12)), ("random", Value::Int(0))]);
    let mut study = Rehearsal::new("forest", options, mixed_space(), 1);
    study.run(12, |params| End::Completed(vec![mixed_loss(params)]));
    let distinct: std::collections::BTreeSet<String> =
        study.ask(8).map(|trial| study.trial(trial).params.canonical()).collect();
    assert_eq!(distinct.len(), 8);
}

#[test]
fn of_many_trials_the_best_and_the_newest_are_seen() {
    let line = vec![Parameter::new("x", Domain::float(0.0, 1.0))];
    let mut study = Rehearsal::new("random", Params::new(), line, 1);
    study.run(1_500, |params| End::Completed(vec![number(params, "x")]));
    let trials = study.study.trials();
    let metrics = study.study.metrics();
    let ended: Vec<_> =
        trials.iter().filter_map(|trial| Some((trial, Fitness::of(trial, metrics)?))).collect();
    let seen = seen(&ended);
    assert_eq!(seen.len(), MOST_TRIALS);
    assert!(seen[250..].iter().map(|(trial, _)| trial.number).eq(750..1_500));
    let worst = seen[..250].iter().filter_map(|(_, fitness)| fitness.score()).fold(0.0, f64::max);
    assert!(worst < 0.4, "the best third of 750 reaches to {worst}");
    assert!(seen.windows(2).all(|pair| pair[0].0.number < pair[1].0.number));
}

#[test]
fn failures_alone_teach_nothing_and_a_finished_space_is_drawn_from() {
    let small = || vec![Parameter::new("kind", Domain::categorical(["a", "b", "c"]))];
    let options = || Params::from([("n_startup", Value::Int(1)), ("random", Value::Int(0))]);
    let mut study = Rehearsal::new("forest", options(), small(), 1);
    study.run(2, |_| End::Failed);
    assert_eq!(why(&study, 1), "no trial scored");
    let mut study = Rehearsal::new("forest", options(), small(), 1);
    study.run(4, |_| End::Completed(vec![1.0]));
    assert_eq!(why(&study, 3), "every candidate was tried before");
    let three: std::collections::BTreeSet<String> =
        study.study.trials()[..3].iter().map(|trial| trial.params.canonical()).collect();
    assert_eq!(three.len(), 3);
}
