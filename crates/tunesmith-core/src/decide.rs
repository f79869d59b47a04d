//! The pure function through which every change goes: a study, a policy and a command in, events out.
//!
//! Refuses to change anything: the caller appends the events to the log, and then [`Study::apply`]s them.

mod ask;
mod report;

use crate::command::{Command, Rejection};
use crate::event::{Event, Fact, Grant, Stream};
use crate::policy::Policy;
use crate::rng::Rng;
use crate::space::{Parameter, Rule};
use crate::study::Study;
use crate::timestamp::{Timestamp, Writer};
use crate::trial::{Effective, FailureReason, Lease, LeaseKey, RequeueReason, Trial, TrialState};
use crate::value::Params;
use crate::watch::Silence;

/// How many leases in a row a trial may lose without a report or a checkpoint before it counts as failed.
pub const MOST_FRUITLESS_LEASES: u32 = 64;

/// What follows from a command: events to append, perhaps none. The same arguments give the same events.
///
/// # Errors
/// With the study's refusal; nothing is to be appended then.
pub fn decide(
    study: &Study,
    policy: &Policy,
    by: &Writer,
    command: Command,
    now: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    let mut draft = Draft { study, by, now, events: Vec::new() };
    match command {
        Command::Ask { count } => ask::ask(&mut draft, policy, count)?,
        Command::Suggest { lease, parameter } => draft.suggest(policy, lease, *parameter)?,
        Command::RecordEffective { lease, effective } => {
            draft.record_effective(lease, effective)?;
        }
        Command::Report { lease, report } => report::report(&mut draft, policy, lease, report)?,
        Command::RecordCheckpoint { lease, checkpoint } => {
            draft.held(lease)?;
            let expires_at = draft.expiry();
            draft.push(Stream::Trial(lease.trial), Fact::Checkpointed { checkpoint, expires_at });
        }
        Command::Heartbeat { lease } => draft.heartbeat(lease)?,
        Command::Tell { lease, outcome, device_seconds } => {
            report::tell(&mut draft, lease, outcome, device_seconds)?;
        }
        Command::Release { lease, reason, device_seconds } => {
            let trial = draft.leased(lease)?;
            check_number("device_seconds", device_seconds)?;
            draft.requeue(trial, reason, device_seconds);
        }
        Command::Reap { dead, silent } => draft.reap(&dead, &silent),
        Command::Enqueue { params } => draft.enqueue(&params)?,
        Command::Cancel { trial } => draft.cancel(trial)?,
        Command::Pause if !study.is_paused() => draft.push(Stream::Study, Fact::StudyPaused),
        Command::Resume if study.is_paused() => draft.push(Stream::Study, Fact::StudyResumed),
        Command::Pause | Command::Resume => {}
        Command::SetBudget { budget } => {
            study.config().check_budget(&budget)?;
            if budget != *study.budget() {
                draft.push(Stream::Study, Fact::BudgetChanged { budget });
            }
        }
    }
    Ok(draft.events)
}

/// The events of one command as they are drawn up.
struct Draft<'a> {
    study: &'a Study,
    by: &'a Writer,
    now: Timestamp,
    events: Vec<Event>,
}

impl<'a> Draft<'a> {
    fn push(&mut self, stream: Stream, fact: Fact) {
        let drafted = self.events.iter().filter(|event| event.stream == stream).count() as u32;
        let seq = self.study.next_seq(stream) + drafted;
        self.events.push(Event { stream, seq, at: self.now, by: self.by.clone(), fact });
    }

    fn expiry(&self) -> Timestamp {
        self.now.plus_ms(self.study.config().lease_ms)
    }

    fn grant(&self, earlier_leases: u32) -> Grant {
        Grant { number: earlier_leases.saturating_add(1), expires_at: self.expiry() }
    }

