//! Rules on one file: its opening, its size, its functions, and words that must not stand in it.
//!
//! It judges text alone and opens no file, so every rule is tested on a few lines.

use super::tokens::{self, Token};
use super::{Finding, TextFile, modules};

const FILE_LINES_LIMIT: usize = 500;
const FUNCTION_LINES_LIMIT: usize = 70;

/// Every broken rule in `file`, which may be of any kind.
pub(super) fn examine(file: &TextFile) -> Vec<Finding> {
    let mut findings = machine_paths(file);
    if !file.has_extension("rs") {
        return findings;
    }
    findings.extend(opening(file));
    findings.extend(modules::file_name(&file.path));
    match tokens::flatten(&file.text) {
        Ok(tokens) => findings.extend(examine_tokens(file, &tokens)),
        Err(error) => {
            let line = error.span().start().line;
            findings.push(Finding::new(
                &file.path,
                line,
                "this is not Rust: cannot read its tokens",
            ));
        }
    }
    findings
}

fn examine_tokens(file: &TextFile, tokens: &[Token]) -> Vec<Finding> {
    let mut findings = file_length(file, tokens);
    findings.extend(functions(&file.path, tokens));
    findings.extend(attributes(&file.path, tokens));
    findings.extend(unfinished(&file.path, tokens));
    findings.extend(sleeps(&file.path, tokens));
    findings.extend(panics(&file.path, tokens));
    findings.extend(bare_string_errors(&file.path, tokens));
    findings.extend(modules::names(&file.path, tokens));
    findings.extend(modules::purity(&file.path, tokens));
    findings.extend(modules::serde_outside_wire(&file.path, tokens));
    findings
}

fn opening(file: &TextFile) -> Option<Finding> {
    let said =
        file.text.lines().next().is_some_and(|line| line.starts_with("//! ") && line.len() > 4);
    (!said).then(|| {
        Finding::new(
            &file.path,
            1,
            "open with `//!`: what the file is for, and what it refuses to do",
        )
    })
}

/// Paths of somebody's machine, which mean nothing on another.
fn machine_paths(file: &TextFile) -> Vec<Finding> {
    let places = [concat!("/wo", "rk/"), concat!("/ro", "ot/")];
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for place in places {
            if starts_a_path(line, place) {
                findings.push(Finding::new(
                    &file.path,
                    index + 1,
                    format!("`{place}` is a path of one machine"),
                ));
            }
        }
    }
    findings
}

/// True when `place` stands in `line` as the beginning of an absolute path.
fn starts_a_path(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        !line[..at].ends_with(|before: char| {
            before.is_alphanumeric() || matches!(before, '.' | '_' | '-' | '}' | '>')
        })
    })
}

fn file_length(file: &TextFile, tokens: &[Token]) -> Vec<Finding> {
    if tokens::is_test(&file.path) {
        return Vec::new();
    }
    let tests: usize =
        tokens::test_modules(tokens).iter().map(|(first, last)| last - first + 1).sum();
    let lines = file.text.lines().count().saturating_sub(tests);
    if lines <= FILE_LINES_LIMIT {
        return Vec::new();
    }
    let message = format!(
        "{lines} lines, tests apart; the limit is {FILE_LINES_LIMIT}: split the file by its nouns"
    );
    vec![Finding::new(&file.path, FILE_LINES_LIMIT + 1, message)]
}

fn functions(path: &str, tokens: &[Token]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.text == "fn") {
        let Some(name) = tokens
            .get(at + 1)
            .filter(|next| next.text.starts_with(|c: char| c.is_alphabetic() || c == '_'))
        else {
            continue;
        };
        let lines = body_end(tokens, at).map_or(0, |end| end + 1 - token.line);
        if lines > FUNCTION_LINES_LIMIT {
            let message =
                format!("`{}` has {lines} lines; the limit is {FUNCTION_LINES_LIMIT}", name.text);
            findings.push(Finding::new(path, token.line, message));
        }
    }
    findings
}

