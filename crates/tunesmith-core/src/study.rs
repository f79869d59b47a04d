//! A study as the fold of its log, with the indexes that make deciding cheap.
//!
//! Refuses every change but [`Study::apply`].

mod apply;
mod lineage;
mod outlook;
mod replication;

use std::cmp::Ordering;
use std::collections::BTreeSet;

pub use apply::ApplyError;
pub use lineage::Segment;
pub use replication::{Finalist, MOST_REPLICATION, REPLICATION_SHARE, Replication};

use crate::budget::{Budget, FinishReason, Spent};
use crate::config::StudyConfig;
use crate::event::{Event, Fact, Revision, Stream};
use crate::metric::{Goal, Metric, Values};
use crate::rng::Rng;
use crate::space::SearchSpace;
use crate::timestamp::{Timestamp, Writer};
use crate::trial::{Trial, TrialState};

/// A study as the fold of its log.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    config: StudyConfig,
    space: SearchSpace,
    /// Parameters that define-by-run added to the space.
    discovered: BTreeSet<String>,
    budget: Budget,
    is_paused: bool,
    trials: Vec<Trial>,
    /// The numbers of the trials in each state, in the order of [`TrialState::ALL`].
    by_state: [BTreeSet<u32>; 7],
    enqueued: Vec<u32>,
    replicas: Vec<u32>,
    finish_order: Vec<u32>,
    best: Option<u32>,
    target_reached_by: Option<u32>,
    device_seconds: f64,
    wall_ms: u64,
    created_at: Timestamp,
    last_event_at: Timestamp,
    /// How many events the study's own stream has.
    events: u32,
    revision: Revision,
}

impl Study {
    /// The first event of a study.
    pub fn created(config: &StudyConfig, by: &Writer, at: Timestamp) -> Event {
        let fact = Fact::StudyCreated { config: Box::new(config.clone()) };
        Event { stream: Stream::Study, seq: 0, at, by: by.clone(), fact }
    }

    /// What it is.
    pub fn config(&self) -> &StudyConfig {
        &self.config
    }

    /// The objectives.
    pub fn metrics(&self) -> &[Metric] {
        &self.config.metrics
    }

    /// What is searched, with what define-by-run added.
    pub fn space(&self) -> &SearchSpace {
        &self.space
    }

    /// Whether define-by-run added the parameter of this name.
    pub fn is_discovered(&self, name: &str) -> bool {
        self.discovered.contains(name)
    }

    /// Where all of its chance comes from.
    pub fn seed(&self) -> u64 {
        self.config.seed
    }

    /// The stream whose branches samplers draw from.
    pub fn sampler_rng(&self) -> Rng {
        Rng::at(self.config.seed, 0, "sampler")
    }

    /// The limits that hold now.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Whether it hands out no work until it is resumed.
    pub fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Every trial; a trial's number is its index.
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// The trial of that number.
    pub fn trial(&self, number: u32) -> Option<&Trial> {
        self.trials.get(number as usize)
    }

    /// The number of the next new trial.
    pub fn next_number(&self) -> u32 {
        self.trials.len() as u32
    }

    /// The trials in a state, by number.
    pub fn in_state(&self, state: TrialState) -> impl DoubleEndedIterator<Item = &Trial> {
        self.by_state[state as usize].iter().filter_map(|number| self.trial(*number))
    }

    /// How many trials are in a state.
    pub fn count(&self, state: TrialState) -> usize {
        self.by_state[state as usize].len()
    }

    /// The trials that a worker has, by number.
    pub fn running(&self) -> impl DoubleEndedIterator<Item = &Trial> {
        self.in_state(TrialState::Running)
    }

    /// The trials that people and programs queued, by number.
    pub fn enqueued(&self) -> impl DoubleEndedIterator<Item = &Trial> {
        self.enqueued.iter().filter_map(|number| self.trial(*number))
    }

    /// The finished trials in the order in which they finished, whatever their outcome.
    pub fn finished(&self) -> impl DoubleEndedIterator<Item = &Trial> {
        self.finish_order.iter().filter_map(|number| self.trial(*number))
    }

    /// The completed trial that is best by the first metric; the earliest among equals.
    pub fn best(&self) -> Option<&Trial> {
        self.best.and_then(|number| self.trial(number))
    }

