//! The best of points with several objectives: whole fronts while they fit, and of the front that does not fit the
//! points that dominate the most, chosen one by one.
//!
//! After optuna 5.0.0 `_split_complete_trials_multi_objective` and `_hypervolume/hssp.py` (Guerreiro, Fonseca and
//! Paquete, "Greedy hypervolume subset selection in low dimensions", 2016). Less is better in every objective. Refuses
//! to look for the best subset: greedy reaches 1 − 1/e of its volume.

use std::cmp::Ordering;

use crate::numeric::pareto::{hypervolume, ranks};

/// The indexes of the `count` best points.
pub(super) fn best(points: &[Vec<f64>], count: usize) -> Vec<usize> {
    if count >= points.len() {
        return (0..points.len()).collect();
    }
    let ranks = ranks(points);
    let mut sizes = vec![0; ranks.iter().max().map_or(0, |rank| rank + 1)];
    for rank in &ranks {
        sizes[*rank] += 1;
    }
    let mut room = count;
    let mut cut = 0;
    while cut < sizes.len() && sizes[cut] <= room {
        room -= sizes[cut];
        cut += 1;
    }
    let of_rank = |wanted: &dyn Fn(usize) -> bool| -> Vec<usize> {
        (0..points.len()).filter(|index| wanted(ranks[*index])).collect()
    };
    let mut chosen = of_rank(&|rank| rank < cut);
    if room > 0 {
        chosen.extend(greatest_volume(points, &of_rank(&|rank| rank == cut), room));
    }
    chosen
}

/// Which `count` points of a front to take. Of equal points one comes before the rest of the front, the others after.
fn greatest_volume(points: &[Vec<f64>], front: &[usize], count: usize) -> Vec<usize> {
    let reference = reference(points, front);
    let mut distinct = front.to_vec();
    let compare = |left: &usize, right: &usize| {
        let pairs = points[*left].iter().zip(&points[*right]);
        pairs.map(|(a, b)| a.total_cmp(b)).fold(Ordering::Equal, Ordering::then)
    };
    distinct.sort_by(compare);
    distinct.dedup_by(|left, right| points[*left] == points[*right]);
    if distinct.len() < count {
        let repeats: Vec<usize> =
            front.iter().copied().filter(|index| !distinct.contains(index)).collect();
        distinct.extend(repeats.into_iter().take(count - distinct.len()));
        return distinct;
    }
    if reference.iter().any(|limit| !limit.is_finite()) {
        distinct.truncate(count);
        return distinct;
    }
    let mut selected: Vec<usize> = Vec::new();
    // How much each point would add: exact for the selection that it was worked out for, since then no less.
    let mut gains: Vec<(f64, usize, usize)> =
        distinct.iter().map(|index| (box_volume(&points[*index], &reference), *index, 0)).collect();
    while selected.len() < count {
        let best = greatest(&gains);
        let (gain, index, known_for) = gains[best];
        if known_for == selected.len() {
            selected.push(index);
            gains.remove(best);
        } else {
            let exact = added(points, index, &selected, &reference).min(gain);
            gains[best] = (exact, index, selected.len());
        }
    }
    selected
}

/// The place of the greatest gain; the first of equals.
fn greatest(gains: &[(f64, usize, usize)]) -> usize {
    let mut best = (f64::NEG_INFINITY, 0);
    for (place, (gain, _, _)) in gains.iter().enumerate() {
        if *gain > best.0 {
            best = (*gain, place);
        }
    }
    best.1
}

fn box_volume(point: &[f64], reference: &[f64]) -> f64 {
    point.iter().zip(reference).map(|(value, limit)| limit - value).product()
}

/// What a point dominates and no selected one does.
fn added(points: &[Vec<f64>], index: usize, selected: &[usize], reference: &[f64]) -> f64 {
    let point = &points[index];
    let shared: Vec<Vec<f64>> = selected
        .iter()
        .map(|other| points[*other].iter().zip(point).map(|(a, b)| a.max(*b)).collect())
        .collect();
    box_volume(point, reference) - hypervolume(&shared, reference)
}

/// A tenth beyond the worst in each objective.
fn reference(points: &[Vec<f64>], front: &[usize]) -> Vec<f64> {
    let objectives = front.first().map_or(0, |index| points[*index].len());
    let limit = |objective: usize| {
        let values = front.iter().map(|index| points[*index][objective]);
        let worst = values.fold(f64::NEG_INFINITY, f64::max);
        let limit = (1.1 * worst).max(0.9 * worst);
        if limit == 0.0 { 1e-12 } else { limit }
    };
    (0..objectives).map(limit).collect()
}
