//! Studies behind a tunesmith server, for agents that may not reach the database. A server that goes away is waited for
//! as long as [`RETRY_LIMIT`]; whatever was under way is asked again, which changes nothing where it was done. It
//! refuses to read a token out of an address: addresses end up in logs, the environment does not.

use std::time::Duration;

use serde_json::{Value as Json, json};
use tunesmith_core::{
    AppendError, BackendError, CreateError, DeleteError, Event, ReadError, Revision, Storage,
    Stream, Study, StudyConfig, StudyHeader, StudyId, Timestamp, Writer, wire,
};

use crate::patience::Patience;

/// The environment variable that holds the token.
pub const TOKEN: &str = "TUNESMITH_TOKEN";
/// How long a server may be away before a call gives up.
pub const RETRY_LIMIT: Duration = Duration::from_mins(2);
/// How long one request may take.
const PATIENCE: Duration = Duration::from_mins(3);
/// How long it may take to reach the server.
const CONNECTING: Duration = Duration::from_secs(10);
/// Events that are read with one request. A server gives as many where there are so many: fewer are the last.
const READ_AT_ONCE: u32 = 4_096;
/// Bytes of an answer; a page of events is far below.
const MOST_ANSWER_BYTES: u64 = 1024 * 1024 * 1024;
/// The header in which both sides say which format of events they speak.
const VERSION_HEADER: &str = "tunesmith-format";

/// Studies behind a server.
#[derive(Debug)]
pub struct Http {
    agent: ureq::Agent,
    /// Without a slash at its end.
    address: String,
    token: Option<String>,
}

/// Why a server cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The address holds what belongs elsewhere.
    #[error(
        "`{address}` is no address of a server: give http://HOST:PORT or https://HOST, the token in {TOKEN}"
    )]
    Address {
        /// The address, without what is secret.
        address: String,
    },
    /// Nobody answers there.
    #[error("no answer from {address}: {source}; is `tunesmith serve` running there?")]
    Away {
        /// The address.
        address: String,
        /// Why.
        source: BackendError,
    },
    /// Whoever answers there is no server of ours, or one that does not want us.
    #[error("{address} says: {source}")]
    Refused {
        /// The address.
        address: String,
        /// In its words.
        source: BackendError,
    },
}

/// What a server answers that does not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
struct Refusal {
    status: u16,
    code: String,
    message: String,
    more: Json,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Refusal(#[from] Refusal),
    #[error("the server was not reached for {} s: {source}", RETRY_LIMIT.as_secs())]
    Away { source: ureq::Error },
    #[error("the server's answer is none of tunesmith's: {0}")]
    Answer(#[from] serde_json::Error),
    #[error("the server's answer lacks `{field}`; is it a tunesmith server?")]
    Lacks { field: &'static str },
}

/// A request.
struct Request<'a> {
    method: &'static str,
    path: &'a str,
    /// With its type.
    body: Option<(&'static str, &'a str)>,
}

impl Http {
    /// The server at an address, which must answer. The token comes from the environment.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(address: &str) -> Result<Self, OpenError> {
        let token = std::env::var(TOKEN).ok().filter(|token| !token.is_empty());
        Self::with_token(address, token)
    }

    /// As [`open`](Self::open), with a token or none.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn with_token(address: &str, token: Option<String>) -> Result<Self, OpenError> {
        let address = address.trim_end_matches('/').to_owned();
        let host = address.split_once("://").map_or("", |(_, host)| host);
        if host.is_empty() || host.contains(['@', '?', '#']) {
            let address =
                host.rsplit_once('@').map_or(address.clone(), |(_, host)| host.to_owned());
            return Err(OpenError::Address { address });
        }
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .timeout_connect(Some(CONNECTING))
            .http_status_as_error(false)
            .max_redirects(0);
        let server = Self { agent: config.build().into(), address, token };
        let away = |source: ureq::Error| OpenError::Away {
            address: server.address.clone(),
            source: Box::new(source),
        };
        let listed = Request { method: "GET", path: "/api/v1/studies", body: None };
        let answer = server.once(&listed).map_err(away)?;
        let known = server.understood(answer).and_then(|text| headers(&text));
        match known {
            Ok(_) => Ok(server),
            Err(fault) => Err(OpenError::Refused { address: server.address, source: fault.into() }),
        }
    }

