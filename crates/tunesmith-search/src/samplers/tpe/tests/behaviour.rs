//! What holds beyond the golden file.

use super::*;

fn note<'n>(suggestion: &'n Suggestion, key: &str) -> Option<&'n str> {
    suggestion.note.get(key).and_then(Value::as_str)
}

/// A model of two kinds with parameters of their own.
fn conditional() -> SearchSpace {
    let of = |kind: &str| Condition::one_of("kind", [kind]);
    SearchSpace::new(vec![
        Parameter::new("kind", Domain::categorical(["full", "lora"])),
        Parameter::new("lr", Domain::log_float(1e-6, 1e-2)),
        Parameter::new("rank", Domain::int(1, 64)).when(of("lora")),
        Parameter::new("alpha", Domain::int(1, 64)).when(of("lora")),
        Parameter::new("layers", Domain::int(1, 12)).when(of("full")),
    ])
    .expect("a space")
}

fn told(space: &SearchSpace, count: u64, loss: impl Fn(&Params) -> f64) -> Bench {
    let mut bench = Bench::new(space.clone(), 1);
    for number in 0..count {
        let params = space.sample(&Rng::at(5, number as u32, "told"));
        let end = End::Completed(vec![loss(&params)]);
        bench.add(params, end);
    }
    bench
}

fn real(params: &Params, name: &str) -> f64 {
    params.get(name).and_then(Value::as_f64).unwrap_or(0.0)
}

#[test]
fn the_first_trials_are_draws_from_the_priors() {
    let bench = told(&space(), 9, |params| real(params, "dropout"));
    let rng = Rng::at(1, 0, "test");
    let first = tpe([]).suggest(&bench.study, 2, &rng);
    assert_eq!(note(&first[0], "model"), Some("random"));
    assert_eq!(note(&first[0], "why"), Some("9 of 10 first trials have ended"));
    assert_eq!(first[1].params, bench.study.space().sample(&rng.branch(10)));
    let sooner = tpe([("n_startup", Value::Int(9))]).suggest(&bench.study, 1, &rng);
    assert_eq!(note(&sooner[0], "model"), Some("tpe"));
    let hyperopt = tpe([("flavour", Value::from("hyperopt"))]).suggest(&bench.study, 1, &rng);
    assert_eq!(note(&hyperopt[0], "why"), Some("9 of 20 first trials have ended"));
}

#[test]
fn every_flavour_goes_where_the_good_ones_are() {
    let bench = told(&space(), 60, |params| (real(params, "dropout") - 0.2).abs());
    for flavour in ["optuna", "watanabe", "hyperopt"] {
        let tpe = tpe([("flavour", Value::from(flavour))]);
        let near = |seed: &u64| {
            let found = tpe.suggest(&bench.study, 1, &Rng::at(*seed, 0, "test")).remove(0);
            (real(&found.params, "dropout") - 0.2).abs() < 0.05
        };
        let hits = (0..100).filter(near).count();
        assert!(hits > 50, "{flavour}: {hits} of 100 are near the best, by chance 33");
    }
}

#[test]
fn more_candidates_are_greedier() {
    let bench = told(&space(), 60, |params| (real(params, "dropout") - 0.2).abs());
    let spread = |candidates: i64| {
        let tpe = tpe([("n_candidates", Value::Int(candidates))]);
        let far = |seed| {
            let found = tpe.suggest(&bench.study, 1, &Rng::at(seed, 0, "test")).remove(0);
            (real(&found.params, "dropout") - 0.2).abs()
        };
        (0..100).map(far).sum::<f64>()
    };
    assert!(spread(24) < 0.8 * spread(1), "{} and {}", spread(24), spread(1));
}

#[test]
fn a_batch_is_as_one_after_the_other() {
    let bench = told(&space(), 30, |params| real(params, "dropout"));
    let rng = Rng::at(3, 0, "test");
    let batch = tpe([]).suggest(&bench.study, 4, &rng);
    let mut alone = Bench::new(space(), 1);
    alone.study = bench.study.clone();
    for expected in &batch {
        let found = tpe([]).suggest(&alone.study, 1, &rng).remove(0);
        assert_eq!(&found, expected);
        alone.add(found.params, End::Running);
    }
}

#[test]
fn without_the_liar_pending_trials_are_not_seen() {
    let mut bench = told(&space(), 30, |params| real(params, "dropout"));
    let honest = tpe([("constant_liar", Value::Bool(false))]);
    let all = |sampler: Tpe, bench: &Bench| -> Vec<Params> {
        let one = |seed| sampler.suggest(&bench.study, 1, &Rng::at(seed, 0, "test")).remove(0);
        (0..20).map(|seed| one(seed).params).collect()
    };
    assert_eq!(all(honest, &bench), all(tpe([]), &bench), "nothing is pending yet");
    for number in 0..10 {
        bench.add(space().sample(&Rng::at(8, number, "test")), End::Running);
    }
    assert_ne!(all(honest, &bench), all(tpe([]), &bench));
}

