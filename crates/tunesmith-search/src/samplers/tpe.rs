//! The tree-structured Parzen estimator: a density `l` of the good trials, a density `g` of the others, and of some
//! draws from `l` the one with the greatest `l/g` (Bergstra, Bardenet, Bengio and Kégl, "Algorithms for
//! hyper-parameter optimization", NeurIPS 2011).
//!
//! The default matches optuna 5.0.0's `TPESampler`: ten random trials, 24 candidates, the parameters jointly for one
//! objective and one by one for several, running trials among the bad. `flavour: watanabe` takes the settings of
//! Watanabe, "Tree-structured Parzen estimator: understanding its algorithm components" (2023), as OptunaHub's
//! `tpe_tutorial` has them; `flavour: hyperopt` those of HyperOpt 0.3.0.
//!
//! Deviations. A trial that failed of itself counts among the bad ones, where Optuna forgets it. Queued and paused
//! trials, and the earlier ones of a batch, count as running ones. A pruned trial stands by the fraction of its schedule
//! that it reached, not by its step. Equal values keep the order of their trials in every sort. An ordered choice
//! is a lattice. A declared prior takes the place of the wide normal (of the even row, for a choice) in the mixtures;
//! an unbounded range measures its bandwidths on three deviations of its prior. HyperOpt's lattices have no half steps
//! at their ends; here they do.
//!
//! Of more than [`MOST_BAD`] finished bad trials, as many are taken, evenly over time; of more than [`MOST_RANKED`]
//! completed trials with several objectives, likewise, before they are ranked. Refuses to learn from cancelled trials.

mod dimension;
mod divisors;
mod front;
mod mixture;
mod observations;

use tunesmith_core::{
    Parameter, Params, Rng, Sampler, SearchSpace, Study, Suggestion, Trial, TrialState, Value,
};

use crate::options::{OptionKind, OptionSpec, Options};
use dimension::Dimension;
use mixture::Mixture;
use observations::Observations;

/// The most finished trials that `g` is made of. From the hundredth on its kernels have their least width, so that
/// more of them tell little more.
pub(crate) const MOST_BAD: usize = 5_000;

/// The most completed trials that are ranked by several objectives.
pub(crate) const MOST_RANKED: usize = 2_000;

/// What the sampler takes.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "flavour",
        OptionKind::Word(&["optuna", "watanabe", "hyperopt"]),
        "whose constants: optuna (5.0.0, where left out), watanabe (2023) or hyperopt (0.3.0)",
    ),
    OptionSpec::new(
        "n_startup",
        OptionKind::Whole { least: 0, most: 1_000_000 },
        "trials drawn from the priors before the model starts: 10 where left out, hyperopt 20",
    ),
    OptionSpec::new(
        "n_candidates",
        OptionKind::Whole { least: 1, most: 10_000 },
        "draws from the density of the good trials to choose from: 24 where left out",
    ),
    OptionSpec::new(
        "multivariate",
        OptionKind::Word(&["auto", "always", "never"]),
        "whether parameters are modelled jointly: auto (where left out) for one objective and not for several; \
         watanabe always; hyperopt never",
    ),
    OptionSpec::new(
        "group",
        OptionKind::Bool,
        "true: parameters that past trials always had together are modelled jointly, for conditional spaces; false \
         (where left out): those that every trial had jointly, the others one by one",
    ),
    OptionSpec::new(
        "constant_liar",
        OptionKind::Bool,
        "true (where left out): trials that have not ended count among the bad ones; false: they are not looked at",
    ),
];

/// Whose constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    Optuna,
    Watanabe,
    HyperOpt,
}

/// Proposes where good trials are dense and bad ones are not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tpe {
    flavour: Flavour,
    startup: usize,
    candidates: usize,
    /// `None`: as the flavour has it.
    multivariate: Option<bool>,
    group: bool,
    constant_liar: bool,
}

impl Tpe {
    /// `None` where `group` is asked for without `multivariate`.
    pub(crate) fn new(options: Options<'_>) -> Option<Self> {
        let flavour = match options.word("flavour", "optuna") {
            "watanabe" => Flavour::Watanabe,
            "hyperopt" => Flavour::HyperOpt,
            _ => Flavour::Optuna,
        };
        let multivariate = match options.word("multivariate", "auto") {
            "always" => Some(true),
            "never" => Some(false),
            _ => None,
        };
        let group = options.bool("group", false);
        let startup = if flavour == Flavour::HyperOpt { 20 } else { 10 };
        (!group || multivariate != Some(false)).then(|| Self {
            flavour,
            startup: options.whole("n_startup", startup),
            candidates: options.whole("n_candidates", 24),
            multivariate,
            group,
            constant_liar: options.bool("constant_liar", true),
        })
    }

    fn is_multivariate(&self, objectives: usize) -> bool {
        let of_flavour = match self.flavour {
            Flavour::Optuna => objectives == 1,
            Flavour::Watanabe => true,
            Flavour::HyperOpt => false,
        };
        self.multivariate.unwrap_or(of_flavour || self.group)
    }

