//! One simulated study: workers on a virtual clock that ask, report and tell through the core's `decide` and
//! [`Study::apply`], as the runtime's worker does.
//!
//! Each worker is a process of its own: it asks for one trial when it is free, and its reports come at the times that
//! the trial's cost gives. A trial reports at every point of its curve; one that pauses goes on from its last point,
//! and loses no time. Refuses crashes and lost leases, which are the runtime's tests' business, and trials that take
//! over another's weights: no recorded training says what comes of that.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;
use tunesmith_core::{
    ApplyError, Command, Effective, Event, Fact, Goal, Outcome, Policy, Rejection, Report, Stream,
    Study, StudyConfig, Timestamp, Trial, TrialState, Values, Writer, decide,
};

use crate::noise::Measurements;
use crate::objective::Evaluation;
use crate::peer::{Peer, PeerError};
use crate::results::Recommendation;
use crate::scale::Scale;
use crate::tasks::Task;

/// No lease runs out in a simulation.
const LEASE_MS: u64 = 1 << 60;
/// Optimiser steps of every trial's schedule, for reports.
const TOTAL_STEPS: f64 = 10_000.0;

/// What one study is simulated with.
#[derive(Debug)]
pub struct Setting<'a> {
    /// The task.
    pub task: &'a Task,
    /// Its yardstick.
    pub scale: &'a Scale,
    /// The study's configuration: the task's space and metric, a sampler, a budget of trials or device seconds, a seed.
    pub config: &'a StudyConfig,
    /// How many trials run at once.
    pub workers: u32,
}

/// What one study came to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trace {
    /// What would have been recommended, each time that it changed.
    pub recommendations: Vec<Recommendation>,
    /// Trials that ended, of whatever outcome.
    pub finished: u32,
    /// Those among them that failed.
    pub failed: u32,
    /// When the last one ended, in virtual seconds.
    pub seconds: f64,
    /// What all workers trained together, in device seconds.
    pub device_seconds: f64,
}

/// Why a simulation stopped. Each is a fault of a part, not of the task.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SimulationError {
    /// The core refused what a worker may ask.
    #[error("the study refused a simulated worker: {0}")]
    Rejected(#[from] Rejection),
    /// Events that do not fold.
    #[error("the study's events do not apply: {0}")]
    Apply(#[from] ApplyError),
    /// A foreign search failed.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// A scheduler that exchanges weights.
    #[error(
        "trial {trial} takes over another's weights, and no recorded training says what comes of that; choose a \
         scheduler that stops or pauses trials"
    )]
    Takeover {
        /// The trial.
        trial: u32,
    },
}

/// Runs a study to its end. Trials come from the policy's sampler, or, where there is a peer, from that.
///
/// # Errors
/// [`SimulationError`].
pub fn simulate(
    setting: &Setting<'_>,
    policy: &Policy,
    peer: Option<&mut Peer>,
) -> Result<Trace, SimulationError> {
    let mut config = setting.config.clone();
    config.lease_ms = LEASE_MS;
    let writers: Vec<Writer> =
        (0..setting.workers.max(1)).map(|index| Writer::new(&format!("worker-{index}"))).collect();
    let created = Study::created(&config, &writers[0], Timestamp(0));
    let world = World {
        setting,
        policy,
        peer,
        measurements: setting.task.noise.of_study(config.seed),
        study: Study::begin(&created)?,
        idle: (0..writers.len()).collect(),
        writers,
        agenda: BTreeMap::new(),
        evaluations: BTreeMap::new(),
        now_ms: 0,
        device_ms: 0,
        scheduled: 0,
        exhausted: false,
        trace: Trace::default(),
    };
    world.run()
}

struct World<'a> {
    setting: &'a Setting<'a>,
    policy: &'a Policy,
    peer: Option<&'a mut Peer>,
    measurements: Measurements,
    study: Study,
    writers: Vec<Writer>,
    idle: BTreeSet<usize>,
    /// What happens when; what was scheduled first comes first at equal times.
    agenda: BTreeMap<(u64, u64), Arrival>,
    /// Of the trials that have not ended.
    evaluations: BTreeMap<u32, Evaluation>,
    now_ms: u64,
    /// What all workers trained until now.
    device_ms: u64,
    scheduled: u64,
    exhausted: bool,
    trace: Trace,
}

/// A worker's trial reaches a point of its curve.
#[derive(Debug, Clone, Copy)]
struct Arrival {
    worker: usize,
    trial: u32,
    point: usize,
}

