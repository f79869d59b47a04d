//! Real files, and agreement with transformers on them.
//!
//! `TUNESMITH_DATA` and `TUNESMITH_MINILM` name the directories; without them these tests say that
//! they were skipped, unless `TUNESMITH_REQUIRE_REAL` is set. Rows of the data are never copied here.

use std::path::PathBuf;

use serde::Deserialize;
use tunesmith_train::data::{
    Corpus, Dataset, FileTask, Files, Format, Labels, Split, Target, Task, TextColumns,
};
use tunesmith_train::hub::Hub;
use tunesmith_train::tokenizer::{ModelLimits, TokenisedAt, Tokenizer};

/// The directory that a variable names; none where the test may be skipped.
fn real(variable: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    if named.is_none() {
        assert!(std::env::var_os("TUNESMITH_REQUIRE_REAL").is_none(), "{variable} is not set");
        eprintln!("skipped: {variable} is not set");
    }
    named
}

fn pair(first: &str, second: &str) -> TextColumns {
    TextColumns::Pair(first.to_owned(), second.to_owned())
}

fn read(task: FileTask) -> Corpus {
    let hub = Hub::new("http://127.0.0.1:9", "/nowhere").with_offline(true);
    Corpus::read(&Task::Files(Box::new(task)), &hub).unwrap()
}

/// RTE as `format` has it.
fn rte(format: &str) -> Option<FileTask> {
    let rte = real("TUNESMITH_DATA")?.join("glue/RTE");
    let (train, validation) = match format {
        "tsv" => ("train.tsv", "dev.tsv"),
        _ => ("parquet/train.parquet", "parquet/validation.parquet"),
    };
    let task = FileTask::new(rte.join(train), pair("sentence1", "sentence2"), "label");
    Some(FileTask { validation: Files(vec![rte.join(validation)]), ..task })
}

/// The training rows with their labels, in an order of their own.
fn sorted(corpus: &Corpus) -> Vec<(&str, &str, u32)> {
    let Labels::Classes(labels) = &corpus.train.labels else { panic!("classes") };
    let second = corpus.train.second.as_ref().unwrap();
    let rows = corpus.train.first.iter().zip(second).zip(labels);
    let mut rows: Vec<_> = rows.map(|((a, b), label)| (a.as_str(), b.as_str(), *label)).collect();
    rows.sort_unstable();
    rows
}

fn ones(labels: &Labels) -> u32 {
    let Labels::Classes(labels) = labels else { panic!("classes") };
    labels.iter().sum()
}

#[test]
fn rte_is_the_same_in_both_formats() {
    let (Some(tsv), Some(parquet)) = (rte("tsv"), rte("parquet")) else {
        return;
    };
    let (tsv, parquet) = (read(tsv), read(parquet));
    assert_eq!((tsv.train.rows(), tsv.validation.rows()), (2490, 277));
    let names = ["entailment", "not_entailment"].map(String::from);
    assert_eq!(tsv.target, Target::Classes(names.to_vec()));
    assert_eq!(parquet.target, tsv.target);
    assert!(parquet.validation == tsv.validation, "the validation rows differ");
    // The hub keeps the training rows in another order.
    assert!(sorted(&parquet) == sorted(&tsv), "the training rows differ");
    assert_eq!(ones(&tsv.validation.labels), 131);
}

#[test]
fn rte_test_rows_have_no_label() {
    let Some(task) = rte("tsv") else { return };
    let test = task.train.0[0].with_file_name("test.tsv");
    let task = Task::Files(Box::new(FileTask { test: Files(vec![test]), ..task }));
    let error = Corpus::read(&task, &Hub::new("http://127.0.0.1:9", "/nowhere")).unwrap_err();
    assert!(
        error.to_string().contains("test.tsv:1: no column `label`; there are: `index`"),
        "{error}"
    );
}

#[test]
fn mrpc_starts_with_a_byte_order_mark() {
    let Some(data) = real("TUNESMITH_DATA") else {
        return;
    };
    let text = pair("#1 String", "#2 String");
    let task = FileTask::new(data.join("glue/MRPC/train.tsv"), text, "Quality");
    let validation = Files(vec![data.join("glue/MRPC/dev.tsv")]);
    let labels = Some(["not_equivalent", "equivalent"].map(String::from).to_vec());
    let corpus = read(FileTask { validation, labels, ..task });
    assert_eq!((corpus.train.rows(), corpus.validation.rows()), (3668, 408));
    assert_eq!((ones(&corpus.train.labels), ones(&corpus.validation.labels)), (2474, 279));
}

