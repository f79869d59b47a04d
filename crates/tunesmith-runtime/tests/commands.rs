//! Commands of sweeps, word for word as W&B's agent expands them (`tools/golden/wandb_argv.py`), and
//! where tunesmith stops instead.
#![cfg(unix)]

use std::path::Path;

use serde_json::Value as Json;
use tunesmith_runtime::program::command::{CommandError, Occasion, expand};
use tunesmith_runtime::program::spec::ProgramSpec;
use tunesmith_train::protocol::Params;

fn golden() -> Json {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/wandb_argv.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("golden file")).expect("JSON")
}

fn words(list: &Json) -> Vec<String> {
    let list = list.as_array().expect("a list");
    list.iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
}

fn spec(command: &[String]) -> ProgramSpec {
    let mut spec = ProgramSpec::new(command.to_vec(), ".".into());
    spec.program = Some("train.py".to_owned());
    spec
}

#[test]
fn leniently_every_word_is_wandbs() {
    let golden = golden();
    let json_file = Path::new(golden["json_file"].as_str().expect("a path"));
    let variable = |name: &str| golden["environment"][name].as_str().map(str::to_owned);
    let cases = golden["cases"].as_array().expect("cases");
    assert!(cases.len() > 40);
    for case in cases {
        let mut spec = spec(&words(&case["command"]));
        spec.groups = words(&case["groups"]);
        let params: Params = serde_json::from_value(case["params"].clone()).expect("params");
        let occasion = Occasion { params: &params, json_file, variable: &variable, lenient: true };
        let expanded = expand(&spec, occasion).expect("lenient");
        assert_eq!(expanded, words(&case["argv"]), "{:?}", case["command"]);
    }
}

fn refused(command: &[&str]) -> CommandError {
    let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
    let (params, variable) = (Params::new(), |_: &str| None);
    let mut spec = spec(&command);
    spec.program = None;
    let json_file = Path::new("config.json");
    let occasion = Occasion { params: &params, json_file, variable: &variable, lenient: false };
    expand(&spec, occasion).expect_err("not lenient")
}

#[test]
fn what_wandb_drops_is_an_error() {
    assert!(matches!(
        refused(&["python", "${bogus}"]),
        CommandError::UnknownMacro { word } if word == "${bogus}"
    ));
    assert!(matches!(
        refused(&["python", "--data=${envvar:NOT_SET}"]),
        CommandError::Unset { name, .. } if name == "NOT_SET"
    ));
    assert_eq!(refused(&["${program}"]), CommandError::NoProgram);
    assert_eq!(refused(&["${args}"]), CommandError::Empty);
}
