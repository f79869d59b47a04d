//! Tasks over small files: targets, splits, limits, and every contradiction.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::data::{FileTask, Files, Kind, Limit, TextColumns};

/// A directory of small files.
struct Place(TempDir);

impl Place {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        Self(directory)
    }

    /// A task over `train.tsv` with columns `text` and `label`.
    fn task(&self) -> FileTask {
        FileTask::new(self.path("train.tsv"), TextColumns::One("text".to_owned()), "label")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, task: FileTask) -> Result<Corpus, String> {
        let place = format!("{}/", self.0.path().display());
        Corpus::read(&Task::Files(Box::new(task)), &nowhere())
            .map_err(|error| error.to_string().replace(&place, ""))
    }
}

/// A hub that answers nothing.
fn nowhere() -> Hub {
    Hub::new("http://127.0.0.1:9", "/nowhere").with_offline(true)
}

/// A file of 100 rows: 80 of the first label, 20 of the second.
fn hundred(first: &str, second: &str) -> String {
    let label = |row: u32| if row.is_multiple_of(5) { second } else { first };
    let rows = (0..100).map(|row| format!("text {row}\t{}\n", label(row)));
    format!("text\tlabel\n{}", rows.collect::<String>())
}

fn names(corpus: &Corpus) -> Vec<&str> {
    match &corpus.target {
        Target::Classes(names) => names.iter().map(String::as_str).collect(),
        Target::Regression => Vec::new(),
    }
}

#[test]
fn sets_a_stratified_tenth_aside() {
    let place = Place::new(&[("train.tsv", &hundred("ham", "spam"))]);
    let corpus = place.read(place.task()).unwrap();
    assert_eq!(names(&corpus), ["ham", "spam"]);
    assert_eq!((corpus.train.rows(), corpus.validation.rows()), (90, 10));
    let Labels::Classes(labels) = &corpus.validation.labels else { panic!("classes") };
    assert_eq!(labels.iter().filter(|label| **label == 1).count(), 2);
    assert_eq!(corpus.test, None);
    assert_eq!(corpus.metric, Metric::Accuracy);
    assert_eq!(place.read(place.task()).unwrap(), corpus);
    let other = place.read(FileTask { split_seed: Some(1), ..place.task() }).unwrap();
    assert_ne!(other.validation, corpus.validation);
}

#[test]
fn locks_test_rows_away_from_everything() {
    let place = Place::new(&[("train.tsv", &hundred("ham", "spam"))]);
    let task =
        FileTask { test_fraction: Some(0.2), validation_fraction: Some(0.3), ..place.task() };
    let corpus = place.read(task).unwrap();
    let test = corpus.test.as_ref().unwrap();
    assert_eq!((corpus.train.rows(), corpus.validation.rows(), test.rows()), (50, 30, 20));
    let mut all: Vec<&str> = corpus.splits().flat_map(Texts::all).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 100);
}

#[test]
fn orders_labels_by_number_or_text_or_as_told() {
    let ten: Vec<String> = (0..20).map(|row| format!("t\t{}\n", row % 11)).collect();
    let ten = ten.concat();
    let place = Place::new(&[("train.tsv", &format!("text\tlabel\n{ten}"))]);
    let corpus = place.read(place.task()).unwrap();
    assert_eq!(names(&corpus), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);

    let place = Place::new(&[("train.tsv", &hundred("ham", "spam"))]);
    let told = Some(vec!["spam".to_owned(), "ham".to_owned()]);
    let corpus = place.read(FileTask { labels: told, ..place.task() }).unwrap();
    assert_eq!(names(&corpus), ["spam", "ham"]);
    let Labels::Classes(labels) = &corpus.train.labels else { panic!("classes") };
    assert_eq!(labels.iter().sum::<u32>(), 72);
}

#[test]
fn names_labels_that_are_written_as_numbers() {
    let place = Place::new(&[("train.tsv", &hundred("1", "0"))]);
    let told = Some(vec!["negative".to_owned(), "positive".to_owned()]);
    let corpus = place.read(FileTask { labels: told, ..place.task() }).unwrap();
    assert_eq!(names(&corpus), ["negative", "positive"]);
    let Labels::Classes(labels) = &corpus.train.labels else { panic!("classes") };
    assert_eq!(labels.iter().sum::<u32>(), 72);
}

#[test]
fn takes_fractional_labels_for_scores() {
    let rows = (0..20).map(|row| format!("t{row}\t{}\n", f64::from(row) / 4.0));
    let rows = rows.collect::<String>();
    let place = Place::new(&[("train.tsv", &format!("text\tlabel\n{rows}"))]);
    let corpus = place.read(place.task()).unwrap();
    assert_eq!(corpus.target, Target::Regression);
    assert_eq!(corpus.metric, Metric::MeanSquaredError);
    assert_eq!(corpus.validation.labels.len(), 2);
    let integers = Place::new(&[("train.tsv", &hundred("1", "5"))]);
    let task = FileTask { kind: Some(Kind::Regression), ..integers.task() };
    assert_eq!(integers.read(task).unwrap().target, Target::Regression);
}

