//! What a study's trials say to the estimator: which are good, and their coordinates.
//!
//! After optuna 5.0.0 `_tpe/sampler.py` (`_split_trials`): completed trials by value, then pruned ones by how far they
//! came and their value. Refuses to sort what is not needed: the good ones are selected, and stay in the order of
//! their numbers, as the others do.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use tunesmith_core::{Outcome, Params, SearchSpace, Study, Trial, TrialState, Value};

use super::dimension::Dimension;
use super::{Flavour, MOST_BAD, MOST_RANKED, front};
use crate::history::{is_of_itself, score, scores};

/// The trials of a study, by number, as rows; the dimensions as columns.
#[derive(Debug, Clone)]
pub(super) struct Observations<'a> {
    pub(super) dimensions: Vec<Dimension<'a>>,
    /// A column a dimension: coordinates, NaN where a trial has none.
    pub(super) columns: Vec<Vec<f64>>,
    pub(super) rows: Vec<Row>,
    /// Whether the good ones weigh alike: with several objectives.
    pub(super) is_even: bool,
    /// Whether some trials were left out.
    pub(super) is_thinned: bool,
}

/// One trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row {
    pub(super) is_good: bool,
    /// Whether it ended with something to learn from, and so tells which parameters go together.
    is_finished: bool,
    /// By how much its value is below the best of those that are not good; 0 where that is not known.
    pub(super) gain: f64,
}

/// How a trial counts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Standing {
    /// With its score by the first metric.
    Completed(f64),
    /// With the fraction of its schedule that it reached and its score; 0 and infinity without a report.
    Pruned(f64, f64),
    /// Failed or not ended.
    Other,
}

struct Candidate<'s> {
    trial: &'s Trial,
    standing: Standing,
    is_good: bool,
}

impl<'a> Observations<'a> {
    pub(super) fn of(
        study: &Study,
        dimensions: Vec<Dimension<'a>>,
        flavour: Flavour,
        with_pending: bool,
    ) -> Self {
        let mut candidates = candidates(study, with_pending);
        let before = candidates.len();
        let is_even = study.metrics().len() > 1;
        if is_even {
            let completed =
                |candidate: &Candidate<'_>| matches!(candidate.standing, Standing::Completed(_));
            thin(&mut candidates, MOST_RANKED, completed);
        }
        let finished = candidates.iter().filter(|each| each.standing != Standing::Other).count();
        let objectives = study.metrics().len();
        mark_good(study, &mut candidates, gamma(flavour, finished, objectives));
        let bad =
            |candidate: &Candidate<'_>| !candidate.is_good && candidate.standing != Standing::Other;
        thin(&mut candidates, MOST_BAD, bad);
        let is_thinned = candidates.len() < before;
        let threshold = candidates
            .iter()
            .filter(|candidate| !candidate.is_good)
            .filter_map(|candidate| candidate.standing.score())
            .fold(f64::INFINITY, f64::min);
        let row = |candidate: &Candidate<'_>| Row {
            is_good: candidate.is_good,
            is_finished: candidate.standing != Standing::Other,
            gain: candidate.standing.score().map_or(0.0, |score| threshold - score),
        };
        let rows = candidates.iter().map(row).collect();
        let columns = columns(study.space(), &dimensions, &candidates);
        Self { dimensions, columns, rows, is_even, is_thinned }
    }

    /// The numbers of the good trials where so many are wanted.
    #[cfg(test)]
    pub(super) fn good(study: &Study, wanted: usize) -> Vec<usize> {
        let mut candidates = candidates(study, true);
        mark_good(study, &mut candidates, wanted);
        let good = candidates.iter().filter(|candidate| candidate.is_good);
        good.map(|candidate| candidate.trial.number as usize).collect()
    }

    /// Adds a trial that has just been proposed.
    pub(super) fn push_pending(&mut self, params: &Params) {
        for (dimension, column) in self.dimensions.iter().zip(&mut self.columns) {
            let value = params.get(&dimension.parameter.name);
            column.push(value.map_or(f64::NAN, |value| dimension.coordinate(value)));
        }
        self.rows.push(Row { is_good: false, is_finished: false, gain: 0.0 });
    }

    /// The dimensions that every finished trial has all of or none of, under the pattern of the kinds of trials that
    /// have them: the coarsest partition such that each trial's set of parameters is a union of its parts.
    pub(super) fn groups(&self) -> BTreeMap<Vec<bool>, Vec<usize>> {
        let mut patterns: BTreeSet<Vec<bool>> = BTreeSet::new();
        let is_partial = |column: &Vec<f64>| {
            column.iter().zip(&self.rows).any(|(at, row)| row.is_finished && at.is_nan())
        };
        let partial: Vec<&Vec<f64>> =
            self.columns.iter().filter(|column| is_partial(column)).collect();
        for (index, row) in self.rows.iter().enumerate() {
            if row.is_finished && !partial.is_empty() {
                patterns.insert(partial.iter().map(|column| !column[index].is_nan()).collect());
            }
        }
        let mut next_partial = 0;
        let mut groups: BTreeMap<Vec<bool>, Vec<usize>> = BTreeMap::new();
        for (index, column) in self.columns.iter().enumerate() {
            let mut pattern = vec![true; patterns.len().max(1)];
            if is_partial(column) {
                pattern = patterns.iter().map(|present| present[next_partial]).collect();
                next_partial += 1;
            }
            groups.entry(pattern).or_default().push(index);
        }
        groups
    }
}

