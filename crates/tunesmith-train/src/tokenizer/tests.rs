//! Small vocabularies, lengths and limits; agreement with transformers is in `tests/`.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::data::{Corpus, Labels, Target, Texts};
use crate::metrics::Metric;

const TEXTS: [&str; 6] = [
    "The quick brown fox jumps over the lazy dog.",
    "A lazier dog jumped over quicker foxes!",
    "Foxes are quick; dogs are lazy, lazier, laziest.",
    "Jumping over the brown dog, the fox was quick.",
    "Œuvre, naïve café: accents go away.",
    "quick quicker quickest quickly",
];

fn trained(size: usize) -> Tokenizer {
    Tokenizer::train(TEXTS, size).unwrap()
}

fn texts(first: &[&str], second: Option<&[&str]>) -> Texts {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Texts {
        first: owned(first),
        second: second.map(owned),
        labels: Labels::Classes(vec![0; first.len()]),
    }
}

fn corpus(train: Texts) -> Corpus {
    Corpus {
        validation: train.clone(),
        train,
        test: None,
        target: Target::Classes(vec!["a".to_owned(), "b".to_owned()]),
        metric: Metric::Accuracy,
        empty_texts: 0,
    }
}

fn limits(tokenizer: &Tokenizer) -> ModelLimits {
    ModelLimits { positions: 16, segments: 2, vocabulary: tokenizer.vocabulary_size() }
}

#[test]
fn learns_common_words_whole() {
    let tokenizer = trained(160);
    let tokens = tokenizer.inner.encode("The quick fox", true).unwrap();
    assert_eq!(tokens.get_tokens(), ["[CLS]", "the", "quick", "fox", "[SEP]"]);
    let tokens = tokenizer.inner.encode("quickfox naïve 漢", true).unwrap();
    assert_eq!(tokens.get_tokens().first().map(String::as_str), Some("[CLS]"));
    assert_eq!(tokens.get_tokens()[1], "quick");
    assert!(tokens.get_tokens().contains(&"[UNK]".to_owned()));
    assert_eq!(tokenizer.padding_id(), Some(0));
}

#[test]
fn learns_the_same_from_the_same() {
    let Source::Trained(tokens) = trained(66).source else { panic!("trained") };
    assert_eq!(tokens.len(), 66);
    assert_eq!(&tokens[..5], &SPECIAL_TOKENS);
    for _ in 0..5 {
        let Source::Trained(again) = trained(66).source else { panic!("trained") };
        assert_eq!(again, tokens);
    }
    // Larger vocabularies only go on where smaller ones stop.
    let Source::Trained(larger) = trained(75).source else { panic!("trained") };
    assert_eq!(&larger[..66], &tokens[..]);
}

#[test]
fn refuses_to_learn_from_nothing() {
    assert!(matches!(Tokenizer::train([" ", ""], 100), Err(TokenizerError::NoWords)));
    assert!(matches!(Tokenizer::train(TEXTS, 20), Err(TokenizerError::TooSmall { size: 20, .. })));
}

#[test]
fn counts_merges_by_hand() {
    // ab ab abc: a+##b is commonest (3), then ab+##c (once, so not merged).
    let Source::Trained(tokens) = Tokenizer::train(["ab ab abc"], 100).unwrap().source else {
        panic!("trained")
    };
    assert_eq!(&tokens[5..], ["a", "##b", "##c", "ab"]);
}

#[test]
fn saves_what_loads_again() {
    let directory = TempDir::new().unwrap();
    let tokenizer = trained(160);
    tokenizer.save(directory.path(), 64).unwrap();
    let loaded = Tokenizer::from_directory(directory.path()).unwrap();
    fs::remove_file(directory.path().join("tokenizer.json")).unwrap();
    let from_vocabulary = Tokenizer::from_directory(directory.path()).unwrap();
    let train = corpus(texts(&TEXTS, Some(&TEXTS)));
    let expected = tokenizer.encode(&train, limits(&tokenizer), None).unwrap();
    for other in [&loaded, &from_vocabulary] {
        assert_eq!(other.vocabulary_size(), tokenizer.vocabulary_size());
        assert_eq!(other.encode(&train, limits(&tokenizer), None).unwrap(), expected);
    }
    let copied = TempDir::new().unwrap();
    from_vocabulary.save(copied.path(), 64).unwrap();
    assert!(!copied.path().join("tokenizer.json").exists());
    assert_eq!(
        fs::read(copied.path().join("vocab.txt")).unwrap(),
        fs::read(directory.path().join("vocab.txt")).unwrap()
    );
    from_vocabulary.save(directory.path(), 64).unwrap();
    assert!(fs::metadata(directory.path().join("vocab.txt")).unwrap().len() > 0);
}