impl World<'_> {
    fn run(mut self) -> Result<Trace, SimulationError> {
        loop {
            self.fill()?;
            let Some(((at, _), arrival)) = self.agenda.pop_first() else { return Ok(self.trace) };
            let busy = self.writers.len() - self.idle.len();
            self.device_ms += (at - self.now_ms) * busy as u64;
            self.now_ms = at;
            self.trace.device_seconds = self.device_ms as f64 / 1000.0;
            self.arrive(arrival)?;
        }
    }

    /// Gives work to every free worker for which there is some.
    fn fill(&mut self) -> Result<(), SimulationError> {
        while let Some(worker) = self.idle.first().copied().filter(|_| !self.exhausted) {
            self.propose(worker)?;
            let asked = self.submit(worker, Command::Ask { count: 1 });
            match asked {
                Ok(events) => self.take(worker, &events)?,
                Err(SimulationError::Rejected(Rejection::Finished { .. })) => self.exhausted = true,
                Err(SimulationError::Rejected(Rejection::Wait)) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Queues the peer's next trial, where a peer searches and the budget leaves room.
    fn propose(&mut self, worker: usize) -> Result<(), SimulationError> {
        let number = self.study.next_number();
        let room = self.study.budget().trials.is_none_or(|limit| number < limit);
        let waiting = self.study.count(TrialState::Queued) > 0;
        let Some(peer) = self.peer.as_deref_mut().filter(|_| room && !waiting) else {
            return Ok(());
        };
        let params = peer.ask(number)?;
        self.submit(worker, Command::Enqueue { params }).map(drop)
    }

    /// Follows what asking led to: trials that will never go on, and one for the worker.
    fn take(&mut self, worker: usize, events: &[Event]) -> Result<(), SimulationError> {
        for event in events {
            let Stream::Trial(number) = event.stream else { continue };
            match event.fact {
                Fact::TrialStarted { .. } | Fact::TrialLeased { .. } => {
                    self.begin(worker, number)?;
                }
                Fact::TrialExploited { .. } => {
                    return Err(SimulationError::Takeover { trial: number });
                }
                Fact::TrialPruned { .. } | Fact::TrialFailed { .. } => self.finish(number)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Starts a trial, or goes on with a paused one. The core may have failed it already.
    fn begin(&mut self, worker: usize, number: u32) -> Result<(), SimulationError> {
        let Some(trial) = self.study.trial(number).filter(|trial| !trial.is_finished()) else {
            return Ok(());
        };
        let point = trial.reports.len();
        if !self.evaluations.contains_key(&number) {
            let evaluation = self.setting.task.objective.evaluate(&trial.params);
            self.evaluations.insert(number, evaluation);
        }
        self.idle.remove(&worker);
        self.record(worker, number)?;
        self.schedule(Arrival { worker, trial: number, point });
        Ok(())
    }

    /// Records what a real executor would: the schedule, and the size of the dev set where it makes noise.
    fn record(&mut self, worker: usize, number: u32) -> Result<(), SimulationError> {
        let Some(trial) = self.study.trial(number) else { return Ok(()) };
        let (Some(lease), params) = (trial.lease_key(), trial.params.clone()) else {
            return Ok(());
        };
        let validation_rows = self.setting.task.noise.examples();
        let effective = Effective {
            params,
            total_steps: TOTAL_STEPS as u64,
            validation_rows,
            read_back: tunesmith_core::Params::new(),
        };
        self.submit(worker, Command::RecordEffective { lease, effective }).map(drop)
    }

    fn schedule(&mut self, arrival: Arrival) {
        let seconds = self.seconds_to(arrival);
        let at = self.now_ms + (seconds * 1000.0).round() as u64;
        self.agenda.insert((at, self.scheduled), arrival);
        self.scheduled += 1;
    }

    /// Device seconds from the point before, or from the start.
    fn seconds_to(&self, arrival: Arrival) -> f64 {
        let Some(evaluation) = self.evaluations.get(&arrival.trial) else { return 0.0 };
        let fraction =
            |index: usize| evaluation.curve.get(index).map_or(0.0, |point| point.fraction);
        let before = arrival.point.checked_sub(1).map_or(0.0, fraction);
        evaluation.seconds * (fraction(arrival.point) - before).max(0.0)
    }

    fn arrive(&mut self, arrival: Arrival) -> Result<(), SimulationError> {
        let Arrival { worker, trial, point } = arrival;
        let device_seconds = self.seconds_to(arrival);
        let Some(lease) = self.study.trial(trial).and_then(Trial::lease_key) else { return Ok(()) };
        let curve = self.evaluations.get(&trial).map(|evaluation| evaluation.curve.as_slice());
        let Some(reached) = curve.and_then(|curve| curve.get(point)) else { return Ok(()) };
        let last = curve.is_none_or(|curve| point + 1 >= curve.len());
        let value = self.measurements.measure(trial, point, reached.value);
        let name = self.setting.task.objective.metric().name.clone();
        let report = Report {
            step: ((reached.fraction * TOTAL_STEPS).round() as u64).max(point as u64 + 1),
            fraction: reached.fraction.clamp(0.0, 1.0),
            values: Values::from([(name, value)]),
            device_seconds,
            errors: None,
        };
        self.submit(worker, Command::Report { lease, report })?;
        if last && self.state(trial) == Some(TrialState::Running) {
            let outcome = Outcome::Completed { values: Values::new() };
            self.submit(worker, Command::Tell { lease, outcome, device_seconds: 0.0 })?;
        }
        match self.state(trial) {
            Some(TrialState::Running) => {
                self.schedule(Arrival { point: point + 1, ..arrival });
                return Ok(());
            }
            Some(state) if state.is_finished() => self.finish(trial)?,
            _ => self.recommend(),
        }
        self.idle.insert(worker);
        Ok(())
    }

    fn state(&self, trial: u32) -> Option<TrialState> {
        self.study.trial(trial).map(|trial| trial.state)
    }

    /// Counts an ended trial and tells the peer.
    fn finish(&mut self, number: u32) -> Result<(), SimulationError> {
        self.evaluations.remove(&number);
        let Some(trial) = self.study.trial(number) else { return Ok(()) };
        let metric = self.setting.task.objective.metric();
        let value = trial.value(metric).filter(|_| trial.state == TrialState::Completed);
        self.trace.finished += 1;
        self.trace.failed += u32::from(trial.state == TrialState::Failed);
        self.trace.seconds = self.now_ms as f64 / 1000.0;
        if let Some(peer) = self.peer.as_deref_mut() {
            peer.tell(number, value)?;
        }
        self.recommend();
        Ok(())
    }

    /// Looks up what would be recommended now: the best completed trial, and as long as there is none the best of
    /// those that are paused or pruned furthest along their schedules.
    fn recommend(&mut self) {
        let best = self.study.best().or_else(|| self.furthest());
        let Some(number) = best.map(|trial| trial.number) else { return };
        if self.trace.recommendations.last().is_some_and(|latest| latest.trial == number) {
            return;
        }
        let objective = &self.setting.task.objective;
        let truth = self.study.trial(number).and_then(|trial| objective.value(&trial.params));
        self.trace.recommendations.push(Recommendation {
            trial: number,
            finished: self.trace.finished,
            seconds: self.now_ms as f64 / 1000.0,
            device_seconds: Some(self.trace.device_seconds),
            regret: self.setting.scale.regret(truth),
        });
    }

    /// The paused or pruned trial that has gone furthest, and the best of equals by its latest value.
    fn furthest(&self) -> Option<&Trial> {
        let metric = self.setting.task.objective.metric();
        let stopped = [TrialState::Paused, TrialState::Pruned];
        let stopped = stopped.into_iter().flat_map(|state| self.study.in_state(state));
        let loss = |trial: &Trial| {
            let value = trial.reported(metric)?;
            Some(if metric.goal == Goal::Minimize { value } else { -value })
        };
        let placed =
            stopped.filter_map(|trial| Some((trial.reached_fraction(), loss(trial)?, trial)));
        let order = placed.min_by(|(fraction, loss, trial), (other, than, rival)| {
            let further = other.total_cmp(fraction).then(loss.total_cmp(than));
            further.then(trial.number.cmp(&rival.number))
        });
        order.map(|(_, _, trial)| trial)
    }

    fn submit(&mut self, worker: usize, command: Command) -> Result<Vec<Event>, SimulationError> {
        let now = Timestamp(self.now_ms as i64);
        let events = decide(&self.study, self.policy, &self.writers[worker], command, now)?;
        events.iter().try_for_each(|event| self.study.apply(event))?;
        Ok(events)
    }
}

#[cfg(test)]
mod tests;
