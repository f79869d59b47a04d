//! Studies of Optuna's, read as Optuna wrote them and written as Optuna reads them. What Optuna says of its own files
//! is in `golden/optuna.json`; `tools/golden/optuna_interchange.py` made all three.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use tunesmith_core::{
    Fact, Outcome, Revision, Storage, Study, Timestamp, Trial, TrialState, Writer, wire,
};
use tunesmith_store::Memory;
use tunesmith_store::optuna::{ForeignStudy, Format, ImportError, ReadError, WriteError};
use tunesmith_store::optuna::{import, read, read_journal, write};

const JOURNAL: &str = include_str!("golden/optuna.journal");
const DATABASE: &str = include_str!("golden/optuna.sql");
const SAID: &str = include_str!("golden/optuna.json");

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn journal(folder: &Path) -> PathBuf {
    let path = folder.join("optuna.journal");
    std::fs::write(&path, JOURNAL).expect("written");
    path
}

fn database(folder: &Path) -> PathBuf {
    let path = folder.join("optuna.db");
    let database = rusqlite::Connection::open(&path).expect("a database");
    // Python's dump has the tables in the order of their names.
    database.pragma_update(None, "foreign_keys", false).expect("a setting");
    database.execute_batch(DATABASE).expect("Optuna's own SQL");
    path
}

/// As it is after its way through a storage.
fn kept(foreign: &ForeignStudy) -> Study {
    let imported = import(foreign, &foreign.name).expect("it can be told as a log");
    let storage = Memory::new();
    let by = Writer::new("test");
    let id = storage.create(&imported.config, &by, Timestamp(1)).expect("new");
    storage.append(id, &imported.events).expect("in order");
    let log = storage.read(id, Revision(0), u32::MAX).expect("readable");
    Study::fold(&log).expect("it folds")
}

/// What Optuna says of a trial, for one of ours.
fn said_of(trial: &Trial, said: &Json) -> Json {
    let completed = said["state"] == "COMPLETE";
    let infinite = completed && said["values"].as_array().is_some_and(|all| !all[0].is_number());
    let state = match trial.state {
        TrialState::Queued => "WAITING",
        TrialState::Cancelled => "RUNNING",
        TrialState::Completed => "COMPLETE",
        TrialState::Pruned => "PRUNED",
        // Its value was infinite.
        TrialState::Failed if infinite => "COMPLETE",
        _ => "FAIL",
    };
    let values = match &trial.outcome {
        Some(Outcome::Completed { values }) => json!(values.values().collect::<Vec<_>>()),
        _ => said["values"].clone(),
    };
    let params: Json =
        serde_json::from_str(&wire::params_to_json(&trial.params)).expect("the core's own JSON");
    let waits = trial.state == TrialState::Queued;
    let mut intermediate = serde_json::Map::new();
    for report in &trial.reports {
        let value = report.values.values().next();
        intermediate.insert(report.step.to_string(), json!(value));
    }
    for (step, value) in said["intermediate"].as_object().expect("an object") {
        if !value.is_number() {
            intermediate.insert(step.clone(), value.clone());
        }
    }
    json!({
        "state": state,
        "params": if waits { said["params"].clone() } else { params },
        "values": values,
        "intermediate": intermediate,
    })
}

#[test]
fn what_optuna_wrote_is_read_to_the_last_digit_from_both_forms() {
    let folder = folder();
    let expected: Json = serde_json::from_str(SAID).expect("JSON");
    for path in [journal(folder.path()), database(folder.path())] {
        let all = read(&path).expect("Optuna's own file");
        assert_eq!(all.len(), 2, "{}", path.display());
        for (foreign, said) in all.iter().zip(expected.as_array().expect("a list")) {
            let study = kept(foreign);
            assert_eq!(study.config().name, said["name"].as_str().expect("a name"));
            let said = said["trials"].as_array().expect("a list");
            assert_eq!(study.trials().len(), said.len());
            for (trial, said) in study.trials().iter().zip(said) {
                assert_eq!(
                    said_of(trial, said),
                    *said,
                    "{}, trial {}",
                    path.display(),
                    trial.number
                );
            }
        }
    }
}

