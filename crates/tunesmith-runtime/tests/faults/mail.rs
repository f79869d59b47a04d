//! A storage at the end of a bad line: requests are lost, answers are lost and asked for again, and copies of old
//! requests arrive late. It refuses to change what the storage behind it does, and keeps what was acknowledged.

use std::fmt;
use std::sync::{Arc, Mutex};

use tunesmith_core::{
    AppendError, CreateError, DeleteError, Event, ReadError, Revision, Storage, StudyConfig,
    StudyHeader, StudyId, Timestamp, Writer,
};
use tunesmith_store::Memory;

use super::stage::Stage;

/// The line of one actor.
pub(crate) struct Line {
    pub(crate) stage: Arc<Stage>,
    pub(crate) actor: usize,
    pub(crate) inner: Arc<Memory>,
    pub(crate) post: Arc<Post>,
}

/// What is under way and what has arrived, of all lines.
#[derive(Default)]
pub(crate) struct Post {
    /// Copies of requests that are still to arrive.
    late: Mutex<Vec<Vec<Event>>>,
    /// What somebody was told is true.
    acknowledged: Mutex<Vec<Event>>,
}

impl Post {
    /// What somebody was told is true.
    pub(crate) fn acknowledged(&self) -> Vec<Event> {
        self.acknowledged.lock().expect("no actor dies here").clone()
    }

    fn acknowledge(&self, events: &[Event]) {
        self.acknowledged.lock().expect("no actor dies here").extend_from_slice(events);
    }

    fn delay(&self, events: &[Event]) {
        self.late.lock().expect("no actor dies here").push(events.to_vec());
    }

    fn take_late(&self) -> Option<Vec<Event>> {
        self.late.lock().expect("no actor dies here").pop()
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the line of actor {}", self.actor)
    }
}

impl Line {
    /// A copy that was long under way arrives; whoever sent it does not hear of it any more.
    fn deliver_late(&self, study: StudyId) {
        if self.stage.below(8) == 0
            && let Some(events) = self.post.take_late()
        {
            drop(self.inner.append(study, &events));
        }
    }
}

impl Storage for Line {
    fn create(
        &self,
        config: &StudyConfig,
        by: &Writer,
        at: Timestamp,
    ) -> Result<StudyId, CreateError> {
        self.inner.create(config, by, at)
    }

    fn studies(&self) -> Result<Vec<StudyHeader>, ReadError> {
        self.inner.studies()
    }

    fn append(&self, study: StudyId, events: &[Event]) -> Result<Revision, AppendError> {
        self.stage.turn(self.actor);
        self.deliver_late(study);
        if self.stage.is_struck(300) {
            return Err(AppendError::Backend("the line is dead".into()));
        }
        if self.stage.is_struck(60) {
            self.post.delay(events);
        }
        let mut answer = self.inner.append(study, events);
        while self.stage.is_struck(25) {
            // The answer is lost, and others act before the same is asked again.
            self.stage.turn(self.actor);
            answer = self.inner.append(study, events);
        }
        if answer.is_ok() {
            self.post.acknowledge(events);
        }
        self.stage.turn(self.actor);
        answer
    }

    fn read(&self, study: StudyId, after: Revision, limit: u32) -> Result<Vec<Event>, ReadError> {
        self.stage.turn(self.actor);
        if self.stage.is_struck(400) {
            return Err(ReadError::Backend("the line is dead".into()));
        }
        self.inner.read(study, after, limit)
    }

    fn delete(&self, study: StudyId) -> Result<(), DeleteError> {
        self.inner.delete(study)
    }
}
