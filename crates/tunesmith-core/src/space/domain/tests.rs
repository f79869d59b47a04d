//! Membership, lattices and grids.

use super::*;

#[test]
fn float_domains_take_whole_numbers_and_refuse_others() {
    let domain = Domain::float(0.0, 1.0);
    assert_eq!(domain.coerce(&Value::Int(1)), Some(Value::Float(1.0)));
    assert!(!domain.contains(&Value::Float(1.0 + 1e-9)));
    assert!(!domain.contains(&Value::Float(f64::NAN)));
    assert!(!domain.contains(&Value::from("0.5")));
}

#[test]
fn int_domains_keep_their_step() {
    let domain = Domain::Int { low: 1, high: 10, scale: Scale::Linear, step: 3 };
    let inside: Vec<i64> = (-5..20).filter(|whole| domain.contains(&Value::Int(*whole))).collect();
    assert_eq!(inside, [1, 4, 7, 10]);
    assert_eq!(domain.coerce(&Value::Float(4.0)), Some(Value::Int(4)));
    assert!(!domain.contains(&Value::Float(4.5)));
    let widest = Domain::int(i64::MIN, i64::MAX);
    assert!(widest.contains(&Value::Int(0)));
    assert_eq!(widest.cardinality(), None);
    assert!(matches!(widest.grid_points(), Err(GridError::TooMany { .. })));
}

#[test]
fn float_steps_count_from_the_low_end() {
    let domain =
        Domain::Float { low: 0.0, high: 1.0, scale: Scale::Linear, step: Some(Step::FromLow(0.1)) };
    assert_eq!(domain.cardinality(), Some(11));
    assert!(domain.contains(&Value::Float(0.3)));
    assert!(domain.contains(&Value::Float(0.1 + 0.2)));
    assert!(!domain.contains(&Value::Float(0.35)));
    let points = domain.grid_points().unwrap();
    assert_eq!(points.len(), 11);
    assert!(points.iter().all(|point| domain.contains(point)));
}

#[test]
fn grids_are_those_of_wandb() {
    let texts = |domain: &Domain| {
        domain.grid_points().unwrap().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(texts(&Domain::int(1, 4)), "1 2 3 4");
    let quantised =
        |low, high, step| Domain::Float { low, high, scale: Scale::Linear, step: Some(step) };
    // numpy.arange(0, 1, .25) and numpy.arange(1, 10, 3); the maximum is left out.
    assert_eq!(texts(&quantised(0.0, 1.0, Step::Multiple(0.25))), "0.0 0.25 0.5 0.75");
    assert_eq!(texts(&quantised(1.0, 10.0, Step::WholeMultiple(3))), "1 4 7");
    assert_eq!(texts(&quantised(0.5, 3.0, Step::WholeMultiple(1))), "0.5 1.5 2.5");
    let grid = quantised(0.1, 1.0, Step::Multiple(0.3));
    assert!(grid.grid_points().unwrap().iter().all(|point| grid.contains(point)));
    assert_eq!(texts(&Domain::categorical(["b", "a"])), "b a");
    assert_eq!(texts(&Domain::Fixed(Value::Int(3))), "3");
    assert_eq!(Domain::float(0.0, 1.0).grid_points(), Err(GridError::Continuous));
    assert_eq!(
        Domain::int(0, 1_000_000).grid_points(),
        Err(GridError::TooMany { points: 1_000_001 })
    );
}

#[test]
fn impossible_domains_are_refused() {
    let float = |low, high, scale, step| Domain::Float { low, high, scale, step };
    let int = |low, high, scale, step| Domain::Int { low, high, scale, step };
    for (domain, expected) in [
        (
            Domain::float(1.0, 1.0),
            "the minimum 1 is not below the maximum 1; give a range with room, or one `value`",
        ),
        (
            Domain::float(f64::NAN, 1.0),
            "the range NaN to 1 is not finite; give both bounds, or a normal or log-normal prior",
        ),
        (Domain::log_float(0.0, 1.0), "a log scale needs a minimum above 0, not 0"),
        (
            float(0.0, 1.0, Scale::Linear, Some(Step::FromLow(0.0))),
            "the step 0 is not a finite number above 0",
        ),
        (
            float(0.1, 1.0, Scale::Log, Some(Step::FromLow(0.1))),
            "steps of equal size do not go with a log scale; leave the step out, or quantise with `q`",
        ),
        (
            int(3, 2, Scale::Linear, 1),
            "the minimum 3 is not below the maximum 2; give a range with room, or one `value`",
        ),
        (int(1, 9, Scale::Linear, 0), "the step 0 is not a finite number above 0"),
        (
            Domain::categorical(Vec::<Value>::new()),
            "there is nothing to choose from; list at least one value",
        ),
        (
            Domain::categorical([Value::Float(3e6), Value::Int(3_000_000)]),
            "the value 3000000 is listed twice; leave one out, or weight it",
        ),
        (Domain::categorical([f64::INFINITY]), "the value inf is not finite"),
    ] {
        assert_eq!(domain.validate().unwrap_err().to_string(), expected);
    }
}

#[test]
fn the_greatest_numbers_have_finite_multiples() {
    let quantum = 1.216_763_704_459_808e301;
    let nearest = quantise(f64::MAX, quantum);
    assert!(nearest.is_finite());
    assert_eq!(nearest, quantise(nearest, quantum));
}
