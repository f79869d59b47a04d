//! One projection with the adapter that may stand on it, forward and backward.
//!
//! LoRA (Hu et al. 2021, eq. 3): `y = x·Wᵀ + b + s · (mask·x)·Aᵀ·Bᵀ`, `s` by slot. This file
//! refuses to know which projection it is; the layer says so.

use candle_core::{Result, Tensor};

use super::Encoder;
use super::pass::Site;
use super::workspace::Buffer;
use crate::model::layout::{Adapter, Affine};
use crate::op::adapter::{AddRows, Copy, Up, UpBackward};
use crate::op::linear::{BackwardInput, BackwardWeight, Forward, Shape};
use crate::op::matrix::Write;
use crate::op::norm::Dropout;
use crate::op::{Span, launch};

/// Which columns of a row of `stride` floats a projection writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stripe {
    /// Floats of a row.
    pub(crate) stride: usize,
    /// First column.
    pub(crate) column: usize,
}

/// Scratch that adapters share.
#[derive(Debug)]
pub(crate) struct Scratch<'w> {
    /// A dropped copy of the input, or its gradient.
    pub(crate) input: &'w mut Buffer,
    /// Gradient of the inner state.
    pub(crate) inner: &'w mut Buffer,
}

/// An adapter at its place in the encoder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Put<'a> {
    /// Its matrices.
    pub(crate) adapter: &'a Adapter,
    /// Where its dropout is.
    pub(crate) site: Site,
    /// Which rows are whose.
    pub(crate) spans: &'a [Span],
    /// Where its projection writes.
    pub(crate) stripe: Stripe,
}

impl Encoder<'_> {
    /// `y = x·Wᵀ (+ b)`.
    pub(crate) fn project(
        &self,
        affine: &Affine,
        bias: bool,
        spans: &[Span],
        shape: Shape,
        x: &Tensor,
        y: &Tensor,
    ) -> Result<()> {
        let op = Forward {
            spans,
            shape,
            weight: affine.weight.place,
            bias: bias.then_some(affine.bias.place),
        };
        launch(&op, &[y], &[x, self.buffer(&affine.weight)])
    }

    /// The gradients of a projection's weights, where they are trained.
    pub(crate) fn project_weight_backward(
        &self,
        affine: &Affine,
        spans: &[Span],
        shape: Shape,
        x: &Tensor,
        dy: &Tensor,
    ) -> Result<()> {
        let Some(weight) = Self::gradient(&affine.weight) else {
            return Ok(());
        };
        let bias = Self::gradient(&affine.bias);
        for span in spans {
            let op = BackwardWeight { span: *span, shape, weight, bias, write: self.write };
            launch(&op, &[self.gradients], &[x, dy])?;
        }
        Ok(())
    }

    /// The gradient of a projection's input.
    pub(crate) fn project_input_backward(
        &self,
        affine: &Affine,
        write: Write,
        spans: &[Span],
        shape: Shape,
        dy: &Tensor,
        dx: &Tensor,
    ) -> Result<()> {
        let op = BackwardInput { spans, shape, weight: affine.weight.place, write };
        launch(&op, &[dx], &[dy, self.buffer(&affine.weight)])
    }

    fn adapter_shapes(&self, adapter: &Adapter) -> (usize, usize, usize) {
        let (inputs, outputs) = adapter.target.shape(self.config);
        (inputs, outputs, adapter.down.place.slab.length / inputs)
    }

    /// The input that the adapter sees: `x`, or a dropped copy of it.
    fn adapter_input(
        &self,
        put: &Put<'_>,
        x: &Tensor,
        copy: &mut Buffer,
        width: usize,
    ) -> Result<Tensor> {
        let masks = self.pass.masks(put.site);
        if !masks.iter().any(super::super::op::dropout::Mask::drops) {
            return Ok(x.clone());
        }
        let dropped = copy.take(x.device(), x.elem_count())?;
        launch(&Copy, &[&dropped], &[x])?;
        launch(&Dropout { spans: put.spans, width, masks: &masks }, &[&dropped], &[])?;
        Ok(dropped)
    }

    /// Adds the adapter's part to `y`; keeps its inner state in `inner`.
    pub(crate) fn adapt(
        &self,
        put: &Put<'_>,
        x: &Tensor,
        y: &Tensor,
        inner: &mut Buffer,
        copy: &mut Buffer,
    ) -> Result<()> {
        let (inputs, outputs, rank) = self.adapter_shapes(put.adapter);
        let rows: usize = put.spans.iter().map(|span| span.rows).sum();
        let x = self.adapter_input(put, x, copy, inputs)?;
        let inner = inner.take(x.device(), rows * rank)?;
        let shape = Shape { inputs, outputs: rank };
        let down = Forward { spans: put.spans, shape, weight: put.adapter.down.place, bias: None };
        launch(&down, &[&inner], &[&x, self.weights])?;
        let up = Up {
            spans: put.spans,
            rank,
            outputs,
            stripe: put.stripe,
            weight: put.adapter.up.place,
            scales: self.scales,
        };
        launch(&up, &[y], &[&inner, self.weights])
    }

    /// The gradients of an adapter's matrices, and its part of the gradient of `x` into `dx` when
    /// that is wanted.
    pub(crate) fn adapt_backward(
        &self,
        put: &Put<'_>,
        x: &Tensor,
        dy: &Tensor,
        inner: &mut Buffer,
        scratch: &mut Scratch<'_>,
        dx: Option<&Tensor>,
    ) -> Result<()> {
        let (inputs, outputs, rank) = self.adapter_shapes(put.adapter);
        let rows: usize = put.spans.iter().map(|span| span.rows).sum();
        let inner = inner.take(x.device(), rows * rank)?;
        let d_inner = scratch.inner.take(x.device(), rows * rank)?;
        let up = UpBackward {
            spans: put.spans,
            rank,
            outputs,
            stripe: put.stripe,
            weight: put.adapter.up.place,
            gradient: put.adapter.up.place.unstacked(),
            scales: self.scales,
            write: self.write,
        };
        launch(&up, &[&d_inner, self.gradients], &[dy, &inner, self.weights])?;
        let x = self.adapter_input(put, x, scratch.input, inputs)?;
        let shape = Shape { inputs, outputs: rank };
        let down = put.adapter.down.place;
        for span in put.spans {
            let (weight, write) = (down.unstacked(), self.write);
            let op = BackwardWeight { span: *span, shape, weight, bias: None, write };
            launch(&op, &[self.gradients], &[&x, &d_inner])?;
        }
        let Some(dx) = dx else { return Ok(()) };
        let masks = self.pass.masks(put.site);
        let own = scratch.input.take(x.device(), rows * inputs)?;
        let back = BackwardInput { spans: put.spans, shape, weight: down, write: Write::Replace };
        launch(&back, &[&own], &[&d_inner, self.weights])?;
        launch(&Dropout { spans: put.spans, width: inputs, masks: &masks }, &[&own], &[])?;
        launch(&AddRows, &[dx], &[&own])
    }
}
