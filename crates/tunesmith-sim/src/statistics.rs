//! Means and their ratios, with bootstrap intervals. Refuses normal theory: regrets are skewed.

use tunesmith_core::Rng;

/// Resamples behind an interval.
const RESAMPLES: u64 = 2_000;

/// A mean and its 95 % percentile interval.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub(crate) struct Estimate {
    pub(crate) mean: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Estimate {
    /// `<` and `>` where the whole interval is below and above a value.
    pub(crate) fn side_of(self, value: f64) -> &'static str {
        match self {
            Self { high, .. } if high < value => " <",
            Self { low, .. } if low > value => " >",
            _ => "",
        }
    }
}

/// The mean over pairs of (task, seed), which are resampled with replacement (Efron 1979). `None` without values.
pub(crate) fn bootstrap(values: &[f64]) -> Option<Estimate> {
    resampled(values, |chosen| chosen.sum::<f64>() / values.len() as f64)
}

/// The ratio of the means of pairs, which are resampled as pairs. `None` without pairs, or where the second mean can
/// be 0.
pub(crate) fn bootstrap_ratio(pairs: &[(f64, f64)]) -> Option<Estimate> {
    let ratio = |chosen: &mut dyn Iterator<Item = (f64, f64)>| {
        let (above, below) = chosen.fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0, sum.1 + pair.1));
        above / below
    };
    resampled(pairs, ratio).filter(|Estimate { mean, low, high }| (mean + low + high).is_finite())
}

/// A statistic of values that are resampled with replacement. `None` without values.
pub(crate) fn resampled<T: Copy>(
    values: &[T],
    statistic: impl Fn(&mut dyn Iterator<Item = T>) -> f64,
) -> Option<Estimate> {
    if values.is_empty() {
        return None;
    }
    let count = values.len() as u64;
    let mut rng = Rng::at(count, 0, "bootstrap");
    let mut resample = || statistic(&mut (0..count).map(|_| values[rng.below(count) as usize]));
    let mut found: Vec<f64> = (0..RESAMPLES).map(|_| resample()).collect();
    found.sort_by(f64::total_cmp);
    let quantile = |share: f64| found[(share * (found.len() - 1) as f64).round() as usize];
    let mean = statistic(&mut values.iter().copied());
    Some(Estimate { mean, low: quantile(0.025), high: quantile(0.975) })
}

/// The median; of an even count the upper of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_about_two_standard_errors() {
        let mut rng = Rng::at(1, 0, "test");
        let values: Vec<f64> = (0..400).map(|_| 3.0 + rng.normal()).collect();
        let estimate = bootstrap(&values).expect("values");
        let width = estimate.high - estimate.low;
        assert!((width - 4.0 * 0.98 / 20.0).abs() < 0.04, "{width}");
        assert!(estimate.low < estimate.mean && estimate.mean < estimate.high);
        assert_eq!(bootstrap(&[]), None);
    }

    #[test]
    fn a_ratio_of_means_has_the_interval_of_the_delta_method() {
        let mut rng = Rng::at(2, 0, "test");
        let pairs: Vec<(f64, f64)> =
            (0..400).map(|_| (2.0 + rng.normal(), 4.0 + rng.normal())).collect();
        let estimate = bootstrap_ratio(&pairs).expect("pairs");
        assert!((estimate.mean - 0.5).abs() < 0.05, "{estimate:?}");
        // The deviation of x / y is that of (x - 0.5 y) / 4: the root of 1.25, over 4 and the root of 400.
        let deviation = 1.25_f64.sqrt() / 4.0 / 20.0;
        let width = estimate.high - estimate.low;
        assert!((width / (3.92 * deviation) - 1.0).abs() < 0.25, "{width}");
        assert_eq!((estimate.side_of(0.8), estimate.side_of(0.2)), (" <", " >"));
        assert_eq!(bootstrap_ratio(&[(1.0, 0.0)]), None);
        assert_eq!(bootstrap_ratio(&[(0.0, 0.0)]), None);
        assert_eq!(bootstrap_ratio(&[(0.0, 1.0), (0.0, 0.0)]), None, "a resample has no mean");
    }

    #[test]
    fn equal_values_have_no_interval() {
        let estimate = bootstrap(&[0.5; 10]).expect("values");
        assert_eq!((estimate.mean, estimate.low, estimate.high), (0.5, 0.5, 0.5));
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![]), None);
    }
}
