//! Selection and progress against optuna 5.0.0, and how generations follow each other.

use serde_json::Value as Json;
use tunesmith_core::Domain;

use super::*;
use crate::numeric::pareto::hypervolume;
use crate::tests::{End, Rehearsal, number};

fn golden() -> Json {
    serde_json::from_str(include_str!("../../../tests/golden/nsga2.json")).expect("JSON")
}

fn numbers(value: &Json) -> Vec<f64> {
    let list = value.as_array().expect("a list");
    list.iter().map(|number| number.as_f64().expect("a number")).collect()
}

fn space(size: usize) -> Vec<Parameter> {
    let parameter = |index: usize| Parameter::new(&format!("x{index}"), Domain::float(0.0, 1.0));
    (0..size).map(parameter).collect()
}

#[test]
fn the_elite_is_optunas() {
    for case in golden()["selections"].as_array().expect("cases") {
        let values: Vec<Vec<f64>> =
            case["values"].as_array().expect("points").iter().map(numbers).collect();
        let most = case["population"].as_u64().expect("a count") as usize;
        let mut study = Rehearsal::new("random", Params::new(), space(1), values[0].len());
        for value in &values {
            study.run(1, |_| End::Completed(value.clone()));
        }
        let pool: Vec<Individual<'_>> = study
            .study
            .trials()
            .iter()
            .filter_map(|trial| individual(&study.study, trial))
            .collect();
        let found: Vec<f64> =
            select(pool, most).iter().map(|one| f64::from(one.trial.number)).collect();
        assert_eq!(found, numbers(&case["elite"]));
    }
}

/// Zitzler, Deb and Thiele's first test function.
fn zdt1(params: &Params) -> Vec<f64> {
    let x: Vec<f64> = (0..params.len()).map(|i| number(params, &format!("x{i}"))).collect();
    let rest = x[1..].iter().sum::<f64>() / (x.len() - 1) as f64;
    let g = 1.0 + 9.0 * rest;
    vec![x[0], g * (1.0 - (x[0] / g).sqrt())]
}

#[test]
fn fronts_are_as_large_as_optunas() {
    let expected = &golden()["zdt1"];
    let trials = expected["trials"].as_u64().expect("a count") as u32;
    let volume = |seed: u64| {
        let mut study = Rehearsal::seeded(seed, "nsga2", Params::new(), space(5), 2);
        study.run(trials, |params| End::Completed(zdt1(params)));
        let points: Vec<Vec<f64>> =
            study.study.trials().iter().map(|trial| zdt1(&trial.params)).collect();
        hypervolume(&points, &numbers(&expected["reference"]))
    };
    let mut volumes: Vec<f64> = (0..11).map(volume).collect();
    volumes.sort_by(f64::total_cmp);
    let range = numbers(&expected["range"]);
    let (found, lowest, highest) = (volumes[5], range[0], range[1]);
    println!("median volume {found}; optuna {}, {lowest} to {highest}", expected["median"]);
    assert!((lowest..=highest).contains(&found), "{found} is not within {lowest} to {highest}");
}

#[test]
fn generations_follow_from_the_notes() {
    let options = Params::from([("population", Value::Int(4))]);
    let mut study = Rehearsal::new("nsga2", options, space(3), 2);
    let generation = |study: &Rehearsal, number: u32| {
        study.note(number).get(GENERATION).and_then(Value::as_i64).expect("a generation")
    };
    let first = study.ask(7);
    assert!(first.clone().all(|number| generation(&study, number) == 0));
    study.tell(0, End::Failed);
    study.tell(1, End::Pruned(vec![0.0, 0.0]));
    for number in 2..5 {
        study.tell(number, End::Completed(vec![f64::from(number), f64::from(number)]));
    }
    let more = study.ask(1).start;
    assert_eq!(generation(&study, more), 0, "three completed");
    study.tell(5, End::Completed(vec![5.0, 5.0]));
    let next = study.ask(2);
    assert!(next.clone().all(|number| generation(&study, number) == 1));
    let parents = [2, 3, 4, 5].map(Value::Int).to_vec();
    assert_eq!(study.note(next.start).get(PARENTS), Some(&Value::List(parents)));
    assert_eq!(study.note(next.start + 1).get(PARENTS), None);

    // A straggler of the first generation counts no more; the elite is of both generations.
    study.tell(6, End::Completed(vec![0.0, 0.0]));
    let rest = study.ask(2);
    for number in next.chain(rest) {
        let value = if number == 8 { 1.0 } else { 9.0 };
        study.tell(number, End::Completed(vec![value, value]));
    }
    let last = study.ask(1).start;
    assert_eq!(generation(&study, last), 2);
    let parents = [2, 3, 4, 8].map(Value::Int).to_vec();
    assert_eq!(study.note(last).get(PARENTS), Some(&Value::List(parents)));
}

#[test]
fn children_are_of_their_parents_but_for_mutations() {
    let options = Params::from([("population", Value::Int(4)), ("mutation", Value::Int(0))]);
    let mut study = Rehearsal::new("nsga2", options, space(2), 2);
    study.run(4, |params| End::Completed(vec![number(params, "x0"), -number(params, "x0")]));
    let child = study.ask(1).start;
    let of = |trial: u32, name: &str| number(&study.trial(trial).params, name);
    for name in ["x0", "x1"] {
        assert!((0..4).any(|parent| of(parent, name) == of(child, name)), "{name}");
    }
}

#[test]
fn failures_breed_nothing() {
    let options = Params::from([("population", Value::Int(2))]);
    let mut study = Rehearsal::new("nsga2", options, space(2), 2);
    study.run(9, |_| End::Failed);
    assert_eq!(study.note(8).get("why"), Some(&Value::from("the first generation")));
}
