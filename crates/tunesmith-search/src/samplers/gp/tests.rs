//! The sampler over whole studies.

use std::collections::BTreeSet;

use tunesmith_core::{Command, Condition, Domain, Parameter, Report, Values};

use super::evidence::observations;
use super::trust::{Trust, replay};
use super::*;
use crate::numeric::pareto;
use crate::tests::{End, Rehearsal, number};

fn axes(count: usize) -> Vec<Parameter> {
    (0..count).map(|i| Parameter::new(&format!("x{i}"), Domain::float(0.0, 1.0))).collect()
}

fn study(parameters: Vec<Parameter>, goals: usize) -> Rehearsal {
    Rehearsal::new("gp", Params::new(), parameters, goals)
}

fn model(rehearsal: &Rehearsal, trial: u32) -> &str {
    rehearsal.note(trial).get("model").and_then(Value::as_str).expect("a model")
}

fn why(rehearsal: &Rehearsal, trial: u32) -> &str {
    rehearsal.note(trial).get("why").and_then(Value::as_str).expect("a reason")
}

fn square(value: f64) -> f64 {
    value * value
}

/// A bowl around 0.3 on every axis.
fn bowl(params: &Params) -> f64 {
    params.iter().filter_map(|(_, value)| value.as_f64()).map(|x| square(x - 0.3)).sum()
}

/// Branin's function over the unit square; its minimum is 0.397887.
fn branin(params: &Params) -> f64 {
    use std::f64::consts::PI;
    let (a, b) = (15.0 * number(params, "x0") - 5.0, 15.0 * number(params, "x1"));
    let valley = b - 5.1 / (4.0 * PI * PI) * a * a + 5.0 / PI * a - 6.0;
    square(valley) + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * libm::cos(a) + 10.0
}

#[test]
fn branin_is_solved_in_forty_trials() {
    let mut rehearsal = study(axes(2), 1);
    rehearsal.run(40, |params| End::Completed(vec![branin(params)]));
    assert!(rehearsal.best() < 0.399, "{}", rehearsal.best());
    assert_eq!((model(&rehearsal, 9), model(&rehearsal, 10)), ("sobol", "gp"));
    assert_eq!(why(&rehearsal, 9), "10 of 10 first trials");
}

#[test]
fn choices_and_whole_numbers_are_searched_too() {
    let parameters = vec![
        Parameter::new("rate", Domain::log_float(1e-6, 1e-2)),
        Parameter::new("layers", Domain::int(1, 40)),
        Parameter::new("kind", Domain::categorical(["a", "b", "c", "d"])),
        Parameter::new("epochs", Domain::int(1, 5)),
    ];
    let mut rehearsal = study(parameters, 1);
    rehearsal.run(45, |params| {
        let kind = params.get("kind").and_then(Value::as_str).expect("a kind");
        let wrong_kind = if kind == "c" { 0.0 } else { 0.5 };
        let off = libm::log10(number(params, "rate")) + 4.0;
        let layers = (number(params, "layers") - 23.0) / 40.0;
        let epochs = (number(params, "epochs") - 4.0) / 5.0;
        End::Completed(vec![0.1 * off * off + layers * layers + epochs * epochs + wrong_kind])
    });
    let best = &rehearsal.study.best().expect("a best trial").params;
    assert_eq!(best.get("kind"), Some(&Value::from("c")));
    assert_eq!(best.get("epochs"), Some(&Value::Int(4)));
    assert!(rehearsal.best() < 0.005, "{} at {best}", rehearsal.best());
}

#[test]
fn a_batch_spreads_and_keeps_away_from_what_runs() {
    let mut rehearsal = study(axes(2), 1);
    rehearsal.run(15, |params| End::Completed(vec![branin(params)]));
    let batch: Vec<u32> = rehearsal.ask(10).chain(rehearsal.ask(6)).collect();
    let place = |trial: &u32| {
        let params = &rehearsal.trial(*trial).params;
        [number(params, "x0"), number(params, "x1")]
    };
    for (index, left) in batch.iter().enumerate() {
        for right in &batch[..index] {
            let (a, b) = (place(left), place(right));
            let distance = (square(a[0] - b[0]) + square(a[1] - b[1])).sqrt();
            assert!(distance > 0.01, "{left} and {right} are {distance} apart");
        }
    }
}

