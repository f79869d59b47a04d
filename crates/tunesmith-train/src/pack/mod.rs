//! A pack: the weights, gradients and moments of K trials along one slot axis, and the steps that
//! all of them take together.
//!
//! A step goes slot by slot, the slots side by side over the threads. K = 1 is a pack like any other. This module refuses to know data sets, schedules and trials;
//! the trainer brings those.

pub(crate) mod footprint;
pub(crate) mod initial;
pub(crate) mod words;

use std::cell::{Cell, RefCell};

use candle_core::{DType, Device, Result, Tensor};
use rayon::prelude::*;

use crate::encoder::Encoder;
use crate::encoder::forward::Keep;
use crate::encoder::pass::{Noise, Pass};
use crate::encoder::workspace::Workspace;
use crate::model::EncoderConfig;
use crate::model::layout::{Layout, Plan};
use crate::op::loss::{Bend, Targets, loss};
use crate::op::matrix::Write;
use crate::op::optimizer::{AdamW, Numbers, Update, sum_of_squares};
use crate::op::sharing::keep_to_thread;
use crate::op::{Operator, Slab, edit, launch, read};
use words::WordRows;

/// One slot's part of a pass.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    /// The slot; works come in ascending order of slots.
    pub(crate) slot: usize,
    /// Token ids and types by text.
    pub(crate) texts: Vec<(&'a [u32], &'a [u8])>,
    /// Dropout.
    pub(crate) noise: Noise,
}

/// What a slot's rows should have given.
#[derive(Debug, Clone)]
pub(crate) struct Aim<'a> {
    /// Classes or scores, one a text.
    pub(crate) targets: Answers,
    /// Label smoothing and class weights.
    pub(crate) bend: Bend<'a>,
    /// What gradients are multiplied by: one over the batches of a step.
    pub(crate) scale: f32,
}

/// Targets of a batch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answers {
    /// Class ids.
    Classes(Vec<u32>),
    /// Scores.
    Scores(Vec<f32>),
}

impl Answers {
    fn view(&self) -> Targets<'_> {
        match self {
            Answers::Classes(ids) => Targets::Classes(ids),
            Answers::Scores(scores) => Targets::Scores(scores),
        }
    }
}

/// A pack of trials whose weights have the same shapes.
#[derive(Debug)]
pub(crate) struct Pack {
    /// Shape and rates.
    pub(crate) config: EncoderConfig,
    /// What decides who may share the pack.
    pub(crate) plan: Plan,
    /// Where weights are.
    pub(crate) layout: Layout,
    /// Slots.
    pub(crate) slots: usize,
    /// `[slots, stride]`.
    pub(crate) weights: Tensor,
    /// As `weights`.
    pub(crate) first_moments: Tensor,
    /// As `weights`.
    pub(crate) second_moments: Tensor,
    /// Shared.
    pub(crate) frozen: Tensor,
    /// By slot, so that backward passes of slots can run side by side: rows of `weights`.
    gradients: Vec<Tensor>,
    /// By slot.
    pub(crate) words: Vec<WordRows>,
    /// LoRA's scale by slot.
    pub(crate) scales: Vec<f32>,
    /// By slot.
    workspaces: Vec<Workspace>,
}

/// The learning-rate side of one slot's update.
#[derive(Debug, Clone)]
pub(crate) struct Rates {
    /// The slot.
    pub(crate) slot: usize,
    /// The step's numbers; `clip` is worked out here.
    pub(crate) numbers: Numbers,
    /// Gradients are clipped to this norm; 0: never.
    pub(crate) max_norm: f64,
    /// Learning-rate factor by depth.
    pub(crate) factors: Vec<f64>,
}

/// What one slot's update came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Updated {
    /// Norm of the gradients before clipping.
    pub(crate) norm: f64,
    /// The numbers that the slot was updated with, noted by the operator.
    pub(crate) numbers: Numbers,
}

