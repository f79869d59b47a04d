//! What happens, as it happens: server-sent events, each with its revision as its id, so that a listener that was cut
//! off goes on where it was. It refuses to drop any: a slow listener is waited for.

use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::{Path, State as Extract};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tunesmith_core::{Event, Revision, StudyId, wire};

use super::{State, study_id};
use crate::problem::Problem;

/// Who may listen at once.
pub(crate) const MOST_LISTENERS: usize = 256;
/// How often the log is looked at for what others appended.
const LOOK: Duration = Duration::from_millis(500);
/// Events that are read at once.
const AT_ONCE: u32 = 256;

/// The events after `Last-Event-ID`, and those to come.
pub(crate) async fn listen(
    Extract(state): Extract<State>,
    Path(study): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = study_id(&study)?;
    let after = match headers.get("last-event-id").map(|value| value.to_str().unwrap_or("")) {
        None => 0,
        Some(text) => text.parse().map_err(|_| {
            Problem::malformed(format!("Last-Event-ID is `{text}`, and events count from 1"))
        })?,
    };
    let Ok(place) = std::sync::Arc::clone(&state.listeners).try_acquire_owned() else {
        let message = format!("{MOST_LISTENERS} listen already; ask again later");
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_listeners", message));
    };
    // Whoever asks for no study is told before the stream begins.
    state.with_storage(move |storage| Ok(storage.read(id, Revision(after), 0)?)).await?;
    let (sender, receiver) = mpsc::channel(AT_ONCE as usize);
    tokio::spawn(async move {
        tell(&state, id, after, &sender).await;
        drop(place);
    });
    Ok(Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::default()).into_response())
}

/// Until the listener is gone, the server stops, or the log cannot be read.
async fn tell(
    state: &State,
    id: StudyId,
    mut after: u64,
    sender: &mpsc::Sender<Result<Sent, Infallible>>,
) {
    let mut look = tokio::time::interval(LOOK);
    while !state.stop.load(Ordering::SeqCst) {
        let read = state
            .with_storage(move |storage| Ok(storage.read(id, Revision(after), AT_ONCE)?))
            .await;
        let Ok(events) = read else { return };
        for event in &events {
            after += 1;
            if sender.send(Ok(sent(after, event))).await.is_err() {
                return;
            }
        }
        if events.len() < AT_ONCE as usize {
            tokio::select! {
                _ = look.tick() => {}
                () = state.appended.notified() => {}
                () = sender.closed() => return,
            }
        }
    }
}

fn sent(revision: u64, event: &Event) -> Sent {
    Sent::default()
        .id(revision.to_string())
        .event(event.fact.name())
        .data(wire::event_to_json(event))
}
