//! Trials as a population: which is fitter, and the genes that methods mix and mutate.
//!
//! A gene is a position in [0, 1] on its parameter's own scale, as [`Parameter::to_unit`] has it: for a choice the
//! middle of its place. An inactive parameter has none. Refuses to forget failures: they are the least fit.

use std::cmp::Ordering;

use tunesmith_core::{
    Domain, Metric, Origin, Parameter, Params, Rng, SearchSpace, Suggestion, Trial, TrialState,
    Value,
};

use crate::history::{is_of_itself, score};

/// How fit a finished trial is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fitness {
    /// It ran to its end with this score; less is better.
    Completed(f64),
    /// It was ended early with this score: less fit than what completed.
    Pruned(f64),
    /// It failed: less fit than everything.
    Failed,
}

impl Fitness {
    /// By the first metric; `None` where the trial tells nothing: it has not ended, was cancelled, or its workers died.
    pub(crate) fn of(trial: &Trial, metrics: &[Metric]) -> Option<Self> {
        let value = || {
            let metric = metrics.first()?;
            trial.value(metric).map(|value| score(metric.goal, value))
        };
        match trial.state {
            TrialState::Completed => Some(value().map_or(Self::Failed, Self::Completed)),
            TrialState::Pruned => Some(value().map_or(Self::Failed, Self::Pruned)),
            TrialState::Failed if is_of_itself(trial) => Some(Self::Failed),
            _ => None,
        }
    }

    /// The score, where there is one.
    pub(crate) fn score(self) -> Option<f64> {
        match self {
            Self::Completed(score) | Self::Pruned(score) => Some(score),
            Self::Failed => None,
        }
    }

    /// The fitter first.
    pub(crate) fn compare(self, other: Self) -> Ordering {
        let tier = |fitness: Self| match fitness {
            Self::Completed(_) => 0,
            Self::Pruned(_) => 1,
            Self::Failed => 2,
        };
        let scores = (self.score().unwrap_or(0.0), other.score().unwrap_or(0.0));
        tier(self).cmp(&tier(other)).then_with(|| scores.0.total_cmp(&scores.1))
    }
}

/// The `most` fittest trials that scored, the fittest first, equals by number.
pub(crate) fn fittest<'a>(trials: &'a [Trial], metrics: &[Metric], most: usize) -> Vec<&'a Trial> {
    let scored = |trial: &'a Trial| {
        let fitness = Fitness::of(trial, metrics)?;
        fitness.score().map(|_| (fitness, trial))
    };
    let mut found: Vec<(Fitness, &Trial)> = trials.iter().filter_map(scored).collect();
    let order = |left: &(Fitness, &Trial), right: &(Fitness, &Trial)| {
        left.0.compare(right.0).then(left.1.number.cmp(&right.1.number))
    };
    if found.len() > most && most > 0 {
        found.select_nth_unstable_by(most - 1, order);
        found.truncate(most);
    }
    found.sort_by(order);
    found.into_iter().map(|(_, trial)| trial).collect()
}

/// What the sampler remembers of a trial; `None` where it did not propose it.
pub(crate) fn note(trial: &Trial) -> Option<&Params> {
    match &trial.origin {
        Origin::Sampler { note, .. } => Some(note),
        Origin::Enqueued | Origin::Replica { .. } => None,
    }
}

/// What was tried or is being tried: the trials of a study and the earlier suggestions of a batch.
#[derive(Debug)]
pub(crate) struct Tried<'a> {
    trials: &'a [Trial],
    batch: Vec<Params>,
}

impl<'a> Tried<'a> {
    pub(crate) fn new(trials: &'a [Trial]) -> Self {
        Self { trials, batch: Vec::new() }
    }

    pub(crate) fn contains(&self, params: &Params) -> bool {
        self.batch.contains(params) || self.trials.iter().rev().any(|trial| trial.params == *params)
    }

    /// Takes note of a suggestion.
    pub(crate) fn add(&mut self, params: &Params) {
        self.batch.push(params.clone());
    }
}

/// A suggestion drawn from the priors, with the reason in its note.
pub(crate) fn drawn(space: &SearchSpace, rng: &Rng, why: String) -> Suggestion {
    let note = Params::from([("model", Value::from("random")), ("why", Value::Text(why))]);
    Suggestion { params: space.sample(rng), note }
}

/// The genes of params: one for each parameter, `None` where it is absent or its value is not legal any more.
pub(crate) fn genes(parameters: &[&Parameter], params: &Params) -> Vec<Option<f64>> {
    let gene = |parameter: &&Parameter| {
        params.get(&parameter.name).and_then(|value| parameter.to_unit(value))
    };
    parameters.iter().map(gene).collect()
}

