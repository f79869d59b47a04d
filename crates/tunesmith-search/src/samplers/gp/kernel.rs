//! How alike the results at two points are: Matérn-5/2 with a length scale for each axis.
//!
//! The form of optuna 5.0.0's `GPRegressor`: `scale · matern(Σ wᵢ dᵢ²)` with `wᵢ = 1/lᵢ²`, where `dᵢ²` of an unordered
//! choice is 0 for equal and 1 for different (Hamming). Refuses axes that interact: one length scale each.

use crate::numeric::special::exponentials;

/// How many values are worked out at a time.
const BLOCK: usize = 16;

/// A covariance function and the noise on top of it.
#[derive(Debug, Clone)]
pub(crate) struct Kernel {
    /// Which axes are unordered choices.
    pub(crate) categorical: Vec<bool>,
    /// One over the squared length scale of each axis.
    pub(crate) inverse_squares: Vec<f64>,
    /// The variance of the function.
    pub(crate) scale: f64,
    /// The variance of the noise.
    pub(crate) noise: f64,
}

/// Matérn-5/2 of squared distances: their places take the values, `slopes` the slopes in the squared distance.
pub(crate) fn materns(squared: &mut [f64], slopes: &mut [f64]) {
    for (squared, slopes) in squared.chunks_mut(BLOCK).zip(slopes.chunks_mut(BLOCK)) {
        for (square, slope) in squared.iter().zip(slopes.iter_mut()) {
            *slope = -(5.0 * square).sqrt();
        }
        let mut decays = [0.0; BLOCK];
        decays[..slopes.len()].copy_from_slice(slopes);
        exponentials(&mut decays);
        for ((square, slope), decay) in squared.iter_mut().zip(slopes).zip(decays) {
            let root = -*slope;
            *slope = -5.0 / 6.0 * (root + 1.0) * decay;
            *square = decay * (5.0 / 3.0 * *square + root + 1.0);
        }
    }
}

/// The squared distance on one axis.
pub(crate) fn axis_square(categorical: bool, left: f64, right: f64) -> f64 {
    if categorical { f64::from(u8::from(left != right)) } else { (left - right) * (left - right) }
}

impl Kernel {
    /// The squared distance in length scales.
    pub(crate) fn squared(&self, left: &[f64], right: &[f64]) -> f64 {
        let axes = self.categorical.iter().zip(&self.inverse_squares);
        let pairs = left.iter().zip(right);
        axes.zip(pairs).map(|((cat, weight), (a, b))| weight * axis_square(*cat, *a, *b)).sum()
    }
}
