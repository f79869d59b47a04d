//! Rules on the crates: the arrows between them are those of the table in ARCHITECTURE.md, and each
//! inherits the workspace's lints. It compares two texts and asks cargo nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Finding, TextFile};

const NO_CRATE: &str =
    "the crate stands in no row of the table of crates: a new crate needs a row and a decision";

/// Every arrow of `metadata` (from `cargo metadata --no-deps`) that the page does not allow.
pub(super) fn examine(page: &TextFile, metadata: &Value) -> Vec<Finding> {
    let table = table(&page.text);
    let arrows = arrows(metadata);
    let mut findings = Vec::new();
    for (name, (line, _)) in table.iter().filter(|(name, _)| !arrows.contains_key(*name)) {
        findings.push(Finding::new(&page.path, *line, format!("there is no crate `{name}`")));
    }
    for (name, reached) in &arrows {
        let Some((line, allowed)) = table.get(name) else {
            findings.push(Finding::new(&page.path, 1, format!("`{name}`: {NO_CRATE}")));
            continue;
        };
        for other in reached.difference(allowed) {
            let message = format!("`{name}` depends on `{other}`, which its row does not allow");
            findings.push(Finding::new(&page.path, *line, message));
        }
    }
    findings
}

/// A manifest of a crate that leaves the workspace's lints out.
pub(super) fn lints(file: &TextFile) -> Option<Finding> {
    let is_crate = file.path.ends_with("/Cargo.toml");
    let inherits = file.text.contains("[lints]\nworkspace = true\n");
    (is_crate && !inherits)
        .then(|| Finding::new(&file.path, 1, "add `[lints]` with `workspace = true`"))
}

/// Crate → (line, crates it may depend on), from rows `| `name` | … | `one`, `two` |`.
fn table(page: &str) -> BTreeMap<String, (usize, BTreeSet<String>)> {
    let mut rows = BTreeMap::new();
    for (index, line) in page.lines().enumerate() {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let [name, .., reached] = cells.as_slice() else {
            continue;
        };
        if let [name] = quoted(name).as_slice()
            && line.starts_with('|')
        {
            rows.insert(
                (*name).to_owned(),
                (index + 1, quoted(reached).into_iter().map(str::to_owned).collect()),
            );
        }
    }
    rows
}

fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Crate → crates of the workspace that it needs to build. What only tests need is no arrow.
fn arrows(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let packages: Vec<&Value> = metadata["packages"].as_array().into_iter().flatten().collect();
    let names: BTreeSet<&str> =
        packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut arrows = BTreeMap::new();
    for package in &packages {
        let reached = package["dependencies"].as_array().into_iter().flatten();
        let reached = reached.filter(|dependency| dependency["kind"].as_str() != Some("dev"));
        let reached = reached
            .filter_map(|dependency| dependency["name"].as_str())
            .filter(|name| names.contains(name));
        let name = package["name"].as_str().unwrap_or_default();
        arrows.insert(name.to_owned(), reached.map(str::to_owned).collect());
    }
    arrows
}
