//! Pictures of studies that were really decided, held against the studies themselves.

use serde_json::{Value as Json, json};
use tunesmith_core::{
    Command, Component, Condition, Domain, Event, FailureReason, Goal, LeaseKey, Metric, Outcome,
    Parameter, Params, Policy, Report, RequeueReason, SearchSpace, Storage, Study, StudyConfig,
    StudyId, Timestamp, TrialState, Value, Values, Writer,
};
use tunesmith_store::Memory;
use tunesmith_view::{Album, curves, page, picture, report};

/// A study, and a clock that goes a second a command.
struct Life {
    storage: Memory,
    id: StudyId,
    study: Study,
    policy: Policy,
    now: i64,
}

fn config(name: &str) -> StudyConfig {
    let space = SearchSpace::new(vec![
        Parameter::new("learning_rate", Domain::log_float(1e-5, 1e-2)),
        Parameter::new("adapter", Domain::categorical(["none", "lora"])),
        Parameter::new("lora.r", Domain::int(4, 16)).when(Condition::one_of("adapter", ["lora"])),
    ]);
    let metric = Metric::new("accuracy", Goal::Maximize);
    StudyConfig::new(name, space.expect("a space"), metric)
}

impl Life {
    fn begin(config: &StudyConfig) -> Self {
        let storage = Memory::new();
        let id = storage.create(config, &Writer::new("test"), Timestamp(0)).expect("new");
        let study = tunesmith_core::load(&storage, id).expect("there");
        let policy = tunesmith_search::policy(config).expect("known");
        Self { storage, id, study, policy, now: 0 }
    }

    fn tell(&mut self, worker: &str, command: &Command) -> Vec<Event> {
        self.now += 1_000;
        let (by, now) = (Writer::new(worker), Timestamp(self.now));
        let (study, policy) = (&mut self.study, &self.policy);
        tunesmith_core::submit(&self.storage, self.id, study, policy, &by, command, now)
            .expect("legal")
    }

    fn ask(&mut self, worker: &str) -> LeaseKey {
        let events = self.tell(worker, &Command::Ask { count: 1 });
        let leased = events.iter().rev().find_map(|event| match event.stream {
            tunesmith_core::Stream::Trial(number) => self.study.trial(number)?.lease_key(),
            tunesmith_core::Stream::Study => None,
        });
        leased.expect("a trial")
    }

    fn report(&mut self, worker: &str, lease: LeaseKey, step: u64, of: u64, value: f64) {
        let report = Report {
            step,
            fraction: step as f64 / of as f64,
            values: Values::from([("accuracy".to_owned(), value)]),
            device_seconds: 2.0,
            errors: None,
        };
        self.tell(worker, &Command::Report { lease, report });
    }

    fn end(&mut self, worker: &str, lease: LeaseKey, outcome: Outcome) {
        self.tell(worker, &Command::Tell { lease, outcome, device_seconds: 1.0 });
    }

    fn album(&self) -> Album {
        let mut album = Album::default();
        album.catch_up(&self.storage, self.id, &self.study).expect("read");
        album
    }

    fn picture(&self) -> Json {
        picture(&self.study, &self.album(), Some(7), Timestamp(self.now))
    }
}

fn completed(value: f64) -> Outcome {
    Outcome::Completed { values: Values::from([("accuracy".to_owned(), value)]) }
}

/// One of each ending, one handed back and one that is under way.
fn mixed() -> Life {
    let mut life = Life::begin(&config("mixed"));
    let first = life.ask("a");
    life.report("a", first, 1, 2, 0.5);
    life.report("a", first, 2, 2, 0.7);
    life.end("a", first, completed(0.7));
    let second = life.ask("b");
    life.report("b", second, 1, 4, 0.4);
    life.end("b", second, Outcome::Pruned { reason: "too low".to_owned() });
    let third = life.ask("a");
    let reason =
        FailureReason::Crashed { exit_code: Some(1), signal: None, tail: "<b>boom".to_owned() };
    life.end("a", third, Outcome::Failed { reason });
    let fourth = life.ask("b");
    let (lease, reason) = (fourth, RequeueReason::Released);
    life.tell("b", &Command::Release { lease, reason, device_seconds: 0.5 });
    let again = life.ask("c");
    assert_eq!(again.trial, fourth.trial);
    life.end("c", again, completed(0.9));
    life.ask("c");
    life
}

