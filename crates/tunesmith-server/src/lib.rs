//! The HTTP API: a storage for agents that may not reach the database, what people and programs ask of a study, and the
//! dashboard that asks it in a browser. The only room with an asynchronous runtime.
//!
//! Refuses to run anything: no path and no command that comes over the network is opened or executed here. A study that
//! is created over HTTP is a line of the log. Refuses to decide anything too: commands go through the core's `decide`,
//! events into the storage as they come.

mod api;
mod gate;
mod limits;
mod pages;
mod problem;
mod tokens;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::serve::ListenerExt;
use tunesmith_core::{BackendError, Policy, Storage, StudyConfig, Timestamp, Writer};

pub use api::description;
pub use pages::report_page;
pub use tokens::{AddError, Kept, LoadError, RemoveError, Scope, Tokens};

/// How often a running server looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);
/// How long answers that are under way may take after that.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Finds a study's policy by its configuration.
pub type Policies = dyn Fn(&StudyConfig) -> Result<Policy, BackendError> + Send + Sync;

/// What a server works with.
#[derive(Clone)]
pub struct Surroundings {
    /// Where the logs are.
    pub storage: Arc<dyn Storage>,
    /// Who proposes and judges, as commands need it.
    pub policies: Arc<Policies>,
    /// Who may do what; on a loopback address everybody may do everything where there are none.
    pub tokens: Option<Arc<Tokens>>,
    /// As whom the server writes what people command.
    pub writer: Writer,
    /// What time it is.
    pub now: fn() -> Timestamp,
}

/// Why nothing was served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Anybody who reaches the address could change every study.
    #[error(
        "{address} can be reached from other machines, and there are no tokens; make one with `tunesmith token add NAME` \
         and give its file with --tokens, or listen on 127.0.0.1"
    )]
    Open {
        /// Where it was to listen.
        address: SocketAddr,
    },
    /// The operating system refuses.
    #[error("cannot serve: {0}")]
    Io(#[from] io::Error),
}

/// Serves until `stop` is true.
///
/// # Errors
/// [`ServeError::Open`] without tokens on an address that is not the machine's own; what the operating system refuses.
pub fn serve(
    listener: TcpListener,
    surroundings: Surroundings,
    stop: &Arc<AtomicBool>,
) -> Result<(), ServeError> {
    let address = listener.local_addr()?;
    if surroundings.tokens.is_none() && !address.ip().is_loopback() {
        return Err(ServeError::Open { address });
    }
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(run(listener, surroundings, Arc::clone(stop)));
    // A storage that waits for its database must not keep the process.
    runtime.shutdown_timeout(LAST_WORDS);
    Ok(served?)
}

async fn run(
    listener: TcpListener,
    surroundings: Surroundings,
    stop: Arc<AtomicBool>,
) -> io::Result<()> {
    // A request is written at once, however short: with Nagle's algorithm an append takes 40 ms.
    let listener = tokio::net::TcpListener::from_std(listener)?.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let state = api::State::new(surroundings, Arc::clone(&stop));
    let routes = api::routes(state).into_make_service_with_connect_info::<SocketAddr>();
    let asked = stopped(Arc::clone(&stop));
    let serving = axum::serve(listener, routes).with_graceful_shutdown(asked).into_future();
    tokio::pin!(serving);
    tokio::select! {
        served = &mut serving => served,
        // Whoever listens to events would listen on.
        () = stopped(stop) => tokio::time::timeout(LAST_WORDS, serving).await.unwrap_or(Ok(())),
    }
}

async fn stopped(stop: Arc<AtomicBool>) {
    let mut look = tokio::time::interval(LOOK);
    while !stop.load(Ordering::SeqCst) {
        look.tick().await;
    }
}
