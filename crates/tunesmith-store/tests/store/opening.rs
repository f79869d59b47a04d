//! Databases that are not there, not ours, from the future, damaged, or without room: each says so, and what to do.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;
use tunesmith_core::{
    Command, Domain, Event, Fact, Goal, Metric, Parameter, Revision, SearchSpace, Storage, Stream,
    StudyConfig, Timestamp, Writer,
};
use tunesmith_store::sqlite::{Durability, OpenError, Presence, SCHEMA_VERSION};
use tunesmith_store::{Location, Sqlite, open};

fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("study.db");
    (directory, path)
}

fn attempt(path: &Path, presence: Presence) -> Result<Sqlite, OpenError> {
    Sqlite::open(path, presence, Durability::Full)
}

fn refusal(path: &Path, presence: Presence) -> OpenError {
    match attempt(path, presence) {
        Ok(_) => panic!("{} opens", path.display()),
        Err(error) => error,
    }
}

fn config() -> StudyConfig {
    let space =
        SearchSpace::new(vec![Parameter::new("x", Domain::float(0.0, 1.0))]).expect("a space");
    StudyConfig::new("one", space, Metric::new("loss", Goal::Minimize))
}

#[test]
fn a_database_is_made_once_and_opened_again() {
    let (_directory, path) = place();
    let id = {
        let storage = attempt(&path, Presence::CreateIfMissing).expect("a new database");
        storage.create(&config(), &Writer::new("a"), Timestamp(1)).expect("a study")
    };
    for presence in [Presence::CreateIfMissing, Presence::Existing] {
        let storage = attempt(&path, presence).expect("the same database");
        assert_eq!(storage.read(id, Revision(0), 10).expect("its log").len(), 1);
    }
    let location: Location =
        path.to_str().expect("a path of text").parse().expect("a path is an address");
    let storage = open(&location, Presence::Existing, Durability::Normal).expect("by its address");
    assert_eq!(storage.studies().expect("the list").len(), 1);
}

#[test]
fn a_database_may_be_made_by_several_at_once() {
    for _ in 0..20 {
        let (_directory, path) = place();
        std::thread::scope(|scope| {
            let make = |name: &'static str| {
                let path = &path;
                scope.spawn(move || {
                    let storage =
                        attempt(path, Presence::CreateIfMissing).expect("it is made or opened");
                    storage
                        .create(
                            &StudyConfig { name: name.into(), ..config() },
                            &Writer::new(name),
                            Timestamp(1),
                        )
                        .expect("a study");
                })
            };
            for thread in [make("a"), make("b"), make("c")] {
                thread.join().expect("no panic");
            }
        });
        assert_eq!(
            attempt(&path, Presence::Existing)
                .expect("it is there")
                .studies()
                .expect("the list")
                .len(),
            3
        );
    }
}

#[test]
fn what_is_missing_is_not_made_by_looking() {
    let (directory, path) = place();
    let error = refusal(&path, Presence::Existing);
    assert!(matches!(error, OpenError::Missing { .. }), "{error:?}");
    assert!(error.to_string().contains("run a study first"), "{error}");
    assert_eq!(fs::read_dir(directory.path()).expect("the directory").count(), 0);
}

