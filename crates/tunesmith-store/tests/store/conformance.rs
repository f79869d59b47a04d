//! What every storage must do, run on each of them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use crate::search::{Search, config};
use tempfile::TempDir;
use tunesmith_core::{
    AppendError, Budget, CreateError, DeleteError, Event, Fact, ReadError, Revision, Storage,
    Stream, Study, StudyId, Timestamp, TrialState, Writer, load,
};
use tunesmith_store::{Memory, Sqlite, sqlite::Durability, sqlite::Presence};

/// A storage, and the directory that it is in.
struct Place {
    storage: Box<dyn Storage>,
    _directory: Option<TempDir>,
}

fn memory() -> Place {
    Place { storage: Box::new(Memory::new()), _directory: None }
}

fn sqlite(durability: Durability) -> Place {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("study.db");
    let storage =
        Sqlite::open(&path, Presence::CreateIfMissing, durability).expect("a new database");
    Place { storage: Box::new(storage), _directory: Some(directory) }
}

/// Runs a check on a server of its own, where there is one.
#[cfg(unix)]
fn in_postgres(check: fn(&dyn Storage)) {
    let Some(server) = crate::server::Server::start() else { return };
    let storage = tunesmith_store::Postgres::open(&server.database(), Presence::CreateIfMissing);
    check(&storage.expect("a new database"));
}

/// Runs a check on a memory behind a server.
fn behind_a_server(check: fn(&dyn Storage)) {
    let server = crate::behind::Behind::start(Arc::new(Memory::new()));
    check(&server.storage());
}

