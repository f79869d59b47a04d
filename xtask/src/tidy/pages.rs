//! Rules on the written pages: what they name exists, decisions are numbered without gaps, the change
//! log has a place for what comes next. It judges no prose.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Finding, TextFile};

/// Names in pages that point nowhere: links everywhere, and in ARCHITECTURE.md every path and crate.
pub(super) fn examine(root: &Path, file: &TextFile) -> Vec<Finding> {
    if !file.has_extension("md") {
        return Vec::new();
    }
    let folder = root.join(Path::new(&file.path).parent().unwrap_or(Path::new("")));
    let mut findings = Vec::new();
    for (index, line) in prose(&file.text) {
        for target in links(line).filter(|target| !folder.join(target).exists()) {
            findings.push(Finding::new(
                &file.path,
                index,
                format!("the link to `{target}` leads nowhere"),
            ));
        }
        if file.path == "ARCHITECTURE.md" {
            let missing = line.split('`').skip(1).step_by(2).filter(|name| !exists(root, name));
            findings.extend(
                missing.map(|name| {
                    Finding::new(&file.path, index, format!("`{name}` does not exist"))
                }),
            );
        }
    }
    findings
}

/// `docs/decisions/NNNN-title.md`, from 0001 on, each number once.
pub(super) fn decisions(paths: &[&str]) -> Vec<Finding> {
    let folder = "docs/decisions/";
    let records = paths
        .iter()
        .filter_map(|path| path.strip_prefix(folder))
        .filter(|name| *name != "README.md");
    let mut numbered: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    let mut findings = Vec::new();
    for name in records {
        match name.split_once('-').map(|(number, _)| (number.len(), number.parse())) {
            Some((4, Ok(number))) => numbered.entry(number).or_default().push(name),
            _ => findings.push(Finding::new(
                &format!("{folder}{name}"),
                1,
                "name it 0001-what-was-decided.md",
            )),
        }
    }
    for (expected, (number, names)) in (1..).zip(&numbered) {
        let path = format!("{folder}{}", names[0]);
        if names.len() > 1 {
            findings.push(Finding::new(
                &path,
                1,
                format!("{} records have this number", names.len()),
            ));
        } else if *number != expected {
            findings.push(Finding::new(
                &path,
                1,
                format!("the number before it is missing: expected {expected:04}"),
            ));
            break;
        }
    }
    findings
}

/// A section for what is merged and not released.
pub(super) fn changelog(page: &TextFile) -> Option<Finding> {
    let there = page.text.lines().any(|line| line.trim() == "## Unreleased");
    (!there).then(|| Finding::new(&page.path, 1, "there is no section `## Unreleased`"))
}

/// Lines with their numbers, fenced code left out.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push((index + 1, line));
        }
    }
    lines
}

/// Targets of Markdown links that point into the repository, anchors cut off.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.split_once('#').map_or(target, |(path, _)| path))
        .filter(|target| !target.is_empty() && !target.contains(':'))
}

/// False for a path or crate that is not there. Anything else in backticks is taken on trust.
fn exists(root: &Path, name: &str) -> bool {
    if is_crate(name) {
        // The Python package's crate lies beside its Python.
        let own = name.trim_start_matches("tunesmith-");
        return [root.join("crates").join(name), root.join(own)]
            .iter()
            .any(|folder| folder.join("Cargo.toml").is_file());
    }
    if !is_path(root, name) {
        return true;
    }
    expand(name).iter().all(|path| match path.split_once('<') {
        Some((before, _)) => {
            root.join(before.rsplit_once('/').map_or("", |(folder, _)| folder)).is_dir()
        }
        None => root.join(path).exists(),
    })
}

fn is_crate(name: &str) -> bool {
    name.starts_with("tunesmith-") && name.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

/// A path has no spaces, and either begins with a folder of the repository or ends as files do.
fn is_path(root: &Path, name: &str) -> bool {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-/{},<>".contains(c));
    let first = name.split('/').next().unwrap_or_default();
    let folder = name.contains('/') && !first.is_empty() && root.join(first).is_dir();
    let crate_folder = name.contains('/') && is_crate(first);
    let file =
        [".rs", ".md", ".toml", ".yaml", ".tsv", ".py"].iter().any(|ending| name.ends_with(ending));
    plain && (folder || crate_folder || (file && name.len() > 5))
}

/// `a/{b,c}.rs` as `a/b.rs` and `a/c.rs`; a path that begins with a crate's name is under `crates`.
fn expand(name: &str) -> Vec<String> {
    let first = name.split('/').next().unwrap_or_default();
    let name = if is_crate(first) { format!("crates/{name}") } else { name.to_owned() };
    let Some((before, rest)) = name.split_once('{') else {
        return vec![name];
    };
    let Some((choices, after)) = rest.split_once('}') else {
        return vec![name.clone()];
    };
    choices.split(',').map(|choice| format!("{before}{}{after}", choice.trim())).collect()
}
