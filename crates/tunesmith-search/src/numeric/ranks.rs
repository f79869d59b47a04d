//! Ranks of numbers.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_share_their_ranks() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [2.5, 0.0, 2.5, 1.0]);
        assert_eq!(ranks(&[]), [0.0; 0]);
    }
}