impl Pack {
    /// A pack without weights. Memory is taken as slots are filled.
    pub(crate) fn new(
        config: &EncoderConfig,
        plan: &Plan,
        slots: usize,
        device: &Device,
    ) -> Result<Self> {
        let layout = Layout::new(config, plan);
        let row = || Tensor::zeros(slots * layout.stride, DType::F32, device);
        Ok(Self {
            config: config.clone(),
            plan: plan.clone(),
            slots,
            weights: row()?,
            first_moments: row()?,
            second_moments: row()?,
            gradients: (0..slots)
                .map(|_| Tensor::zeros(layout.stride, DType::F32, device))
                .collect::<Result<_>>()?,
            frozen: Tensor::zeros(layout.frozen.max(1), DType::F32, device)?,
            words: (0..slots).map(|_| WordRows::new(config.vocabulary)).collect(),
            scales: vec![0.0; slots],
            workspaces: (0..slots).map(|_| Workspace::new(device, config.layers)).collect(),
            layout,
        })
    }

    /// Floats of the buffers that passes work in.
    #[cfg(test)]
    pub(crate) fn workspace_floats(&self) -> usize {
        self.workspaces.iter().map(Workspace::floats).sum()
    }

    /// Makes a slot ready for another trial: no moments, no gradients, no word seen.
    pub(crate) fn clear(&mut self, slot: usize) -> Result<()> {
        let row = slot * self.layout.stride..(slot + 1) * self.layout.stride;
        let seen = self.words[slot].seen().to_vec();
        let runs = self.runs(&seen);
        let zero = |values: &mut [f32]| {
            runs.iter().for_each(|slab| values[slab.offset..slab.offset + slab.length].fill(0.0));
        };
        for tensor in [&self.first_moments, &self.second_moments] {
            edit(tensor, |values| zero(&mut values[row.clone()]))?;
        }
        edit(&self.gradients[slot], zero)?;
        self.words[slot] = WordRows::new(self.config.vocabulary);
        Ok(())
    }

    /// Gives slot `to` the whole state of slot `from`: weights, moments, words. Neither is between
    /// the two halves of a step.
    pub(crate) fn copy_state(&mut self, from: usize, to: usize) -> Result<()> {
        if from == to {
            return Ok(());
        }
        self.clear(to)?;
        let stride = self.layout.stride;
        let start = to * stride;
        edit(&self.weights, |all| all.copy_within(from * stride..(from + 1) * stride, start))?;
        // Moments of words that were never seen are zero in both.
        let runs = self.runs(self.words[from].seen());
        for moments in [&self.first_moments, &self.second_moments] {
            edit(moments, |all| {
                for slab in &runs {
                    let first = from * stride + slab.offset;
                    all.copy_within(first..first + slab.length, start + slab.offset);
                }
            })?;
        }
        self.words[to] = self.words[from].clone();
        Ok(())
    }

    /// The runs of a slot's row that take part in a step whose words are `rows`.
    pub(crate) fn runs(&self, rows: &[u32]) -> Vec<Slab> {
        let mut runs: Vec<Slab> = self.layout.segments.iter().map(|segment| segment.slab).collect();
        if let Some(segment) = &self.layout.word_segment {
            let width = self.config.width;
            runs.extend(rows.iter().map(|row| Slab {
                offset: segment.slab.offset + *row as usize * width,
                length: width,
            }));
        }
        runs
    }

