//! What only a test inside can bring about: a database without room.

use tunesmith_core::{
    AppendError, CreateError, Domain, Event, Fact, Goal, Metric, Parameter, Revision, SearchSpace,
    Storage, Stream, StudyConfig, Timestamp, Writer,
};

use super::{Durability, Presence, Sqlite};

fn config(name: &str) -> StudyConfig {
    let space =
        SearchSpace::new(vec![Parameter::new("x", Domain::float(0.0, 1.0))]).expect("a space");
    StudyConfig::new(name, space, Metric::new("loss", Goal::Minimize))
}

#[test]
fn a_full_disk_refuses_what_is_new_and_keeps_what_was_there() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("study.db");
    let storage =
        Sqlite::open(&path, Presence::CreateIfMissing, Durability::Full).expect("a new database");
    let id = storage.create(&config("one"), &Writer::new("a"), Timestamp(1)).expect("a study");
    // SQLite's own limit on a file's size gives the error that a full disk gives.
    storage.lock().pragma_update(None, "max_page_count", 12).expect("a limit");

    let event = |seq| Event {
        stream: Stream::Study,
        seq,
        at: Timestamp(2),
        by: Writer::new("a"),
        fact: Fact::StudyPaused,
    };
    let mut kept = 1;
    let error = loop {
        let batch: Vec<Event> = (kept..kept + 50).map(event).collect();
        match storage.append(id, &batch) {
            Ok(_) => kept += 50,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, AppendError::Full(_)), "{error:?}");
    assert!(error.to_string().contains("free some space"), "{error}");
    assert_eq!(storage.read(id, Revision(0), u32::MAX).expect("the log").len(), kept as usize);

    let mut name = String::new();
    let error = loop {
        name.push_str("a longer name still, ");
        match storage.create(&config(&name.repeat(20)), &Writer::new("a"), Timestamp(1)) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error, CreateError::Full(_)), "{error:?}");
}