#[test]
fn columns_are_the_study() {
    let life = mixed();
    let picture = life.picture();
    let count = life.study.trials().len();
    let trials = &picture["trials"];
    for name in ["state", "step", "fraction", "device_seconds", "created_at", "seed", "reports"] {
        assert_eq!(trials[name].as_array().map(Vec::len), Some(count), "{name}");
    }
    for (index, trial) in life.study.trials().iter().enumerate() {
        let state = trials["state"][index].as_u64().expect("an index") as usize;
        assert_eq!(picture["states"][state], trial.state.name());
        assert_eq!(trials["values"][0][index], json!(trial.value(&life.study.metrics()[0])));
        for (column, parameter) in life.study.space().parameters().iter().enumerate() {
            let shown = &trials["params"][column][index];
            assert_eq!(shown.is_null(), trial.params.get(&parameter.name).is_none());
        }
    }
    assert_eq!(trials["reason"], json!({ "1": "too low", "2": "crashed with exit code 1" }));
    assert_eq!((&picture["best"], &picture["chosen"]), (&json!(3), &json!(3)));
    assert_eq!(picture["history"][0]["trial"], json!([0, 3]));
    assert_eq!(picture["history"][0]["best"], json!([0.7, 0.9]));
    assert_eq!(picture["counts"], json!([0, 1, 0, 2, 1, 1, 0]));
    assert_eq!(picture["cost"]["saved_seconds"], json!(life.study.saved_device_seconds()));
    let condition = picture["parameters"][2]["condition"].as_str().expect("conditional");
    assert!(condition.contains("adapter"), "{condition}");
    assert!(picture["importance"][0]["refusal"].as_str().is_some_and(|why| why.contains('4')));
}

#[test]
fn stretches_tell_who_worked_and_how_that_ended() {
    let picture = mixed().picture();
    let timeline = &picture["timeline"];
    assert_eq!(timeline["workers"], json!(["a", "b", "c"]));
    assert_eq!(timeline["trial"], json!([0, 1, 2, 3, 3, 4]));
    assert_eq!(timeline["worker"], json!([0, 1, 0, 1, 2, 2]));
    let ends: Vec<&Json> = (0..6)
        .map(|place| &timeline["ends"][timeline["end"][place].as_u64().expect("an index") as usize])
        .collect();
    assert_eq!(ends, ["completed", "pruned", "failed", "handed back", "completed", "under way"]);
    assert_eq!((&timeline["from"][0], &timeline["to"][0]), (&json!(1_000), &json!(4_000)));
    assert!(timeline["to"][5].is_null());
}

#[test]
fn an_album_that_grows_is_the_album_of_the_whole_log() {
    let life = mixed();
    let events = life.storage.read(life.id, tunesmith_core::Revision(0), 1_000).expect("read");
    let mut grown = Album::default();
    for (index, event) in events.iter().enumerate() {
        assert_eq!(grown.revision().0, index as u64);
        grown.show(event);
    }
    let now = Timestamp(life.now);
    assert_eq!(picture(&life.study, &grown, Some(7), now), life.picture());
}