    /// Logits of every work, in order: `[texts, outputs]` each. Dropout as the works say.
    pub(crate) fn logits(&mut self, works: &[Work<'_>]) -> Result<Vec<Vec<f32>>> {
        self.catch_up(works, false)?;
        self.side_by_side(works, |pack, work, _, workspace| {
            let pass = pack.pass(work);
            let logits = pack.encoder(&pass, Write::Replace).run(workspace, Keep::Nothing)?;
            read(&logits, <[f32]>::to_vec)
        })
    }

    /// Losses of a batch, one a work; gradients replace those there are, or are added to them.
    pub(crate) fn gradients(
        &mut self,
        works: &[Work<'_>],
        aims: &[Aim<'_>],
        write: Write,
    ) -> Result<Vec<f64>> {
        self.catch_up(works, true)?;
        self.side_by_side(works, |pack, work, index, workspace| {
            if write == Write::Replace {
                pack.zero_tables(work.slot)?;
            }
            let pass = pack.pass(work);
            let encoder = pack.encoder(&pass, write);
            let logits = encoder.run(workspace, Keep::Activations)?;
            let device = workspace.device.clone();
            let d_logits = workspace.head.d_logits.take(&device, logits.elem_count())?;
            let op =
                Loss { outputs: pack.plan.outputs, aim: &aims[index], loss: Cell::new(f64::NAN) };
            launch(&op, &[&d_logits], &[&logits])?;
            encoder.classify_backward(workspace)?;
            encoder.backward(workspace)?;
            Ok(op.loss.get())
        })
    }

    /// Does every work's pass with its slot's workspace, spread over the threads. A slot keeps to
    /// one thread while the others have slots of their own: its activations stay in that core's
    /// cache, and no thread waits for another between operators. The slots that are left over when
    /// every thread has had as many share their operators. What comes out never depends on it.
    fn side_by_side<R: Send>(
        &mut self,
        works: &[Work<'_>],
        body: impl Fn(&Self, &Work<'_>, usize, &mut Workspace) -> Result<R> + Sync,
    ) -> Result<Vec<R>> {
        let mut workspaces = std::mem::take(&mut self.workspaces);
        let mut wanted = works.iter().enumerate().peekable();
        let pairs: Vec<_> = workspaces
            .iter_mut()
            .enumerate()
            .filter_map(|(slot, workspace)| {
                let (index, work) = wanted.next_if(|(_, work)| work.slot == slot)?;
                Some((index, work, workspace))
            })
            .collect();
        assert_eq!(pairs.len(), works.len(), "works name a slot once each, in ascending order");
        let pack = &*self;
        let threads = rayon::current_num_threads();
        let even = works.len() / threads * threads;
        let one = |(index, work, workspace): (usize, &Work<'_>, &mut Workspace)| {
            keep_to_thread(index < even, || body(pack, work, index, workspace))
        };
        // In the pool as a whole: entering it costs a wake-up and a wait, and operators are many.
        let results = rayon::scope(|_| pairs.into_par_iter().with_max_len(1).map(one).collect());
        self.workspaces = workspaces;
        results
    }

    fn pass(&self, work: &Work<'_>) -> Pass {
        let mut pass = Pass::new(self.slots);
        pass.add(work.slot, work.noise, self.config.first_position, work.texts.iter().copied());
        pass
    }

    /// The encoder of a pass over one slot.
    fn encoder<'a>(&'a self, pass: &'a Pass, write: Write) -> Encoder<'a> {
        let slot = pass.spans.first().map_or(0, |span| span.slot);
        Encoder {
            config: &self.config,
            layout: &self.layout,
            weights: &self.weights,
            frozen: &self.frozen,
            gradients: &self.gradients[slot],
            scales: &self.scales,
            pass,
            write,
        }
    }

    /// Reads the gradients of a slot's row.
    pub(crate) fn read_gradients<R>(
        &self,
        slot: usize,
        body: impl FnOnce(&[f32]) -> R,
    ) -> Result<R> {
        read(&self.gradients[slot], body)
    }

    /// Position and type tables are added to row by row, so they start from zero.
    fn zero_tables(&self, slot: usize) -> Result<()> {
        let tables = [Some(self.layout.positions), self.layout.types];
        edit(&self.gradients[slot], |values| {
            for placed in tables.iter().flatten().filter(|placed| placed.trained) {
                placed.place.unstacked().of_mut(values, slot).fill(0.0);
            }
        })
    }

    /// Brings the word rows of a batch up to date with the decay they were spared.
    fn catch_up(&mut self, works: &[Work<'_>], train: bool) -> Result<()> {
        if self.layout.word_segment.is_none() {
            return Ok(());
        }
        let place = self.layout.words.place.unstacked();
        let (width, stride) = (self.config.width, self.layout.stride);
        let words = &mut self.words;
        edit(&self.weights, |weights| {
            let mut wanted = works.iter().peekable();
            let rows = weights.chunks_exact_mut(stride).zip(words).enumerate();
            let slots: Vec<_> = rows
                .filter_map(|(slot, row)| Some((wanted.next_if(|work| work.slot == slot)?, row)))
                .collect();
            slots.into_par_iter().with_max_len(1).for_each(|(work, (row, words))| {
                let ids = work.texts.iter().flat_map(|(ids, _)| ids.iter().copied());
                words.touch(ids, place.of_mut(row, work.slot), width, train);
            });
        })
    }

    /// Brings every word row of a slot up to date, for saving.
    pub(crate) fn settle(&mut self, slot: usize) -> Result<()> {
        if self.layout.word_segment.is_none() {
            return Ok(());
        }
        let place = self.layout.words.place;
        let width = self.config.width;
        let words = &mut self.words[slot];
        let all = 0..self.config.vocabulary as u32;
        edit(&self.weights, |weights| {
            words.touch(all, place.of_mut(weights, slot), width, false);
        })
    }

    /// One AdamW step of the slots in `rates`; gives what each came to, in their order.
    pub(crate) fn update(&mut self, rates: &[Rates]) -> Result<Vec<Updated>> {
        // In the pool as a whole, as passes are.
        rayon::scope(|_| self.update_slots(rates))
    }

    fn update_slots(&mut self, rates: &[Rates]) -> Result<Vec<Updated>> {
        let alone = rates.len() >= rayon::current_num_threads();
        let norms: Vec<f64> = rates
            .par_iter()
            .map(|rate| keep_to_thread(alone, || self.norm(rate.slot)))
            .collect::<Result<_>>()?;
        let update = |(rate, norm): (&'_ Rates, &f64)| {
            let clips = rate.max_norm > 0.0 && norm.is_finite();
            // torch.nn.utils.clip_grad_norm_: max_norm / (norm + 1e-6), at most one.
            let clip = if clips { (rate.max_norm / (norm + 1e-6)).min(1.0) } else { 1.0 };
            Numbers { clip: clip as f32, ..rate.numbers }
        };
        let numbers: Vec<Numbers> = rates.iter().zip(&norms).map(update).collect();
        let updates: Vec<Update<'_>> = rates
            .iter()
            .zip(&numbers)
            .map(|(rate, numbers)| Update {
                slot: rate.slot,
                numbers: *numbers,
                factors: &rate.factors,
                rows: self.words[rate.slot].seen(),
            })
            .collect();
        let op = AdamW {
            stride: self.layout.stride,
            segments: &self.layout.segments,
            words: self.layout.word_segment.map(|segment| (segment, self.config.width)),
            updates: &updates,
            done: RefCell::new(Vec::new()),
        };
        let gradients: Vec<&Tensor> = rates.iter().map(|rate| &self.gradients[rate.slot]).collect();
        launch(&op, &[&self.weights, &self.first_moments, &self.second_moments], &gradients)?;
        let done = op.done.into_inner();
        for (rate, numbers) in rates.iter().zip(&done) {
            self.close_words(rate, numbers)?;
        }
        let updated = norms.into_iter().zip(done);
        Ok(updated.map(|(norm, numbers)| Updated { norm, numbers }).collect())
    }

    /// The norm of a slot's gradients.
    fn norm(&self, slot: usize) -> Result<f64> {
        let runs = self.runs(self.words[slot].fresh());
        Ok(self.read_gradients(slot, |row| sum_of_squares(row, &runs))?.sqrt())
    }

    /// Zeroes the gradient rows that this step used, and notes the decay that unseen rows owe.
    fn close_words(&mut self, rate: &Rates, numbers: &Numbers) -> Result<()> {
        let Some(segment) = self.layout.word_segment else {
            return Ok(());
        };
        let (width, words) = (self.config.width, &mut self.words[rate.slot]);
        edit(&self.gradients[rate.slot], |values| {
            for row in words.fresh() {
                values[segment.slab.offset + *row as usize * width..][..width].fill(0.0);
            }
        })?;
        words.close(numbers.keep(segment.decays, rate.factors[segment.depth]));
        Ok(())
    }
}

/// Outputs `[d_logits]`, inputs `[logits]`: the loss of one slot and its gradient.
struct Loss<'a> {
    outputs: usize,
    aim: &'a Aim<'a>,
    loss: Cell<f64>,
}

impl Operator for Loss<'_> {
    fn name(&self) -> &'static str {
        "loss"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()> {
        let (aim, logits) = (self.aim, inputs[0]);
        let d = &mut *outputs[0];
        self.loss.set(loss(logits, self.outputs, aim.targets.view(), aim.bend, aim.scale, d));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
