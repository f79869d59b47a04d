//! Decisions of other tools on recorded traces, as `tools/golden/schedulers.py` wrote them.

use serde_json::Value as Json;
use tunesmith_core::{Goal, Metric, Params, StudyConfig, TrialState, Value};

use super::course::{Course, config};

/// Everything in the file.
pub(crate) fn file() -> Json {
    let text = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/schedulers.json"));
    serde_json::from_str(text).expect("JSON")
}

/// The entries of this name.
pub(crate) fn cases(name: &str) -> Vec<Json> {
    let cases = file()[name].as_array().expect("a list").clone();
    assert!(!cases.is_empty());
    cases
}

/// A list of numbers.
pub(crate) fn numbers(json: &Json) -> Vec<f64> {
    json.as_array().expect("a list").iter().map(number).collect()
}

pub(crate) fn number(json: &Json) -> f64 {
    json.as_f64().expect("a number")
}

/// A study of the case's metric under a scheduler with these options.
pub(crate) fn course(case: &Json, scheduler: &str, options: Params) -> Course {
    let goal = if case["goal"] == "max" { Goal::Maximize } else { Goal::Minimize };
    let metrics = vec![Metric::new("loss", goal)];
    let trials = number(&case["trials"]) as u32;
    Course::of(&StudyConfig { metrics, ..config(scheduler, options, trials) })
}

/// The options `eta` and `grace` of a case.
pub(crate) fn ladder(case: &Json) -> Params {
    let number = |name: &str| Value::Float(number(&case[name]));
    Params::from([("eta", number("eta")), ("grace", number("grace"))])
}

/// Lives through a trace: each trial must be handed out, go on, pause and end as there. How many paused or ended.
pub(crate) fn replay(case: &Json, course: &mut Course) -> u32 {
    let mut cut = 0;
    for event in case["events"].as_array().expect("events") {
        let trial = number(&event[1]) as u32;
        match event[0].as_str() {
            Some("ask") => assert_eq!(course.ask(), Some(trial), "{event}"),
            Some("complete") => course.complete(trial, number(&event[3])),
            _ => {
                let expected = match event[4].as_str() {
                    Some("stop") => TrialState::Pruned,
                    Some("pause") => TrialState::Paused,
                    _ => TrialState::Running,
                };
                let state = course.report(trial, number(&event[2]), number(&event[3]));
                assert_eq!(state, expected, "{event}");
                cut += u32::from(state != TrialState::Running);
            }
        }
    }
    cut
}
