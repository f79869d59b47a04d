//! Lattices under a normal distribution: the margin that keeps a neighbour in reach.
//!
//! CMA-ES with margin (Hamano, Saito, Nomura and Shirakawa, GECCO 2022) as in cmaes 0.13.1 (`CMAwM`), but for
//! lattices whose points need not be equally far apart: thresholds lie in the middle of neighbours. Refuses to touch
//! the covariance: it moves the mean and the factor `A` of the lattice's own coordinate.

use tunesmith_core::probability::{normal_cdf, normal_quantile};

/// The positions of a lattice and the thresholds between them, both ascending.
#[derive(Debug, Clone)]
pub(super) struct Lattice {
    pub(super) positions: Vec<f64>,
    thresholds: Vec<f64>,
}

/// One coordinate's distribution.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coordinate {
    pub(super) mean: f64,
    /// The standard deviation that sigma and the covariance give it.
    pub(super) deviation: f64,
    /// The factor `A`.
    pub(super) scale: f64,
}

impl Lattice {
    /// Of at least two positions.
    pub(super) fn new(positions: Vec<f64>) -> Self {
        let middle = |pair: &[f64]| f64::midpoint(pair[0], pair[1]);
        let thresholds = positions.windows(2).map(middle).collect();
        Self { positions, thresholds }
    }

    /// The position whose cell a coordinate lies in.
    pub(super) fn nearest(&self, at: f64) -> f64 {
        let index = self.thresholds.partition_point(|threshold| *threshold < at);
        self.positions[index.min(self.positions.len() - 1)]
    }

    /// Moves the mean and the scale so that a neighbouring cell keeps at least the mass `margin`.
    pub(super) fn correct(&self, coordinate: &mut Coordinate, margin: f64) {
        let Coordinate { mean, deviation, scale } = *coordinate;
        let index = self.thresholds.partition_point(|threshold| *threshold < mean);
        let last = self.thresholds.len() - 1;
        let low = self.thresholds[index.saturating_sub(1).min(last)];
        let high = self.thresholds[index.min(last)];
        let spread = deviation * scale;
        let below = normal_cdf((low - mean) / spread);
        let above = normal_cdf((mean - high) / spread);
        if below.max(above) > 0.5 {
            if below.min(above) < margin {
                let sign = if mean > high { 1.0 } else { -1.0 };
                coordinate.mean = high - sign * spread * normal_quantile(margin);
            }
            return;
        }
        let between = 1.0 - (below + above);
        let (below, above) = (below.max(margin / 2.0), above.max(margin / 2.0));
        let excess = (1.0 - below - above - between) / (below + between + above - 1.5 * margin);
        let corrected = |mass: f64| {
            let mass = mass + excess * (mass - margin / 2.0);
            // The distance, in deviations, beyond which that mass lies.
            -normal_quantile(mass.clamp(1e-10, 0.5 - 1e-10))
        };
        let (to_low, to_high) = (corrected(below), corrected(above));
        coordinate.scale = (high - low) / ((to_low + to_high) * deviation);
        coordinate.mean = (low * to_high + high * to_low) / (to_low + to_high);
    }
}
