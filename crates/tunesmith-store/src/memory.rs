//! The log in memory: for tests, simulations and studies that may be forgotten. It writes nothing to disk,
//! and it behaves as the log on disk does in everything else.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tunesmith_core::{
    AppendError, CreateError, DeleteError, Event, ReadError, Revision, Storage, Stream, Study,
    StudyConfig, StudyHeader, StudyId, Timestamp, Writer,
};

/// Studies in memory.
#[derive(Debug, Default)]
pub struct Memory {
    studies: Mutex<Studies>,
}

#[derive(Debug, Default)]
struct Studies {
    by_id: BTreeMap<StudyId, Log>,
    created: i64,
}

#[derive(Debug)]
struct Log {
    name: String,
    created_at: Timestamp,
    events: Vec<Event>,
    /// For each stream, where in `events` its events are, by seq.
    positions: BTreeMap<Stream, Vec<usize>>,
}

impl Memory {
    /// An empty storage.
    pub fn new() -> Self {
        Self::default()
    }

    /// A thread that panicked while it held the lock had changed nothing yet, or everything: see
    /// [`Log::append`]. So its lock is taken over.
    fn lock(&self) -> MutexGuard<'_, Studies> {
        self.studies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for Memory {
    fn create(
        &self,
        config: &StudyConfig,
        by: &Writer,
        at: Timestamp,
    ) -> Result<StudyId, CreateError> {
        let mut studies = self.lock();
        if studies.by_id.values().any(|log| log.name == config.name) {
            return Err(CreateError::NameTaken { name: config.name.clone() });
        }
        studies.created += 1;
        let id = StudyId(studies.created);
        studies.by_id.insert(id, Log::new(&config.name, Study::created(config, by, at)));
        Ok(id)
    }

    fn studies(&self) -> Result<Vec<StudyHeader>, ReadError> {
        let studies = self.lock();
        Ok(studies.by_id.iter().map(|(id, log)| log.header(*id)).collect())
    }

    fn append(&self, study: StudyId, events: &[Event]) -> Result<Revision, AppendError> {
        let mut studies = self.lock();
        studies.by_id.get_mut(&study).ok_or(AppendError::NoSuchStudy { study })?.append(events)
    }

    fn read(&self, study: StudyId, after: Revision, limit: u32) -> Result<Vec<Event>, ReadError> {
        let studies = self.lock();
        let log = studies.by_id.get(&study).ok_or(ReadError::NoSuchStudy { study })?;
        let skipped = usize::try_from(after.0).unwrap_or(usize::MAX);
        Ok(log.events.iter().skip(skipped).take(limit as usize).cloned().collect())
    }

    fn delete(&self, study: StudyId) -> Result<(), DeleteError> {
        self.lock().by_id.remove(&study).map(|_| ()).ok_or(DeleteError::NoSuchStudy { study })
    }
}

impl Log {
    fn new(name: &str, created: Event) -> Self {
        let positions = BTreeMap::from([(created.stream, vec![0])]);
        Self { name: name.to_owned(), created_at: created.at, events: vec![created], positions }
    }

    fn header(&self, id: StudyId) -> StudyHeader {
        StudyHeader {
            id,
            name: self.name.clone(),
            created_at: self.created_at,
            revision: self.revision(),
        }
    }

    fn revision(&self) -> Revision {
        Revision(self.events.len() as u64)
    }

    /// Judges every event before it adds the first.
    fn append(&mut self, events: &[Event]) -> Result<Revision, AppendError> {
        if let Some(last) = self.already_there(events) {
            return Ok(Revision(last as u64 + 1));
        }
        let mut next: BTreeMap<Stream, usize> = BTreeMap::new();
        for event in events {
            let expected = next
                .entry(event.stream)
                .or_insert_with(|| self.positions.get(&event.stream).map_or(0, Vec::len));
            if event.seq as usize != *expected {
                return Err(AppendError::Conflict { stream: event.stream, seq: event.seq });
            }
            *expected += 1;
        }
        for event in events {
            self.positions.entry(event.stream).or_default().push(self.events.len());
            self.events.push(event.clone());
        }
        Ok(self.revision())
    }

    /// Where the last of `events` stands when this append was made before.
    fn already_there(&self, events: &[Event]) -> Option<usize> {
        let mut last = None;
        for event in events {
            let position = *self.positions.get(&event.stream)?.get(event.seq as usize)?;
            if self.events.get(position)? != event {
                return None;
            }
            last = last.max(Some(position));
        }
        last
    }
}
