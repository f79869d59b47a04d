//! A study on a bench: a log, a clock that the test turns, a policy that the test can see through.

use tunesmith_core::*;

/// Draws from the priors, as random search does.
#[derive(Debug)]
pub(crate) struct Draws;

impl Sampler for Draws {
    fn suggest(&self, study: &Study, count: u32, rng: &Rng) -> Vec<Suggestion> {
        let first = u64::from(study.next_number());
        let draw = |number| Suggestion {
            params: study.space().sample(&rng.branch(number)),
            note: Params::new(),
        };
        (first..first + u64::from(count)).map(draw).collect()
    }
}

/// Prunes what reports a loss above its bound, and pauses what reports a loss below another.
#[derive(Debug)]
pub(crate) struct Bounds {
    pub(crate) prune_above: f64,
    pub(crate) pause_below: f64,
}

impl Scheduler for Bounds {
    fn next(&self, study: &Study, may_start: bool) -> Next {
        match study.in_state(TrialState::Paused).next() {
            Some(paused) if study.count(TrialState::Running) == 0 => go_on(paused.number),
            _ if may_start => Next::START,
            _ => Next::Finished,
        }
    }

    fn judge(&self, _study: &Study, trial: &Trial) -> Verdict {
        let loss = trial.reports.last().and_then(|report| report.values.get("loss")).copied();
        match loss {
            Some(loss) if loss > self.prune_above => {
                Verdict::Prune { reason: format!("{loss} is high") }
            }
            Some(loss) if loss < self.pause_below => {
                Verdict::Pause { reason: format!("{loss} is low") }
            }
            _ => Verdict::Continue,
        }
    }
}

/// Even trials from where they were, odd ones from where the first is.
fn go_on(trial: u32) -> Next {
    if trial.is_multiple_of(2) {
        return Next::Resume { trial };
    }
    let params = Params::from([("lr", 1e-4)]);
    Next::Exploit(Box::new(Exploit { trial, donor: 0, params, note: Params::new() }))
}

pub(crate) struct Scene {
    pub(crate) study: Study,
    pub(crate) policy: Policy,
    pub(crate) log: Vec<Event>,
    pub(crate) now: Timestamp,
}

impl Scene {
    pub(crate) fn new(config: &StudyConfig) -> Self {
        let created = Study::created(config, &Writer::new("w0"), Timestamp(0));
        Self {
            study: Study::begin(&created).expect("the first event"),
            policy: policy(),
            log: vec![created],
            now: Timestamp(0),
        }
    }

    pub(crate) fn try_as(&mut self, by: &str, command: Command) -> Result<Vec<Event>, Rejection> {
        let events = decide(&self.study, &self.policy, &Writer::new(by), command, self.now)?;
        for event in &events {
            self.study.apply(event).expect("a decided event applies");
        }
        self.log.extend(events.iter().cloned());
        Ok(events)
    }

    pub(crate) fn act(&mut self, command: Command) -> Vec<Event> {
        self.try_as("w", command).expect("not refused")
    }

    pub(crate) fn refuse(&mut self, command: Command) -> String {
        self.try_as("w", command).expect_err("refused").to_string()
    }

    pub(crate) fn key(&self, trial: u32) -> LeaseKey {
        self.study.trial(trial).and_then(Trial::lease_key).expect("running")
    }

    pub(crate) fn state(&self, trial: u32) -> TrialState {
        self.study.trial(trial).expect("there").state
    }

    pub(crate) fn report(&mut self, trial: u32, step: u64, loss: f64) -> Vec<Event> {
        let lease = self.key(trial);
        self.act(Command::Report { lease, report: report(step, loss) })
    }

    pub(crate) fn complete(&mut self, trial: u32) -> Vec<Event> {
        let lease = self.key(trial);
        self.act(Command::Tell { lease, outcome: completed(), device_seconds: 0.0 })
    }

    /// Where the clock stands, in milliseconds.
    pub(crate) fn at(&mut self, now_ms: i64) -> &mut Self {
        self.now = Timestamp(now_ms);
        self
    }
}

pub(crate) fn policy() -> Policy {
    let scheduler = Box::new(Bounds { prune_above: 100.0, pause_below: -100.0 });
    Policy { sampler: Box::new(Draws), scheduler }
}

pub(crate) fn report(step: u64, loss: f64) -> Report {
    let values = Values::from([("loss".to_owned(), loss)]);
    let fraction = (step as f64 / 100.0).min(1.0);
    Report { step, fraction, values, device_seconds: 2.0, errors: None }
}

pub(crate) fn completed() -> Outcome {
    Outcome::Completed { values: Values::new() }
}

/// A study of one real parameter whose loss is to be low.
pub(crate) fn config() -> StudyConfig {
    let lr = Parameter::new("lr", Domain::log_float(1e-6, 1e-3));
    let space = SearchSpace::new(vec![lr]).expect("a space");
    StudyConfig {
        seed: 7,
        lease_ms: 30_000,
        ..StudyConfig::new("s", space, Metric::new("loss", Goal::Minimize))
    }
}

/// Events as lines: stream, sequence number, writer, and the fact as the log has it.
pub(crate) fn lines(events: &[Event]) -> String {
    let line = |event: &Event| {
        let json = wire::event_to_json(event);
        let fact = json.split_once("\"fact\":").map_or("", |(_, fact)| &fact[..fact.len() - 1]);
        format!("{}#{} {}: {fact}\n", event.stream, event.seq, event.by)
    };
    events.iter().map(line).collect()
}
