//! PED-ANOVA: Pearson divergence, for each parameter by itself, between Parzen estimates of the best trials and of all
//! (Watanabe, Bansal and Hutter, IJCAI 2023, equation 9), with its extension to conditional parameters ("Conditional
//! PED-ANOVA", 2026, theorem 4.2). Matches `PedAnovaImportanceEvaluator` of optuna 5.0.0; a Pareto front is not looked
//! at: the first metric decides.
//!
//! Refuses to rest on fewer than five best trials where there are ten: of 24 trials the best tenth would be three.

use tunesmith_core::Rng;

use super::grid::Axis;
use super::{Evidence, Measured, measured};

/// The share of the trials that counts as the best, as in optuna.
const TARGET: f64 = 0.1;
/// The best trials are at least so many, but no more than half.
const LEAST_BEST: f64 = 5.0;
/// Trials that a regime needs.
const LEAST_IN_REGIME: u32 = 2;
/// How often the trials are drawn again for an interval; of more than 10,000 trials less often, down to this.
const RESAMPLES: usize = 200;
const LEAST_RESAMPLES: usize = 40;

/// The cells of every trial, and the trials from best to worst.
pub(super) struct Cells<'a> {
    axes: &'a [Axis<'a>],
    /// One list an axis; `None` where the parameter is inactive.
    cells: Vec<Vec<Option<usize>>>,
    scores: &'a [f64],
    ranking: Vec<usize>,
}

impl<'a> Cells<'a> {
    pub(super) fn of(axes: &'a [Axis<'a>], evidence: &'a Evidence<'a>) -> Self {
        let count = evidence.trials.len();
        let cells = axes.iter().map(|axis| {
            let cell = |trial| axis.cell(evidence.value(trial, &axis.parameter.name)?);
            (0..count).map(cell).collect()
        });
        let mut ranking: Vec<usize> = (0..count).collect();
        ranking.sort_by(|a, b| evidence.scores[*a].total_cmp(&evidence.scores[*b]));
        Self { axes, cells: cells.collect(), scores: &evidence.scores, ranking }
    }

    /// The importance of every axis, each trial taken as often as `weights` says.
    pub(super) fn values(&self, weights: &[u32], target: f64) -> Vec<f64> {
        let all: u32 = weights.iter().sum();
        let best = self.best(weights, (target * f64::from(all)).ceil());
        let chosen: u32 = best.iter().map(|trial| weights[*trial]).sum();
        let squared_quantile = {
            let quantile = f64::from(chosen) / f64::from(all);
            quantile * quantile
        };
        (0..self.axes.len())
            .map(|axis| {
                let everything = self.counts(axis, &self.ranking, weights);
                let top = self.counts(axis, best, weights);
                let (active, active_top) =
                    (everything.iter().sum::<u32>(), top.iter().sum::<u32>());
                if active < LEAST_IN_REGIME || active_top == 0 {
                    return 0.0;
                }
                let alpha = f64::from(active_top) / f64::from(chosen);
                let beta = f64::from(active) / f64::from(all);
                let divergence = divergence(&self.axes[axis], &top, &everything);
                squared_quantile * alpha * alpha / beta * divergence
            })
            .collect()
    }

    /// The trials up to the value of the one that fills `target`, ties included.
    fn best(&self, weights: &[u32], target: f64) -> &[usize] {
        let mut seen = 0.0;
        let mut cutoff = f64::INFINITY;
        for trial in &self.ranking {
            seen += f64::from(weights[*trial]);
            if seen >= target {
                cutoff = self.scores[*trial];
                break;
            }
        }
        let end = self.ranking.partition_point(|trial| self.scores[*trial] <= cutoff);
        &self.ranking[..end]
    }

    fn counts(&self, axis: usize, trials: &[usize], weights: &[u32]) -> Vec<u32> {
        let mut counts = vec![0; self.axes[axis].cells];
        for trial in trials {
            if let Some(cell) = self.cells[axis][*trial] {
                counts[cell] += weights[*trial];
            }
        }
        counts
    }
}

fn divergence(axis: &Axis<'_>, top: &[u32], all: &[u32]) -> f64 {
    const TINY: f64 = 1e-12;
    let (top, all) = (axis.densities(top), axis.densities(all));
    top.iter()
        .zip(&all)
        .map(|(top, all)| {
            let (top, all) = (top + TINY, all + TINY);
            let excess = top / all - 1.0;
            all * excess * excess
        })
        .sum()
}

/// The share of `trials` that counts as the best.
fn target(trials: usize) -> f64 {
    TARGET.max((LEAST_BEST / trials as f64).min(0.5))
}

/// Every axis, with intervals from the bootstrap.
pub(super) fn measure(axes: &[Axis<'_>], evidence: &Evidence<'_>, rng: &Rng) -> Vec<Measured> {
    let cells = Cells::of(axes, evidence);
    let count = evidence.trials.len();
    let target = target(count);
    let values = cells.values(&vec![1; count], target);
    let resamples = (RESAMPLES * 10_000 / count).clamp(LEAST_RESAMPLES, RESAMPLES);
    let repeated: Vec<Vec<f64>> = (0..resamples)
        .map(|resample| {
            let mut rng = rng.branch_named("resample").branch(resample as u64);
            let mut weights = vec![0; count];
            for _ in 0..count {
                weights[rng.below(count as u64) as usize] += 1;
            }
            cells.values(&weights, target)
        })
        .collect();
    measured(&values, &repeated)
}
