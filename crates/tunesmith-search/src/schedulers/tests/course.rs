//! A study in memory whose trials a test moves along their schedules by hand: start, report, end, look.
//!
//! Refuses what a worker would not do: everything goes through `decide` and `apply`.

use tunesmith_core::{
    Budget, Command, Component, Domain, Event, ExampleErrors, FailureReason, Goal, LeaseKey,
    Metric, Outcome, Parameter, Params, Policy, Rejection, Report, SearchSpace, Study, StudyConfig,
    Timestamp, Trial, TrialState, Values, Writer, decide,
};

use crate::registry::policy;

/// A study in memory.
pub(crate) struct Course {
    pub(crate) study: Study,
    pub(crate) policy: Policy,
    pub(crate) log: Vec<Event>,
    by: Writer,
}

/// A study of one parameter that minimises `loss`.
pub(crate) fn config(scheduler: &str, options: Params, trials: u32) -> StudyConfig {
    let lr = Parameter::new("lr", Domain::log_float(1e-6, 1e-2));
    let space = SearchSpace::new(vec![lr]).expect("a space");
    StudyConfig {
        scheduler: Component { options, ..Component::named(scheduler) },
        budget: Budget { trials: Some(trials), ..Budget::default() },
        seed: 3,
        ..StudyConfig::new("course", space, Metric::new("loss", Goal::Minimize))
    }
}

impl Course {
    pub(crate) fn new(scheduler: &str, options: Params, trials: u32) -> Self {
        Self::of(&config(scheduler, options, trials))
    }

    pub(crate) fn of(config: &StudyConfig) -> Self {
        let by = Writer::new("course");
        let created = Study::created(config, &by, Timestamp(0));
        let study = Study::begin(&created).expect("the first event");
        Self { study, policy: policy(config).expect("a policy"), log: vec![created], by }
    }

    pub(crate) fn act(&mut self, command: Command) -> Result<Vec<Event>, Rejection> {
        let now = Timestamp(self.log.len() as i64);
        let events = decide(&self.study, &self.policy, &self.by, command, now)?;
        for event in &events {
            self.study.apply(event).expect("a decided event applies");
        }
        self.log.extend(events.iter().cloned());
        Ok(events)
    }

    /// The trial that a free worker gets; `None` where it gets nothing.
    pub(crate) fn ask(&mut self) -> Option<u32> {
        let leased = |course: &Self| -> Vec<u32> {
            course.study.running().map(|trial| trial.number).collect()
        };
        let before = leased(self);
        self.act(Command::Ask { count: 1 }).ok()?;
        leased(self).into_iter().find(|number| !before.contains(number))
    }

    /// Starts so many trials.
    pub(crate) fn start(&mut self, count: u32) {
        for number in self.study.next_number()..self.study.next_number() + count {
            assert_eq!(self.ask(), Some(number));
        }
    }

    pub(crate) fn trial(&self, number: u32) -> &Trial {
        self.study.trial(number).expect("a trial of that number")
    }

    fn lease(&self, number: u32) -> LeaseKey {
        self.trial(number).lease_key().expect("running")
    }

    /// A report of the loss; how the trial stands after it.
    pub(crate) fn report(&mut self, number: u32, fraction: f64, loss: f64) -> TrialState {
        self.report_values(number, fraction, &[("loss", loss)], None)
    }

    pub(crate) fn report_values(
        &mut self,
        number: u32,
        fraction: f64,
        values: &[(&str, f64)],
        errors: Option<Vec<u8>>,
    ) -> TrialState {
        let values: Values =
            values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        let report = Report {
            step: (fraction * 10_000.0).round() as u64,
            fraction,
            values,
            device_seconds: 1.0,
            errors: errors.map(ExampleErrors),
        };
        let lease = self.lease(number);
        self.act(Command::Report { lease, report }).expect("taken");
        self.trial(number).state
    }

    fn tell(&mut self, number: u32, outcome: Outcome) {
        let lease = self.lease(number);
        self.act(Command::Tell { lease, outcome, device_seconds: 0.0 }).expect("taken");
    }

    pub(crate) fn complete(&mut self, number: u32, loss: f64) {
        let values = Values::from([("loss".to_owned(), loss)]);
        self.tell(number, Outcome::Completed { values });
    }

    pub(crate) fn fail(&mut self, number: u32) {
        self.tell(number, Outcome::Failed { reason: FailureReason::OutOfMemory });
    }
}

/// A trial that reported the loss, or something else, at these fractions.
pub(crate) fn reported(points: &[(f64, Option<f64>)]) -> Trial {
    let mut course = Course::new("none", Params::new(), 1);
    course.start(1);
    for (fraction, loss) in points {
        let name = if loss.is_some() { "loss" } else { "other" };
        course.report_values(0, *fraction, &[(name, loss.unwrap_or_default())], None);
    }
    course.trial(0).clone()
}
