//! How a tree grows: rows sorted once for each numeric feature, and at each node the best cut.
//!
//! Refuses recursion: a chain of a thousand cuts is a loop.

use tunesmith_core::Rng;

use super::{Cut, Feature, Node, Rule, Settings};

/// The rows that all trees share.
pub(super) struct Table<'a> {
    features: &'a [Feature],
    rows: &'a [Vec<f64>],
    targets: &'a [f64],
    /// For each numeric feature the rows by its value; empty for a categorical one.
    sorted: Vec<Vec<usize>>,
}

impl<'a> Table<'a> {
    pub(super) fn new(features: &'a [Feature], rows: &'a [Vec<f64>], targets: &'a [f64]) -> Self {
        let sort = |(index, feature): (usize, &Feature)| match feature {
            Feature::Categorical(_) => Vec::new(),
            Feature::Numeric => {
                let mut order: Vec<usize> = (0..rows.len()).collect();
                order.sort_by(|a, b| rows[*a][index].total_cmp(&rows[*b][index]).then(a.cmp(b)));
                order
            }
        };
        let sorted = features.iter().enumerate().map(sort).collect();
        Self { features, rows, targets, sorted }
    }
}

/// Sums over rows.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    weight: f64,
    target: f64,
    square: f64,
}

impl Sums {
    fn add(&mut self, weight: f64, target: f64) {
        self.weight += weight;
        self.target += weight * target;
        self.square += weight * target * target;
    }

    fn minus(self, other: Self) -> Self {
        Self {
            weight: self.weight - other.weight,
            target: self.target - other.target,
            square: self.square - other.square,
        }
    }

    /// What the mean explains of the sum of squares.
    fn explained(self) -> f64 {
        if self.weight > 0.0 { self.target * self.target / self.weight } else { 0.0 }
    }
}

struct Found {
    feature: usize,
    rule: Rule,
    gain: f64,
}

/// A node that is to be cut or closed: its rows are the stretch `start..end` of every order.
struct Open {
    at: usize,
    start: usize,
    end: usize,
    depth: usize,
}

struct Grower<'a> {
    table: &'a Table<'a>,
    weights: &'a [u32],
    settings: &'a Settings,
    /// The orders of the rows that the tree sees: one for each numeric feature, and the first in any case.
    orders: Vec<Vec<usize>>,
    goes_left: Vec<bool>,
    buffer: Vec<usize>,
}

/// The nodes of a tree, the root first.
pub(super) fn grow(
    table: &Table<'_>,
    weights: &[u32],
    settings: &Settings,
    rng: &mut Rng,
) -> Vec<Node> {
    let seen = |order: &Vec<usize>| -> Vec<usize> {
        order.iter().copied().filter(|row| weights[*row] > 0).collect()
    };
    let mut orders: Vec<Vec<usize>> = table.sorted.iter().map(seen).collect();
    // One more order, which every tree has whatever its features.
    orders.push((0..table.rows.len()).filter(|row| weights[*row] > 0).collect());
    let count = orders.last().map_or(0, Vec::len);
    let goes_left = vec![false; table.rows.len()];
    let mut grower =
        Grower { table, weights, settings, orders, goes_left, buffer: Vec::with_capacity(count) };
    let mut nodes = vec![Node::Leaf { mean: 0.0, variance: 0.0, weight: 0.0 }];
    let mut open = vec![Open { at: 0, start: 0, end: count, depth: 0 }];
    while let Some(node) = open.pop() {
        let sums = grower.sums(&node);
        let Some(found) = grower.best(&node, sums, rng) else {
            nodes[node.at] = leaf(sums);
            continue;
        };
        let middle = grower.part(&node, &found);
        let (left, right) = (nodes.len(), nodes.len() + 1);
        nodes.push(leaf(Sums::default()));
        nodes.push(leaf(Sums::default()));
        nodes[node.at] = Node::Split { feature: found.feature, rule: found.rule, left, right };
        let depth = node.depth + 1;
        open.push(Open { at: right, start: middle, end: node.end, depth });
        open.push(Open { at: left, start: node.start, end: middle, depth });
    }
    nodes
}

fn leaf(sums: Sums) -> Node {
    if sums.weight == 0.0 {
        return Node::Leaf { mean: 0.0, variance: 0.0, weight: 0.0 };
    }
    let mean = sums.target / sums.weight;
    let variance = (sums.square / sums.weight - mean * mean).max(0.0);
    Node::Leaf { mean, variance, weight: sums.weight }
}

