//! Why texts cannot be tokenised: each variant says what to do next.

use std::path::PathBuf;

/// What the tokenizers crate says.
pub(super) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no tokenizer.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The directory has no file that a tokenizer can be made of.
    #[error(
        "{}: neither tokenizer.json nor vocab.txt; write one with \
         `AutoTokenizer.from_pretrained(model).save_pretrained(directory)`",
        directory.display()
    )]
    Missing {
        /// The model's directory.
        directory: PathBuf,
    },
    /// A file that cannot be read or written.
    #[error("{}: {source}; check that the file can be read and the directory written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A tokenizer file that makes no sense.
    #[error("{}: no tokenizer: {source}; download the file again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        source: Cause,
    },
    /// A vocabulary without a token that the tokenizer needs.
    #[error("the vocabulary has no `{token}`; use the vocab.txt that belongs to the model")]
    NoSpecialToken {
        /// The token.
        token: &'static str,
    },
    /// Nothing to learn a vocabulary from.
    #[error(
        "the training texts hold no word: there is no vocabulary to learn; check the text column"
    )]
    NoWords,
    /// The vocabulary is too small for the letters.
    #[error(
        "a vocabulary of {size} tokens is too small; give at least {least}, room for every letter"
    )]
    TooSmall {
        /// What was asked for.
        size: usize,
        /// Special tokens, and each letter at the start and inside of words.
        least: usize,
    },
    /// The tokenizers crate refuses its own settings.
    #[error("the tokenizer cannot be put together: {source}")]
    Assembly {
        /// What it says.
        source: Cause,
    },
}

/// Why texts cannot become rows for a model.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The length asked for is above what the model has positions for.
    #[error(
        "max_seq_length {asked} is above the model's {positions} positions; give at most {positions}"
    )]
    AbovePositions {
        /// The length asked for.
        asked: usize,
        /// The model's limit.
        positions: usize,
    },
    /// The length asked for leaves no room for text.
    #[error(
        "max_seq_length {asked} leaves no room for text beside {special} special tokens; give at least {least}"
    )]
    NoRoom {
        /// The length asked for.
        asked: usize,
        /// Special tokens in a row.
        special: usize,
        /// The least that works.
        least: usize,
    },
    /// The tokenizer gives ids that the model has no embedding for.
    #[error(
        "the tokenizer has {tokenizer} ids and the model {model} embeddings: they do not belong \
         together; use the tokenizer files that came with the model"
    )]
    Vocabulary {
        /// Ids of the tokenizer.
        tokenizer: usize,
        /// Rows of the model's embedding.
        model: usize,
    },
    /// More tokens in a split than can be counted.
    #[error("{tokens} tokens in one split are too many; lower max_seq_length or limit the rows")]
    TooManyTokens {
        /// Tokens of the split.
        tokens: usize,
    },
    /// The tokenizers crate refuses a text or the settings.
    #[error("row {row} cannot be tokenised: {source}")]
    Text {
        /// The row of its split, from 1.
        row: usize,
        /// What it says.
        source: Cause,
    },
}