#[test]
fn sst2_is_one_text_a_row() {
    let Some(data) = real("TUNESMITH_DATA") else {
        return;
    };
    let text = TextColumns::One("sentence".to_owned());
    let task = FileTask::new(data.join("glue/SST-2/train_20k.tsv"), text, "label");
    let validation = Files(vec![data.join("glue/SST-2/dev.tsv")]);
    let corpus = read(FileTask { validation, ..task });
    assert_eq!((corpus.train.rows(), corpus.validation.rows()), (20_000, 872));
    assert_eq!(ones(&corpus.validation.labels), 444);
    assert_eq!(corpus.empty_texts, 0);
}

#[test]
fn sms_spam_is_split_by_class() {
    let Some(data) = real("TUNESMITH_DATA") else {
        return;
    };
    let text = TextColumns::One("SMS".to_owned());
    let task = FileTask::new(data.join("sms_spam/SMSSpamCollection"), text, "Label");
    let task = FileTask { format: Some(Format::Tsv), test_fraction: Some(0.1), ..task };
    let corpus = read(task);
    let test = corpus.test.as_ref().unwrap();
    let rows = [corpus.train.rows(), corpus.validation.rows(), test.rows()];
    assert_eq!(rows, [4460, 557, 557]);
    assert_eq!((ones(&corpus.validation.labels), ones(&test.labels)), (75, 75));
}

/// What `tools/golden/tokens.py` wrote.
#[derive(Deserialize)]
struct Golden {
    lengths: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    length: usize,
    train: Measured,
    dev: Measured,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Measured {
    rows: usize,
    tokens: usize,
    truncated: usize,
    hash: String,
}

/// FNV-1a over every row's length, ids and type ids, as little-endian 32-bit words.
fn hash(split: &Split) -> String {
    let mut value = 0xcbf2_9ce4_8422_2325_u64;
    let mut take = |word: u32| {
        for byte in word.to_le_bytes() {
            value = (value ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for row in (0..split.rows()).map(|row| split.row(row)) {
        take(row.ids.len() as u32);
        row.ids.iter().copied().for_each(&mut take);
        row.type_ids.iter().map(|segment| u32::from(*segment)).for_each(&mut take);
    }
    format!("{value:016x}")
}

fn assert_same(split: &Split, expected: &Measured, length: usize) {
    let found = (split.rows(), split.total_tokens(), hash(split));
    assert_eq!(found, (expected.rows, expected.tokens, expected.hash.clone()), "at {length}");
}

#[test]
fn rte_tokenises_as_transformers_does() {
    let (Some(task), Some(model)) = (rte("tsv"), real("TUNESMITH_MINILM")) else {
        return;
    };
    let golden: Golden = serde_json::from_str(include_str!("golden/tokens.json")).unwrap();
    let tokenizer = Tokenizer::from_directory(&model).unwrap();
    let limits = ModelLimits { positions: 512, segments: 2, vocabulary: 30_522 };
    let mut rows = TokenisedAt::new(read(task), tokenizer, limits);
    for case in golden.lengths {
        let data: std::sync::Arc<Dataset> = rows.length(Some(case.length)).unwrap();
        assert_same(&data.train, &case.train, case.length);
        assert_same(&data.validation, &case.dev, case.length);
        assert_eq!(data.truncated, case.train.truncated + case.dev.truncated);
    }
}

#[test]
fn a_bare_vocabulary_tokenises_as_the_whole_file_does() {
    let (Some(task), Some(model)) = (rte("tsv"), real("TUNESMITH_MINILM")) else {
        return;
    };
    let bare = tempfile::tempdir().unwrap();
    std::fs::copy(model.join("vocab.txt"), bare.path().join("vocab.txt")).unwrap();
    let limits = ModelLimits { positions: 512, segments: 2, vocabulary: 30_522 };
    let corpus = read(task);
    let encode = |directory| {
        let tokenizer = Tokenizer::from_directory(directory).unwrap();
        tokenizer.encode(&corpus, limits, None).unwrap()
    };
    assert_eq!(encode(bare.path()), encode(&model));
}
