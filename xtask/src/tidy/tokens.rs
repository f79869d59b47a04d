//! A Rust file as a flat row of tokens with lines, comments and string contents gone.
//!
//! It knows brackets and nothing of grammar: that is enough for the house rules, and it sees inside
//! macros, where a parser of items is blind.

use std::str::FromStr;

use proc_macro2::{Delimiter, LexError, TokenStream, TokenTree};

/// One token: an identifier, a punctuation character, a literal as written, or a bracket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) text: String,
    /// Line of its first character, from 1.
    pub(super) line: usize,
    /// For an opening bracket the index of its closing one, and the other way round.
    pub(super) partner: Option<usize>,
}

/// The tokens of `text`. Doc comments become `# [ doc = "…" ]`, as for the compiler.
pub(super) fn flatten(text: &str) -> Result<Vec<Token>, LexError> {
    let mut tokens = Vec::new();
    push_all(TokenStream::from_str(text)?, &mut tokens);
    Ok(tokens)
}

/// True when the tokens from `at` on read as `words`.
pub(super) fn reads(tokens: &[Token], at: usize, words: &[&str]) -> bool {
    words
        .iter()
        .enumerate()
        .all(|(offset, word)| tokens.get(at + offset).is_some_and(|token| token.text == *word))
}

/// Line ranges, both ends inside, of modules under `#[cfg(test)]`.
pub(super) fn test_modules(tokens: &[Token]) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if !reads(tokens, at, &["#", "[", "cfg", "(", "test", ")", "]"]) {
            continue;
        }
        let opening = tokens[at + 7..]
            .iter()
            .take_while(|next| next.text != ";")
            .position(|next| next.text == "{");
        let last =
            opening.and_then(|offset| tokens[at + 7 + offset].partner).map(|end| tokens[end].line);
        ranges.extend(last.map(|last| (token.line, last)));
    }
    ranges
}

/// The tokens that users run: none of a file of tests, and none inside modules of tests.
pub(super) fn outside_tests<'a>(path: &str, tokens: &'a [Token]) -> Vec<(usize, &'a Token)> {
    if is_test(path) {
        return Vec::new();
    }
    let tests = test_modules(tokens);
    let inside = |line: usize| tests.iter().any(|(first, last)| (*first..=*last).contains(&line));
    tokens.iter().enumerate().filter(|(_, token)| !inside(token.line)).collect()
}

/// True for a file that holds nothing but tests.
pub(super) fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

fn push_all(stream: TokenStream, tokens: &mut Vec<Token>) {
    for tree in stream {
        match tree {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                push_all(group.stream(), tokens);
            }
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Parenthesis | Delimiter::None => ("(", ")"),
                };
                let start = tokens.len();
                tokens.push(Token {
                    text: open.into(),
                    line: group.span_open().start().line,
                    partner: None,
                });
                push_all(group.stream(), tokens);
                let end = tokens.len();
                tokens.push(Token {
                    text: close.into(),
                    line: group.span_close().start().line,
                    partner: Some(start),
                });
                tokens[start].partner = Some(end);
            }
            leaf => tokens.push(Token {
                text: leaf.to_string(),
                line: leaf.span().start().line,
                partner: None,
            }),
        }
    }
}