/// The params of genes, one for each parameter: completed by ties, without what is inactive.
pub(crate) fn params(space: &SearchSpace, parameters: &[&Parameter], genes: &[f64]) -> Params {
    space.complete(|parameter| {
        let index = parameters.iter().position(|known| known.name == parameter.name);
        let gene = index.and_then(|index| genes.get(index));
        gene.and_then(|gene| parameter.from_unit(within(parameter, *gene))).unwrap_or(Value::Null)
    })
}

/// A gene from the parameter's prior.
pub(crate) fn draw(parameter: &Parameter, rng: &mut Rng) -> f64 {
    let value = parameter.quantile(rng.open_uniform());
    value.and_then(|value| parameter.to_unit(&value)).unwrap_or(0.5)
}

/// A gene kept inside: away from the ends of an unbounded range, which are infinite.
pub(crate) fn within(parameter: &Parameter, gene: f64) -> f64 {
    // Four standard deviations of the prior, in shares of its mass.
    const EDGE: f64 = 3e-5;
    let edge = match parameter.domain() {
        Some(Domain::Float { low, high, .. }) if !(low.is_finite() && high.is_finite()) => EDGE,
        _ => 0.0,
    };
    gene.clamp(edge, 1.0 - edge)
}

/// A gene moved by a normal step of this deviation, mirrored at the ends; for an unordered choice another choice,
/// each alike.
pub(crate) fn mutated(parameter: &Parameter, gene: f64, deviation: f64, rng: &mut Rng) -> f64 {
    let count = parameter.domain().and_then(Domain::cardinality);
    match (is_unordered(parameter), count) {
        (true, None | Some(0 | 1)) => gene,
        (true, Some(count)) => {
            let index = (gene * count as f64) as u64;
            let other = (index + 1 + rng.below(count - 1)) % count;
            (other as f64 + 0.5) / count as f64
        }
        (false, count) => {
            // On a short lattice a step reaches the neighbour.
            let cell = count.map_or(0.0, |count| 1.0 / count.max(1) as f64);
            mirrored(gene + deviation.max(cell) * rng.normal())
        }
    }
}

/// A coordinate outside of [0, 1] mirrored at the ends until it lies within.
pub(crate) fn mirrored(at: f64) -> f64 {
    let turns = at.rem_euclid(2.0);
    if turns > 1.0 { 2.0 - turns } else { turns }
}

/// Whether its values have no order.
pub(crate) fn is_unordered(parameter: &Parameter) -> bool {
    matches!(parameter.domain(), Some(Domain::Categorical { ordered: false, .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tunesmith_core::Prior;

    #[test]
    fn the_fitter_come_first() {
        let mut all = [
            Fitness::Failed,
            Fitness::Pruned(-5.0),
            Fitness::Completed(2.0),
            Fitness::Completed(-1.0),
            Fitness::Pruned(-9.0),
        ];
        all.sort_by(|a, b| a.compare(*b));
        let scores: Vec<_> = all.iter().map(|fitness| fitness.score()).collect();
        assert_eq!(scores, [Some(-1.0), Some(2.0), Some(-9.0), Some(-5.0), None]);
    }

    #[test]
    fn genes_come_back_and_stay_finite() {
        let all = Domain::float(f64::NEG_INFINITY, f64::INFINITY);
        let space = SearchSpace::new(vec![
            Parameter::new("kind", Domain::categorical(["a", "b", "c"])),
            Parameter::new("shift", all).with_prior(Prior::Normal { mu: 0.0, sigma: 1.0 }),
        ])
        .expect("a space");
        let parameters: Vec<&Parameter> = space.searched().collect();
        let made = params(&space, &parameters, &[0.5, 1.0]);
        assert_eq!(made.get("kind"), Some(&Value::from("b")));
        let shift = made.get("shift").and_then(Value::as_f64).expect("a number");
        assert!((shift - 4.0).abs() < 0.1, "{shift}");
        let back = genes(&parameters, &made);
        assert_eq!(back[0], Some(0.5));
        assert!((back[1].expect("legal") - (1.0 - 3e-5)).abs() < 1e-9);
        assert_eq!(genes(&parameters, &Params::from([("kind", "d")])), [None, None]);
    }

    #[test]
    fn mirrors_fold() {
        for (at, folded) in [(0.25, 0.25), (-0.25, 0.25), (1.25, 0.75), (2.25, 0.25), (-1.5, 0.5)] {
            assert_eq!(mirrored(at), folded, "{at}");
        }
    }
}
