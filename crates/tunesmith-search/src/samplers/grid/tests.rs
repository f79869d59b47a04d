//! Order, conditions, and parallel workers.

use tunesmith_core::{
    Command, Condition, Domain, Fact, Goal, Metric, Outcome, Policy, StudyConfig, Timestamp,
    Writer, decide,
};

use super::*;
use crate::schedulers::none::NoScheduler;

fn study(parameters: Vec<Parameter>) -> (Study, Policy) {
    let space = SearchSpace::new(parameters).unwrap();
    let sampler = Box::new(Grid::new(&space).unwrap());
    let config = StudyConfig::new("grid", space, Metric::new("loss", Goal::Minimize));
    let event = Study::created(&config, &Writer::new("w"), Timestamp(0));
    (Study::begin(&event).unwrap(), Policy { sampler, scheduler: Box::new(NoScheduler) })
}

/// Params of the trials that workers get, who ask for `count` each time until the grid ends.
fn run(study: &mut Study, policy: &Policy, count: u32) -> Vec<String> {
    let mut started = Vec::new();
    for worker in 0.. {
        let by = Writer::new(&format!("worker {worker}"));
        let Ok(events) = decide(study, policy, &by, Command::Ask { count }, Timestamp(1)) else {
            break;
        };
        for event in &events {
            study.apply(event).unwrap();
            if let Fact::TrialStarted { start, .. } = &event.fact {
                started.push(start.params.to_string());
            }
        }
    }
    started
}

#[test]
fn the_order_is_wandbs() {
    let parameters = || {
        vec![
            Parameter::new("b", Domain::categorical(["x", "y"])),
            Parameter::new("c", Domain::Fixed(Value::Int(7))),
            Parameter::new("a", Domain::int(1, 3)),
        ]
    };
    let expected =
        ["a=1 b=x c=7", "a=1 b=y c=7", "a=2 b=x c=7", "a=2 b=y c=7", "a=3 b=x c=7", "a=3 b=y c=7"];
    for count in [1, 2, 4, 100] {
        let (mut study, policy) = study(parameters());
        assert_eq!(run(&mut study, &policy, count), expected, "asked for {count} at once");
    }
}

#[test]
fn inactive_parameters_do_not_repeat_combinations() {
    let (mut study, policy) = study(vec![
        Parameter::new("rank", Domain::categorical([4_i64, 8]))
            .when(Condition::one_of("tuning", ["lora"])),
        Parameter::new("tuning", Domain::categorical(["full", "lora"])),
        Parameter::new("alpha", Domain::categorical([1_i64, 2]))
            .when(Condition::one_of("rank", [8_i64])),
    ]);
    let mut started = run(&mut study, &policy, 3);
    started.sort();
    let expected = [
        "alpha=1 rank=8 tuning=lora",
        "alpha=2 rank=8 tuning=lora",
        "rank=4 tuning=lora",
        "tuning=full",
    ];
    assert_eq!(started, expected);
}

#[test]
fn what_was_queued_by_hand_is_not_taken_again() {
    let (mut study, policy) = study(vec![Parameter::new("a", Domain::categorical([1.0, 3e6]))]);
    let by = Writer::new("person");
    let params = Params::from([("a", Value::Int(3_000_000))]);
    for event in decide(&study, &policy, &by, Command::Enqueue { params }, Timestamp(0)).unwrap() {
        study.apply(&event).unwrap();
    }
    assert_eq!(run(&mut study, &policy, 5), ["a=1.0"]);
}

#[test]
fn failed_points_are_not_tried_again() {
    let (mut study, policy) = study(vec![Parameter::new("a", Domain::int(1, 2))]);
    let by = Writer::new("w");
    for event in decide(&study, &policy, &by, Command::Ask { count: 1 }, Timestamp(0)).unwrap() {
        study.apply(&event).unwrap();
    }
    let lease = study.trial(0).unwrap().lease_key().unwrap();
    let outcome = Outcome::Failed { reason: tunesmith_core::FailureReason::OutOfMemory };
    let command = Command::Tell { lease, outcome, device_seconds: 0.0 };
    for event in decide(&study, &policy, &by, command, Timestamp(0)).unwrap() {
        study.apply(&event).unwrap();
    }
    assert_eq!(run(&mut study, &policy, 5), ["a=2"]);
}

#[test]
fn grids_that_cannot_be_are_refused() {
    let refusal =
        |parameters| Grid::new(&SearchSpace::new(parameters).unwrap()).unwrap_err().to_string();
    assert_eq!(
        refusal(vec![Parameter::new("x", Domain::float(0.0, 1.0))]),
        "grid search needs a list of values for each parameter: x has infinitely many values; list `values`, or give whole bounds or a step `q`"
    );
    let weighted = Parameter::new("x", Domain::categorical(["a", "b"]))
        .with_prior(tunesmith_core::Prior::Weights(vec![0.5, 0.5]));
    assert_eq!(
        refusal(vec![weighted]),
        "grid search takes every value once and cannot weight those of x; leave its prior out"
    );
    let wide = |name: &str| Parameter::new(name, Domain::int(1, 50_000));
    assert_eq!(
        refusal(vec![wide("a"), wide("b"), wide("c")]),
        "the grid has more than 1000000000 combinations; list fewer values, or search at random"
    );
}
