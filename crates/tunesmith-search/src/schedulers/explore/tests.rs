//! Ray's changes under the same draws, and the bounds that Ray lacks.

use std::collections::VecDeque;

use serde_json::Value as Json;
use tunesmith_core::{Expression, Scale, Step};

use super::*;
use crate::schedulers::tests::golden;

/// The draws that Ray made.
struct Recorded {
    draws: VecDeque<Json>,
    resampled: Vec<Json>,
}

impl Recorded {
    fn next(&mut self, kind: &str) -> Json {
        let draw = self.draws.pop_front().expect("as many draws as Ray");
        assert_eq!(draw[0], kind);
        draw[1].clone()
    }
}

impl Chance for Recorded {
    fn uniform(&mut self) -> f64 {
        golden::number(&self.next("uniform"))
    }

    fn choice(&mut self, _count: usize) -> usize {
        golden::number(&self.next("choice")) as usize
    }

    fn resample(&mut self, parameter: &Parameter) -> Value {
        match parameter.name.as_str() {
            "lr" => Value::Float(golden::number(&self.resampled[0])),
            "layers" => Value::Int(golden::number(&self.resampled[1]) as i64),
            _ => [8_i64, 16, 32].map(Value::Int)[self.choice(3)].clone(),
        }
    }
}

#[test]
fn changes_are_rays() {
    let batch = ["8", "16", "32"].map(|size| Value::Int(size.parse().expect("whole")));
    let parameters = [
        Parameter::new("lr", Domain::log_float(1e-9, 1.0)),
        Parameter::new("layers", Domain::int(1, 100)),
        Parameter::new("batch", Domain::Categorical { choices: batch.to_vec(), ordered: true }),
    ];
    let mut operations = Vec::new();
    for case in golden::cases("ray_explore") {
        let mut chance = Recorded {
            draws: case["draws"].as_array().expect("draws").clone().into(),
            resampled: case["resampled"].as_array().expect("two").clone(),
        };
        for parameter in &parameters {
            let old = &case["config"][&parameter.name];
            let new = golden::number(&case["new"][&parameter.name]);
            let value = match parameter.domain() {
                Some(Domain::Float { .. }) => Value::Float(golden::number(old)),
                _ => Value::Int(golden::number(old) as i64),
            };
            let change = explore(parameter, &value, 0.25, &mut chance);
            let found = change.value.as_f64().expect("a number");
            let stuck = change.operation.starts_with('*') && new == golden::number(old);
            if stuck {
                // Rounding takes Ray's change back; here it is one step.
                assert_eq!((found - new).abs(), 1.0, "{case}");
            } else {
                assert_eq!(found, new, "{case}");
            }
            operations.push(change.operation);
        }
        assert!(chance.draws.is_empty(), "fewer draws than Ray");
    }
    for operation in ["resample", "* 1.2", "* 0.8", "shift left", "shift right"] {
        assert!(operations.iter().any(|one| one == operation), "{operation} never happened");
    }
}

/// Every value that some draws lead to.
fn reached(parameter: &Parameter, value: &Value) -> Vec<Value> {
    let change = |draw: u64| {
        let mut rng = Rng::at(1, 0, "explore").branch(draw);
        explore(parameter, value, 0.0, &mut rng).value
    };
    let mut all: Vec<Value> = (0..40).map(change).collect();
    all.sort_by_key(Value::canonical);
    all.dedup();
    all
}

#[test]
fn values_stay_legal() {
    let lr = Parameter::new("lr", Domain::log_float(1e-5, 1e-3));
    assert_eq!(reached(&lr, &Value::Float(9e-4)), [Value::Float(9e-4 * 0.8), Value::Float(1e-3)]);
    let whole = Parameter::new("r", Domain::int(1, 4));
    assert_eq!(reached(&whole, &Value::Int(4)), [Value::Int(3), Value::Int(4)]);
    assert_eq!(reached(&whole, &Value::Int(1)), [Value::Int(1), Value::Int(2)]);
    let spaced = Domain::Int { low: 8, high: 70, scale: Scale::Linear, step: 8 };
    let spaced = Parameter::new("r", spaced);
    assert_eq!(reached(&spaced, &Value::Int(64)), [Value::Int(48), Value::Int(64)]);
    let step = Some(Step::FromLow(0.25));
    let stepped = Domain::Float { low: 0.0, high: 1.0, scale: Scale::Linear, step };
    let stepped = Parameter::new("dropout", stepped);
    assert_eq!(reached(&stepped, &Value::Float(1.0)), [Value::Float(0.75), Value::Float(1.0)]);
    let kind = Parameter::new("kind", Domain::categorical(["a", "b", "c"]));
    assert_eq!(reached(&kind, &Value::from("b")), [Value::from("b")]);
}

#[test]
fn ties_are_worked_out_again() {
    let space = SearchSpace::new(vec![
        Parameter::new("r", Domain::int(1, 64)),
        Parameter::tied("alpha", Expression::parse("2 * r").expect("parses")),
    ])
    .expect("a space");
    let donor = Params::from([("r", 8_i64), ("alpha", 16)]);
    let changed = Params::from([("r", 10_i64)]);
    let mut rng = Rng::at(1, 0, "explore");
    let params = assemble(&space, &donor, &changed, &mut rng);
    assert_eq!(params.get("alpha").and_then(Value::as_f64), Some(20.0));
    let illegal = Params::from([("r", 99_i64)]);
    assert_eq!(assemble(&space, &donor, &illegal, &mut rng), donor);
}