#[test]
fn both_forms_of_a_study_are_the_same_study() {
    let folder = folder();
    let studies = |path: &Path| -> Vec<Study> {
        read(path).expect("Optuna's own file").iter().map(kept).collect()
    };
    let (left, right) = (studies(&journal(folder.path())), studies(&database(folder.path())));
    for (left, right) in left.iter().zip(&right) {
        assert_eq!(left.config(), right.config());
        for (left, right) in left.trials().iter().zip(right.trials()) {
            assert_eq!((&left.params, left.state), (&right.params, right.state));
            assert_eq!((&left.reports, &left.seed), (&right.reports, &right.seed));
        }
    }
}

#[test]
fn what_is_written_for_optuna_is_read_as_it_was() {
    let folder = folder();
    for foreign in read_journal(JOURNAL).expect("Optuna's own file") {
        let study = kept(&foreign);
        for (format, name) in [(Format::Journal, "out.journal"), (Format::Sqlite, "out.db")] {
            let path = folder.path().join(format!("{}-{name}", foreign.name));
            write(&study, format, &path).expect("a new file");
            assert!(matches!(write(&study, format, &path), Err(WriteError::Exists { .. })));
            let again = kept(&read(&path).expect("our own file")[0]);
            assert_eq!(again.metrics(), study.metrics());
            for (left, right) in again.trials().iter().zip(study.trials()) {
                let number = left.number;
                assert_eq!(left.params, right.params, "trial {number} in {}", path.display());
                assert_eq!(left.reports.len(), right.reports.len(), "trial {number}");
                let ended = |trial: &Trial| match &trial.outcome {
                    Some(Outcome::Completed { values }) => format!("{values:?}"),
                    Some(Outcome::Cancelled) => "failed".to_owned(),
                    other => format!("{:?}", other.is_some()),
                };
                if right.state != TrialState::Cancelled {
                    assert_eq!(ended(left), ended(right), "trial {number}");
                }
            }
        }
    }
}

#[test]
fn a_torn_last_line_is_dropped_and_any_other_is_named() {
    let torn = &JOURNAL[..JOURNAL.len() - 20];
    assert_eq!(read_journal(torn).expect("as Optuna has it").len(), 2);
    let mut lines: Vec<&str> = JOURNAL.lines().collect();
    lines[4] = "{\"op_code\": 5, ";
    let (line, problem) = read_journal(&(lines.join("\n") + "\n")).expect_err("no JSON");
    assert_eq!(line, 5);
    assert!(problem.to_string().starts_with("no JSON"), "{problem}");
    lines[4] = "{\"op_code\": 12}";
    let (line, problem) = read_journal(&(lines.join("\n") + "\n")).expect_err("no operation");
    assert_eq!((line, problem.to_string().as_str()), (5, "operation 12 is none of Optuna 5's"));
}

#[test]
fn other_files_are_told_apart() {
    let folder = folder();
    let text = folder.path().join("notes.txt");
    std::fs::write(&text, "nothing of the kind").expect("written");
    assert!(matches!(read(&text), Err(ReadError::Neither { .. })));
    let old = database(folder.path());
    let connection = rusqlite::Connection::open(&old).expect("a database");
    connection.execute_batch("UPDATE version_info SET schema_version = 11").expect("older");
    let error = read(&old).expect_err("older").to_string();
    assert!(error.contains("schema 11") && error.contains("optuna storage upgrade"), "{error}");
    let set = "UPDATE version_info SET schema_version = 12; DELETE FROM study_directions";
    connection.execute_batch(set).expect("damaged");
    let found = &read(&old).expect("readable")[0];
    let error = import(found, "one").expect_err("no direction").to_string();
    assert!(error.contains("study `one` has no direction"), "{error}");
    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other)
        .and_then(|one| one.execute_batch("CREATE TABLE a (b)"))
        .expect("made");
    assert!(matches!(read(&other), Err(ReadError::Database { .. })));
}

