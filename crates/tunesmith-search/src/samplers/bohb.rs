//! The sampler of BOHB: kernel densities of the good and the bad trials at the largest budget that has enough of them.
//!
//! Falkner, Klein and Hutter, "BOHB" (ICML 2018), as hpbandster 0.7.4 has it (`config_generators/bohb.py`): of the trials
//! that passed a rung the best 15 %, and at least d + 1, are the good ones, the others the bad; each set needs d + 1.
//! One proposal in three is a draw from the priors. Else 64 candidates are drawn around good ones, and the one with the
//! greatest ratio of the densities is taken. Bandwidths are 1.06 s n^(-1 / (4 + d)), at least 1e-3, and three times that
//! for drawing; a choice changes with the chance of its bandwidth (Aitchison and Aitken's kernel).
//!
//! Budgets are the rungs of the study's scheduler, by its options `eta` and `grace`, and the end. Departures: an
//! inactive parameter is drawn where it has no value; a choice's kernel counts its domain's values, not those seen; a
//! failed trial is bad at every budget. Refuses to look at objectives beyond the first, and at trials that run.

use tunesmith_core::probability::TruncatedNormal;
use tunesmith_core::{
    Domain, Metric, Parameter, Params, Rng, Sampler, Study, StudyConfig, Suggestion, Trial,
    TrialState, Value,
};

use crate::history::{is_of_itself, score};
use crate::options::Options;
use crate::population::{draw, drawn, genes, is_unordered, params};
use crate::schedulers::hyperband::hyperband;
use crate::schedulers::rungs::{Ladder, scored, searched};

/// The share of good trials.
const GOOD: f64 = 0.15;
/// Candidates of a proposal.
const CANDIDATES: u64 = 64;
/// The share of draws from the priors.
const RANDOM: f64 = 1.0 / 3.0;
/// How much wider candidates are drawn than the density is.
const WIDER: f64 = 3.0;
const LEAST_BANDWIDTH: f64 = 1e-3;
/// Densities below this count as this.
const LEAST_DENSITY: f64 = 1e-32;

/// Proposes where good trials are dense and bad ones are not.
#[derive(Debug, Clone)]
pub(crate) struct Bohb {
    ladder: Ladder,
}

/// A sum of kernels around points of the unit cube.
struct Density<'a> {
    parameters: &'a [&'a Parameter],
    points: Vec<Vec<f64>>,
    bandwidths: Vec<f64>,
}

impl Bohb {
    /// With the rungs of the configuration's scheduler.
    pub(crate) fn new(config: &StudyConfig) -> Self {
        let brackets = hyperband(Options(&config.scheduler.options));
        let longest = brackets.longest().map(|bracket| bracket.ladder.clone());
        Self { ladder: longest.unwrap_or_else(|| Ladder::every(1.0)) }
    }

    /// The trials at the largest budget that suffices, the best first, and which budget it is.
    fn observed<'a>(&self, study: &'a Study, least: usize) -> Option<(usize, Vec<&'a Trial>)> {
        let metric = study.metrics().first()?;
        let failed = searched(study)
            .filter(|trial| trial.state == TrialState::Failed && is_of_itself(trial))
            .map(|trial| (f64::INFINITY, trial));
        (0..=self.ladder.len()).rev().find_map(|budget| {
            let at = |trial| Some((self.score(trial, metric, budget)?, trial));
            let mut found: Vec<(f64, &Trial)> =
                searched(study).filter_map(at).chain(failed.clone()).collect();
            found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.number.cmp(&b.1.number)));
            let trials = || found.iter().map(|(_, trial)| *trial).collect();
            (found.len() >= least).then(|| (budget, trials()))
        })
    }

    /// What the trial had at a budget: a rung, or beyond the last of them the end. A failed trial's is elsewhere.
    fn score(&self, trial: &Trial, metric: &Metric, budget: usize) -> Option<f64> {
        match trial.state {
            TrialState::Failed => None,
            TrialState::Completed if budget == self.ladder.len() => {
                trial.value(metric).map(|value| score(metric.goal, value))
            }
            _ => {
                let mut passings = self.ladder.passings(trial, scored(metric));
                passings.find(|passing| passing.rung == budget).map(|passing| passing.value)
            }
        }
    }

    fn suggest_one(&self, study: &Study, model: &Model<'_>, rng: &Rng) -> Suggestion {
        let random = |why: &str| drawn(study.space(), &rng.branch_named("random"), why.to_owned());
        let Some((good, bad, budget)) = &model.densities else {
            return random("too few trials at any budget");
        };
        if rng.branch_named("share").uniform() < RANDOM {
            return random("one in three");
        }
        let candidate = |index: u64| {
            let genes = good.draw(&mut rng.branch(index));
            let ratio = good.at(&genes).max(LEAST_DENSITY) / bad.at(&genes).max(LEAST_DENSITY);
            (ratio, genes)
        };
        let best = (0..CANDIDATES).map(candidate).reduce(
            |best, new| {
                if new.0 > best.0 { new } else { best }
            },
        );
        let Some((_, genes)) = best else { return random("no candidate") };
        let fraction = self.ladder.fractions().get(*budget).copied().unwrap_or(1.0);
        let note =
            Params::from([("model", Value::from("bohb")), ("budget", Value::Float(fraction))]);
        Suggestion { params: params(study.space(), model.parameters, &genes), note }
    }
}

