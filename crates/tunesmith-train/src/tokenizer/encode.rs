//! A corpus into token rows.
//!
//! Rows are tokenised in parallel and come out in order. Type ids are kept only where the model
//! tells segments apart.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use tokenizers::{Encoding, TruncationParams, TruncationStrategy};

use super::{EncodeError, Tokenizer};
use crate::data::{Corpus, Dataset, Row, Split, Texts};

/// What a model can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelLimits {
    /// The longest row, special tokens included (for RoBERTa two less than its position embeddings).
    pub positions: usize,
    /// How many segments it tells apart: 2 for BERT, 1 for RoBERTa and DistilBERT.
    pub segments: usize,
    /// Rows of its token embedding.
    pub vocabulary: usize,
}

/// A corpus and its tokenizer, with the rows at every length that was asked for.
///
/// Trials that share a length share the rows.
#[derive(Debug)]
pub struct TokenisedAt {
    corpus: Corpus,
    tokenizer: Tokenizer,
    limits: ModelLimits,
    lengths: BTreeMap<usize, Arc<Dataset>>,
}

impl TokenisedAt {
    /// Nothing is tokenised yet.
    pub fn new(corpus: Corpus, tokenizer: Tokenizer, limits: ModelLimits) -> Self {
        Self { corpus, tokenizer, limits, lengths: BTreeMap::new() }
    }

    /// The rows at a length, the model's own where none is given; tokenised at the first call.
    ///
    /// # Errors
    /// See [`EncodeError`].
    pub fn length(&mut self, max_tokens: Option<usize>) -> Result<Arc<Dataset>, EncodeError> {
        let length = max_tokens.unwrap_or(self.limits.positions);
        if let Some(dataset) = self.lengths.get(&length) {
            return Ok(Arc::clone(dataset));
        }
        let dataset = Arc::new(self.tokenizer.encode(&self.corpus, self.limits, max_tokens)?);
        self.lengths.insert(length, Arc::clone(&dataset));
        Ok(dataset)
    }

    /// The texts.
    pub fn corpus(&self) -> &Corpus {
        &self.corpus
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }
}

impl Tokenizer {
    /// Tokenises all splits, each row cut to `max_tokens` (the model's positions if absent).
    ///
    /// # Errors
    /// See [`EncodeError`].
    pub fn encode(
        &self,
        corpus: &Corpus,
        limits: ModelLimits,
        max_tokens: Option<usize>,
    ) -> Result<Dataset, EncodeError> {
        let asked = max_tokens.unwrap_or(limits.positions);
        self.check(corpus, limits, asked)?;
        let mut inner = self.inner.clone();
        let truncation = TruncationParams {
            max_length: asked,
            strategy: TruncationStrategy::LongestFirst,
            ..TruncationParams::default()
        };
        inner
            .with_truncation(Some(truncation))
            .map_err(|source| EncodeError::Text { row: 0, source })?;
        let mut truncated = 0;
        let mut split = |texts: &Texts| -> Result<Split, EncodeError> {
            let (split, cut) = rows(&inner, texts, limits.segments)?;
            truncated += cut;
            Ok(split)
        };
        let train = split(&corpus.train)?;
        let validation = split(&corpus.validation)?;
        let test = corpus.test.as_ref().map(split).transpose()?;
        let target = corpus.target.clone();
        Ok(Dataset { train, validation, test, target, max_tokens: asked, truncated })
    }

    fn check(&self, corpus: &Corpus, limits: ModelLimits, asked: usize) -> Result<(), EncodeError> {
        if asked > limits.positions {
            return Err(EncodeError::AbovePositions { asked, positions: limits.positions });
        }
        let pair = corpus.train.second.is_some();
        let special = self.special_tokens(pair);
        let least = special + 1 + usize::from(pair);
        if asked < least {
            return Err(EncodeError::NoRoom { asked, special, least });
        }
        let tokenizer = self.vocabulary_size();
        if tokenizer > limits.vocabulary {
            return Err(EncodeError::Vocabulary { tokenizer, model: limits.vocabulary });
        }
        Ok(())
    }
}

/// The rows of a split, and how many were cut.
fn rows(
    inner: &tokenizers::Tokenizer,
    texts: &Texts,
    segments: usize,
) -> Result<(Split, usize), EncodeError> {
    let encodings: Vec<Encoding> = (0..texts.rows())
        .into_par_iter()
        .map(|row| {
            let first = texts.first[row].as_str();
            let encoded = match &texts.second {
                Some(second) => inner.encode_fast((first, second[row].as_str()), true),
                None => inner.encode_fast(first, true),
            };
            encoded.map_err(|source| EncodeError::Text { row: row + 1, source })
        })
        .collect::<Result<_, _>>()?;
    let tokens: usize = encodings.iter().map(Encoding::len).sum();
    if u32::try_from(tokens).is_err() {
        return Err(EncodeError::TooManyTokens { tokens });
    }
    let truncated = encodings.iter().filter(|row| !row.get_overflowing().is_empty()).count();
    let type_ids: Vec<Vec<u8>> =
        encodings.iter().map(|row| type_ids(row.get_type_ids(), segments)).collect();
    let rows = encodings.iter().zip(&type_ids);
    let rows = rows.map(|(row, type_ids)| Row { ids: row.get_ids(), type_ids });
    Ok((Split::new(rows, texts.labels.clone()), truncated))
}

/// A segment that the model does not tell apart becomes the first.
fn type_ids(ids: &[u32], segments: usize) -> Vec<u8> {
    let known = |id: u32| {
        if (id as usize) < segments { id as u8 } else { 0 }
    };
    ids.iter().map(|id| known(*id)).collect()
}
