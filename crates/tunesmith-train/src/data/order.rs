//! Who comes when: the permutation of the training rows in an epoch.
//!
//! A pure function of (rows, data seed, epoch), the same on every platform, so that all trials of a
//! study see one order and a resumed trial goes on in the middle of it. It draws from no shared
//! generator and keeps no state.

#[cfg(test)]
mod tests;

use crate::op::dropout::mix;

/// The order of the training rows in one epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    rows: Vec<u32>,
}

impl Order {
    /// Shuffles `rows` rows for this data seed and epoch.
    ///
    /// Fisher–Yates from the last place down (Knuth, TAOCP 2, 3.4.2, algorithm P); the draw for
    /// place i is `SplitMix64`'s output i of a stream keyed by seed and epoch (Steele et al. 2014),
    /// scaled by multiply-shift, whose bias is below 2⁻³².
    pub fn shuffled(rows: usize, data_seed: u64, epoch: u64) -> Self {
        let key = mix(mix(data_seed).wrapping_add(mix(!epoch)));
        let mut order: Vec<u32> = (0..rows as u32).collect();
        for place in (1..rows).rev() {
            let draw = mix(key.wrapping_add((place as u64).wrapping_mul(GOLDEN)));
            let other = ((u128::from(draw) * (place as u128 + 1)) >> 64) as usize;
            order.swap(place, other);
        }
        Self { rows: order }
    }

    /// File order, for evaluation.
    pub fn sequential(rows: usize) -> Self {
        Self { rows: (0..rows as u32).collect() }
    }

    /// How many batches an epoch has; the last may be short.
    pub fn batches(&self, batch_size: usize) -> usize {
        self.rows.len().div_ceil(batch_size.max(1))
    }

    /// The row numbers of batch `index`; empty past the last.
    pub fn batch(&self, batch_size: usize, index: usize) -> &[u32] {
        let start = index.saturating_mul(batch_size).min(self.rows.len());
        let end = start.saturating_add(batch_size).min(self.rows.len());
        &self.rows[start..end]
    }

    /// All row numbers in order.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }
}

/// The golden ratio in 64 bits: `SplitMix64`'s increment.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
