//! W&B's decisions, and its options.

use tunesmith_core::{Params, Value};

use super::*;
use crate::schedulers::tests::golden;

fn bands(options: &[(&str, Value)]) -> Option<Vec<usize>> {
    let options: Params =
        options.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    WandbHyperband::new(Options(&options)).map(|scheduler| scheduler.bands)
}

#[test]
fn bands_are_counted_up_or_down() {
    let whole = |name: &'static str, value| (name, Value::Int(value));
    let up = bands(&[whole("min_iter", 3)]).expect("bands");
    assert_eq!(up[..4], [3, 9, 27, 81]);
    assert_eq!(up.len(), 100);
    assert_eq!(bands(&[]).expect("bands")[..3], [1, 3, 9]);
    assert_eq!(bands(&[whole("max_iter", 27), whole("s", 2)]), Some(vec![3, 9]));
    assert_eq!(bands(&[whole("max_iter", 20), whole("s", 9)]), Some(vec![2, 6]));
    assert_eq!(bands(&[whole("max_iter", 2), whole("s", 1)]), None);
    assert_eq!(bands(&[whole("max_iter", 27)]), None);
    assert_eq!(bands(&[whole("s", 2)]), None);
    assert_eq!(bands(&[whole("min_iter", 1), whole("max_iter", 9), whole("s", 2)]), None);
}

#[test]
fn decisions_are_those_of_wandb() {
    for case in golden::cases("wandb_hyperband") {
        let options = case["options"].as_object().expect("options");
        let value = |value: &serde_json::Value| match value.as_bool() {
            Some(truth) => Value::Bool(truth),
            None => Value::Float(golden::number(value)),
        };
        let options: Params =
            options.iter().map(|(name, one)| (name.clone(), value(one))).collect();
        let mut course = golden::course(&case, "wandb-hyperband", options);
        course.start(12);
        assert!(golden::replay(&case, &mut course) >= 3, "few were stopped");
    }
}
