//! What goes wrong with a request, as an answer: a status, a code for programs, words for people. It refuses to tell
//! what a storage keeps to itself: its faults are told in its own words and no others.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value as Json, json};
use tunesmith_core::{AppendError, CatchUpError, CreateError, DeleteError, ReadError, SubmitError};

use crate::api::MOST_BODY_BYTES;

/// A refusal or a fault.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    message: String,
    more: Json,
    retry_after_s: Option<u64>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), more: Json::Null, retry_after_s: None }
    }

    /// The request is not what it should be.
    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", message)
    }

    pub(crate) fn no_such_study(study: i64) -> Self {
        let message =
            format!("there is no study {study}; GET /api/v1/studies lists those that there are");
        Self::new(StatusCode::NOT_FOUND, "no_such_study", message)
    }

    pub(crate) fn no_such_trial(trial: u32) -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_such_trial", format!("there is no trial {trial}"))
    }

    /// Too much was asked for at once; this many seconds later it is not.
    pub(crate) fn too_many(seconds: u64) -> Self {
        let message = format!("too many requests; ask again in {seconds} s");
        let mut problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", message);
        problem.retry_after_s = Some(seconds);
        problem
    }

    pub(crate) fn too_large() -> Self {
        let message = format!("a request may have {MOST_BODY_BYTES} bytes; send fewer at once");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
    }

    fn storage(error: &dyn std::error::Error) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "storage", error.to_string())
    }

    fn full(error: &dyn std::error::Error) -> Self {
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "full", error.to_string())
    }

    fn with(mut self, more: Json) -> Self {
        self.more = more;
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let (Json::Object(error), Json::Object(more)) = (&mut error, self.more) {
            error.extend(more);
        }
        let body = axum::Json(json!({ "error": error }));
        let mut response = (self.status, body).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        response
    }
}

impl From<CreateError> for Problem {
    fn from(error: CreateError) -> Self {
        match &error {
            CreateError::NameTaken { name } => {
                Self::new(StatusCode::CONFLICT, "name_taken", error.to_string())
                    .with(json!({ "name": name }))
            }
            CreateError::Full(_) => Self::full(&error),
            _ => Self::storage(&error),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match &error {
            ReadError::NoSuchStudy { study } => Self::no_such_study(study.0),
            _ => Self::storage(&error),
        }
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        match &error {
            AppendError::Conflict { stream, seq } => {
                Self::new(StatusCode::CONFLICT, "conflict", error.to_string())
                    .with(json!({ "stream": stream.to_string(), "seq": seq }))
            }
            AppendError::NoSuchStudy { study } => Self::no_such_study(study.0),
            AppendError::Full(_) => Self::full(&error),
            _ => Self::storage(&error),
        }
    }
}

impl From<DeleteError> for Problem {
    fn from(error: DeleteError) -> Self {
        match &error {
            DeleteError::NoSuchStudy { study } => Self::no_such_study(study.0),
            _ => Self::storage(&error),
        }
    }
}

impl From<CatchUpError> for Problem {
    fn from(error: CatchUpError) -> Self {
        match error {
            CatchUpError::Read(error) => error.into(),
            error => Self::storage(&error),
        }
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Rejected(rejection) => {
                Self::new(StatusCode::CONFLICT, "rejected", rejection.to_string())
            }
            SubmitError::Append(error) => error.into(),
            SubmitError::CatchUp(error) => error.into(),
            error => Self::storage(&error),
        }
    }
}
