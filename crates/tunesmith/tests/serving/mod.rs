//! `tunesmith serve` for a test, ended with it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use crate::program::tunesmith;

/// A running server.
pub(crate) struct Serving {
    server: Child,
    /// Its address, as agents take it.
    pub(crate) url: String,
}

impl Serving {
    /// Starts it and waits until it listens.
    pub(crate) fn start(folder: &Path, words: &[&str]) -> Self {
        let mut server = tunesmith(folder, &[&["serve"], words].concat())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a server starts");
        let said = BufReader::new(server.stderr.take().expect("piped")).lines().next();
        let said = said.expect("it says where").expect("a line");
        let url = said.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.unwrap_or_else(|| panic!("{said}")).trim_end_matches(';').to_owned();
        Self { server, url }
    }
}

impl Drop for Serving {
    /// By SIGKILL.
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}