#[test]
fn a_missing_directory_is_named() {
    let (directory, _) = place();
    let error = refusal(&directory.path().join("none/study.db"), Presence::CreateIfMissing);
    assert!(matches!(error, OpenError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("none/study.db"), "{error}");
}

#[test]
fn a_database_from_a_newer_version_is_left_alone() {
    let (_directory, path) = place();
    drop(attempt(&path, Presence::CreateIfMissing).expect("a new database"));
    let newer = SCHEMA_VERSION + 1;
    Connection::open(&path)
        .expect("it opens")
        .pragma_update(None, "user_version", newer)
        .expect("it is written");
    let before = fs::read(&path).expect("its bytes");
    let error = refusal(&path, Presence::CreateIfMissing);
    assert!(
        matches!(error, OpenError::Newer { found, known: SCHEMA_VERSION, .. } if found == newer),
        "{error:?}"
    );
    let words = error.to_string();
    assert!(
        words.contains(&format!("version {newer}")) && words.contains("update tunesmith"),
        "{words}"
    );
    assert!(words.contains(&format!("up to {SCHEMA_VERSION}")), "{words}");
    assert!(fs::read(&path).expect("its bytes") == before);
}

/// Two versions on one log: the later one appends what the earlier one does not know.
#[test]
fn an_earlier_version_stops_at_an_event_of_a_later_one_and_writes_nothing_after_it() {
    let (_directory, path) = place();
    let earlier = attempt(&path, Presence::CreateIfMissing).expect("a new database");
    let config = crate::search::config("both");
    let id = earlier.create(&config, &Writer::new("a"), Timestamp(1)).expect("new");
    let mut study = tunesmith_core::load(&earlier, id).expect("whole");
    let by = Writer::new("later");
    let (stream, at, fact) = (Stream::Study, Timestamp(2), Fact::StudyPaused);
    earlier.append(id, &[Event { stream, seq: 1, at, by, fact }]).expect("the next");
    let rows = || {
        let raw = Connection::open(&path).expect("it opens");
        let mut all = raw.prepare("SELECT event FROM events ORDER BY revision").expect("ours");
        let texts = all.query_map([], |row| row.get::<_, String>(0)).expect("readable");
        texts.collect::<Result<Vec<_>, _>>().expect("texts")
    };
    let changed = Connection::open(&path).expect("it opens").execute(
        "UPDATE events SET event = replace(event, '\"format\":1', '\"format\":2') WHERE revision = 2",
        [],
    );
    assert_eq!(changed.expect("written"), 1);
    let before = rows();
    assert!(before[1].contains("\"format\":2"), "{}", before[1]);
    let policy = tunesmith_search::policy(&config).expect("known methods");
    let (by, now) = (Writer::new("earlier"), Timestamp(3));
    let command = Command::Pause;
    let told = tunesmith_core::submit(&earlier, id, &mut study, &policy, &by, &command, now);
    let error = told.expect_err("it cannot know what it would write after").to_string();
    assert!(error.contains("event 2 of study 1 cannot be read"), "{error}");
    assert!(error.contains("use a newer tunesmith"), "{error}");
    assert_eq!(rows(), before);
}

#[test]
fn what_is_no_database_is_left_alone() {
    let (_directory, path) = place();
    let text = "name: rte\nmethod: grid\n".repeat(100);
    fs::write(&path, &text).expect("a text file");
    let error = refusal(&path, Presence::CreateIfMissing);
    assert!(matches!(error, OpenError::NotADatabase { .. }), "{error:?}");
    assert_eq!(fs::read_to_string(&path).expect("its text"), text);
}

#[test]
fn another_programs_database_is_left_alone() {
    let (_directory, path) = place();
    Connection::open(&path)
        .expect("it opens")
        .execute_batch("CREATE TABLE trials (id INTEGER)")
        .expect("a table");
    let before = fs::read(&path).expect("its bytes");
    let error = refusal(&path, Presence::CreateIfMissing);
    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
    assert!(fs::read(&path).expect("its bytes") == before);
}

#[test]
fn a_truncated_database_is_an_error_and_no_panic() {
    let (_directory, path) = place();
    drop(attempt(&path, Presence::CreateIfMissing).expect("a new database"));
    let whole = fs::read(&path).expect("its bytes");
    fs::write(&path, &whole[..whole.len() - 5000]).expect("its beginning");
    let seen =
        attempt(&path, Presence::Existing).map_err(|error| error.to_string()).and_then(|storage| {
            storage
                .create(&config(), &Writer::new("a"), Timestamp(1))
                .map_err(|error| error.to_string())
        });
    let words = seen.expect_err("half of the tables are gone");
    assert!(words.contains("restore it from a copy"), "{words}");
}
