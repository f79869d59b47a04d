//! Dropout whose mask is a function of (seed, step, site, index): never stored, the same again in
//! the backward pass, and independent of how trials are packed.
//!
//! The mask's bits come from a two-key finaliser in the manner of MurmurHash3; this file refuses
//! to keep any state.

/// A dropout site's key for one slot and step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mask {
    key: [u32; 2],
    /// Values below this are dropped; 0 keeps everything.
    threshold: u32,
    /// What kept values are multiplied by.
    scale: f32,
}

impl Mask {
    /// Keeps everything.
    pub(crate) const NONE: Mask = Mask { key: [0, 0], threshold: 0, scale: 1.0 };

    /// Drops with `probability`, from 0 to below 1.
    pub(crate) fn new(seed: u64, step: u64, site: u64, probability: f32) -> Self {
        if probability <= 0.0 {
            return Self::NONE;
        }
        let bits = mix(mix(mix(seed) ^ step) ^ site);
        let threshold = (f64::from(probability) * 4_294_967_296.0) as u32;
        Self {
            key: [bits as u32, (bits >> 32) as u32],
            threshold,
            scale: 1.0 / (1.0 - probability),
        }
    }

    /// The same site for one part of it, such as a row and head of attention.
    pub(crate) fn part(self, index: u64) -> Self {
        let bits = mix((u64::from(self.key[1]) << 32 | u64::from(self.key[0])) ^ mix(index));
        Self { key: [bits as u32, (bits >> 32) as u32], ..self }
    }

    /// Whether anything is dropped.
    pub(crate) fn drops(&self) -> bool {
        self.threshold > 0
    }

    /// The factor of element `index`: 0 or `1 / (1 - probability)`.
    #[inline(always)]
    pub(crate) fn factor(&self, index: u32) -> f32 {
        let mut h = index.wrapping_mul(0x9e37_79b1).wrapping_add(self.key[0]);
        h ^= h >> 16;
        h = h.wrapping_mul(0x85eb_ca6b);
        h ^= self.key[1];
        h ^= h >> 13;
        h = h.wrapping_mul(0xc2b2_ae35);
        h ^= h >> 16;
        if h >= self.threshold { self.scale } else { 0.0 }
    }
}

/// SplitMix64's finaliser: a bijection that spreads every input bit.
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dropped_part_and_the_mean_are_right() {
        for probability in [0.05_f32, 0.1, 0.5] {
            let mask = Mask::new(7, 3, 11, probability);
            let n = 200_000;
            let sum: f64 = (0..n).map(|i| f64::from(mask.factor(i))).sum();
            let mean = sum / f64::from(n);
            let error =
                (f64::from(probability) / (1.0 - f64::from(probability)) / f64::from(n)).sqrt();
            assert!((mean - 1.0).abs() < 4.0 * error, "{probability}: {mean}");
        }
    }

    #[test]
    fn neighbouring_keys_and_parts_are_uncorrelated() {
        let a = Mask::new(7, 3, 11, 0.5);
        for b in [
            Mask::new(8, 3, 11, 0.5),
            Mask::new(7, 4, 11, 0.5),
            Mask::new(7, 3, 12, 0.5),
            a.part(0),
            a.part(1),
        ] {
            let agree = (0..100_000).filter(|i| a.factor(*i) == b.factor(*i)).count();
            assert!((49_000..51_000).contains(&agree), "{agree}");
        }
    }

    #[test]
    fn zero_probability_keeps_everything() {
        let mask = Mask::new(1, 2, 3, 0.0);
        assert!(!mask.drops());
        assert!((0..1000).all(|i| mask.factor(i) == 1.0));
    }
}
