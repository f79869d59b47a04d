//! Ranks, and how far two orders of the same things agree.
//!
//! Refuses NaN: what has no number has no rank.

/// Ranks from 0, equals at the middle of theirs.
pub(crate) fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    while first < order.len() {
        let same = |index: &&usize| values[**index] == values[order[first]];
        let last = first + order[first..].iter().take_while(same).count();
        for index in &order[first..last] {
            ranks[*index] = (first + last - 1) as f64 / 2.0;
        }
        first = last;
    }
    ranks
}

/// Spearman's rank correlation of two samples of equal length; `None` where one of them does not vary.
pub(crate) fn spearman(left: &[f64], right: &[f64]) -> Option<f64> {
    let [left, right] = [left, right].map(|values| {
        let ranks = ranks(values);
        let mean = ranks.iter().sum::<f64>() / ranks.len().max(1) as f64;
        ranks.into_iter().map(|rank| rank - mean).collect::<Vec<f64>>()
    });
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let size = (dot(&left, &left) * dot(&right, &right)).sqrt();
    (size > 0.0).then(|| dot(&left, &right) / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_share_their_ranks() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [2.5, 0.0, 2.5, 1.0]);
        assert_eq!(ranks(&[]), [0.0; 0]);
    }

    #[test]
    fn correlations_are_those_of_scipy() {
        // scipy 1.17: spearmanr([1, 2, 2, 4, 5, 7], [2, 1, 4, 3, 7, 6]).statistic
        let found = spearman(&[1.0, 2.0, 2.0, 4.0, 5.0, 7.0], &[2.0, 1.0, 4.0, 3.0, 7.0, 6.0]);
        assert!((found.expect("varies") - 0.753_702_346_348_183).abs() < 1e-12, "{found:?}");
        assert_eq!(spearman(&[1.0, 2.0], &[3.0, 3.0]), None);
    }
}