#[test]
fn trials_stop_failing_where_they_failed() {
    let mut rehearsal = study(axes(2), 1);
    let end = |params: &Params| {
        let (x, y) = (number(params, "x0"), number(params, "x1"));
        // The values fall towards where trials fail.
        if x > 0.6 { End::Failed } else { End::Completed(vec![square(y - 0.5) - x]) }
    };
    rehearsal.run(35, end);
    let failed = |range: std::ops::Range<u32>| {
        range
            .filter(|trial| {
                rehearsal.trial(*trial).outcome.is_some() && {
                    number(&rehearsal.trial(*trial).params, "x0") > 0.6
                }
            })
            .count()
    };
    assert!(failed(0..10) >= 3 && failed(20..35) <= 6, "{} {}", failed(0..10), failed(20..35));
    assert!(rehearsal.best() < -0.55, "{}", rehearsal.best());
    assert!(rehearsal.note(34).get("failures").is_some());
}

#[test]
fn pruned_trials_are_evidence_at_their_fraction() {
    let mut rehearsal = study(axes(1), 1);
    // Half of the way costs 2: what was pruned there is no worse than the rest.
    for trial in rehearsal.ask(6) {
        let value = bowl(&rehearsal.trial(trial).params);
        let lease = rehearsal.trial(trial).lease_key().expect("running");
        let values = Values::from([("m0".to_owned(), value + 2.0)]);
        let report = Report { step: 1, fraction: 0.5, values, device_seconds: 0.0, errors: None };
        rehearsal.act(Command::Report { lease, report });
        rehearsal.tell(trial, End::Completed(vec![value]));
    }
    rehearsal.run(4, |params| End::Pruned(vec![bowl(params) + 2.0]));
    let history = History::of(&rehearsal.study);
    let all = observations(&rehearsal.study, &history);
    assert_eq!(all.len(), 10);
    for observation in &all[6..] {
        assert_eq!(observation.fraction, 0.5);
        assert!((observation.scores[0] - bowl(&observation.trial.params)).abs() < 1e-12);
    }
    rehearsal.run(10, |params| End::Completed(vec![bowl(params)]));
    assert!(rehearsal.best() < 1e-4, "{}", rehearsal.best());
    assert_eq!(rehearsal.note(19).get("partial_curves"), Some(&Value::Int(4)));
}

#[test]
fn a_small_space_is_tried_whole_before_anything_is_repeated() {
    let parameters = vec![
        Parameter::new("a", Domain::categorical(["x", "y", "z"])),
        Parameter::new("b", Domain::int(1, 6)),
    ];
    let mut rehearsal = Rehearsal::new("gp", Params::from([("n_startup", 3_i64)]), parameters, 1);
    rehearsal.run(18, |params| End::Completed(vec![number(params, "b")]));
    let tried: BTreeSet<String> =
        rehearsal.study.trials().iter().skip(3).map(|trial| trial.params.canonical()).collect();
    assert_eq!(tried.len(), 15);
    rehearsal.run(4, |params| End::Completed(vec![number(params, "b")]));
    assert_eq!(why(&rehearsal, 21), "every point that was found has been tried");
}

#[test]
fn an_inactive_parameter_does_not_mislead() {
    let parameters = vec![
        Parameter::new("adapter", Domain::categorical(["none", "lora"])),
        Parameter::new("rank", Domain::int(1, 64)).when(Condition::one_of("adapter", ["lora"])),
        Parameter::new("rate", Domain::float(0.0, 1.0)),
    ];
    let mut rehearsal = study(parameters, 1);
    rehearsal.run(35, |params| {
        let rank = params.get("rank").and_then(Value::as_f64);
        let of_rank = rank.map_or(0.3, |rank| square((rank - 40.0) / 64.0));
        End::Completed(vec![of_rank + square(number(params, "rate") - 0.7)])
    });
    assert!(rehearsal.best() < 0.002, "{}", rehearsal.best());
    assert!(rehearsal.note(34).get("inactive").is_some());
}

