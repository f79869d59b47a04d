//! Constants, updates and evaluations against cmaes 0.13.1, and what holds of a study.

use serde_json::Value as Json;
use tunesmith_core::{Domain, Parameter, Prior, SearchSpace};

use super::choices::Choices;
use super::gaussian::{Constants, Covariance, Gaussian};
use super::margin::{Coordinate, Lattice};
use super::*;
use crate::tests::{End, Rehearsal, mixed_loss, mixed_space};

/// Enough for a median within a few percent; cmaes ran 51 times.
const RUNS: u64 = 21;

fn golden() -> Json {
    serde_json::from_str(include_str!("../../../tests/golden/cmaes.json")).expect("JSON")
}

fn numbers(value: &Json) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(number).collect()
}

fn number(value: &Json) -> f64 {
    value.as_f64().expect("a number")
}

fn close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let error = (found - expected).abs() / expected.abs().max(1.0);
        assert!(error < tolerance, "{found} is not {expected}");
    }
}

fn wave(count: usize, size: usize, generation: usize) -> Vec<Vec<f64>> {
    let at = |i: usize, j: usize| 0.5 + 0.1 * libm::sin((i + j + 2 * generation) as f64);
    (0..count).map(|i| (0..size).map(|j| at(i, j)).collect()).collect()
}

fn check_gaussian(gaussian: &Gaussian, expected: &Json) {
    close(&gaussian.mean, &numbers(&expected["mean"]), 1e-12);
    close(&[gaussian.sigma], &[number(&expected["sigma"])], 1e-12);
    close(&gaussian.path_sigma, &numbers(&expected["path_sigma"]), 1e-12);
    close(&gaussian.path_c, &numbers(&expected["path_c"]), 1e-12);
    let Covariance::Full(entries) = &gaussian.covariance else { panic!("a full covariance") };
    close(entries, &numbers(&expected["covariance"]), 1e-12);
}

#[test]
fn constants_are_those_of_cmaes() {
    for case in golden()["constants"].as_array().expect("cases") {
        let whole = |name: &str| case[name].as_u64().expect("a count") as usize;
        let found = Constants::new(whole("dimensions"), whole("population"), false);
        let of = |name: &str| number(&case[name]);
        assert_eq!(found.mu as f64, of("mu"));
        close(&found.weights, &numbers(&case["weights"]), 1e-12);
        let pairs = [
            (found.mu_eff, "mu_eff"),
            (found.c1, "c1"),
            (found.cmu, "cmu"),
            (found.c_sigma, "c_sigma"),
            (found.d_sigma, "d_sigma"),
            (found.cc, "cc"),
            (found.chi_n, "chi_n"),
        ];
        for (found, name) in pairs {
            close(&[found], &[of(name)], 1e-12);
        }
    }
}

#[test]
fn updates_are_those_of_cmaes() {
    let golden = golden();
    let mut gaussian = Gaussian::new(vec![0.5; 5], 1.0 / 6.0, false);
    let constants = Constants::new(5, 8, false);
    for (generation, expected) in
        golden["tells"]["states"].as_array().expect("states").iter().enumerate()
    {
        gaussian.tell(&wave(8, 5, generation), &constants);
        check_gaussian(&gaussian, expected);
    }
}

#[test]
fn margins_are_those_of_cmaes() {
    let golden = golden();
    let lattices: Vec<Lattice> = numbers(&golden["margins"]["counts"])
        .iter()
        .map(|count| Lattice::new((0..*count as usize).map(|i| i as f64 / (count - 1.0)).collect()))
        .collect();
    let mut gaussian = Gaussian::new(vec![0.5; 4], 1.0 / 6.0, false);
    let (constants, mut scales) = (Constants::new(4, 8, false), vec![1.0; 4]);
    for (generation, expected) in
        golden["margins"]["states"].as_array().expect("states").iter().enumerate()
    {
        let mut points = wave(8, 4, generation);
        points.iter_mut().flatten().for_each(|x| *x += 0.15 * generation as f64);
        gaussian.tell(&points, &constants);
        let variances = gaussian.covariance.diagonal();
        for (index, lattice) in lattices.iter().enumerate() {
            let (mean, scale) = (gaussian.mean[index], scales[index]);
            let deviation = gaussian.sigma * variances[index].sqrt();
            let mut coordinate = Coordinate { mean, deviation, scale };
            lattice.correct(&mut coordinate, 1.0 / 32.0);
            (gaussian.mean[index], scales[index]) = (coordinate.mean, coordinate.scale);
        }
        check_gaussian(&gaussian, expected);
        close(&scales, &numbers(&expected["scales"]), 1e-12);
    }
}

