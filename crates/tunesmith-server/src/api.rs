//! The endpoints, a file for each noun, and what they share. It refuses to hold a study for longer than a request needs
//! it: what is kept between requests is a copy that the log can give again.

mod commands;
mod description;
mod events;
mod log;
mod studies;
mod trials;
mod views;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::Notify;
use tunesmith_core::{Storage, Study, StudyId, wire::FORMAT};
use tunesmith_view::Album;

pub use description::description;

use crate::Surroundings;
use crate::gate;
use crate::limits::Limits;
use crate::pages;
use crate::problem::Problem;

/// The header in which both sides say which format of events they speak.
pub(crate) const VERSION_HEADER: HeaderName = HeaderName::from_static("tunesmith-format");
/// The largest request, bytes.
pub(crate) const MOST_BODY_BYTES: usize = 32 * 1024 * 1024;
/// Studies that are kept between requests.
const MOST_KEPT: usize = 16;

/// A study between requests, with the album of its log once somebody has looked; none while nobody has read it, or
/// after a fault.
type Kept = Arc<Mutex<Option<(Study, Album)>>>;

/// What all requests share.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) surroundings: Surroundings,
    pub(crate) limits: Arc<Limits>,
    pub(crate) stop: Arc<AtomicBool>,
    /// Something was appended through this server.
    pub(crate) appended: Arc<Notify>,
    /// Who listens to events.
    pub(crate) listeners: Arc<tokio::sync::Semaphore>,
    studies: Arc<Mutex<BTreeMap<StudyId, Kept>>>,
}

impl State {
    pub(crate) fn new(surroundings: Surroundings, stop: Arc<AtomicBool>) -> Self {
        Self {
            surroundings,
            limits: Arc::default(),
            stop,
            appended: Arc::default(),
            listeners: Arc::new(tokio::sync::Semaphore::new(events::MOST_LISTENERS)),
            studies: Arc::default(),
        }
    }

    /// Does something with the storage, where it may block.
    pub(crate) async fn with_storage<T: Send + 'static>(
        &self,
        act: impl FnOnce(&dyn Storage) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let storage = Arc::clone(&self.surroundings.storage);
        finish(tokio::task::spawn_blocking(move || act(&*storage)).await)
    }

    /// Does something with a study that is brought up to date.
    pub(crate) async fn with_study<T: Send + 'static>(
        &self,
        id: StudyId,
        act: impl FnOnce(&Surroundings, &mut Study) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let (surroundings, kept) = (self.surroundings.clone(), self.kept(id));
        let done = tokio::task::spawn_blocking(move || {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let storage = &*surroundings.storage;
            // Where something goes wrong on the way the copy is gone, and read again next time.
            let (mut study, album) = match kept.take() {
                Some((mut study, album)) => {
                    tunesmith_core::catch_up(storage, id, &mut study)?;
                    (study, album)
                }
                None => (tunesmith_core::load(storage, id)?, Album::default()),
            };
            let done = act(&surroundings, &mut study);
            *kept = Some((study, album));
            done
        });
        finish(done.await)
    }

    /// Looks at a study and its album, both brought up to date.
    pub(crate) async fn with_album<T: Send + 'static>(
        &self,
        id: StudyId,
        look: impl FnOnce(&Surroundings, &Study, &Album) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.with_study(id, |_, _| Ok(())).await?;
        let (surroundings, kept) = (self.surroundings.clone(), self.kept(id));
        let done = tokio::task::spawn_blocking(move || {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            let storage = &*surroundings.storage;
            let (study, mut album) = match kept.take() {
                Some(both) => both,
                None => (tunesmith_core::load(storage, id)?, Album::default()),
            };
            album.catch_up(storage, id, &study)?;
            let done = look(&surroundings, &study, &album);
            *kept = Some((study, album));
            done
        });
        finish(done.await)
    }

    fn kept(&self, id: StudyId) -> Kept {
        let mut studies = self.studies.lock().unwrap_or_else(PoisonError::into_inner);
        if studies.len() >= MOST_KEPT && !studies.contains_key(&id) {
            studies.clear();
        }
        Arc::clone(studies.entry(id).or_default())
    }

    /// A study is gone.
    pub(crate) fn forget(&self, id: StudyId) {
        self.studies.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

fn finish<T>(done: Result<Result<T, Problem>, tokio::task::JoinError>) -> Result<T, Problem> {
    let failed = |_| {
        let message = "this request met a fault of the server; please report it";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "fault", message)
    };
    done.map_err(failed)?
}

/// Every endpoint.
pub(crate) fn routes(state: State) -> Router {
    let study = Router::new()
        .route("/", get(studies::one).delete(log::delete))
        .route("/log", get(log::read).post(log::append))
        .route("/trials", get(trials::list))
        .route("/trials/{trial}", get(trials::one))
        .route("/trials/{trial}/page", get(views::page))
        .route("/picture", get(views::picture))
        .route("/curves", get(views::curves))
        .route("/commands", post(commands::command))
        .route("/events", get(events::listen));
    Router::new()
        .route("/healthz", get(health))
        .route("/api/v1/access", get(views::access))
        .route("/api/v1/openapi.json", get(async || axum::Json(description())))
        .route("/api/v1/studies", get(log::list).post(log::create))
        .nest("/api/v1/studies/{study}", study)
        .fallback(elsewhere)
        .method_not_allowed_fallback(nowhere)
        .layer(DefaultBodyLimit::max(MOST_BODY_BYTES))
        .layer(from_fn_with_state(state.clone(), gate::pass))
        .with_state(state)
}

async fn health() -> Response {
    axum::Json(json!({ "tunesmith": env!("CARGO_PKG_VERSION"), "format": FORMAT })).into_response()
}

/// The dashboard's files, and nothing else.
async fn elsewhere(request: axum::extract::Request) -> Response {
    match pages::page(request.method(), request.uri().path()) {
        Some(page) => page,
        None => nowhere().await.into_response(),
    }
}

async fn nowhere() -> Problem {
    let message = "there is no such endpoint; GET /api/v1/openapi.json lists those that there are";
    Problem::new(StatusCode::NOT_FOUND, "no_such_endpoint", message)
}

/// The address of a study in a path.
pub(crate) fn study_id(segment: &str) -> Result<StudyId, Problem> {
    let id = segment.parse().map_err(|_| {
        Problem::malformed(format!("`{segment}` is no study: studies are addressed by their `id`"))
    })?;
    Ok(StudyId(id))
}

/// A body of text, which must say that it is of this type: a page of another site cannot.
pub(crate) fn body(
    headers: &HeaderMap,
    expected: &str,
    bytes: Result<axum::body::Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<String, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if kind.is_none_or(|kind| kind.split(';').next().map(str::trim) != Some(expected)) {
        let message = format!("the body must be {expected}, and its Content-Type say so");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type", message));
    }
    let bytes = bytes.map_err(|rejection| {
        let status = rejection.status();
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            return Problem::too_large();
        }
        Problem::malformed(rejection.body_text())
    })?;
    let text = String::from_utf8(bytes.into());
    text.map_err(|error| Problem::malformed(format!("the body is no UTF-8: {error}")))
}

/// A body of JSON, as what it must be.
pub(crate) fn json_body<T: DeserializeOwned>(
    headers: &HeaderMap,
    bytes: Result<axum::body::Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<T, Problem> {
    let text = body(headers, "application/json", bytes)?;
    serde_json::from_str(&text).map_err(|error| Problem::malformed(error.to_string()))
}
