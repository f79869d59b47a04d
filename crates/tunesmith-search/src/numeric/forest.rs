//! A random forest for regression, and the boxes that its trees cut space into.
//!
//! Breiman, "Random forests" (Machine Learning 45, 2001). Every node takes the cut, over all features, that leaves the
//! least sum of squares (CART). Categories are cut into two sets: sorted by their mean the best pair of sets is a
//! prefix and its rest (Fisher, 1958). A prediction has the mean over the trees and, by the law of total variance, the
//! spread within the leaves and between the trees (Hutter, Xu, Hoos and Leyton-Brown, "Algorithm runtime prediction",
//! AIJ 206, 2014, section 4.3.2).
//!
//! Refuses missing numbers: the caller puts one in.

mod grow;

use tunesmith_core::Rng;

/// How the values of a feature lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feature {
    /// Any finite numbers; a cut separates the smaller from the greater.
    Numeric,
    /// The whole numbers below this; a cut separates two sets.
    Categorical(usize),
}

/// Where a numeric cut lies between the two values that it separates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// In the middle, as scikit-learn has it.
    Middle,
    /// Anywhere, evenly, as SMAC's forest has it: trees differ more, so that their spread says more.
    Random,
}

/// How a forest grows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// The number of trees.
    pub(crate) trees: usize,
    /// Whether a tree sees a draw with replacement of the rows instead of all.
    pub(crate) bootstrap: bool,
    /// The fewest rows that a node must have to be cut.
    pub(crate) least_split: usize,
    /// The fewest rows that a leaf may have.
    pub(crate) least_leaf: usize,
    /// The most cuts above a leaf.
    pub(crate) most_depth: usize,
    /// Where cuts lie.
    pub(crate) cut: Cut,
}

/// What decides at a node.
#[derive(Debug, Clone, PartialEq)]
enum Rule {
    /// Left where the value is not above.
    AtMost(f64),
    /// Left where the category is in the set.
    In(Vec<bool>),
}

#[derive(Debug, Clone)]
enum Node {
    Split { feature: usize, rule: Rule, left: usize, right: usize },
    Leaf { mean: f64, variance: f64, weight: f64 },
}

/// A regression tree.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    /// The root is the first.
    nodes: Vec<Node>,
}

/// What a feature's values are within a leaf.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Side {
    /// Above `low` and up to `high`; infinite where no cut bounds it.
    Range {
        /// Not included.
        low: f64,
        /// Included.
        high: f64,
    },
    /// Those categories that are `true`.
    Set(Vec<bool>),
}

/// A leaf as a box.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Leaf {
    /// One for each feature. The leaves' boxes do not overlap and leave no gap.
    pub(crate) sides: Vec<Side>,
    /// The mean target of its rows.
    pub(crate) mean: f64,
    /// Their variance.
    pub(crate) variance: f64,
    /// The number of its rows, a row drawn twice counted twice.
    pub(crate) weight: f64,
}

/// What is thought of a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Prediction {
    /// The expected target.
    pub(crate) mean: f64,
    /// The uncertainty about the target.
    pub(crate) variance: f64,
}

/// Regression trees.
#[derive(Debug, Clone)]
pub(crate) struct Forest {
    /// The trees.
    pub(crate) trees: Vec<Tree>,
}

impl Forest {
    /// A forest of `rows`, each with a value for every feature, and their `targets`, one for each row. Without rows
    /// every prediction is 0 with variance 0.
    pub(crate) fn fit(
        features: &[Feature],
        rows: &[Vec<f64>],
        targets: &[f64],
        settings: &Settings,
        rng: &Rng,
    ) -> Self {
        let table = grow::Table::new(features, rows, targets);
        let trees = (0..settings.trees as u64)
            .map(|index| {
                let mut rng = rng.branch(index);
                let weights = draw_weights(rows.len(), settings.bootstrap, &mut rng);
                Tree { nodes: grow::grow(&table, &weights, settings, &mut rng) }
            })
            .collect();
        Self { trees }
    }

    /// The prediction at a point with a value for every feature.
    pub(crate) fn predict(&self, point: &[f64]) -> Prediction {
        let count = self.trees.len().max(1) as f64;
        let leaves: Vec<Prediction> = self.trees.iter().map(|tree| tree.predict(point)).collect();
        let mean = leaves.iter().map(|leaf| leaf.mean).sum::<f64>() / count;
        let spread = |leaf: &Prediction| {
            let distance = leaf.mean - mean;
            leaf.variance + distance * distance
        };
        Prediction { mean, variance: leaves.iter().map(spread).sum::<f64>() / count }
    }
}

/// How often each row counts.
fn draw_weights(rows: usize, bootstrap: bool, rng: &mut Rng) -> Vec<u32> {
    if !bootstrap {
        return vec![1; rows];
    }
    let mut weights = vec![0; rows];
    for _ in 0..rows {
        weights[rng.below(rows as u64) as usize] += 1;
    }
    weights
}

impl Tree {
    /// The leaf's mean and variance at a point.
    pub(crate) fn predict(&self, point: &[f64]) -> Prediction {
        let mut at = 0;
        loop {
            match &self.nodes[at] {
                Node::Split { feature, rule, left, right } => {
                    at = if rule.is_left(point[*feature]) { *left } else { *right };
                }
                Node::Leaf { mean, variance, .. } => {
                    return Prediction { mean: *mean, variance: *variance };
                }
            }
        }
    }

    /// The boxes of the tree's leaves over these features, from left to right.
    pub(crate) fn leaves(&self, features: &[Feature]) -> Vec<Leaf> {
        let whole = features.iter().map(|feature| match feature {
            Feature::Numeric => Side::Range { low: f64::NEG_INFINITY, high: f64::INFINITY },
            Feature::Categorical(count) => Side::Set(vec![true; *count]),
        });
        let mut open = vec![(0, whole.collect::<Vec<_>>())];
        let mut leaves = Vec::new();
        while let Some((at, sides)) = open.pop() {
            match &self.nodes[at] {
                Node::Split { feature, rule, left, right } => {
                    let (mut below, mut above) = (sides.clone(), sides);
                    (below[*feature], above[*feature]) = below[*feature].cut(rule);
                    open.push((*right, above));
                    open.push((*left, below));
                }
                Node::Leaf { mean, variance, weight } => {
                    leaves.push(Leaf { sides, mean: *mean, variance: *variance, weight: *weight });
                }
            }
        }
        leaves
    }
}

impl Rule {
    fn is_left(&self, value: f64) -> bool {
        match self {
            Self::AtMost(cut) => value <= *cut,
            Self::In(set) => set.get(value as usize).copied().unwrap_or(false),
        }
    }
}

impl Side {
    fn cut(&self, rule: &Rule) -> (Self, Self) {
        match (self, rule) {
            (Self::Range { low, high }, Rule::AtMost(cut)) => {
                (Self::Range { low: *low, high: *cut }, Self::Range { low: *cut, high: *high })
            }
            (Self::Set(here), Rule::In(left)) => {
                let of = |side: bool| {
                    here.iter().zip(left).map(|(here, left)| *here && *left == side).collect()
                };
                (Self::Set(of(true)), Self::Set(of(false)))
            }
            // A rule is of its feature's kind.
            _ => (self.clone(), self.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
