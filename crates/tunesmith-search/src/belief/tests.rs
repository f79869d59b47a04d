//! Draws against densities, and defaults against what the sources say.

use super::*;
use tunesmith_core::{Scale, Step};

fn space(parameters: Vec<Parameter>) -> SearchSpace {
    SearchSpace::new(parameters).expect("a space")
}

fn fine_tuning() -> SearchSpace {
    space(vec![
        Parameter::new("learning_rate", Domain::log_float(1e-6, 1e-2)),
        Parameter::new("num_train_epochs", Domain::int(1, 10)),
        Parameter::new("per_device_train_batch_size", Domain::categorical([8_i64, 16, 32])),
        Parameter::new("lr_scheduler_type", Domain::categorical(["cosine", "linear"])),
        Parameter::new("other", Domain::float(-1.0, 3.0)),
    ])
}

#[test]
fn the_default_is_what_papers_use() {
    let known = Belief::named("known").default_point(&fine_tuning());
    assert_eq!(known.get("learning_rate"), Some(&Value::Float(2e-5)));
    assert_eq!(known.get("num_train_epochs"), Some(&Value::Int(3)));
    assert_eq!(known.get("per_device_train_batch_size"), Some(&Value::Int(16)));
    assert_eq!(known.get("lr_scheduler_type"), Some(&Value::from("linear")));
    assert_eq!(known.get("other"), Some(&Value::Float(1.0)));
    let declared = Belief::named("declared").default_point(&fine_tuning());
    assert_eq!(declared.get("lr_scheduler_type"), Some(&Value::from("cosine")));
    let rate = declared.get("learning_rate").and_then(Value::as_f64).expect("a rate");
    assert!((libm::log10(rate) + 4.0).abs() < 1e-9, "the middle of the range, not {rate}");
}

#[test]
fn a_lora_and_longer_runs_move_the_learning_rate() {
    let with_rank = |parameters: Vec<Parameter>| {
        let rate = Parameter::new("learning_rate", Domain::log_float(1e-6, 1e-2));
        let default = Belief::named("known")
            .default_point(&space(parameters.into_iter().chain([rate]).collect()));
        default.get("learning_rate").and_then(Value::as_f64).expect("a rate")
    };
    let lora = with_rank(vec![Parameter::new("lora.r", Domain::categorical([8_i64, 16]))]);
    assert!((lora - 2e-4).abs() < 1e-12, "{lora}");
    let long = with_rank(vec![Parameter::new("num_train_epochs", Domain::Fixed(Value::Int(6)))]);
    assert!((long / 2e-5 - libm::pow(2.0, -0.6)).abs() < 1e-9, "{long}");
}

#[test]
fn a_range_that_the_prior_does_not_know_is_uniform() {
    let scratch = space(vec![Parameter::new("learning_rate", Domain::log_float(1e-2, 10.0))]);
    assert!(!Belief::named("known").is_informed(&scratch));
    assert!(Belief::named("known").is_informed(&fine_tuning()));
    assert!(!Belief::named("declared").is_informed(&fine_tuning()));
}

#[test]
fn a_declared_prior_stays() {
    let own = Prior::LogNormal { mu: libm::log(1e-3), sigma: 0.1 };
    let space =
        space(vec![Parameter::new("learning_rate", Domain::log_float(1e-6, 1e-2)).with_prior(own)]);
    let default = Belief::named("known").default_point(&space);
    let rate = default.get("learning_rate").and_then(Value::as_f64).expect("a rate");
    assert!((rate - 1e-3).abs() < 1e-5, "{rate}");
}

#[test]
fn draws_follow_the_density() {
    let space = fine_tuning();
    let encoding = Encoding::of(&space);
    let belief = Belief::named("known");
    // The mean of 1 / density over draws is the volume of the space where the density is above 0: 1.
    let count = 40_000;
    let mean: f64 = (0..count)
        .map(|number| {
            let params = belief.draw(&space, &Rng::at(3, number, "belief"));
            let at: Option<Vec<f64>> = encoding.encode(&params).into_iter().collect();
            let at = at.expect("all present");
            libm::exp(-belief.log_density(&encoding, &at))
        })
        .sum::<f64>()
        / f64::from(count);
    assert!((mean - 1.0).abs() < 0.03, "{mean}");
}