    /// The trial, where the lease is its current one and the writer's. A lease that is over holds until it is reaped.
    fn leased(&self, key: LeaseKey) -> Result<&'a Trial, Rejection> {
        let trial =
            self.study.trial(key.trial).ok_or(Rejection::UnknownTrial { trial: key.trial })?;
        if trial.is_finished() {
            return Err(Rejection::Ended { trial: key.trial, state: trial.state });
        }
        let current = |lease: &Lease| lease.number == key.number && lease.holder == *self.by;
        if trial.lease.as_ref().is_some_and(current) {
            return Ok(trial);
        }
        Err(Rejection::StaleLease { trial: key.trial })
    }

    /// As [`Draft::leased`]; a paused trial is still held by its last lease, whose worker may have to save it.
    fn held(&self, key: LeaseKey) -> Result<(), Rejection> {
        let paused =
            |trial: &&Trial| trial.state == TrialState::Paused && trial.leases == key.number;
        match self.study.trial(key.trial).filter(paused) {
            Some(_) => Ok(()),
            None => self.leased(key).map(drop),
        }
    }

    fn record_effective(&mut self, key: LeaseKey, effective: Effective) -> Result<(), Rejection> {
        let trial = self.leased(key)?;
        let wild = effective.params.iter().find(|(_, value)| !value.is_finite());
        if let Some((name, _)) = wild {
            return Err(Rejection::NotFinite { name: name.to_owned() });
        }
        if trial.effective.as_ref() != Some(&effective) {
            self.push(Stream::Trial(key.trial), Fact::EffectiveRecorded { effective });
        }
        Ok(())
    }

    fn heartbeat(&mut self, key: LeaseKey) -> Result<(), Rejection> {
        let trial = self.leased(key)?;
        let age_ms = |lease: &Lease| self.now.ms_since(lease.renewed_at);
        // A clock that was set back would be silent until it is where it was.
        let is_due = |lease: &Lease| {
            self.now < lease.renewed_at || age_ms(lease) >= self.study.config().lease_ms / 3
        };
        if trial.lease.as_ref().is_some_and(is_due) {
            let expires_at = self.expiry();
            self.push(
                Stream::Trial(key.trial),
                Fact::LeaseRenewed { expires_at, device_seconds: 0.0 },
            );
        }
        Ok(())
    }

    fn requeue(&mut self, trial: &Trial, reason: RequeueReason, device_seconds: f64) {
        let leases = trial.fruitless_leases + u32::from(reason != RequeueReason::Released);
        let fact = if leases >= MOST_FRUITLESS_LEASES {
            Fact::TrialFailed { reason: FailureReason::WorkersLost { leases }, device_seconds }
        } else {
            Fact::TrialRequeued { reason, device_seconds }
        };
        self.push(Stream::Trial(trial.number), fact);
    }

    fn reap(&mut self, dead: &[Writer], silent: &[Silence]) {
        let study = self.study;
        for trial in study.running() {
            let (Some(lease), Some(key)) = (&trial.lease, trial.lease_key()) else { continue };
            if dead.contains(&lease.holder) {
                self.requeue(trial, RequeueReason::WorkerDied, 0.0);
            } else if silent.contains(&Silence { lease: key, events: trial.events }) {
                self.requeue(trial, RequeueReason::LeaseExpired, 0.0);
            }
        }
    }

    fn enqueue(&mut self, params: &Params) -> Result<(), Rejection> {
        let number = self.study.next_number();
        let rng = Rng::at(self.study.seed(), number, "enqueue");
        let params = self.study.space().fill(params, &rng)?;
        let seed = trial_seed(self.study, number, &params);
        self.push(Stream::Trial(number), Fact::TrialEnqueued { params, seed });
        Ok(())
    }

    fn cancel(&mut self, number: u32) -> Result<(), Rejection> {
        let trial = self.study.trial(number).ok_or(Rejection::UnknownTrial { trial: number })?;
        if trial.is_finished() {
            return Err(Rejection::Ended { trial: number, state: trial.state });
        }
        self.push(Stream::Trial(number), Fact::TrialCancelled);
        Ok(())
    }

    fn suggest(
        &mut self,
        policy: &Policy,
        key: LeaseKey,
        parameter: Parameter,
    ) -> Result<(), Rejection> {
        let trial = self.leased(key)?;
        let study = self.study;
        match study.space().get(&parameter.name) {
            Some(known) if *known != parameter => {
                return Err(Rejection::ParameterChanged { name: parameter.name });
            }
            Some(_) => {}
            None => study.space().clone().extend(parameter.clone())?,
        }
        if trial.params.get(&parameter.name).is_some() {
            return Ok(());
        }
        let active =
            parameter.condition.as_ref().is_none_or(|condition| condition.holds(&trial.params));
        let Rule::Free { domain, .. } = &parameter.rule else {
            return Err(Rejection::NotFree { name: parameter.name });
        };
        if !active {
            return Err(Rejection::NotFree { name: parameter.name });
        }
        let proposed = trial.proposals.get(&parameter.name).and_then(|value| domain.coerce(value));
        let value = proposed.unwrap_or_else(|| {
            let mut rng =
                Rng::at(study.seed(), trial.number, "parameter").branch_named(&parameter.name);
            policy.sampler.suggest_parameter(study, trial, &parameter, &mut rng)
        });
        let fact = Fact::ParameterSuggested { parameter: Box::new(parameter), value };
        self.push(Stream::Trial(key.trial), fact);
        Ok(())
    }
}

/// A trial's seed: its parameter named `seed` where it has one, else 32 bits from the study's seed and its number.
/// Not more, so that NumPy and PyTorch take it.
fn trial_seed(study: &Study, number: u32, params: &Params) -> u64 {
    let chosen = params.get("seed").and_then(crate::value::Value::as_i64);
    let chosen = chosen.and_then(|seed| u64::try_from(seed).ok());
    chosen.unwrap_or_else(|| derived_seed(study, number))
}

/// 32 bits from the study's seed and a trial's number.
fn derived_seed(study: &Study, number: u32) -> u64 {
    u64::from(Rng::at(study.seed(), number, "seed").next_u32())
}

fn check_number(field: &'static str, value: f64) -> Result<(), Rejection> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(Rejection::BadNumber { field, value })
}

/// Whether a queued trial may be handed out when the budget is spent: one that has already run is finished.
fn was_started(trial: &Trial) -> bool {
    trial.state == TrialState::Queued && trial.leases > 0
}