#[test]
fn an_empty_study_has_every_key() {
    let life = Life::begin(&config("empty"));
    let (empty, full) = (life.picture(), mixed().picture());
    let keys = |picture: &Json| {
        picture.as_object().expect("an object").keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(keys(&empty), keys(&full));
    assert_eq!(keys(&empty["trials"]), keys(&full["trials"]));
    assert_eq!((&empty["best"], &empty["verdict"]), (&Json::Null, &json!([])));
}

#[test]
fn curves_come_back_from_their_bytes() {
    let life = mixed();
    let bytes = curves(&life.study, &life.study.metrics()[0], None);
    let word =
        |at: usize| u32::from_le_bytes(bytes[4 * at..4 * at + 4].try_into().expect("4 bytes"));
    let (count, total) = (word(1) as usize, word(2) as usize);
    assert_eq!((word(0), count, total), (0x3143_5354, 5, 3));
    let offsets: Vec<u32> = (0..=count).map(|place| word(4 + place)).collect();
    assert_eq!(offsets, [0, 2, 3, 3, 3, 3]);
    let values = |column: usize| {
        let from = 4 + count + 1 + column * total;
        (from..from + total).map(|at| f32::from_bits(word(at))).collect::<Vec<_>>()
    };
    assert_eq!((values(0), values(1)), (vec![1.0, 2.0, 1.0], vec![0.5, 1.0, 0.25]));
    assert_eq!(values(2), [0.5, 0.7, 0.4]);
    assert_eq!(bytes.len(), 4 * (4 + count + 1 + 3 * total));
}

#[test]
fn thinned_curves_keep_their_ends() {
    let mut life = Life::begin(&config("long"));
    let lease = life.ask("a");
    for step in 1..=100 {
        life.report("a", lease, step, 100, step as f64);
    }
    let bytes = curves(&life.study, &life.study.metrics()[0], Some(10));
    let word =
        |at: usize| u32::from_le_bytes(bytes[4 * at..4 * at + 4].try_into().expect("4 bytes"));
    assert_eq!(word(2), 10);
    let steps: Vec<f32> = (6..16).map(|at| f32::from_bits(word(at))).collect();
    assert_eq!((steps[0], steps[9]), (1.0, 100.0));
    assert!(steps.is_sorted());
}

#[test]
fn a_page_has_the_output_and_the_times() {
    let life = mixed();
    let album = life.album();
    let failed = page(&life.study, &album, 2).expect("there");
    assert_eq!((&failed["output"], &failed["state"]), (&json!("<b>boom"), &json!("failed")));
    let first = page(&life.study, &album, 0).expect("there");
    assert_eq!(first["reports"][1]["at"], json!(3_000));
    assert_eq!(first["commands"][0]["line"], "tunesmith replay --trial 0 mixed");
    let twice = page(&life.study, &album, 3).expect("there");
    assert_eq!(twice["stretches"].as_array().map(Vec::len), Some(2));
    assert_eq!(page(&life.study, &album, 99), None);
}

#[test]
fn takeovers_show_what_changed() {
    let mut config = config("population");
    let options = Params::from([
        ("population", Value::Int(4)),
        ("interval", Value::Float(0.25)),
        ("resample", Value::Float(0.0)),
    ]);
    config.scheduler = Component { name: "pbt".to_owned(), options };
    let mut life = Life::begin(&config);
    let mut asked = 0;
    while !life.study.trials().iter().any(|trial| !trial.exploits.is_empty()) {
        asked += 1;
        assert!(asked < 40, "nobody took anything over");
        let lease = life.ask("a");
        for step in life.study.trial(lease.trial).expect("there").reached_step() + 1..=4 {
            if life.study.trial(lease.trial).is_some_and(|one| one.state == TrialState::Running) {
                life.report("a", lease, step, 4, f64::from(lease.trial));
            }
        }
    }
    let picture = life.picture();
    let takeover = &picture["lineage"][0];
    let trial = takeover["trial"].as_u64().expect("a number") as u32;
    let taken = &life.study.trial(trial).expect("there").exploits[0];
    assert_eq!(takeover["from"], json!(taken.donor));
    assert_eq!(takeover["step"], json!(taken.donor_step));
    let changed = takeover["changed"].as_array().expect("a list");
    assert!(changed.iter().any(|one| one["name"] == "learning_rate"), "{changed:?}");
    let page = page(&life.study, &life.album(), taken.donor).expect("there");
    assert_eq!(page["children"], json!([trial]));
}

#[test]
fn a_report_holds_its_data_whatever_they_say() {
    let life = Life::begin(&config("</script><script>alert(1)</script>"));
    let shell =
        "<script type=\"application/json\">__TUNESMITH_DATA__</script><script>draw()</script>";
    let whole = report(shell, &life.study, &life.picture()).expect("a place");
    assert_eq!(whole.matches("</script>").count(), 2);
    let from = shell.find("__").expect("a place");
    let end = whole.find("</script>").expect("an end");
    let read: Json = serde_json::from_str(&whole[from..end]).expect("JSON");
    assert_eq!(read["picture"]["name"], "</script><script>alert(1)</script>");
    assert_eq!(report("<p>no place</p>", &life.study, &life.picture()), None);
    let line = read["picture"]["commands"][0]["line"].as_str().expect("a line");
    assert_eq!(line, "tunesmith show '</script><script>alert(1)</script>'");
}
