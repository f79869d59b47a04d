//! Priors from studies whose best trials are known.

use tunesmith_core::*;

use super::*;

fn space(parameters: Vec<Parameter>) -> SearchSpace {
    SearchSpace::new(parameters).expect("a space")
}

fn fine_tuning() -> Vec<Parameter> {
    vec![
        Parameter::new("rate", Domain::log_float(1e-6, 1e-2)),
        Parameter::new("schedule", Domain::categorical(["linear", "cosine"])),
        Parameter::new("decay", Domain::float(0.0, 0.4))
            .with_prior(Prior::Normal { mu: 0.1, sigma: 0.1 }),
        Parameter::new("epochs", Domain::int(1, 9)),
    ]
}

/// A study whose trials' accuracy falls with their number: the first are the best.
fn earlier(name: &str, count: u32) -> Study {
    let mut config =
        StudyConfig::new(name, space(fine_tuning()), Metric::new("accuracy", Goal::Maximize));
    config.seed = 3;
    let policy = crate::policy(&config).expect("a policy");
    let me = Writer::new("me");
    let mut study =
        Study::begin(&Study::created(&config, &me, Timestamp(0))).expect("a first event");
    for number in 0..count {
        let submit = |study: &mut Study, command| {
            let events = decide(study, &policy, &me, command, Timestamp(0)).expect("legal");
            events.iter().try_for_each(|event| study.apply(event)).expect("applies");
        };
        let rate = 1e-5 * libm::pow(1.01, f64::from(number));
        let schedule = if number < 4 { "cosine" } else { "linear" };
        let params = Params::from([
            ("rate", Value::Float(rate)),
            ("schedule", Value::from(schedule)),
            ("decay", Value::Float(0.3)),
            ("epochs", Value::Int(3)),
        ]);
        submit(&mut study, Command::Enqueue { params });
        submit(&mut study, Command::Ask { count: 1 });
        let lease = study.running().next().and_then(Trial::lease_key).expect("leased");
        let accuracy = 0.9 - 0.01 * f64::from(number);
        let outcome = Outcome::Completed { values: [("accuracy".to_owned(), accuracy)].into() };
        submit(&mut study, Command::Tell { lease, outcome, device_seconds: 0.0 });
    }
    study
}

fn metric() -> Metric {
    Metric::new("accuracy", Goal::Maximize)
}

fn prior_of<'a>(warmed: &'a Warmed, name: &str) -> &'a Prior {
    match &warmed.space.get(name).expect("it is there").rule {
        Rule::Free { prior, .. } => prior,
        Rule::Tied(_) => panic!("{name} is free"),
    }
}

#[test]
fn the_best_trials_become_priors() {
    let warmed = warm_start(&space(fine_tuning()), &metric(), &[earlier("a", 40)]).expect("fits");
    assert_eq!(warmed.trials, 4);
    assert_eq!(warmed.learned, ["rate", "schedule", "epochs"]);
    // Logarithms 1e-5 · 1.01^0 to 1.01^3: mean at 1.01^1.5, variance 5/3 of ln(1.01)².
    let step = libm::log(1.01);
    let least = 0.1 * libm::log(1e4);
    let Prior::LogNormal { mu, sigma } = prior_of(&warmed, "rate") else { panic!("log-normal") };
    assert!((mu - (libm::log(1e-5) + 1.5 * step)).abs() < 1e-12);
    assert!((sigma - (5.0 / 3.0 * step * step + least * least).sqrt()).abs() < 1e-12);
    assert_eq!(*prior_of(&warmed, "schedule"), Prior::Weights(vec![1.0, 5.0]));
    assert_eq!(*prior_of(&warmed, "epochs"), Prior::Normal { mu: 3.0, sigma: 0.8 });
    assert_eq!(*prior_of(&warmed, "decay"), Prior::Normal { mu: 0.1, sigma: 0.1 }, "its own stays");
}

#[test]
fn each_study_gives_three_to_ten() {
    for (count, expected) in [(3, 3), (12, 3), (55, 6), (300, 10)] {
        let warmed = warm_start(&space(fine_tuning()), &metric(), &[earlier("a", count)]);
        assert_eq!(warmed.expect("fits").trials, expected);
    }
    let two = [earlier("a", 12), earlier("b", 40)];
    assert_eq!(warm_start(&space(fine_tuning()), &metric(), &two).expect("fit").trials, 7);
}

#[test]
fn what_does_not_fit_is_refused_in_a_sentence() {
    let refusal = |parameters, metric, count| {
        let earlier = [earlier("first", count)];
        warm_start(&space(parameters), &metric, &earlier).unwrap_err().to_string()
    };
    assert_eq!(
        refusal(fine_tuning(), Metric::new("loss", Goal::Minimize), 9),
        "first searched for the greatest accuracy, not for the least loss; start warm from a study of the same metric"
    );
    assert_eq!(
        refusal(fine_tuning(), metric(), 2),
        "first has 2 completed trials whose values fit this study's parameters; at least 3 are needed"
    );
    let elsewhere = vec![Parameter::new("rate", Domain::log_float(0.1, 1.0))];
    assert_eq!(
        refusal(elsewhere, metric(), 9),
        "first has 0 completed trials whose values fit this study's parameters; at least 3 are needed"
    );
    let other = vec![Parameter::new("other", Domain::float(0.1, 1.0))];
    assert!(refusal(other, metric(), 9).starts_with("first has 0 completed trials"));
}
