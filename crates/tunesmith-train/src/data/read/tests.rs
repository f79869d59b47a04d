//! Each format as it should be, and each way to break it.

use std::fs;
use std::sync::Arc;

use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use tempfile::TempDir;

use super::*;

/// Writes a file and reads `columns` of it.
fn reading(name: &str, bytes: impl AsRef<[u8]>, columns: &[&str]) -> Result<Table, String> {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join(name);
    fs::write(&path, bytes).unwrap();
    let place = format!("{}/", directory.path().display());
    read(&path, None, columns).map_err(|error| error.to_string().replace(&place, ""))
}

fn columns(name: &str, bytes: impl AsRef<[u8]>, wanted: &[&str]) -> Vec<Vec<String>> {
    reading(name, bytes, wanted).unwrap().columns
}

fn refusal(name: &str, bytes: impl AsRef<[u8]>, wanted: &[&str]) -> String {
    reading(name, bytes, wanted).unwrap_err()
}

#[test]
fn tsv_takes_quotes_as_letters_and_drops_mark_and_line_ends() {
    let text = "\u{feff}label\tid\ttext\r\n1\t7\t\"open\r\n0\t8\ta \"b\" c\r\n\r\n";
    let table = reading("a.tsv", text, &["text", "label"]).unwrap();
    assert_eq!(table.columns, [["\"open", "a \"b\" c"], ["1", "0"]]);
    assert_eq!(table.lines, [2, 3]);
}

#[test]
fn tsv_names_the_line_of_a_ragged_row() {
    assert_eq!(
        refusal("a.tsv", "text\tlabel\nfine\t1\nbroken\n", &["text", "label"]),
        "a.tsv:3: 1 fields, the header has 2; take tabs out of the texts, or set `format: csv` \
         if commas separate the fields"
    );
}

#[test]
fn csv_follows_rfc_4180() {
    let text = "text,label\r\n\"a, b\",1\r\n\"say \"\"hi\"\"\",0\r\n\"two\nlines\",1\r\nbare,\r\n";
    let table = reading("a.csv", text, &["text", "label"]).unwrap();
    let texts = ["a, b", "say \"hi\"", "two\nlines", "bare"];
    assert_eq!(table.columns, [texts, ["1", "0", "1", ""]]);
    assert_eq!(table.lines, [2, 3, 4, 6]);
}

#[test]
fn csv_points_at_a_quote_that_never_closes() {
    assert_eq!(
        refusal("a.csv", "text,label\nfine,1\n0,\"open\nmore,1\n", &["text", "label"]),
        "a.csv:3:3: this quote is never closed; close it, or double a quote inside a field"
    );
    assert_eq!(
        refusal("a.csv", "text,label\n\"a\"b,1\n", &["text", "label"]),
        "a.csv:2:4: text after a closing quote; double the quotes inside a field"
    );
    assert_eq!(
        refusal("a.csv", "text,label\na,b,1\n", &["text", "label"]),
        "a.csv:2: 3 fields, the header has 2; quote fields that contain a comma"
    );
}

#[test]
fn json_lines_take_text_numbers_and_truths() {
    let text = "{\"text\": \"a\\tb\", \"label\": 1, \"more\": [1]}\n\n{\"label\": true, \"text\": \"c\"}\n";
    assert_eq!(columns("a.jsonl", text, &["text", "label"]), [["a\tb", "c"], ["1", "true"]]);
}

#[test]
fn json_lines_name_the_line_of_each_fault() {
    let wanted = &["text", "label"];
    assert_eq!(
        refusal("a.jsonl", "{\"text\": \"a\", \"label\": null}\n", wanted),
        "a.jsonl:1: `label` is null; give text or a number, or leave the row out"
    );
    assert_eq!(
        refusal(
            "a.jsonl",
            "{\"text\": \"a\", \"label\": 1}\n{\"txt\": \"a\", \"label\": 1}\n",
            wanted
        ),
        "a.jsonl:2: no column `text`; did you mean `txt`? There are: `label`, `txt`"
    );
    let broken = refusal("a.jsonl", "{\"text\": \"a\", \"label\": 1}\n{\"text\": \n", wanted);
    assert!(broken.starts_with("a.jsonl:2:9: not a JSON object: EOF"), "{broken}");
    let array = refusal("a.json", "[\n{\"text\": \"a\"}]\n", wanted);
    assert!(array.contains("put one object on each line"), "{array}");
}

