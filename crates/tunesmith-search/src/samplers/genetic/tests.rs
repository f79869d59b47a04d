//! What holds of a genetic search: it finds, it does not repeat, it takes failures.

use tunesmith_core::Domain;

use super::*;
use crate::tests::{End, Rehearsal, median_best, mixed_loss, mixed_space};

#[test]
fn it_finds_better_points_than_chance() {
    let (bred, drawn) = (median_best("genetic", 150, 11), median_best("random", 150, 11));
    assert!(bred < 0.5 * drawn, "{bred} against {drawn}");
}

#[test]
fn notes_say_where_a_trial_comes_from() {
    let mut study = Rehearsal::new("genetic", Params::new(), mixed_space(), 1);
    study.run(21, |params| End::Completed(vec![mixed_loss(params)]));
    assert_eq!(study.note(3).get("why"), Some(&Value::from("4 of 20 first trials")));
    assert_eq!(study.note(20).get("model"), Some(&Value::from("genetic")));
}

#[test]
fn parents_are_of_the_fittest_and_never_failed() {
    let options = Params::from([("population", Value::Int(4))]);
    let mut study = Rehearsal::new("genetic", options, mixed_space(), 1);
    study.ask(10);
    for trial in 0..10 {
        let end = match trial {
            0..5 => End::Failed,
            5 => End::Pruned(vec![-9.0]),
            _ => End::Completed(vec![f64::from(trial)]),
        };
        study.tell(trial, end);
    }
    let parents: std::collections::BTreeSet<i64> = study
        .ask(40)
        .filter_map(|trial| match study.note(trial).get("parents") {
            Some(Value::List(parents)) => Some(parents.iter().filter_map(Value::as_i64)),
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(parents.into_iter().collect::<Vec<_>>(), [6, 7, 8, 9]);
}

#[test]
fn nothing_is_tried_twice_before_all_of_it_was() {
    let small = vec![
        Parameter::new("a", Domain::categorical(["x", "y", "z"])),
        Parameter::new("b", Domain::int(1, 4)),
    ];
    let options = Params::from([("population", Value::Int(2)), ("mutation", Value::Float(0.5))]);
    let mut study = Rehearsal::new("genetic", options, small, 1);
    let mut seen = std::collections::BTreeSet::new();
    study.run(2, |_| End::Completed(vec![1.0]));
    for trial in study.ask(9) {
        seen.insert(study.trial(trial).params.canonical());
    }
    assert_eq!(seen.len(), 9);
    study.run(6, |_| End::Completed(vec![1.0]));
    assert_eq!(study.note(16).get("why"), Some(&Value::from("every child was tried before")));
}

#[test]
fn without_a_score_it_draws() {
    let options = Params::from([("population", Value::Int(2))]);
    let mut study = Rehearsal::new("genetic", options, mixed_space(), 1);
    study.run(5, |_| End::Failed);
    assert_eq!(study.note(4).get("why"), Some(&Value::from("fewer than two trials scored")));
}

#[test]
fn the_mutation_rate_is_kept() {
    let parameters = vec![Parameter::new("a", Domain::categorical(["x", "y", "z", "u", "v"]))];
    let never = Genetic::new(Options(&Params::from([("mutation", Value::Int(0))])));
    let always = Genetic::new(Options(&Params::from([("mutation", Value::Int(1))])));
    let mut study = Rehearsal::new("random", Params::new(), parameters, 1);
    study.run(1, |_| End::Completed(vec![0.0]));
    let (trial, space) = (study.trial(0), study.study.space());
    let searched: Vec<&Parameter> = space.searched().collect();
    for seed in 0..20 {
        let child = |genetic: &Genetic| {
            let mut rng = Rng::at(seed, 0, "mutation");
            params(space, &searched, &genetic.child(&searched, [trial, trial], &mut rng))
        };
        assert_eq!(child(&never), trial.params);
        assert_ne!(child(&always), trial.params);
    }
}