#[test]
fn nothing_to_learn_from_is_said() {
    let mut failing = study(axes(2), 1);
    failing.run(14, |_| End::Failed);
    assert_eq!(model(&failing, 13), "sobol");
    assert_eq!(why(&failing, 13), "fewer than two trials have a value; others failed");
    let mut flat = study(axes(2), 1);
    flat.run(20, |_| End::Completed(vec![1.5]));
    assert_eq!(model(&flat, 19), "gp");
    let one = vec![Parameter::new("only", Domain::categorical(["choice"]))];
    let mut single = study(one, 1);
    single.run(12, |_| End::Completed(vec![0.0]));
    assert_eq!(why(&single, 11), "every point that was found has been tried");
    let huge = |params: &Params| End::Completed(vec![1e300 * (bowl(params) - 0.1)]);
    let mut extreme = study(axes(2), 1);
    extreme.run(16, huge);
    assert_eq!(model(&extreme, 15), "gp");
}

#[test]
fn five_hundred_parameters_are_proposed_for() {
    let mut rehearsal = study(axes(500), 1);
    rehearsal.run(14, |params| End::Completed(vec![bowl(params)]));
    for trial in rehearsal.study.trials() {
        assert_eq!(rehearsal.study.space().check(&trial.params).as_ref(), Ok(&trial.params));
    }
    assert_eq!(rehearsal.note(13).get("region"), Some(&Value::Int(0)));
}

#[test]
fn two_objectives_fill_their_front() {
    let ends = |params: &Params| {
        let (x, y) = (number(params, "x0"), number(params, "x1"));
        End::Completed(vec![square(x) + square(y), square(x - 1.0) + square(y)])
    };
    let volume = |sampler: &str| {
        let mut rehearsal = Rehearsal::new(sampler, Params::new(), axes(2), 2);
        rehearsal.run(30, ends);
        let history = History::of(&rehearsal.study);
        let points: Vec<Vec<f64>> =
            history.completed.iter().map(|scored| scored.scores.clone()).collect();
        pareto::hypervolume(&points, &[1.0, 1.0])
    };
    // The front is where √a + √b = 1: the volume above it is 5/6.
    let (found, random) = (volume("gp"), volume("random"));
    assert!(found > 0.79 && found > random + 0.02, "{found} and {random} at random");
}

#[test]
fn three_objectives_are_weighed_anew_for_each_trial() {
    let mut rehearsal = study(axes(2), 3);
    let ends = |params: &Params| {
        let (x, y) = (number(params, "x0"), number(params, "x1"));
        End::Completed(vec![x, y, square(x - 1.0) + square(y - 1.0)])
    };
    rehearsal.run(14, ends);
    let batch = rehearsal.ask(6);
    let distinct: BTreeSet<String> =
        batch.map(|trial| rehearsal.trial(trial).params.canonical()).collect();
    assert_eq!((distinct.len(), model(&rehearsal, 19)), (6, "gp"));
}

fn trust(rehearsal: &Rehearsal) -> Trust<'_> {
    replay(&rehearsal.study, &History::of(&rehearsal.study), 21)
}

#[test]
fn a_region_shrinks_while_nothing_gains_and_starts_anew() {
    // So many axes that a region is there from the first.
    let mut rehearsal = study(axes(21), 1);
    rehearsal.run(10, |params| End::Completed(vec![bowl(params)]));
    assert_eq!(trust(&rehearsal).length, 0.8);
    rehearsal.run(21, |_| End::Completed(vec![9.0]));
    assert_eq!(trust(&rehearsal).length, 0.4);
    // Six halvings later it is too small.
    for trial in rehearsal.ask(64).chain(rehearsal.ask(63)) {
        rehearsal.tell(trial, End::Completed(vec![9.0]));
    }
    let found = trust(&rehearsal);
    assert_eq!((found.number, found.length, found.design), (1, 0.8, 40));
    let next = rehearsal.ask(1).start;
    assert_eq!((model(&rehearsal, next), why(&rehearsal, next)), ("sobol", "a new trust region"));
    assert_eq!(rehearsal.note(next).get("region"), Some(&Value::Int(1)));
    assert_eq!(trust(&rehearsal).design, 39);
}

