//! Means with bootstrap intervals. Refuses normal theory: regrets are skewed.

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

/// The mean over pairs of (task, seed), which are resampled with replacement (Efron 1979). `None` without values.
pub(crate) fn bootstrap(values: &[f64]) -> Option<Estimate> {
    if values.is_empty() {
        return None;
    }
    let count = values.len() as u64;
    let mut rng = Rng::at(count, 0, "bootstrap");
    let mut resample =
        || (0..count).map(|_| values[rng.below(count) as usize]).sum::<f64>() / count as f64;
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| resample()).collect();
    means.sort_by(f64::total_cmp);
    let quantile = |share: f64| means[(share * (means.len() - 1) as f64).round() as usize];
    let mean = values.iter().sum::<f64>() / count as f64;
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
