//! A server with a storage in memory, and a client that shows what it answered.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use serde_json::Value as Json;
use tunesmith_core::{
    BackendError, Domain, Goal, Metric, Parameter, SearchSpace, Storage, StudyConfig, StudyId,
    Timestamp, Writer,
};
use tunesmith_server::{Surroundings, Tokens, serve};
use tunesmith_store::Memory;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) storage: Arc<Memory>,
    stop: Arc<AtomicBool>,
    serving: Option<JoinHandle<()>>,
}

pub(crate) fn surroundings(storage: Arc<Memory>) -> Surroundings {
    Surroundings {
        storage,
        policies: Arc::new(|config: &StudyConfig| {
            tunesmith_search::policy(config).map_err(BackendError::from)
        }),
        tokens: None,
        writer: Writer::new("server"),
        now: || Timestamp(5_000),
    }
}

pub(crate) fn config(name: &str) -> StudyConfig {
    let rate = Parameter::new("learning_rate", Domain::log_float(1e-5, 1e-2));
    let space = SearchSpace::new(vec![rate]).expect("a space");
    StudyConfig::new(name, space, Metric::new("accuracy", Goal::Maximize))
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::guarded(None)
    }

    /// With tokens, where there are some.
    pub(crate) fn guarded(tokens: Option<Tokens>) -> Self {
        let storage = Arc::new(Memory::new());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let tokens = tokens.map(Arc::new);
        let around = Surroundings { tokens, ..surroundings(Arc::clone(&storage)) };
        let serving = std::thread::spawn(move || serve(listener, around, &asked).expect("serves"));
        Self { address, storage, stop, serving: Some(serving) }
    }

    pub(crate) fn study(&self) -> StudyId {
        self.storage.create(&config("one"), &Writer::new("test"), Timestamp(1)).expect("new")
    }

    /// The answer as it comes.
    pub(crate) fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> ureq::http::Response<ureq::Body> {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let agent: ureq::Agent = config.into();
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.to_owned()).expect("a request");
        agent.run(request).expect("an answer")
    }

    /// Status and answer.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, Json) {
        let mut response = self.raw(method, path, headers, body);
        let text = response.body_mut().read_to_string().expect("text");
        (response.status().as_u16(), serde_json::from_str(&text).unwrap_or(Json::String(text)))
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Json) {
        self.ask("GET", path, &[], "")
    }

    pub(crate) fn command(&self, body: &Json) -> (u16, Json) {
        let headers = [("Content-Type", "application/json")];
        self.ask("POST", "/api/v1/studies/1/commands", &headers, &body.to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(serving) = self.serving.take() {
            drop(serving.join());
        }
    }
}

/// Status and what is said of it.
pub(crate) fn refusal((status, answer): (u16, Json)) -> String {
    let error = &answer["error"];
    format!(
        "{status} {}: {}",
        error["code"].as_str().unwrap_or("?"),
        error["message"].as_str().unwrap_or("?")
    )
}
