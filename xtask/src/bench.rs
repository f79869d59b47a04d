//! `cargo x bench`: runs a measurement and keeps its figures, one JSON object a line, in `bench/history.jsonl`.
//!
//! The measured loops are bench programs of the crates; this only runs them, and adds when, where and at
//! which commit. It judges no figure.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

mod pack;
mod python;
mod regret;
mod search;
mod storage;
mod train;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use serde_json::{Map, Value};

/// What can be measured.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Case {
    /// What the log and the search add to a trial: ask, report and tell, in memory and in SQLite
    Overhead,
    /// Trials trained in one pack, against the same ones after another
    Pack(pack::Pack),
    /// Studies through the Python package, against optuna and rustuna
    Python(python::Python),
    /// What methods of search would recommend, by `tunesmith bench` with every task; it keeps its own results
    Regret(regret::Regret),
    /// An ask and a tell of the samplers with a model, against optuna and rustuna
    Search(search::Search),
    /// Trials a second in SQLite and in PostgreSQL, against optuna
    Storage(storage::Storage),
    /// A training step and an epoch of RTE, against PyTorch and transformers' Trainer
    Train(train::Train),
}

/// Runs one case, shows its figures and appends them to the history.
pub(crate) fn run(root: &Path, case: &Case) -> Result<bool> {
    let place = place(root)?;
    let mut records = Vec::new();
    let measured = match case {
        Case::Overhead => measure(root, "tunesmith-store", "overhead", &[])?,
        Case::Pack(options) => pack::measure(root, options)?,
        Case::Python(options) => python::measure(root, options)?,
        Case::Regret(options) => return regret::run(root, options),
        Case::Search(options) => search::measure(root, options)?,
        Case::Storage(options) => storage::measure(root, options)?,
        Case::Train(options) => train::measure(root, options)?,
    };
    for figures in measured {
        let mut record = place.clone();
        record.extend(figures);
        records.push(Value::Object(record).to_string());
    }
    let folder = root.join("bench");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join("history.jsonl");
    let history = OpenOptions::new().create(true).append(true).open(&path);
    let mut history = history.with_context(|| format!("cannot open {}", path.display()))?;
    for record in records {
        println!("{record}");
        writeln!(history, "{record}")
            .with_context(|| format!("cannot append to {}", path.display()))?;
    }
    Ok(true)
}

/// The objects that the bench program printed, one a line.
fn measure(
    root: &Path,
    package: &str,
    program: &str,
    arguments: &[String],
) -> Result<Vec<Map<String, Value>>> {
    let output = Command::new("cargo")
        .args(["bench", "--quiet", "--package", package, "--bench", program, "--"])
        .args(arguments)
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run the bench program {program}"))?;
    if !output.status.success() {
        bail!("the bench program {program} failed");
    }
    let text = String::from_utf8(output.stdout).context("the bench program printed no text")?;
    text.lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("no JSON object: {line}")))
        .collect()
}

/// When, at which commit and on which processor.
fn place(root: &Path) -> Result<Map<String, Value>> {
    let mut place = Map::new();
    place.insert("date".to_owned(), date().into());
    place.insert("commit".to_owned(), commit(root)?.into());
    place.insert("cpu".to_owned(), processor().into());
    place.insert(
        "cores".to_owned(),
        std::thread::available_parallelism().map_or(0, usize::from).into(),
    );
    Ok(place)
}

/// With a `+` when the working tree has changes of its own.
fn commit(root: &Path) -> Result<String> {
    let output = Command::new("git")
        .args(["describe", "--always", "--dirty=+"])
        .current_dir(root)
        .output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn processor() -> String {
    let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = information.lines().find(|line| line.starts_with("model name"));
    let name = model.and_then(|line| line.split_once(':')).map(|(_, name)| name.trim());
    name.unwrap_or(std::env::consts::ARCH).to_owned()
}

/// Today in UTC, as 2026-11-21.
fn date() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = civil((seconds / 86_400).cast_signed());
    format!("{year:04}-{month:02}-{day:02}")
}

/// Year, month and day of a count of days since 1970-01-01: `civil_from_days` of Howard Hinnant's
/// "chrono-compatible low-level date algorithms".
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn days_are_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(59), (1970, 3, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_778), (2026, 11, 21));
        assert_eq!(civil(-1), (1969, 12, 31));
    }
}