#[test]
fn what_failed_is_not_tried_again() {
    let space =
        SearchSpace::new(vec![Parameter::new("x", Domain::float(0.0, 1.0))]).expect("a space");
    let mut bench = told(&space, 12, |params| real(params, "x"));
    let near = |bench: &Bench| {
        let close = |seed: &u64| {
            let found = tpe([]).suggest(&bench.study, 1, &Rng::at(*seed, 0, "test")).remove(0);
            real(&found.params, "x") < 0.2
        };
        (0..200).filter(close).count()
    };
    let before = near(&bench);
    for step in 0..20 {
        let params = Params::from([("x", Value::Float(0.01 * f64::from(step)))]);
        bench.add(params, End::Failed);
    }
    assert!(near(&bench) * 2 < before, "{} after failures, {before} before", near(&bench));
}

#[test]
fn groups_are_the_parameters_that_go_together() {
    let bench = told(&conditional(), 40, |params| real(params, "lr"));
    let space = bench.study.space();
    let names = |sampler: Tpe| -> Vec<Vec<&str>> {
        let dimensions = dimensions(space);
        let observations = Observations::of(&bench.study, dimensions, Flavour::Optuna, true);
        let name = |index: &usize| observations.dimensions[*index].parameter.name.as_str();
        let mut blocks: Vec<Vec<&str>> = sampler
            .blocks(&observations, 1)
            .iter()
            .map(|block| block.iter().map(name).collect())
            .collect();
        blocks.sort();
        blocks
    };
    let grouped = tpe([("group", Value::Bool(true))]);
    assert_eq!(names(grouped), [vec!["kind", "lr"], vec!["layers"], vec!["rank", "alpha"]]);
    assert_eq!(names(tpe([])), [vec!["alpha"], vec!["kind", "lr"], vec!["layers"], vec!["rank"]]);
    assert_eq!(names(tpe([("multivariate", Value::from("never"))])).len(), 5);
    for seed in 0..50 {
        for suggestion in grouped.suggest(&bench.study, 2, &Rng::at(seed, 0, "test")) {
            assert_eq!(space.check(&suggestion.params), Ok(suggestion.params));
        }
    }
}

#[test]
fn joint_kernels_learn_what_goes_together() {
    // Good where both are equal: neither has a best value of its own.
    let space = SearchSpace::new(vec![
        Parameter::new("x", Domain::float(0.0, 1.0)),
        Parameter::new("y", Domain::float(0.0, 1.0)),
    ]);
    let gap = |params: &Params| (real(params, "x") - real(params, "y")).abs();
    let bench = told(&space.expect("a space"), 200, gap);
    let mean = |word: &str| {
        let tpe = tpe([("multivariate", Value::from(word))]);
        let of =
            |seed| gap(&tpe.suggest(&bench.study, 1, &Rng::at(seed, 0, "test")).remove(0).params);
        (0..200).map(of).sum::<f64>() / 200.0
    };
    assert!(mean("always") < 0.6 * mean("never"), "{} and {}", mean("always"), mean("never"));
}

#[test]
fn a_declared_prior_takes_part() {
    let far = Parameter::new("x", Domain::float(f64::NEG_INFINITY, f64::INFINITY))
        .with_prior(Prior::Normal { mu: 100.0, sigma: 3.0 });
    let weighted = Parameter::new("w", Domain::categorical(["a", "b", "c"]))
        .with_prior(Prior::Weights(vec![1.0, 3.0, 0.0]));
    let skewed = Parameter::new("s", Domain::log_float(1e-3, 1.0))
        .with_prior(Prior::Beta { a: 2.0, b: 9.0 });
    let space = SearchSpace::new(vec![far, weighted, skewed]).expect("a space");
    let bench = told(&space, 30, |params| (real(params, "x") - 104.0).abs());
    for flavour in ["optuna", "watanabe", "hyperopt"] {
        let found = tpe([("flavour", Value::from(flavour))]).suggest(
            &bench.study,
            100,
            &Rng::at(1, 0, "test"),
        );
        let mean = found.iter().map(|each| real(&each.params, "x")).sum::<f64>() / 100.0;
        assert!((101.0..107.0).contains(&mean), "{flavour}: {mean}");
        let is_c = |each: &Suggestion| each.params.get("w") == Some(&Value::from("c"));
        assert!(!found.iter().any(is_c), "{flavour} proposed what has no weight");
    }
}

#[test]
fn a_parameter_found_on_the_way_is_modelled_alone() {
    let mut bench = told(&space(), 20, |params| (real(params, "dropout") - 0.2).abs());
    bench.add(space().sample(&Rng::at(9, 0, "test")), End::Running);
    let trial = bench.study.trials().last().expect("a trial");
    let known = space().get("dropout").cloned().expect("declared");
    let near = |seed: &u64| {
        let mut rng = Rng::at(*seed, 0, "test");
        let value = tpe([]).suggest_parameter(&bench.study, trial, &known, &mut rng);
        value.as_f64().is_some_and(|real| (real - 0.2).abs() < 0.05)
    };
    assert!((0..100).filter(near).count() > 60);
    let new = Parameter::new("new", Domain::int(3, 5));
    let value = tpe([]).suggest_parameter(&bench.study, trial, &new, &mut Rng::at(1, 0, "test"));
    assert!(new.domain().is_some_and(|domain| domain.contains(&value)));
}

