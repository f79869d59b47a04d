//! Wilcoxon's signed-rank test, one-sided, with zeros split between both signs.
//!
//! Wilcoxon (1945) and Pratt (1959), with the choices of SciPy 1.17's `wilcoxon(d, zero_method="zsplit",
//! alternative="greater")`: exact without ties and zeros up to 50 differences, exact over all changes of sign up to 13,
//! else the normal approximation, its variance corrected for ties and nothing for continuity. Refuses NaN.

use tunesmith_core::probability::normal_cdf;

use super::ranks::ranks;

/// Up to so many differences without ties and zeros the test is exact.
const MOST_EXACT: usize = 50;
/// Up to so many with ties or zeros.
const MOST_ENUMERATED: usize = 13;

/// The chance of a positive rank sum as large as that of these differences, if positive and negative ones were as
/// likely; 1 where none differs from 0.
pub(crate) fn chance_of_greater(differences: &[f64]) -> f64 {
    let sizes: Vec<f64> = differences.iter().map(|difference| difference.abs()).collect();
    if sizes.iter().all(|size| *size == 0.0) {
        return 1.0;
    }
    let ranks: Vec<f64> = ranks(&sizes).into_iter().map(|rank| rank + 1.0).collect();
    let positive: f64 = differences
        .iter()
        .zip(&ranks)
        .map(|(difference, rank)| match difference {
            difference if *difference > 0.0 => *rank,
            difference if *difference < 0.0 => 0.0,
            _ => rank / 2.0,
        })
        .sum();
    let ties = ties(&sizes);
    let is_plain = ties == 0.0 && sizes.iter().all(|size| *size > 0.0);
    let most = if is_plain { MOST_EXACT } else { MOST_ENUMERATED };
    if differences.len() <= most {
        return exact(differences, &ranks, positive);
    }
    let count = differences.len() as f64;
    let mean = count * (count + 1.0) / 4.0;
    let variance = (count * (count + 1.0) * (2.0 * count + 1.0) - ties / 2.0) / 24.0;
    normal_cdf((mean - positive) / variance.sqrt())
}

/// The sum of t³ - t over groups of t equals.
fn ties(sizes: &[f64]) -> f64 {
    let mut sorted = sizes.to_vec();
    sorted.sort_by(f64::total_cmp);
    let group = |equals: &[f64]| {
        let count = equals.len() as f64;
        count * count * count - count
    };
    sorted.chunk_by(|a, b| a == b).map(group).sum()
}

/// By the number of changes of sign that lead to each rank sum. Sums are counted in halves, so that ranks of equals
/// are whole.
fn exact(differences: &[f64], ranks: &[f64], positive: f64) -> f64 {
    let mut fixed = 0.0;
    let mut ways = vec![1.0];
    for (difference, rank) in differences.iter().zip(ranks) {
        if *difference == 0.0 {
            fixed += rank / 2.0;
            continue;
        }
        let step = (rank * 2.0).round() as usize;
        let mut next = vec![0.0; ways.len() + step];
        for (sum, count) in ways.iter().enumerate() {
            next[sum] += count;
            next[sum + step] += count;
        }
        ways = next;
    }
    let least = ((positive - fixed) * 2.0).round() as usize;
    let all: f64 = ways.iter().sum();
    ways.iter().skip(least).sum::<f64>() / all
}

#[cfg(test)]
mod tests;
