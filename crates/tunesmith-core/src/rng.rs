//! Addressed chance: a counter-based generator whose every stream has a name, so that resuming a study repeats
//! no draw and skips none, and a draw does not depend on the order in which others are made.
//!
//! Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011),
//! checked against the vectors of Random123. Refuses to be seeded from the environment, and is no cipher.

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const KEY_STEPS: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: u32 = 10;

/// A stream of random numbers with an address.
#[derive(Debug, Clone, PartialEq)]
pub struct Rng {
    key: [u32; 2],
    address: [u32; 2],
    block: u64,
    buffer: [u32; 4],
    used: usize,
}

impl Rng {
    /// The stream of a study for one trial and one purpose. The same arguments give the same stream everywhere.
    pub fn at(study_seed: u64, trial: u32, purpose: &str) -> Self {
        Self::keyed(words(study_seed), [trial, fold(hash_text(purpose))])
    }

    /// The stream under this one with the given number. Depends on this stream's address alone, never on how
    /// much was drawn from it.
    #[must_use]
    pub fn branch(&self, number: u64) -> Self {
        let [a, b, c, d] = self.branch_block(number);
        Self::keyed([a, b], [c, d])
    }

    /// 64 random bits that belong to a number: a hash of this stream's address and the number.
    pub fn bits_at(&self, number: u64) -> u64 {
        let [low, high, ..] = self.branch_block(number);
        u64::from(low) | u64::from(high) << 32
    }

    fn branch_block(&self, number: u64) -> [u32; 4] {
        let [low, high] = words(number);
        // Under another key than the draws, so that a branch never repeats them.
        let key = [self.key[0] ^ 0x5bd1_e995, self.key[1] ^ 0x1b87_3593];
        philox([low, high, self.address[0], self.address[1]], key)
    }

    /// The stream under this one with the given name.
    #[must_use]
    pub fn branch_named(&self, name: &str) -> Self {
        self.branch(hash_text(name))
    }

    fn keyed(key: [u32; 2], address: [u32; 2]) -> Self {
        Self { key, address, block: 0, buffer: [0; 4], used: 4 }
    }

    /// The next 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.used == self.buffer.len() {
            let [low, high] = words(self.block);
            self.buffer = philox([low, high, self.address[0], self.address[1]], self.key);
            self.block = self.block.wrapping_add(1);
            self.used = 0;
        }
        let next = self.buffer[self.used];
        self.used += 1;
        next
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let low = u64::from(self.next_u32());
        low | u64::from(self.next_u32()) << 32
    }

    /// Uniform in `[0, 1)`, one of 2^53 equally spaced numbers.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Uniform among `0..bound`, without bias (Lemire, "Fast random integer generation in an interval", 2019).
    /// `bound` 0 is taken as 1.
    pub fn below(&mut self, bound: u64) -> u64 {
        let bound = bound.max(1);
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// Uniform in `(0, 1)`: the middles of 2^52 equal intervals, so that neither end is drawn.
    pub fn open_uniform(&mut self) -> f64 {
        ((self.next_u64() >> 12) as f64 + 0.5) * (1.0 / 4_503_599_627_370_496.0)
    }

    /// Standard normal, by the inverse of its distribution function.
    pub fn normal(&mut self) -> f64 {
        crate::probability::normal_quantile(self.open_uniform())
    }

    /// Shuffles in place (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            items.swap(last, other);
        }
    }
}

fn words(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}

fn fold(hash: u64) -> u32 {
    (hash ^ (hash >> 32)) as u32
}

/// FNV-1a, 64 bits.
fn hash_text(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..ROUNDS {
        if round > 0 {
            key = [key[0].wrapping_add(KEY_STEPS[0]), key[1].wrapping_add(KEY_STEPS[1])];
        }
        let [low0, high0] = words(u64::from(MULTIPLIERS[0]) * u64::from(counter[0]));
        let [low1, high1] = words(u64::from(MULTIPLIERS[1]) * u64::from(counter[2]));
        counter = [high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0];
    }
    counter
}

#[cfg(test)]
mod tests;
