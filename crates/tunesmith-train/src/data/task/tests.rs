//! What a study file may write, and what it gets told otherwise.

use super::*;

fn parse(json: &str) -> Result<Task, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

#[test]
fn is_a_name_or_a_mapping() {
    assert_eq!(parse(r#""glue/rte""#).unwrap(), Task::Named("glue/rte".to_owned()));
    let text = TextColumns::Pair("a".to_owned(), "b".to_owned());
    let expected = FileTask::new("train.tsv", text, "label");
    let json = r#"{"train": "train.tsv", "text": ["a", "b"], "label": "label"}"#;
    assert_eq!(parse(json).unwrap(), Task::Files(Box::new(expected)));
}

#[test]
fn comes_back_from_json_as_it_went() {
    let json = r#"{"dataset":"owner/name","validation":["a.tsv","b.tsv"],"text":"sentence",
        "label":"y","labels":["no","yes"],"kind":"classification","format":"parquet",
        "validation_fraction":0.2,"test_fraction":0.1,"split_seed":7,"limit":{"train":100}}"#;
    let task = parse(json).unwrap();
    let written = serde_json::to_string(&task).unwrap();
    assert_eq!(parse(&written).unwrap(), task);
    let written: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(written, serde_json::from_str::<serde_json::Value>(json).unwrap());
}

#[test]
fn refuses_what_it_does_not_know() {
    let unknown = parse(r#"{"train": "a", "text": "t", "label": "l", "vaildation": "b"}"#);
    assert!(unknown.unwrap_err().contains("unknown field `vaildation`"));
    let three = parse(r#"{"train": "a", "text": ["a", "b", "c"], "label": "l"}"#);
    assert!(three.unwrap_err().contains("`text` names 3 columns: give one, or two for a pair"));
    let number = parse("3");
    assert!(number.unwrap_err().contains("a task name such as glue/rte"));
    let kind = parse(r#"{"train": "a", "text": "t", "label": "l", "kind": "ranking"}"#);
    assert!(kind.unwrap_err().contains("`classification` or `regression`"));
}

#[test]
fn starts_relative_paths_at_the_study_file() {
    let json = r#"{"train": ["a.tsv", "/data/b.tsv"], "text": "t", "label": "l"}"#;
    let Task::Files(task) = parse(json).unwrap().relative_to(Path::new("/studies")) else {
        panic!("a mapping");
    };
    let expected = ["/studies/a.tsv", "/data/b.tsv"].map(PathBuf::from);
    assert_eq!(task.train.0, expected);
}