impl Standing {
    fn score(self) -> Option<f64> {
        match self {
            Self::Completed(score) => Some(score),
            Self::Pruned(_, score) if score.is_finite() => Some(score),
            _ => None,
        }
    }

    /// Completed before pruned, those that came further first, then the better score.
    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Completed(left), Self::Completed(right)) => left.total_cmp(right),
            (Self::Completed(_), _) => Ordering::Less,
            (_, Self::Completed(_)) => Ordering::Greater,
            (Self::Pruned(far, left), Self::Pruned(other_far, right)) => {
                other_far.total_cmp(far).then(left.total_cmp(right))
            }
            _ => Ordering::Equal,
        }
    }
}

/// The trials that count, by number.
fn candidates(study: &Study, with_pending: bool) -> Vec<Candidate<'_>> {
    let Some(metric) = study.metrics().first() else { return Vec::new() };
    let is_alone = study.metrics().len() == 1;
    let value = |trial: &Trial| {
        let value = match &trial.outcome {
            // A single value of a single metric is that one: its name need not be read.
            Some(Outcome::Completed { values }) if is_alone && values.len() == 1 => {
                values.values().next().copied()
            }
            _ => trial.value(metric),
        };
        value.map(|value| score(metric.goal, value))
    };
    let standing = |trial: &Trial| match trial.state {
        TrialState::Completed => value(trial).map(Standing::Completed),
        TrialState::Pruned => {
            let reached = trial.reports.last().map_or(0.0, |report| report.fraction);
            Some(Standing::Pruned(reached, value(trial).unwrap_or(f64::INFINITY)))
        }
        TrialState::Failed => is_of_itself(trial).then_some(Standing::Other),
        TrialState::Queued | TrialState::Running | TrialState::Paused => {
            with_pending.then_some(Standing::Other)
        }
        TrialState::Cancelled => None,
    };
    let candidate =
        |trial| standing(trial).map(|standing| Candidate { trial, standing, is_good: false });
    let mut found = Vec::with_capacity(study.trials().len());
    found.extend(study.trials().iter().filter_map(candidate));
    found
}

/// Keeps `most` of those that are meant, evenly over time, and all others.
fn thin<'s>(
    candidates: &mut Vec<Candidate<'s>>,
    most: usize,
    meant: impl Fn(&Candidate<'s>) -> bool,
) {
    let count = candidates.iter().filter(|candidate| meant(candidate)).count();
    if count <= most {
        return;
    }
    let mut seen = 0;
    candidates.retain(|candidate| {
        if !meant(candidate) {
            return true;
        }
        seen += 1;
        // The newest is always among them.
        seen * most / count > (seen - 1) * most / count
    });
}

