//! Residual connection, dropout and LayerNorm (Ba et al. 2016) in one pass, forward and backward.
//!
//! Forward: `z = residual + mask · (h + bias)`, `y = γ (z − mean) / √(var + ε) + β`, by row. Mean
//! and variance are computed again in the backward pass from `z`. This file refuses to store
//! masks or statistics.

use candle_core::{Result, bail};
use rayon::prelude::*;

use super::dropout::Mask;
use super::matrix::Write;
use super::sharing::grain;
use super::vector::{add, sum_by, sum_by2, vectorised};
use super::{Operator, Place, Span, carve, rows, tasks};

/// Mean and reciprocal standard deviation of a row.
#[inline(always)]
fn statistics(z: &[f32], epsilon: f32) -> (f32, f32) {
    let count = z.len() as f32;
    let mean = sum_by(z, |x| x) / count;
    let variance = sum_by(z, |x| (x - mean) * (x - mean)) / count;
    (mean, 1.0 / (variance + epsilon).sqrt())
}

#[inline(always)]
fn normalise_row(y: &mut [f32], z: &[f32], gamma: &[f32], beta: &[f32], epsilon: f32) {
    let (mean, inverse) = statistics(z, epsilon);
    for (((y, z), g), b) in y.iter_mut().zip(z).zip(gamma).zip(beta) {
        *y = (*z - mean) * inverse * *g + *b;
    }
}

vectorised! {
    fn forward_rows(y: &mut [f32], z: &mut [f32], residual: &[f32], bias: &[f32], norm: &[f32], noise: (Mask, u32), epsilon: f32) {
        let width = bias.len();
        let (gamma, beta) = norm.split_at(width);
        let (mask, mut index) = noise;
        let lines = y.chunks_exact_mut(width).zip(z.chunks_exact_mut(width));
        for ((y, z), residual) in lines.zip(residual.chunks_exact(width)) {
            if mask.drops() {
                for (i, ((z, r), b)) in z.iter_mut().zip(residual).zip(bias).enumerate() {
                    *z = *r + mask.factor(index.wrapping_add(i as u32)) * (*z + *b);
                }
            } else {
                for ((z, r), b) in z.iter_mut().zip(residual).zip(bias) {
                    *z = *r + (*z + *b);
                }
            }
            normalise_row(y, z, gamma, beta, epsilon);
            index = index.wrapping_add(width as u32);
        }
    }
}

vectorised! {
    /// `d` becomes the gradient of `z`; `sums` gets those of gamma and beta added.
    fn backward_rows(d: &mut [f32], z: &[f32], norm: &[f32], sums: &mut [f32], epsilon: f32) {
        let width = norm.len() / 2;
        let gamma = &norm[..width];
        let (sum_gamma, sum_beta) = sums.split_at_mut(width);
        let count = width as f32;
        for (d, z) in d.chunks_exact_mut(width).zip(z.chunks_exact(width)) {
            let (mean, inverse) = statistics(z, epsilon);
            for ((((d, z), g), sg), sb) in d.iter_mut().zip(z).zip(gamma).zip(sum_gamma.iter_mut()).zip(sum_beta.iter_mut()) {
                *sg += *d * (*z - mean) * inverse;
                *sb += *d;
                *d *= *g;
            }
            let average = sum_by(d, |x| x) / count;
            let slope = sum_by2(d, z, |d, z| d * (z - mean)) * inverse / count;
            for (d, z) in d.iter_mut().zip(z) {
                *d = inverse * (*d - average - (*z - mean) * inverse * slope);
            }
        }
    }
}

vectorised! {
    /// `to = mask · from`.
    fn masked(to: &mut [f32], from: &[f32], mask: Mask, first: u32) {
        for (i, (to, from)) in to.iter_mut().zip(from).enumerate() {
            *to = mask.factor(first.wrapping_add(i as u32)) * *from;
        }
    }
}

vectorised! {
    /// `values *= mask`.
    fn masked_in_place(values: &mut [f32], mask: Mask, first: u32) {
        for (i, value) in values.iter_mut().enumerate() {
            *value *= mask.factor(first.wrapping_add(i as u32));
        }
    }
}

/// Index of a task's first element within its slot, which is what masks count from.
fn first_element(spans: &[Span], task: &Span, width: usize) -> u32 {
    let span = spans.iter().find(|span| span.slot == task.slot);
    ((task.start - span.map_or(0, |span| span.start)) * width) as u32
}

/// Masks by slot index, for the slots of a pass.
pub(crate) type Masks = [Mask];

/// Outputs `[y, z]`, inputs `[residual, norm weights, bias weights]`: `z` comes as the output of
/// the sublayer without its bias and becomes the sum that is normalised.
#[derive(Debug)]
pub(crate) struct Forward<'a> {
    /// Which rows are whose.
    pub(crate) spans: &'a [Span],
    /// Columns.
    pub(crate) width: usize,
    /// The sublayer's bias.
    pub(crate) bias: Place,
    /// Gamma, then beta.
    pub(crate) norm: Place,
    /// Dropout of the sublayer's output, by slot.
    pub(crate) masks: &'a Masks,
    /// Added to the variance.
    pub(crate) epsilon: f32,
}

