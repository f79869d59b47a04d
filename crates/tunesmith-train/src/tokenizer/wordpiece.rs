//! Learns a WordPiece vocabulary: pair merges by count, as tokenizers' own trainer does it.
//!
//! Ours because that one numbers letters in hash order, so the same text gives another vocabulary
//! on every run. Differences: ties go to the pair whose tokens came first, and words are counted in
//! sorted order. It does not score pairs by likelihood (Schuster & Nakajima 2012), as the public
//! tools do not either. Merging: Sennrich et al. 2016, with the pair index kept up to date.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{
    NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
};

use super::{SPECIAL_TOKENS, TokenizerError};

/// A pair seen less often than this is not merged.
const LEAST_COUNT: u64 = 2;

/// Words longer than this are unknown to the tokenizer, so they teach nothing (WordPiece's limit).
const LONGEST_WORD: usize = 100;

/// Two neighbouring tokens, by id.
type Pair = (u32, u32);

/// The tokens of the learnt vocabulary, in the order of their ids.
pub(super) fn train<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    size: usize,
) -> Result<Vec<String>, TokenizerError> {
    let counts = count_words(texts)?;
    if counts.is_empty() {
        return Err(TokenizerError::NoWords);
    }
    let mut vocabulary = Vocabulary::of_letters(counts.keys());
    if vocabulary.tokens.len() > size {
        return Err(TokenizerError::TooSmall { size, least: vocabulary.tokens.len() });
    }
    let words = counts.iter().map(|(word, count)| (vocabulary.spell(word), *count)).collect();
    Merges::new(words).run(&mut vocabulary, size);
    Ok(vocabulary.tokens)
}

/// How often each word occurs, after BERT's normaliser and pre-tokenizer.
fn count_words<'a>(
    texts: impl IntoIterator<Item = &'a str>,
) -> Result<BTreeMap<String, u64>, TokenizerError> {
    let assembly = |source| TokenizerError::Assembly { source };
    let normalizer = BertNormalizer::default();
    let mut counts = BTreeMap::new();
    for text in texts {
        let mut normalized = NormalizedString::from(text);
        normalizer.normalize(&mut normalized).map_err(assembly)?;
        let mut split = PreTokenizedString::from(normalized);
        BertPreTokenizer.pre_tokenize(&mut split).map_err(assembly)?;
        for (word, _, _) in split.get_splits(OffsetReferential::Normalized, OffsetType::None) {
            if word.chars().count() <= LONGEST_WORD {
                *counts.entry(word.to_owned()).or_default() += 1;
            }
        }
    }
    Ok(counts)
}

/// Tokens and their ids.
struct Vocabulary {
    tokens: Vec<String>,
    ids: BTreeMap<String, u32>,
}

impl Vocabulary {
    /// Special tokens, then every letter as a word's first, then every letter inside a word.
    fn of_letters<'a>(words: impl Iterator<Item = &'a String> + Clone) -> Self {
        let first: BTreeSet<char> = words.clone().filter_map(|word| word.chars().next()).collect();
        let inside: BTreeSet<char> = words.flat_map(|word| word.chars().skip(1)).collect();
        let mut vocabulary = Self { tokens: Vec::new(), ids: BTreeMap::new() };
        for token in SPECIAL_TOKENS {
            vocabulary.id(token.to_owned());
        }
        for letter in first {
            vocabulary.id(letter.to_string());
        }
        for letter in inside {
            vocabulary.id(format!("##{letter}"));
        }
        vocabulary
    }

    /// The id of a token, new or not.
    fn id(&mut self, token: String) -> u32 {
        let next = self.tokens.len() as u32;
        let id = *self.ids.entry(token.clone()).or_insert(next);
        if id == next {
            self.tokens.push(token);
        }
        id
    }

    /// A word as the ids of its letters.
    fn spell(&mut self, word: &str) -> Vec<u32> {
        let letters = word.chars().enumerate();
        letters
            .map(|(place, letter)| match place {
                0 => self.id(letter.to_string()),
                _ => self.id(format!("##{letter}")),
            })
            .collect()
    }

    /// The id of two tokens joined.
    fn join(&mut self, (left, right): Pair) -> u32 {
        let right = &self.tokens[right as usize];
        let right = right.strip_prefix("##").unwrap_or(right);
        let joined = format!("{}{right}", self.tokens[left as usize]);
        self.id(joined)
    }
}

