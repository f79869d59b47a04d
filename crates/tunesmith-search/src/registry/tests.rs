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
        refusal(|config| config.scheduler.name = "asha".to_owned()),
        "there is no scheduler named asha; there is none"
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
fn names_are_sorted_and_distinct() {
    let names: Vec<_> = samplers().iter().map(|entry| entry.name).collect();
    assert!(names.is_sorted_by(|left, right| left < right), "{names:?}");
    assert_eq!(
        refusal(|config| config.sampler.options = Params::from([("prior", Value::from("wrong"))])),
        "random's option prior takes one of declared, known, none, not wrong"
    );
}
