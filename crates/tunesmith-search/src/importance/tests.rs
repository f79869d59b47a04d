//! PED-ANOVA against optuna, and what is said of studies whose truth is known.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tunesmith_core::*;

use super::*;
use crate::numeric::forest::{Leaf, Side};

/// By the first metric.
fn importance(study: &Study, method: Method) -> Result<Importance, ImportanceError> {
    super::importance(study, &study.metrics()[0], method)
}

fn golden() -> Json {
    serde_json::from_str(include_str!("../../tests/golden/importance.json")).expect("it is JSON")
}

/// The spaces of `tools/golden/importance.py`.
fn golden_space(conditional: bool) -> SearchSpace {
    let rate = Parameter::new("rate", Domain::log_float(1e-6, 1e-2));
    let int = |low, high, scale, step| Domain::Int { low, high, scale, step };
    let parameters = if conditional {
        vec![
            rate,
            Parameter::new("adapter", Domain::categorical(["none", "lora"])),
            Parameter::new("rank", int(4, 64, Scale::Linear, 4))
                .when(Condition::one_of("adapter", ["lora"])),
        ]
    } else {
        let step = Some(Step::FromLow(0.05));
        vec![
            rate,
            Parameter::new("decay", Domain::float(0.0, 0.3)),
            Parameter::new(
                "dropout",
                Domain::Float { low: 0.0, high: 0.3, scale: Scale::Linear, step },
            ),
            Parameter::new("epochs", Domain::int(1, 10)),
            Parameter::new("batch", int(4, 64, Scale::Log, 1)),
            Parameter::new("rows", int(0, 600, Scale::Linear, 5)),
            Parameter::new("schedule", Domain::categorical(["linear", "cosine", "constant"])),
        ]
    };
    SearchSpace::new(parameters).expect("a space")
}

fn value(json: &Json) -> Value {
    match json {
        Json::Number(number) if number.is_i64() => Value::Int(number.as_i64().expect("checked")),
        Json::Number(number) => Value::Float(number.as_f64().expect("a number")),
        other => Value::from(other.as_str().expect("text")),
    }
}

/// A study with these completed trials.
fn study(space: SearchSpace, goal: Goal, trials: &[(Params, f64)]) -> Study {
    let config = StudyConfig::new("s", space, Metric::new("loss", goal));
    let policy = crate::policy(&config).expect("a policy");
    let me = Writer::new("me");
    let mut study =
        Study::begin(&Study::created(&config, &me, Timestamp(0))).expect("a first event");
    for (params, loss) in trials {
        let submit = |study: &mut Study, command| {
            let events = decide(study, &policy, &me, command, Timestamp(0)).expect("legal");
            events.iter().try_for_each(|event| study.apply(event)).expect("applies");
        };
        submit(&mut study, Command::Enqueue { params: params.clone() });
        submit(&mut study, Command::Ask { count: 1 });
        let lease = study.running().next().and_then(Trial::lease_key).expect("leased");
        let outcome = Outcome::Completed { values: [("loss".to_owned(), *loss)].into() };
        submit(&mut study, Command::Tell { lease, outcome, device_seconds: 0.0 });
    }
    study
}

fn golden_study(case: &Json) -> Study {
    let params = |json: &Json| -> Params {
        let entries = json.as_object().expect("a mapping").iter();
        entries.map(|(name, found)| (name.clone(), value(found))).collect()
    };
    let trials: Vec<(Params, f64)> = case["trials"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|trial| (params(&trial["params"]), trial["value"].as_f64().expect("a number")))
        .collect();
    let goal = if case["goal"] == "maximize" { Goal::Maximize } else { Goal::Minimize };
    study(golden_space(case["name"] == "conditional"), goal, &trials)
}

