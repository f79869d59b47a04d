//! What the studies of a benchmark came to, and the file that keeps it, one JSON object a line.
//!
//! A study whose line is there is not run again, so a benchmark goes on after an interruption and a slow method runs
//! once. Refuses the line of a task that has changed: its fingerprint differs.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Which study of a benchmark.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// The task's name.
    pub task: String,
    /// The method as it was written.
    pub method: String,
    /// Which repetition, from 0: methods see the same dev set under the same one.
    pub seed: u32,
    /// The budget.
    pub trials: u32,
    /// How many trials ran at once.
    pub workers: u32,
    /// The budget instead, where it was compute: a share of what that many trials take on average, trained to their end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute: Option<Share>,
}

/// A share of some whole, in the total order of its number.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Share(pub f64);

impl Ord for Share {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Share {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Share {}

/// What a study would have recommended from some moment on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recommendation {
    /// The trial that is best by what the study saw.
    pub trial: u32,
    /// How many trials had ended.
    pub finished: u32,
    /// The virtual time.
    pub seconds: f64,
    /// What all trials had taken by then; results from before it was counted lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_seconds: Option<f64>,
    /// How far the trial's true value is behind the best that there is, in the metric's unit.
    pub regret: f64,
}

/// What a study came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitResult {
    /// Which study.
    #[serde(flatten)]
    pub unit: Unit,
    /// The yardstick of the task, as it was.
    pub fingerprint: String,
    /// What would have been recommended, each time that it changed.
    pub recommendations: Vec<Recommendation>,
    /// Trials that ended.
    pub finished: u32,
    /// Those among them that failed.
    pub failed: u32,
    /// When the last one ended, in virtual seconds.
    pub seconds: f64,
    /// What all trials took; results from before it was counted lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_seconds: Option<f64>,
    /// The version of a foreign method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Why results were not kept or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ResultsError {
    /// The file cannot be used.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line that is no result.
    #[error("{}, line {line}: {source}; delete the line, and its study runs again", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
}

impl UnitResult {
    /// The regret of what would have been recommended after `finished` trials; `None` before the first completed.
    pub fn regret_at(&self, finished: u32) -> Option<f64> {
        let made = self.recommendations.iter().take_while(|made| made.finished <= finished);
        made.last().map(|made| made.regret)
    }

    /// The regret of what would have been recommended once the trials had taken `device_seconds` together; `None`
    /// before the first recommendation.
    pub fn regret_by(&self, device_seconds: f64) -> Option<f64> {
        let by = |made: &&Recommendation| {
            made.device_seconds.is_some_and(|spent| spent <= device_seconds)
        };
        self.recommendations.iter().take_while(by).last().map(|made| made.regret)
    }

    /// The regret of what would have been recommended at the end; `None` where nothing would.
    pub fn last_regret(&self) -> Option<f64> {
        self.recommendations.last().map(|made| made.regret)
    }
}

/// A file of results that grows.
#[derive(Debug)]
pub struct ResultsFile {
    path: PathBuf,
    file: File,
    known: BTreeMap<Unit, UnitResult>,
}