#[test]
fn the_density_never_falls_below_a_fifth() {
    let space = space(vec![
        Parameter::new("learning_rate", Domain::log_float(1e-6, 1e-2)),
        Parameter::new(
            "weight_decay",
            Domain::Float {
                low: 0.0,
                high: 0.3,
                scale: Scale::Linear,
                step: Some(Step::FromLow(0.1)),
            },
        ),
    ]);
    let encoding = Encoding::of(&space);
    let belief = Belief::named("known");
    for at in [[0.0, 0.0], [1.0, 1.0], [0.325, 0.1]] {
        assert!(belief.log_density(&encoding, &at) >= libm::log(0.2) - 1e-12);
    }
    assert!(belief.log_density(&encoding, &[0.325, 0.125]) > 1.0, "likely where it should be");
}

#[test]
fn a_known_prior_can_be_asked_for_by_name() {
    let of = |name: &str, domain: Domain| {
        let space = space(vec![Parameter::new(name, domain.clone())]);
        known_prior(name, &domain, &space)
    };
    let rate = of("learning_rate", Domain::log_float(1e-6, 1e-2)).expect("it is known");
    assert_eq!(rate, Prior::LogNormal { mu: libm::log(2e-5), sigma: 1.0 });
    assert_eq!(
        of("learning_rate", Domain::log_float(1.0, 10.0)).unwrap_err().to_string(),
        "the known prior of learning_rate has next to no mass among these values; widen them, or leave `prior` out"
    );
    assert!(
        of("adam_beta1", Domain::float(0.8, 0.99))
            .unwrap_err()
            .to_string()
            .starts_with("no prior is known for adam_beta1; known are learning_rate, ")
    );
    let setting = Setting::of(&fine_tuning(), &Params::new());
    for name in known::NAMES {
        let name = if name.contains('*') { "model.hidden_dropout_prob" } else { name };
        assert!(known::has_shape(name, &setting), "{name}");
    }
}

#[test]
fn a_flat_prior_stays_and_informs_of_nothing() {
    let rate = Domain::log_float(1e-6, 1e-2);
    let batch = Domain::categorical([8_i64, 16]);
    let (for_rate, for_batch) = (flat_prior(&rate), flat_prior(&batch));
    let space = space(vec![
        Parameter::new("learning_rate", rate).with_prior(for_rate),
        Parameter::new("per_device_train_batch_size", batch).with_prior(for_batch),
    ]);
    let belief = Belief::named("known");
    assert!(!belief.is_informed(&space));
    let encoding = Encoding::of(&space);
    for at in [[0.0, 0.0], [0.325, 1.0], [1.0, 1.0]] {
        assert!(belief.log_density(&encoding, &at).abs() < 1e-12);
    }
}

#[test]
fn no_belief_is_uniform_whatever_is_declared_except_where_a_range_has_no_ends() {
    let own = Prior::LogNormal { mu: libm::log(1e-3), sigma: 0.1 };
    let free = Domain::float(f64::NEG_INFINITY, f64::INFINITY);
    let space = space(vec![
        Parameter::new("learning_rate", Domain::log_float(1e-6, 1e-2)).with_prior(own),
        Parameter::new("word", Domain::categorical(["a", "b"]))
            .with_prior(Prior::Weights(vec![0.1, 0.9])),
        Parameter::new("shift", free).with_prior(Prior::Normal { mu: 5.0, sigma: 2.0 }),
    ]);
    let belief = Belief::named("none");
    assert!(!belief.is_informed(&space));
    let at = belief.complete(&space, |_| 0.25);
    let rate = at.get("learning_rate").and_then(Value::as_f64).expect("a rate");
    assert!((libm::log10(rate) + 5.0).abs() < 1e-9, "{rate}");
    assert_eq!(at.get("word"), Some(&Value::from("a")));
    let shift = at.get("shift").and_then(Value::as_f64).expect("a shift");
    assert!((shift - (5.0 - 2.0 * 0.674_489_75)).abs() < 1e-6, "{shift}");
    let default = belief.default_point(&space);
    let rate = default.get("learning_rate").and_then(Value::as_f64).expect("a rate");
    assert!((libm::log10(rate) + 4.0).abs() < 1e-9, "{rate}");
    assert_eq!(default.get("word"), Some(&Value::from("a")));
}
