//! What holds of differential evolution: it finds, children are made of differences, places are held by the best.

use tunesmith_core::{Domain, Scale};

use super::*;
use crate::tests::{End, Rehearsal, number};

fn space() -> Vec<Parameter> {
    vec![
        Parameter::new("x", Domain::float(-5.0, 5.0)),
        Parameter::new("y", Domain::float(-5.0, 5.0)),
        Parameter::new("n", Domain::Int { low: 1, high: 64, scale: Scale::Log, step: 1 }),
        Parameter::new("kind", Domain::categorical(["a", "b", "c"])),
    ]
}

fn cost(params: &Params) -> f64 {
    let (x, y) = (number(params, "x") - 2.0, number(params, "y") + 1.0);
    let n = libm::log2(number(params, "n")) - 4.0;
    let kind = f64::from(u8::from(params.get("kind") != Some(&Value::from("b"))));
    x * x + y * y + n * n + kind
}

#[test]
fn a_mixed_space_is_searched_to_its_optimum() {
    let mut study = Rehearsal::new("de", Params::new(), space(), 1);
    study.run(400, |params| End::Completed(vec![cost(params)]));
    assert!(study.best() < 0.05, "{}", study.best());
    assert_eq!(study.note(0).get("why"), Some(&Value::from("1 of 20 first trials")));
    assert_eq!(study.note(399).get("model"), Some(&Value::from("de")));
}

#[test]
fn a_place_is_held_by_the_best_that_ended() {
    let options = Params::from([("population", Value::Int(5))]);
    let mut study = Rehearsal::new("de", options, space(), 1);
    study.ask(17);
    for trial in 0..15 {
        let end = match trial {
            0 | 5 | 10 => End::Failed,
            11 => End::Pruned(vec![-100.0]),
            _ => End::Completed(vec![-f64::from(trial)]),
        };
        study.tell(trial, end);
    }
    let holders = holders(study.study.trials(), study.study.metrics(), 5);
    let numbers: Vec<_> = holders.iter().map(|holder| holder.map(|trial| trial.number)).collect();
    assert_eq!(numbers, [None, Some(6), Some(12), Some(13), Some(14)]);
    let suggested = study.ask(4);
    let target = |trial: u32| study.note(trial).get("target").and_then(Value::as_i64);
    assert_eq!(
        suggested.clone().map(target).collect::<Vec<_>>(),
        [Some(12), Some(13), Some(14), None]
    );
    assert_eq!(study.note(20).get("why"), Some(&Value::from("no trial of place 0 scored")));
}

#[test]
fn a_child_is_the_target_or_moved_by_a_difference() {
    let parameters = || {
        vec![
            Parameter::new("x", Domain::float(0.0, 1.0)),
            Parameter::new("y", Domain::float(0.0, 1.0)),
        ]
    };
    let mut study = Rehearsal::new("random", Params::new(), parameters(), 1);
    study.run(4, |_| End::Completed(vec![0.0]));
    let space = study.study.space();
    let searched: Vec<&Parameter> = space.searched().collect();
    let [target, a, b, c] = [0, 1, 2, 3].map(|trial| study.trial(trial));
    let de = De { population: 4, factor: 0.5, crossover: 0.0 };
    let mut moved = [0, 0];
    for seed in 0..40 {
        let mut rng = Rng::at(seed, 0, "de");
        let child = de.child(&searched, target, [a, b, c], &mut rng);
        let full = |trial: &Trial| genes(&searched, &trial.params);
        let mut changed = 0;
        for (index, gene) in child.iter().enumerate() {
            let of = |trial: &Trial| full(trial)[index].expect("present");
            if *gene == of(target) {
                continue;
            }
            changed += 1;
            moved[index] += 1;
            let mutant = of(a) + 0.5 * (of(b) - of(c));
            assert!((gene - mutant).abs() < 1e-15 || !(0.0..=1.0).contains(&mutant));
            assert!((0.0..=1.0).contains(gene));
        }
        assert_eq!(changed, 1, "without crossover one coordinate comes from the mutant");
    }
    assert!(moved.iter().all(|count| *count > 8), "{moved:?}");
}

#[test]
fn failures_leave_nothing_to_move() {
    let mut study = Rehearsal::new("de", Params::from([("population", Value::Int(4))]), space(), 1);
    study.run(5, |_| End::Failed);
    assert_eq!(study.note(4).get("why"), Some(&Value::from("no trial of place 0 scored")));
    study.run(1, |_| End::Completed(vec![1.0]));
    study.ask(4);
    assert_eq!(study.note(9).get("why"), Some(&Value::from("1 of 4 places are held")));
}
