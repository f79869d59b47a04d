//! Who worked on what and when, which a study itself forgets: stretches of work, takeovers and the times of reports,
//! folded from the log event by event.
//!
//! Refuses to judge what it sees: an event that a study would not apply must not come here.

use tunesmith_core::{
    CatchUpError, Event, Fact, RequeueReason, Revision, Storage, Stream, Study, StudyId, Writer,
};

/// Events that are read at once.
const READ_AT_ONCE: u32 = 4_096;

/// How a stretch of work can end, in the order of [`Ending`].
pub(crate) const ENDINGS: [&str; 8] =
    ["under way", "completed", "pruned", "failed", "cancelled", "paused", "lost", "handed back"];

/// How a stretch of work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    UnderWay,
    Completed,
    Pruned,
    Failed,
    Cancelled,
    Paused,
    Lost,
    HandedBack,
}

/// A worker had a trial from then to then, milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) trial: u32,
    /// An index of [`Album::workers`].
    pub(crate) worker: usize,
    pub(crate) from: i64,
    pub(crate) to: Option<i64>,
    pub(crate) end: Ending,
}

/// What a log tells of a study's course.
#[derive(Debug, Clone, Default)]
pub struct Album {
    revision: u64,
    pub(crate) workers: Vec<String>,
    pub(crate) stretches: Vec<Stretch>,
    /// Trials that took over another's state, each time with when.
    pub(crate) takeovers: Vec<(u32, i64)>,
    trials: Vec<Course>,
}

/// What is kept of one trial.
#[derive(Debug, Clone, Default)]
struct Course {
    /// Its stretch that has not ended.
    open: Option<usize>,
    started_at: Option<i64>,
    reported_at: Vec<i64>,
}

impl Album {
    /// How many events of the log are in it; the next one to [`show`](Self::show) comes after these.
    pub fn revision(&self) -> Revision {
        Revision(self.revision)
    }

    /// Takes what the log has up to where the study is.
    ///
    /// # Errors
    /// Where the storage fails.
    pub fn catch_up(
        &mut self,
        storage: &dyn Storage,
        id: StudyId,
        study: &Study,
    ) -> Result<(), CatchUpError> {
        while self.revision < study.revision().0 {
            let left = study.revision().0 - self.revision;
            let count = u32::try_from(left).map_or(READ_AT_ONCE, |left| left.min(READ_AT_ONCE));
            let events = storage.read(id, self.revision(), count)?;
            if events.is_empty() {
                break;
            }
            events.iter().for_each(|event| self.show(event));
        }
        Ok(())
    }

    /// Takes the next event of the log.
    pub fn show(&mut self, event: &Event) {
        self.revision += 1;
        let Stream::Trial(trial) = event.stream else { return };
        let at = event.at.0;
        match &event.fact {
            Fact::TrialStarted { .. } | Fact::TrialLeased { .. } => {
                self.begin(trial, &event.by, at);
            }
            Fact::TrialExploited { .. } => {
                self.takeovers.push((trial, at));
                self.begin(trial, &event.by, at);
            }
            Fact::Reported { .. } => self.course(trial).reported_at.push(at),
            Fact::TrialRequeued { reason: RequeueReason::Released, .. } => {
                self.end(trial, at, Ending::HandedBack);
            }
            Fact::TrialRequeued { .. } => self.end(trial, at, Ending::Lost),
            Fact::TrialPaused { .. } => self.end(trial, at, Ending::Paused),
            Fact::TrialCompleted { .. } => self.end(trial, at, Ending::Completed),
            Fact::TrialPruned { .. } => self.end(trial, at, Ending::Pruned),
            Fact::TrialFailed { .. } => self.end(trial, at, Ending::Failed),
            Fact::TrialCancelled => self.end(trial, at, Ending::Cancelled),
            _ => {}
        }
    }

    /// When its first worker had the trial.
    pub(crate) fn started_at(&self, trial: u32) -> Option<i64> {
        self.trials.get(trial as usize)?.started_at
    }

    /// When each of its reports was written.
    pub(crate) fn reported_at(&self, trial: u32) -> &[i64] {
        self.trials.get(trial as usize).map_or(&[], |course| &course.reported_at)
    }

    fn course(&mut self, trial: u32) -> &mut Course {
        let place = trial as usize;
        if self.trials.len() <= place {
            self.trials.resize_with(place + 1, Course::default);
        }
        &mut self.trials[place]
    }

    fn begin(&mut self, trial: u32, by: &Writer, at: i64) {
        let name = by.as_str();
        // The newest workers are asked for most.
        let worker = self.workers.iter().rposition(|known| known == name).unwrap_or_else(|| {
            self.workers.push(name.to_owned());
            self.workers.len() - 1
        });
        let open = self.stretches.len();
        self.stretches.push(Stretch { trial, worker, from: at, to: None, end: Ending::UnderWay });
        let course = self.course(trial);
        course.open = Some(open);
        course.started_at.get_or_insert(at);
    }

    fn end(&mut self, trial: u32, at: i64, end: Ending) {
        if let Some(open) = self.course(trial).open.take() {
            let stretch = &mut self.stretches[open];
            (stretch.to, stretch.end) = (Some(at), end);
        }
    }
}