#[test]
fn choices_are_those_of_cmaes() {
    let golden = golden();
    let counts: Vec<usize> =
        numbers(&golden["choices"]["counts"]).iter().map(|count| *count as usize).collect();
    let weights = numbers(&golden["choices"]["weights"]);
    close(&Constants::new(4, 10, false).weights[..5], &weights, 1e-12);
    let mut choices = Choices::new(counts.iter().map(|count| vec![1.0; *count]).collect());
    for (generation, expected) in
        golden["choices"]["states"].as_array().expect("states").iter().enumerate()
    {
        let ranked: Vec<Vec<usize>> = (0..5)
            .map(|rank| {
                let index = |choice: usize| rank * (choice + 1) + generation * (rank / 3);
                (0..3).map(|choice| index(choice) % counts[choice]).collect()
            })
            .collect();
        choices.tell(&ranked, &weights);
        for (found, expected) in
            choices.probabilities.iter().zip(expected["probabilities"].as_array().expect("a list"))
        {
            close(found, &numbers(expected), 1e-12);
        }
        close(&choices.path, &numbers(&expected["path"]), 1e-12);
        let found = [choices.step, choices.brake, choices.gamma];
        close(&found, &["step", "brake", "gamma"].map(|name| number(&expected[name])), 1e-12);
    }
}

type Function = fn(&[f64]) -> f64;

fn sphere(x: &[f64]) -> f64 {
    x.iter().map(|x| (x - 1.0) * (x - 1.0)).sum()
}

fn rosenbrock(x: &[f64]) -> f64 {
    let pairs = x.windows(2);
    pairs.map(|p| 100.0 * libm::pow(p[1] - p[0] * p[0], 2.0) + libm::pow(1.0 - p[0], 2.0)).sum()
}

fn ellipsoid(x: &[f64]) -> f64 {
    let last = (x.len() - 1) as f64;
    let scaled =
        |(i, x): (usize, &f64)| libm::pow(10.0, 6.0 * i as f64 / last) * (x - 1.0) * (x - 1.0);
    x.iter().enumerate().map(scaled).sum()
}

fn continuous(size: usize) -> SearchSpace {
    let parameter = |index: usize| Parameter::new(&format!("x{index}"), Domain::float(-5.0, 5.0));
    SearchSpace::new((0..size).map(parameter).collect()).expect("a space")
}

const PLAIN: Settings = Settings { sigma: 1.0 / 6.0, population: None, restart: Restart::None };

/// Evaluations until the target is met.
fn evaluations(layout: &Layout, function: Function, target: f64, run: u64) -> usize {
    let rng = Rng::at(run, 0, "evaluations");
    let mut state = State::first(&PLAIN, layout);
    let mut count = 0;
    while count < 50_000 {
        let factor = state.gaussian.covariance.factor();
        let mut members = Vec::new();
        for _ in 0..state.regime.population {
            let draft = layout.draw(&state, &factor, &rng.branch(count as u64));
            let x: Vec<f64> = draft.numbers.iter().map(|unit| 10.0 * unit - 5.0).collect();
            let value = function(&x);
            count += 1;
            if value < target {
                return count;
            }
            members.push((draft, Fitness::Completed(value)));
        }
        state = state.next(&PLAIN, layout, members, &rng);
    }
    count
}

