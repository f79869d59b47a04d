//! Sets of points with several objectives: who beats whom, how crowded a front is, and the volume that it dominates.
//! Less is better in every objective.
//!
//! Sources: Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II" (2002), for ranks and crowding;
//! While, Bradstreet and Barone, "A fast way of calculating exact hypervolumes" (2012), for the volume from three
//! objectives on. Refuses NaN: a trial without a number has failed.

use std::cmp::Ordering;

/// Whether `left` is nowhere worse than `right` and somewhere better.
pub(crate) fn dominates(left: &[f64], right: &[f64]) -> bool {
    let pairs = || left.iter().zip(right);
    pairs().all(|(a, b)| a <= b) && pairs().any(|(a, b)| a < b)
}

/// The rank of every point: 0 where nothing dominates it, 1 where only points of rank 0 do, and so on.
pub(crate) fn ranks(points: &[Vec<f64>]) -> Vec<usize> {
    // In lexicographic order a point is dominated by earlier ones alone.
    let order = lexicographic(points);
    let mut fronts: Vec<Vec<usize>> = Vec::new();
    let mut ranks = vec![0; points.len()];
    for index in order {
        let beaten = |front: &Vec<usize>| {
            front.iter().rev().any(|other| dominates(&points[*other], &points[index]))
        };
        // A point that a front beats is beaten by all fronts before it, so halving finds its own.
        let rank = fronts.partition_point(beaten);
        if rank == fronts.len() {
            fronts.push(Vec::new());
        }
        fronts[rank].push(index);
        ranks[index] = rank;
    }
    ranks
}

/// The indexes of the points that nothing dominates, ascending. Of equal points all are there.
pub(crate) fn front(points: &[Vec<f64>]) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::new();
    for index in lexicographic(points) {
        if !kept.iter().rev().any(|other| dominates(&points[*other], &points[index])) {
            kept.push(index);
        }
    }
    kept.sort_unstable();
    kept
}

/// Each point's crowding distance within a set: the sum over objectives of the gap between its neighbours, in shares
/// of the set's range. Infinite for the ends of an objective that varies.
pub(crate) fn crowding(points: &[Vec<f64>]) -> Vec<f64> {
    let mut distances = vec![0.0; points.len()];
    let objectives = points.first().map_or(0, Vec::len);
    for objective in 0..objectives {
        let value = |index: usize| points[index][objective];
        let mut order: Vec<usize> = (0..points.len()).collect();
        order.sort_by(|a, b| value(*a).total_cmp(&value(*b)));
        let (Some(first), Some(last)) = (order.first(), order.last()) else { continue };
        let range = value(*last) - value(*first);
        if range <= 0.0 {
            continue;
        }
        distances[*first] = f64::INFINITY;
        distances[*last] = f64::INFINITY;
        for three in order.windows(3) {
            distances[three[1]] += (value(three[2]) - value(three[0])) / range;
        }
    }
    distances
}

/// The volume between the points and `reference` that at least one point dominates. Points that do not beat the
/// reference in every objective count for nothing.
pub(crate) fn hypervolume(points: &[Vec<f64>], reference: &[f64]) -> f64 {
    let inside: Vec<Vec<f64>> = points
        .iter()
        .filter(|point| point.iter().zip(reference).all(|(value, limit)| value < limit))
        .cloned()
        .collect();
    let mut front: Vec<Vec<f64>> =
        front(&inside).into_iter().map(|index| inside[index].clone()).collect();
    front.sort_by(|a, b| compare(a, b));
    front.dedup();
    volume(&front, reference)
}

/// Of a front in lexicographic order without repeats.
fn volume(front: &[Vec<f64>], reference: &[f64]) -> f64 {
    match reference.len() {
        0 => 0.0,
        1 => front.first().map_or(0.0, |point| reference[0] - point[0]),
        2 => plane(front, reference),
        _ => (0..front.len()).map(|index| exclusive(front, index, reference)).sum(),
    }
}

fn plane(front: &[Vec<f64>], reference: &[f64]) -> f64 {
    let mut ceiling = reference[1];
    let mut area = 0.0;
    for point in front {
        area += (reference[0] - point[0]) * (ceiling - point[1]);
        ceiling = point[1];
    }
    area
}