impl Operator for Forward<'_> {
    fn name(&self) -> &'static str {
        "residual and LayerNorm forward"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()> {
        let [y, z] = outputs else { bail!("{} has two outputs", self.name()) };
        let tasks = tasks(self.spans);
        let pieces = carve(y, &tasks, self.width).into_par_iter().zip(carve(z, &tasks, self.width));
        tasks.par_iter().zip(pieces).with_min_len(grain()).for_each(|(task, (y, z))| {
            let residual = rows(inputs[0], task, self.width);
            let norm = self.norm.of(inputs[1], task.slot);
            let bias = self.bias.of(inputs[2], task.slot);
            let first = first_element(self.spans, task, self.width);
            forward_rows(y, z, residual, bias, norm, (self.masks[task.slot], first), self.epsilon);
        });
        Ok(())
    }
}

/// Outputs `[y]`, inputs `[z, weights]`: LayerNorm, then dropout.
#[derive(Debug)]
pub(crate) struct Plain<'a> {
    /// Which rows are whose.
    pub(crate) spans: &'a [Span],
    /// Columns.
    pub(crate) width: usize,
    /// Gamma, then beta.
    pub(crate) norm: Place,
    /// Dropout of `y`, by slot.
    pub(crate) masks: &'a Masks,
    /// Added to the variance.
    pub(crate) epsilon: f32,
}

vectorised! {
    fn plain_rows(y: &mut [f32], z: &[f32], norm: &[f32], epsilon: f32) {
        let width = norm.len() / 2;
        let (gamma, beta) = norm.split_at(width);
        for (y, z) in y.chunks_exact_mut(width).zip(z.chunks_exact(width)) {
            normalise_row(y, z, gamma, beta, epsilon);
        }
    }
}

impl Operator for Plain<'_> {
    fn name(&self) -> &'static str {
        "LayerNorm forward"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()> {
        let tasks = tasks(self.spans);
        let pieces = carve(outputs[0], &tasks, self.width);
        tasks.par_iter().zip(pieces).with_min_len(grain()).for_each(|(task, y)| {
            let z = rows(inputs[0], task, self.width);
            plain_rows(y, z, self.norm.of(inputs[1], task.slot), self.epsilon);
            let mask = self.masks[task.slot];
            if mask.drops() {
                masked_in_place(y, mask, first_element(self.spans, task, self.width));
            }
        });
        Ok(())
    }
}

/// Outputs `[d, h]` or `[d, h, gradients]`, inputs `[z, weights]`: `d` comes as the gradient of
/// `y` and becomes that of `z` and of the residual; `h` becomes `mask · d`, the gradient of the
/// sublayer's output. Without the third output the norm is frozen.
#[derive(Debug)]
pub(crate) struct Backward<'a> {
    /// Which rows are whose.
    pub(crate) spans: &'a [Span],
    /// Columns.
    pub(crate) width: usize,
    /// Gamma, then beta, in the weights.
    pub(crate) norm: Place,
    /// Where their gradients are added, in the gradients.
    pub(crate) gradient: Option<Place>,
    /// Whether gradients are replaced or added to.
    pub(crate) write: Write,
    /// Dropout of the sublayer's output, by slot.
    pub(crate) masks: &'a Masks,
    /// Added to the variance.
    pub(crate) epsilon: f32,
}

impl Operator for Backward<'_> {
    fn name(&self) -> &'static str {
        "residual and LayerNorm backward"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()> {
        let Some(([d, h], gradients)) = outputs.split_first_chunk_mut::<2>() else {
            bail!("{} has two outputs at least", self.name());
        };
        let tasks = tasks(self.spans);
        let pieces = carve(d, &tasks, self.width).into_par_iter().zip(carve(h, &tasks, self.width));
        let sums: Vec<Vec<f32>> = tasks
            .par_iter()
            .zip(pieces)
            .with_min_len(grain())
            .map(|(task, (d, h))| {
                let mut sums = vec![0f32; 2 * self.width];
                let z = rows(inputs[0], task, self.width);
                backward_rows(d, z, self.norm.of(inputs[1], task.slot), &mut sums, self.epsilon);
                let first = first_element(self.spans, task, self.width);
                masked(h, d, self.masks[task.slot], first);
                sums
            })
            .collect();
        if let (Some(place), [gradients]) = (&self.gradient, gradients) {
            if self.write == Write::Replace {
                self.spans.iter().for_each(|span| place.of_mut(gradients, span.slot).fill(0.0));
            }
            for (task, sums) in tasks.iter().zip(&sums) {
                add(place.of_mut(gradients, task.slot), sums);
            }
        }
        Ok(())
    }
}

/// Outputs `[values]`: multiplies by the mask, for dropout that stands alone.
#[derive(Debug)]
pub(crate) struct Dropout<'a> {
    /// Which rows are whose.
    pub(crate) spans: &'a [Span],
    /// Columns.
    pub(crate) width: usize,
    /// The masks, by slot.
    pub(crate) masks: &'a Masks,
}

impl Operator for Dropout<'_> {
    fn name(&self) -> &'static str {
        "dropout"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], _inputs: &[&[f32]]) -> Result<()> {
        let tasks = tasks(self.spans);
        let pieces = carve(outputs[0], &tasks, self.width);
        tasks.par_iter().zip(pieces).with_min_len(grain()).for_each(|(task, values)| {
            let mask = self.masks[task.slot];
            if mask.drops() {
                masked_in_place(values, mask, first_element(self.spans, task, self.width));
            }
        });
        Ok(())
    }
}
