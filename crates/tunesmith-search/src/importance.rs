//! Which hyperparameters mattered: how much of a study's result hangs on each, which way each acts, and whether the
//! trials show it at all.
//!
//! Two measures: PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023), which asks what sets the best trials apart, and
//! fANOVA (Hutter, Hoos and Leyton-Brown, ICML 2014), which asks for the share of the metric's variance. Both look at
//! completed trials of the search alone: a pruned one was measured earlier in its schedule, and runs on fresh seeds
//! repeat the best. Refuses to rank what noise explains as well: a permutation
//! test says so beside every number.

mod effect;
mod fanova;
mod grid;
mod ped_anova;
mod significance;

use thiserror::Error;
use tunesmith_core::{Goal, Metric, Rng, Study, Trial, TrialState, Value};

pub use effect::{Bin, Effect, Shape};

use crate::history::score;

/// The fewest completed trials of which anything can be said.
pub const LEAST_TRIALS: usize = 4;
/// An effect counts as shown where chance alone would give one as strong at most this often.
pub const SIGNIFICANCE: f64 = 0.05;

/// How importance is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The Pearson divergence between the best trials and all of them, of each parameter by itself.
    PedAnova,
    /// The share of the variance that a random forest puts on each parameter by itself.
    Fanova,
}

/// Why there is nothing to say.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ImportanceError {
    /// Too few trials.
    #[error(
        "{completed} completed trials say nothing of importance: at least {LEAST_TRIALS} are needed, and 20 to say much"
    )]
    TooFew {
        /// How many there are.
        completed: usize,
    },
    /// Every trial has the same value.
    #[error(
        "all {completed} completed trials have the same {metric}: no hyperparameter made a difference"
    )]
    AllEqual {
        /// How many there are.
        completed: usize,
        /// The metric.
        metric: String,
    },
    /// Nothing was searched.
    #[error("no parameter of the study has more than one value; there is nothing to compare")]
    NothingSearched,
}

/// Which hyperparameters mattered.
#[derive(Debug, Clone, PartialEq)]
pub struct Importance {
    /// How it was measured.
    pub method: Method,
    /// The metric that it is about.
    pub metric: Metric,
    /// How many trials were looked at.
    pub trials: usize,
    /// Every searched parameter, the most important first.
    pub parameters: Vec<ParameterImportance>,
}

/// What is known of one parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterImportance {
    /// Its name.
    pub name: String,
    /// In how many trials it was active.
    pub trials: usize,
    /// The method's own measure: PED-ANOVA's divergence, or fANOVA's share of the variance. At least 0.
    pub value: f64,
    /// Its part of the sum over all parameters, 0 to 1.
    pub share: f64,
    /// Where 90 % of the shares lie when the trials are drawn again with replacement, or from tree to tree; widened to
    /// hold the share itself.
    pub interval: (f64, f64),
    /// How often chance alone would show an effect as strong, corrected for the number of parameters (Holm).
    pub p_value: f64,
    /// Which way it acts, over the trials in which it was active.
    pub effect: Effect,
}

impl ParameterImportance {
    /// Whether the trials show an effect.
    pub fn is_shown(&self) -> bool {
        self.p_value <= SIGNIFICANCE
    }
}

/// The completed trials, with values turned so that less is better.
#[derive(Debug)]
pub(crate) struct Evidence<'a> {
    trials: Vec<&'a Trial>,
    scores: Vec<f64>,
    goal: Goal,
}

impl<'a> Evidence<'a> {
    fn of(study: &'a Study, metric: &Metric) -> Self {
        let completed =
            study.in_state(TrialState::Completed).filter(|trial| !study.is_replica(trial));
        let (trials, scores) = completed
            .filter_map(|trial| Some((trial, score(metric.goal, trial.value(metric)?))))
            .unzip();
        Self { trials, scores, goal: metric.goal }
    }

    fn value(&self, index: usize, name: &str) -> Option<&'a Value> {
        self.trials.get(index).and_then(|trial| trial.params.get(name))
    }
}

/// Measures what mattered for one of the study's metrics. The same study gives the same numbers everywhere.
///
/// # Errors
/// Where there are too few trials, all values are equal, or nothing was searched.
pub fn importance(
    study: &Study,
    metric: &Metric,
    method: Method,
) -> Result<Importance, ImportanceError> {
    let evidence = Evidence::of(study, metric);
    let completed = evidence.trials.len();
    if completed < LEAST_TRIALS {
        return Err(ImportanceError::TooFew { completed });
    }
    if evidence.scores.iter().all(|score| *score == evidence.scores[0]) {
        return Err(ImportanceError::AllEqual { completed, metric: metric.name.clone() });
    }
    let axes: Vec<_> = study.space().searched().filter_map(grid::Axis::of).collect();
    if axes.is_empty() {
        return Err(ImportanceError::NothingSearched);
    }
    let rng = Rng::at(study.seed(), 0, "importance");
    let measured = match method {
        Method::PedAnova => ped_anova::measure(&axes, &evidence, &rng),
        Method::Fanova => {
            let names: Vec<&str> = axes.iter().map(|axis| axis.parameter.name.as_str()).collect();
            fanova::measure(&names, study.space(), &evidence, &rng)
        }
    };
    let effects: Vec<Effect> =
        axes.iter().map(|axis| effect::of(axis.parameter, &evidence, &rng)).collect();
    let p_values =
        significance::holm(&effects.iter().map(|effect| effect.p_value).collect::<Vec<_>>());
    let mut parameters: Vec<_> = axes
        .iter()
        .zip(measured)
        .zip(effects.into_iter().zip(p_values))
        .map(|((axis, measured), (effect, p_value))| ParameterImportance {
            name: axis.parameter.name.clone(),
            trials: effect.bins.iter().map(|bin| bin.trials).sum(),
            value: measured.value,
            share: measured.share,
            interval: measured.interval,
            p_value,
            effect,
        })
        .collect();
    parameters.sort_by(|left, right| right.value.total_cmp(&left.value));
    Ok(Importance { method, metric: metric.clone(), trials: completed, parameters })
}

/// The importance of one parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    value: f64,
    share: f64,
    interval: (f64, f64),
}

/// From values and their repetitions, one list a repetition, to shares with intervals.
fn measured(values: &[f64], repeated: &[Vec<f64>]) -> Vec<Measured> {
    let shares = shares(values);
    let repeated: Vec<Vec<f64>> = repeated.iter().map(|values| self::shares(values)).collect();
    values
        .iter()
        .zip(&shares)
        .enumerate()
        .map(|(index, (value, share))| {
            let mut of_one: Vec<f64> = repeated.iter().map(|shares| shares[index]).collect();
            let (low, high) = significance::middle_of(&mut of_one).unwrap_or((*share, *share));
            Measured { value: *value, share: *share, interval: (low.min(*share), high.max(*share)) }
        })
        .collect()
}

/// The parts of the sum; all alike where it is 0.
fn shares(values: &[f64]) -> Vec<f64> {
    let sum: f64 = values.iter().sum();
    let even = 1.0 / values.len() as f64;
    values.iter().map(|value| if sum > 0.0 { value / sum } else { even }).collect()
}

#[cfg(test)]
mod tests;
