//! Turning a sample of values, where less is better, into one that a Gaussian model fits: cutting the bad tail,
//! spreading it by ranks, or a power transform.
//!
//! Sources: Tukey, "Exploratory Data Analysis" (1977), for the fence; Google Vizier's `HalfRankComponent` (Song et al.,
//! 2024); Box and Cox (1964) and Yeo and Johnson (2000), lambda by maximum likelihood as SciPy 1.17 finds it. Refuses
//! values that are not finite: a trial without a number has failed.

use tunesmith_core::probability::normal_quantile;

/// Below this many values the fence is laid by the better half alone: quartiles of so few move too much.
const FEW: usize = 12;

/// The quantile at `share` of values in ascending order, between two of them by linear interpolation.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = share.clamp(0.0, 1.0) * last as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (at - below as f64) * (sorted[above] - sorted[below])
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// What counts as the worst value: Tukey's upper fence, Q3 + 1.5 (Q3 - Q1), and of fewer than 12 values the median
/// plus twice the range of the better half. The greatest value where that range is 0.
pub(crate) fn fence(values: &[f64]) -> f64 {
    let sorted = sorted(values);
    let (Some(best), Some(worst)) = (sorted.first(), sorted.last()) else { return f64::INFINITY };
    let (from, range) = if sorted.len() < FEW {
        let median = quantile(&sorted, 0.5);
        (median, 2.0 * (median - best))
    } else {
        let upper = quantile(&sorted, 0.75);
        (upper, 1.5 * (upper - quantile(&sorted, 0.25)))
    };
    if range > 0.0 { from + range } else { *worst }
}

/// Cuts values at [`fence`].
pub(crate) fn clip(values: &mut [f64]) {
    let fence = fence(values);
    values.iter_mut().for_each(|value| *value = value.min(fence));
}

/// Gives the worse half the upper half of a normal distribution around the median, by rank, as wide as the better
/// half.
pub(crate) fn half_rank(values: &mut [f64]) {
    let mut distinct = sorted(values);
    if distinct.is_empty() {
        return;
    }
    let median = quantile(&distinct, 0.5);
    distinct.dedup();
    let deviation = |from: &[f64]| {
        let squares: f64 = from.iter().map(|value| (value - median) * (value - median)).sum();
        (squares / from.len() as f64).sqrt()
    };
    let good = distinct.partition_point(|value| *value <= median);
    let of_good = deviation(&distinct[..good]);
    let spread = if of_good > 0.0 { of_good } else { deviation(&distinct) };
    // Vizier counts from the worst, and the median itself by half where it is one of the values.
    let worse = distinct.len() - good;
    let holds_median = distinct[..good].last() == Some(&median);
    let denominator = worse as f64 + if holds_median { 0.5 } else { 0.0 };
    for value in values.iter_mut().filter(|value| **value > median) {
        let better = distinct.partition_point(|other| *other <= *value);
        let rank = (distinct.len() - better) as f64 + 1.0;
        *value = median - spread * normal_quantile(0.5 * (rank - 0.5) / denominator);
    }
}

/// The Box-Cox transform of values above 0, else Yeo and Johnson's, of the values in units of their deviation; with
/// the lambda of greatest likelihood. As HEBO chooses between them. Values that are all equal stay.
pub(crate) fn power(values: &mut [f64]) {
    let (_, deviation) = moments(values);
    if !(deviation > 0.0 && deviation.is_finite()) {
        return;
    }
    values.iter_mut().for_each(|value| *value /= deviation);
    if values.iter().all(|value| *value > 0.0) {
        let lambda = box_cox_lambda(values);
        values.iter_mut().for_each(|value| *value = box_cox(*value, lambda));
    } else {
        let lambda = yeo_johnson_lambda(values);
        values.iter_mut().for_each(|value| *value = yeo_johnson(*value, lambda));
    }
}

/// Shifts and scales to mean 0 and deviation 1; gives the deviation that there was. Values that are all equal become 0.
pub(crate) fn standardise(values: &mut [f64]) -> f64 {
    let (mean, deviation) = moments(values);
    let scale = if deviation > 1e-12 * mean.abs().max(f64::MIN_POSITIVE) { deviation } else { 0.0 };
    for value in values.iter_mut() {
        *value = if scale > 0.0 { (*value - mean) / scale } else { 0.0 };
    }
    scale
}

/// The mean and the deviation of the population. Scaled first, so that huge values do not overflow.
fn moments(values: &[f64]) -> (f64, f64) {
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    if largest == 0.0 || values.is_empty() {
        return (0.0, 0.0);
    }
    let count = values.len() as f64;
    let mean = values.iter().map(|value| value / largest).sum::<f64>() / count;
    let squares = values.iter().map(|value| value / largest - mean);
    let deviation = (squares.map(|d| d * d).sum::<f64>() / count).sqrt();
    (mean * largest, deviation * largest)
}

fn box_cox(value: f64, lambda: f64) -> f64 {
    let log = libm::log(value);
    if lambda.abs() < 1e-12 { log } else { libm::expm1(lambda * log) / lambda }
}

fn yeo_johnson(value: f64, lambda: f64) -> f64 {
    if value >= 0.0 { box_cox(value + 1.0, lambda) } else { -box_cox(1.0 - value, 2.0 - lambda) }
}

/// The lambda of greatest likelihood of Box and Cox's transform.
pub(crate) fn box_cox_lambda(values: &[f64]) -> f64 {
    let logs: f64 = values.iter().map(|value| libm::log(*value)).sum();
    likeliest(values, box_cox, logs)
}

/// The lambda of greatest likelihood of Yeo and Johnson's transform.
pub(crate) fn yeo_johnson_lambda(values: &[f64]) -> f64 {
    let logs: f64 =
        values.iter().map(|value| libm::log1p(value.abs()) * f64::from(value.signum() as i8)).sum();
    likeliest(values, yeo_johnson, logs)
}

/// Golden-section search over lambda. `logs` is the logarithm of the transform's Jacobian per unit of lambda - 1.
fn likeliest(values: &[f64], transform: fn(f64, f64) -> f64, logs: f64) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let likelihood = |lambda: f64| {
        let transformed: Vec<f64> = values.iter().map(|value| transform(*value, lambda)).collect();
        let (_, deviation) = moments(&transformed);
        let value = (lambda - 1.0) * logs - values.len() as f64 * libm::log(deviation);
        if value.is_finite() { value } else { f64::NEG_INFINITY }
    };
    let (mut low, mut high) = (-20.0, 20.0);
    let (mut left, mut right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
    let (mut at_left, mut at_right) = (likelihood(left), likelihood(right));
    while high - low > 1e-9 {
        if at_left > at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - GOLDEN * (high - low);
            at_left = likelihood(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + GOLDEN * (high - low);
            at_right = likelihood(right);
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests;