#[test]
fn ped_anova_is_optunas() {
    let golden = golden();
    let mut compared = 0;
    for case in golden["ped_anova"].as_array().expect("a list") {
        let study = golden_study(case);
        let evidence = Evidence::of(&study, &study.metrics()[0]);
        let axes: Vec<_> = study.space().searched().filter_map(grid::Axis::of).collect();
        let cells = ped_anova::Cells::of(&axes, &evidence);
        for found in case["found"].as_array().expect("a list") {
            let quantile = found["quantile"].as_f64().expect("a number");
            let values = cells.values(&vec![1; evidence.trials.len()], quantile);
            for (axis, ours) in axes.iter().zip(values) {
                let name = &axis.parameter.name;
                let theirs = found["importances"][name].as_f64().expect("a number");
                assert!(
                    (ours - theirs).abs() <= 1e-9 * theirs.max(1e-3),
                    "{}, {quantile}, {name}: {ours} is not {theirs}",
                    case["name"]
                );
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 2 * (7 + 7 + 3 + 7));
}

/// The leaves of a tree of scikit-learn below a node.
fn leaves_below(tree: &Json, node: usize, sides: Vec<Side>, into: &mut Vec<Leaf>) {
    let number = |key: &str| tree[key][node].as_f64().expect("a number");
    if number("feature") < 0.0 {
        into.push(Leaf { sides, mean: number("value"), variance: 0.0, weight: 1.0 });
        return;
    }
    let (axis, cut) = (number("feature") as usize, number("threshold"));
    let Side::Range { low, high } = sides[axis] else { panic!("numeric") };
    let (mut left, mut right) = (sides.clone(), sides);
    left[axis] = Side::Range { low, high: cut };
    right[axis] = Side::Range { low: cut, high };
    leaves_below(tree, number("left") as usize, left, into);
    leaves_below(tree, number("right") as usize, right, into);
}

#[test]
fn the_marginals_of_trees_are_optunas() {
    let golden = golden();
    for tree in golden["fanova"].as_array().expect("a list") {
        let whole = Side::Range { low: f64::NEG_INFINITY, high: f64::INFINITY };
        let mut leaves = Vec::new();
        leaves_below(tree, 0, vec![whole; 3], &mut leaves);
        let boxes = fanova::Boxes::of(leaves);
        let close = |ours: f64, theirs: &Json| {
            let theirs = theirs.as_f64().expect("a number");
            assert!((ours - theirs).abs() <= 1e-10 * theirs.max(1e-3), "{ours} is not {theirs}");
        };
        close(boxes.variance(), &tree["variance"]);
        for axis in 0..3 {
            close(boxes.marginal_variance(axis), &tree["marginal_variances"][axis]);
        }
    }
}

#[test]
fn the_marginal_of_a_choice_is_worked_out_by_hand() {
    // One cut on a choice of three, then on the number below {0, 2}: means 1, 3 and 8.
    let set = |inside: [bool; 3]| Side::Set(inside.to_vec());
    let range = |low: f64, high: f64| Side::Range { low, high };
    let leaf = |side: Side, other: Side, mean: f64| Leaf {
        sides: vec![side, other],
        mean,
        variance: 0.0,
        weight: 1.0,
    };
    let infinite = f64::INFINITY;
    let boxes = fanova::Boxes::of(vec![
        leaf(set([true, false, true]), range(-infinite, 0.25), 1.0),
        leaf(set([true, false, true]), range(0.25, infinite), 3.0),
        leaf(set([false, true, false]), range(-infinite, infinite), 8.0),
    ]);
    // Marginals of the choice: 2.5, 8, 2.5 around 13/3; of the number: 10/3 and 14/3.
    let mean = 13.0 / 3.0;
    let square = |x: f64| x * x;
    let choice = (2.0 * square(2.5 - mean) + square(8.0 - mean)) / 3.0;
    let number = 0.25 * square(10.0 / 3.0 - mean) + 0.75 * square(14.0 / 3.0 - mean);
    let whole = (0.5 * square(1.0 - mean) + 1.5 * square(3.0 - mean) + square(8.0 - mean)) / 3.0;
    assert!((boxes.marginal_variance(0) - choice).abs() < 1e-12);
    assert!((boxes.marginal_variance(1) - number).abs() < 1e-12);
    assert!((boxes.variance() - whole).abs() < 1e-12);
}

#[test]
fn fanova_finds_the_shares_of_the_variance() {
    let study = truth(80, 0.1);
    let found = importance(&study, Method::Fanova).expect("enough trials");
    let share = |name: &str| {
        let one = found.parameters.iter().find(|one| one.name == name).expect("it was searched");
        assert!(one.interval.0 <= one.share && one.share <= one.interval.1);
        one.share
    };
    // The variance of (log10 rate + 4)² on [-6, -2] is 64/45, of the schedule 0.5, of the batch about 0.01.
    assert_eq!(found.parameters[0].name, "rate", "{found:#?}");
    assert!((share("rate") - 0.74).abs() < 0.15, "{}", share("rate"));
    assert!((share("schedule") - 0.26).abs() < 0.15, "{}", share("schedule"));
    assert!(share("warmup") < 0.1 && share("batch") < 0.1, "{found:#?}");
    assert!(found.parameters.iter().map(|one| one.value).sum::<f64>() < 1.0 + 1e-9);
    assert_eq!(found, importance(&study, Method::Fanova).expect("the same"));
    let conditional = golden_study(&golden()["ped_anova"][2]);
    let found = importance(&conditional, Method::Fanova).expect("enough trials");
    assert!(found.parameters.iter().all(|one| one.value.is_finite() && one.value >= 0.0));
}

/// A loss that hangs on `rate` with its least value inside, on `schedule`, and not on `warmup`.
fn truth(count: u32, noise: f64) -> Study {
    let space = SearchSpace::new(vec![
        Parameter::new("warmup", Domain::float(0.0, 0.2)),
        Parameter::new("rate", Domain::log_float(1e-6, 1e-2)),
        Parameter::new("schedule", Domain::categorical(["linear", "cosine", "constant"])),
        Parameter::new("batch", Domain::categorical([32_i64, 8, 16])),
    ])
    .expect("a space");
    let trials: Vec<(Params, f64)> = (0..count)
        .map(|number| {
            let rng = Rng::at(9, number, "truth");
            let params = space.sample(&rng);
            let real = |name: &str| params.get(name).and_then(Value::as_f64).expect("a number");
            let away = libm::log10(real("rate")) + 4.0;
            let constant = params.get("schedule").and_then(Value::as_str) == Some("constant");
            let loss = away * away
                + if constant { 1.5 } else { 0.0 }
                + 0.01 * real("batch")
                + noise * rng.branch(1).normal();
            (params, loss)
        })
        .collect();
    study(space, Goal::Minimize, &trials)
}

#[test]
fn what_matters_is_told_from_what_does_not() {
    let study = truth(80, 0.3);
    let found = importance(&study, Method::PedAnova).expect("enough trials");
    let by_name: BTreeMap<&str, &ParameterImportance> =
        found.parameters.iter().map(|parameter| (parameter.name.as_str(), parameter)).collect();
    assert_eq!(found.parameters[0].name, "rate", "{found:#?}");
    assert!((found.parameters.iter().map(|one| one.share).sum::<f64>() - 1.0).abs() < 1e-12);
    assert!(by_name["rate"].is_shown() && by_name["schedule"].is_shown());
    assert!(!by_name["warmup"].is_shown() && by_name["warmup"].p_value > 0.2);
    assert_eq!(by_name["rate"].effect.shape, Shape::Valley);
    let best = by_name["rate"].effect.best(Goal::Minimize).expect("a best range");
    let ends = [&best.from, &best.to].map(|end| end.as_f64().expect("a number"));
    assert!(ends[0] < 1e-4 && 1e-4 < ends[1], "{ends:?}");
    let schedules = &by_name["schedule"].effect;
    assert_eq!((schedules.shape, schedules.bins.len()), (Shape::Choices, 3));
    assert!(schedules.bins[2].mean > schedules.bins[0].mean + 1.0);
    let (low, high) = schedules.bins[2].interval.expect("enough trials");
    assert!(low < schedules.bins[2].mean && schedules.bins[2].mean < high);
    let batches: Vec<_> = by_name["batch"].effect.bins.iter().map(|bin| bin.from.clone()).collect();
    assert_eq!(batches, [Value::Int(8), Value::Int(16), Value::Int(32)], "numbers ascend");
    assert_eq!(found, importance(&study, Method::PedAnova).expect("the same"));
}

#[test]
fn noise_alone_shows_nothing() {
    let space = SearchSpace::new(
        ["a", "b", "c", "d"]
            .map(|name| Parameter::new(name, Domain::float(0.0, 1.0)))
            .into_iter()
            .collect(),
    )
    .expect("a space");
    let mut shown = 0;
    for seed in 0..40 {
        let draw = |number| {
            let rng = Rng::at(seed, number, "noise");
            (space.sample(&rng), rng.branch(7).normal())
        };
        let trials: Vec<_> = (0..24).map(draw).collect();
        let found = importance(&study(space.clone(), Goal::Maximize, &trials), Method::PedAnova);
        shown += usize::from(
            found.expect("enough").parameters.iter().any(ParameterImportance::is_shown),
        );
    }
    assert!(shown <= 5, "{shown} of 40 studies of noise show an effect; 2 are expected");
}

#[test]
fn directions_are_the_metrics_own() {
    let space = SearchSpace::new(vec![Parameter::new("x", Domain::int(0, 1000))]).expect("a space");
    let at = |x: i64| Params::from([("x", Value::Int(x))]);
    let trials: Vec<_> = (0..30).map(|x| (at(x * 30), x as f64)).collect();
    for goal in [Goal::Minimize, Goal::Maximize] {
        let found = importance(&study(space.clone(), goal, &trials), Method::PedAnova);
        let parameter = found.expect("enough").parameters.remove(0);
        assert_eq!(parameter.effect.shape, Shape::Rising);
        assert_eq!((parameter.share, parameter.interval), (1.0, (1.0, 1.0)));
        let best = parameter.effect.best(goal).expect("a best range");
        let edge = if goal == Goal::Minimize { &best.from } else { &best.to };
        assert_eq!(*edge, Value::Int(if goal == Goal::Minimize { 0 } else { 870 }));
        assert_eq!(parameter.effect.bins.len(), 5);
        assert_eq!(parameter.effect.bins[0].mean, 2.5);
    }
}

#[test]
fn conditional_parameters_are_judged_where_they_are_active() {
    let golden = golden();
    let study = golden_study(&golden["ped_anova"][2]);
    let found = importance(&study, Method::PedAnova).expect("enough trials");
    let rank = found.parameters.iter().find(|one| one.name == "rank").expect("it was searched");
    let with_rank = study.trials().iter().filter(|trial| trial.params.get("rank").is_some());
    assert_eq!(rank.trials, with_rank.count());
    assert!(rank.trials < found.trials);
}

#[test]
fn bad_input_gets_a_sentence() {
    let space = || SearchSpace::new(vec![Parameter::new("x", Domain::float(0.0, 1.0))]).unwrap();
    let at = |x: f64, loss: f64| (Params::from([("x", Value::Float(x))]), loss);
    let refusal = |trials: &[(Params, f64)], space| {
        importance(&study(space, Goal::Minimize, trials), Method::PedAnova).unwrap_err().to_string()
    };
    assert_eq!(
        refusal(&[at(0.1, 1.0), at(0.2, 2.0), at(0.3, 3.0)], space()),
        "3 completed trials say nothing of importance: at least 4 are needed, and 20 to say much"
    );
    assert_eq!(
        refusal(&[0.1, 0.2, 0.3, 0.4].map(|x| at(x, 1.0)), space()),
        "all 4 completed trials have the same loss: no hyperparameter made a difference"
    );
    let fixed = Parameter::new("x", Domain::Fixed(Value::Float(0.5)));
    let trials: Vec<_> = (0..5).map(|trial| at(0.5, f64::from(trial))).collect();
    assert_eq!(
        refusal(&trials, SearchSpace::new(vec![fixed]).unwrap()),
        "no parameter of the study has more than one value; there is nothing to compare"
    );
}

#[test]
fn a_parameter_that_never_changed_is_constant() {
    let space = SearchSpace::new(vec![
        Parameter::new("x", Domain::float(0.0, 1.0)),
        Parameter::new("y", Domain::categorical(["a", "b"])),
        Parameter::new("far", Domain::float(f64::NEG_INFINITY, f64::INFINITY))
            .with_prior(Prior::Normal { mu: 0.0, sigma: 1.0 }),
    ])
    .expect("a space");
    let trial = |number: i32| {
        let x = Value::Float(f64::from(number) / 10.0);
        let far = Value::Float(f64::from(number * number % 7));
        (Params::from([("x", x), ("y", Value::from("a")), ("far", far)]), f64::from(number))
    };
    let trials: Vec<_> = (0..8).map(trial).collect();
    let found =
        importance(&study(space, Goal::Minimize, &trials), Method::PedAnova).expect("found");
    let y = found.parameters.iter().find(|one| one.name == "y").expect("it was searched");
    assert_eq!((y.effect.shape, y.p_value, y.effect.bins.len()), (Shape::Constant, 1.0, 1));
    assert!(found.parameters.iter().all(|one| one.value.is_finite()), "{found:?}");
}

#[test]
fn a_hundred_thousand_trials_are_tested_by_the_limit() {
    let draws: Vec<(f64, f64)> = (0..100_000)
        .map(|number| {
            let mut rng = Rng::at(0, number, "many");
            (rng.uniform(), rng.uniform())
        })
        .collect();
    let scores: Vec<f64> = draws.iter().map(|(x, _)| *x).collect();
    let columns = [scores.clone(), draws.iter().map(|(_, y)| *y).collect()];
    let p_values = columns.map(|column: Vec<f64>| {
        significance::Contrasts::parabola(&column).p_value(&scores, &Rng::at(0, 0, "p"))
    });
    assert_eq!(p_values[0], 0.0);
    assert!(p_values[1] > 1e-3, "{p_values:?}");
}

#[test]
fn corrections_and_tails_are_the_textbooks() {
    // scipy.stats.chi2.sf.
    for (x, degrees, tail) in [
        (3.0, 1, 0.083_264_516_663_550_42),
        (3.0, 2, 0.223_130_160_148_429_82),
        (9.5, 3, 0.023_331_360_430_831_553),
        (2.5, 6, 0.868_467_665_482_451_2),
        (40.0, 9, 7.598_525_229_464_264e-6),
    ] {
        let found = significance::chi_squared_tail(x, degrees);
        assert!((found - tail).abs() <= 1e-9 * tail, "{x}, {degrees}: {found}");
    }
    assert_eq!(significance::holm(&[0.01, 0.5, 0.02]), [0.03, 0.5, 0.04]);
}
