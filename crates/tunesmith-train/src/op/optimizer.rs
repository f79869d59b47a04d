//! AdamW (Loshchilov & Hutter 2019, algorithm 2, as `torch.optim.AdamW`) over all weights of a
//! pack in one pass, and the norm of a slot's gradients.
//!
//! This file refuses to know schedules: it is told the step's numbers.

use std::cell::RefCell;

use candle_core::{Result, bail};
use rayon::prelude::*;

use super::sharing::{grain, keep_to_thread};
use super::vector::{sum_by, vectorised};
use super::{Operator, Slab};

/// A run of weights that share decay and learning-rate factor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Segment {
    /// Where in a slot's row.
    pub(crate) slab: Slab,
    /// Whether weight decay applies.
    pub(crate) decays: bool,
    /// Which of the slot's rate factors applies.
    pub(crate) depth: usize,
}

/// The numbers of one step of one slot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Numbers {
    /// Learning rate of this step.
    pub(crate) learning_rate: f64,
    /// Decay of the first moment.
    pub(crate) beta1: f64,
    /// Decay of the second moment.
    pub(crate) beta2: f64,
    /// Added to the denominator.
    pub(crate) epsilon: f64,
    /// Decoupled weight decay.
    pub(crate) weight_decay: f64,
    /// Steps done, this one included.
    pub(crate) step: u64,
    /// What gradients are multiplied by: clipping.
    pub(crate) clip: f32,
}

/// The same as the kernel wants them.
#[derive(Debug, Clone, Copy)]
struct Kernel {
    keep: f32,
    beta1: f32,
    beta2: f32,
    step_size: f32,
    root_correction: f32,
    epsilon: f32,
    clip: f32,
}

impl Numbers {
    fn kernel(&self, decays: bool, factor: f64) -> Kernel {
        let rate = self.learning_rate * factor;
        let correction1 = 1.0 - self.beta1.powf(self.step as f64);
        let correction2 = 1.0 - self.beta2.powf(self.step as f64);
        Kernel {
            keep: self.keep(decays, factor),
            beta1: self.beta1 as f32,
            beta2: self.beta2 as f32,
            step_size: (rate / correction1) as f32,
            root_correction: correction2.sqrt() as f32,
            epsilon: self.epsilon as f32,
            clip: self.clip,
        }
    }

    /// What weight decay multiplies a weight by in this step.
    pub(crate) fn keep(&self, decays: bool, factor: f64) -> f32 {
        if decays { (1.0 - self.learning_rate * factor * self.weight_decay) as f32 } else { 1.0 }
    }
}

vectorised! {
    fn adamw(w: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32], k: Kernel) {
        for (((w, m), v), g) in w.iter_mut().zip(m).zip(v).zip(g) {
            let g = *g * k.clip;
            *m += (g - *m) * (1.0 - k.beta1);
            *v = *v * k.beta2 + g * g * (1.0 - k.beta2);
            let denominator = v.sqrt() / k.root_correction + k.epsilon;
            *w = *w * k.keep - k.step_size * (*m / denominator);
        }
    }
}

/// One slot's part of a step.
#[derive(Debug)]
pub(crate) struct Update<'a> {
    /// Index along the slot axis.
    pub(crate) slot: usize,
    /// The step's numbers.
    pub(crate) numbers: Numbers,
    /// Learning-rate factor by depth.
    pub(crate) factors: &'a [f64],
    /// Rows of the word table that ever had a gradient, ascending; the others have zero moments
    /// and a zero gradient, and are not touched.
    pub(crate) rows: &'a [u32],
}

/// Outputs `[weights, first moments, second moments]`, all `[slots, stride]`; inputs the gradients
/// of each update's slot, a row each.
#[derive(Debug)]
pub(crate) struct AdamW<'a> {
    /// Floats of a slot's row.
    pub(crate) stride: usize,
    /// Everything but the word table.
    pub(crate) segments: &'a [Segment],
    /// The word table, when it is trained, and its width.
    pub(crate) words: Option<(Segment, usize)>,
    /// The slots that step, ascending.
    pub(crate) updates: &'a [Update<'a>],
    /// Gets the numbers of every update that was done, in the order of `updates`.
    pub(crate) done: RefCell<Vec<Numbers>>,
}

/// Floats of one task.
const TASK: usize = 1 << 14;

/// What one task works on.
type Piece<'b> = (&'b mut [f32], &'b mut [f32], &'b mut [f32], &'b [f32], Kernel);

