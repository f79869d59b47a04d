//! A Gaussian process conditioned on observations: mean, variance and their gradients at a point.
//!
//! Points that are not measured yet can be appended: they shrink the variance, and a draw of their values is a draw of
//! standard normals in the whitened coordinates that the factor's new rows add (Rasmussen and Williams 2006, §2.2 and
//! A.2). Refuses to refit: see `fit`.

use super::kernel::{Kernel, materns};
use crate::numeric::cholesky::{Cholesky, dot};

/// What is added to the diagonal for a point whose value is taken without noise, relative to the scale.
const JITTER: f64 = 1e-8;

/// A conditioned process. A point may have fewer coordinates than the process has axes: the rest are 1, which is the
/// whole of a schedule where the last axis is the fraction.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) kernel: Kernel,
    /// One column for each axis: the coordinates of the points.
    columns: Vec<Vec<f64>>,
    factor: Cholesky,
    /// `L⁻¹ y` of the observed points.
    whitened: Vec<f64>,
}

/// What a point's gradient needs.
pub(crate) struct Projected {
    /// `L⁻¹ k`.
    pub(crate) projection: Vec<f64>,
    /// The slope of each covariance in the squared distance.
    slopes: Vec<f64>,
}

fn coordinate(point: &[f64], axis: usize) -> f64 {
    point.get(axis).copied().unwrap_or(1.0)
}

/// Adds to `squares` the squared distances on one axis, in length scales, of `others` from `at`.
fn add_squares(kernel: &Kernel, axis: usize, at: f64, others: &[f64], squares: &mut [f64]) {
    let weight = kernel.inverse_squares[axis];
    let pairs = squares.iter_mut().zip(others);
    if kernel.categorical[axis] {
        pairs.for_each(|(sum, other)| *sum += if *other == at { 0.0 } else { weight });
    } else {
        pairs.for_each(|(sum, other)| *sum += weight * (other - at) * (other - at));
    }
}

impl Model {
    /// Conditions on points and their targets.
    pub(crate) fn new(kernel: Kernel, points: &[Vec<f64>], targets: &[f64]) -> Self {
        let axes = kernel.categorical.len();
        let columns: Vec<Vec<f64>> = (0..axes)
            .map(|axis| points.iter().map(|point| coordinate(point, axis)).collect())
            .collect();
        let factor = Cholesky::of(points.len(), |i, row| {
            row.fill(0.0);
            for (axis, column) in columns.iter().enumerate() {
                add_squares(&kernel, axis, column[i], &column[i..], row);
            }
            materns(row, &mut vec![0.0; row.len()]);
            row.iter_mut().for_each(|value| *value *= kernel.scale);
            row[0] += kernel.noise;
        });
        let mut whitened = targets.to_vec();
        factor.forward(&mut whitened);
        Self { kernel, columns, factor, whitened }
    }

    /// How many points are measured.
    pub(crate) fn observed(&self) -> usize {
        self.whitened.len()
    }

    /// `L⁻¹ y` of the measured points.
    pub(crate) fn whitened(&self) -> &[f64] {
        &self.whitened
    }

    /// How many points there are, measured or not.
    pub(crate) fn size(&self) -> usize {
        self.factor.size()
    }

    /// A point's coordinate on an axis.
    pub(crate) fn at(&self, index: usize, axis: usize) -> f64 {
        self.columns[axis][index]
    }

    /// A point's row of the factor before the diagonal, and one over its diagonal.
    pub(crate) fn row(&self, index: usize) -> (&[f64], f64) {
        (&self.factor.row(index)[..index], self.factor.reciprocal(index))
    }

    /// Squared distances in length scales from a point to those from the index `from` on.
    fn squares(&self, point: &[f64], from: usize) -> Vec<f64> {
        let mut squares = vec![0.0; self.factor.size() - from];
        for (axis, column) in self.columns.iter().enumerate() {
            let at = coordinate(point, axis);
            add_squares(&self.kernel, axis, at, &column[from..], &mut squares);
        }
        squares
    }

    /// The covariances with a point of those from the index `from` on, and their slopes in the squared distance.
    fn covariances(&self, point: &[f64], from: usize) -> (Vec<f64>, Vec<f64>) {
        let mut values = self.squares(point, from);
        let mut slopes = vec![0.0; values.len()];
        materns(&mut values, &mut slopes);
        for value in values.iter_mut().chain(&mut slopes) {
            *value *= self.kernel.scale;
        }
        (values, slopes)
    }

    /// Brings `projection`, which may hold the part for earlier points, up to `L⁻¹ k` of all points.
    pub(crate) fn project(&self, point: &[f64], projection: &mut Vec<f64>) {
        let from = projection.len();
        projection.extend(self.covariances(point, from).0);
        self.factor.forward_from(from, projection);
    }

    /// As [`Model::project`], with what [`Model::pull_back`] needs.
    pub(crate) fn project_with_slopes(&self, point: &[f64]) -> Projected {
        let (mut projection, slopes) = self.covariances(point, 0);
        self.factor.forward(&mut projection);
        Projected { projection, slopes }
    }

    /// The mean of the measured function.
    pub(crate) fn mean(&self, projection: &[f64]) -> f64 {
        dot(&projection[..self.observed()], &self.whitened)
    }

    /// The variance of the function, not below 1e-12.
    pub(crate) fn variance(&self, projection: &[f64]) -> f64 {
        self.variance_beyond(dot(projection, projection))
    }

    /// As [`Model::variance`], by the projection's squared length.
    pub(crate) fn variance_beyond(&self, square: f64) -> f64 {
        (self.kernel.scale - square).max(0.0) + 1e-12
    }

    /// Adds to `gradient` that of a function at `point` whose slopes in the projection's entries are `weights`.
    /// Unordered axes have none.
    pub(crate) fn pull_back(
        &self,
        point: &[f64],
        projected: &Projected,
        mut weights: Vec<f64>,
        gradient: &mut [f64],
    ) {
        self.factor.backward(&mut weights);
        weights.iter_mut().zip(&projected.slopes).for_each(|(weight, slope)| *weight *= slope);
        for (axis, slot) in gradient.iter_mut().enumerate() {
            if self.kernel.categorical[axis] {
                continue;
            }
            let at = point[axis];
            let sum: f64 =
                self.columns[axis].iter().zip(&weights).map(|(other, w)| w * (at - other)).sum();
            *slot += 2.0 * self.kernel.inverse_squares[axis] * sum;
        }
    }

    /// Appends a point whose value is to be known without noise; gives its row of the factor.
    pub(crate) fn append(&mut self, point: &[f64]) -> &[f64] {
        let (mut values, _) = self.covariances(point, 0);
        let mut jitter = JITTER;
        values.push(self.kernel.scale * (1.0 + jitter));
        while !self.factor.append(&values) {
            jitter *= 10.0;
            let last = values.len() - 1;
            values[last] = self.kernel.scale * (1.0 + jitter) + jitter;
        }
        for (axis, column) in self.columns.iter_mut().enumerate() {
            column.push(coordinate(point, axis));
        }
        self.factor.row(self.factor.size() - 1)
    }
}
