//! The two things that a method is made of. Refuses writing: what a sampler must remember it returns as a note, which
//! the log keeps; so a study can be replayed.

use std::collections::BTreeSet;
use std::fmt::Debug;

use crate::metric::Goal;
use crate::rng::Rng;
use crate::space::Parameter;
use crate::study::Study;
use crate::trial::{Trial, TrialState};
use crate::value::{Params, Value};

/// A sampler and a scheduler.
#[derive(Debug)]
pub struct Policy {
    /// Proposes params.
    pub sampler: Box<dyn Sampler>,
    /// Gives out budget.
    pub scheduler: Box<dyn Scheduler>,
}

/// What a sampler proposes.
#[derive(Debug, Clone, PartialEq)]
pub struct Suggestion {
    /// The active parameters of the study's space, with legal values.
    pub params: Params,
    /// What the sampler wants to remember, and why it fell back where it did.
    pub note: Params,
}

/// Proposes params. Pure and infallible: where it cannot do what it is for, it falls back and says so in its note.
pub trait Sampler: Send + Sync + Debug {
    /// Up to `count` suggestions for the trials that follow those of `study`; fewer where there is nothing more to
    /// propose. The same arguments give the same suggestions.
    ///
    /// `rng` is the same for every call of one study. Draw from its branches, one a trial number, so that a batch is
    /// the same as one after the other.
    fn suggest(&self, study: &Study, count: u32, rng: &Rng) -> Vec<Suggestion>;

    /// The completed trials to run again on fresh seeds, most promising first: by value where the sampler knows no
    /// better. Each has params of its own.
    fn finalists(&self, study: &Study, count: u32) -> Vec<u32> {
        finalists_by_value(study, count)
    }

    /// A value for a parameter that a running trial found by itself. `rng` is the trial's own for this parameter.
    fn suggest_parameter(
        &self,
        study: &Study,
        trial: &Trial,
        parameter: &Parameter,
        rng: &mut Rng,
    ) -> Value {
        let _ = (study, trial);
        parameter.quantile(rng.open_uniform()).unwrap_or(Value::Null)
    }
}

/// The completed trials of the search with the best values, one for each set of params, best first.
pub fn finalists_by_value(study: &Study, count: u32) -> Vec<u32> {
    let Some(metric) = study.metrics().first() else { return Vec::new() };
    let mut ranked: Vec<(f64, &Trial)> = study
        .in_state(TrialState::Completed)
        .filter(|trial| !study.is_replica(trial))
        .filter_map(|trial| Some((trial.value(metric)?, trial)))
        .collect();
    ranked.sort_by(|(left, _), (right, _)| match metric.goal {
        Goal::Minimize => left.total_cmp(right),
        Goal::Maximize => right.total_cmp(left),
    });
    let mut seen = BTreeSet::new();
    ranked.retain(|(_, trial)| seen.insert(trial.params.canonical()));
    ranked.into_iter().take(count as usize).map(|(_, trial)| trial.number).collect()
}

/// Gives out budget. Pure and infallible. Runs that choose the winner on fresh seeds are not its business: the core
/// lets them run to their end.
pub trait Scheduler: Send + Sync + Debug {
    /// What a free worker does next. Where `may_start` is false the search starts no new trial, because the budget of
    /// trials is spent or the sampler has nothing more; paused ones may still go on.
    fn next(&self, study: &Study, may_start: bool) -> Next;

    /// What becomes of a running trial after its latest report, which `trial` has and `study` may not have yet.
    fn judge(&self, study: &Study, trial: &Trial) -> Verdict;

    /// Paused trials that will never go on, each with the reason for people: they end as pruned.
    fn retire(&self, study: &Study) -> Vec<(u32, String)> {
        let _ = study;
        Vec::new()
    }

    /// The fractions of a trial's own schedule at which it wants a report, ascending. A trial that reports less often
    /// is judged at the first report beyond each.
    fn rungs(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Whether it compares trials example by example, so that reports are to carry
    /// [`Report::errors`](crate::Report::errors).
    fn pairs_examples(&self) -> bool {
        false
    }
}

/// What a free worker does next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Start trials with new params.
    Start {
        /// At most so many at once.
        most: u32,
    },
    /// Go on with a paused trial.
    Resume {
        /// Its number.
        trial: u32,
    },
    /// Go on with a paused trial from the state of another, with other params.
    Exploit(Box<Exploit>),
    /// Nothing until a running trial reports.
    Wait,
    /// Nothing any more.
    Finished,
}

/// A paused trial is to go on from the state that another one, the donor, had at its last report.
#[derive(Debug, Clone, PartialEq)]
pub struct Exploit {
    /// The trial.
    pub trial: u32,
    /// Whose weights and optimiser state it goes on from.
    pub donor: u32,
    /// The hyperparameters that it goes on with.
    pub params: Params,
    /// What the scheduler wants to remember, and why.
    pub note: Params,
}

impl Next {
    /// Start as many trials as there is room for.
    pub const START: Self = Self::Start { most: u32::MAX };
}

/// What becomes of a running trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Continue,
    /// It saves its state and gives its place to another.
    Pause {
        /// For people.
        reason: String,
    },
    /// It ends.
    Prune {
        /// For people.
        reason: String,
    },
}