#[test]
fn a_region_grows_while_trials_gain() {
    let mut rehearsal = study(axes(21), 1);
    rehearsal.run(10, |params| End::Completed(vec![bowl(params)]));
    for step in 1..=6_u32 {
        for trial in rehearsal.ask(1) {
            rehearsal.tell(trial, End::Completed(vec![-f64::from(step)]));
        }
    }
    assert_eq!(trust(&rehearsal).length, 1.6);
}

#[test]
fn a_belief_decides_where_trials_say_nothing() {
    let parameters = vec![
        Parameter::new("learning_rate", Domain::log_float(1e-6, 1.0)),
        Parameter::new("other", Domain::float(0.0, 1.0)),
    ];
    let mut rehearsal = Rehearsal::new("random", Params::new(), parameters, 1);
    rehearsal.run(4, |params| End::Completed(vec![number(params, "other")]));
    let (study, history) = (&rehearsal.study, History::of(&rehearsal.study));
    let (encoding, settings) = (Encoding::of(study.space()), Settings::default());
    let belief = Some(Belief::named("known"));
    let request = Request {
        study,
        history: &history,
        encoding: &encoding,
        belief,
        settings: &settings,
        earlier: &[],
    };
    // The known median is 2e-5; the sixth trial of the study is proposed without it.
    let proposals = propose(&request, 4, &study.sampler_rng());
    for index in [0, 2, 3] {
        let off = libm::log(number(&proposals[index].params, "learning_rate") / 2e-5);
        assert!(off.abs() < 2.0, "{}", proposals[index].params);
    }
    let off = libm::log(number(&proposals[1].params, "learning_rate") / 2e-5);
    assert!(off.abs() > 2.0, "{}", proposals[1].params);
}

#[test]
fn every_option_changes_what_is_proposed() {
    let proposed = |options: Params| {
        let mut rehearsal = Rehearsal::new("gp", options, axes(3), 1);
        // One place is far worse than the rest, so that there is a tail to cut.
        let cliff = |x: f64| if x > 0.8 { 100.0 } else { x };
        rehearsal
            .run(14, |params| End::Completed(vec![bowl(params) + cliff(number(params, "x0"))]));
        let batch: Vec<String> =
            rehearsal.ask(2).map(|trial| rehearsal.trial(trial).params.canonical()).collect();
        batch
    };
    let plain = proposed(Params::new());
    assert_eq!(plain, proposed(Params::new()));
    let mut seen = BTreeSet::from([plain]);
    let options: [(&str, Value); 7] = [
        ("n_startup", Value::Int(4)),
        ("candidates", Value::Int(64)),
        ("fantasies", Value::Int(4)),
        ("noise_floor", Value::Float(0.5)),
        ("warp", Value::from("half_rank")),
        ("warp", Value::from("power")),
        ("warp", Value::from("none")),
    ];
    for (name, value) in options {
        let changed = proposed(Params::from([(name, value.clone())]));
        assert!(seen.insert(changed), "{name} {value} changes nothing");
    }
}

#[test]
fn a_long_history_is_met_by_a_local_model() {
    let mut rehearsal = Rehearsal::new("random", Params::new(), axes(3), 1);
    rehearsal.run(3_000, |params| End::Completed(vec![bowl(params)]));
    let sampler = GaussianProcess::new(Options(&Params::new()));
    let rng = rehearsal.study.sampler_rng();
    let suggestions = sampler.suggest(&rehearsal.study, 3, &rng);
    for suggestion in &suggestions {
        assert!(bowl(&suggestion.params) < rehearsal.best(), "{}", suggestion.params);
        assert_eq!(suggestion.note.get("region"), Some(&Value::Int(0)));
    }
}