/// What the point at `index` dominates and none after it does.
fn exclusive(front: &[Vec<f64>], index: usize, reference: &[f64]) -> f64 {
    let point = &front[index];
    let box_volume: f64 = point.iter().zip(reference).map(|(value, limit)| limit - value).product();
    let limited: Vec<Vec<f64>> = front[index + 1..]
        .iter()
        .map(|other| other.iter().zip(point).map(|(a, b)| a.max(*b)).collect())
        .collect();
    box_volume - hypervolume(&limited, reference)
}

fn lexicographic(points: &[Vec<f64>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|a, b| compare(&points[*a], &points[*b]));
    order
}

fn compare(left: &[f64], right: &[f64]) -> Ordering {
    let differing = left.iter().zip(right).map(|(a, b)| a.total_cmp(b));
    differing.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tunesmith_core::Rng;

    fn cloud(count: usize, objectives: usize, seed: u64) -> Vec<Vec<f64>> {
        let mut rng = Rng::at(seed, 0, "pareto");
        (0..count).map(|_| (0..objectives).map(|_| rng.below(12) as f64).collect()).collect()
    }

    #[test]
    fn ranks_are_those_of_peeling() {
        for objectives in 1..=4 {
            let points = cloud(80, objectives, objectives as u64);
            let mut left: Vec<usize> = (0..points.len()).collect();
            let ranks = ranks(&points);
            for rank in 0.. {
                let beaten = |i: &usize| left.iter().any(|j| dominates(&points[*j], &points[*i]));
                let (rest, peeled): (Vec<usize>, Vec<usize>) = left.iter().partition(|i| beaten(i));
                assert!(peeled.iter().all(|i| ranks[*i] == rank), "{objectives} {rank}");
                if rank == 0 {
                    assert_eq!(front(&points), peeled);
                }
                if rest.is_empty() {
                    break;
                }
                left = rest;
            }
        }
    }

    #[test]
    fn volumes_are_those_of_optuna() {
        // search_golden.json: hv2d and hv3d, by optuna 5.0.0.
        let plane = [vec![1.0, 4.0], vec![2.0, 2.0], vec![3.0, 1.0]];
        assert_eq!(hypervolume(&plane, &[5.0, 5.0]), 12.0);
        let space =
            [[1.0, 2.0, 3.0], [2.0, 1.0, 3.0], [3.0, 3.0, 1.0], [2.0, 2.0, 2.0]].map(Vec::from);
        assert_eq!(hypervolume(&space, &[4.0, 4.0, 4.0]), 13.0);
        assert_eq!(hypervolume(&[vec![5.0, 1.0]], &[5.0, 5.0]), 0.0);
        assert_eq!(hypervolume(&[], &[5.0, 5.0]), 0.0);
    }

    #[test]
    fn volumes_count_the_cells_of_a_lattice() {
        for objectives in 1..=4_usize {
            let points = cloud(20, objectives, 7 + objectives as u64);
            let cells = 12_usize.pow(objectives as u32);
            let corner = |cell: usize| -> Vec<f64> {
                (0..objectives).map(|k| (cell / 12_usize.pow(k as u32) % 12) as f64).collect()
            };
            let covered = |cell: &usize| {
                let corner = corner(*cell);
                points.iter().any(|point| point.iter().zip(&corner).all(|(a, b)| a <= b))
            };
            let counted = (0..cells).filter(covered).count() as f64;
            assert_eq!(hypervolume(&points, &vec![12.0; objectives]), counted);
        }
    }

    #[test]
    fn crowding_is_the_gap_between_neighbours() {
        let points = [vec![0.0, 4.0], vec![1.0, 2.0], vec![4.0, 0.0]];
        let distances = crowding(&points);
        assert_eq!(distances, [f64::INFINITY, 2.0, f64::INFINITY]);
        assert_eq!(crowding(&[vec![1.0, 1.0], vec![1.0, 1.0]]), [0.0, 0.0]);
        assert!(crowding(&[]).is_empty());
    }
}