    /// One request; status and text of what is answered.
    fn once(&self, request: &Request<'_>) -> Result<(u16, Option<u64>, String), ureq::Error> {
        let mut sent = ureq::http::Request::builder()
            .method(request.method)
            .uri(format!("{}{}", self.address, request.path))
            .header(VERSION_HEADER, wire::FORMAT.to_string());
        if let Some(token) = &self.token {
            sent = sent.header("Authorization", format!("Bearer {token}"));
        }
        let mut response = match request.body {
            Some((kind, text)) => {
                self.agent.run(sent.header("Content-Type", kind).body(text.to_owned())?)?
            }
            None => self.agent.run(sent.body(())?)?,
        };
        let status = response.status().as_u16();
        let wait = response.headers().get("Retry-After");
        let wait_s = wait.and_then(|value| value.to_str().ok()?.parse().ok());
        let text = response.body_mut().with_config().limit(MOST_ANSWER_BYTES).read_to_string()?;
        Ok((status, wait_s, text))
    }

    /// The answer to a request, which is made again for as long as the server is away or busy.
    fn ask(&self, request: &Request<'_>) -> Result<String, Fault> {
        self.insist(request).0
    }

    /// As [`ask`](Self::ask), with whether the request was made more than once: it may have been done before.
    fn insist(&self, request: &Request<'_>) -> (Result<String, Fault>, bool) {
        let mut patience = Patience::new(RETRY_LIMIT);
        let mut again = false;
        loop {
            let asked = self.once(request);
            let wait = match &asked {
                Ok((429 | 502..=504, wait_s, _)) => {
                    Some(wait_s.map_or(patience.pause(), Duration::from_secs))
                }
                Ok(_) | Err(ureq::Error::BadUri(_) | ureq::Error::Http(_)) => None,
                Err(_) => Some(patience.pause()),
            };
            let Some(wait) = wait.filter(|wait| patience.allows(*wait)) else {
                let answer = asked.map_err(|source| Fault::Away { source });
                return (answer.and_then(|answer| self.understood(answer)), again);
            };
            patience.wait(wait);
            again = true;
        }
    }

    /// The study that a request made whose answer was lost.
    fn made_before(&self, created: &Event, name: &str) -> Option<StudyId> {
        let all = self.studies().ok()?;
        let study = all.into_iter().find(|header| header.name == name)?;
        let first = self.read(study.id, Revision(0), 1).ok()?;
        (first.first() == Some(created)).then_some(study.id)
    }

    fn understood(&self, (status, _, text): (u16, Option<u64>, String)) -> Result<String, Fault> {
        if (200..300).contains(&status) {
            return Ok(text);
        }
        let answer: Json = serde_json::from_str(&text).unwrap_or_default();
        let error = &answer["error"];
        let said = |name: &str| error[name].as_str().map(str::to_owned);
        let unknown =
            || format!("{} answers with status {status}, and is no tunesmith server", self.address);
        Err(Fault::Refusal(Refusal {
            status,
            code: said("code").unwrap_or_default(),
            message: said("message").unwrap_or_else(unknown),
            more: error.clone(),
        }))
    }

    fn page(&self, study: StudyId, after: u64, limit: u32) -> Result<Vec<Event>, ReadError> {
        let path = format!("/api/v1/studies/{}/log?after={after}&limit={limit}", study.0);
        let text =
            self.ask(&Request { method: "GET", path: &path, body: None }).map_err(|fault| {
                if gone(&fault) {
                    ReadError::NoSuchStudy { study }
                } else {
                    ReadError::Backend(fault.into())
                }
            })?;
        let event = |(index, line): (usize, &str)| {
            let revision = Revision(after + index as u64 + 1);
            wire::event_from_json(line).map_err(|source| ReadError::Unreadable {
                study,
                revision,
                source,
            })
        };
        text.lines().enumerate().map(event).collect()
    }
}

impl Storage for Http {
    fn create(
        &self,
        config: &StudyConfig,
        by: &Writer,
        at: Timestamp,
    ) -> Result<StudyId, CreateError> {
        let backend = |fault: Fault| CreateError::Backend(fault.into());
        let text: Json = serde_json::from_str(&wire::config_to_json(config))
            .map_err(|error| backend(error.into()))?;
        let body = json!({ "config": text, "by": by.as_str(), "at": at.0 }).to_string();
        let body = Some(("application/json", body.as_str()));
        let request = Request { method: "POST", path: "/api/v1/studies", body };
        let (answer, again) = self.insist(&request);
        let is_taken = |fault: &Fault| matches!(fault, Fault::Refusal(refusal) if refusal.code == "name_taken");
        if again
            && answer.as_ref().is_err_and(is_taken)
            && let Some(study) = self.made_before(&Study::created(config, by, at), &config.name)
        {
            return Ok(study);
        }
        let answer = answer.map_err(|fault| match &fault {
            fault if is_taken(fault) => CreateError::NameTaken { name: config.name.clone() },
            Fault::Refusal(refusal) if refusal.status == 507 => CreateError::Full(fault.into()),
            _ => backend(fault),
        })?;
        number(&answer, "id").map(|id| StudyId(id as i64)).map_err(backend)
    }