impl Grower<'_> {
    fn rows(&self, node: &Open) -> &[usize] {
        self.orders.last().map_or(&[], |order| &order[node.start..node.end])
    }

    fn sums(&self, node: &Open) -> Sums {
        let mut sums = Sums::default();
        for row in self.rows(node) {
            sums.add(f64::from(self.weights[*row]), self.table.targets[*row]);
        }
        sums
    }

    /// The cut that explains the most, if any explains more than none.
    fn best(&self, node: &Open, sums: Sums, rng: &mut Rng) -> Option<Found> {
        let least = (2 * self.settings.least_leaf).max(self.settings.least_split).max(2);
        if sums.weight < least as f64 || node.depth >= self.settings.most_depth {
            return None;
        }
        let mut best: Option<Found> = None;
        for (feature, kind) in self.table.features.iter().enumerate() {
            let found = match kind {
                Feature::Numeric => self.best_number(node, feature, sums, rng),
                Feature::Categorical(count) => self.best_sets(node, feature, *count, sums),
            };
            let Some(found) = found else { continue };
            if best.as_ref().is_none_or(|best| found.gain > best.gain) {
                best = Some(found);
            }
        }
        // Rounding alone gains about 1e-16 of the sum of squares.
        best.filter(|found| found.gain > 1e-13 * sums.square)
    }

    fn is_large_enough(&self, left: Sums, all: Sums) -> bool {
        let least = self.settings.least_leaf as f64;
        left.weight >= least && all.weight - left.weight >= least
    }

    fn best_number(&self, node: &Open, feature: usize, all: Sums, rng: &mut Rng) -> Option<Found> {
        let order = &self.orders[feature][node.start..node.end];
        let value = |row: usize| self.table.rows[row][feature];
        let mut left = Sums::default();
        let mut best: Option<(f64, f64, f64)> = None;
        for pair in order.windows(2) {
            let (row, next) = (pair[0], pair[1]);
            left.add(f64::from(self.weights[row]), self.table.targets[row]);
            let (low, high) = (value(row), value(next));
            if low >= high || !self.is_large_enough(left, all) {
                continue;
            }
            let gain = left.explained() + all.minus(left).explained() - all.explained();
            if best.is_none_or(|(best, ..)| gain > best) {
                best = Some((gain, low, high));
            }
        }
        let (gain, low, high) = best?;
        let share = match self.settings.cut {
            Cut::Middle => 0.5,
            Cut::Random => rng.open_uniform(),
        };
        let cut = low + share * (high - low);
        // Between neighbouring numbers the upper one would fall to the left.
        let cut = if cut < high { cut } else { low };
        Some(Found { feature, rule: Rule::AtMost(cut), gain })
    }

    fn best_sets(&self, node: &Open, feature: usize, count: usize, all: Sums) -> Option<Found> {
        let mut sums = vec![Sums::default(); count];
        for row in self.rows(node) {
            let category = (self.table.rows[*row][feature] as usize).min(count.saturating_sub(1));
            sums[category].add(f64::from(self.weights[*row]), self.table.targets[*row]);
        }
        let mut present: Vec<usize> =
            (0..count).filter(|index| sums[*index].weight > 0.0).collect();
        let mean = |index: &usize| sums[*index].target / sums[*index].weight;
        present.sort_by(|a, b| mean(a).total_cmp(&mean(b)).then(a.cmp(b)));
        let mut left = Sums::default();
        let mut best: Option<(f64, usize, bool)> = None;
        for (place, category) in present.iter().enumerate().take(present.len().saturating_sub(1)) {
            left = Sums {
                weight: left.weight + sums[*category].weight,
                target: left.target + sums[*category].target,
                square: left.square + sums[*category].square,
            };
            if !self.is_large_enough(left, all) {
                continue;
            }
            let gain = left.explained() + all.minus(left).explained() - all.explained();
            if best.is_none_or(|(best, ..)| gain > best) {
                best = Some((gain, place + 1, 2.0 * left.weight > all.weight));
            }
        }
        let (gain, length, left_is_heavier) = best?;
        // A category that no row of the node has goes with the heavier side.
        let mut set: Vec<bool> =
            sums.iter().map(|sums| sums.weight == 0.0 && left_is_heavier).collect();
        for category in &present[..length] {
            set[*category] = true;
        }
        Some(Found { feature, rule: Rule::In(set), gain })
    }

    /// Parts the node's stretch of every order, each side in its old order; where the right side begins.
    fn part(&mut self, node: &Open, found: &Found) -> usize {
        let Some(any) = self.orders.last() else { return node.start };
        let mut count = 0;
        for row in &any[node.start..node.end] {
            let is_left = found.rule.is_left(self.table.rows[*row][found.feature]);
            self.goes_left[*row] = is_left;
            count += usize::from(is_left);
        }
        for order in self.orders.iter_mut().filter(|order| !order.is_empty()) {
            let stretch = &mut order[node.start..node.end];
            self.buffer.clear();
            let mut write = 0;
            for read in 0..stretch.len() {
                let row = stretch[read];
                if self.goes_left[row] {
                    stretch[write] = row;
                    write += 1;
                } else {
                    self.buffer.push(row);
                }
            }
            stretch[write..].copy_from_slice(&self.buffer);
        }
        node.start + count
    }
}