impl ResultsFile {
    /// Reads a file, or begins it.
    ///
    /// # Errors
    /// [`ResultsError`].
    pub fn open(path: &Path) -> Result<Self, ResultsError> {
        let failed = |source| ResultsError::File { path: path.to_owned(), source };
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read.map_err(failed)?,
        };
        let mut known = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let result: UnitResult = serde_json::from_str(line).map_err(|source| {
                ResultsError::Line { path: path.to_owned(), line: index + 1, source }
            })?;
            known.insert(result.unit.clone(), result);
        }
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file, known })
    }

    /// The result of a study, where there is one for the task as it is now.
    pub fn get(&self, unit: &Unit, fingerprint: &str) -> Option<&UnitResult> {
        self.known.get(unit).filter(|result| result.fingerprint == fingerprint)
    }

    /// The beginning of the shortest longer study that is there: what a search that is told no budget would have done
    /// with a smaller one.
    pub(crate) fn beginning(&self, unit: &Unit, fingerprint: &str) -> Option<UnitResult> {
        let longer = self.of(unit, fingerprint).find(|result| result.unit.trials >= unit.trials)?;
        let mut result = longer.clone();
        result.recommendations.retain(|made| made.finished <= unit.trials);
        result.unit.trials = unit.trials;
        Some(result)
    }

    /// The longest study that is there.
    pub(crate) fn longest(&self, unit: &Unit, fingerprint: &str) -> Option<&UnitResult> {
        self.of(unit, fingerprint).last()
    }

    /// The studies like this one of whatever budget, the shortest first.
    fn of<'a>(
        &'a self,
        unit: &Unit,
        fingerprint: &str,
    ) -> impl Iterator<Item = &'a UnitResult> + use<'a> {
        let named = |trials| Unit { trials, workers: 0, ..unit.clone() };
        let (workers, fingerprint) = (unit.workers, fingerprint.to_owned());
        let studies = self.known.range(named(0)..named(u32::MAX)).map(|(_, result)| result);
        let compute = unit.compute;
        studies.filter(move |result| {
            let same = result.unit.workers == workers && result.unit.compute == compute;
            same && result.fingerprint == fingerprint
        })
    }

    /// Adds a result.
    ///
    /// # Errors
    /// [`ResultsError::File`].
    pub fn add(&mut self, result: &UnitResult) -> Result<(), ResultsError> {
        // Numbers are finite and keys are texts, so nothing can fail.
        let line = serde_json::to_string(result).unwrap_or_default() + "\n";
        let failed = |source| ResultsError::File { path: self.path.clone(), source };
        self.file.write_all(line.as_bytes()).map_err(failed)?;
        self.known.insert(result.unit.clone(), result.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(seed: u32) -> UnitResult {
        let made = |trial, finished, regret| Recommendation {
            trial,
            finished,
            seconds: 1.5,
            device_seconds: Some(60.0 * f64::from(finished)),
            regret,
        };
        UnitResult {
            unit: Unit {
                task: "branin".to_owned(),
                method: "random".to_owned(),
                seed,
                trials: 8,
                workers: 1,
                compute: None,
            },
            fingerprint: "f".to_owned(),
            recommendations: vec![made(1, 2, 0.1), made(4, 5, 0.3)],
            finished: 8,
            failed: 1,
            seconds: 480.0,
            device_seconds: Some(480.0),
            version: None,
        }
    }

    #[test]
    fn what_is_recommended_holds_until_it_changes() {
        let regrets = [1, 2, 4, 5, 100].map(|finished| result(0).regret_at(finished));
        assert_eq!(regrets, [None, Some(0.1), Some(0.1), Some(0.3), Some(0.3)]);
    }

    #[test]
    fn what_is_recommended_is_also_known_by_compute() {
        let regrets = [119.9, 120.0, 299.0, 300.0].map(|spent| result(0).regret_by(spent));
        assert_eq!(regrets, [None, Some(0.1), Some(0.1), Some(0.3)]);
        assert_eq!(result(0).last_regret(), Some(0.3));
    }

    #[test]
    fn lines_from_before_compute_was_counted_are_read() {
        let line = r#"{"task":"branin","method":"random","seed":0,"trials":8,"workers":1,"fingerprint":"f",
            "recommendations":[{"trial":1,"finished":2,"seconds":1.5,"regret":0.1}],"finished":8,"failed":1,
            "seconds":480.0}"#;
        let read: UnitResult = serde_json::from_str(line).expect("a result");
        assert_eq!((read.unit, read.device_seconds), (result(0).unit, None));
        assert_eq!(read.recommendations[0].device_seconds, None);
    }

    #[test]
    fn studies_of_another_share_of_compute_are_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("results.jsonl");
        let limited = |share| Unit { compute: Some(Share(share)), ..result(0).unit };
        let mut file = ResultsFile::open(&path).expect("begun");
        file.add(&UnitResult { unit: limited(0.4), ..result(0) }).expect("written");
        let file = ResultsFile::open(&path).expect("read");
        assert!(file.get(&limited(0.4), "f").is_some());
        assert!(file.get(&limited(0.5), "f").is_none() && file.get(&result(0).unit, "f").is_none());
        assert!(file.longest(&result(0).unit, "f").is_none());
    }

    #[test]
    fn a_file_keeps_what_was_added_and_forgets_changed_tasks() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("results.jsonl");
        let mut file = ResultsFile::open(&path).expect("begun");
        file.add(&result(0)).expect("written");
        file.add(&result(1)).expect("written");
        let file = ResultsFile::open(&path).expect("read");
        assert_eq!(file.get(&result(1).unit, "f"), Some(&result(1)));
        assert_eq!(file.get(&result(1).unit, "other"), None);
        assert_eq!(file.get(&result(2).unit, "f"), None);
    }

    #[test]
    fn a_longer_study_has_the_beginning_of_a_shorter_one_and_the_longest_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = ResultsFile::open(&folder.path().join("results.jsonl")).expect("begun");
        let shorter = |trials| Unit { trials, ..result(0).unit };
        file.add(&result(0)).expect("written");
        file.add(&UnitResult { unit: shorter(3), ..result(0) }).expect("written");
        file.add(&UnitResult { unit: Unit { workers: 2, ..shorter(9) }, ..result(0) })
            .expect("written");
        let beginning = file.beginning(&shorter(4), "f").expect("a longer one is there");
        assert_eq!(beginning.unit, shorter(4));
        assert_eq!(beginning.recommendations, result(0).recommendations[..1]);
        assert_eq!(file.beginning(&shorter(9), "f"), None);
        assert_eq!(file.longest(&shorter(64), "f"), Some(&result(0)));
        assert_eq!(file.longest(&shorter(64), "other"), None);
        assert_eq!(file.longest(&result(1).unit, "f"), None);
    }

    #[test]
    fn a_torn_line_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("results.jsonl");
        fs::write(&path, "{\"task\":").expect("written");
        let error = ResultsFile::open(&path).expect_err("no result");
        assert!(error.to_string().contains("line 1"), "{error}");
    }
}
