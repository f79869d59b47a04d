//! How long one ask and one tell take after so many finished trials: five parameters (two reals, one of them on a log
//! scale twice over, a whole number and a choice), one objective, nothing trained, no storage.
//!
//!     cargo bench -p tunesmith-search --bench ask -- tpe 1000 tpe 10000 gp-batch16 60
//!
//! Each case is the name of a sampler, with `-batchN` for N trials at once, and a number of finished trials. One trial
//! at a time is timed as a study goes on, as on the peers' side, `tools/bench/ask_peers.py`, which has the same space,
//! history and objective; a batch is timed on a new study each time, so that every one has that many trials behind it.
//! Prints one JSON object a case: the median and the least of the repetitions in milliseconds, and on Linux the mean of
//! the processor's time. It measures this process alone: no second worker.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and its arguments"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

use tunesmith_core::{
    Command, Component, Domain, Goal, Metric, Outcome, Parameter, Params, Policy, Report,
    SearchSpace, Study, StudyConfig, Timestamp, Trial, Value, Writer, decide,
};
use tunesmith_search::policy;

/// How often each case is timed.
const REPETITIONS: u64 = 20;

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds `--bench`.
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    for case in words.chunks(2) {
        let [name, trials] = case else {
            return Err(format!("{} needs a number of trials after it", case[0]).into());
        };
        let (sampler, batch) = match name.split_once("-batch") {
            Some((sampler, batch)) => (sampler, batch.parse()?),
            None => (name.as_str(), 1),
        };
        measure(name, sampler, batch, trials.parse()?)?;
    }
    Ok(())
}

fn measure(name: &str, sampler: &str, batch: u32, trials: u32) -> Result<(), Box<dyn Error>> {
    let mut worker = Worker::with_history(sampler, 0, trials)?;
    let (mut times, mut processor_ms) = (Vec::new(), Some(0.0));
    for seed in 0..REPETITIONS {
        if batch > 1 {
            worker = Worker::with_history(sampler, seed, trials)?;
        }
        let (busy, start) = (busy_ms(), Instant::now());
        worker.run(batch)?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        let spent = busy_ms().zip(busy).map(|(end, start)| end - start);
        processor_ms = processor_ms.zip(spent).map(|(sum, spent)| sum + spent);
    }
    times.sort_by(f64::total_cmp);
    let rounded = |ms: f64| (ms * 1e4).round() / 1e4;
    let line = serde_json::json!({
        "case": format!("search/{name}"),
        "trials": trials,
        "ms": rounded(times[times.len() / 2]),
        "least_ms": rounded(times[0]),
        "processor_ms": processor_ms.map(|sum| rounded(sum / times.len() as f64)),
    });
    println!("{line}");
    Ok(())
}

/// How long the processor has worked for this thread, where the system tells.
fn busy_ms() -> Option<f64> {
    // Linux adds up the time of a thread where it gives way.
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(|nanoseconds: f64| nanoseconds / 1e6)
}

struct Worker {
    study: Study,
    policy: Policy,
    writer: Writer,
}

impl Worker {
    fn with_history(sampler: &str, seed: u64, trials: u32) -> Result<Self, Box<dyn Error>> {
        let mut worker = Self::new(sampler, seed)?;
        for number in 0..trials {
            worker.enqueue(number)?;
            worker.run(1)?;
        }
        Ok(worker)
    }

    fn new(sampler: &str, seed: u64) -> Result<Self, Box<dyn Error>> {
        let space = SearchSpace::new(vec![
            Parameter::new("learning_rate", Domain::log_float(1e-6, 1e-3)),
            Parameter::new("weight_decay", Domain::float(0.0, 0.3)),
            Parameter::new("warmup_ratio", Domain::float(0.0, 0.2)),
            Parameter::new("num_train_epochs", Domain::int(1, 10)),
            Parameter::new(
                "lr_scheduler_type",
                Domain::categorical(["linear", "cosine", "constant"]),
            ),
        ])?;
        let metric = Metric::new("eval_loss", Goal::Minimize);
        let config = StudyConfig {
            sampler: Component::named(sampler),
            seed,
            ..StudyConfig::new("ask", space, metric)
        };
        let writer = Writer::new("bench");
        let study = Study::begin(&Study::created(&config, &writer, Timestamp(0)))?;
        Ok(Self { study, policy: policy(&config)?, writer })
    }

    fn act(&mut self, command: Command) -> Result<(), Box<dyn Error>> {
        let now = Timestamp(self.study.revision().0.cast_signed());
        for event in decide(&self.study, &self.policy, &self.writer, command, now)? {
            self.study.apply(&event)?;
        }
        Ok(())
    }

    /// A point of the additive recurrence of the powers of the generalised golden ratio (Roberts, 2018), which the
    /// peers' side repeats.
    fn enqueue(&mut self, number: u32) -> Result<(), Box<dyn Error>> {
        let ratio: f64 = 1.167_303_978_261_418_7;
        let mut alpha = 1.0;
        let mut at = || {
            alpha /= ratio;
            (0.5 + alpha * f64::from(number + 1)).fract()
        };
        let schedules = ["linear", "cosine", "constant"];
        let params = Params::from([
            ("learning_rate", Value::Float(1e-6 * libm::pow(1e3, at()))),
            ("weight_decay", Value::Float(0.3 * at())),
            ("warmup_ratio", Value::Float(0.2 * at())),
            ("num_train_epochs", Value::Int(1 + (10.0 * at()) as i64)),
            ("lr_scheduler_type", Value::from(schedules[(3.0 * at()) as usize])),
        ]);
        self.act(Command::Enqueue { params })
    }

    /// Asks for `count` trials and tells what came of them.
    fn run(&mut self, count: u32) -> Result<(), Box<dyn Error>> {
        self.act(Command::Ask { count })?;
        let running: Vec<_> =
            self.study.running().map(|trial| (trial.lease_key(), loss(trial))).collect();
        for (lease, loss) in running {
            let lease = lease.ok_or("an ask leases its trials")?;
            let values = BTreeMap::from([("eval_loss".to_owned(), loss)]);
            let report = Report { step: 1, fraction: 1.0, values, device_seconds: 0.0 };
            self.act(Command::Report { lease, report })?;
            let outcome = Outcome::Completed { values: BTreeMap::new() };
            self.act(Command::Tell { lease, outcome, device_seconds: 0.0 })?;
        }
        Ok(())
    }
}

/// A bowl around usual values.
fn loss(trial: &Trial) -> f64 {
    let real = |name: &str| trial.params.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    let schedule = trial.params.get("lr_scheduler_type").and_then(Value::as_str);
    let rate = libm::log(real("learning_rate") / 2e-5);
    let decay = 10.0 * (real("weight_decay") - 0.1);
    let warmup = 10.0 * (real("warmup_ratio") - 0.06);
    let epochs = 0.3 * (real("num_train_epochs") - 3.0);
    let constant = if schedule == Some("constant") { 0.5 } else { 0.0 };
    rate * rate + decay * decay + warmup * warmup + epochs * epochs + constant
}
