//! Which models are kept of a study of two metrics, as its trials end and after a crash.

use std::fs;

use tunesmith_core::{
    Command, Domain, Goal, Metric, Outcome, Parameter, Policy, SearchSpace, StudyConfig, Timestamp,
    Values, Writer, decide,
};

use super::*;

/// A study whose trials end as they are told to, and its files.
struct Scene {
    study: Study,
    policy: Policy,
    household: Household,
    _runs: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let rate = Parameter::new("learning_rate", Domain::log_float(1e-6, 1e-2));
        let space = SearchSpace::new(vec![rate]).expect("a legal space");
        let accuracy = Metric::new("eval_accuracy", Goal::Maximize);
        let mut config = StudyConfig::new("two", space, accuracy);
        config.metrics.push(Metric::new("eval_loss", Goal::Minimize));
        let created = Study::created(&config, &Writer::new("w"), Timestamp(0));
        let runs = tempfile::tempdir().expect("a temporary folder");
        let artefacts = Artefacts::of(runs.path(), "two");
        artefacts.prepare("").expect("it can be prepared");
        Self {
            study: Study::begin(&created).expect("the first event"),
            policy: tunesmith_search::policy(&config).expect("a policy"),
            household: Household::new(artefacts, 24, false),
            _runs: runs,
        }
    }

    fn act(&mut self, command: Command) {
        let (by, now) = (Writer::new("w"), Timestamp(0));
        let events = decide(&self.study, &self.policy, &by, command, now).expect("it is legal");
        for event in &events {
            self.study.apply(event).expect("a decided event applies");
        }
    }

    /// Starts a trial, which keeps a model.
    fn start(&mut self) -> u32 {
        let number = self.study.next_number();
        self.act(Command::Ask { count: 1 });
        let model = self.household.trial_folder(number).join("model");
        fs::create_dir_all(&model).expect("a temporary folder is writable");
        fs::write(model.join("weights"), number.to_string()).expect("it is writable");
        number
    }

    /// Writes down that a trial completed, and nothing more: as if the worker died then.
    fn complete(&mut self, number: u32, accuracy: f64, loss: f64) {
        let lease = self.study.trial(number).and_then(Trial::lease_key).expect("it runs");
        let values = [("eval_accuracy".to_owned(), accuracy), ("eval_loss".to_owned(), loss)];
        let outcome = Outcome::Completed { values: Values::from(values) };
        self.act(Command::Tell { lease, outcome, device_seconds: 1.0 });
    }

    fn end(&mut self, number: u32, accuracy: f64, loss: f64) {
        self.complete(number, accuracy, loss);
        let trial = self.study.trial(number).expect("it is there");
        self.household.ended(&self.study, trial).expect("its files can be kept");
    }

    /// The trials with a model in the front's folder, and whose weights are the best's.
    fn kept(&self) -> (Vec<u32>, String) {
        let artefacts = &self.household.artefacts;
        let best = fs::read_to_string(artefacts.best().join("weights")).expect("there is a best");
        (artefacts.front_models().expect("they can be listed"), best)
    }
}

#[test]
fn the_models_of_the_front_are_kept_while_nothing_beats_them() {
    let mut scene = Scene::new();
    let [first, second, third, fourth] = [0; 4].map(|_| scene.start());
    scene.end(first, 0.7, 0.5);
    assert_eq!(scene.kept(), (vec![first], "0".to_owned()));
    scene.end(second, 0.8, 0.6);
    assert_eq!(scene.kept(), (vec![first, second], "1".to_owned()), "neither beats the other");
    scene.end(third, 0.75, 0.7);
    assert_eq!(scene.kept(), (vec![first, second], "1".to_owned()), "beaten by the second");
    scene.end(fourth, 0.8, 0.4);
    assert_eq!(scene.kept(), (vec![fourth], "3".to_owned()), "it beats all");
    let left = fs::read_dir(scene.household.artefacts.trials()).expect("it is there").count();
    assert_eq!(left, 0, "trials that are over leave no files");
}

#[test]
fn what_a_crash_left_undone_is_finished() {
    let mut scene = Scene::new();
    let [first, second] = [0; 2].map(|_| scene.start());
    scene.end(first, 0.7, 0.5);
    scene.complete(second, 0.9, 0.4);
    assert_eq!(scene.kept(), (vec![first], "0".to_owned()));
    scene.household.settle(&scene.study).expect("its files can be kept");
    assert_eq!(scene.kept(), (vec![second], "1".to_owned()));
}

#[test]
fn the_model_of_a_trial_that_ended_elsewhere_stays() {
    let mut scene = Scene::new();
    let [first, second] = [0; 2].map(|_| scene.start());
    let elsewhere = scene.household.artefacts.front_model(second);
    fs::create_dir_all(&elsewhere).expect("a temporary folder is writable");
    scene.end(first, 0.7, 0.5);
    assert_eq!(scene.kept().0, [first, second], "the second still runs, as far as is known here");
}
