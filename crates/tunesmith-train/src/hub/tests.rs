//! The hub client against a server of our own that speaks enough of the hub's HTTP.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::*;
use crate::data::{Corpus, Task};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A hub with one repository, on a thread that ends with the process.
struct Server {
    endpoint: String,
    /// Every request so far: its line, and its token.
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Serves `files` of `repository` (`owner/name` or `datasets/owner/name`).
    fn start(repository: &str, files: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        let api = match repository.strip_prefix("datasets/") {
            Some(_) => format!("/api/{repository}/revision/main"),
            None => format!("/api/models/{repository}/revision/main"),
        };
        let siblings: Vec<_> =
            files.iter().map(|(name, _)| serde_json::json!({"rfilename": name})).collect();
        let info = serde_json::json!({"sha": COMMIT, "siblings": siblings}).to_string();
        let mut pages = BTreeMap::from([(api, info)]);
        for (name, text) in files {
            pages.insert(format!("/{repository}/resolve/main/{name}"), (*text).to_owned());
        }
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut log = log.lock().unwrap();
                answer(stream, &pages, &mut log);
            }
        });
        Self { endpoint, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Answers one request and closes.
fn answer(mut stream: TcpStream, pages: &BTreeMap<String, String>, log: &mut Vec<String>) {
    let mut headers = BufReader::new(stream.try_clone().unwrap()).lines();
    let request = headers.next().unwrap().unwrap();
    let mut range = None;
    let mut token = String::from("no token");
    for header in headers.map(Result::unwrap).take_while(|header| !header.is_empty()) {
        let (name, value) = header.split_once(": ").unwrap();
        match name.to_ascii_lowercase().as_str() {
            "range" => range = value.strip_prefix("bytes=").map(str::to_owned),
            "authorization" => value.clone_into(&mut token),
            _ => {}
        }
    }
    log.push(format!("{request} {token}"));
    let path = request.split(' ').nth(1).unwrap();
    let mut body = pages.get(path).map_or("", String::as_str);
    let size = body.len();
    let status = match (path, pages.contains_key(path)) {
        (path, _) if path.contains("/gated") => "401 Unauthorized",
        (_, true) => "206 Partial Content",
        (_, false) => "404 Not Found",
    };
    if let Some((from, to)) = range.as_deref().and_then(|range| range.split_once('-')) {
        let from: usize = from.parse().unwrap();
        let to = to.parse::<usize>().map_or(size, |to| (to + 1).min(size));
        body = body.get(from..to).unwrap_or("");
    }
    let etag = path.replace('/', "_");
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\netag: \"{etag}\"\r\nx-repo-commit: {COMMIT}\r\n\
         content-range: bytes 0-0/{size}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
}

const MODEL: [(&str, &str); 5] = [
    ("config.json", "{}"),
    ("tokenizer.json", "{}"),
    ("model.safetensors", "weights"),
    ("pytorch_model.bin", "pickle"),
    ("README.md", "read me"),
];

#[test]
fn downloads_a_model_once_and_only_what_is_needed() {
    let server = Server::start("owner/model", &MODEL);
    let cache = TempDir::new().unwrap();
    let hub = Hub::new(&server.endpoint, cache.path()).with_token(Some("secret".to_owned()));
    let directory = hub.model_directory("owner/model").unwrap();
    assert_eq!(fs::read_to_string(directory.join("model.safetensors")).unwrap(), "weights");
    assert!(!directory.join("pytorch_model.bin").exists());
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.ends_with("Bearer secret")), "{requests:?}");
    assert_eq!(hub.model_directory("owner/model").unwrap(), directory);
    assert_eq!(server.requests().len(), requests.len(), "the second time asks nothing");
    let offline = hub.with_offline(true);
    assert_eq!(offline.model_directory("owner/model").unwrap(), directory);
}

#[test]
fn downloads_every_shard() {
    let index =
        r#"{"weight_map": {"a": "model-1-of-2.safetensors", "b": "model-2-of-2.safetensors"}}"#;
    let files = [
        ("config.json", "{}"),
        ("vocab.txt", "[PAD]"),
        ("model.safetensors.index.json", index),
        ("model-1-of-2.safetensors", "one"),
        ("model-2-of-2.safetensors", "two"),
    ];
    let server = Server::start("sharded", &files);
    let cache = TempDir::new().unwrap();
    let directory = Hub::new(&server.endpoint, cache.path()).model_directory("sharded").unwrap();
    assert_eq!(fs::read_to_string(directory.join("model-2-of-2.safetensors")).unwrap(), "two");
}

#[test]
fn says_what_to_do_when_there_is_no_model() {
    let server =
        Server::start("owner/pickled", &[("config.json", "{}"), ("pytorch_model.bin", "p")]);
    let cache = TempDir::new().unwrap();
    let hub = Hub::new(&server.endpoint, cache.path());
    let error = |hub: &Hub, id: &str| hub.model_directory(id).unwrap_err().to_string();
    assert!(error(&hub, "owner/pickled").contains("save_pretrained"));
    assert!(error(&hub, "owner/absent").contains("has no owner/absent; check the spelling"));
    assert!(error(&hub, "owner/gated").contains("set HF_TOKEN"));
    assert!(error(&hub, "./no/such/place").contains("no directory `./no/such/place`"));
    assert!(error(&hub, "../etc").contains("no directory"));
    let offline = error(&hub.clone().with_offline(true), "owner/other");
    assert!(offline.contains("HF_HUB_OFFLINE is set; unset it, or run `hf download owner/other`"));
    let away = Hub::new("http://127.0.0.1:9", cache.path());
    assert!(error(&away, "owner/model").contains("cannot be reached"));
}