    /// The completed trials of the search that no other beats: the Pareto front, by number, equals with it. With one
    /// metric these are the best and its equals.
    pub fn front(&self) -> Vec<&Trial> {
        let mut completed: Vec<(Vec<f64>, &Trial)> = self.ranked().collect();
        // Whoever beats a trial comes before it, so that a look at the front so far is enough.
        completed
            .sort_by(|(left, _), (right, _)| left.partial_cmp(right).unwrap_or(Ordering::Equal));
        let mut distinct: Vec<Vec<f64>> = Vec::new();
        let mut front: Vec<&Trial> = Vec::new();
        for (scores, trial) in completed {
            if distinct.last() == Some(&scores) {
                front.push(trial);
            } else if !distinct.iter().any(|other| dominates(other, &scores)) {
                front.push(trial);
                distinct.push(scores);
            }
        }
        front.sort_by_key(|trial| trial.number);
        front
    }

    /// The trial of the front that is best by one of the metrics; the earliest among equals.
    pub fn best_by(&self, metric: &Metric) -> Option<&Trial> {
        let better = |trial: &Trial, than: &Trial| {
            let (left, right) = (trial.value(metric), than.value(metric));
            left.zip(right).is_some_and(|(left, right)| metric.goal.is_better(left, right))
        };
        self.front()
            .into_iter()
            .reduce(|best, trial| if better(trial, best) { trial } else { best })
    }

    /// Whether a trial with these values would belong to the front; one that lacks a metric does not.
    pub fn is_unbeaten(&self, values: &Values) -> bool {
        let scores = self.scores(|metric| values.get(&metric.name).copied());
        scores.is_some_and(|scores| !self.ranked().any(|(other, _)| dominates(&other, &scores)))
    }

    /// The completed trials of the search with their scores, by number.
    fn ranked(&self) -> impl Iterator<Item = (Vec<f64>, &Trial)> {
        let scored = |trial| Some((self.scores(|metric| Trial::value(trial, metric))?, trial));
        let searched = |trial: &&Trial| !self.is_replica(trial);
        self.in_state(TrialState::Completed).filter(searched).filter_map(scored)
    }

    /// A value of each metric, in their order, turned so that less is better.
    fn scores(&self, value: impl Fn(&Metric) -> Option<f64>) -> Option<Vec<f64>> {
        let score = |metric: &Metric| match metric.goal {
            Goal::Minimize => value(metric),
            Goal::Maximize => value(metric).map(|value| -value),
        };
        self.config.metrics.iter().map(score).collect()
    }

    /// What is spent at `now`.
    pub fn spent(&self, now: Timestamp) -> Spent {
        let price = self.config.price_per_device_hour;
        Spent {
            trials: self.searched_trials(),
            wall_ms: self.wall_ms.saturating_add(self.wall_since_last_event(now)),
            device_seconds: self.device_seconds,
            cost: price.map(|price| price * self.device_seconds / 3600.0),
        }
    }

    /// Wall time runs while a trial is leased, and no longer than a lease after the last sign of life, so that the
    /// night between a crash and its resumption is not charged.
    fn wall_since_last_event(&self, now: Timestamp) -> u64 {
        if self.count(TrialState::Running) == 0 {
            return 0;
        }
        now.ms_since(self.last_event_at).min(self.config.lease_ms)
    }

    /// The limits that hold for the search itself: those of time and money less what is kept for choosing the winner.
    fn search_budget(&self) -> Budget {
        match self.config.replication {
            Some(_) => self.budget.share(1.0 - REPLICATION_SHARE),
            None => self.budget,
        }
    }

    /// Why no new trial is to start: the target is reached, or a limit of the budget. What the sampler and the
    /// scheduler have to say shows when [`decide`](crate::decide()) asks them.
    pub fn finish_reason(&self, now: Timestamp) -> Option<FinishReason> {
        let target = self.target_reached_by.map(|trial| FinishReason::Target { trial });
        target.or_else(|| self.search_budget().exceeded(&self.spent(now)))
    }

    /// When it was created.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When its last event happened, by the clock of its writer.
    pub fn last_event_at(&self) -> Timestamp {
        self.last_event_at
    }

    /// How many events it has.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The sequence number of a stream's next event.
    pub fn next_seq(&self, stream: Stream) -> u32 {
        match stream {
            Stream::Study => self.events,
            Stream::Trial(number) => self.trial(number).map_or(0, |trial| trial.events),
        }
    }
}

/// Whether `left` is nowhere worse than `right` and somewhere better; less is better.
fn dominates(left: &[f64], right: &[f64]) -> bool {
    let pairs = || left.iter().zip(right);
    pairs().all(|(left, right)| left <= right) && pairs().any(|(left, right)| left < right)
}