#[test]
fn what_the_log_cannot_say_names_trial_and_parameter() {
    let study = |text: &str| import(&read_journal(text).expect("readable")[0], "one");
    let changed =
        JOURNAL.replacen("\"param_value_internal\":3.0", "\"param_value_internal\":3.5", 1);
    let error = study(&changed).expect_err("half a layer");
    assert!(
        matches!(&error, ImportError::Value { trial: 0, parameter, .. } if parameter == "layers")
    );
    let changed = JOURNAL.replacen("\"step\":2,", "\"step\":9223372036854775807,", 1);
    let last = study(&changed).expect("a step, if a late one").events;
    let last = last.iter().rev().find_map(|event| match &event.fact {
        Fact::Reported { report, .. } if report.step == i64::MAX as u64 => Some(report.fraction),
        _ => None,
    });
    assert_eq!(last, Some(1.0));
    let changed = JOURNAL.replacen("\"step\":0,", "\"step\":-1,", 1);
    assert!(matches!(study(&changed), Err(ImportError::Step { trial: 0, step: -1 })));
}

/// A journal of these operations, as a worker of Optuna's would write it.
fn journal_of(operations: &[Json]) -> String {
    let line = |operation: &Json| {
        let mut line = operation.clone();
        line["worker_id"] = json!("a-1");
        format!("{line}\n")
    };
    operations.iter().map(line).collect()
}

fn created(study: &str) -> Json {
    json!({ "op_code": 0, "study_name": study, "directions": [1] })
}

fn begun(study: u32, at: &str) -> Json {
    json!({ "op_code": 4, "study_id": study, "datetime_start": format!("2026-11-27T{at}+00:00") })
}

fn suggested(trial: u32, kind: &str, value: f64) -> Json {
    let attributes = json!({ "low": 0, "high": 1, "log": false, "step": if kind == "Int" { json!(1) } else { json!(null) } });
    let text = json!({ "name": format!("{kind}Distribution"), "attributes": attributes });
    json!({ "op_code": 5, "trial_id": trial, "param_name": "x", "param_value_internal": value, "distribution": text.to_string() })
}

fn ended(trial: u32, at: &str, value: f64) -> Json {
    let at = format!("2026-11-27T{at}+00:00");
    json!({ "op_code": 6, "trial_id": trial, "state": 1, "values": [value], "datetime_complete": at })
}

fn one(operations: &[Json]) -> Study {
    kept(&read_journal(&journal_of(operations)).expect("readable")[0])
}

#[test]
fn a_study_that_was_resumed_is_created_once() {
    // Every `create_study(load_if_exists=True)` writes the first operation again.
    let operations = [
        created("a"),
        created("a"),
        created("b"),
        begun(0, "01:00:00"),
        created("a"),
        begun(1, "01:00:00"),
    ];
    let studies = read_journal(&journal_of(&operations)).expect("readable");
    let found: Vec<(String, usize)> = studies
        .iter()
        .map(kept)
        .map(|one| (one.config().name.clone(), one.trials().len()))
        .collect();
    assert_eq!(found, [("a".to_owned(), 1), ("b".to_owned(), 1)]);
}

#[test]
fn what_optuna_passes_over_is_passed_over() {
    let study = one(&[
        created("a"),
        begun(0, "01:00:00"),
        suggested(0, "Float", 0.25),
        ended(0, "01:00:01", 0.5),
        // Too late, of nothing, or of another kind; and an operation that only Rustuna has.
        suggested(0, "Float", 0.75),
        ended(0, "01:00:09", 9.0),
        json!({ "op_code": 7, "trial_id": 0, "step": 1, "intermediate_value": 2.0 }),
        json!({ "op_code": 1, "study_id": 7 }),
        begun(9, "01:00:00"),
        json!({ "op_code": 10, "trial_ids": [0] }),
        begun(0, "01:00:02"),
        suggested(1, "Int", 1.0),
        suggested(1, "Float", 0.5),
        ended(1, "01:00:03", 0.125),
    ]);
    let told: Vec<String> = study
        .trials()
        .iter()
        .map(|trial| format!("{} {:?} {}", trial.params, trial.outcome, trial.reports.len()))
        .collect();
    let completed =
        |value: f64| format!("Some(Completed {{ values: {{\"value\": {value:?}}} }}) 0");
    assert_eq!(told, [format!("x=0.25 {}", completed(0.5)), format!("x=0.5 {}", completed(0.125))]);
}

