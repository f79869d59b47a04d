//! The quickstart's data is what is committed, and is as its description says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{TRAIN_ROWS, VALIDATION_ROWS, rows, table};

#[test]
fn the_committed_files_are_what_the_generator_writes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/quickstart");
    let rows = rows(TRAIN_ROWS + VALIDATION_ROWS);
    for (name, part) in
        [("train.tsv", &rows[..TRAIN_ROWS]), ("validation.tsv", &rows[TRAIN_ROWS..])]
    {
        let committed = std::fs::read_to_string(folder.join(name)).expect("the file is committed");
        assert!(committed == table(part), "{name} is out of date: run `cargo x quickstart-data`");
    }
}

#[test]
fn classes_are_balanced_and_no_ticket_stands_twice() {
    let rows = rows(TRAIN_ROWS + VALIDATION_ROWS);
    let texts: BTreeSet<&str> = rows.iter().map(|row| row.text.as_str()).collect();
    assert_eq!(texts.len(), rows.len());
    let mut counts = BTreeMap::new();
    for row in &rows {
        *counts.entry(row.label).or_insert(0) += 1;
    }
    assert!(counts.values().all(|count| *count == rows.len() / 4), "{counts:?}");
}

#[test]
fn tickets_fit_a_short_encoder_and_a_tab_separated_file() {
    for row in rows(500) {
        let words = row.text.split_whitespace().count();
        assert!((3..=40).contains(&words), "{words}: {}", row.text);
        assert!(!row.text.contains(['\t', '\n', '"']), "{}", row.text);
    }
}
