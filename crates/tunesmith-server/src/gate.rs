//! What every request goes through: how much an address may ask, whether the token is right, and that no page of another
//! site speaks through a browser on this machine. It refuses before anything else is looked at.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, Request, State as Extract};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tunesmith_core::wire::FORMAT;

use crate::api::{MOST_BODY_BYTES, State, VERSION_HEADER};
use crate::problem::Problem;
use crate::tokens::Scope;

/// How long an answer may take; one that lives on, as events do, only has to begin by then.
const PATIENCE: Duration = Duration::from_secs(150);

/// Where a client asks what it may do.
const ACCESS: &str = "/api/v1/access";

/// Lets a request through, or answers it.
pub(crate) async fn pass(
    Extract(state): Extract<State>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = match check(&state, from, &request) {
        Ok(()) => match tokio::time::timeout(PATIENCE, next.run(request)).await {
            Ok(response) => response,
            Err(_) => Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "late",
                format!("no answer within {} s; ask again", PATIENCE.as_secs()),
            )
            .into_response(),
        },
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(VERSION_HEADER, HeaderValue::from(FORMAT));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn check(state: &State, from: SocketAddr, request: &Request) -> Result<(), Problem> {
    let now = Instant::now();
    state.limits.take(from.ip(), now).map_err(|wait| Problem::too_many(wait.as_secs() + 1))?;
    speaks_our_format(request.headers())?;
    is_not_too_large(request.headers())?;
    let path = request.uri().path();
    // The dashboard's files say nothing of any study.
    if path == "/healthz" || !path.starts_with("/api/") {
        return Ok(());
    }
    let Some(tokens) = &state.surroundings.tokens else {
        return is_for_this_machine(request.headers());
    };
    let needed = match *request.method() {
        Method::GET | Method::HEAD => Scope::Read,
        _ => Scope::Write,
    };
    let token = bearer(request.headers());
    match token.and_then(|token| tokens.scope(token)) {
        Some(scope) if scope >= needed => Ok(()),
        // Whoever asks what they may do is told: nothing.
        None if path == ACCESS => {
            if token.is_some() {
                state.limits.wrong(from.ip(), now);
            }
            Ok(())
        }
        Some(_) => Err(Problem::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            "this token is for reading; a token with the scope `write` may do that",
        )),
        None => {
            if token.is_some() {
                state.limits.wrong(from.ip(), now);
            }
            Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "unauthorised",
                "give a token that this server knows: `Authorization: Bearer …`, or TUNESMITH_TOKEN for tunesmith's own \
                 commands",
            ))
        }
    }
}

/// The token that a request brings.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::trim)
}

/// Whoever says that too much is coming is not heard out.
fn is_not_too_large(headers: &HeaderMap) -> Result<(), Problem> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length: Option<usize> = length.and_then(|length| length.parse().ok());
    match length {
        Some(length) if length > MOST_BODY_BYTES => Err(Problem::too_large()),
        _ => Ok(()),
    }
}

/// A client may say which format of events it writes and reads.
fn speaks_our_format(headers: &HeaderMap) -> Result<(), Problem> {
    let theirs = headers.get(VERSION_HEADER).map(|value| value.to_str().unwrap_or("none"));
    match theirs {
        Some(theirs) if theirs != FORMAT.to_string() => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "format",
            format!(
                "this server speaks format {FORMAT} and the client {theirs}; update the older one"
            ),
        )),
        _ => Ok(()),
    }
}

/// Without tokens, whoever asks must name this machine: a page of another site that a browser here shows can send
/// requests to a loopback address, but only under a name of its own or with its own origin.
fn is_for_this_machine(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or(""));
    let host = text(header::HOST).unwrap_or("");
    let origin = text(header::ORIGIN);
    let own = |host: &str| {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        ["localhost", "127.0.0.1", "[::1]"].contains(&name)
    };
    let foreign = origin.is_some_and(|origin| origin.strip_prefix("http://") != Some(host));
    if own(host) && !foreign {
        return Ok(());
    }
    let message = "without tokens this server answers only requests to localhost from this machine's own programs and pages";
    Err(Problem::new(StatusCode::FORBIDDEN, "foreign", message))
}
