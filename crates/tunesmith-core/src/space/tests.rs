//! Conditions, ties, and what does not fit.

use super::*;

fn lora_space() -> SearchSpace {
    SearchSpace::new(vec![
        // Declared before what it refers to, on purpose.
        Parameter::tied("lora.alpha", Expression::parse("2 * lora.r").unwrap()),
        Parameter::new("lora.r", Domain::categorical([8_i64, 16]))
            .when(Condition::one_of("adapter", ["lora"])),
        Parameter::new("adapter", Domain::categorical(["none", "lora"])),
        Parameter::new("lr", Domain::log_float(1e-6, 1e-3)),
        Parameter::new("head", Domain::Fixed(Value::from("linear"))),
    ])
    .unwrap()
}

fn refusal(parameters: Vec<Parameter>) -> String {
    SearchSpace::new(parameters).unwrap_err().to_string()
}

#[test]
fn inactive_parameters_and_what_is_tied_to_them_are_absent() {
    let space = lora_space();
    let full =
        space.check(&Params::from([("adapter", Value::from("none")), ("lr", Value::Float(1e-4))]));
    assert_eq!(full.unwrap().to_string(), "adapter=none head=linear lr=0.0001");
    let lora = space
        .check(&Params::from([
            ("adapter", Value::from("lora")),
            ("lora.r", Value::Int(16)),
            ("lr", Value::Float(1e-4)),
        ]))
        .unwrap();
    assert_eq!(lora.to_string(), "adapter=lora head=linear lora.alpha=32 lora.r=16 lr=0.0001");
    // Checking again what was completed changes nothing.
    assert_eq!(space.check(&lora), Ok(lora));
}

#[test]
fn params_that_do_not_fit_are_refused() {
    let space = lora_space();
    let base = || Params::from([("adapter", Value::from("none")), ("lr", Value::Float(1e-4))]);
    let refused = |name: &str, value: Value| {
        let mut params = base();
        params.insert(name, value);
        space.check(&params).unwrap_err().to_string()
    };
    assert_eq!(refused("lr", Value::Float(1.0)), "1.0 is no legal value of lr");
    assert_eq!(refused("adapter", Value::from("ia3")), "ia3 is no legal value of adapter");
    assert_eq!(refused("head", Value::from("deep")), "deep is no legal value of head");
    assert_eq!(
        refused("lora.r", Value::Int(8)),
        "lora.r has no value of its own here: it is inactive, or follows from other parameters"
    );
    assert_eq!(
        refused("momentum", Value::Int(1)),
        "momentum is no parameter of this study; there are lora.alpha, lora.r, adapter, lr, head"
    );
    let mut missing = base();
    missing.remove("lr");
    assert_eq!(space.check(&missing).unwrap_err().to_string(), "lr has no value");
    let mut wrong_tie = base();
    wrong_tie.insert("adapter", "lora");
    wrong_tie.insert("lora.r", 8_i64);
    wrong_tie.insert("lora.alpha", 8_i64);
    assert_eq!(
        space.check(&wrong_tie).unwrap_err().to_string(),
        "8 is no legal value of lora.alpha"
    );
}

#[test]
fn filling_draws_only_what_is_left_out() {
    let space = lora_space();
    let rng = Rng::at(1, 0, "fill");
    let given = Params::from([("lr", Value::Float(5e-5))]);
    let filled = space.fill(&given, &rng).unwrap();
    assert_eq!(filled.get("lr"), Some(&Value::Float(5e-5)));
    assert_eq!(space.check(&filled), Ok(filled.clone()));
    assert_eq!(space.fill(&given, &rng), Ok(filled));
}

#[test]
fn whether_one_parameter_is_active_does_not_move_the_others() {
    let space = lora_space();
    let rng = Rng::at(3, 0, "sample");
    let fixed = |adapter: &str| {
        let given = Params::from([("adapter", Value::from(adapter))]);
        space.fill(&given, &rng).unwrap().get("lr").cloned()
    };
    assert_eq!(fixed("none"), fixed("lora"));
}

#[test]
fn values_come_back_in_the_domains_own_type() {
    let space = SearchSpace::new(vec![
        Parameter::new("epochs", Domain::int(1, 4)),
        Parameter::new("decay", Domain::float(0.0, 1.0)),
    ])
    .unwrap();
    let checked =
        space.check(&Params::from([("epochs", Value::Float(3.0)), ("decay", Value::Int(0))]));
    assert_eq!(
        checked,
        Ok(Params::from([("epochs", Value::Int(3)), ("decay", Value::Float(0.0))]))
    );
}

#[test]
fn a_tie_without_a_value_is_null_and_refused() {
    let space = SearchSpace::new(vec![
        Parameter::new("x", Domain::int(0, 1)),
        Parameter::tied("y", Expression::parse("1 / x").unwrap()),
    ])
    .unwrap();
    let params = space.complete(|_| Value::Int(0));
    assert_eq!(params.get("y"), Some(&Value::Null));
    assert_eq!(space.check(&params).unwrap_err().to_string(), "y: / has no finite result here");
}

#[test]
fn comparisons_are_conditions_too() {
    let above = |bound| Condition {
        clauses: vec![Clause { parameter: "epochs".to_owned(), test: Test::Above(bound) }],
    };
    assert!(above(3.0).holds(&Params::from([("epochs", 4_i64)])));
    assert!(!above(3.0).holds(&Params::from([("epochs", 3_i64)])));
    assert!(!above(3.0).holds(&Params::from([("epochs", "many")])));
    assert!(!above(3.0).holds(&Params::new()));
    assert!(Test::NoneOf(vec![Value::Int(3)]).passes(&Value::Float(3.5)));
    assert!(!Test::NoneOf(vec![Value::Int(3)]).passes(&Value::Float(3.0)));
}

#[test]
fn impossible_spaces_are_refused() {
    let x = || Parameter::new("x", Domain::int(0, 1));
    let tied = |name: &str, source: &str| Parameter::tied(name, Expression::parse(source).unwrap());
    assert_eq!(refusal(vec![x(), x()]), "the parameter x is declared twice; leave one out");
    assert_eq!(
        refusal(vec![Parameter::new("2x", Domain::int(0, 1))]),
        "`2x` is no parameter name; start with a letter or `_`, go on with letters, digits and `_ . -`"
    );
    assert_eq!(
        refusal(vec![tied("y", "x + 1")]),
        "y refers to x, which is no parameter; declare it, or correct the name"
    );
    assert_eq!(
        refusal(vec![x().when(Condition::one_of("mode", ["a"]))]),
        "x refers to mode, which is no parameter; declare it, or correct the name"
    );
    assert_eq!(
        refusal(vec![tied("a", "b"), tied("b", "c"), tied("c", "a"), x()]),
        "these parameters depend on each other in a circle: a, b, c; untie one"
    );
    assert_eq!(
        refusal(vec![Parameter::new("x", Domain::float(2.0, 1.0))]),
        "x: the minimum 2 is not below the maximum 1; give a range with room, or one `value`"
    );
}
