//! The search of another tool in a process of its own, spoken to in JSON lines over its standard input and output.
//!
//! `{"begin": {"method", "config"}}` is answered with `{"ready": version}`, `{"ask": n}` with `{"params": {...}}`,
//! and `{"tell": n, "value": v}`, with null for a failed trial, with nothing. `config` is the study's configuration
//! as the log keeps it. A new `begin` forgets the study before it. Refuses params that the study's space does not have:
//! the core checks them as it checks a person's.

use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde_json::{Value as Json, json};
use thiserror::Error;
use tunesmith_core::{Params, StudyConfig, wire};

/// How peers are started.
#[derive(Debug, Clone)]
pub struct PeerProgram {
    /// The Python that has their packages.
    pub python: PathBuf,
    /// The driver, `tools/bench/peers.py`.
    pub driver: PathBuf,
}

/// A process that searches, and its latest study.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    method: String,
    version: String,
}

/// Why a peer is of no more use.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PeerError {
    /// No process.
    #[error("cannot start {} for the other tools' methods: {source}; name a Python with --python", python.display())]
    Start {
        /// The Python.
        python: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It does not read or write any more; what it said on standard error tells why.
    #[error("{method} has stopped: {source}")]
    Pipe {
        /// The method.
        method: String,
        /// Why.
        source: io::Error,
    },
    /// An answer that is none.
    #[error("{method} answered `{answer}`, which is not what was asked for: {source}")]
    Answer {
        /// The method.
        method: String,
        /// What it said.
        answer: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Params that cannot be read.
    #[error("{method} proposed what are no params: {source}")]
    Params {
        /// The method.
        method: String,
        /// Why.
        source: wire::DecodeError,
    },
}

#[derive(Deserialize)]
struct Ready {
    ready: String,
}

#[derive(Deserialize)]
struct Asked {
    params: Json,
}

impl PeerProgram {
    /// Starts a process. It has no study yet.
    ///
    /// # Errors
    /// [`PeerError::Start`].
    pub fn start(&self) -> Result<Peer, PeerError> {
        let failed = |source| PeerError::Start { python: self.python.clone(), source };
        let mut child = Command::new(&self.python)
            .arg(&self.driver)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(failed(io::Error::other("it has no pipes")));
        };
        let output = BufReader::new(output);
        Ok(Peer { child, input, output, method: String::new(), version: String::new() })
    }
}

impl Peer {
    /// Begins a study by the peer's method of that name.
    ///
    /// # Errors
    /// Where the process has stopped, or lacks the package.
    pub fn begin(&mut self, method: &str, config: &StudyConfig) -> Result<(), PeerError> {
        method.clone_into(&mut self.method);
        let config: Json = serde_json::from_str(&wire::config_to_json(config)).unwrap_or_default();
        self.say(&json!({"begin": {"method": method, "config": config["config"]}}))?;
        let ready: Ready = self.hear()?;
        self.version = ready.ready;
        Ok(())
    }

    /// What it is, with its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The params of the trial of that number.
    ///
    /// # Errors
    /// As [`Peer::begin`].
    pub fn ask(&mut self, trial: u32) -> Result<Params, PeerError> {
        self.say(&json!({"ask": trial}))?;
        let asked: Asked = self.hear()?;
        wire::params_from_json(&asked.params.to_string())
            .map_err(|source| PeerError::Params { method: self.method.clone(), source })
    }

    /// A trial's value; none where it failed.
    ///
    /// # Errors
    /// As [`Peer::begin`].
    pub fn tell(&mut self, trial: u32, value: Option<f64>) -> Result<(), PeerError> {
        self.say(&json!({"tell": trial, "value": value}))
    }

    fn say(&mut self, message: &Json) -> Result<(), PeerError> {
        let written = writeln!(self.input, "{message}").and_then(|()| self.input.flush());
        written.map_err(|source| self.broken(source))
    }

    fn hear<T: for<'a> Deserialize<'a>>(&mut self) -> Result<T, PeerError> {
        let mut answer = String::new();
        let read = self.output.read_line(&mut answer).map_err(|source| self.broken(source))?;
        if read == 0 {
            return Err(self.broken(io::ErrorKind::UnexpectedEof.into()));
        }
        serde_json::from_str(&answer).map_err(|source| PeerError::Answer {
            method: self.method.clone(),
            answer: answer.trim().to_owned(),
            source,
        })
    }

    fn broken(&self, source: io::Error) -> PeerError {
        PeerError::Pipe { method: self.method.clone(), source }
    }
}

impl Drop for Peer {
    /// Nothing that the process does now is wanted by anybody.
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