#[test]
fn trials_that_ran_beside_each_other_keep_their_times() {
    let study = one(&[
        created("a"),
        begun(0, "01:00:00"),
        begun(0, "01:00:01"),
        ended(1, "01:00:02", 1.0),
        ended(0, "09:00:00", 1.0),
    ]);
    let ran = |trial: &Trial| trial.finished_at.map(|end| (trial.created_at, end));
    let times: Vec<_> = study.trials().iter().filter_map(ran).collect();
    let at =
        |hour: i64, second: i64| Timestamp(1_795_737_600_000 + (hour * 3_600 + second) * 1_000);
    assert_eq!(times, [(at(1, 0), at(9, 0)), (at(1, 1), at(1, 2))]);
}

#[test]
fn attributes_that_have_no_place_are_named() {
    let mut trial = begun(0, "01:00:00");
    trial["state"] = json!(1);
    trial["values"] = json!([1.0]);
    trial["system_attrs"] = json!({ "constraints": [0.5], "fixed_params": {} });
    trial["user_attrs"] = json!({ "who": "me" });
    let many: BTreeMap<String, u32> =
        (0..11).map(|index| (format!("p{index:02}"), index)).collect();
    let study = json!({ "op_code": 3, "study_id": 0, "system_attr": many });
    let mut pruned = begun(0, "01:00:00");
    pruned["state"] = json!(2);
    pruned["values"] = json!([3.0]);
    let text = journal_of(&[created("a"), study, trial, pruned]);
    let imported = import(&read_journal(&text).expect("readable")[0], "a").expect("a log");
    assert_eq!(
        imported.notes,
        [
            "system attributes of the study are left out: `p00`, `p01`, `p02`, `p03`, `p04`, `p05`, `p06`, `p07`, 3 more",
            "system attributes of trials are left out: `constraints`",
            "user attributes of trials are left out: `who`",
            "values of trials that were not completed are left out",
        ]
    );
}

#[test]
fn what_waits_has_what_it_was_given_or_is_refused() {
    let waiting = |fixed: Json, params: Json| {
        let mut trial = begun(0, "01:00:00");
        trial["state"] = json!(4);
        trial["system_attrs"] = json!({ "fixed_params": fixed });
        trial["distributions"] = json!({ "x": suggested(0, "Float", 0.5)["distribution"] });
        trial["params"] = params;
        journal_of(&[created("a"), trial])
    };
    let read = |text: &str| import(&read_journal(text).expect("readable")[0], "a");
    let given = read(&waiting(json!({}), json!({ "x": 0.5 }))).expect("a log");
    let enqueued = given.events.iter().find_map(|event| match &event.fact {
        Fact::TrialEnqueued { params, .. } => Some(params.to_string()),
        _ => None,
    });
    assert_eq!(enqueued.as_deref(), Some("x=0.5"));
    let error = read(&waiting(json!([1]), json!({ "x": 0.5 }))).expect_err("a list");
    assert!(matches!(error, ImportError::Fixed { trial: 0, .. }), "{error}");
}

#[test]
fn a_last_line_counts_when_it_has_its_end() {
    let whole = journal_of(&[created("a"), begun(0, "01:00:00")]);
    let trials =
        |text: &str| kept(&read_journal(text).expect("as Optuna has it")[0]).trials().len();
    assert_eq!(trials(&whole), 1);
    assert_eq!(trials(whole.trim_end()), 0);
    assert_eq!(trials(&format!("{whole}{{\"op_code\n")), 1);
}