#[test]
fn evaluations_are_as_many_as_those_of_cmaes() {
    let golden = &golden()["evaluations"];
    let space = continuous(10);
    let layout = Layout::of(&Encoding::of(&space));
    let functions: [(&str, Function); 3] =
        [("sphere", sphere), ("rosenbrock", rosenbrock), ("ellipsoid", ellipsoid)];
    for (name, function) in functions {
        let mut counts: Vec<usize> = (0..RUNS)
            .map(|run| evaluations(&layout, function, number(&golden["target"]), run))
            .collect();
        counts.sort_unstable();
        let (found, expected) = (counts[RUNS as usize / 2] as f64, number(&golden[name]["median"]));
        println!("{name}: {found} evaluations, cmaes {expected}");
        assert!((found / expected - 1.0).abs() < 0.1, "{name}: {found} against {expected}");
    }
}

#[test]
fn a_state_comes_back_from_its_text() {
    let parameters = vec![
        Parameter::new("x", Domain::float(0.0, 1.0)),
        Parameter::new("kind", Domain::categorical(["a", "b", "c"])),
        Parameter::new("layers", Domain::int(1, 4)),
    ];
    let space = SearchSpace::new(parameters).expect("a space");
    let layout = Layout::of(&Encoding::of(&space));
    let rng = Rng::at(3, 0, "state");
    let mut state = State::first(&PLAIN, &layout);
    for _ in 0..3 {
        let factor = state.gaussian.covariance.factor();
        let draft = |number| layout.draw(&state, &factor, &rng.branch(number));
        let members = (0..7).map(|n| (draft(n), Fitness::Completed(n as f64))).collect();
        state = state.next(&PLAIN, &layout, members, &rng);
        let numbers = text::read(&text::write(&state.write())).expect("a text");
        let back = State::read(&layout, &numbers).expect("a state");
        // Rounding makes a covariance unsymmetric by less than a digit.
        close(&back.write(), &state.write(), 1e-15);
        assert_eq!(back.gaussian.mean, state.gaussian.mean);
        assert_eq!(State::read(&layout, &numbers[1..]), None);
    }
    assert!(text::read("0123").is_none() && text::read("zzzzzzzzzzzzzzzz").is_none());
}

fn cost(params: &Params) -> End {
    End::Completed(vec![mixed_loss(params)])
}

#[test]
fn a_mixed_space_is_searched_to_its_optimum() {
    let mut study = Rehearsal::new("cmaes", Params::new(), mixed_space(), 1);
    study.run(200, cost);
    assert!(study.best() < 0.01, "{}", study.best());
    let best = study.study.best().expect("a best").params.clone();
    assert_eq!(
        (best.get("kind"), best.get("layers")),
        (Some(&Value::from("c")), Some(&Value::Int(9)))
    );
}

#[test]
fn a_generation_is_told_when_it_has_ended_and_grows_with_the_workers() {
    let population = Params::from([("population", Value::Int(5))]);
    let mut study = Rehearsal::new("cmaes", population, mixed_space(), 1);
    let first = study.ask(8);
    assert!(first.clone().all(|n| study.note(n).get(GENERATION) == Some(&Value::Int(0))));
    for number in first.clone().take(4) {
        study.tell(number, End::Completed(vec![f64::from(number), 0.0]));
    }
    let more = study.ask(1).start;
    assert_eq!(study.note(more).get(GENERATION), Some(&Value::Int(0)));
    assert_eq!(study.note(more).get(STATE), None);
    for number in first.skip(4) {
        study.tell(number, if number == 5 { End::Failed } else { End::Pruned(vec![0.0, 0.0]) });
    }
    let next = study.ask(2).start;
    assert_eq!(study.note(next).get(GENERATION), Some(&Value::Int(1)));
    assert!(study.note(next).get(STATE).is_some() && study.note(next + 1).get(STATE).is_none());

    // All eight were told: best first, then those that were pruned by number, the failure last.
    let space = study.study.space().clone();
    let encoding = Encoding::of(&space);
    let layout = Layout::of(&encoding);
    let state = |number: u32| {
        let text = study.note(number).get(STATE).and_then(Value::as_str).expect("a state");
        State::read(&layout, &text::read(text).expect("a text")).expect("a state")
    };
    let draft = |number: u32| {
        let draw = study.note(number).get(DRAW).and_then(Value::as_str).expect("a draw");
        layout.draft(&text::read(draw).expect("a text")).expect("a draft").numbers
    };
    let mut expected = state(0).gaussian;
    expected.tell(&[0, 1, 2, 3, 4, 6, 7, 5].map(draft), &Constants::new(3, 8, false));
    assert_eq!(state(next).gaussian.sigma, expected.sigma);
}

