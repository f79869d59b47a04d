//! Whether an effect is more than noise: a permutation test on ranks, the correction for many tests, and percentiles.
//!
//! A numeric parameter is tested by the share of the metric's ranks that a parabola in its own ranks explains, a choice
//! by the share between its values (the Kruskal-Wallis statistic). Refuses to correct for a sampler that looked at
//! results: trials that crowd around the best are not independent, and their p-values flatter.

use tunesmith_core::Rng;

use crate::numeric::ranks::ranks;

/// Beyond so many trials the chi-squared limit stands for the permutations.
const MOST_PERMUTED: usize = 200;
/// Permutations of one test.
const PERMUTATIONS: u32 = 4_999;

/// What the metric may depend on: one column an independent direction of the parameter's ranks, each of mean 0 and
/// length 1, at right angles to each other.
#[derive(Debug, Clone)]
pub(super) struct Contrasts {
    pub(super) columns: Vec<Vec<f64>>,
}

impl Contrasts {
    /// The line and the parabola of a numeric parameter's ranks.
    pub(super) fn parabola(values: &[f64]) -> Self {
        let line = centred(ranks(values));
        let square: Vec<f64> = line.iter().map(|at| at * at).collect();
        Self::of([line, square])
    }

    /// One column a choice but one.
    pub(super) fn choices(indexes: &[usize], count: usize) -> Self {
        let column = |choice: usize| -> Vec<f64> {
            indexes.iter().map(|index| if *index == choice { 1.0 } else { 0.0 }).collect()
        };
        Self::of((0..count).map(column))
    }

    /// By Gram and Schmidt; columns that follow from earlier ones are left out.
    fn of(raw: impl IntoIterator<Item = Vec<f64>>) -> Self {
        let mut columns: Vec<Vec<f64>> = Vec::new();
        for column in raw {
            let mut column = centred(column);
            let before = dot(&column, &column);
            for _ in 0..2 {
                for earlier in &columns {
                    let share = dot(&column, earlier);
                    column.iter_mut().zip(earlier).for_each(|(at, other)| *at -= share * other);
                }
            }
            let square = dot(&column, &column);
            if square > 1e-9 * before && square > 0.0 {
                let length = square.sqrt();
                columns.push(column.iter().map(|at| at / length).collect());
            }
        }
        Self { columns }
    }

    /// The share of `target`, of mean 0 and length 1, that the columns explain.
    fn explained(&self, target: &[f64]) -> f64 {
        self.columns.iter().map(|column| dot(column, target)).map(|part| part * part).sum()
    }

    /// How often chance alone explains as much of the scores' ranks.
    pub(super) fn p_value(&self, scores: &[f64], rng: &Rng) -> f64 {
        let mut target = centred(ranks(scores));
        let length = dot(&target, &target).sqrt();
        if self.columns.is_empty() || length == 0.0 {
            return 1.0;
        }
        target.iter_mut().for_each(|at| *at /= length);
        let observed = self.explained(&target);
        if scores.len() > MOST_PERMUTED {
            let statistic = (scores.len() as f64 - 1.0) * observed;
            return chi_squared_tail(statistic, self.columns.len());
        }
        let mut rng = rng.branch_named("permutations");
        let mut as_strong = 1_u32;
        for _ in 0..PERMUTATIONS {
            rng.shuffle(&mut target);
            as_strong += u32::from(self.explained(&target) >= observed - 1e-12);
        }
        f64::from(as_strong) / f64::from(PERMUTATIONS + 1)
    }

    /// How strongly each column shows in the scores' ranks: correlations.
    pub(super) fn correlations(&self, scores: &[f64]) -> Vec<f64> {
        let target = centred(ranks(scores));
        let length = dot(&target, &target).sqrt().max(f64::MIN_POSITIVE);
        self.columns.iter().map(|column| dot(column, &target) / length).collect()
    }
}

fn centred(mut values: Vec<f64>) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    values.iter_mut().for_each(|value| *value -= mean);
    values
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(a, b)| a * b).sum()
}

/// The mass of the chi-squared distribution above `x`: a finite sum for whole degrees of freedom (DLMF 8.4).
pub(super) fn chi_squared_tail(x: f64, degrees: usize) -> f64 {
    let half = (x / 2.0).max(0.0);
    let odd = degrees % 2 == 1;
    let mut sum = if odd { libm::erfc(half.sqrt()) } else { 0.0 };
    // The terms are half^k e^-half / Γ(k + 1), for k from 0 or from one half.
    let mut order = if odd { 0.5 } else { 0.0 };
    while order < degrees as f64 / 2.0 {
        let log = if half > 0.0 {
            order * libm::log(half)
        } else if order > 0.0 {
            f64::NEG_INFINITY
        } else {
            0.0
        };
        sum += libm::exp(log - half - libm::lgamma(order + 1.0));
        order += 1.0;
    }
    sum.clamp(0.0, 1.0)
}

/// Holm's correction: p-values that hold for all tests together.
pub(super) fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut corrected = vec![1.0; p_values.len()];
    let mut greatest = 0.0_f64;
    for (place, index) in order.iter().enumerate() {
        let left = (p_values.len() - place) as f64;
        greatest = greatest.max((p_values[*index] * left).min(1.0));
        corrected[*index] = greatest;
    }
    corrected
}

/// Where the middle 90 % of the values lie; `None` of none.
pub(super) fn middle_of(values: &mut [f64]) -> Option<(f64, f64)> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let at = |share: f64| values[((last as f64 * share).round() as usize).min(last)];
    Some((at(0.05), at(0.95)))
}
