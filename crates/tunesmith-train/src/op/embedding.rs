//! Sums of word, position and token-type embeddings, and their gradients by row.
//!
//! Only rows that a batch names are read or written: gradients of the other 30,000 words are not
//! touched. This file refuses to normalise; that is [`super::norm`]'s.

use candle_core::Result;
use rayon::prelude::*;

use super::sharing::grain;
use super::vector::{add, vectorised};
use super::{Operator, Place, Span, carve, tasks};

/// Token ids of a pass: one entry a row of the hidden state.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tokens {
    /// Word ids.
    pub(crate) words: Vec<u32>,
    /// Positions within the text, as the encoder counts them.
    pub(crate) positions: Vec<u32>,
    /// Token types.
    pub(crate) types: Vec<u32>,
}

/// Where the tables are; the types' table is absent in DistilBERT.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tables {
    /// `[vocabulary, width]`.
    pub(crate) words: Place,
    /// `[positions, width]`.
    pub(crate) positions: Place,
    /// `[types, width]`.
    pub(crate) types: Option<Place>,
}

/// Outputs `[z]`, inputs `[weights]`: the sum of the three rows of each token.
#[derive(Debug)]
pub(crate) struct Forward<'a> {
    /// Which rows are whose.
    pub(crate) spans: &'a [Span],
    /// Columns.
    pub(crate) width: usize,
    /// The ids.
    pub(crate) tokens: &'a Tokens,
    /// The tables.
    pub(crate) tables: Tables,
}

vectorised! {
    fn sum_of_three(z: &mut [f32], a: &[f32], b: &[f32], c: &[f32]) {
        for (((z, a), b), c) in z.iter_mut().zip(a).zip(b).zip(c) {
            *z = *a + *c + *b;
        }
    }
}

fn row(table: &[f32], id: u32, width: usize) -> &[f32] {
    &table[id as usize * width..][..width]
}

impl Operator for Forward<'_> {
    fn name(&self) -> &'static str {
        "embedding forward"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()> {
        let weights = inputs[0];
        let tasks = tasks(self.spans);
        let zeros = vec![0f32; self.width];
        let pieces = carve(outputs[0], &tasks, self.width);
        tasks.par_iter().zip(pieces).with_min_len(grain()).for_each(|(task, z)| {
            let words = self.tables.words.of(weights, task.slot);
            let positions = self.tables.positions.of(weights, task.slot);
            let types = self.tables.types.map(|place| place.of(weights, task.slot));
            for (i, z) in z.chunks_exact_mut(self.width).enumerate() {
                let token = task.start + i;
                let kind =
                    types.map_or(&zeros[..], |t| row(t, self.tokens.types[token], self.width));
                let word = row(words, self.tokens.words[token], self.width);
                let position = row(positions, self.tokens.positions[token], self.width);
                sum_of_three(z, word, position, kind);
            }
        });
        Ok(())
    }
}

/// Outputs `[gradients]`, inputs `[dz]`: adds each token's gradient to the rows it was made of.
/// Rows of the tables that no token names stay as they are.
#[derive(Debug)]
pub(crate) struct Backward<'a> {
    /// Which rows are whose.
    pub(crate) spans: &'a [Span],
    /// Columns.
    pub(crate) width: usize,
    /// The ids.
    pub(crate) tokens: &'a Tokens,
    /// The tables, in the gradients.
    pub(crate) tables: Tables,
}

/// Parts that a table is cut into so that threads write disjoint rows.
const PARTS: usize = 16;

impl Operator for Backward<'_> {
    fn name(&self) -> &'static str {
        "embedding backward"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()> {
        for span in self.spans {
            let mut scatter = |place: &Place, ids: &[u32]| {
                let table = place.of_mut(outputs[0], span.slot);
                let height = (table.len() / self.width).div_ceil(PARTS);
                let parts = table.par_chunks_mut(height * self.width).enumerate();
                parts.with_min_len(grain()).for_each(|(part, rows)| {
                    let low = part * height;
                    for token in span.start..span.start + span.rows {
                        let id = ids[token] as usize;
                        if (low..low + height).contains(&id) {
                            let to = &mut rows[(id - low) * self.width..][..self.width];
                            add(to, &inputs[0][token * self.width..][..self.width]);
                        }
                    }
                });
            };
            scatter(&self.tables.words, &self.tokens.words);
            scatter(&self.tables.positions, &self.tokens.positions);
            if let Some(types) = &self.tables.types {
                scatter(types, &self.tokens.types);
            }
        }
        Ok(())
    }
}
