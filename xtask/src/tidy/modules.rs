//! Rules on what a module is called and what it may reach: the purity of core and search, serde in `wire`.
//!
//! Which crates may see each other is not judged here but from `cargo metadata`.

use super::Finding;
use super::tokens::{self, Token};

const VAGUE_NAMES: [&str; 8] =
    ["utils", "util", "common", "helpers", "helper", "manager", "managers", "misc"];
const PURE_CRATES: [&str; 2] = ["crates/tunesmith-core/src/", "crates/tunesmith-search/src/"];
const IMPURE_MODULES: [&str; 7] = ["fs", "time", "env", "thread", "net", "process", "io"];
const UNORDERED: [&str; 2] = ["HashMap", "HashSet"];

/// A file or folder whose name says nothing.
pub(super) fn file_name(path: &str) -> Option<Finding> {
    let vague = path
        .split('/')
        .map(|part| part.trim_end_matches(".rs"))
        .find(|part| VAGUE_NAMES.contains(part))?;
    Some(Finding::new(path, 1, format!("`{vague}` says nothing: name the file by its noun")))
}

/// A module declared under such a name.
pub(super) fn names(path: &str, tokens: &[Token]) -> Vec<Finding> {
    let declared = |at: usize| {
        tokens[at].text == "mod" && tokens.get(at + 1).is_some_and(|next| is_vague(&next.text))
    };
    (0..tokens.len())
        .filter(|at| declared(*at))
        .map(|at| {
            let message =
                format!("`mod {}` says nothing: name the module by its noun", tokens[at + 1].text);
            Finding::new(path, tokens[at].line, message)
        })
        .collect()
}

/// In core and search, tests apart: the outside world and containers without an order.
pub(super) fn purity(path: &str, tokens: &[Token]) -> Vec<Finding> {
    if !PURE_CRATES.iter().any(|place| path.starts_with(place)) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (at, token) in tokens::outside_tests(path, tokens) {
        if UNORDERED.contains(&token.text.as_str()) {
            let message = format!(
                "`{}` has no order, so a replay could differ: use a BTreeMap or a Vec",
                token.text
            );
            findings.push(Finding::new(path, token.line, message));
        }
        if tokens::reads(tokens, at, &["std", ":", ":"]) {
            findings.extend(impure(path, tokens, at + 3));
        }
    }
    findings
}

/// In core, outside `wire` and tests: serde and its derives.
pub(super) fn serde_outside_wire(path: &str, tokens: &[Token]) -> Vec<Finding> {
    if !path.starts_with("crates/tunesmith-core/src/") || path.contains("/wire") {
        return Vec::new();
    }
    let words = ["serde", "Serialize", "Deserialize", "serde_json"];
    tokens::outside_tests(path, tokens)
        .into_iter()
        .filter(|(_, token)| words.contains(&token.text.as_str()))
        .map(|(_, token)| {
            Finding::new(path, token.line, format!("`{}` belongs in the wire modules", token.text))
        })
        .collect()
}

fn is_vague(name: &str) -> bool {
    VAGUE_NAMES.contains(&name)
}

/// What follows `std::` at `at`, a name or a braced list of names.
fn impure(path: &str, tokens: &[Token], at: usize) -> Vec<Finding> {
    let Some(first) = tokens.get(at) else {
        return Vec::new();
    };
    let last = if first.text == "{" { first.partner.unwrap_or(at) } else { at };
    let heads = (at..=last)
        .filter(|index| *index == at || matches!(tokens[index - 1].text.as_str(), "{" | ","));
    heads
        .filter(|index| IMPURE_MODULES.contains(&tokens[*index].text.as_str()))
        .map(|index| {
            let token = &tokens[index];
            let message = format!(
                "`std::{}` is out of bounds here: take what it gives as an argument",
                token.text
            );
            Finding::new(path, token.line, message)
        })
        .collect()
}
