//! Synchronous brackets: so many trials start together, wait for each other at every rung, and the best share of them
//! goes on.
//!
//! A trial's bracket follows from its place among the search's trials, so nothing is remembered. At a rung a trial has
//! arrived once it passed it or ended; a failed one counts as arrived and takes no place among the best. Of n trials
//! of a bracket, n / eta^k rounded down and at least one go on from the k-th rung; the others end. A bracket that
//! waits keeps no worker idle while new trials may start: they open the next one.
//!
//! When no new trial may start, the last bracket goes on with what it has. Where that follows from the budget of trials
//! its losers end too; where the sampler came to its end, which the log does not say, they stay paused. Refuses to look
//! at objectives beyond the first.

use std::cmp::Ordering;

use tunesmith_core::{Metric, Next, Scheduler, Study, Trial, TrialState, Verdict};

use super::rungs::{Ladder, is_any_live, is_at_end, scored, searched};

/// One kind of bracket.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bracket {
    /// How many trials it starts with.
    pub(crate) size: usize,
    /// Where they wait for each other.
    pub(crate) ladder: Ladder,
}

/// Brackets one after the other, and again from the first.
#[derive(Debug, Clone)]
pub(crate) struct Brackets {
    kinds: Vec<Bracket>,
    eta: f64,
}

/// What a bracket wants.
#[derive(Debug, Default)]
struct Wish {
    resume: Option<u32>,
    retire: Vec<(u32, String)>,
}

impl Brackets {
    /// Of at least one kind, each of at least one trial.
    pub(super) fn new(kinds: Vec<Bracket>, eta: f64) -> Self {
        Self { kinds, eta }
    }

    /// The kind of the bracket that the search's trial at this place belongs to.
    fn kind_at(&self, place: usize) -> Option<&Bracket> {
        self.seat(place).map(|(kind, _)| kind)
    }

    /// As [`Brackets::kind_at`], with the trial's seat in the bracket, from 0.
    pub(crate) fn seat(&self, place: usize) -> Option<(&Bracket, usize)> {
        let cycle: usize = self.kinds.iter().map(|kind| kind.size).sum();
        let mut seat = place.checked_rem(cycle)?;
        for kind in &self.kinds {
            match seat.checked_sub(kind.size) {
                Some(beyond) => seat = beyond,
                None => return Some((kind, seat)),
            }
        }
        None
    }

    /// The kind with the most rungs: it has those of all others.
    pub(crate) fn longest(&self) -> Option<&Bracket> {
        self.kinds.iter().max_by_key(|kind| kind.ladder.len())
    }

    /// What each bracket of the study wants, oldest first. The last one is closed where nothing more starts.
    fn wishes<'a>(&'a self, study: &'a Study, is_over: bool) -> impl Iterator<Item = Wish> + 'a {
        let trials: Vec<&Trial> = searched(study).collect();
        let mut place = 0;
        std::iter::from_fn(move || {
            let kind = self.kind_at(place)?;
            let members = trials.get(place..(place + kind.size).min(trials.len()))?;
            place += kind.size;
            (!members.is_empty()).then_some((kind, members.to_vec()))
        })
        .filter(|(_, members)| members.iter().any(|trial| trial.state == TrialState::Paused))
        .map(move |(kind, members)| match study.metrics().first() {
            Some(metric) => self.wish(kind, members, metric, is_over),
            None => Wish::default(),
        })
    }

    /// Goes up the rungs with those that are still in, as far as all have arrived.
    fn wish(&self, kind: &Bracket, members: Vec<&Trial>, metric: &Metric, is_over: bool) -> Wish {
        let mut wish = Wish::default();
        let count = members.len();
        if count < kind.size && !is_over {
            return wish;
        }
        let mut inside: Vec<Member<'_>> =
            members.into_iter().map(|trial| Member::of(trial, kind, metric)).collect();
        for rung in 0..kind.ladder.len() {
            if !inside.iter().all(|member| member.has_arrived(rung)) {
                break;
            }
            inside.sort_by(|a, b| a.compare(b, rung));
            let keep = keeps(count, self.eta, rung).min(inside.len());
            for (behind, out) in inside.split_off(keep).iter().enumerate() {
                if out.trial.state == TrialState::Paused {
                    let (place, at) = (keep + behind + 1, kind.ladder.name(rung));
                    let reason = format!("place {place}, and {keep} went on from {at}");
                    wish.retire.push((out.trial.number, reason));
                }
            }
            let waits =
                |member: &&Member<'_>| member.pauses_at(rung) && member.score_at(rung).is_some();
            wish.resume = inside.iter().find(waits).map(|member| member.trial.number);
            if wish.resume.is_some() {
                break;
            }
        }
        wish
    }
}