/// The densities of good and bad trials and their budget, where there are enough.
struct Model<'a> {
    parameters: &'a [&'a Parameter],
    densities: Option<(Density<'a>, Density<'a>, usize)>,
}

impl<'a> Model<'a> {
    fn of(bohb: &Bohb, study: &Study, parameters: &'a [&'a Parameter], rng: &Rng) -> Self {
        let least = parameters.len() + 1;
        let observed = bohb.observed(study, 2 * least).map(|(budget, trials)| {
            let good = ((trials.len() as f64 * GOOD) as usize).max(least);
            let density = |trials: &[&Trial]| {
                let point = |trial: &&Trial| {
                    let mut missing = rng.branch_named("inactive").branch(trial.number.into());
                    let genes = genes(parameters, &trial.params).into_iter().zip(parameters);
                    genes
                        .map(|(gene, one)| gene.unwrap_or_else(|| draw(one, &mut missing)))
                        .collect()
                };
                Density::of(parameters, trials.iter().map(point).collect())
            };
            (density(&trials[..good]), density(&trials[good..]), budget)
        });
        Self { parameters, densities: observed }
    }
}

impl<'a> Density<'a> {
    /// Silverman's rule, as statsmodels' `normal_reference`. Of a choice the deviation is of its index.
    fn of(parameters: &'a [&'a Parameter], points: Vec<Vec<f64>>) -> Self {
        let count = points.len() as f64;
        let shrink = libm::pow(count, -1.0 / (4.0 + parameters.len() as f64));
        let bandwidth = |(index, parameter): (usize, &&Parameter)| {
            let scale = choices(parameter).map_or(1.0, |choices| choices as f64);
            let at = || points.iter().map(|point| point[index] * scale);
            let mean = at().sum::<f64>() / count;
            let variance = at().map(|at| (at - mean) * (at - mean)).sum::<f64>() / count;
            let most = if choices(parameter).is_some() { 1.0 } else { f64::INFINITY };
            (1.06 * variance.sqrt() * shrink).clamp(LEAST_BANDWIDTH, most)
        };
        let bandwidths = parameters.iter().enumerate().map(bandwidth).collect();
        Self { parameters, points, bandwidths }
    }

    fn at(&self, genes: &[f64]) -> f64 {
        let kernel = |point: &Vec<f64>| -> f64 {
            let each = self.parameters.iter().zip(&self.bandwidths).zip(point.iter().zip(genes));
            each.map(|((parameter, bandwidth), (center, at))| match choices(parameter) {
                Some(count) if index(*center, count) == index(*at, count) => 1.0 - bandwidth,
                Some(count) => bandwidth / (count as f64 - 1.0).max(1.0),
                None => {
                    let z = (at - center) / bandwidth;
                    libm::exp(-0.5 * z * z) / bandwidth
                }
            })
            .product()
        };
        self.points.iter().map(kernel).sum::<f64>() / self.points.len() as f64
    }

    /// A point near one of the kernels.
    fn draw(&self, rng: &mut Rng) -> Vec<f64> {
        let center = &self.points[rng.below(self.points.len() as u64) as usize];
        let each = self.parameters.iter().zip(&self.bandwidths).zip(center);
        each.map(|((parameter, bandwidth), center)| match choices(parameter) {
            Some(count) if rng.uniform() >= 1.0 - bandwidth => {
                (rng.below(count) as f64 + 0.5) / count as f64
            }
            Some(_) => *center,
            None => {
                let normal = TruncatedNormal::new(*center, WIDER * bandwidth, 0.0, 1.0);
                normal.map_or(*center, |normal| normal.quantile(rng.open_uniform()))
            }
        })
        .collect()
    }
}

/// How many values a parameter without an order has.
fn choices(parameter: &Parameter) -> Option<u64> {
    is_unordered(parameter).then(|| parameter.domain().and_then(Domain::cardinality)).flatten()
}

fn index(gene: f64, count: u64) -> u64 {
    (gene * count as f64) as u64
}

impl Sampler for Bohb {
    fn suggest(&self, study: &Study, count: u32, rng: &Rng) -> Vec<Suggestion> {
        let parameters: Vec<&Parameter> = study.space().searched().collect();
        let model = Model::of(self, study, &parameters, rng);
        let first = study.next_number();
        let numbers = first..first.saturating_add(count);
        numbers.map(|number| self.suggest_one(study, &model, &rng.branch(number.into()))).collect()
    }
}

#[cfg(test)]
mod tests;
