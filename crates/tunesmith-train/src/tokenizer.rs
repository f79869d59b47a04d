//! Text into token rows, exactly as transformers' fast tokenizers do it.
//!
//! A tokenizer comes from a model's directory or is trained on the training texts. Truncation and
//! padding settings inside `tokenizer.json` are overridden: truncation is `longest_first` at the
//! length asked for, and nothing is ever padded.

mod encode;
mod error;
mod load;
mod save;
#[cfg(test)]
mod tests;
mod wordpiece;

use std::path::PathBuf;

pub use encode::{ModelLimits, TokenisedAt};
pub use error::{EncodeError, TokenizerError};

/// Splits texts into the tokens of one vocabulary.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    source: Source,
}

/// Where a tokenizer came from, which is what [`Tokenizer::save`] needs to know.
#[derive(Clone, Debug)]
enum Source {
    /// A model's directory: its files are copied.
    Directory(PathBuf),
    /// Trained here: the files are written. Tokens in the order of their ids.
    Trained(Vec<String>),
}

/// The special tokens of BERT's vocabulary, in the order in which a trained one starts.
const SPECIAL_TOKENS: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

impl Tokenizer {
    /// Trains a lower-case WordPiece tokenizer with at most `vocabulary_size` tokens.
    ///
    /// The same texts give the same vocabulary on every platform.
    ///
    /// # Errors
    /// Where the texts hold no word, or the size leaves no room for their letters.
    pub fn train<'a>(
        texts: impl IntoIterator<Item = &'a str>,
        vocabulary_size: usize,
    ) -> Result<Self, TokenizerError> {
        let tokens = wordpiece::train(texts, vocabulary_size)?;
        let inner = load::bert(&tokens.join("\n"), &load::BertSettings::default())?;
        Ok(Self { inner, source: Source::Trained(tokens) })
    }

    /// How many ids there are: the least `vocab_size` that a model needs.
    pub fn vocabulary_size(&self) -> usize {
        let largest = self.inner.get_vocab(true).into_values().max();
        largest.map_or(0, |id| id as usize + 1)
    }

    /// The id of the padding token, for the model's configuration.
    pub fn padding_id(&self) -> Option<u32> {
        ["[PAD]", "<pad>"].iter().find_map(|token| self.inner.token_to_id(token))
    }

    /// How many special tokens a row gets: 2 for a text and 3 for a pair with BERT.
    fn special_tokens(&self, pair: bool) -> usize {
        use tokenizers::PostProcessor;

        self.inner.get_post_processor().map_or(0, |processor| processor.added_tokens(pair))
    }
}
