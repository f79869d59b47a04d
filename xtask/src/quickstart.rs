//! The README's first promise, kept or not: the quickstart runs without a network, in two minutes, and its
//! hyperparameters visibly matter.
//!
//! It runs the release build in a directory of its own under the target directory, and judges what the
//! program itself reports.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

const LEAST_TRIALS: usize = 12;
const LONGEST: Duration = Duration::from_mins(2);
/// How far, in accuracy, the best trial must stand above the median one.
const LEAST_GAP: f64 = 0.1;

/// Builds, runs and judges. What it leaves stays until the next time.
pub(crate) fn run(root: &Path) -> Result<()> {
    let target = target_directory(root)?;
    succeed(Command::new("cargo").args(["build", "--release", "--quiet"]).current_dir(root))?;
    let place = target.join("quickstart");
    if place.exists() {
        std::fs::remove_dir_all(&place)
            .with_context(|| format!("cannot empty {}", place.display()))?;
    }
    std::fs::create_dir_all(&place)
        .with_context(|| format!("cannot create {}", place.display()))?;

    let tunesmith = |arguments: &[&str]| {
        let mut command = Command::new(target.join("release/tunesmith"));
        command.args(arguments).current_dir(&place).env("HF_HUB_OFFLINE", "1");
        command
    };
    let start = Instant::now();
    succeed(tunesmith(&["run"]).arg(root.join("examples/quickstart.yaml")))?;
    let took = start.elapsed();

    let listing = tunesmith(&["trials", "--json"]).output().context("cannot run tunesmith")?;
    let trials = serde_json::from_slice(&listing.stdout)
        .context("`tunesmith trials --json` printed no JSON")?;
    let figures = Figures::of(&trials);
    eprintln!(
        "quickstart: {} trials, best {:.3}, median {:.3}, {took:.1?}",
        figures.completed, figures.best, figures.median
    );
    figures.judge()?;
    if took > LONGEST {
        // Said, not judged: how fast a loaded machine is says nothing about a change.
        eprintln!(
            "quickstart: it took {took:.0?}, and two quiet cores should take less than {LONGEST:?}"
        );
    }
    let model = place.join("runs/quickstart/best/model.safetensors");
    ensure!(model.is_file(), "the winner is not at {}", model.display());
    Ok(())
}

/// What the trials came to.
#[derive(Debug, PartialEq)]
struct Figures {
    completed: usize,
    best: f64,
    median: f64,
}

impl Figures {
    /// From the list that `tunesmith trials --json` prints.
    fn of(trials: &Value) -> Self {
        let trials = trials.as_array().into_iter().flatten();
        let completed = trials.filter(|trial| trial["state"] == "completed");
        let mut values: Vec<f64> = completed.filter_map(|trial| trial["value"].as_f64()).collect();
        values.sort_by(f64::total_cmp);
        let at = |index: Option<usize>| {
            index.and_then(|index| values.get(index)).copied().unwrap_or(f64::NAN)
        };
        let last = values.len().checked_sub(1);
        let median = f64::midpoint(at(last.map(|last| last / 2)), at(Some(values.len() / 2)));
        Self { completed: values.len(), best: at(last), median }
    }

    fn judge(&self) -> Result<()> {
        let Self { completed, best, median } = self;
        ensure!(
            *completed >= LEAST_TRIALS,
            "{completed} trials were completed, and at least {LEAST_TRIALS} should be"
        );
        let gap = best - median;
        ensure!(
            gap >= LEAST_GAP,
            "the best trial is only {gap:.3} above the median: the search shows nothing"
        );
        Ok(())
    }
}

/// Where cargo builds.
pub(crate) fn target_directory(root: &Path) -> Result<PathBuf> {
    let metadata = crate::tidy::metadata(root)?;
    let directory = metadata["target_directory"]
        .as_str()
        .context("cargo metadata names no target directory")?;
    Ok(directory.into())
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Figures;

    fn trials(values: &[f64]) -> Value {
        values.iter().map(|value| json!({"state": "completed", "value": value})).collect()
    }

    #[test]
    fn figures_are_of_completed_trials() {
        let mut list = trials(&[0.5, 0.9, 0.7]);
        let list_of = list.as_array_mut().expect("a list");
        list_of.push(json!({"state": "failed", "value": null}));
        list_of.push(json!({"state": "running", "value": 0.99}));
        assert_eq!(Figures::of(&list), Figures { completed: 3, best: 0.9, median: 0.7 });
        assert_eq!(Figures::of(&trials(&[4.0, 1.0, 2.0, 3.0])).median, 2.5);
        assert_eq!(Figures::of(&json!([])).completed, 0);
    }

    #[test]
    fn too_few_trials_or_too_small_a_gap_fail() {
        let mut values = vec![0.5; 11];
        assert!(Figures::of(&trials(&values)).judge().is_err(), "eleven trials");
        values.push(0.55);
        assert!(Figures::of(&trials(&values)).judge().is_err(), "a small gap");
        values.push(0.9);
        Figures::of(&trials(&values)).judge().expect("thirteen trials, one far above the others");
        assert!(Figures::of(&json!([])).judge().is_err(), "none");
    }
}
