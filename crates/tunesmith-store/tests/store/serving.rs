//! What only a database server can suffer: it goes away and comes back, it is another one, it is newer.

use std::sync::atomic::{AtomicBool, Ordering};

use tunesmith_core::{Event, Fact, Revision, Storage, Stream, Timestamp, Writer};
use tunesmith_store::postgres::{OpenError, Postgres};
use tunesmith_store::sqlite::Presence;

use crate::search::config;
use crate::server::Server;

/// Rounds of crashes.
const CRASHES: usize = 3;

fn event(seq: u32, by: &str) -> Event {
    let (stream, at, by) = (Stream::Study, Timestamp(2_000), Writer::new(by));
    let fact = if seq % 2 == 1 { Fact::StudyPaused } else { Fact::StudyResumed };
    Event { stream, seq, at, by, fact }
}

#[test]
fn a_server_that_crashes_loses_nothing_acknowledged() {
    let Some(server) = Server::start() else { return };
    let address = server.database();
    let storage = Postgres::open(&address, Presence::CreateIfMissing).expect("a new database");
    let study = storage.create(&config("crashes"), &Writer::new("a"), Timestamp(1)).expect("new");
    let over = AtomicBool::new(false);
    let acknowledged = std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut acknowledged = Vec::new();
            let mut seq = 1;
            while !over.load(Ordering::SeqCst) {
                let one = event(seq, "a");
                storage.append(study, std::slice::from_ref(&one)).expect("it comes back");
                acknowledged.push(one);
                seq += 1;
            }
            acknowledged
        });
        for _ in 0..CRASHES {
            let before = head(&address);
            // Something is written between two crashes.
            while head(&address) == before {
                std::thread::yield_now();
            }
            server.crash();
            server.up();
        }
        over.store(true, Ordering::SeqCst);
        writing.join().expect("the writer")
    });
    let log = storage.read(study, Revision(1), u32::MAX).expect("readable");
    assert_eq!(log, acknowledged);
}

fn head(address: &str) -> Revision {
    let storage = Postgres::open(address, Presence::Existing).expect("it is there");
    storage.studies().expect("readable")[0].revision
}

#[test]
fn databases_that_cannot_be_used_say_why() {
    let Some(server) = Server::start() else { return };
    let address = server.database();
    let refusal = |address: &str, presence| {
        Postgres::open(address, presence).expect_err("it must not open").to_string()
    };
    let empty = refusal(&address, Presence::Existing);
    assert!(empty.contains("run a study there first"), "{empty}");
    Postgres::open(&address, Presence::CreateIfMissing).expect("made");
    Postgres::open(&address, Presence::Existing).expect("there now");
    server.newer(&address);
    assert!(matches!(
        Postgres::open(&address, Presence::CreateIfMissing),
        Err(OpenError::Newer { found: 99, .. })
    ));
    let nowhere = refusal("postgres://somebody:secret@127.0.0.1:1/nothing", Presence::Existing);
    assert!(nowhere.contains("cannot connect") && !nowhere.contains("secret"), "{nowhere}");
    let unreadable = refusal("postgres://a:secret@b:port/c", Presence::Existing);
    assert!(unreadable.contains("postgres://a@b:port/c"), "{unreadable}");
    let tls = refusal("postgres://a@localhost/b?sslmode=require", Presence::Existing);
    assert!(tls.contains("without TLS"), "{tls}");
}
