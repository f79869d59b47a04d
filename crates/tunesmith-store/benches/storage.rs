//! How many trials a second a storage takes: agents that ask, report and tell as fast as they can, with random
//! search over five parameters and nothing trained. Prints one JSON object; `cargo x bench storage` runs it and the
//! peer in turn.
//!
//! It measures one storage at one address; every agent is a thread with a connection and a study of its own, as
//! agents on several machines have.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use tunesmith_core::{
    Budget, Command, Domain, Event, Goal, LeaseKey, Metric, Outcome, Parameter, Policy, Report,
    SearchSpace, Storage, Study, StudyConfig, StudyId, Timestamp, Value, Writer, load, submit,
};
use tunesmith_search::policy;
use tunesmith_store::{Location, open, sqlite::Durability, sqlite::Presence};

fn main() -> Result<()> {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [address, agents, trials, reports] = arguments.as_slice() else {
        bail!("usage: storage ADDRESS AGENTS TRIALS REPORTS");
    };
    let agents: u32 = agents.parse().context("AGENTS is a number")?;
    let trials: u32 = trials.parse().context("TRIALS, of each agent, is a number")?;
    let reports: u32 = reports.parse().context("REPORTS, of each trial, is a number")?;
    let config = config(agents * trials)?;
    let location: Location = address.parse()?;
    let first = open(&location, Presence::CreateIfMissing, Durability::default())?;
    let id = first.create(&config, &Writer::new("bench"), now())?;
    let barrier = Barrier::new(agents as usize + 1);
    let run = |agent: u32| {
        let storage = open(&location, Presence::Existing, Durability::default());
        barrier.wait();
        let storage = storage?;
        Agent::new(&*storage, id, &config, agent)?.run(trials, reports)
    };
    let run = &run;
    let seconds = std::thread::scope(|scope| -> Result<f64> {
        let threads: Vec<_> = (0..agents).map(|agent| scope.spawn(move || run(agent))).collect();
        barrier.wait();
        let start = Instant::now();
        for thread in threads {
            thread.join().map_err(|_| anyhow::anyhow!("an agent panicked"))??;
        }
        Ok(start.elapsed().as_secs_f64())
    })?;
    let start = Instant::now();
    let study = load(&*first, id)?;
    let load_s = start.elapsed().as_secs_f64();
    let done = study.trials().iter().filter(|trial| trial.reports.len() == reports as usize);
    if done.count() != (agents * trials) as usize {
        bail!("the log does not hold every report");
    }
    println!(
        "{}",
        serde_json::json!({
            "agents": agents, "trials": agents * trials, "reports": reports, "seconds": seconds,
            "trials_per_s": f64::from(agents * trials) / seconds, "load_s": load_s,
        })
    );
    Ok(())
}

struct Agent<'a> {
    storage: &'a dyn Storage,
    id: StudyId,
    study: Study,
    policy: Policy,
    writer: Writer,
}

impl<'a> Agent<'a> {
    fn new(
        storage: &'a dyn Storage,
        id: StudyId,
        config: &StudyConfig,
        agent: u32,
    ) -> Result<Self> {
        let writer = Writer::new(&format!("agent-{agent}"));
        Ok(Self { storage, id, study: load(storage, id)?, policy: policy(config)?, writer })
    }

    fn run(&mut self, trials: u32, reports: u32) -> Result<()> {
        for _ in 0..trials {
            let lease = self.ask()?;
            for step in 1..=reports {
                let values = BTreeMap::from([("eval_loss".to_owned(), 1.0 / f64::from(step))]);
                let fraction = f64::from(step) / f64::from(reports);
                let step = u64::from(step);
                let report = Report { step, fraction, values, device_seconds: 1.0, errors: None };
                self.submit(&Command::Report { lease, report })?;
            }
            let values = match reports {
                0 => BTreeMap::from([("eval_loss".to_owned(), 0.5)]),
                _ => BTreeMap::new(),
            };
            let outcome = Outcome::Completed { values };
            self.submit(&Command::Tell { lease, outcome, device_seconds: 0.0 })?;
        }
        Ok(())
    }

    fn ask(&mut self) -> Result<LeaseKey> {
        let events = self.submit(&Command::Ask { count: 1 })?;
        let trial = events.iter().find_map(|event| match event.stream {
            tunesmith_core::Stream::Trial(number) => Some(number),
            tunesmith_core::Stream::Study => None,
        });
        let trial = trial.context("an ask begins a trial")?;
        let key = self.study.trial(trial).and_then(tunesmith_core::Trial::lease_key);
        key.context("and leases it")
    }

    fn submit(&mut self, command: &Command) -> Result<Vec<Event>> {
        let study = &mut self.study;
        Ok(submit(self.storage, self.id, study, &self.policy, &self.writer, command, now())?)
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn config(trials: u32) -> Result<StudyConfig> {
    let batch = ["8", "16", "32"].map(Value::from);
    let space = SearchSpace::new(vec![
        Parameter::new("learning_rate", Domain::log_float(1e-6, 1e-3)),
        Parameter::new("weight_decay", Domain::float(0.0, 0.3)),
        Parameter::new("warmup_ratio", Domain::float(0.0, 0.3)),
        Parameter::new("num_train_epochs", Domain::int(1, 5)),
        Parameter::new("per_device_train_batch_size", Domain::categorical(batch)),
    ])?;
    let metric = Metric::new("eval_loss", Goal::Minimize);
    let mut config = StudyConfig::new(&format!("storage-{}", now().0), space, metric);
    config.budget = Budget { trials: Some(trials), ..Budget::default() };
    Ok(config)
}