    /// Why there is no model yet.
    fn too_early(&self, study: &Study) -> Option<String> {
        let finished = study.count(TrialState::Completed) + study.count(TrialState::Pruned);
        (finished < self.startup.max(1))
            .then(|| format!("{finished} of {} first trials have ended", self.startup.max(1)))
    }

    /// The sets of dimensions that are modelled jointly.
    fn blocks(&self, observations: &Observations<'_>, objectives: usize) -> Vec<Vec<usize>> {
        let all = 0..observations.dimensions.len();
        if !self.is_multivariate(objectives) {
            return all.map(|index| vec![index]).collect();
        }
        let groups = observations.groups();
        if self.group {
            return groups.into_values().collect();
        }
        let split = |(pattern, group): (Vec<bool>, Vec<usize>)| {
            if pattern.iter().all(|present| *present) {
                vec![group]
            } else {
                group.into_iter().map(|index| vec![index]).collect()
            }
        };
        groups.into_iter().flat_map(split).collect()
    }

    /// One suggestion.
    fn propose(
        &self,
        space: &SearchSpace,
        observations: &Observations<'_>,
        blocks: &[Vec<usize>],
        rng: &Rng,
    ) -> Suggestion {
        let mut drawn: Vec<Option<Value>> = vec![None; observations.dimensions.len()];
        let mut unseen = Vec::new();
        let params = space.complete(|parameter| {
            let is_it = |dimension: &Dimension<'_>| dimension.parameter.name == parameter.name;
            let Some(index) = observations.dimensions.iter().position(is_it) else {
                return parameter.quantile(0.5).unwrap_or(Value::Null);
            };
            if drawn[index].is_none()
                && let Some(block) = blocks.iter().find(|block| block.contains(&index))
            {
                let mut rng = rng.branch_named(&observations.dimensions[block[0]].parameter.name);
                for (member, value) in block.iter().zip(self.draw(observations, block, &mut rng)) {
                    drawn[*member] = Some(value);
                }
            }
            if observations.columns[index].iter().all(|at| at.is_nan()) {
                unseen.push(parameter.name.as_str().to_owned());
            }
            drawn[index].take().unwrap_or(Value::Null)
        });
        let mut note = Params::from([("model", Value::from("tpe"))]);
        if !unseen.is_empty() {
            note.insert("without_history", Value::Text(unseen.join(" ")));
        }
        if observations.is_thinned {
            note.insert("trials", Value::Int(observations.rows.len() as i64));
        }
        Suggestion { params, note }
    }

    /// Values for the dimensions of a block, in its order.
    fn draw(&self, observations: &Observations<'_>, block: &[usize], rng: &mut Rng) -> Vec<Value> {
        let good = Mixture::of(observations, block, true, self.flavour);
        let bad = Mixture::of(observations, block, false, self.flavour);
        let candidates: Vec<Vec<f64>> = (0..self.candidates).map(|_| good.sample(rng)).collect();
        let (above, below) = (bad.log_densities(&candidates), good.log_densities(&candidates));
        let mut best = (f64::NEG_INFINITY, 0);
        for (index, (below, above)) in below.iter().zip(&above).enumerate() {
            let gain = below - above;
            if gain > best.0 {
                best = (gain, index);
            }
        }
        let chosen = &candidates[best.1];
        block
            .iter()
            .zip(chosen)
            .map(|(index, at)| observations.dimensions[*index].value(*at))
            .collect()
    }
}

impl Sampler for Tpe {
    fn suggest(&self, study: &Study, count: u32, rng: &Rng) -> Vec<Suggestion> {
        let space = study.space();
        let numbers = (0..u64::from(count)).map(|index| u64::from(study.next_number()) + index);
        if let Some(why) = self.too_early(study) {
            let note = Params::from([("model", Value::from("random")), ("why", Value::Text(why))]);
            let draw = |number| Suggestion {
                params: space.sample(&rng.branch(number)),
                note: note.clone(),
            };
            return numbers.map(draw).collect();
        }
        let dimensions: Vec<_> = space.searched().filter_map(Dimension::of).collect();
        let mut observations =
            Observations::of(study, dimensions, self.flavour, self.constant_liar);
        let blocks = self.blocks(&observations, study.metrics().len());
        let mut suggestions = Vec::new();
        for number in numbers {
            let suggestion = self.propose(space, &observations, &blocks, &rng.branch(number));
            if self.constant_liar {
                observations.push_pending(&suggestion.params);
            }
            suggestions.push(suggestion);
        }
        suggestions
    }

    fn suggest_parameter(
        &self,
        study: &Study,
        _trial: &Trial,
        parameter: &Parameter,
        rng: &mut Rng,
    ) -> Value {
        let from_prior = |rng: &mut Rng| parameter.quantile(rng.open_uniform());
        if self.too_early(study).is_some() {
            return from_prior(rng).unwrap_or(Value::Null);
        }
        let Some(dimension) = Dimension::of(parameter) else {
            return from_prior(rng).unwrap_or(Value::Null);
        };
        let observations =
            Observations::of(study, vec![dimension], self.flavour, self.constant_liar);
        self.draw(&observations, &[0], rng).pop().unwrap_or(Value::Null)
    }
}

#[cfg(test)]
mod tests;