#[test]
fn a_model_without_a_tokenizer_is_refused_before_its_weights_are_fetched() {
    let files = [("config.json", "{}"), ("model.safetensors", "w"), ("spiece.model", "s")];
    let server = Server::start("owner/bare", &files);
    let cache = TempDir::new().unwrap();
    let hub = Hub::new(&server.endpoint, cache.path());
    let error = hub.model_directory("owner/bare").unwrap_err();
    assert!(error.to_string().contains("neither tokenizer.json nor vocab.txt"), "{error}");
    assert_eq!(server.requests().len(), 1, "only the list");
}

#[test]
fn takes_a_directory_as_it_is() {
    let directory = TempDir::new().unwrap();
    let hub = Hub::new("http://127.0.0.1:9", "/nowhere");
    let path = directory.path().to_str().unwrap();
    assert_eq!(hub.model_directory(path).unwrap(), directory.path());
}

#[test]
fn finds_splits_in_every_layout() {
    let files = [
        ("rte/train-00000-of-00002.parquet", "a"),
        ("rte/train-00001-of-00002.parquet", "b"),
        ("rte/validation-00000-of-00001.parquet", "c"),
        ("sst2/train-00000-of-00001.parquet", "d"),
        ("README.md", "e"),
    ];
    let server = Server::start("datasets/owner/set", &files);
    let cache = TempDir::new().unwrap();
    let hub = Hub::new(&server.endpoint, cache.path());
    let rte = hub.dataset("owner/set", Some("rte")).unwrap();
    let texts = |files: Vec<PathBuf>| -> Vec<String> {
        files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
    };
    assert_eq!(texts(rte.split(&["train"]).unwrap()), ["a", "b"]);
    assert_eq!(texts(rte.split(&["dev", "validation"]).unwrap()), ["c"]);
    assert!(rte.split(&["test"]).unwrap().is_empty());
    assert_eq!(rte.configs, ["rte", "sst2"]);
    let offline = hub.clone().with_offline(true);
    let cached = offline.dataset("owner/set", Some("rte")).unwrap();
    assert_eq!(texts(cached.split(&["train"]).unwrap()), ["a", "b"]);
    let unnamed = hub.dataset("owner/set", None).unwrap();
    assert!(unnamed.split(&["train"]).unwrap().is_empty());
}

#[test]
fn understands_the_converted_layout() {
    let files = [("default/train/0000.parquet", "a"), ("default/test/0000.parquet", "b")];
    let server = Server::start("datasets/owner/plain", &files);
    let cache = TempDir::new().unwrap();
    let hub = Hub::new(&server.endpoint, cache.path());
    let found = hub.dataset("owner/plain", None).unwrap();
    assert_eq!(found.split(&["train"]).unwrap().len(), 1);
    assert_eq!(found.configs, ["default"]);
}

#[test]
fn an_incomplete_split_is_not_used_offline() {
    let files = [
        ("data/train-00000-of-00002.parquet", "a"),
        ("data/validation-00000-of-00001.parquet", "c"),
    ];
    let server = Server::start("datasets/owner/half", &files);
    let cache = TempDir::new().unwrap();
    let hub = Hub::new(&server.endpoint, cache.path());
    let found = hub.dataset("owner/half", None).unwrap();
    assert!(matches!(found.split(&["train"]), Err(HubError::NotCached { .. })));
    assert_eq!(found.split(&["validation"]).unwrap().len(), 1);
}

#[test]
fn a_named_task_names_the_configurations_it_could_not_find() {
    let server =
        Server::start("datasets/nyu-mll/glue", &[("cola/train-00000-of-00001.parquet", "a")]);
    let cache = TempDir::new().unwrap();
    let hub = Hub::new(&server.endpoint, cache.path());
    let error = Corpus::read(&Task::Named("glue/rte".to_owned()), &hub).unwrap_err().to_string();
    assert!(
        error.contains(
            "no Parquet file for its train split in configuration `rte` (configurations: `cola`)"
        ),
        "{error}"
    );
}

#[test]
fn reads_the_environment_as_huggingface_hub_does() {
    let hub = |variables: &[(&str, &str)]| {
        let variables: BTreeMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Hub::from_env(|name| variables.get(name).cloned())
    };
    let plain = Hub::new("https://huggingface.co", "/home/me/.cache/huggingface/hub");
    assert_eq!(hub(&[("HOME", "/home/me")]), plain);
    let moved =
        Hub::new("http://mirror", "/big/hub").with_token(Some("t".into())).with_offline(true);
    let variables = [
        ("HF_HOME", "/big"),
        ("HF_TOKEN", "t\n"),
        ("HF_ENDPOINT", "http://mirror/"),
        ("HF_HUB_OFFLINE", "TRUE"),
    ];
    assert_eq!(hub(&variables), moved);
    assert_eq!(
        hub(&[("HOME", "/h"), ("HF_HUB_CACHE", "/c"), ("HF_HUB_OFFLINE", "0")]).cache,
        Path::new("/c")
    );
}
