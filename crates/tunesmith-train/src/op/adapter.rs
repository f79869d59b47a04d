//! The second product of a LoRA adapter, which adds to some columns of a projection's output, and
//! small copies between buffers.
//!
//! This file refuses to drop: [`super::norm::Dropout`] does, on a copy.

use candle_core::{Result, bail};

use super::matrix::{Matrix, MatrixMut, Threads, Write, multiply};
use super::vector::add;
use super::{Operator, Place, Span, carve, rows};
use crate::encoder::projection::Stripe;

/// Outputs `[y]`, inputs `[u, weights]`: `y[:, columns] += s · u · Bᵀ`.
#[derive(Debug)]
pub(crate) struct Up<'a> {
    /// Which rows are whose.
    pub(crate) spans: &'a [Span],
    /// Columns of `u`.
    pub(crate) rank: usize,
    /// Columns that are added to.
    pub(crate) outputs: usize,
    /// Which they are.
    pub(crate) stripe: Stripe,
    /// Where `B` is.
    pub(crate) weight: Place,
    /// `s` by slot.
    pub(crate) scales: &'a [f32],
}

impl Operator for Up<'_> {
    fn name(&self) -> &'static str {
        "adapter forward"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()> {
        let pieces = carve(outputs[0], self.spans, self.stripe.stride);
        for (span, y) in self.spans.iter().zip(pieces) {
            let u = Matrix::dense(rows(inputs[0], span, self.rank), span.rows, self.rank);
            let b = Matrix::dense(self.weight.of(inputs[1], span.slot), self.outputs, self.rank);
            let y = &mut y[self.stripe.column..];
            let out = MatrixMut::strided(y, span.rows, self.outputs, self.stripe.stride);
            multiply(out, u, b.t(), self.scales[span.slot], Write::Add, Threads::Pool);
        }
        Ok(())
    }
}

/// Outputs `[du, gradients]`, inputs `[dy, u, weights]`: `du = s · dy[:, columns] · B` and
/// `dB = s · dy[:, columns]ᵀ · u`.
#[derive(Debug)]
pub(crate) struct UpBackward<'a> {
    /// Which rows are whose.
    pub(crate) spans: &'a [Span],
    /// Columns of `u`.
    pub(crate) rank: usize,
    /// Columns of `dy` that count.
    pub(crate) outputs: usize,
    /// Which they are.
    pub(crate) stripe: Stripe,
    /// Where `B` is.
    pub(crate) weight: Place,
    /// Where its gradient goes.
    pub(crate) gradient: Place,
    /// `s` by slot.
    pub(crate) scales: &'a [f32],
    /// Whether the gradient is replaced or added to.
    pub(crate) write: Write,
}

impl Operator for UpBackward<'_> {
    fn name(&self) -> &'static str {
        "adapter backward"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()> {
        let [du, gradients] = outputs else { bail!("{} has two outputs", self.name()) };
        let pieces = carve(du, self.spans, self.rank);
        for (span, du) in self.spans.iter().zip(pieces) {
            let dy = &rows(inputs[0], span, self.stripe.stride)[self.stripe.column..];
            let dy = Matrix::strided(dy, span.rows, self.outputs, self.stripe.stride);
            let u = Matrix::dense(rows(inputs[1], span, self.rank), span.rows, self.rank);
            let b = Matrix::dense(self.weight.of(inputs[2], span.slot), self.outputs, self.rank);
            let scale = self.scales[span.slot];
            let out = MatrixMut::dense(du, span.rows, self.rank);
            multiply(out, dy, b, scale, Write::Replace, Threads::Pool);
            let gradient = self.gradient.of_mut(gradients, span.slot);
            let out = MatrixMut::dense(gradient, self.outputs, self.rank);
            multiply(out, dy.t(), u, scale, self.write, Threads::Pool);
        }
        Ok(())
    }
}

/// Outputs `[to]`, inputs `[from]`: the same floats.
#[derive(Debug)]
pub(crate) struct Copy;

impl Operator for Copy {
    fn name(&self) -> &'static str {
        "copy"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()> {
        outputs[0].copy_from_slice(inputs[0]);
        Ok(())
    }
}

/// Outputs `[to]`, inputs `[from]`: `to += from`.
#[derive(Debug)]
pub(crate) struct AddRows;

impl Operator for AddRows {
    fn name(&self) -> &'static str {
        "add"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()> {
        add(outputs[0], inputs[0]);
        Ok(())
    }
}

/// Outputs `[first]`, inputs `[all]`: the rows of the texts' first tokens.
#[derive(Debug)]
pub(crate) struct GatherFirst<'a> {
    /// The token row of each text's first token.
    pub(crate) places: &'a [usize],
    /// Columns.
    pub(crate) width: usize,
}

impl Operator for GatherFirst<'_> {
    fn name(&self) -> &'static str {
        "gather of first tokens"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()> {
        for (to, place) in outputs[0].chunks_exact_mut(self.width).zip(self.places) {
            to.copy_from_slice(&inputs[0][place * self.width..][..self.width]);
        }
        Ok(())
    }
}

/// Outputs `[all]`, inputs `[first]`: adds to the rows of the texts' first tokens.
#[derive(Debug)]
pub(crate) struct ScatterFirst<'a> {
    /// The token row of each text's first token.
    pub(crate) places: &'a [usize],
    /// Columns.
    pub(crate) width: usize,
}

impl Operator for ScatterFirst<'_> {
    fn name(&self) -> &'static str {
        "scatter of first tokens"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()> {
        for (from, place) in inputs[0].chunks_exact(self.width).zip(self.places) {
            add(&mut outputs[0][place * self.width..][..self.width], from);
        }
        Ok(())
    }
}
