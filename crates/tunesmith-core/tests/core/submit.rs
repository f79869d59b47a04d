//! The loop of decide, append and apply, against a storage that races and breaks on demand.

use std::sync::Mutex;

use tunesmith_core::*;

use crate::scene::{completed, config, policy, report};

/// A log in memory for one study; before each of the first `intruders` appends another writer gets in between.
#[derive(Default)]
struct Racing {
    log: Mutex<Vec<Event>>,
    intruders: Mutex<Vec<Command>>,
    is_full: bool,
}

impl Racing {
    fn with(intruders: Vec<Command>) -> Self {
        Self { intruders: Mutex::new(intruders), ..Self::default() }
    }

    fn push(&self, events: &[Event]) -> Result<Revision, AppendError> {
        let mut log = self.log.lock().expect("no panics");
        let mut next = log.clone();
        for event in events {
            let (stream, seq) = (event.stream, event.seq);
            let due = next.iter().filter(|other| other.stream == stream).count() as u32;
            if seq != due {
                return Err(AppendError::Conflict { stream, seq });
            }
            next.push(event.clone());
        }
        *log = next;
        Ok(Revision(log.len() as u64))
    }

    fn intrude(&self) {
        let Some(command) = self.intruders.lock().expect("no panics").pop() else {
            return;
        };
        let study = Study::fold(&*self.log.lock().expect("no panics")).expect("a log");
        let by = Writer::new("intruder");
        let events = decide(&study, &policy(), &by, command, Timestamp(1)).expect("not refused");
        self.push(&events).expect("alone");
    }
}

impl Storage for Racing {
    fn create(
        &self,
        config: &StudyConfig,
        by: &Writer,
        at: Timestamp,
    ) -> Result<StudyId, CreateError> {
        self.push(&[Study::created(config, by, at)])
            .map_err(|error| CreateError::Backend(Box::new(error)))?;
        Ok(StudyId(1))
    }

    fn studies(&self) -> Result<Vec<StudyHeader>, ReadError> {
        Ok(Vec::new())
    }

    fn append(&self, _study: StudyId, events: &[Event]) -> Result<Revision, AppendError> {
        if self.is_full {
            return Err(AppendError::Full("no room".into()));
        }
        self.intrude();
        self.push(events)
    }

    fn read(&self, _study: StudyId, after: Revision, limit: u32) -> Result<Vec<Event>, ReadError> {
        let log = self.log.lock().expect("no panics");
        Ok(log.iter().skip(after.0 as usize).take(limit as usize).cloned().collect())
    }

    fn delete(&self, study: StudyId) -> Result<(), DeleteError> {
        Err(DeleteError::NoSuchStudy { study })
    }
}

fn open(storage: &Racing) -> (StudyId, Study, Writer) {
    let by = Writer::new("w");
    let id = storage.create(&config(), &by, Timestamp(0)).unwrap();
    (id, load(storage, id).unwrap(), by)
}

#[test]
fn a_command_becomes_true_in_the_log_and_in_the_study() {
    let storage = Racing::default();
    let (id, mut study, by) = open(&storage);
    let mut act =
        |command| submit(&storage, id, &mut study, &policy(), &by, &command, Timestamp(1)).unwrap();
    act(Command::Ask { count: 2 });
    let lease = LeaseKey { trial: 1, number: 1 };
    act(Command::Report { lease, report: report(10, 0.5) });
    let told = act(Command::Tell { lease, outcome: completed(), device_seconds: 0.0 });
    assert_eq!(told.len(), 1);
    assert_eq!(study.best().map(|best| best.number), Some(1));
    assert_eq!(load(&storage, id).unwrap(), study);
}

#[test]
fn the_loser_of_a_race_decides_again() {
    // The intruder takes trial 0, so the worker gets trial 1.
    let storage = Racing::with(vec![Command::Ask { count: 1 }]);
    let (id, mut study, by) = open(&storage);
    let events =
        submit(&storage, id, &mut study, &policy(), &by, &Command::Ask { count: 1 }, Timestamp(1))
            .unwrap();
    assert_eq!(events.iter().map(|event| event.stream).collect::<Vec<_>>(), [Stream::Trial(1)]);
    assert_eq!(study.count(TrialState::Running), 2);
    assert_eq!(load(&storage, id).unwrap(), study);
}

#[test]
fn what_others_append_elsewhere_is_caught_up_with() {
    let storage = Racing::default();
    let (id, mut study, by) = open(&storage);
    submit(&storage, id, &mut study, &policy(), &by, &Command::Ask { count: 1 }, Timestamp(1))
        .unwrap();
    storage.intruders.lock().unwrap().push(Command::Pause);
    let lease = LeaseKey { trial: 0, number: 1 };
    let command = Command::Report { lease, report: report(10, 0.5) };
    submit(&storage, id, &mut study, &policy(), &by, &command, Timestamp(1)).unwrap();
    assert!(study.is_paused());
    assert_eq!(study.trial(0).map(|trial| trial.reports.len()), Some(1));
    assert_eq!(load(&storage, id).unwrap(), study);
}

#[test]
fn an_endless_race_is_given_up() {
    let storage = Racing::with(vec![Command::Ask { count: 1 }; MOST_CONFLICTS as usize]);
    let (id, mut study, by) = open(&storage);
    let result =
        submit(&storage, id, &mut study, &policy(), &by, &Command::Ask { count: 1 }, Timestamp(1));
    assert!(matches!(result, Err(SubmitError::Contended)));
}

#[test]
fn a_full_storage_and_a_refusal_change_nothing() {
    let storage = Racing { is_full: true, ..Racing::default() };
    let (id, mut study, by) = open(&storage);
    let before = study.clone();
    let result =
        submit(&storage, id, &mut study, &policy(), &by, &Command::Ask { count: 1 }, Timestamp(1));
    assert!(matches!(result, Err(SubmitError::Append(AppendError::Full(_)))));
    let cancel = Command::Cancel { trial: 3 };
    let result = submit(&storage, id, &mut study, &policy(), &by, &cancel, Timestamp(1));
    assert!(matches!(result, Err(SubmitError::Rejected(Rejection::UnknownTrial { trial: 3 }))));
    assert_eq!(study, before);
}
