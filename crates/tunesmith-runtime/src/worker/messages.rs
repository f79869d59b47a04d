//! What the worker does with each message of its trainer. It refuses to answer a report before the
//! log has it.

use tunesmith_core::{
    Checkpoint, Command, Effective, Event, ExampleErrors, Fact, FailureReason, Metric, Outcome,
    Report, RequeueReason, SubmitError, Summary,
};
use tunesmith_train::protocol::{self, FatalClass, FromTrainer, Then, ToTrainer};

use super::parking::pauses;
use super::{Stage, WorkError, Worker, ends};
use crate::params;
use crate::progress::Progress;

impl Worker<'_> {
    /// Does what a message asks.
    pub(super) fn heed(&mut self, message: FromTrainer) -> Result<(), WorkError> {
        match message {
            FromTrainer::Started { trial, total_steps, from_step, effective, .. } => {
                let effective = self.effective(&effective, total_steps);
                self.started(trial as u32, effective, from_step)
            }
            FromTrainer::Progress { trial, step, loss, steps_per_second, .. } => {
                self.tell(Progress::Stepped { trial, step, loss, steps_per_second });
                Ok(())
            }
            FromTrainer::Report { trial, step, fraction, metrics, device_seconds, errors } => {
                let (values, errors) = (metrics, errors.map(ExampleErrors));
                let report = Report { step, fraction, values, device_seconds, errors };
                self.reported(trial as u32, report)
            }
            FromTrainer::Exploited { trial, donor, step, total_steps, effective } => {
                let effective = self.effective(&effective, total_steps);
                self.exploited(trial as u32, donor, effective, step)
            }
            FromTrainer::ReadBack { trial, optimizer, expected, .. } => {
                self.read_back(trial as u32, optimizer, expected)
            }
            FromTrainer::Checkpointed { trial, step, path, bytes, stretch } => {
                let trial = trial as u32;
                // One of a past that is trained again is not the trial's own.
                if stretch + 1 < self.study.lineage(trial).len() {
                    return Ok(());
                }
                self.checkpointed(trial, step, &path, bytes)
            }
            end => self.heed_end(end),
        }
    }

    /// Does what a message asks that ends a trial, or everything.
    fn heed_end(&mut self, message: FromTrainer) -> Result<(), WorkError> {
        match message {
            FromTrainer::Finished { trial, device_seconds } => {
                if self.has_left(trial as u32) {
                    return Ok(());
                }
                let outcome = Outcome::Completed { values: tunesmith_core::Values::new() };
                self.close(trial as u32, outcome, device_seconds)
            }
            FromTrainer::Stopped { trial, device_seconds, .. } => {
                self.stopped(trial as u32, device_seconds)
            }
            FromTrainer::Failed { trial, reason, device_seconds } => {
                self.failed(trial as u32, reason, device_seconds)
            }
            FromTrainer::Fatal { class, message } => Err(WorkError::Fatal { class, message }),
            _ => Ok(()),
        }
    }

    /// What a trainer says that a trial runs with.
    fn effective(&self, params: &protocol::Params, total_steps: u64) -> Effective {
        let rows = |session: &crate::session::Session| session.ready.validation_rows as u64;
        Effective {
            params: params::from_trainer(params),
            total_steps,
            validation_rows: self.session.as_ref().map(rows),
            read_back: tunesmith_core::Params::new(),
        }
    }

    fn started(
        &mut self,
        trial: u32,
        effective: Effective,
        from_step: u64,
    ) -> Result<(), WorkError> {
        let Some(slot) = self.here(trial) else {
            return Ok(());
        };
        // What was read back of this state stays known when the trial is started again.
        let known = self.study.trial(trial).and_then(|known| known.effective.as_ref());
        let read_back = known.map(|known| known.read_back.clone()).unwrap_or_default();
        let effective = Effective { read_back, ..effective };
        let (lease, total_steps) = (slot.lease, effective.total_steps);
        let recorded = self.submit(&Command::RecordEffective { lease, effective });
        if self.unless_stale(trial, recorded)?.is_some()
            && let Some(known) = self.study.trial(trial)
        {
            let params = known.params.clone();
            self.tell(Progress::Started { trial: trial.into(), params, total_steps, from_step });
        }
        Ok(())
    }

    fn reported(&mut self, trial: u32, report: Report) -> Result<(), WorkError> {
        let Some(slot) = self.here(trial) else {
            self.answer(trial, false, Then::Stop);
            return Ok(());
        };
        let lease = slot.lease;
        let keep = self.is_worth_keeping(trial, &report);
        let told = report.clone();
        let events = self.submit(&Command::Report { lease, report });
        let Some(events) = self.unless_stale(trial, events)? else {
            self.answer(trial, false, Then::Stop);
            return Ok(());
        };
        if events.iter().any(|event| matches!(event.fact, Fact::Reported { .. })) {
            let Report { step, fraction, values, .. } = told;
            self.tell(Progress::Reported { trial: trial.into(), step, fraction, metrics: values });
        }
        self.judge(trial, keep, &events)
    }

    /// Answers a report with what the core made of it.
    fn judge(&mut self, trial: u32, keep: bool, events: &[Event]) -> Result<(), WorkError> {
        if pauses(events) {
            self.park(trial);
            return Ok(());
        }
        let over = ends(events);
        if over {
            self.answer(trial, false, Then::Stop);
            if let Some(slot) = self.slots.get_mut(&trial) {
                slot.stage = Stage::Over;
            }
        } else {
            self.answer(trial, keep, Then::Continue);
        }
        if over { self.end(trial) } else { Ok(()) }
    }

    pub(super) fn answer(&mut self, trial: u32, keep: bool, then: Then) {
        if let Some(session) = &mut self.session {
            session.trainer.send(ToTrainer::Verdict { trial: trial.into(), keep, then });
        }
    }

    /// Whether the model that a report measured may become one of the study's best: by its last report, or by any that
    /// is the trial's best so far, and not beaten by another trial.
    fn is_worth_keeping(&self, trial: u32, report: &Report) -> bool {
        let Some(metric) = self.study.metrics().first() else {
            return false;
        };
        let Some(value) = report.values.get(&metric.name).copied() else {
            return false;
        };
        let own = match metric.summary {
            Summary::Last => report.fraction >= 1.0,
            Summary::Best => {
                let former = self.study.trial(trial).and_then(|known| known.reported(metric));
                former.is_none_or(|former| !metric.goal.is_better(former, value))
            }
        };
        // Every run that helps to choose the winner may become the model.
        own && (self.is_replica(trial) || self.study.is_unbeaten(&report.values))
    }

    fn is_replica(&self, trial: u32) -> bool {
        self.study.trial(trial).is_some_and(|known| self.study.is_replica(known))
    }

    fn checkpointed(
        &mut self,
        trial: u32,
        step: u64,
        path: &std::path::Path,
        bytes: u64,
    ) -> Result<(), WorkError> {
        let leaving = self.leaving.get(&trial).copied();
        let Some(lease) = leaving.or(self.slots.get(&trial).map(|slot| slot.lease)) else {
            return Ok(());
        };
        let relative = path.strip_prefix(self.around.keeper.root()).unwrap_or(path);
        let checkpoint = Checkpoint { step, path: relative.to_string_lossy().into_owned(), bytes };
        let recorded = self.submit(&Command::RecordCheckpoint { lease, checkpoint });
        let known = match recorded {
            // Another worker took it meanwhile; what it saved is of no use.
            Err(WorkError::Submit(SubmitError::Rejected(_))) if leaving.is_some() => None,
            recorded => self.unless_stale(trial, recorded)?,
        };
        if known.is_some() {
            self.around.keeper.checkpointed(&self.study)?;
        }
        Ok(())
    }

    /// The slot of a trial that trains for this worker, and is not on its way out.
    pub(super) fn here(&self, trial: u32) -> Option<&super::Slot> {
        self.slots.get(&trial).filter(|_| !self.leaving.contains_key(&trial))
    }

    /// Takes a last word: whether it was of a trial that was on its way out. If the same trial has a slot again by then,
    /// it is not over for that.
    fn has_left(&mut self, trial: u32) -> bool {
        self.wants_work = true;
        self.leaving.remove(&trial).is_some()
    }

    fn stopped(&mut self, trial: u32, device_seconds: f64) -> Result<(), WorkError> {
        if self.has_left(trial) {
            return Ok(());
        }
        match self.slots.remove(&trial) {
            Some(slot) if slot.stage == Stage::Releasing => {
                self.requeue(trial, slot.lease, RequeueReason::Released, device_seconds)
            }
            _ => Ok(()),
        }
    }

    /// Writes down how a trial ended, and frees its slot.
    pub(super) fn close(
        &mut self,
        trial: u32,
        outcome: Outcome,
        device_seconds: f64,
    ) -> Result<(), WorkError> {
        self.wants_work = true;
        let Some(slot) = self.slots.remove(&trial) else {
            return Ok(());
        };
        if slot.stage == Stage::Over {
            return Ok(());
        }
        let outcome = self.strict(trial, outcome);
        let told = self.submit(&Command::Tell { lease: slot.lease, outcome, device_seconds });
        match self.unless_stale(trial, told)? {
            Some(_) => self.end(trial),
            None => Ok(()),
        }
    }

    /// A trial whose last report lacks a metric is no completed one, whatever earlier ones had.
    fn strict(&self, trial: u32, outcome: Outcome) -> Outcome {
        let last = self.study.trial(trial).and_then(|known| known.reports.last());
        let lacks =
            |metric: &&Metric| last.is_none_or(|report| !report.values.contains_key(&metric.name));
        match (outcome, self.study.metrics().iter().find(lacks)) {
            (Outcome::Completed { .. }, Some(lacking)) => Outcome::Failed {
                reason: FailureReason::MissingMetric {
                    metric: lacking.name.clone(),
                    reported: Vec::new(),
                },
            },
            (outcome, _) => outcome,
        }
    }

    /// A trial that is a process of its own failed.
    pub(super) fn fell(
        &mut self,
        trial: u32,
        reason: FailureReason,
        device_seconds: f64,
    ) -> Result<(), WorkError> {
        if self.has_left(trial) {
            return Ok(());
        }
        self.close(trial, Outcome::Failed { reason }, device_seconds)
    }

    fn failed(
        &mut self,
        trial: u32,
        reason: protocol::FailureReason,
        device_seconds: f64,
    ) -> Result<(), WorkError> {
        use protocol::FailureReason as Reason;
        let has_left = self.has_left(trial);
        let reason = match reason {
            // What one trial cannot write the next one cannot write either.
            Reason::File { message } => {
                return Err(WorkError::Fatal { class: FatalClass::Disk, message });
            }
            _ if has_left => return Ok(()),
            Reason::NonFinite { what, step } => FailureReason::NonFinite { metric: what, step },
            Reason::BadHyperparameter { name, message } => {
                FailureReason::Refused { message: format!("{name}: {message}") }
            }
            Reason::BadCheckpoint { .. } if !self.distrusted.contains(&trial) => {
                self.distrusted.push(trial);
                return self.give_up(trial, RequeueReason::TrainerDied, device_seconds);
            }
            Reason::BadCheckpoint { message } => FailureReason::Refused { message },
            Reason::OutOfMemory { .. } if self.slots.len() > 1 => {
                self.shrink(self.slots.len());
                return self.give_up(trial, RequeueReason::PackOutOfMemory, device_seconds);
            }
            Reason::OutOfMemory { .. } => FailureReason::OutOfMemory,
        };
        self.close(trial, Outcome::Failed { reason }, device_seconds)
    }

    /// Frees a trial's slot and queues the trial again.
    fn give_up(
        &mut self,
        trial: u32,
        reason: RequeueReason,
        device_seconds: f64,
    ) -> Result<(), WorkError> {
        match self.slots.remove(&trial) {
            Some(slot) => self.requeue(trial, slot.lease, reason, device_seconds),
            None => Ok(()),
        }
    }
}
