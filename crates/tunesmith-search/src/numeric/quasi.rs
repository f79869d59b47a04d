//! Evenly spread points of the unit cube for a method's own use: Sobol's sequence under a hash-based Owen scrambling.
//!
//! Sources: the direction numbers of [`sobol`](crate::samplers::sobol); Burley, "Practical hash-based Owen scrambling"
//! (JCGT 2020), for the hash. Some ten times faster than the sampler's scrambling, at a hash's quality. Refuses nothing:
//! beyond the table of direction numbers the coordinates are random.

use tunesmith_core::Rng;
use tunesmith_core::probability::normal_quantile;

use crate::samplers::sobol::directions::{BITS, directions};

/// A scrambled sequence.
#[derive(Debug)]
pub(crate) struct Sequence {
    /// `None` beyond the table.
    axes: Vec<Option<[u32; BITS]>>,
    seeds: Vec<u32>,
}

impl Sequence {
    /// A sequence of points with that many coordinates; each stream scrambles in its own way.
    pub(crate) fn new(dimensions: usize, rng: &Rng) -> Self {
        let mut rng = rng.branch_named("quasi-random");
        let seeds = (0..dimensions).map(|_| rng.next_u32()).collect();
        Self { axes: (0..dimensions).map(directions).collect(), seeds }
    }

    /// The point at an index, each coordinate in (0, 1).
    pub(crate) fn point(&self, index: u32) -> Vec<f64> {
        let gray = index ^ (index >> 1);
        let axes = self.axes.iter().zip(&self.seeds);
        axes.map(|(axis, seed)| {
            let digits = match axis {
                Some(directions) => scramble(digits(directions, gray), *seed),
                None => scramble(index.wrapping_mul(0x9e37_79b9), *seed),
            };
            (f64::from(digits) + 0.5) / 4_294_967_296.0
        })
        .collect()
    }

    /// As [`Sequence::point`], with standard normal coordinates.
    pub(crate) fn normal_point(&self, index: u32) -> Vec<f64> {
        self.point(index).into_iter().map(normal_quantile).collect()
    }
}

fn digits(directions: &[u32; BITS], gray: u32) -> u32 {
    let mut rest = gray;
    let mut digits = 0;
    while rest != 0 {
        digits ^= directions[rest.trailing_zeros() as usize];
        rest &= rest - 1;
    }
    digits
}

/// Flips each digit by a hash of those above it: Laine and Karras's hash on the reversed bits, with the constants of
/// Vegdahl.
fn scramble(digits: u32, seed: u32) -> u32 {
    let mut x = digits.reverse_bits();
    x ^= x.wrapping_mul(0x3d20_adea);
    x = x.wrapping_add(seed);
    x = x.wrapping_mul((seed >> 16) | 1);
    x ^= x.wrapping_mul(0x0552_6c56);
    x ^= x.wrapping_mul(0x53a2_2864);
    x.reverse_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_elementary_interval_has_one_point() {
        let sequence = Sequence::new(2, &Rng::at(1, 0, "quasi"));
        let points: Vec<Vec<f64>> = (0..64).map(|index| sequence.point(index)).collect();
        for columns in [1_usize, 2, 4, 8, 16, 32, 64] {
            let rows = 64 / columns;
            let mut cells = vec![0; 64];
            for point in &points {
                let cell = |at: f64, count: usize| (at * count as f64) as usize;
                cells[cell(point[0], columns) * rows + cell(point[1], rows)] += 1;
            }
            assert_eq!(cells, vec![1; 64], "{columns} columns");
        }
    }

    #[test]
    fn beyond_the_table_coordinates_are_spread_too() {
        let sequence = Sequence::new(300, &Rng::at(2, 0, "quasi"));
        let mean: f64 = (0..256).map(|index| sequence.point(index)[299]).sum::<f64>() / 256.0;
        assert!((mean - 0.5).abs() < 0.1, "{mean}");
        let normal: f64 = (0..256).map(|index| sequence.normal_point(index)[0]).sum::<f64>();
        assert!(normal.abs() < 5.0, "{normal}");
    }
}
