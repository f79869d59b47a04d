//! Fused operators: forward and backward passes over flat float buffers, run as candle custom
//! operators so that the device decides which kernel is meant.
//!
//! An operator works on whole buffers of a pack: rows of all slots lie one after another, and
//! [`Span`]s say which rows belong to which slot. Nothing here allocates a result: outputs are
//! tensors of a workspace that live from step to step. This module refuses to know what an
//! encoder is, and it keeps no tape: the encoder calls backward operators in its own order.

pub(crate) mod activation;
pub(crate) mod adapter;
pub(crate) mod attention;
pub(crate) mod dropout;
pub(crate) mod embedding;
pub(crate) mod linear;
pub(crate) mod loss;
pub(crate) mod matrix;
pub(crate) mod norm;
pub(crate) mod optimizer;
pub(crate) mod sharing;
pub(crate) mod vector;

use std::cell::RefCell;

use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Storage, Tensor, bail};

/// Rows `start..start + rows` of a buffer belong to `slot`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Index along the slot axis of the pack's weights.
    pub(crate) slot: usize,
    /// First row.
    pub(crate) start: usize,
    /// Number of rows.
    pub(crate) rows: usize,
}

/// An operator with its small arguments; buffers come with the launch.
pub(crate) trait Operator {
    /// The name that errors carry.
    fn name(&self) -> &'static str;

    /// The arithmetic on a CPU. `outputs` and `inputs` are in the order of the launch.
    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()>;
}

/// Runs `operator`: locks the outputs for writing and the inputs for reading, and hands them to
/// the kernel of the device they are on.
///
/// # Errors
/// Buffers that are not contiguous float32, or what the kernel says.
pub(crate) fn launch(
    operator: &dyn Operator,
    outputs: &[&Tensor],
    inputs: &[&Tensor],
) -> Result<()> {
    let guards: Vec<_> = inputs.iter().map(|tensor| tensor.storage_and_layout()).collect();
    let mut slices = Vec::with_capacity(guards.len());
    for (storage, layout) in &guards {
        let Storage::Cpu(storage) = &**storage else {
            bail!("{} has a kernel for the CPU alone", operator.name());
        };
        slices.push(contiguous(storage.as_slice::<f32>()?, layout, operator.name())?);
    }
    with_outputs(operator.name(), outputs, Vec::new(), &mut |taken| operator.cpu(taken, &slices))
}

/// Edits a buffer from the host: to load, to zero, to copy.
pub(crate) fn edit<R>(tensor: &Tensor, body: impl FnOnce(&mut [f32]) -> R) -> Result<R> {
    let result = RefCell::new(None);
    let op = Locked {
        name: "edit",
        body: RefCell::new(Some(|slice: &mut [f32]| {
            *result.borrow_mut() = Some(body(slice));
            Ok(())
        })),
    };
    tensor.inplace_op1(&op)?;
    match result.into_inner() {
        Some(result) => Ok(result),
        None => bail!("an edit was not run"),
    }
}

/// Reads a buffer from the host: to save, to look at results.
pub(crate) fn read<R>(tensor: &Tensor, body: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(storage) = &*storage else {
        bail!("only buffers of the CPU are read in place")
    };
    Ok(body(contiguous(storage.as_slice::<f32>()?, layout, "read")?))
}

/// What is done with the outputs once all are locked.
type Body<'b> = dyn FnMut(&mut [&mut [f32]]) -> Result<()> + 'b;

/// Takes the outputs one by one, each through candle's own in-place call.
fn with_outputs(
    name: &'static str,
    rest: &[&Tensor],
    mut taken: Vec<&mut [f32]>,
    body: &mut Body<'_>,
) -> Result<()> {
    let Some((first, rest)) = rest.split_first() else {
        return body(&mut taken);
    };
    let op = Locked {
        name,
        body: RefCell::new(Some(|slice: &mut [f32]| {
            let mut all: Vec<&mut [f32]> = taken;
            all.push(slice);
            with_outputs(name, rest, all, body)
        })),
    };
    first.inplace_op1(&op)
}

/// A candle custom operator that hands its locked buffer to a closure, once.
struct Locked<F> {
    name: &'static str,
    body: RefCell<Option<F>>,
}

impl<F: FnOnce(&mut [f32]) -> Result<()>> InplaceOp1 for Locked<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let CpuStorage::F32(values) = storage else {
            bail!("{} works on float32 buffers", self.name);
        };
        let Some((start, end)) = layout.contiguous_offsets() else {
            bail!("{} works on contiguous buffers", self.name);
        };
        let Some(body) = self.body.borrow_mut().take() else {
            bail!("{} was run twice", self.name);
        };
        body(&mut values[start..end])
    }
}

fn contiguous<'a>(values: &'a [f32], layout: &Layout, name: &str) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&values[start..end]),
        None => bail!("{name} works on contiguous buffers"),
    }
}

/// Rows that one task of a row-wise operator takes.
const ROWS_OF_A_TASK: usize = 64;

/// Cuts spans into tasks of at most [`ROWS_OF_A_TASK`] rows; the cut never depends on threads.
pub(crate) fn tasks(spans: &[Span]) -> Vec<Span> {
    let mut tasks = Vec::new();
    for span in spans {
        let mut start = span.start;
        let end = span.start + span.rows;
        while start < end {
            let rows = ROWS_OF_A_TASK.min(end - start);
            tasks.push(Span { slot: span.slot, start, rows });
            start += rows;
        }
    }
    tasks
}

/// Cuts a buffer of rows of `width` into one piece per task. Tasks are in the order of rows and
/// leave no gap.
pub(crate) fn carve<'a>(
    mut buffer: &'a mut [f32],
    tasks: &[Span],
    width: usize,
) -> Vec<&'a mut [f32]> {
    let mut pieces = Vec::with_capacity(tasks.len());
    for task in tasks {
        let (piece, rest) = std::mem::take(&mut buffer).split_at_mut(task.rows * width);
        pieces.push(piece);
        buffer = rest;
    }
    pieces
}

/// The rows of a task in a buffer that is read.
pub(crate) fn rows<'a>(buffer: &'a [f32], task: &Span, width: usize) -> &'a [f32] {
    &buffer[task.start * width..(task.start + task.rows) * width]
}

/// The place of a trained or frozen tensor in a flat buffer of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slab {
    /// First float within a slot's row of the buffer.
    pub(crate) offset: usize,
    /// Number of floats.
    pub(crate) length: usize,
}

/// Reads `slab` of every slot from a flat buffer; frozen weights have no slot axis and a stride
/// of zero.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Where in a slot's row.
    pub(crate) slab: Slab,
    /// Floats from one slot's row to the next.
    pub(crate) stride: usize,
}

impl Place {
    /// The floats of `slot`.
    pub(crate) fn of<'a>(&self, weights: &'a [f32], slot: usize) -> &'a [f32] {
        let start = slot * self.stride + self.slab.offset;
        &weights[start..start + self.slab.length]
    }

    /// The floats of `slot`, to write.
    pub(crate) fn of_mut<'a>(&self, weights: &'a mut [f32], slot: usize) -> &'a mut [f32] {
        let start = slot * self.stride + self.slab.offset;
        &mut weights[start..start + self.slab.length]
    }

    /// The same place in a buffer that has one slot's row alone.
    pub(crate) fn unstacked(&self) -> Place {
        Place { stride: 0, ..*self }
    }

    /// A part of this place.
    pub(crate) fn part(&self, offset: usize, length: usize) -> Place {
        let slab = Slab { offset: self.slab.offset + offset, length };
        Place { slab, stride: self.stride }
    }
}
