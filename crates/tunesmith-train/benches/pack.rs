//! Eight trials in one pack against the same eight one after another in a pack of one: two trainers
//! behind their pipes, in turn. Prints one JSON object a case; `cargo x bench pack` keeps them.
//!
//! Both sides start the trials, train the same steps and evaluate once, as a study does. This
//! program judges no ratio.

use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Value as Json, json};
use tunesmith_train::protocol::{FromTrainer, VERSION};

/// Trials of a round.
const TRIALS: u64 = 8;

/// An encoder and what is trained of it.
struct Case {
    name: &'static str,
    model: Json,
    steps: u64,
    params: Json,
}

fn main() -> Result<()> {
    // Cargo's own `--bench` comes after what the caller gave.
    let given: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let rounds = given.first().map_or(Ok(5), |text| text.parse()).context("rounds are a number")?;
    let scratch = json!({"architecture": "bert", "layers": 2, "hidden": 64, "heads": 2,
        "intermediate": 128, "vocabulary": 2000});
    let params = json!({"per_device_train_batch_size": 16});
    let small = Case { name: "pack/quickstart", model: scratch, steps: 60, params };
    measure(&small, rounds)?;
    if let Some(minilm) = given.get(1) {
        let params = json!({"per_device_train_batch_size": 16});
        measure(&Case { name: "pack/minilm", model: json!(minilm), steps: 4, params }, rounds)?;
    }
    Ok(())
}

fn measure(case: &Case, rounds: usize) -> Result<()> {
    let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
    let mut together = Host::open(case, TRIALS, directory.path())?;
    let mut alone = Host::open(case, 1, directory.path())?;
    let all: Vec<u64> = (0..TRIALS).collect();
    let mut times = Vec::new();
    // The first round warms.
    for round in 0..=rounds {
        let began = Instant::now();
        together.train(&all, case, directory.path())?;
        let packed_s = began.elapsed().as_secs_f64();
        let began = Instant::now();
        for trial in &all {
            alone.train(&[*trial], case, directory.path())?;
        }
        let alone_s = began.elapsed().as_secs_f64();
        eprintln!("{} round {round}: packed {packed_s:.3} s, alone {alone_s:.3} s", case.name);
        if round > 0 {
            times.push((packed_s, alone_s));
        }
    }
    let steps = (TRIALS * case.steps) as f64;
    let median = |of: &dyn Fn(&(f64, f64)) -> f64| {
        let mut values: Vec<f64> = times.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let figures = json!({
        "case": case.name, "trials": TRIALS, "steps": case.steps, "rounds": rounds,
        "packed_steps_per_s": median(&|(packed, _)| steps / packed),
        "alone_steps_per_s": median(&|(_, alone)| steps / alone),
        "ratio": median(&|(packed, alone)| alone / packed),
    });
    println!("{figures}");
    Ok(())
}

/// A trainer on a thread of its own. It sleeps while it has no trial.
struct Host {
    to: PipeWriter,
    from: BufReader<PipeReader>,
}

impl Host {
    fn open(case: &Case, pack: u64, directory: &Path) -> Result<Self> {
        let (input, to) = std::io::pipe()?;
        let (from, mut output) = std::io::pipe()?;
        std::thread::spawn(move || {
            // The host is gone when this fails; it says so itself.
            drop(tunesmith_train::service::serve(BufReader::new(input), &mut output));
        });
        let mut host = Self { to, from: BufReader::new(from) };
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/quickstart");
        host.say(&json!({
            "type": "open", "version": VERSION, "model": case.model, "base_directory": directory,
            "task": {"train": data.join("train.tsv"), "validation": data.join("validation.tsv"),
                "text": "text", "label": "label"},
            "pack": pack, "evaluate": {"fraction": 1.0}, "data_seed": 7, "checkpoint_seconds": 1e9,
        }))?;
        match host.hear()? {
            FromTrainer::Ready(_) => Ok(host),
            other => bail!("{other:?}"),
        }
    }

    fn say(&mut self, message: &Json) -> Result<()> {
        writeln!(self.to, "{message}").context("the trainer no longer listens")
    }

    fn hear(&mut self) -> Result<FromTrainer> {
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        serde_json::from_str(&line).with_context(|| format!("no message: {line}"))
    }

    /// Trains trials through their schedules.
    fn train(&mut self, trials: &[u64], case: &Case, directory: &Path) -> Result<()> {
        for trial in trials {
            let mut params = case.params.clone();
            params["max_steps"] = json!(case.steps);
            params["learning_rate"] = json!(1e-4 * (1 + trial) as f64);
            let directory = directory.join(format!("trial-{trial}"));
            self.say(&json!({"type": "start", "trial": trial, "params": params, "seed": trial,
                "directory": directory}))?;
        }
        let mut left = trials.len();
        while left > 0 {
            match self.hear()? {
                FromTrainer::Report { trial, .. } => self.say(
                    &json!({"type": "verdict", "trial": trial, "keep": false, "then": "continue"}),
                )?,
                FromTrainer::Finished { .. } => left -= 1,
                FromTrainer::Started { .. } | FromTrainer::Progress { .. } => {}
                other => bail!("{other:?}"),
            }
        }
        Ok(())
    }
}