impl Operator for AdamW<'_> {
    fn name(&self) -> &'static str {
        "AdamW"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()> {
        let [w, m, v] = outputs else { bail!("{} has three outputs", self.name()) };
        let rows = w.chunks_exact_mut(self.stride).zip(m.chunks_exact_mut(self.stride));
        let rows = rows.zip(v.chunks_exact_mut(self.stride)).enumerate();
        let mut wanted = self.updates.iter().zip(inputs).peekable();
        let mut work = Vec::with_capacity(self.updates.len());
        for (slot, ((w, m), v)) in rows {
            if let Some((update, g)) = wanted.next_if(|(update, _)| update.slot == slot) {
                work.push((update, self.runs(update), Row { w, m, v, g, at: 0 }));
            }
        }
        assert!(wanted.next().is_none(), "updates name a slot once each, in ascending order");
        let alone = work.len() >= rayon::current_num_threads();
        let one = |(update, runs, mut row): (&Update<'_>, Vec<(Slab, Kernel)>, Row<'_>)| {
            let mut pieces: Vec<Piece<'_>> = Vec::new();
            for (slab, kernel) in runs {
                row.cut(slab, kernel, &mut pieces);
            }
            keep_to_thread(alone, || {
                let pieces = pieces.into_par_iter().with_min_len(grain());
                pieces.for_each(|(w, m, v, g, kernel)| adamw(w, m, v, g, kernel));
            });
            update.numbers
        };
        *self.done.borrow_mut() = work.into_par_iter().with_max_len(1).map(one).collect();
        Ok(())
    }
}

impl AdamW<'_> {
    /// The runs of a slot's row that change in this step, ascending.
    fn runs(&self, update: &Update<'_>) -> Vec<(Slab, Kernel)> {
        let kernel = |segment: &Segment| {
            update.numbers.kernel(segment.decays, update.factors[segment.depth])
        };
        let mut runs: Vec<(Slab, Kernel)> =
            self.segments.iter().map(|s| (s.slab, kernel(s))).collect();
        if let Some((segment, width)) = &self.words {
            let kernel = kernel(segment);
            for rows in update.rows.chunk_by(|a, b| a + 1 == *b) {
                let Some(first) = rows.first() else { continue };
                let offset = segment.slab.offset + *first as usize * width;
                runs.push((Slab { offset, length: rows.len() * width }, kernel));
            }
        }
        runs.sort_by_key(|(slab, _)| slab.offset);
        runs
    }
}

/// What is left of a slot's rows while they are cut into tasks.
struct Row<'b> {
    w: &'b mut [f32],
    m: &'b mut [f32],
    v: &'b mut [f32],
    g: &'b [f32],
    at: usize,
}

impl<'b> Row<'b> {
    fn take(&mut self, length: usize) -> (&'b mut [f32], &'b mut [f32], &'b mut [f32], &'b [f32]) {
        let (g, rest) = self.g.split_at(length);
        self.g = rest;
        self.at += length;
        let mut heads = [&mut self.w, &mut self.m, &mut self.v].map(|rest| {
            let (head, tail) = std::mem::take(rest).split_at_mut(length);
            *rest = tail;
            head
        });
        let [w, m, v] = heads.each_mut().map(std::mem::take);
        (w, m, v, g)
    }

    fn cut(&mut self, slab: Slab, kernel: Kernel, pieces: &mut Vec<Piece<'b>>) {
        self.take(slab.offset - self.at);
        let mut left = slab.length;
        while left > 0 {
            let length = left.min(TASK);
            let (w, m, v, g) = self.take(length);
            pieces.push((w, m, v, g, kernel));
            left -= length;
        }
    }
}

vectorised! {
    fn squares(values: &[f32]) -> f32 {
        sum_by(values, |x| x * x)
    }
}

/// The sum of the squares of a slot's gradients over `runs`; the order of the sum never depends
/// on threads.
pub(crate) fn sum_of_squares(gradients: &[f32], runs: &[Slab]) -> f64 {
    let chunks: Vec<&[f32]> = runs
        .iter()
        .flat_map(|slab| gradients[slab.offset..slab.offset + slab.length].chunks(TASK))
        .collect();
    let sums: Vec<f32> =
        chunks.par_iter().with_min_len(grain()).map(|chunk| squares(chunk)).collect();
    sums.into_iter().map(f64::from).sum()
}
