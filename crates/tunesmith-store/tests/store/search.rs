//! A search of one parameter that runs in microseconds, for tests that need a real log and no training.

use std::collections::BTreeMap;

use tunesmith_core::{
    Command, Domain, Event, Fact, Goal, LeaseKey, Metric, Next, Outcome, Parameter, Params, Policy,
    Report, RequeueReason, Rng, Sampler, Scheduler, SearchSpace, Storage, Study, StudyConfig,
    StudyId, SubmitError, Suggestion, Timestamp, Trial, Verdict, Writer, catch_up, load, submit,
};

/// Reports that each trial makes before it ends.
pub(crate) const REPORTS: u64 = 3;

/// A study of one learning rate, under this name.
pub(crate) fn config(name: &str) -> StudyConfig {
    let rate = Parameter::new("learning_rate", Domain::log_float(1e-5, 1e-2));
    let space = SearchSpace::new(vec![rate]).expect("a space of one parameter");
    StudyConfig::new(name, space, Metric::new("eval_accuracy", Goal::Maximize))
}

/// Draws from the space, and runs every trial to its end.
#[derive(Debug)]
struct Plain;

impl Sampler for Plain {
    fn suggest(&self, study: &Study, count: u32, rng: &Rng) -> Vec<Suggestion> {
        let first = study.next_number();
        let draw = |number: u32| {
            let mut rng = rng.branch(u64::from(number));
            let rate = 10f64.powf(-2.0 - 3.0 * rng.open_uniform());
            Suggestion { params: Params::from([("learning_rate", rate)]), note: Params::new() }
        };
        (first..first + count).map(draw).collect()
    }
}

impl Scheduler for Plain {
    fn next(&self, _study: &Study, _may_start: bool) -> Next {
        Next::START
    }

    fn judge(&self, _study: &Study, _trial: &Trial) -> Verdict {
        Verdict::Continue
    }
}

/// Works on one study of a storage, one trial at a time.
pub(crate) struct Search<'a> {
    storage: &'a dyn Storage,
    id: StudyId,
    study: Study,
    policy: Policy,
    writer: Writer,
    /// Told after every append that was acknowledged, with what was appended.
    acknowledged: &'a mut dyn FnMut(&[Event]),
}

impl<'a> Search<'a> {
    /// Goes on with a study that is there.
    pub(crate) fn resume(
        storage: &'a dyn Storage,
        id: StudyId,
        writer: &str,
        acknowledged: &'a mut dyn FnMut(&[Event]),
    ) -> Self {
        let study = load(storage, id).expect("the log folds");
        let policy = Policy { sampler: Box::new(Plain), scheduler: Box::new(Plain) };
        Self { storage, id, study, policy, writer: Writer::new(writer), acknowledged }
    }

    /// Trials from their start to their end until the budget is spent.
    pub(crate) fn run(&mut self) {
        while self.run_one() {}
    }

    /// Puts every trial of other writers back into the queue, as after their death.
    pub(crate) fn reap(&mut self) {
        catch_up(self.storage, self.id, &mut self.study).expect("the log folds");
        let holders = self
            .study
            .running()
            .filter_map(|trial| trial.lease.as_ref().map(|lease| lease.holder.clone()));
        let dead: Vec<Writer> = holders.filter(|holder| *holder != self.writer).collect();
        if !dead.is_empty() {
            self.submit(&Command::Reap { dead, silent: Vec::new() })
                .expect("the dead can be reaped");
        }
    }

    /// False when there is nothing more to do.
    pub(crate) fn run_one(&mut self) -> bool {
        let events = match self.submit(&Command::Ask { count: 1 }) {
            Ok(events) => events,
            Err(SubmitError::Rejected(_)) => return false,
            Err(error) => panic!("{error}"),
        };
        let lease = self.lease(&events);
        for step in 1..=REPORTS {
            let values = BTreeMap::from([("eval_accuracy".to_owned(), 0.5 + 0.1 * step as f64)]);
            let report = Report {
                step,
                fraction: step as f64 / REPORTS as f64,
                values,
                device_seconds: 1.0,
                errors: None,
            };
            self.submit(&Command::Report { lease, report }).expect("a report is taken");
        }
        let outcome = Outcome::Completed { values: BTreeMap::new() };
        self.submit(&Command::Tell { lease, outcome, device_seconds: 0.0 })
            .expect("an end is taken");
        true
    }

    /// Asks for a trial and hands it back.
    pub(crate) fn ask_and_release(&mut self) {
        let events = self.submit(&Command::Ask { count: 1 }).expect("there is work");
        let lease = self.lease(&events);
        let release =
            Command::Release { lease, reason: RequeueReason::Released, device_seconds: 0.0 };
        self.submit(&release).expect("a trial can be handed back");
    }

    fn lease(&self, events: &[Event]) -> LeaseKey {
        let given = events.iter().find(|event| {
            matches!(event.fact, Fact::TrialStarted { .. } | Fact::TrialLeased { .. })
        });
        let tunesmith_core::Stream::Trial(number) = given.expect("an ask gives a trial").stream
        else {
            panic!("a lease stands in a trial's stream");
        };
        self.study.trial(number).and_then(Trial::lease_key).expect("the trial is leased")
    }

    fn submit(&mut self, command: &Command) -> Result<Vec<Event>, SubmitError> {
        // A clock that goes on by a millisecond with every event.
        let now = Timestamp(1_000_000 + self.study.revision().0 as i64);
        let events = submit(
            self.storage,
            self.id,
            &mut self.study,
            &self.policy,
            &self.writer,
            command,
            now,
        )?;
        (self.acknowledged)(&events);
        Ok(events)
    }
}
