//! Tokenizers from a model's directory.
//!
//! Reads `tokenizer.json`, else BERT's `vocab.txt` with the switches of `tokenizer_config.json`. A
//! byte-level vocabulary without `tokenizer.json` is refused, not approximated.

use std::path::Path;

use serde::Deserialize;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, decoders};

use super::{SPECIAL_TOKENS, Source, Tokenizer, TokenizerError};

/// The switches of BERT's tokenizer in `tokenizer_config.json`, with transformers' defaults.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(super) struct BertSettings {
    do_lower_case: bool,
    strip_accents: Option<bool>,
    tokenize_chinese_chars: bool,
}

impl Default for BertSettings {
    fn default() -> Self {
        Self { do_lower_case: true, strip_accents: None, tokenize_chinese_chars: true }
    }
}

impl Tokenizer {
    /// The tokenizer in a model's directory.
    ///
    /// # Errors
    /// See [`TokenizerError`].
    pub fn from_directory(directory: &Path) -> Result<Self, TokenizerError> {
        let whole = directory.join("tokenizer.json");
        let vocabulary = directory.join("vocab.txt");
        let mut inner = if whole.is_file() {
            tokenizers::Tokenizer::from_file(&whole)
                .map_err(|source| TokenizerError::Malformed { path: whole, source })?
        } else if vocabulary.is_file() {
            bert(&read(&vocabulary)?, &settings(directory)?)?
        } else {
            return Err(TokenizerError::Missing { directory: directory.to_owned() });
        };
        inner.with_padding(None);
        let assembly = |source| TokenizerError::Assembly { source };
        inner.with_truncation(None).map_err(assembly)?;
        Ok(Self { inner, source: Source::Directory(directory.to_owned()) })
    }
}

/// The switches beside a `vocab.txt`; the defaults where there is no file.
fn settings(directory: &Path) -> Result<BertSettings, TokenizerError> {
    let path = directory.join("tokenizer_config.json");
    if !path.is_file() {
        return Ok(BertSettings::default());
    }
    serde_json::from_str(&read(&path)?)
        .map_err(|source| TokenizerError::Malformed { path, source: source.into() })
}

fn read(path: &Path) -> Result<String, TokenizerError> {
    std::fs::read_to_string(path)
        .map_err(|source| TokenizerError::Io { path: path.to_owned(), source })
}

/// BERT's tokenizer over the lines of a `vocab.txt`: a token's id is its line, from 0.
pub(super) fn bert(
    vocabulary: &str,
    settings: &BertSettings,
) -> Result<tokenizers::Tokenizer, TokenizerError> {
    let assembly = |source| TokenizerError::Assembly { source };
    let vocabulary = WordPiece::read_bytes(vocabulary.as_bytes()).map_err(assembly)?;
    let model = WordPiece::builder().vocab(vocabulary).build();
    let mut tokenizer = tokenizers::Tokenizer::new(model.map_err(assembly)?);
    let id = |token: &'static str| {
        tokenizer.token_to_id(token).ok_or(TokenizerError::NoSpecialToken { token })
    };
    let (classify, separate) = (id("[CLS]")?, id("[SEP]")?);
    id("[UNK]")?;
    let template = TemplateProcessing::builder()
        .try_single("[CLS]:0 $A:0 [SEP]:0")
        .and_then(|template| template.try_pair("[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1"))
        .map_err(|source| TokenizerError::Assembly { source: source.into() })?
        .special_tokens(vec![("[CLS]", classify), ("[SEP]", separate)])
        .build()
        .map_err(|source| TokenizerError::Assembly { source: source.into() })?;
    let normalizer = BertNormalizer::new(
        true,
        settings.tokenize_chinese_chars,
        settings.strip_accents,
        settings.do_lower_case,
    );
    let present = SPECIAL_TOKENS.into_iter().filter(|token| tokenizer.token_to_id(token).is_some());
    let special: Vec<AddedToken> = present.map(|token| AddedToken::from(token, true)).collect();
    tokenizer.with_normalizer(Some(normalizer)).map_err(assembly)?;
    tokenizer
        .with_pre_tokenizer(Some(BertPreTokenizer))
        .with_post_processor(Some(template))
        .with_decoder(Some(decoders::wordpiece::WordPiece::default()));
    tokenizer.add_special_tokens(special).map_err(assembly)?;
    Ok(tokenizer)
}
