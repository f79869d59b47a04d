//! How long a scheduler takes over a long study: what is next while trials may start and when none may any more, who is
//! to retire, and what becomes of a trial that reports at a rung. One parameter, one objective, nine reports a trial up
//! to a third of its schedule, each third trial completed, one paused and one ended by the scheduler.
//!
//!     cargo bench -p tunesmith-search --bench judge -- 10000
//!
//! Prints one JSON object a scheduler: the least over the repetitions in milliseconds. It measures this process alone.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and its arguments"
)]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use tunesmith_core::{
    Budget, Command, Component, Domain, Event, ExampleErrors, Fact, Goal, Metric, Outcome,
    Parameter, Report, SearchSpace, Stream, Study, StudyConfig, Timestamp, Trial, Values, Writer,
    decide,
};
use tunesmith_search::{policy, schedulers};

/// How often each question is asked.
const REPETITIONS: usize = 10;
/// Reports of a trial, each after a 27th of the schedule.
const REPORTS: u64 = 9;

fn main() -> Result<(), Box<dyn Error>> {
    // Cargo adds `--bench`.
    let trials = std::env::args().skip(1).find(|word| !word.starts_with("--"));
    let trials: u32 = trials.map_or(Ok(10_000), |trials| trials.parse())?;
    for entry in schedulers() {
        let config = config(entry.name, trials + 1)?;
        let study = study(&config, trials)?;
        let mut judged = study.trials().last().ok_or("there are trials")?.clone();
        judged.reports.push(report(3));
        let scheduler = policy(&config)?.scheduler;
        let line = serde_json::json!({
            "scheduler": entry.name,
            "trials": trials,
            "next_ms": least(|| drop(black_box(scheduler.next(&study, true)))),
            "next_at_end_ms": least(|| drop(black_box(scheduler.next(&study, false)))),
            "retire_ms": least(|| drop(black_box(scheduler.retire(&study)))),
            "judge_ms": least(|| drop(black_box(scheduler.judge(&study, &judged)))),
        });
        println!("{line}");
    }
    Ok(())
}

fn least(question: impl Fn()) -> f64 {
    let time = |_| {
        let start = Instant::now();
        question();
        start.elapsed().as_secs_f64() * 1e3
    };
    let times: Vec<f64> = (0..REPETITIONS).map(time).collect();
    (times.into_iter().fold(f64::INFINITY, f64::min) * 1e4).round() / 1e4
}

fn config(scheduler: &str, trials: u32) -> Result<StudyConfig, Box<dyn Error>> {
    let space = SearchSpace::new(vec![Parameter::new("lr", Domain::log_float(1e-6, 1e-3))])?;
    Ok(StudyConfig {
        scheduler: Component::named(scheduler),
        budget: Budget { trials: Some(trials), ..Budget::default() },
        ..StudyConfig::new("judge", space, Metric::new("loss", Goal::Minimize))
    })
}

fn report(step: u64) -> Report {
    let fraction = step as f64 / 27.0;
    // A scattered loss that depends on the step alone would tie; the caller adds the trial.
    let values = Values::from([("loss".to_owned(), 1.0 / (1.0 + fraction))]);
    let errors = Some(ExampleErrors((0..64).map(|index| u8::from(index % 7 == 0)).collect()));
    Report { step, fraction, values, device_seconds: 1.0, errors }
}

/// The trials of one study, started by no scheduler.
fn study(config: &StudyConfig, trials: u32) -> Result<Study, Box<dyn Error>> {
    let by = Writer::new("bench");
    let now = Timestamp(0);
    let none = policy(&StudyConfig { scheduler: Component::named("none"), ..config.clone() })?;
    let mut study = Study::begin(&Study::created(config, &by, now))?;
    let act = |study: &mut Study, command: Command| -> Result<(), Box<dyn Error>> {
        let events = decide(study, &none, &by, command, now)?;
        events.iter().try_for_each(|event| study.apply(event))?;
        Ok(())
    };
    for number in 0..trials {
        act(&mut study, Command::Ask { count: 1 })?;
        let lease = study.trial(number).and_then(Trial::lease_key).ok_or("leased")?;
        let scatter = f64::from(number.wrapping_mul(2_654_435_769) >> 8) / f64::from(1 << 24);
        let last = number + 1 == trials;
        for step in 1..=if last { 2 } else { REPORTS } {
            let mut report = report(step);
            report.values.values_mut().for_each(|loss| *loss += scatter);
            act(&mut study, Command::Report { lease, report })?;
        }
        let fact = match number % 3 {
            _ if last => continue,
            0 => {
                let outcome = Outcome::Completed { values: Values::new() };
                act(&mut study, Command::Tell { lease, outcome, device_seconds: 0.0 })?;
                continue;
            }
            1 => Fact::TrialPaused { reason: "by the benchmark".to_owned() },
            _ => Fact::TrialPruned { reason: "by the benchmark".to_owned(), device_seconds: 0.0 },
        };
        let stream = Stream::Trial(number);
        let seq = study.next_seq(stream);
        study.apply(&Event { stream, seq, at: now, by: by.clone(), fact })?;
    }
    Ok(study)
}
