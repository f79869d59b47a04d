//! A surrogate of a table of random trainings: the weighted mean of the curves of the nearest rows.
//!
//! The weights are `1 / (d² + smoothing)`, with `d` the Euclidean distance over axes that are scaled by how much they
//! matter; so a row's own noise does not make a spike. Rows that broke down and rows that did not are never averaged
//! with each other: the heavier kind decides, so a cliff stays a cliff. Refuses to extrapolate: beyond the rows it is
//! flat.

use crate::objective::Point;

/// A row of a table.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Where it lies, each axis scaled by its weight.
    pub(super) at: Vec<f64>,
    /// Whether the training broke down.
    pub(super) broken: bool,
    /// Its values at the table's fractions.
    pub(super) values: Vec<f64>,
}

/// The nearest rows of a table.
#[derive(Debug)]
pub(super) struct Neighbours {
    /// Ascending.
    pub(super) fractions: Vec<f64>,
    pub(super) rows: Vec<Row>,
    pub(super) count: usize,
    pub(super) smoothing: f64,
}

impl Neighbours {
    /// The curve at a place, over the rows that `among` lets through.
    pub(super) fn curve(&self, at: &[f64], among: impl Fn(&Row) -> bool) -> Vec<Point> {
        let weighted = self.nearest(at, among);
        let weight = |broken: bool| -> f64 {
            weighted.iter().filter(|(_, row)| row.broken == broken).map(|(weight, _)| weight).sum()
        };
        let broken = weight(true) > weight(false);
        let total = weight(broken);
        let mean = |index: usize| {
            let kind = weighted.iter().filter(|(_, row)| row.broken == broken);
            kind.map(|(weight, row)| weight * row.values[index]).sum::<f64>() / total
        };
        let points = self.fractions.iter().enumerate();
        points.map(|(index, fraction)| Point { fraction: *fraction, value: mean(index) }).collect()
    }

    /// Weights and rows; ties go to the earlier row.
    fn nearest(&self, at: &[f64], among: impl Fn(&Row) -> bool) -> Vec<(f64, &Row)> {
        let mut nearest: Vec<(f64, &Row)> = Vec::with_capacity(self.count + 1);
        for row in self.rows.iter().filter(|row| among(row)) {
            let square: f64 =
                row.at.iter().zip(at).map(|(left, right)| (left - right) * (left - right)).sum();
            if nearest.len() == self.count && nearest.last().is_some_and(|last| square >= last.0) {
                continue;
            }
            let place = nearest.partition_point(|(other, _)| *other <= square);
            nearest.insert(place, (square, row));
            nearest.truncate(self.count);
        }
        nearest.into_iter().map(|(square, row)| (1.0 / (square + self.smoothing), row)).collect()
    }
}

/// The value of a recorded curve at a fraction, linear between its points and flat beyond them.
pub(super) fn interpolate(curve: &[Point], fraction: f64) -> f64 {
    let after = curve.partition_point(|point| point.fraction < fraction);
    match (after.checked_sub(1).and_then(|before| curve.get(before)), curve.get(after)) {
        (Some(before), Some(after)) => {
            let share = (fraction - before.fraction) / (after.fraction - before.fraction);
            before.value + share * (after.value - before.value)
        }
        (Some(only), None) | (None, Some(only)) => only.value,
        (None, None) => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Neighbours {
        let row =
            |x: f64, broken: bool, value: f64| Row { at: vec![x], broken, values: vec![value] };
        let rows = vec![row(0.0, false, 1.0), row(1.0, false, 3.0), row(2.0, true, 100.0)];
        Neighbours { fractions: vec![1.0], rows, count: 2, smoothing: 1e-9 }
    }

    #[test]
    fn sane_and_broken_rows_are_not_mixed() {
        let table = table();
        let value = |x: f64| table.curve(&[x], |_| true)[0].value;
        assert!((value(0.5) - 2.0).abs() < 1e-6);
        assert!((value(0.0) - 1.0).abs() < 1e-6);
        assert!((value(1.4) - 3.0).abs() < 1e-6);
        assert!((value(1.6) - 100.0).abs() < 1e-6);
        assert!((table.curve(&[2.0], |row| !row.broken)[0].value - 2.6).abs() < 1e-6);
    }

    #[test]
    fn curves_are_linear_between_their_points() {
        let curve = [(0.25, 1.0), (0.75, 2.0)].map(|(fraction, value)| Point { fraction, value });
        let values = [0.0, 0.25, 0.5, 1.0].map(|fraction| interpolate(&curve, fraction));
        assert_eq!(values, [1.0, 1.0, 1.5, 2.0]);
    }
}
