//! Affine maps `y = x · Wᵀ + b` of a pack: each slot's rows meet that slot's weights.
//!
//! Shapes: `x` is `[rows, inputs]`, `W` is `[outputs, inputs]` as in PyTorch, `y` is
//! `[rows, outputs]`; rows of all slots lie one after another. This file refuses to fuse what
//! follows a product: activations and norms add the bias themselves where that saves a pass.

use candle_core::Result;
use rayon::prelude::*;

use super::matrix::{Matrix, MatrixMut, Threads, Write, multiply};
use super::sharing::grain;
use super::vector::{add, add_rows};
use super::{Operator, Place, Span, carve, rows};

/// The shape of a map.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Columns of `x`.
    pub(crate) inputs: usize,
    /// Columns of `y`.
    pub(crate) outputs: usize,
}

/// Runs `work` for every span with its piece of `output`: over the pool by span where there are
/// several slots, else inside each product.
fn by_span<'o>(
    output: &'o mut [f32],
    spans: &[Span],
    width: usize,
    work: impl Fn(&Span, &'o mut [f32], Threads) + Sync,
) {
    let pieces = carve(output, spans, width);
    if spans.len() > 1 {
        spans.par_iter().zip(pieces).for_each(|(span, piece)| work(span, piece, Threads::One));
    } else {
        spans.iter().zip(pieces).for_each(|(span, piece)| work(span, piece, Threads::Pool));
    }
}

/// Outputs `[y]`, inputs `[x, weights]`: the forward product.
#[derive(Debug)]
pub(crate) struct Forward<'a> {
    /// Which rows are whose.
    pub(crate) spans: &'a [Span],
    /// Inputs and outputs of the map.
    pub(crate) shape: Shape,
    /// Where `W` is.
    pub(crate) weight: Place,
    /// Where `b` is, when this operator adds it.
    pub(crate) bias: Option<Place>,
}

impl Operator for Forward<'_> {
    fn name(&self) -> &'static str {
        "linear forward"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()> {
        let Shape { inputs: k, outputs: n } = self.shape;
        let (x, weights) = (inputs[0], inputs[1]);
        by_span(outputs[0], self.spans, n, |span, y, threads| {
            let write = match &self.bias {
                Some(bias) => {
                    let bias = bias.of(weights, span.slot);
                    fill_rows(y, bias, threads);
                    Write::Add
                }
                None => Write::Replace,
            };
            let x = Matrix::dense(rows(x, span, k), span.rows, k);
            let w = Matrix::dense(self.weight.of(weights, span.slot), n, k);
            multiply(MatrixMut::dense(y, span.rows, n), x, w.t(), 1.0, write, threads);
        });
        Ok(())
    }
}

/// Makes every row of `y` a copy of `row`.
fn fill_rows(y: &mut [f32], row: &[f32], threads: Threads) {
    let width = row.len();
    match threads {
        Threads::Pool => {
            let rows = y.par_chunks_exact_mut(width).with_min_len(grain().max(64));
            rows.for_each(|y| y.copy_from_slice(row));
        }
        Threads::One => y.chunks_exact_mut(width).for_each(|y| y.copy_from_slice(row)),
    }
}

/// Outputs `[dx]`, inputs `[dy, weights]`: the gradient of `x`.
#[derive(Debug)]
pub(crate) struct BackwardInput<'a> {
    /// Which rows are whose.
    pub(crate) spans: &'a [Span],
    /// Inputs and outputs of the map.
    pub(crate) shape: Shape,
    /// Where `W` is.
    pub(crate) weight: Place,
    /// Whether `dx` is replaced or added to.
    pub(crate) write: Write,
}

impl Operator for BackwardInput<'_> {
    fn name(&self) -> &'static str {
        "linear backward of its input"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()> {
        let Shape { inputs: k, outputs: n } = self.shape;
        let (dy, weights) = (inputs[0], inputs[1]);
        by_span(outputs[0], self.spans, k, |span, dx, threads| {
            let dy = Matrix::dense(rows(dy, span, n), span.rows, n);
            let w = Matrix::dense(self.weight.of(weights, span.slot), n, k);
            multiply(MatrixMut::dense(dx, span.rows, k), dy, w, 1.0, self.write, threads);
        });
        Ok(())
    }
}

/// Outputs `[gradients]`, inputs `[x, dy]`: the gradients of `W` and `b` of one slot.
#[derive(Debug)]
pub(crate) struct BackwardWeight {
    /// The slot's rows.
    pub(crate) span: Span,
    /// Inputs and outputs of the map.
    pub(crate) shape: Shape,
    /// Where the gradient of `W` goes.
    pub(crate) weight: Place,
    /// Where the gradient of `b` goes, if there is one.
    pub(crate) bias: Option<Place>,
    /// Whether gradients are replaced or added to.
    pub(crate) write: Write,
}

impl Operator for BackwardWeight {
    fn name(&self) -> &'static str {
        "linear backward of its weights"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()> {
        let Shape { inputs: k, outputs: n } = self.shape;
        let Span { slot, rows: count, .. } = self.span;
        let (x, dy) = (rows(inputs[0], &self.span, k), rows(inputs[1], &self.span, n));
        let left = Matrix::dense(dy, count, n).t();
        let right = Matrix::dense(x, count, k);
        let out = MatrixMut::dense(self.weight.of_mut(outputs[0], slot), n, k);
        multiply(out, left, right, 1.0, self.write, Threads::Pool);
        if let Some(bias) = &self.bias {
            column_sums(bias.of_mut(outputs[0], slot), dy, self.write);
        }
        Ok(())
    }
}

/// Columns that one task sums: the order of a column's sum never depends on threads.
const COLUMNS_OF_A_TASK: usize = 128;

/// The sum of every column of `values`, whose rows are as wide as `sums`.
fn column_sums(sums: &mut [f32], values: &[f32], write: Write) {
    let width = sums.len();
    let sum = |(block, sums): (usize, &mut [f32])| {
        let mut total = [0f32; COLUMNS_OF_A_TASK];
        let total = &mut total[..sums.len()];
        add_rows(total, values, width, block * COLUMNS_OF_A_TASK);
        match write {
            Write::Replace => sums.copy_from_slice(total),
            Write::Add => add(sums, total),
        }
    };
    let blocks = sums.par_chunks_mut(COLUMNS_OF_A_TASK).enumerate();
    blocks.with_min_len(grain()).for_each(sum);
}
