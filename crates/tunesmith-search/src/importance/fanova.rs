//! fANOVA: the share of the metric's variance over the whole space that hangs on each parameter by itself, by the
//! marginals of a random forest (Hutter, Hoos and Leyton-Brown, ICML 2014, section 3). The forest is that of optuna
//! 5.0.0: 64 trees, each over a draw of the trials with replacement, grown to the last trial; and the marginals of a
//! tree are optuna's. A choice is one axis here, where optuna spreads it over as many as it has values.
//!
//! An inactive parameter stands at the middle of its range, or at its first choice. Refuses to grow on more than 1,000
//! trials: of more, as many are taken at equal distances.

use tunesmith_core::{Rng, SearchSpace};

use super::{Evidence, Measured, measured};
use crate::encoding::{Encoding, Kind};
use crate::numeric::forest::{Cut, Feature, Forest, Leaf, Settings, Side};

/// The most trials that the forest sees.
const MOST_TRIALS: usize = 1_000;
/// As optuna's.
const SETTINGS: Settings = Settings {
    trees: 64,
    bootstrap: true,
    least_split: 2,
    least_leaf: 1,
    most_depth: 64,
    cut: Cut::Middle,
};

/// The importance of these parameters, with intervals over the trees.
pub(super) fn measure(
    names: &[&str],
    space: &SearchSpace,
    evidence: &Evidence<'_>,
    rng: &Rng,
) -> Vec<Measured> {
    let encoding = Encoding::of(space);
    let features: Vec<Feature> = encoding
        .axes
        .iter()
        .map(|axis| match axis.kind {
            Kind::Continuous | Kind::Lattice(_) => Feature::Numeric,
            Kind::Categorical(count) => Feature::Categorical(count),
        })
        .collect();
    let absent = |feature: &Feature| if *feature == Feature::Numeric { 0.5 } else { 0.0 };
    let row = |trial: usize| -> Vec<f64> {
        let found = encoding.encode(&evidence.trials[trial].params).into_iter();
        found.zip(&features).map(|(at, feature)| at.unwrap_or_else(|| absent(feature))).collect()
    };
    let count = evidence.trials.len();
    let taken = count.min(MOST_TRIALS);
    let chosen = (0..taken).map(|place| place * count / taken);
    let (rows, targets): (Vec<_>, Vec<_>) =
        chosen.map(|trial| (row(trial), evidence.scores[trial])).unzip();
    let forest = Forest::fit(&features, &rows, &targets, &SETTINGS, &rng.branch_named("forest"));
    let index = |name: &&str| encoding.axes.iter().position(|axis| axis.parameter.name == **name);
    let columns: Vec<usize> = names.iter().filter_map(index).collect();
    let of_trees: Vec<Vec<f64>> = forest
        .trees
        .iter()
        .filter_map(|tree| {
            let leaves = Boxes::of(tree.leaves(&features));
            let whole = leaves.variance();
            let share = |column: &usize| leaves.marginal_variance(*column) / whole;
            (whole > 0.0).then(|| columns.iter().map(share).collect())
        })
        .collect();
    let trees = of_trees.len().max(1) as f64;
    let mean = |column: usize| of_trees.iter().map(|shares| shares[column]).sum::<f64>() / trees;
    let values: Vec<f64> = (0..columns.len()).map(mean).collect();
    measured(&values, &of_trees)
}

/// The leaves of one tree over the unit cube and its choices, with the share of the space that each fills.
#[derive(Debug)]
pub(super) struct Boxes {
    leaves: Vec<Leaf>,
    volumes: Vec<f64>,
    mean: f64,
}

impl Boxes {
    pub(super) fn of(leaves: Vec<Leaf>) -> Self {
        let volumes: Vec<f64> =
            leaves.iter().map(|leaf| leaf.sides.iter().map(extent).product()).collect();
        let mean = leaves.iter().zip(&volumes).map(|(leaf, volume)| leaf.mean * volume).sum();
        Self { leaves, volumes, mean }
    }

    /// The variance of the tree's prediction at a point drawn evenly from the space.
    pub(super) fn variance(&self) -> f64 {
        let squares = self.leaves.iter().zip(&self.volumes).map(|(leaf, volume)| {
            let distance = leaf.mean - self.mean;
            distance * distance * volume
        });
        squares.sum()
    }

    /// The variance over one axis of the mean over all others.
    pub(super) fn marginal_variance(&self, axis: usize) -> f64 {
        let edges = self.edges(axis);
        // The marginal in each cell as a running sum of what begins there less what has ended.
        let mut changes = vec![0.0; edges.len()];
        let mut add = |low: usize, high: usize, part: f64| {
            changes[low] += part;
            changes[high] -= part;
        };
        for (leaf, volume) in self.leaves.iter().zip(&self.volumes) {
            let side = &leaf.sides[axis];
            let share = extent(side);
            if share <= 0.0 {
                continue;
            }
            // Less the mean, so that sums stay small.
            let part = (leaf.mean - self.mean) * volume / share;
            match side {
                Side::Range { low, high } => {
                    let place =
                        |edge: f64| edges.partition_point(|other| *other < edge.clamp(0.0, 1.0));
                    add(place(*low), place(*high), part);
                }
                Side::Set(set) => {
                    let inside = set.iter().enumerate().filter(|(_, inside)| **inside);
                    inside.for_each(|(choice, _)| add(choice, choice + 1, part));
                }
            }
        }
        let mut marginal = 0.0;
        let cells = edges.windows(2).zip(&changes).map(|(ends, change)| {
            marginal += change;
            marginal * marginal * (ends[1] - ends[0])
        });
        cells.sum()
    }

    /// The ends of the cells between which the marginal is constant, from 0 to 1.
    fn edges(&self, axis: usize) -> Vec<f64> {
        let mut edges = vec![0.0, 1.0];
        for leaf in &self.leaves {
            match &leaf.sides[axis] {
                Side::Range { low, high } => {
                    edges.extend([low, high].map(|edge| edge.clamp(0.0, 1.0)));
                }
                Side::Set(set) => {
                    let count = set.len();
                    return (0..=count).map(|edge| edge as f64 / count as f64).collect();
                }
            }
        }
        edges.sort_by(f64::total_cmp);
        edges.dedup();
        edges
    }
}

/// The share of an axis that a side covers.
fn extent(side: &Side) -> f64 {
    match side {
        Side::Range { low, high } => high.clamp(0.0, 1.0) - low.clamp(0.0, 1.0),
        Side::Set(set) => {
            let inside = set.iter().filter(|inside| **inside).count();
            inside as f64 / set.len() as f64
        }
    }
}
