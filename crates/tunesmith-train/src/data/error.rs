//! Why data cannot be used: each variant names the file and line and says what to do.

use std::path::{Path, PathBuf};

use super::nearest::nearest;

/// Why reading a task's data fails.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The file cannot be opened or read.
    #[error("{}: {source}; check the path (relative paths start at the study file)", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The extension names no format.
    #[error(
        "{}: the extension names no format; add `format: tsv` (or csv, jsonl, parquet)",
        path.display()
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// There is a header and nothing else, or nothing at all.
    #[error("{}: no rows; the file must have a header (or JSON objects) and at least one row", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Bytes that are not UTF-8.
    #[error("{}:{line}:{column}: not UTF-8; convert the file, for example with iconv", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The byte in the line, from 1.
        column: usize,
    },
    /// A column that the task names is not there.
    #[error("{}:{line}: no column `{column}`; {}", path.display(), offer(column, columns))]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The line, from 1: the header, or the JSON object.
        line: usize,
        /// The column asked for.
        column: String,
        /// The columns there are.
        columns: Vec<String>,
    },
    /// Two columns of one name.
    #[error("{}:1: two columns are called `{column}`; rename one", path.display())]
    DuplicateColumn {
        /// The file.
        path: PathBuf,
        /// The name.
        column: String,
    },
    /// A row with more or fewer fields than the header.
    #[error(
        "{}:{line}: {found} fields, the header has {expected}; {}",
        path.display(),
        ragged_advice(*quoted)
    )]
    Ragged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Fields in this row.
        found: usize,
        /// Fields in the header.
        expected: usize,
        /// Whether the format quotes.
        quoted: bool,
    },
    /// A quote that never ends.
    #[error("{}:{line}:{column}: this quote is never closed; close it, or double a quote inside a field", path.display())]
    OpenQuote {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The byte in the line, from 1.
        column: usize,
    },
    /// Text after a closing quote.
    #[error("{}:{line}:{column}: text after a closing quote; double the quotes inside a field", path.display())]
    AfterQuote {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The byte in the line, from 1.
        column: usize,
    },
    /// A line that is no JSON object.
    #[error("{}:{line}:{column}: not a JSON object: {source}; put one object on each line", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// A value that is missing, or neither text nor number.
    #[error("{}:{line}: `{column}` is {found}; give text or a number, or leave the row out", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The line from 1, or the row from 1 in a Parquet file.
        line: usize,
        /// The column.
        column: String,
        /// What is there instead.
        found: Found,
    },
    /// A file that is not Parquet, or a truncated one.
    #[error("{}: cannot be read as Parquet: {source}; write the file again", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        source: parquet::errors::ParquetError,
    },
    /// A label that the task does not have.
    #[error("{}:{line}: unknown label `{label}`; known: {}", path.display(), listed(known))]
    UnknownLabel {
        /// The file.
        path: PathBuf,
        /// The line from 1, or the row from 1 in a Parquet file.
        line: usize,
        /// The label.
        label: String,
        /// The labels of the training rows, or of the task.
        known: Vec<String>,
    },
    /// A label that should be a number and is none.
    #[error(
        "{}:{line}: label `{label}` is not a finite number; correct it, or set `kind: classification`",
        path.display()
    )]
    NotANumber {
        /// The file.
        path: PathBuf,
        /// The line from 1, or the row from 1 in a Parquet file.
        line: usize,
        /// The label.
        label: String,
    },
    /// All training rows have one label.
    #[error("{}: every training row has the label `{label}`: there is nothing to learn", path.display())]
    OneLabel {
        /// The first training file.
        path: PathBuf,
        /// The label.
        label: String,
    },
    /// More labels than a classifier should have.
    #[error(
        "{}: {found} different labels in {rows} rows; is this the label column? \
         If so list them under `labels`, or set `kind: regression`",
        path.display()
    )]
    TooManyLabels {
        /// The first training file.
        path: PathBuf,
        /// Different labels.
        found: usize,
        /// Training rows.
        rows: usize,
    },
    /// Two settings that contradict each other, or one without a meaning.
    #[error("{setting}: {}", .setting.remedy())]
    Setting {
        /// Which.
        setting: Setting,
    },
    /// Too few rows to set some aside.
    #[error(
        "{rows} rows are too few to set {wanted} aside for {split}; name a file for it, or give more rows"
    )]
    TooFewRows {
        /// Rows there are.
        rows: usize,
        /// Rows wanted.
        wanted: usize,
        /// `validation` or `test`.
        split: &'static str,
    },
    /// A named task that is not known.
    #[error("no task `{name}`; {}", offer_task(name, known))]
    UnknownTask {
        /// The name given.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A hub dataset has no Parquet file for a split.
    #[error(
        "dataset {dataset}: no Parquet file for its {split} split{}; \
         name files under `train` and `validation` instead",
        in_config(config.as_deref(), configs)
    )]
    NoSplit {
        /// The dataset.
        dataset: String,
        /// The configuration asked for.
        config: Option<String>,
        /// The configurations there seem to be.
        configs: Vec<String>,
        /// `train` or `validation`.
        split: &'static str,
    },
    /// The hub does not give the files.
    #[error(transparent)]
    Hub(#[from] crate::hub::HubError),
}