/// How many of `finished` trials are good.
pub(super) fn gamma(flavour: Flavour, finished: usize, objectives: usize) -> usize {
    // Sums of ceilings as Python has them: in floating point.
    let finished = finished as f64;
    let share = match flavour {
        Flavour::Optuna if objectives > 1 => return (0.1 * finished).ceil() as usize,
        Flavour::Optuna => 0.1 * finished,
        Flavour::Watanabe => 0.15 * finished,
        Flavour::HyperOpt => 0.25 * finished.sqrt(),
    };
    (share.ceil() as usize).min(25)
}

/// Marks as many as are wanted, or all.
fn mark_good(study: &Study, candidates: &mut [Candidate<'_>], wanted: usize) {
    let mut finished: Vec<usize> = (0..candidates.len())
        .filter(|index| candidates[*index].standing != Standing::Other)
        .collect();
    let objectives = study.metrics().len();
    let mut wanted = wanted.min(finished.len());
    let is_completed =
        |index: &usize| matches!(candidates[*index].standing, Standing::Completed(_));
    if objectives > 1 {
        let completed: Vec<usize> =
            finished.iter().copied().filter(|index| is_completed(index)).collect();
        let of_completed = wanted.min(completed.len());
        let points: Vec<Vec<f64>> = completed
            .iter()
            .map(|index| scores(candidates[*index].trial, study.metrics()).unwrap_or_default())
            .collect();
        finished.retain(|index| !is_completed(index));
        for chosen in front::best(&points, of_completed) {
            candidates[completed[chosen]].is_good = true;
        }
        wanted -= of_completed;
    }
    if (1..finished.len()).contains(&wanted) {
        finished.select_nth_unstable_by(wanted, |left, right| {
            candidates[*left].standing.order(&candidates[*right].standing).then(left.cmp(right))
        });
    }
    for index in finished.into_iter().take(wanted) {
        candidates[index].is_good = true;
    }
}

fn columns(
    space: &SearchSpace,
    dimensions: &[Dimension<'_>],
    candidates: &[Candidate<'_>],
) -> Vec<Vec<f64>> {
    let places = Places::of(space, dimensions);
    let mut columns = vec![vec![f64::NAN; candidates.len()]; dimensions.len()];
    for (row, candidate) in candidates.iter().enumerate() {
        let trial = candidate.trial;
        places.each(&trial.params, |index, value| {
            columns[index][row] = dimensions[index].coordinate(value);
        });
        if !trial.is_finished() {
            places.each(&trial.proposals, |index, value| {
                columns[index][row] = dimensions[index].coordinate(value);
            });
        }
    }
    columns
}

/// Which dimension each name stands for, in the order of the names, which is that of params.
struct Places<'p> {
    names: Vec<(&'p str, Option<usize>)>,
}

impl<'p> Places<'p> {
    /// Of every parameter of the space, and of dimensions that are not in it yet.
    fn of(space: &'p SearchSpace, dimensions: &'p [Dimension<'_>]) -> Self {
        let declared = space.parameters().iter().map(|parameter| (parameter.name.as_str(), None));
        let mut names: BTreeMap<&str, Option<usize>> = declared.collect();
        for (index, dimension) in dimensions.iter().enumerate() {
            names.insert(&dimension.parameter.name, Some(index));
        }
        Self { names: names.into_iter().collect() }
    }

    /// Calls with the dimension of each value that has one.
    fn each(&self, params: &Params, mut call: impl FnMut(usize, &Value)) {
        if params.len() == self.names.len() {
            // Params have names of the space alone, so as many are all of them, in the same order. Names lie
            // scattered in memory; not reading them halves the time of an ask.
            for ((known, place), (name, value)) in self.names.iter().zip(params.iter()) {
                debug_assert_eq!(*known, name, "params have names of the space");
                place.iter().for_each(|index| call(*index, value));
            }
            return;
        }
        let mut waiting = self.names.iter().peekable();
        for (name, value) in params.iter() {
            while waiting.next_if(|(known, _)| *known < name).is_some() {}
            if let Some((_, Some(index))) = waiting.next_if(|(known, _)| *known == name) {
                call(*index, value);
            }
        }
    }
}