#[test]
fn odd_histories_still_get_legal_params() {
    let rng = Rng::at(1, 0, "test");
    let check = |bench: &Bench| {
        for options in [tpe([]), tpe([("flavour", Value::from("watanabe"))])] {
            let found = options.suggest(&bench.study, 3, &rng);
            assert_eq!(found.len(), 3);
            for each in found {
                assert_eq!(bench.study.space().check(&each.params), Ok(each.params.clone()));
            }
        }
    };
    check(&told(&space(), 40, |_| 1.0));
    check(&told(&space(), 40, |params| 1e300 * real(params, "dropout")));
    let one = space().sample(&rng);
    let mut same = Bench::new(space(), 1);
    let mut pruned = Bench::new(space(), 1);
    let mut failed = Bench::new(space(), 1);
    for number in 0..15 {
        same.add(one.clone(), End::Completed(vec![f64::from(number)]));
        pruned.add(one.clone(), End::Pruned(None));
        failed.add(one.clone(), End::Failed);
    }
    for bench in [&same, &pruned, &failed] {
        check(bench);
    }
    let random = tpe([]).suggest(&failed.study, 1, &rng);
    assert_eq!(note(&random[0], "why"), Some("0 of 10 first trials have ended"));
    let wide = (0..500).map(|index| Parameter::new(&format!("p{index}"), Domain::float(0.0, 1.0)));
    check(&told(&SearchSpace::new(wide.collect()).expect("a space"), 12, |params| {
        real(params, "p7")
    }));
    let point = SearchSpace::new(vec![Parameter::new("x", Domain::categorical(["only"]))]);
    check(&told(&point.expect("a space"), 12, |_| 0.5));
}

#[test]
fn several_objectives_are_searched_along_their_front() {
    let space =
        SearchSpace::new(vec![Parameter::new("x", Domain::float(0.0, 1.0))]).expect("a space");
    let mut bench = Bench::new(space.clone(), 2);
    for number in 0..60 {
        let params = space.sample(&Rng::at(5, number, "told"));
        let x = real(&params, "x");
        // Between 0.4 and 0.6 each trades one for the other; elsewhere both are worse.
        let off = (0.4 - x).max(x - 0.6).max(0.0);
        bench.add(params, End::Completed(vec![(x - 0.4).abs() + off, (x - 0.6).abs() + off]));
    }
    let inside = |seed: &u64| {
        let found = tpe([]).suggest(&bench.study, 1, &Rng::at(*seed, 0, "test")).remove(0);
        (0.35..0.65).contains(&real(&found.params, "x"))
    };
    let hits = (0..100).filter(inside).count();
    assert!(hits > 60, "{hits} of 100 lie at the front, by chance 30");
}

#[test]
fn options_that_exclude_each_other_are_refused() {
    let options =
        Params::from([("group", Value::Bool(true)), ("multivariate", Value::from("never"))]);
    assert!(Tpe::new(Options(&options)).is_none());
    let hyperopt = tpe([("flavour", Value::from("hyperopt")), ("group", Value::Bool(true))]);
    assert!(
        hyperopt.is_multivariate(1) && tpe([]).is_multivariate(1) && !tpe([]).is_multivariate(2)
    );
}

#[test]
fn of_very_many_trials_some_are_taken_evenly() {
    let space =
        SearchSpace::new(vec![Parameter::new("x", Domain::float(0.0, 1.0))]).expect("a space");
    let count = MOST_BAD as u64 + 1_025;
    let bench = told(&space, count, |params| (real(params, "x") - 0.3).abs());
    let observations = Observations::of(&bench.study, dimensions(&space), Flavour::Optuna, true);
    assert!(observations.is_thinned);
    let good = observations.rows.iter().filter(|row| row.is_good).count();
    assert_eq!((good, observations.rows.len()), (25, 25 + MOST_BAD));
    let newest = bench.study.trials().last().map(|trial| real(&trial.params, "x"));
    assert_eq!(observations.columns[0].last().copied(), newest);
    let found = tpe([]).suggest(&bench.study, 1, &Rng::at(1, 0, "test")).remove(0);
    assert_eq!(found.note.get("trials"), Some(&Value::Int(25 + MOST_BAD as i64)));
    assert!((real(&found.params, "x") - 0.3).abs() < 0.1);

    let mut double = Bench::new(space.clone(), 2);
    for number in 0..MOST_RANKED as u32 + 20 {
        let params = space.sample(&Rng::at(6, number, "told"));
        let x = real(&params, "x");
        double.add(params, End::Completed(vec![x, x]));
    }
    let observations = Observations::of(&double.study, dimensions(&space), Flavour::Optuna, true);
    let good = observations.rows.iter().filter(|row| row.is_good).count();
    assert_eq!((good, observations.rows.len()), (MOST_RANKED / 10, MOST_RANKED));
}