#[test]
fn missing_and_double_columns_are_told_apart() {
    assert_eq!(
        refusal("a.tsv", "sentence1\tsentence2\tlabel\na\tb\t1\n", &["sentense1", "label"]),
        "a.tsv:1: no column `sentense1`; did you mean `sentence1`? There are: `sentence1`, \
         `sentence2`, `label`"
    );
    assert_eq!(
        refusal("a.csv", "x,y\n1,2\n", &["label"]),
        "a.csv:1: no column `label`; there are: `x`, `y`"
    );
    assert_eq!(
        refusal("a.csv", "x,x\n1,2\n", &["x"]),
        "a.csv:1: two columns are called `x`; rename one"
    );
}

#[test]
fn bytes_that_are_not_utf8_are_located() {
    assert_eq!(
        refusal("a.tsv", b"text\tlabel\nfine\t1\ncaf\xe9\t0\n", &["text", "label"]),
        "a.tsv:3:4: not UTF-8; convert the file, for example with iconv"
    );
}

#[test]
fn files_without_rows_or_format_are_refused() {
    for empty in ["", "text\tlabel\n", "text\tlabel\n\n\n"] {
        let error = refusal("a.tsv", empty, &["text", "label"]);
        assert!(error.starts_with("a.tsv: no rows"), "{error}");
    }
    assert!(refusal("SMSSpamCollection", "x\ty\n", &["x"]).contains("add `format: tsv`"));
    let missing = read(Path::new("/nowhere/a.tsv"), None, &["x"]).unwrap_err();
    assert!(missing.to_string().contains("check the path"), "{missing}");
    assert_eq!(missing.path(), Some(Path::new("/nowhere/a.tsv")));
}

/// A Parquet file as `datasets` writes one, with `labels` under `names`.
fn parquet_file(compression: Compression, names: &str, labels: &[Option<i64>]) -> Vec<u8> {
    let schema = "message schema { OPTIONAL BYTE_ARRAY text (UTF8); OPTIONAL INT64 label; \
                  OPTIONAL INT64 idx; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let features = format!(
        r#"{{"info": {{"features": {{"label": {{"names": {names}, "_type": "ClassLabel"}},
            "text": {{"dtype": "string", "_type": "Value"}}}}}}}}"#
    );
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_key_value_metadata(Some(vec![KeyValue::new("huggingface".to_owned(), features)]))
        .build();
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let texts: Vec<ByteArray> =
        (0..labels.len()).map(|row| ByteArray::from(format!("text {row}").as_str())).collect();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&texts, Some(&vec![1; texts.len()]), None).unwrap();
    column.close().unwrap();
    let levels: Vec<i16> = labels.iter().map(|label| i16::from(label.is_some())).collect();
    let values: Vec<i64> = labels.iter().flatten().copied().collect();
    for _ in 0..2 {
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&values, Some(&levels), None).unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn parquet_gives_class_names_for_numbers() {
    let compressions =
        [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::ZSTD(ZstdLevel::default())];
    for compression in compressions {
        let file = parquet_file(compression, r#"["no", "yes"]"#, &[Some(1), Some(0), Some(-1)]);
        let table = reading("a.parquet", file, &["text", "label"]).unwrap();
        let texts = ["text 0", "text 1", "text 2"];
        assert_eq!(table.columns, [texts, ["yes", "no", "-1"]]);
        assert_eq!(table.class_names, Some(vec!["no".to_owned(), "yes".to_owned()]));
        assert_eq!(table.lines, [1, 2, 3]);
    }
}

#[test]
fn parquet_refuses_nulls_and_broken_files() {
    let file = parquet_file(Compression::SNAPPY, "[]", &[Some(1), None]);
    assert_eq!(
        refusal("a.parquet", &file, &["text", "label"]),
        "a.parquet:2: `label` is null; give text or a number, or leave the row out"
    );
    let cut = refusal("a.parquet", &file[..file.len() / 2], &["text", "label"]);
    assert!(cut.starts_with("a.parquet: cannot be read as Parquet"), "{cut}");
    assert!(refusal("a.parquet", &file, &["txt"]).contains("did you mean `text`?"));
}
