//! Damaged journals and databases of Optuna's and damaged events, as they come over HTTP and out of databases.

use tunesmith_core::{Budget, Revision, Storage, Study, Timestamp, Writer, wire};
use tunesmith_store::Memory;
use tunesmith_store::optuna::{ForeignStudy, import, read, read_journal};

use crate::mutations::survive;
use crate::search::{Search, config};

#[test]
fn a_damaged_journal_is_refused_or_becomes_a_study() {
    let journal = include_bytes!("golden/optuna.journal").to_vec();
    let lines: Vec<&[u8]> = journal.split(|byte| *byte == b'\n').collect();
    let begun = lines[..20].join(&b'\n');
    survive(&[journal, begun], |input| {
        if let Ok(studies) = read_journal(&String::from_utf8_lossy(input)) {
            studies.iter().for_each(becomes_a_study_or_not);
        }
    });
}

#[test]
fn a_damaged_database_is_refused_or_becomes_studies() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("optuna.db");
    let read_and_import = || {
        if let Ok(studies) = read(&path) {
            studies.iter().for_each(becomes_a_study_or_not);
        }
    };
    let dump = include_str!("golden/optuna.sql");
    // What its tables hold is damaged, as far as SQLite takes it.
    survive(&[dump.as_bytes().to_vec()], |input| {
        drop(std::fs::remove_file(&path));
        let database = rusqlite::Connection::open(&path).expect("a database");
        let settings =
            "PRAGMA foreign_keys = 0; PRAGMA synchronous = 0; PRAGMA journal_mode = MEMORY";
        database.execute_batch(settings).expect("settings");
        let sql = String::from_utf8_lossy(input);
        for line in sql.replace("BEGIN TRANSACTION;", "BEGIN;").split_inclusive(";\n") {
            drop(database.execute_batch(line));
        }
        drop(database.execute_batch("COMMIT"));
        drop(database);
        read_and_import();
    });
    // The file itself is damaged.
    drop(std::fs::remove_file(&path));
    let database = rusqlite::Connection::open(&path).expect("a database");
    database.execute_batch("PRAGMA foreign_keys = 0; PRAGMA page_size = 512").expect("settings");
    database.execute_batch(dump).expect("Optuna's own SQL");
    drop(database);
    survive(&[std::fs::read(&path).expect("a file")], |input| {
        std::fs::write(&path, input).expect("written");
        read_and_import();
    });
}

fn becomes_a_study_or_not(foreign: &ForeignStudy) {
    if let Ok(imported) = import(foreign, &foreign.name) {
        let created = Study::created(&imported.config, &Writer::new("test"), Timestamp(1));
        let log = std::iter::once(&created).chain(&imported.events);
        Study::fold(log).expect("what is imported folds");
        for event in &imported.events {
            let line = wire::event_to_json(event);
            assert_eq!(wire::event_from_json(&line).expect("our own line"), *event);
        }
    }
}

#[test]
fn a_damaged_event_is_refused_or_says_the_same_when_it_is_written_again() {
    let storage = Memory::new();
    let mut config = config("damage");
    config.budget = Budget { trials: Some(3), ..Budget::default() };
    let id = storage.create(&config, &Writer::new("a"), Timestamp(1)).expect("new");
    let mut search_of = |_: &[_]| {};
    let mut search = Search::resume(&storage, id, "host/boot/1/1", &mut search_of);
    search.ask_and_release();
    search.run();
    let log = storage.read(id, Revision(0), u32::MAX).expect("readable");
    let corpus: Vec<Vec<u8>> =
        log.iter().map(|event| wire::event_to_json(event).into_bytes()).collect();
    survive(&corpus, |input| {
        let Ok(event) = wire::event_from_json(&String::from_utf8_lossy(input)) else { return };
        let line = wire::event_to_json(&event);
        let again = wire::event_from_json(&line).expect("our own line");
        assert_eq!(wire::event_to_json(&again), line);
        // A log that begins with it is refused or folds.
        drop(Study::fold([&event]));
    });
}
