//! Who stands where on a ladder, and who may go on: what the methods share that pause at every rung.
//!
//! Refuses to remember: whether a trial was promoted shows in that it passed a rung and does not pause there.

use tunesmith_core::{Next, Study, TrialState};

use super::rungs::{Ladder, is_any_live, scored, searched};

/// A trial at a rung.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Place {
    /// The trial.
    pub(super) trial: u32,
    /// What it passed the rung with; less is better.
    pub(super) score: f64,
    /// Whether it pauses here.
    pub(super) waits: bool,
    /// Whether it went on, or could have: it did not end here.
    pub(super) went_on: bool,
}

/// The search's trials on the rungs.
#[derive(Debug, Clone)]
pub(super) struct Standings {
    /// Of each rung, who passed it, the best first and equals by number.
    pub(super) rungs: Vec<Vec<Place>>,
    /// A trial that pauses at no rung, as one whose state another version of the policy left.
    stray: Option<u32>,
    completed: bool,
}

impl Standings {
    /// Where the trials of the study stand by its first metric.
    pub(super) fn of(study: &Study, ladder: &Ladder) -> Self {
        let mut rungs = vec![Vec::new(); ladder.len()];
        let (mut stray, mut completed) = (None, false);
        for trial in searched(study) {
            completed |= trial.state == TrialState::Completed;
            let mut highest: Option<(usize, usize)> = None;
            if let Some(metric) = study.metrics().first() {
                for passing in ladder.passings(trial, scored(metric)) {
                    let Some(rung) = rungs.get_mut(passing.rung) else { continue };
                    let (number, score) = (trial.number, passing.value);
                    rung.push(Place { trial: number, score, waits: false, went_on: true });
                    highest = Some((passing.rung, rung.len() - 1));
                }
            }
            match highest {
                Some((rung, place)) => {
                    let place = &mut rungs[rung][place];
                    place.waits = trial.state == TrialState::Paused;
                    let ended = [TrialState::Pruned, TrialState::Failed, TrialState::Cancelled];
                    place.went_on = !place.waits && !ended.contains(&trial.state);
                }
                None if trial.state == TrialState::Paused => stray = stray.or(Some(trial.number)),
                None => {}
            }
        }
        for rung in &mut rungs {
            rung.sort_by(|a, b| a.score.total_cmp(&b.score).then(a.trial.cmp(&b.trial)));
        }
        Self { rungs, stray, completed }
    }

    /// The trial to promote from one of the lowest `below` rungs, the top one first.
    pub(super) fn promotable(&self, below: usize, eta: f64, guard: bool) -> Option<u32> {
        let candidate = |places: &Vec<Place>| {
            let best = places.iter().find(|place| place.waits)?;
            let cut = cut(places, 1.0 / eta)?;
            let gone = places.iter().filter(|place| place.went_on).count();
            let held = guard && (places.len() as f64) < eta * gone as f64;
            (best.score <= cut && !held).then_some(best.trial)
        };
        self.rungs.iter().take(below).rev().find_map(candidate)
    }

    /// What a free worker does: go on with a promotable trial, start one, wait, or, where no trial completed and none
    /// starts any more, go on with the best paused one.
    pub(super) fn next(&self, study: &Study, promotable: Option<u32>, may_start: bool) -> Next {
        if let Some(trial) = promotable.or(self.stray) {
            Next::Resume { trial }
        } else if may_start {
            Next::START
        } else if is_any_live(study) {
            Next::Wait
        } else {
            self.last_resort().map_or(Next::Finished, |trial| Next::Resume { trial })
        }
    }

    /// The best trial that pauses at the top rung where any does, unless a trial has completed.
    fn last_resort(&self) -> Option<u32> {
        let waiting =
            |places: &Vec<Place>| places.iter().find(|place| place.waits).map(|place| place.trial);
        self.rungs.iter().rev().find_map(waiting).filter(|_| !self.completed)
    }
}

/// The quantile of places in order, between two of them by linear interpolation; `None` of fewer than two. In the order
/// of operations of Syne Tune's `Rung.quantile`.
fn cut(places: &[Place], share: f64) -> Option<f64> {
    let last = places.len().checked_sub(1).filter(|last| *last > 0)?;
    let at = last as f64 * share;
    let below = (at as usize).min(last - 1);
    let part = at - below as f64;
    Some(part * places[below + 1].score + (1.0 - part) * places[below].score)
}