/// Words as tokens, and where each pair occurs.
struct Merges {
    words: Vec<(Vec<u32>, u64)>,
    counts: BTreeMap<Pair, u64>,
    places: BTreeMap<Pair, BTreeSet<u32>>,
    queue: BinaryHeap<(u64, std::cmp::Reverse<Pair>)>,
}

impl Merges {
    fn new(words: Vec<(Vec<u32>, u64)>) -> Self {
        let mut merges = Self {
            words,
            counts: BTreeMap::new(),
            places: BTreeMap::new(),
            queue: BinaryHeap::new(),
        };
        for word in 0..merges.words.len() {
            merges.enter(word);
        }
        let all = merges.counts.iter();
        merges.queue = all.map(|(pair, count)| (*count, std::cmp::Reverse(*pair))).collect();
        merges
    }

    /// Merges the commonest pair until the vocabulary is full or no pair is common.
    fn run(&mut self, vocabulary: &mut Vocabulary, size: usize) {
        while vocabulary.tokens.len() < size {
            let Some((count, std::cmp::Reverse(pair))) = self.queue.pop() else {
                break;
            };
            let now = self.counts.get(&pair).copied().unwrap_or_default();
            if now != count {
                // Out of date: a change of count queued the pair again.
                continue;
            }
            if count < LEAST_COUNT {
                break;
            }
            let joined = vocabulary.join(pair);
            self.merge(pair, joined);
        }
    }

    /// Joins a pair in every word that has it.
    fn merge(&mut self, pair: Pair, joined: u32) {
        let words = self.places.remove(&pair).unwrap_or_default();
        let mut changed = BTreeSet::new();
        for word in words {
            let word = word as usize;
            changed.extend(self.leave(word));
            let (tokens, _) = &mut self.words[word];
            *tokens = join(tokens, pair, joined);
            changed.extend(self.enter(word));
        }
        for pair in changed {
            if let Some(count) = self.counts.get(&pair) {
                self.queue.push((*count, std::cmp::Reverse(pair)));
            }
        }
    }

    /// Counts a word's pairs; gives them.
    fn enter(&mut self, word: usize) -> Vec<Pair> {
        let (tokens, count) = &self.words[word];
        let pairs = pairs(tokens);
        for pair in &pairs {
            *self.counts.entry(*pair).or_default() += count;
            self.places.entry(*pair).or_default().insert(word as u32);
        }
        pairs
    }

    /// Takes a word's pairs out of the counts; gives them.
    fn leave(&mut self, word: usize) -> Vec<Pair> {
        let (tokens, count) = &self.words[word];
        let pairs = pairs(tokens);
        for pair in &pairs {
            if let Some(total) = self.counts.get_mut(pair) {
                *total -= count;
                if *total == 0 {
                    self.counts.remove(pair);
                }
            }
            if let Some(places) = self.places.get_mut(pair) {
                places.remove(&(word as u32));
            }
        }
        pairs
    }
}

/// Every two neighbours.
fn pairs(tokens: &[u32]) -> Vec<Pair> {
    tokens.windows(2).map(|pair| (pair[0], pair[1])).collect()
}

/// The tokens with every `pair`, from the left, replaced.
fn join(tokens: &[u32], pair: Pair, joined: u32) -> Vec<u32> {
    let mut result = Vec::with_capacity(tokens.len());
    let mut rest = tokens;
    while let Some((first, after)) = rest.split_first() {
        match after.split_first() {
            Some((second, after)) if (*first, *second) == pair => {
                result.push(joined);
                rest = after;
            }
            _ => {
                result.push(*first);
                rest = after;
            }
        }
    }
    result
}