#[test]
fn overrides_truncation_and_padding_of_the_file() {
    use tokenizers::{PaddingParams, TruncationParams};

    let directory = TempDir::new().unwrap();
    let mut inner = trained(160).inner;
    inner.with_padding(Some(PaddingParams::default()));
    let truncation = TruncationParams { max_length: 4, ..TruncationParams::default() };
    inner.with_truncation(Some(truncation)).unwrap();
    inner.save(directory.path().join("tokenizer.json"), false).unwrap();
    let tokenizer = Tokenizer::from_directory(directory.path()).unwrap();
    let data = tokenizer
        .encode(&corpus(texts(&["fox", "the quick brown fox"], None)), limits(&tokenizer), None)
        .unwrap();
    assert_eq!((data.train.tokens(0), data.train.tokens(1)), (3, 6));
}

#[test]
fn cuts_the_longer_of_a_pair_first_and_counts_rows() {
    let tokenizer = trained(160);
    let train = texts(&["the quick fox", "fox"], Some(&["dog dog dog dog dog dog dog", "dog"]));
    let data = tokenizer.encode(&corpus(train), limits(&tokenizer), Some(9)).unwrap();
    let row = data.train.row(0);
    assert_eq!(row.ids.len(), 9);
    assert_eq!(row.type_ids, [0, 0, 0, 0, 0, 1, 1, 1, 1]);
    assert_eq!(data.train.tokens(1), 5);
    assert_eq!((data.max_tokens, data.truncated), (9, 2), "once in training, once in validation");
}

#[test]
fn drops_segments_that_the_model_does_not_have() {
    let tokenizer = trained(160);
    let one = ModelLimits { segments: 1, ..limits(&tokenizer) };
    let train = corpus(texts(&["the fox"], Some(&["dog"])));
    let data = tokenizer.encode(&train, one, None).unwrap();
    assert!(data.train.row(0).type_ids.iter().all(|segment| *segment == 0));
}

#[test]
fn refuses_lengths_and_vocabularies_that_do_not_fit() {
    let tokenizer = trained(160);
    let train = corpus(texts(&["the fox"], Some(&["dog"])));
    let limits = limits(&tokenizer);
    let refusal =
        |limits, length| tokenizer.encode(&train, limits, length).unwrap_err().to_string();
    assert_eq!(
        refusal(limits, Some(17)),
        "max_seq_length 17 is above the model's 16 positions; give at most 16"
    );
    assert_eq!(
        refusal(limits, Some(4)),
        "max_seq_length 4 leaves no room for text beside 3 special tokens; give at least 5"
    );
    let small = ModelLimits { vocabulary: 10, ..limits };
    assert!(refusal(small, None).contains("they do not belong together"));
}

#[test]
fn keeps_empty_texts_as_rows() {
    let tokenizer = trained(160);
    let data = tokenizer.encode(&corpus(texts(&["", "fox"], None)), limits(&tokenizer), None);
    let data = data.unwrap();
    assert_eq!((data.train.rows(), data.train.tokens(0)), (2, 2));
}

#[test]
fn tokenises_a_length_once() {
    let tokenizer = trained(160);
    let limits = limits(&tokenizer);
    let mut shelf =
        TokenisedAt::new(corpus(texts(&["the quick brown fox"], None)), tokenizer, limits);
    let whole = shelf.length(None).unwrap();
    assert!(std::sync::Arc::ptr_eq(&whole, &shelf.length(Some(16)).unwrap()));
    assert_eq!(shelf.length(Some(4)).unwrap().train.tokens(0), 4);
    assert!(shelf.length(Some(99)).is_err());
}

#[test]
fn says_what_is_wrong_with_a_directory() {
    let directory = TempDir::new().unwrap();
    let refusal = |path: &Path| Tokenizer::from_directory(path).unwrap_err().to_string();
    assert!(refusal(directory.path()).contains("neither tokenizer.json nor vocab.txt"));
    fs::write(directory.path().join("vocab.txt"), "the\nfox\n").unwrap();
    assert!(refusal(directory.path()).contains("has no `[CLS]`"));
    fs::write(directory.path().join("tokenizer_config.json"), "{\"do_lower_case\": 3}").unwrap();
    assert!(refusal(directory.path()).contains("tokenizer_config.json: no tokenizer"));
    fs::write(directory.path().join("tokenizer.json"), "{").unwrap();
    assert!(refusal(directory.path()).contains("tokenizer.json: no tokenizer"));
}