/// Each check on each storage, as a test of its own.
macro_rules! conformance {
    ($($check:ident),+ $(,)?) => {
        mod behind_a_server { $(#[test] fn $check() { super::behind_a_server(super::$check); })+ }
        mod in_memory { $(#[test] fn $check() { super::$check(&*super::memory().storage); })+ }
        #[cfg(unix)]
        mod in_postgres { $(#[test] fn $check() { super::in_postgres(super::$check); })+ }
        mod in_sqlite_full { $(#[test] fn $check() { super::$check(&*super::sqlite(super::Durability::Full).storage); })+ }
        mod in_sqlite_normal { $(#[test] fn $check() { super::$check(&*super::sqlite(super::Durability::Normal).storage); })+ }
    };
}

conformance!(
    a_new_study_has_its_first_event,
    a_name_is_taken_once,
    events_come_back_whole_and_in_order,
    a_log_is_read_in_pages,
    a_conflict_writes_nothing,
    a_gap_is_a_conflict,
    an_append_made_twice_is_made_once,
    an_append_that_is_partly_there_is_a_conflict,
    studies_do_not_mix,
    unknown_studies_are_refused,
    a_deleted_study_is_gone_and_its_key_is_not_used_again,
    threads_race_for_a_stream,
    threads_share_a_search,
);

const AT: Timestamp = Timestamp(1_000);

fn writer() -> Writer {
    Writer::new("host/boot/1/2")
}

fn create(storage: &dyn Storage, name: &str) -> StudyId {
    storage.create(&config(name), &writer(), AT).expect("a study is created")
}

/// An event that any log can hold; what it says does not matter to a storage.
fn event(stream: Stream, seq: u32, by: &str) -> Event {
    Event { stream, seq, at: AT, by: Writer::new(by), fact: Fact::StudyPaused }
}

fn all(storage: &dyn Storage, id: StudyId) -> Vec<Event> {
    storage.read(id, Revision(0), u32::MAX).expect("the log is read")
}

fn a_new_study_has_its_first_event(storage: &dyn Storage) {
    let id = create(storage, "one");
    assert_eq!(all(storage, id), [Study::created(&config("one"), &writer(), AT)]);
    let headers = storage.studies().expect("the list");
    assert_eq!(headers.len(), 1);
    assert_eq!((headers[0].id, headers[0].name.as_str()), (id, "one"));
    assert_eq!((headers[0].created_at, headers[0].revision), (AT, Revision(1)));
}

fn a_name_is_taken_once(storage: &dyn Storage) {
    create(storage, "one");
    let refusal = storage.create(&config("one"), &writer(), AT);
    assert!(
        matches!(&refusal, Err(CreateError::NameTaken { name }) if name == "one"),
        "{refusal:?}"
    );
    create(storage, "One");
    let names: Vec<String> =
        storage.studies().expect("the list").into_iter().map(|header| header.name).collect();
    assert_eq!(names, ["one", "One"]);
}

fn events_come_back_whole_and_in_order(storage: &dyn Storage) {
    let mut config = config("one");
    config.budget = Budget { trials: Some(4), ..Budget::default() };
    let id = storage.create(&config, &writer(), AT).expect("a study is created");
    let mut written = vec![Study::created(&config, &writer(), AT)];
    let mut record = |events: &[Event]| written.extend_from_slice(events);
    let mut search = Search::resume(storage, id, "host/boot/3/4", &mut record);
    search.ask_and_release();
    search.run();
    let read = all(storage, id);
    assert_eq!(read, written);
    let study = Study::fold(&read).expect("the log folds");
    assert_eq!(study.count(TrialState::Completed), 4);
    assert_eq!(storage.studies().expect("the list")[0].revision, Revision(read.len() as u64));
}

fn a_log_is_read_in_pages(storage: &dyn Storage) {
    let id = create(storage, "one");
    for seq in 1..10 {
        storage.append(id, &[event(Stream::Study, seq, "a")]).expect("it is the next");
    }
    let whole = all(storage, id);
    assert_eq!(whole.len(), 10);
    for after in 0..=10 {
        for limit in [0, 1, 3, 100] {
            let page = storage.read(id, Revision(after), limit).expect("a page");
            let end = (after as usize + limit as usize).min(10);
            assert_eq!(page, whole[after as usize..end], "after {after}, limit {limit}");
        }
    }
    assert_eq!(storage.read(id, Revision(u64::MAX), 1).expect("beyond the end is empty"), []);
}

fn a_conflict_writes_nothing(storage: &dyn Storage) {
    let id = create(storage, "one");
    storage.append(id, &[event(Stream::Trial(0), 0, "a")]).expect("it is the first");
    let before = all(storage, id);
    let batch = [event(Stream::Study, 1, "b"), event(Stream::Trial(0), 0, "b")];
    let refusal = storage.append(id, &batch);
    let is_conflict = |refusal: &Result<Revision, AppendError>| {
        matches!(refusal, Err(AppendError::Conflict { stream: Stream::Trial(0), seq: 0 }))
    };
    assert!(is_conflict(&refusal), "{refusal:?}");
    assert_eq!(all(storage, id), before);
    storage
        .append(id, &[event(Stream::Study, 1, "b"), event(Stream::Trial(0), 1, "b")])
        .expect("decided again, it fits");
}

fn a_gap_is_a_conflict(storage: &dyn Storage) {
    let id = create(storage, "one");
    for (stream, seq) in [(Stream::Study, 2), (Stream::Trial(0), 1), (Stream::Trial(7), 3)] {
        let refusal = storage.append(id, &[event(stream, seq, "a")]);
        assert!(
            matches!(refusal, Err(AppendError::Conflict { .. })),
            "{stream}/{seq}: {refusal:?}"
        );
    }
    let twice = [event(Stream::Trial(0), 0, "a"), event(Stream::Trial(0), 0, "a")];
    assert!(storage.append(id, &twice).is_err());
    assert_eq!(all(storage, id).len(), 1);
}

fn an_append_made_twice_is_made_once(storage: &dyn Storage) {
    let id = create(storage, "one");
    let batch = [event(Stream::Trial(0), 0, "a"), event(Stream::Trial(0), 1, "a")];
    assert_eq!(storage.append(id, &batch).expect("the first time"), Revision(3));
    assert_eq!(storage.append(id, &batch).expect("a retry"), Revision(3));
    storage.append(id, &[event(Stream::Trial(1), 0, "b")]).expect("another's");
    assert_eq!(storage.append(id, &batch).expect("a late retry"), Revision(3));
    assert_eq!(all(storage, id).len(), 4);
    let anothers = [event(Stream::Trial(0), 0, "b"), event(Stream::Trial(0), 1, "b")];
    assert!(storage.append(id, &anothers).is_err(), "the same from another writer is no retry");
    assert_eq!(storage.append(id, &[]).expect("nothing to write"), Revision(4));
}

fn an_append_that_is_partly_there_is_a_conflict(storage: &dyn Storage) {
    let id = create(storage, "one");
    storage.append(id, &[event(Stream::Trial(0), 0, "a")]).expect("it is the first");
    let batch = [event(Stream::Trial(0), 0, "a"), event(Stream::Trial(0), 1, "a")];
    let refusal = storage.append(id, &batch);
    assert!(matches!(refusal, Err(AppendError::Conflict { seq: 0, .. })), "{refusal:?}");
    assert_eq!(all(storage, id).len(), 2);
}

fn studies_do_not_mix(storage: &dyn Storage) {
    let (one, two) = (create(storage, "one"), create(storage, "two"));
    for id in [one, two, one] {
        let seq = all(storage, id).len() as u32;
        let revision = storage
            .append(id, &[event(Stream::Study, seq, "a")])
            .expect("it is the next of its study");
        assert_eq!(revision, Revision(u64::from(seq) + 1));
    }
    assert_eq!((all(storage, one).len(), all(storage, two).len()), (3, 2));
}

fn unknown_studies_are_refused(storage: &dyn Storage) {
    let none = StudyId(77);
    assert!(
        matches!(storage.read(none, Revision(0), 1), Err(ReadError::NoSuchStudy { study }) if study == none)
    );
    let append = storage.append(none, &[event(Stream::Study, 0, "a")]);
    assert!(matches!(append, Err(AppendError::NoSuchStudy { study }) if study == none));
    assert!(
        matches!(storage.delete(none), Err(DeleteError::NoSuchStudy { study }) if study == none)
    );
}

fn a_deleted_study_is_gone_and_its_key_is_not_used_again(storage: &dyn Storage) {
    let (one, two) = (create(storage, "one"), create(storage, "two"));
    storage.delete(two).expect("it is there");
    assert!(matches!(storage.read(two, Revision(0), 1), Err(ReadError::NoSuchStudy { .. })));
    let again = create(storage, "two");
    assert!(again != one && again != two, "{again:?}");
    assert_eq!(all(storage, again).len(), 1);
    assert_eq!(all(storage, one).len(), 1);
}

/// Every seq of a stream is won by one thread.
fn threads_race_for_a_stream(storage: &dyn Storage) {
    const ROUNDS: u32 = 50;
    let id = create(storage, "one");
    let wins: Vec<BTreeSet<u32>> = std::thread::scope(|scope| {
        let race = |name: &'static str| {
            let won =
                move |seq: &u32| storage.append(id, &[event(Stream::Trial(0), *seq, name)]).is_ok();
            scope.spawn(move || {
                let mut wins = BTreeSet::new();
                for seq in 0..ROUNDS {
                    // A loser's next seq may still be a gap: it waits for nobody, it only tries until somebody has won.
                    while all(storage, id).len() <= seq as usize + 1 {
                        wins.extend(Some(seq).filter(won));
                    }
                }
                wins
            })
        };
        let threads = [race("a"), race("b")];
        threads.map(|thread| thread.join().expect("a racer does not panic")).into()
    });
    assert_eq!(all(storage, id).len(), ROUNDS as usize + 1);
    let written_by = |name: &str| -> BTreeSet<u32> {
        all(storage, id)
            .into_iter()
            .filter(|event| event.by.as_str() == name)
            .map(|event| event.seq)
            .collect()
    };
    assert_eq!(wins, [written_by("a"), written_by("b")]);
    assert_eq!(wins[0].len() + wins[1].len(), ROUNDS as usize);
}

/// Two workers finish a search together; no trial is run by both.
fn threads_share_a_search(storage: &dyn Storage) {
    const TRIALS: u32 = 24;
    let mut config = config("one");
    config.budget = Budget { trials: Some(TRIALS), ..Budget::default() };
    let id = storage.create(&config, &writer(), AT).expect("a study is created");
    let ended = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for name in ["a", "b"] {
            let ended = &ended;
            scope.spawn(move || {
                let mut record = |events: &[Event]| {
                    let ends = events
                        .iter()
                        .filter(|event| matches!(event.fact, Fact::TrialCompleted { .. }));
                    ended.lock().expect("no panic").extend(ends.map(|event| event.stream));
                };
                Search::resume(storage, id, name, &mut record).run();
            });
        }
    });
    let mut ended = ended.into_inner().expect("no panic");
    ended.sort();
    assert_eq!(ended, (0..TRIALS).map(Stream::Trial).collect::<Vec<_>>());
    assert_eq!(
        load(storage, id).expect("the log folds").count(TrialState::Completed),
        TRIALS as usize
    );
}
