//! Points of several objectives as one order: by Pareto fronts, and within a front so that the first few are spread.
//!
//! The epsilon net is Clarkson's (2005, p. 17), as Syne Tune 0.16 uses it: the point that is best by the first objective,
//! then each time the one farthest from those taken. Refuses to weigh objectives against each other; distances are in
//! the objectives' own units.

use crate::numeric::pareto;

/// The most points of a front that are spread; beyond, they follow in the order of the first objective, for spreading
/// costs the square of their number.
const MOST_SPREAD: usize = 256;

/// One number a point, less is better: the value itself where there is one objective.
pub(super) fn priorities(points: Vec<Vec<f64>>) -> Vec<f64> {
    if points.iter().all(|point| point.len() == 1) {
        return points.into_iter().flatten().collect();
    }
    let ranks = pareto::ranks(&points);
    let mut priorities = vec![0.0; points.len()];
    let mut before = 0;
    for rank in 0..=ranks.iter().copied().max().unwrap_or(0) {
        let front: Vec<usize> = (0..points.len()).filter(|index| ranks[*index] == rank).collect();
        for (place, index) in spread(&points, front).into_iter().enumerate() {
            priorities[index] = (before + place) as f64;
        }
        before = ranks.iter().filter(|other| **other <= rank).count();
    }
    priorities
}

/// The indexes of a front in the order of its epsilon net.
fn spread(points: &[Vec<f64>], mut front: Vec<usize>) -> Vec<usize> {
    let first = |index: &usize| points[*index].first().copied().unwrap_or_default();
    front.sort_by(|a, b| first(a).total_cmp(&first(b)).then(a.cmp(b)));
    if front.is_empty() {
        return front;
    }
    let mut order = vec![front.remove(0)];
    let mut nearest = vec![f64::INFINITY; front.len()];
    while !front.is_empty() && order.len() < MOST_SPREAD {
        let newest = &points[order[order.len() - 1]];
        for (index, nearest) in front.iter().zip(&mut nearest) {
            *nearest = nearest.min(distance(&points[*index], newest));
        }
        let farthest = (0..front.len()).reduce(|a, b| if nearest[b] > nearest[a] { b } else { a });
        let farthest = farthest.unwrap_or(0);
        order.push(front.remove(farthest));
        nearest.remove(farthest);
    }
    order.extend(front);
    order
}

/// The square of the distance.
fn distance(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(a, b)| (a - b) * (a - b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_objective_is_its_own_order() {
        assert_eq!(priorities(vec![vec![0.3], vec![-1.0]]), [0.3, -1.0]);
        assert!(priorities(Vec::new()).is_empty());
    }

    #[test]
    fn fronts_come_first_and_are_spread() {
        // The front: (0, 4), (1, 3), (2, 2), (4, 0); behind it (3, 3), then (5, 5).
        let points = [[2.0, 2.0], [5.0, 5.0], [0.0, 4.0], [4.0, 0.0], [3.0, 3.0], [1.0, 3.0]];
        let order = priorities(points.map(Vec::from).to_vec());
        // From (0, 4) the farthest is (4, 0), then (2, 2), then (1, 3).
        assert_eq!(order, [2.0, 5.0, 0.0, 1.0, 4.0, 3.0]);
    }
}