#[test]
fn names_file_and_line_of_a_bad_label() {
    let files = [
        ("train.tsv", hundred("ham", "spam")),
        ("dev.tsv", "text\tlabel\na\tham\nb\tspma\n".into()),
    ];
    let files: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let place = Place::new(&files);
    let task = FileTask { validation: Files(vec![place.path("dev.tsv")]), ..place.task() };
    assert_eq!(
        place.read(task).unwrap_err(),
        "dev.tsv:3: unknown label `spma`; known: `ham`, `spam`"
    );
    let task = FileTask { kind: Some(Kind::Regression), ..place.task() };
    assert_eq!(
        place.read(task).unwrap_err(),
        "train.tsv:2: label `spam` is not a finite number; correct it, or set \
         `kind: classification`"
    );
}

#[test]
fn refuses_labels_that_teach_nothing() {
    let place = Place::new(&[("train.tsv", &hundred("ham", "ham"))]);
    assert_eq!(
        place.read(place.task()).unwrap_err(),
        "train.tsv: every training row has the label `ham`: there is nothing to learn"
    );
    let rows: Vec<String> = (0..1100).map(|row| format!("t\tid{row}\n")).collect();
    let rows = rows.concat();
    let place = Place::new(&[("train.tsv", &format!("text\tlabel\n{rows}"))]);
    assert!(place.read(place.task()).unwrap_err().contains("1100 different labels in 1100 rows"));
}

#[test]
fn refuses_settings_that_contradict_each_other() {
    let place = Place::new(&[("train.tsv", &hundred("ham", "spam"))]);
    let refusal = |change: &dyn Fn(&mut FileTask), expected: &str| {
        let mut task = place.task();
        change(&mut task);
        let error = place.read(task).unwrap_err();
        assert!(error.contains(expected), "{error}");
    };
    refusal(&|task| task.train = Files::default(), "`train`, `dataset`");
    refusal(&|task| task.dataset = Some("o/n".into()), "`train`, `dataset`");
    let named = |task: &mut FileTask| {
        task.validation = task.train.clone();
        task.test = task.train.clone();
    };
    let both = |task: &mut FileTask| {
        task.validation_fraction = Some(0.5);
        task.test_fraction = Some(0.5);
    };
    refusal(&both, "together they must stay below 1");
    refusal(
        &|task| {
            both(task);
            named(task);
        },
        "`validation_fraction`: there is a `validation` file",
    );
    refusal(
        &|task| {
            named(task);
            task.test_fraction = Some(0.1);
        },
        "`test_fraction`: there is a `test` file",
    );
    refusal(&|task| task.test_fraction = Some(f64::NAN), "each must be above 0");
    refusal(&|task| task.limit.train = Some(0), "keep at least one row");
    refusal(&|task| task.label = "text".into(), "must name different columns");
    refusal(&|task| task.labels = Some(vec!["a".into()]), "list two or more");
    let regression = |task: &mut FileTask| {
        task.labels = Some(vec!["a".into(), "b".into()]);
        task.kind = Some(Kind::Regression);
    };
    refusal(&regression, "scores have no names");
}

#[test]
fn keeps_the_first_rows_and_counts_empty_texts() {
    let text = hundred("ham", "spam").replace("text 3\t", "\t").replace("text 4\t", "  \t");
    let place = Place::new(&[("train.tsv", &text)]);
    let limit = Limit { train: Some(30), validation: Some(4) };
    let corpus = place.read(FileTask { limit, ..place.task() }).unwrap();
    assert_eq!((corpus.train.rows(), corpus.validation.rows()), (30, 4));
    assert_eq!(corpus.empty_texts, 2);
    let few = Place::new(&[("train.tsv", "text\tlabel\na\t0\nb\t1\n")]);
    let error = few.read(few.task()).unwrap_err();
    assert!(error.starts_with("2 rows are too few to set 1 aside for validation"), "{error}");
}

#[test]
fn reads_pairs_over_several_files() {
    let rows = |label: &str| format!("a\tb\tlabel\nx\ty\t{label}\n");
    let place = Place::new(&[("1.tsv", &rows("0")), ("2.tsv", &rows("1"))]);
    let files = Files(vec![place.path("1.tsv"), place.path("2.tsv")]);
    let text = TextColumns::Pair("b".to_owned(), "a".to_owned());
    let task = FileTask { train: files.clone(), validation: files, text, ..place.task() };
    let corpus = place.read(task).unwrap();
    assert_eq!(corpus.train.first, ["y", "y"]);
    assert_eq!(corpus.train.second.as_ref().unwrap(), &["x", "x"]);
    assert_eq!(corpus.train.labels, Labels::Classes(vec![0, 1]));
}

#[test]
fn offers_the_nearest_task() {
    let error = Corpus::read(&Task::Named("glue/rtee".to_owned()), &nowhere()).unwrap_err();
    assert!(error.to_string().starts_with("no task `glue/rtee`; did you mean `glue/rte`?"));
    let offline = Corpus::read(&Task::Named("glue/SST-2".to_owned()), &nowhere()).unwrap_err();
    assert!(offline.to_string().contains("hf download nyu-mll/glue"), "{offline}");
}