/// How many of a bracket's trials go on from a rung.
fn keeps(count: usize, eta: f64, rung: usize) -> usize {
    let share = libm::pow(eta, (rung + 1) as f64);
    ((count as f64 / share + 1e-9) as usize).max(1)
}

/// A trial of a bracket.
struct Member<'a> {
    trial: &'a Trial,
    /// The rungs that it passed and with what, ascending.
    passings: Vec<(usize, f64)>,
}

impl<'a> Member<'a> {
    fn of(trial: &'a Trial, kind: &Bracket, metric: &Metric) -> Self {
        let passings = kind.ladder.passings(trial, scored(metric));
        let passings = passings.map(|passing| (passing.rung, passing.value)).collect();
        Self { trial, passings }
    }

    /// Its score at a rung: where it first stood there or beyond.
    fn score_at(&self, rung: usize) -> Option<f64> {
        self.passings.iter().find(|(passed, _)| *passed >= rung).map(|(_, score)| *score)
    }

    fn has_arrived(&self, rung: usize) -> bool {
        self.trial.is_finished() || self.score_at(rung).is_some()
    }

    fn pauses_at(&self, rung: usize) -> bool {
        let highest = self.passings.last().map(|(passed, _)| *passed);
        self.trial.state == TrialState::Paused && highest == Some(rung)
    }

    /// Whether it can go on, or has done so to its end.
    fn is_able(&self) -> bool {
        !matches!(self.trial.state, TrialState::Failed | TrialState::Cancelled | TrialState::Pruned)
    }

    /// The better at the rung first, those without a score last, equals by number.
    fn compare(&self, other: &Self, rung: usize) -> Ordering {
        let key = |member: &Self| member.score_at(rung).filter(|_| member.is_able());
        let by_score = match (key(self), key(other)) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        by_score.then(self.trial.number.cmp(&other.trial.number))
    }
}

/// Whether the budget's trials have all started.
fn are_all_started(study: &Study) -> bool {
    study.budget().trials.is_some_and(|limit| study.searched_trials() >= limit)
}

impl Scheduler for Brackets {
    fn next(&self, study: &Study, may_start: bool) -> Next {
        let is_over = !may_start || are_all_started(study);
        let resume = self.wishes(study, is_over).find_map(|wish| wish.resume);
        match resume {
            Some(trial) => Next::Resume { trial },
            None if may_start => Next::START,
            None if is_any_live(study) => Next::Wait,
            None => Next::Finished,
        }
    }

    fn judge(&self, study: &Study, trial: &Trial) -> Verdict {
        let place = searched(study).take_while(|other| other.number < trial.number).count();
        let (Some(kind), Some(metric)) = (self.kind_at(place), study.metrics().first()) else {
            return Verdict::Continue;
        };
        match kind.ladder.latest(trial, scored(metric)).filter(|_| !is_at_end(trial)) {
            Some(passing) => {
                Verdict::Pause { reason: format!("passed {}", kind.ladder.name(passing.rung)) }
            }
            None => Verdict::Continue,
        }
    }

    fn retire(&self, study: &Study) -> Vec<(u32, String)> {
        self.wishes(study, are_all_started(study)).flat_map(|wish| wish.retire).collect()
    }

    fn rungs(&self) -> Vec<f64> {
        let mut all: Vec<f64> =
            self.kinds.iter().flat_map(|kind| kind.ladder.fractions()).copied().collect();
        all.sort_by(f64::total_cmp);
        all.dedup_by(|a, b| (*a - *b).abs() < 1e-9);
        all
    }
}

#[cfg(test)]
mod tests;