    fn studies(&self) -> Result<Vec<StudyHeader>, ReadError> {
        let request = Request { method: "GET", path: "/api/v1/studies", body: None };
        let known = self.ask(&request).and_then(|text| headers(&text));
        known.map_err(|fault| ReadError::Backend(fault.into()))
    }

    fn append(&self, study: StudyId, events: &[Event]) -> Result<Revision, AppendError> {
        let mut lines = String::new();
        for event in events {
            lines.push_str(&wire::event_to_json(event));
            lines.push('\n');
        }
        let path = format!("/api/v1/studies/{}/log", study.0);
        let body = Some(("application/x-ndjson", lines.as_str()));
        let answer = self.ask(&Request { method: "POST", path: &path, body });
        let answer = answer.map_err(|fault| match &fault {
            fault if gone(fault) => AppendError::NoSuchStudy { study },
            Fault::Refusal(refusal) if refusal.code == "conflict" => match conflict(refusal) {
                Some((stream, seq)) => AppendError::Conflict { stream, seq },
                None => AppendError::Backend(fault.into()),
            },
            Fault::Refusal(refusal) if refusal.status == 507 => AppendError::Full(fault.into()),
            _ => AppendError::Backend(fault.into()),
        })?;
        let revision = number(&answer, "revision");
        revision.map(Revision).map_err(|fault| AppendError::Backend(fault.into()))
    }

    fn read(&self, study: StudyId, after: Revision, limit: u32) -> Result<Vec<Event>, ReadError> {
        let mut events: Vec<Event> = Vec::new();
        loop {
            let left = limit - events.len() as u32;
            let wanted = left.min(READ_AT_ONCE);
            let page = self.page(study, after.0.saturating_add(events.len() as u64), wanted)?;
            let is_last = (page.len() as u32) < wanted || wanted == left;
            events.extend(page);
            if is_last {
                return Ok(events);
            }
        }
    }

    fn delete(&self, study: StudyId) -> Result<(), DeleteError> {
        let path = format!("/api/v1/studies/{}", study.0);
        match self.insist(&Request { method: "DELETE", path: &path, body: None }) {
            (Ok(_), _) => Ok(()),
            (Err(fault), true) if gone(&fault) => Ok(()),
            (Err(fault), false) if gone(&fault) => Err(DeleteError::NoSuchStudy { study }),
            (Err(fault), _) => Err(DeleteError::Backend(fault.into())),
        }
    }
}

fn gone(fault: &Fault) -> bool {
    matches!(fault, Fault::Refusal(refusal) if refusal.code == "no_such_study")
}

fn conflict(refusal: &Refusal) -> Option<(Stream, u32)> {
    let stream = match refusal.more["stream"].as_str()?.split_once('/') {
        None => Stream::Study,
        Some((_, number)) => Stream::Trial(number.parse().ok()?),
    };
    Some((stream, refusal.more["seq"].as_u64()?.try_into().ok()?))
}

fn number(answer: &str, field: &'static str) -> Result<u64, Fault> {
    let answer: Json = serde_json::from_str(answer)?;
    answer[field].as_u64().ok_or(Fault::Lacks { field })
}

fn headers(text: &str) -> Result<Vec<StudyHeader>, Fault> {
    let answer: Json = serde_json::from_str(text)?;
    let studies = answer["studies"].as_array().ok_or(Fault::Lacks { field: "studies" })?;
    let header = |study: &Json| {
        Some(StudyHeader {
            id: StudyId(study["id"].as_i64()?),
            name: study["name"].as_str()?.to_owned(),
            created_at: Timestamp(study["created_at"].as_i64()?),
            revision: Revision(study["revision"].as_u64()?),
        })
    };
    let headers: Option<Vec<StudyHeader>> = studies.iter().map(header).collect();
    headers.ok_or(Fault::Lacks { field: "studies" })
}