/// Line of the brace that closes the function whose `fn` is at `at`; none for a signature alone.
fn body_end(tokens: &[Token], at: usize) -> Option<usize> {
    let mut next = at;
    loop {
        let token = tokens.get(next)?;
        match (token.text.as_str(), token.partner) {
            (";", _) => return None,
            ("{", Some(end)) => return tokens.get(end).map(|last| last.line),
            (_, Some(end)) if end > next => next = end + 1,
            _ => next += 1,
        }
    }
}

fn attributes(path: &str, tokens: &[Token]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, token) in tokens.iter().enumerate().filter(|(_, token)| token.text == "#") {
        let bracket = if tokens::reads(tokens, at + 1, &["!"]) { at + 2 } else { at + 1 };
        let Some(end) =
            tokens.get(bracket).filter(|open| open.text == "[").and_then(|open| open.partner)
        else {
            continue;
        };
        let inside = &tokens[bracket + 1..end];
        let named = |word: &str| {
            let first = inside.first().is_some_and(|token| token.text == word);
            first
                || (tokens::reads(inside, 0, &["cfg_attr", "("])
                    && inside.iter().any(|token| token.text == word))
        };
        if named("allow") {
            findings.push(Finding::new(
                path,
                token.line,
                "write `#[expect(…, reason = \"…\")]` instead of `allow`",
            ));
        }
        if named("ignore") {
            findings.push(Finding::new(
                path,
                token.line,
                "an ignored test tests nothing: run it or delete it",
            ));
        }
    }
    findings
}

fn unfinished(path: &str, tokens: &[Token]) -> Vec<Finding> {
    let words = ["todo", "unimplemented", "dbg"];
    let unfinished = |at: usize| {
        words.contains(&tokens[at].text.as_str()) && tokens::reads(tokens, at + 1, &["!", "("])
    };
    (0..tokens.len())
        .filter(|at| unfinished(*at))
        .map(|at| {
            Finding::new(
                path,
                tokens[at].line,
                format!("`{}!` does not belong in a delivered file", tokens[at].text),
            )
        })
        .collect()
}

/// A sleep is a guess at how long something else takes.
fn sleeps(path: &str, tokens: &[Token]) -> Vec<Finding> {
    (0..tokens.len())
        .filter(|at| tokens::reads(tokens, *at, &["thread", ":", ":", "sleep"]))
        .map(|at| {
            Finding::new(
                path,
                tokens[at].line,
                "wait for what happens (a channel, a line, a child), not for time to pass",
            )
        })
        .collect()
}

/// In the crates, tests apart: what ends the process where a user should have read an error.
fn panics(path: &str, tokens: &[Token]) -> Vec<Finding> {
    if !path.starts_with("crates/") || !path.contains("/src/") {
        return Vec::new();
    }
    let forms: [(&[&str], &str); 3] = [
        (&[".", "unwrap", "(", ")"], "unwrap"),
        (&[".", "expect", "("], "expect"),
        (&["panic", "!", "("], "panic!"),
    ];
    let mut findings = Vec::new();
    for (at, token) in tokens::outside_tests(path, tokens) {
        for (_, name) in forms.iter().filter(|(form, _)| tokens::reads(tokens, at, form)) {
            let message = format!(
                "`{name}` ends the process: return an error, or show with `unreachable!` why it cannot be"
            );
            findings.push(Finding::new(path, token.line, message));
        }
    }
    findings
}

/// Variants of error enums that carry one `String` and no name for it.
fn bare_string_errors(path: &str, tokens: &[Token]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for at in 0..tokens.len() {
        if !tokens::reads(tokens, at, &["#", "[", "error", "("]) {
            continue;
        }
        let variant = tokens[at + 1].partner.map_or(at, |end| end + 1);
        if tokens::reads(tokens, variant + 1, &["(", "String", ")"]) {
            let name = &tokens[variant].text;
            let message = format!(
                "error variant `{name}` is a bare string: name its fields, so that callers can match"
            );
            findings.push(Finding::new(path, tokens[variant].line, message));
        }
    }
    findings
}
