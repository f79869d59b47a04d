//! What the search and its log add to a trial: ask, one report and tell, with random search over five
//! parameters and nothing trained. Prints one JSON object a case; `cargo x bench overhead` keeps them.
//!
//! It measures this process alone: no trainer, no second worker.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tunesmith_core::{
    Budget, Command, Domain, Goal, Metric, Outcome, Parameter, Policy, Report, SearchSpace,
    Storage, Study, StudyConfig, StudyId, Timestamp, Trial, Value, Writer, load, submit,
};
use tunesmith_search::policy;
use tunesmith_store::{Memory, Sqlite, sqlite::Durability, sqlite::Presence};

fn main() -> Result<()> {
    let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
    let open = |name: &str, durability| {
        let path = directory.path().join(name);
        Sqlite::open(&path, Presence::CreateIfMissing, durability)
    };
    measure("memory", &Memory::new(), 10_000)?;
    measure("sqlite-normal", &open("normal.db", Durability::Normal)?, 10_000)?;
    measure("sqlite-full", &open("full.db", Durability::Full)?, 1_000)
}

fn measure(case: &str, storage: &dyn Storage, trials: u32) -> Result<()> {
    let config = config(trials)?;
    let policy = policy(&config)?;
    let writer = Writer::new("bench");
    let id = storage.create(&config, &writer, Timestamp(0))?;
    let mut worker = Worker { storage, id, study: load(storage, id)?, policy, writer };
    let mut times = Vec::new();
    for _ in 0..trials {
        let start = Instant::now();
        worker.run_one()?;
        times.push(start.elapsed());
    }
    let start = Instant::now();
    let folded = load(storage, id)?;
    let load_ms = start.elapsed().as_secs_f64() * 1e3;
    if folded != worker.study {
        bail!("{case}: the log does not fold into the study that wrote it");
    }
    println!("{}", figures(case, trials, &mut times, load_ms));
    Ok(())
}

struct Worker<'a> {
    storage: &'a dyn Storage,
    id: StudyId,
    study: Study,
    policy: Policy,
    writer: Writer,
}

impl Worker<'_> {
    fn run_one(&mut self) -> Result<()> {
        self.submit(&Command::Ask { count: 1 })?;
        let trial = self.study.trials().last().and_then(Trial::lease_key);
        let lease = trial.context("an ask leases a trial")?;
        let values = BTreeMap::from([("eval_loss".to_owned(), f64::from(lease.trial % 97))]);
        let report = Report { step: 1, fraction: 1.0, values, device_seconds: 1.0, errors: None };
        self.submit(&Command::Report { lease, report })?;
        self.submit(&Command::Tell {
            lease,
            outcome: Outcome::Completed { values: BTreeMap::new() },
            device_seconds: 0.0,
        })
    }

    fn submit(&mut self, command: &Command) -> Result<()> {
        let now = Timestamp(self.study.revision().0.cast_signed());
        submit(self.storage, self.id, &mut self.study, &self.policy, &self.writer, command, now)?;
        Ok(())
    }
}

fn config(trials: u32) -> Result<StudyConfig> {
    let batch = ["8", "16", "32"].map(Value::from);
    let space = SearchSpace::new(vec![
        Parameter::new("learning_rate", Domain::log_float(1e-6, 1e-3)),
        Parameter::new("weight_decay", Domain::float(0.0, 0.3)),
        Parameter::new("warmup_steps", Domain::int(0, 500)),
        Parameter::new("num_train_epochs", Domain::int(2, 5)),
        Parameter::new("per_device_train_batch_size", Domain::categorical(batch)),
    ])?;
    let mut config = StudyConfig::new("overhead", space, Metric::new("eval_loss", Goal::Minimize));
    config.budget = Budget { trials: Some(trials), ..Budget::default() };
    Ok(config)
}

/// Microseconds a trial: the mean, the median, the 99th percentile, and the mean of the last tenth.
fn figures(case: &str, trials: u32, times: &mut [Duration], load_ms: f64) -> serde_json::Value {
    let microseconds = |time: &Duration| time.as_secs_f64() * 1e6;
    let mean =
        |times: &[Duration]| times.iter().map(microseconds).sum::<f64>() / times.len() as f64;
    let (all, last_tenth) = (mean(times), mean(&times[times.len() - times.len() / 10..]));
    times.sort();
    let quantile = |share: f64| microseconds(&times[((times.len() - 1) as f64 * share) as usize]);
    serde_json::json!({
        "case": format!("overhead/{case}"),
        "trials": trials,
        "mean_us": rounded(all),
        "p50_us": rounded(quantile(0.5)),
        "p99_us": rounded(quantile(0.99)),
        "last_tenth_mean_us": rounded(last_tenth),
        "load_ms": rounded(load_ms),
    })
}

fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
