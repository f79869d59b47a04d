//! A tunesmith server of a test's own, on a port that the system chooses, gone with the test; and what only a storage
//! behind one can suffer.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use tunesmith_core::{
    Budget, CreateError, DeleteError, Revision, Storage, StudyConfig, StudyId, Timestamp, Writer,
};
use tunesmith_server::{Scope, Surroundings, Tokens, serve};
use tunesmith_store::Memory;
use tunesmith_store::http::{Http, OpenError};

use crate::search::{Search, config};

/// Trials of a shared search.
const TRIALS: u32 = 24;

/// A running server.
pub(crate) struct Behind {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    serving: Option<JoinHandle<()>>,
    writer: String,
    reader: String,
}

impl Behind {
    /// Serves a storage.
    pub(crate) fn start(storage: Arc<dyn Storage>) -> Self {
        Self::at("127.0.0.1:0".parse().expect("an address"), storage)
    }

    fn at(address: SocketAddr, storage: Arc<dyn Storage>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens");
        let writer = Tokens::add(&path, "agents", Scope::Write).expect("added");
        let reader = Tokens::add(&path, "people", Scope::Read).expect("added");
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let surroundings = Surroundings {
            storage,
            policies: Arc::new(|config: &StudyConfig| {
                tunesmith_search::policy(config).map_err(Into::into)
            }),
            tokens: Some(Arc::new(Tokens::load(&path).expect("just written"))),
            writer: Writer::new("server"),
            now: || Timestamp(5_000),
        };
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let serving =
            std::thread::spawn(move || serve(listener, surroundings, &asked).expect("it serves"));
        Self { address, stop, serving: Some(serving), writer, reader }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its storage, to look and to change.
    pub(crate) fn storage(&self) -> Http {
        Http::with_token(&self.url(), Some(self.writer.clone())).expect("it answers")
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(serving) = self.serving.take() {
            drop(serving.join());
        }
    }
}

fn created(storage: &dyn Storage, name: &str) -> StudyId {
    storage.create(&config(name), &Writer::new("a"), Timestamp(1)).expect("new")
}

#[test]
fn who_has_no_token_or_one_for_reading_changes_nothing() {
    let server = Behind::start(Arc::new(Memory::new()));
    for token in [None, Some("tunesmith_wrong".to_owned())] {
        let error = Http::with_token(&server.url(), token).expect_err("no token");
        assert!(matches!(error, OpenError::Refused { .. }));
        assert!(error.to_string().contains("TUNESMITH_TOKEN"), "{error}");
    }
    let study = created(&server.storage(), "one");
    let reading = Http::with_token(&server.url(), Some(server.reader.clone())).expect("it reads");
    assert_eq!(reading.read(study, Revision(0), 10).expect("readable").len(), 1);
    let error = reading.delete(study).expect_err("it reads only").to_string();
    assert!(error.contains("scope `write`"), "{error}");
}

#[test]
fn a_server_that_comes_back_is_waited_for_and_loses_nothing() {
    let memory: Arc<dyn Storage> = Arc::new(Memory::new());
    let server = Behind::start(Arc::clone(&memory));
    let (address, storage) = (server.address, server.storage());
    let study = created(&storage, "one");
    drop(server);
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| storage.read(study, Revision(0), 10));
        // Tokens are others now; the answer is a refusal, and no longer silence.
        let back = Behind::at(address, memory);
        let error = reading.join().expect("it ends").expect_err("its token is not known");
        assert!(error.to_string().contains("TUNESMITH_TOKEN"), "{error}");
        assert_eq!(back.storage().read(study, Revision(0), 10).expect("readable").len(), 1);
    });
}

#[test]
fn what_is_no_server_of_ours_is_told_apart() {
    let error = Http::with_token("http://token@host:1", None).expect_err("a token in the address");
    assert!(matches!(error, OpenError::Address { .. }));
    assert!(!error.to_string().contains("token@"), "{error}");
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = closed.local_addr().expect("bound");
    drop(closed);
    let error = Http::with_token(&format!("http://{address}/"), None).expect_err("nobody");
    assert!(matches!(error, OpenError::Away { .. }));
    assert!(error.to_string().contains("is `tunesmith serve` running there?"), "{error}");
}

#[test]
fn workers_behind_servers_share_a_search_with_one_that_is_not() {
    let memory = Arc::new(Memory::new());
    let server = Behind::start(memory.clone());
    let mut config = config("shared");
    config.budget = Budget { trials: Some(TRIALS), ..Budget::default() };
    let study = memory.create(&config, &Writer::new("a"), Timestamp(1)).expect("new");
    std::thread::scope(|scope| {
        for worker in 0..3 {
            let (server, memory) = (&server, &memory);
            scope.spawn(move || {
                let near: &dyn Storage = &**memory;
                let far = server.storage();
                let storage = if worker == 0 { near } else { &far };
                let name = format!("host/boot/{worker}/0");
                Search::resume(storage, study, &name, &mut |_| {}).run();
            });
        }
    });
    let loaded = tunesmith_core::load(&*memory, study).expect("whole");
    assert_eq!(loaded.trials().len() as u32, TRIALS);
    assert!(loaded.trials().iter().all(|trial| trial.leases == 1 && trial.is_finished()));
}

/// Between a client and a server: where it is told to, it lets a request through and loses the answer.
struct Relay {
    address: SocketAddr,
    loses: Arc<AtomicBool>,
}

impl Relay {
    fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let loses = Arc::new(AtomicBool::new(false));
        let lost = Arc::clone(&loses);
        // It ends with the test's process.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(server).expect("it listens");
                let (mut asks, mut asked) =
                    (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
                std::thread::spawn(move || std::io::copy(&mut asks, &mut asked));
                let lost = Arc::clone(&lost);
                std::thread::spawn(move || answer(server, client, &lost));
            }
        });
        Self { address, loses }
    }
}

fn answer(mut server: TcpStream, mut client: TcpStream, lost: &AtomicBool) {
    let mut bytes = [0; 8_192];
    while let Ok(count) = server.read(&mut bytes) {
        if count == 0 || lost.swap(false, Ordering::SeqCst) {
            break;
        }
        if client.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    drop(client.shutdown(Shutdown::Both));
}

#[test]
fn what_was_done_before_its_answer_was_lost_is_done_once_and_no_error() {
    let server = Behind::start(Arc::new(Memory::new()));
    let relay = Relay::to(server.address);
    let far = Http::with_token(&format!("http://{}", relay.address), Some(server.writer.clone()));
    let far = far.expect("it answers");
    relay.loses.store(true, Ordering::SeqCst);
    let study = created(&far, "one");
    assert!(!relay.loses.load(Ordering::SeqCst), "nothing was lost");
    assert_eq!(server.storage().studies().expect("readable").len(), 1);
    let other = far.create(&config("one"), &Writer::new("b"), Timestamp(2));
    assert!(matches!(other, Err(CreateError::NameTaken { name }) if name == "one"));
    relay.loses.store(true, Ordering::SeqCst);
    far.delete(study).expect("it is gone, if by the first of two requests");
    assert!(!relay.loses.load(Ordering::SeqCst), "nothing was lost");
    assert!(matches!(far.delete(study), Err(DeleteError::NoSuchStudy { .. })));
}
