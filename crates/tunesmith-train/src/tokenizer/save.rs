//! Tokenizer files that `AutoTokenizer.from_pretrained` loads.
//!
//! A loaded tokenizer is copied as it was; a trained one is written whole.

use std::path::Path;

use serde_json::json;

use super::{SPECIAL_TOKENS, Source, Tokenizer, TokenizerError};

/// The files that a tokenizer may consist of.
const FILES: [&str; 9] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
];

impl Tokenizer {
    /// Writes the tokenizer's files into a directory that exists.
    ///
    /// `positions` is the longest row of the model, for `model_max_length` of a trained tokenizer.
    ///
    /// # Errors
    /// Where a file cannot be read or written.
    pub fn save(&self, directory: &Path, positions: usize) -> Result<(), TokenizerError> {
        match &self.source {
            Source::Directory(source) => copy(source, directory),
            Source::Trained(tokens) => self.write(directory, tokens, positions),
        }
    }

    fn write(
        &self,
        directory: &Path,
        tokens: &[String],
        positions: usize,
    ) -> Result<(), TokenizerError> {
        let whole = self.inner.to_string(true);
        let whole = whole.map_err(|source| TokenizerError::Assembly { source })?;
        let [pad, unknown, classify, separate, mask] = SPECIAL_TOKENS;
        let special = json!({
            "pad_token": pad, "unk_token": unknown, "cls_token": classify,
            "sep_token": separate, "mask_token": mask,
        });
        let mut config = special.clone();
        config["tokenizer_class"] = json!("BertTokenizer");
        config["do_lower_case"] = json!(true);
        config["strip_accents"] = json!(null);
        config["tokenize_chinese_chars"] = json!(true);
        config["model_max_length"] = json!(positions);
        let mut vocabulary = tokens.join("\n");
        vocabulary.push('\n');
        put(directory, "tokenizer.json", &whole)?;
        put(directory, "tokenizer_config.json", &format!("{config:#}\n"))?;
        put(directory, "special_tokens_map.json", &format!("{special:#}\n"))?;
        put(directory, "vocab.txt", &vocabulary)
    }
}

fn put(directory: &Path, name: &str, text: &str) -> Result<(), TokenizerError> {
    let path = directory.join(name);
    std::fs::write(&path, text).map_err(|source| TokenizerError::Io { path, source })
}

/// Copies what is there; a file that goes missing meanwhile is an error.
fn copy(source: &Path, directory: &Path) -> Result<(), TokenizerError> {
    for name in FILES {
        let (from, to) = (source.join(name), directory.join(name));
        if !from.is_file() || same(&from, &to) {
            continue;
        }
        let bytes = std::fs::read(&from)
            .map_err(|source| TokenizerError::Io { path: from.clone(), source })?;
        std::fs::write(&to, bytes).map_err(|source| TokenizerError::Io { path: to, source })?;
    }
    Ok(())
}

/// Whether two paths are one file: writing it while reading it would empty it.
fn same(from: &Path, to: &Path) -> bool {
    match (from.canonicalize(), to.canonicalize()) {
        (Ok(from), Ok(to)) => from == to,
        _ => false,
    }
}
