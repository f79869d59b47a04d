//! The only code that changes a study. Refuses events that cannot follow: a log with a gap is reported, not guessed at.

use std::collections::BTreeSet;

use thiserror::Error;

use super::Study;
use crate::event::{Event, Fact, Grant, Revision, Start, Stream, Takeover};
use crate::space::SpaceError;
use crate::timestamp::Timestamp;
use crate::trial::{Exploited, Lease, Origin, Outcome, RequeueReason, Trial, TrialState};
use crate::value::Params;

/// Why an event cannot follow a log. The log is damaged, or was not read in order.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// A log that does not begin with a study.
    #[error("the log does not begin with the creation of a study")]
    NotCreated,
    /// Not the next event of its stream.
    #[error("event {found} of {stream} came where {expected} was due")]
    OutOfOrder {
        /// The stream.
        stream: Stream,
        /// The due one.
        expected: u32,
        /// The one that came.
        found: u32,
    },
    /// A trial that does not exist, or is created out of turn.
    #[error("{fact} of trial {trial}, where trial {next} is the next to be created")]
    UnknownTrial {
        /// Its number.
        trial: u32,
        /// What is said of it.
        fact: &'static str,
        /// The next number.
        next: u32,
    },
    /// A fact of another kind of stream.
    #[error("{fact} does not belong to {stream}")]
    WrongStream {
        /// The fact.
        fact: &'static str,
        /// The stream.
        stream: Stream,
    },
    /// A fact that a trial in this state cannot have.
    #[error("{fact} of trial {trial}, which is {state}")]
    WrongState {
        /// Its number.
        trial: u32,
        /// The fact.
        fact: &'static str,
        /// Its state.
        state: TrialState,
    },
    /// A parameter that does not fit the space.
    #[error("a parameter found by trial {trial} does not fit: {source}")]
    Space {
        /// The trial's number.
        trial: u32,
        /// Why.
        source: SpaceError,
    },
}