#[test]
fn a_search_that_converged_starts_anew() {
    let plane = || {
        vec![
            Parameter::new("x", Domain::float(-1.0, 1.0)),
            Parameter::new("y", Domain::float(-1.0, 1.0)),
        ]
    };
    let flat = |_: &Params| End::Completed(vec![1.0]);
    let with = |restart: &str| {
        let options = Params::from([("restart", Value::from(restart))]);
        let mut study = Rehearsal::new("cmaes", options, plane(), 1);
        study.run(1_200, flat);
        study
    };
    let populations = |study: &Rehearsal| -> Vec<usize> {
        let space = study.study.space().clone();
        let layout = Layout::of(&Encoding::of(&space));
        let state = |trial: &Trial| {
            let numbers = text::read(note(trial)?.get(STATE)?.as_str()?)?;
            State::read(&layout, &numbers).map(|state| state.regime.population)
        };
        let mut found: Vec<usize> = study.study.trials().iter().filter_map(state).collect();
        found.dedup();
        found
    };
    let doubled = populations(&with("ipop"));
    assert!(
        doubled.len() >= 3 && doubled.windows(2).all(|pair| pair[1] == 2 * pair[0]),
        "{doubled:?}"
    );
    assert_eq!(populations(&with("none")), [6]);
    let in_turn = populations(&with("bipop"));
    assert!(in_turn.windows(2).any(|pair| pair[1] < pair[0]), "{in_turn:?}");
}

#[test]
fn the_search_begins_at_the_priors_and_with_their_weights() {
    let lr = Domain::log_float(1e-6, 1e-2);
    let parameters = vec![
        Parameter::new("lr", lr).with_prior(Prior::LogNormal { mu: libm::log(1e-5), sigma: 0.5 }),
        Parameter::new("kind", Domain::categorical(["a", "b", "c"]))
            .with_prior(Prior::Weights(vec![8.0, 1.0, 1.0])),
        Parameter::new("free", Domain::float(0.0, 1.0)),
        Parameter::new("only", Domain::categorical(["one"])),
    ];
    let space = SearchSpace::new(parameters).expect("a space");
    let layout = Layout::of(&Encoding::of(&space));
    close(&layout.middle, &[0.25, 0.5], 1e-6);
    let state = State::first(&PLAIN, &layout);
    let probabilities = &state.choices.probabilities[0];
    assert!(probabilities[0] > 0.7 && probabilities[1] > 0.09, "{probabilities:?}");
}

#[test]
fn many_parameters_get_a_diagonal_covariance() {
    let parameters = (0..500)
        .map(|index| Parameter::new(&format!("x{index}"), Domain::float(0.0, 1.0)))
        .collect();
    let mut study = Rehearsal::new("cmaes", Params::new(), parameters, 1);
    let end = |params: &Params| {
        End::Completed(vec![
            params.iter().filter_map(|(_, x)| x.as_f64()).map(|x| (x - 0.3) * (x - 0.3)).sum(),
        ])
    };
    study.run(1, end);
    assert_eq!(study.note(0).get("covariance"), Some(&Value::from("diagonal")));
    let first = study.best();
    study.run(150, end);
    assert!(study.best() < 0.9 * first, "{} after {first}", study.best());
}

#[test]
fn nothing_to_choose_is_said() {
    let parameters = vec![Parameter::new("only", Domain::categorical(["one"]))];
    let mut study = Rehearsal::new("cmaes", Params::new(), parameters, 1);
    study.run(8, |_| End::Failed);
    assert_eq!(study.note(0).get("why"), Some(&Value::from("nothing to choose")));
}