/// A setting of the task that cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// `train` and `dataset`, or neither.
    Source,
    /// `validation_fraction` beside `validation`.
    ValidationFraction,
    /// `test_fraction` beside `test`.
    TestFraction,
    /// A fraction outside (0, 1), or both together 1 or more.
    Fractions,
    /// `labels` of a regression.
    LabelsOfScores,
    /// `labels` with a name twice or fewer than two.
    Labels,
    /// A limit of zero rows.
    Limit,
    /// A text column that is also the label, or twice the same.
    Columns,
}

/// What stands where text or a number should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing: a JSON or Parquet null.
    Null,
    /// A list.
    List,
    /// A mapping.
    Mapping,
    /// Bytes, dates and other things that are not text.
    Other,
}

impl std::fmt::Display for Found {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Null => "null",
            Self::List => "a list",
            Self::Mapping => "a mapping",
            Self::Other => "neither text nor a number",
        })
    }
}

impl Setting {
    fn remedy(self) -> &'static str {
        match self {
            Self::Source => "name either a hub `dataset` or `train` files",
            Self::ValidationFraction => "there is a `validation` file; leave the fraction out",
            Self::TestFraction => "there is a `test` file; leave the fraction out",
            Self::Fractions => "each must be above 0, and together they must stay below 1",
            Self::LabelsOfScores => "scores have no names; leave `labels` out or change `kind`",
            Self::Labels => "list two or more different names",
            Self::Limit => "keep at least one row, or leave the limit out",
            Self::Columns => "`text` and `label` must name different columns",
        }
    }
}

impl std::fmt::Display for Setting {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Source => "`train`, `dataset`",
            Self::ValidationFraction => "`validation_fraction`",
            Self::TestFraction => "`test_fraction`",
            Self::Fractions => "`validation_fraction`, `test_fraction`",
            Self::LabelsOfScores | Self::Labels => "`labels`",
            Self::Limit => "`limit`",
            Self::Columns => "`text`, `label`",
        })
    }
}

impl DataError {
    /// The file to blame, where there is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Read { path, .. }
            | Self::UnknownFormat { path }
            | Self::Empty { path }
            | Self::NotUtf8 { path, .. }
            | Self::MissingColumn { path, .. }
            | Self::DuplicateColumn { path, .. }
            | Self::Ragged { path, .. }
            | Self::OpenQuote { path, .. }
            | Self::AfterQuote { path, .. }
            | Self::Json { path, .. }
            | Self::NotText { path, .. }
            | Self::Parquet { path, .. }
            | Self::UnknownLabel { path, .. }
            | Self::NotANumber { path, .. }
            | Self::OneLabel { path, .. }
            | Self::TooManyLabels { path, .. } => Some(path),
            Self::Setting { .. }
            | Self::TooFewRows { .. }
            | Self::UnknownTask { .. }
            | Self::NoSplit { .. }
            | Self::Hub(_) => None,
        }
    }
}

fn offer(column: &str, columns: &[String]) -> String {
    match nearest(column, columns) {
        Some(near) => format!("did you mean `{near}`? There are: {}", listed(columns)),
        None => format!("there are: {}", listed(columns)),
    }
}

fn offer_task(name: &str, known: &[String]) -> String {
    let near =
        nearest(name, known).map_or(String::new(), |near| format!("did you mean `{near}`? "));
    format!(
        "{near}Known: {}; for another hub dataset give `dataset`, `text` and `label`",
        listed(known)
    )
}

fn ragged_advice(quoted: bool) -> &'static str {
    if quoted {
        "quote fields that contain a comma"
    } else {
        "take tabs out of the texts, or set `format: csv` if commas separate the fields"
    }
}

fn in_config(config: Option<&str>, configs: &[String]) -> String {
    let asked = config.map_or(String::new(), |config| format!(" in configuration `{config}`"));
    if configs.is_empty() {
        return asked;
    }
    format!("{asked} (configurations: {})", listed(configs))
}

/// At most this many names are listed in a message.
const LISTED: usize = 20;

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(LISTED).map(|name| format!("`{name}`")).collect::<Vec<_>>();
    let more = names.len().saturating_sub(LISTED);
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{tail}", shown.join(", "))
}