impl Study {
    /// The study of a log.
    ///
    /// # Errors
    /// Where it is no log of a study.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<Self, ApplyError> {
        let mut events = events.into_iter();
        let mut study = events.next().ok_or(ApplyError::NotCreated).and_then(Self::begin)?;
        events.try_for_each(|event| study.apply(event))?;
        Ok(study)
    }

    /// The study after its first event.
    ///
    /// # Errors
    /// Where the event is not [`Fact::StudyCreated`].
    pub fn begin(event: &Event) -> Result<Self, ApplyError> {
        let (Stream::Study, 0, Fact::StudyCreated { config }) =
            (event.stream, event.seq, &event.fact)
        else {
            return Err(ApplyError::NotCreated);
        };
        Ok(Self {
            space: config.space.clone(),
            budget: config.budget,
            config: (**config).clone(),
            discovered: BTreeSet::new(),
            is_paused: false,
            trials: Vec::new(),
            by_state: Default::default(),
            enqueued: Vec::new(),
            replicas: Vec::new(),
            finish_order: Vec::new(),
            best: None,
            target_reached_by: None,
            device_seconds: 0.0,
            wall_ms: 0,
            created_at: event.at,
            last_event_at: event.at,
            events: 1,
            revision: Revision(1),
        })
    }

    /// Makes an event true. Where it cannot follow, the study stays as it was.
    ///
    /// # Errors
    /// Where the event is not the next of its stream, or contradicts the log.
    pub fn apply(&mut self, event: &Event) -> Result<(), ApplyError> {
        let expected = self.next_seq(event.stream);
        if event.seq != expected {
            let (stream, found) = (event.stream, event.seq);
            return Err(ApplyError::OutOfOrder { stream, expected, found });
        }
        let wall_ms = self.wall_since_last_event(event.at);
        match event.stream {
            Stream::Study => self.apply_to_study(event)?,
            Stream::Trial(number) => self.apply_to_trial(number, event)?,
        }
        self.wall_ms = self.wall_ms.saturating_add(wall_ms);
        self.last_event_at = self.last_event_at.max(event.at);
        self.revision.0 += 1;
        Ok(())
    }

    fn apply_to_study(&mut self, event: &Event) -> Result<(), ApplyError> {
        match &event.fact {
            Fact::BudgetChanged { budget } => self.budget = *budget,
            Fact::StudyPaused => self.is_paused = true,
            Fact::StudyResumed => self.is_paused = false,
            fact => {
                return Err(ApplyError::WrongStream { fact: fact.name(), stream: event.stream });
            }
        }
        self.events += 1;
        Ok(())
    }

    fn apply_to_trial(&mut self, number: u32, event: &Event) -> Result<(), ApplyError> {
        match &event.fact {
            Fact::TrialEnqueued { params, seed } => {
                let trial = new_trial(number, params, *seed, Origin::Enqueued, event.at);
                self.create_trial(trial, event)
            }
            Fact::TrialReplicated { of, seed } => self.replicate(number, *of, *seed, event),
            Fact::TrialStarted { start, lease } => {
                let Start { params, seed, proposals, .. } = &**start;
                let trial = new_trial(number, params, *seed, Origin::from(&**start), event.at);
                self.create_trial(Trial { proposals: proposals.clone(), ..trial }, event)?;
                self.give_lease(number, *lease, event);
                Ok(())
            }
            fact => {
                self.check_state(number, fact)?;
                self.apply_to_existing(number, event)?;
                if let Some(trial) = self.trials.get_mut(number as usize) {
                    trial.events += 1;
                }
                Ok(())
            }
        }
    }

    fn replicate(
        &mut self,
        number: u32,
        of: u32,
        seed: u64,
        event: &Event,
    ) -> Result<(), ApplyError> {
        let next = self.next_number();
        let unknown = ApplyError::UnknownTrial { trial: of, fact: event.fact.name(), next };
        let mut params = self.trial(of).ok_or(unknown)?.params.clone();
        params.remove("seed");
        self.create_trial(new_trial(number, &params, seed, Origin::Replica { of }, event.at), event)
    }

    fn create_trial(&mut self, trial: Trial, event: &Event) -> Result<(), ApplyError> {
        let next = self.next_number();
        if trial.number != next {
            return Err(ApplyError::UnknownTrial {
                trial: trial.number,
                fact: event.fact.name(),
                next,
            });
        }
        self.by_state[trial.state as usize].insert(trial.number);
        match trial.origin {
            Origin::Enqueued => self.enqueued.push(trial.number),
            Origin::Replica { .. } => self.replicas.push(trial.number),
            Origin::Sampler { .. } => {}
        }
        self.trials.push(trial);
        Ok(())
    }

    fn check_state(&self, number: u32, fact: &Fact) -> Result<(), ApplyError> {
        let next = self.next_number();
        let trial = self.trial(number);
        let trial =
            trial.ok_or(ApplyError::UnknownTrial { trial: number, fact: fact.name(), next })?;
        let legal = match fact {
            Fact::TrialLeased { .. } => {
                matches!(trial.state, TrialState::Queued | TrialState::Paused)
            }
            Fact::TrialExploited { exploit, .. } => {
                if self.trial(exploit.donor).is_none() {
                    let (trial, fact) = (exploit.donor, fact.name());
                    return Err(ApplyError::UnknownTrial { trial, fact, next });
                }
                trial.state == TrialState::Paused
            }
            Fact::TrialPruned { .. } | Fact::Checkpointed { .. } => {
                matches!(trial.state, TrialState::Running | TrialState::Paused)
            }
            Fact::TrialCancelled => !trial.is_finished(),
            _ => trial.state == TrialState::Running,
        };
        if legal {
            return Ok(());
        }
        Err(ApplyError::WrongState { trial: number, fact: fact.name(), state: trial.state })
    }

    /// The trial exists and is in a state that the fact can follow.
    fn apply_to_existing(&mut self, number: u32, event: &Event) -> Result<(), ApplyError> {
        match &event.fact {
            Fact::TrialLeased { lease } => self.give_lease(number, *lease, event),
            Fact::TrialExploited { exploit, lease } => {
                self.take_over(number, exploit);
                self.give_lease(number, *lease, event);
            }
            Fact::LeaseRenewed { expires_at, device_seconds } => {
                self.spend(number, *device_seconds);
                self.renew(number, *expires_at, event.at);
            }
            Fact::ParameterSuggested { parameter, value } => {
                if self.space.get(&parameter.name).is_none() {
                    let misfit = |source| ApplyError::Space { trial: number, source };
                    self.space.extend((**parameter).clone()).map_err(misfit)?;
                    self.discovered.insert(parameter.name.clone());
                }
                self.change(number, |trial| {
                    trial.proposals.remove(&parameter.name);
                    trial.params.insert(parameter.name.as_str(), value.clone());
                });
            }
            Fact::EffectiveRecorded { effective } => {
                self.change(number, |trial| trial.effective = Some(effective.clone()));
            }
            Fact::Reported { report, expires_at } => {
                self.spend(number, report.device_seconds);
                self.renew(number, *expires_at, event.at);
                self.change(number, |trial| {
                    trial.reports.push(report.clone());
                    trial.fruitless_leases = 0;
                });
            }
            Fact::Checkpointed { checkpoint, expires_at } => {
                self.renew(number, *expires_at, event.at);
                self.change(number, |trial| {
                    trial.checkpoint = Some(checkpoint.clone());
                    trial.fruitless_leases = 0;
                });
            }
            Fact::TrialRequeued { reason, device_seconds } => {
                self.spend(number, *device_seconds);
                let fruitless = u32::from(*reason != RequeueReason::Released);
                self.change(number, |trial| trial.fruitless_leases += fruitless);
                self.end_lease(number, TrialState::Queued);
            }
            Fact::TrialPaused { .. } => self.end_lease(number, TrialState::Paused),
            fact => self.finish(number, fact, event)?,
        }
        Ok(())
    }

    fn finish(&mut self, number: u32, fact: &Fact, event: &Event) -> Result<(), ApplyError> {
        let (state, device_seconds, outcome) = match fact {
            Fact::TrialCompleted { values, device_seconds } => {
                let values = values.clone();
                (TrialState::Completed, *device_seconds, Outcome::Completed { values })
            }
            Fact::TrialPruned { reason, device_seconds } => {
                let reason = reason.clone();
                (TrialState::Pruned, *device_seconds, Outcome::Pruned { reason })
            }
            Fact::TrialFailed { reason, device_seconds } => {
                let reason = reason.clone();
                (TrialState::Failed, *device_seconds, Outcome::Failed { reason })
            }
            Fact::TrialCancelled => (TrialState::Cancelled, 0.0, Outcome::Cancelled),
            fact => {
                return Err(ApplyError::WrongStream { fact: fact.name(), stream: event.stream });
            }
        };
        self.spend(number, device_seconds);
        self.end_lease(number, state);
        self.change(number, |trial| {
            trial.outcome = Some(outcome);
            trial.finished_at = Some(event.at);
        });
        self.finish_order.push(number);
        if state == TrialState::Completed && !self.replicas.contains(&number) {
            self.rank(number);
        }
        Ok(())
    }

    /// Takes a completed trial into account for the best and the target.
    fn rank(&mut self, number: u32) {
        let Some(trial) = self.trial(number) else {
            return;
        };
        let reached =
            self.config.metrics.iter().any(|metric| {
                trial.value(metric).is_some_and(|value| metric.reaches_target(value))
            });
        let Some(metric) = self.config.metrics.first() else {
            return;
        };
        let value = |trial: &Trial| trial.value(metric);
        let is_best = match (value(trial), self.best().and_then(value), self.best) {
            (Some(new), Some(old), Some(best)) => {
                metric.goal.is_better(new, old) || (new == old && number < best)
            }
            (Some(_), ..) => true,
            (None, ..) => false,
        };
        if is_best {
            self.best = Some(number);
        }
        if reached && self.target_reached_by.is_none() {
            self.target_reached_by = Some(number);
        }
    }

    fn change(&mut self, number: u32, change: impl FnOnce(&mut Trial)) {
        if let Some(trial) = self.trials.get_mut(number as usize) {
            change(trial);
        }
    }

    fn spend(&mut self, number: u32, device_seconds: f64) {
        self.device_seconds += device_seconds;
        self.change(number, |trial| trial.device_seconds += device_seconds);
    }

    fn give_lease(&mut self, number: u32, grant: Grant, event: &Event) {
        let holder = event.by.clone();
        let Grant { number: lease, expires_at } = grant;
        self.change(number, |trial| {
            trial.leases = lease;
            trial.lease = Some(Lease { number: lease, holder, renewed_at: event.at, expires_at });
        });
        self.move_to(number, TrialState::Running);
    }

    fn take_over(&mut self, number: u32, takeover: &Takeover) {
        let Takeover { donor, donor_step, params, note, .. } = takeover;
        let donor_exploits = self.trial(*donor).map_or(0, |donor| donor.exploits.len() as u32);
        self.change(number, |trial| {
            let replaced = std::mem::replace(&mut trial.params, params.clone());
            trial.exploits.push(Exploited {
                donor: *donor,
                donor_step: *donor_step,
                donor_exploits,
                replaced,
                reports: trial.reports.len(),
                note: note.clone(),
            });
            trial.checkpoint = None;
            trial.effective = None;
        });
    }

    fn renew(&mut self, number: u32, expires_at: Timestamp, at: Timestamp) {
        self.change(number, |trial| {
            if let Some(lease) = &mut trial.lease {
                lease.expires_at = expires_at;
                lease.renewed_at = at;
            }
        });
    }

    fn end_lease(&mut self, number: u32, state: TrialState) {
        self.change(number, |trial| trial.lease = None);
        self.move_to(number, state);
    }

    fn move_to(&mut self, number: u32, state: TrialState) {
        let Some(trial) = self.trials.get_mut(number as usize) else {
            return;
        };
        self.by_state[trial.state as usize].remove(&number);
        trial.state = state;
        self.by_state[state as usize].insert(number);
    }
}

fn new_trial(number: u32, params: &Params, seed: u64, origin: Origin, at: Timestamp) -> Trial {
    Trial {
        number,
        state: TrialState::Queued,
        params: params.clone(),
        proposals: Params::new(),
        origin,
        seed,
        effective: None,
        reports: Vec::new(),
        checkpoint: None,
        exploits: Vec::new(),
        lease: None,
        leases: 0,
        fruitless_leases: 0,
        outcome: None,
        device_seconds: 0.0,
        created_at: at,
        finished_at: None,
        events: 1,
    }
}

impl From<&Start> for Origin {
    fn from(start: &Start) -> Self {
        Self::Sampler { based_on: start.based_on, asked: start.asked, note: start.note.clone() }
    }
}
