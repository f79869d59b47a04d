//! Which rows of the word table a slot has seen, and what the others are owed.
//!
//! A row that no batch ever named has zero moments and a zero gradient: AdamW does nothing to it
//! but decay. That is put off until the row is read, and then done step by step, so the result
//! is bit for bit that of the dense algorithm. This file refuses to approximate: rows that were
//! seen once take part in every later step.

/// The state of one slot's word table.
#[derive(Debug, Clone, Default)]
pub(crate) struct WordRows {
    /// Rows that had a gradient, ascending.
    seen: Vec<u32>,
    /// The same as flags by row.
    flags: Vec<bool>,
    /// Rows named since the last step, ascending.
    fresh: Vec<u32>,
    /// What each step multiplied decaying weights by; empty while nothing decays.
    keeps: Vec<f32>,
    /// How many of `keeps` a row has had.
    applied: Vec<u32>,
}

impl WordRows {
    /// Nothing seen of `rows` rows.
    pub(crate) fn new(rows: usize) -> Self {
        Self { flags: vec![false; rows], applied: vec![0; rows], ..Self::default() }
    }

    /// Rows that had a gradient, ascending.
    pub(crate) fn seen(&self) -> &[u32] {
        &self.seen
    }

    /// Rows named since the last step, ascending.
    pub(crate) fn fresh(&self) -> &[u32] {
        &self.fresh
    }

    /// What each step multiplied decaying weights by.
    pub(crate) fn keeps(&self) -> &[f32] {
        &self.keeps
    }

    /// Brings rows up to date before they are read; `train` marks them as seen.
    pub(crate) fn touch(
        &mut self,
        ids: impl Iterator<Item = u32>,
        table: &mut [f32],
        width: usize,
        train: bool,
    ) {
        let mut named: Vec<u32> = ids.collect();
        named.sort_unstable();
        named.dedup();
        for id in &named {
            let id = *id as usize;
            if !self.flags[id] {
                let owed = &self.keeps[self.applied[id] as usize..];
                let row = &mut table[id * width..][..width];
                for keep in owed {
                    for weight in row.iter_mut() {
                        *weight *= *keep;
                    }
                }
                self.applied[id] = self.keeps.len() as u32;
            }
        }
        if train {
            self.mark(&named);
            self.fresh = merged(&self.fresh, &named);
        }
    }

    fn mark(&mut self, named: &[u32]) {
        let new: Vec<u32> = named.iter().copied().filter(|id| !self.flags[*id as usize]).collect();
        new.iter().for_each(|id| self.flags[*id as usize] = true);
        if !new.is_empty() {
            self.seen = merged(&self.seen, &new);
        }
    }

    /// Ends a step that multiplied decaying weights by `keep`.
    pub(crate) fn close(&mut self, keep: f32) {
        if keep != 1.0 {
            self.keeps.push(keep);
        }
        self.fresh.clear();
    }

    /// The state that a checkpoint held: rows seen and the decays so far.
    pub(crate) fn restore(rows: usize, seen: &[u32], keeps: Vec<f32>) -> Self {
        let mut words = Self { keeps, ..Self::new(rows) };
        words.mark(seen);
        words
    }
}

/// The union of two ascending lists.
fn merged(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut all = [a, b].concat();
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_is_read_late_has_had_every_decay_in_order() {
        let mut words = WordRows::new(3);
        let mut table = vec![1.0f32, 2.0, 3.0];
        words.touch([0].into_iter(), &mut table, 1, true);
        for keep in [0.9, 0.99, 1.0, 0.5] {
            words.close(keep);
        }
        words.touch([0, 2].into_iter(), &mut table, 1, false);
        assert_eq!(table, [1.0, 2.0, 3.0 * 0.9 * 0.99 * 0.5]);
        words.touch([2].into_iter(), &mut table, 1, true);
        assert_eq!(table[2], 3.0 * 0.9 * 0.99 * 0.5, "a decay is applied once");
        assert_eq!(words.seen(), [0, 2]);
        assert_eq!(words.fresh(), [2]);
    }
}
