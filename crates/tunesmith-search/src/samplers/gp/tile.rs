//! Some candidates at once: their projections on a model, brought forward as points are appended, with means and
//! variances.
//!
//! Every step is taken for all lanes alike, so that the compiler fills whole registers of any width, and each lane's
//! sums have the same order. Refuses gradients: see `model`.

use std::array::from_fn;

use super::kernel::materns;
use super::model::Model;

/// How many candidates a tile holds.
pub(crate) const LANES: usize = 16;

/// One number for each candidate of a tile.
pub(crate) type Lanes = [f64; LANES];

/// Up to [`LANES`] candidates, as one model sees them.
#[derive(Debug, Clone)]
pub(crate) struct Tile {
    /// For each axis the candidates' coordinates.
    coordinates: Vec<Lanes>,
    /// For each point of the model the candidates' entries of `L⁻¹ k`.
    projections: Vec<Lanes>,
    means: Lanes,
    /// The squared lengths of the projections.
    squares: Lanes,
}

impl Tile {
    /// Of at most [`LANES`] points, one at least; lanes without one repeat the first.
    pub(crate) fn new(points: &[Vec<f64>], axes: usize) -> Self {
        let at = |axis: usize, lane: usize| {
            let point = points.get(lane).unwrap_or(&points[0]);
            point.get(axis).copied().unwrap_or(1.0)
        };
        Self {
            coordinates: (0..axes).map(|axis| from_fn(|lane| at(axis, lane))).collect(),
            projections: Vec::new(),
            means: [0.0; LANES],
            squares: [0.0; LANES],
        }
    }

    /// Takes in the model's points that came since.
    pub(crate) fn advance(&mut self, model: &Model) {
        self.projections.reserve(model.size() - self.projections.len());
        for index in self.projections.len()..model.size() {
            let entries = self.projection(model, index);
            if let Some(target) = model.whitened().get(index) {
                self.means = from_fn(|lane| self.means[lane] + target * entries[lane]);
            }
            self.squares = from_fn(|lane| self.squares[lane] + entries[lane] * entries[lane]);
            self.projections.push(entries);
        }
    }

    /// The entries of the projections at a point of the model, from those before it.
    fn projection(&self, model: &Model, index: usize) -> Lanes {
        let mut entries = self.squared_distances(model, index);
        materns(&mut entries, &mut [0.0; LANES]);
        entries = entries.map(|value| model.kernel.scale * value);
        let (factor, reciprocal) = model.row(index);
        let (weights, last_weights) = factor.as_chunks::<4>();
        let (rows, last_rows) = self.projections[..index].as_chunks::<4>();
        for (w, [a, b, c, d]) in weights.iter().zip(rows) {
            for lane in 0..LANES {
                entries[lane] -=
                    (w[0] * a[lane] + w[1] * b[lane]) + (w[2] * c[lane] + w[3] * d[lane]);
            }
        }
        for (weight, row) in last_weights.iter().zip(last_rows) {
            entries = from_fn(|lane| entries[lane] - weight * row[lane]);
        }
        entries.map(|value| value * reciprocal)
    }

    /// In length scales, from a point of the model.
    fn squared_distances(&self, model: &Model, index: usize) -> Lanes {
        let mut squares = [0.0; LANES];
        for (axis, at) in self.coordinates.iter().enumerate() {
            let (weight, other) = (model.kernel.inverse_squares[axis], model.at(index, axis));
            if model.kernel.categorical[axis] {
                let square = |lane: usize| if at[lane] == other { 0.0 } else { weight };
                squares = from_fn(|lane| squares[lane] + square(lane));
            } else {
                let gaps = at.map(|at| at - other);
                squares = from_fn(|lane| squares[lane] + weight * gaps[lane] * gaps[lane]);
            }
        }
        squares
    }

    /// The means of the measured function.
    pub(crate) fn means(&self) -> &Lanes {
        &self.means
    }

    /// The variances of the function, as [`Model::variance`].
    pub(crate) fn variances(&self, model: &Model) -> Lanes {
        self.squares.map(|square| model.variance_beyond(square))
    }

    /// The entries of the projections at the points that are not measured yet.
    pub(crate) fn appended(&self, model: &Model) -> &[Lanes] {
        &self.projections[model.observed()..]
    }
}
