//! The house rules, executed: what a reader would ask for in review and no compiler checks.
//!
//! Every rule is a function from text to findings, so each is tested on small fixtures. It reads the
//! repository and `cargo metadata`; it changes nothing.

mod crates;
mod modules;
mod pages;
mod source;
#[cfg(test)]
mod tests;
mod tokens;

use std::fmt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::root;

/// A broken rule, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Finding { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// One file of the repository that is text.
#[derive(Debug)]
pub(crate) struct TextFile {
    path: String,
    text: String,
}

impl TextFile {
    fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }
}

/// Prints every finding; true when there is none.
pub(crate) fn run(root: &Path) -> Result<bool> {
    let files = read(root)?;
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let mut findings = Vec::new();
    for file in &files {
        findings.extend(source::examine(file));
        findings.extend(pages::examine(root, file));
        findings.extend(crates::lints(file));
    }
    findings.extend(pages::decisions(&paths));
    findings.extend(crates::examine(page(&files, "ARCHITECTURE.md")?, &metadata(root)?));
    findings.extend(pages::changelog(page(&files, "CHANGELOG.md")?));
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    eprintln!("tidy: {} files, {} findings", files.len(), findings.len());
    Ok(findings.is_empty())
}

/// What `cargo metadata` says about the workspace's own packages.
pub(crate) fn metadata(root: &Path) -> Result<Value> {
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata printed no JSON")
}

fn read(root: &Path) -> Result<Vec<TextFile>> {
    let mut files = Vec::new();
    for path in root::files(root)? {
        let bytes = std::fs::read(root.join(&path))
            .with_context(|| format!("cannot read {}", path.display()))?;
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(TextFile { path: path.to_string_lossy().replace('\\', "/"), text });
        }
    }
    Ok(files)
}

fn page<'a>(files: &'a [TextFile], path: &str) -> Result<&'a TextFile> {
    files.iter().find(|file| file.path == path).with_context(|| format!("{path} is missing"))
}
