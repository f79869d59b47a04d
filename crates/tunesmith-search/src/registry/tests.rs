//! What the registry says of names and options that it does not know.

use tunesmith_core::{Domain, Goal, Metric, Parameter, Params, SearchSpace, Value};

use super::*;

fn refusal(change: impl FnOnce(&mut StudyConfig)) -> String {
    let space = SearchSpace::new(vec![Parameter::new("x", Domain::float(0.0, 1.0))]).unwrap();
    let mut config = StudyConfig::new("s", space, Metric::new("loss", Goal::Minimize));
    change(&mut config);
    policy(&config).unwrap_err().to_string()
}

#[test]
fn refusals_name_what_there_is() {
    let known: Vec<_> = samplers().iter().map(|entry| entry.name).collect();
    assert_eq!(
        refusal(|config| config.sampler.name = "sobel".to_owned()),
        format!(
            "there is no sampler named sobel (did you mean sobol?); there are {}",
            known.join(", ")
        )
    );
    assert_eq!(
        refusal(|config| config.scheduler.name = "asaha".to_owned()),
        format!(
            "there is no scheduler named asaha (did you mean asha?); there are {}",
            schedulers().iter().map(|entry| entry.name).collect::<Vec<_>>().join(", ")
        )
    );
    assert_eq!(
        refusal(|config| {
            config.scheduler.name = "wandb-hyperband".to_owned();
            config.scheduler.options = Params::from([("max_iter", Value::Int(27))]);
        }),
        "wandb-hyperband takes min_iter, or max_iter together with s; choose one, and a max_iter of at least eta"
    );
    assert_eq!(
        refusal(|config| config.sampler.options = Params::from([("seed", Value::Int(1))])),
        "random has no option seed; it takes prior"
    );
    assert_eq!(
        refusal(|config| config.sampler.name = "grid".to_owned()),
        "grid search needs a list of values for each parameter: x has infinitely many values; list `values`, or give whole bounds or a step `q`"
    );
}

#[test]
fn a_method_of_one_metric_refuses_several() {
    let several = |config: &mut StudyConfig| {
        config.metrics.push(Metric::new("seconds", Goal::Minimize));
        config.sampler.name = "cmaes".to_owned();
    };
    assert_eq!(
        refusal(several),
        "cmaes optimises one metric and the study has 2; give it one, or use auto, gp, grid, nsga2, random, sobol, tpe"
    );
}

#[test]
fn names_are_sorted_and_distinct() {
    let names: Vec<_> = samplers().iter().map(|entry| entry.name).collect();
    assert!(names.is_sorted_by(|left, right| left < right), "{names:?}");
    let names: Vec<_> = schedulers().iter().map(|entry| entry.name).collect();
    assert!(names.is_sorted_by(|left, right| left < right), "{names:?}");
    assert_eq!(
        refusal(|config| config.sampler.options = Params::from([("prior", Value::from("wrong"))])),
        "random's option prior takes one of declared, known, none, not wrong"
    );
}

#[test]
fn methods_are_made_of_what_there_is() {
    for method in methods() {
        let space = SearchSpace::new(vec![Parameter::new("x", Domain::float(0.0, 1.0))]).unwrap();
        let mut config = StudyConfig::new("s", space, Metric::new("loss", Goal::Minimize));
        (config.sampler, config.scheduler) = method.components();
        assert!(policy(&config).is_ok(), "{}", method.name);
    }
    assert!(methods().is_sorted_by_key(|method| method.name));
    assert_eq!(
        refusal(|config| {
            config.scheduler.name = "pbt".to_owned();
            config.scheduler.options = Params::from([("mutate", Value::from("y"))]);
        }),
        "there is no parameter y to mutate (did you mean x?); there is x"
    );
}
