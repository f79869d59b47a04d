//! Scaled dot-product attention (Vaswani et al. 2017, eq. 1) of ragged rows, forward and backward.
//!
//! Each text attends to itself alone, over exactly its own tokens: there is no padding and no
//! mask. Probabilities are never kept; the backward pass computes them again from the logarithm
//! of each query's normaliser (Dao et al. 2022, sec. 3.1). This file refuses to know which
//! projections made its inputs.

use std::cell::RefCell;

use candle_core::{Result, bail};
use rayon::prelude::*;

use super::dropout::Mask;
use super::matrix::{Matrix, MatrixMut, Threads, Write, multiply};
use super::sharing::grain;
use super::vector::{exp, maximum, sum_by, vectorised};
use super::{Operator, Span, carve};

/// One text of a batch: where its queries and keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text {
    /// Whose it is.
    pub(crate) slot: usize,
    /// Its place in its slot's batch, which its masks are counted from.
    pub(crate) index: usize,
    /// First row of its queries in the query buffer.
    pub(crate) query: usize,
    /// Number of queries: all tokens, or the first alone.
    pub(crate) queries: usize,
    /// First row of its keys and values.
    pub(crate) key: usize,
    /// Number of tokens.
    pub(crate) keys: usize,
}

/// Where queries, keys and values stand in the columns of their buffers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Columns {
    /// Floats from one query row to the next.
    pub(crate) query_stride: usize,
    /// Floats from one key row to the next; values share the buffer.
    pub(crate) key_stride: usize,
    /// First column of the keys.
    pub(crate) key: usize,
    /// First column of the values.
    pub(crate) value: usize,
    /// Heads.
    pub(crate) heads: usize,
    /// Columns of a head.
    pub(crate) head_width: usize,
}

impl Columns {
    fn scale(&self) -> f32 {
        1.0 / (self.head_width as f32).sqrt()
    }

    fn width(&self) -> usize {
        self.heads * self.head_width
    }

    /// The part of a text's buffer that starts with a column.
    fn view(
        data: &[f32],
        row: usize,
        rows: usize,
        stride: usize,
        column: usize,
        columns: usize,
    ) -> Matrix<'_> {
        Matrix::strided(&data[row * stride + column..], rows, columns, stride)
    }

    fn queries<'a>(&self, data: &'a [f32], text: &Text, head: usize) -> Matrix<'a> {
        let column = head * self.head_width;
        Self::view(data, text.query, text.queries, self.query_stride, column, self.head_width)
    }

    fn keys<'a>(&self, data: &'a [f32], text: &Text, head: usize) -> Matrix<'a> {
        let column = self.key + head * self.head_width;
        Self::view(data, text.key, text.keys, self.key_stride, column, self.head_width)
    }

    fn values<'a>(&self, data: &'a [f32], text: &Text, head: usize) -> Matrix<'a> {
        let column = self.value + head * self.head_width;
        Self::view(data, text.key, text.keys, self.key_stride, column, self.head_width)
    }
}

thread_local! {
    /// Scores of one text and head; grows to the longest text seen.
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

fn with_scratch<R>(length: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.len() < length {
            scratch.resize(length, 0.0);
        }
        work(&mut scratch[..length])
    })
}

vectorised! {
    /// Rows of scores become dropped probabilities; returns nothing, writes each row's log of the
    /// normaliser into `normalisers` at `head`, `heads` apart.
    fn softmax_rows(scores: &mut [f32], keys: usize, mask: Mask, normalisers: &mut [f32], head: usize, heads: usize) {
        for (i, row) in scores.chunks_exact_mut(keys).enumerate() {
            let largest = maximum(row);
            for value in row.iter_mut() {
                *value = exp(*value - largest);
            }
            let sum = sum_by(row, |x| x);
            let inverse = 1.0 / sum;
            normalisers[i * heads + head] = largest + sum.ln();
            if mask.drops() {
                for (j, value) in row.iter_mut().enumerate() {
                    *value *= inverse * mask.factor((i * keys + j) as u32);
                }
            } else {
                for value in row.iter_mut() {
                    *value *= inverse;
                }
            }
        }
    }
}

vectorised! {
    /// `p`: scores become dropped probabilities, from the kept normalisers.
    fn probabilities(p: &mut [f32], keys: usize, mask: Mask, normalisers: &[f32], head: usize, heads: usize) {
        for (i, row) in p.chunks_exact_mut(keys).enumerate() {
            let normaliser = normalisers[i * heads + head];
            if mask.drops() {
                for (j, value) in row.iter_mut().enumerate() {
                    *value = exp(*value - normaliser) * mask.factor((i * keys + j) as u32);
                }
            } else {
                for value in row.iter_mut() {
                    *value = exp(*value - normaliser);
                }
            }
        }
    }
}

vectorised! {
    /// `d`: gradients of dropped probabilities become those of scores. With `P` the softmax, `M`
    /// the mask and `p = P·M`: `dS = P·M·d − P·Σ(d·p)`, and `P·M = p`; where the mask is zero `P`
    /// comes from the scores again, which `p` holds as zero there, hence `raw`.
    fn score_gradients(d: &mut [f32], p: &[f32], raw: &[f32], keys: usize, normaliser_of: (&[f32], usize, usize), drops: bool) {
        let lines = d.chunks_exact_mut(keys).zip(p.chunks_exact(keys));
        for (i, (d, p)) in lines.enumerate() {
            let sum = super::vector::sum_by2(d, p, |d, p| d * p);
            if drops {
                let (normalisers, head, heads) = normaliser_of;
                let normaliser = normalisers[i * heads + head];
                let raw = &raw[i * keys..(i + 1) * keys];
                for ((d, p), s) in d.iter_mut().zip(p).zip(raw) {
                    *d = *p * *d - exp(*s - normaliser) * sum;
                }
            } else {
                for (d, p) in d.iter_mut().zip(p) {
                    *d = *p * (*d - sum);
                }
            }
        }
    }
}

/// Rows of the query side that each text owns, as spans.
fn query_spans(texts: &[Text]) -> Vec<Span> {
    texts.iter().map(|t| Span { slot: t.slot, start: t.query, rows: t.queries }).collect()
}

/// Outputs `[context, normalisers]`, inputs `[queries, keys and values]`. `context` is
/// `[query rows, heads · head_width]`, `normalisers` `[query rows, heads]`.
#[derive(Debug)]
pub(crate) struct Forward<'a> {
    /// The texts, in the order of their rows.
    pub(crate) texts: &'a [Text],
    /// Where things stand.
    pub(crate) columns: Columns,
    /// Dropout of the probabilities, by slot.
    pub(crate) masks: &'a [Mask],
}

/// The mask of one text and head.
fn text_mask(masks: &[Mask], text: &Text, head: usize, heads: usize) -> Mask {
    let mask = masks[text.slot];
    if mask.drops() { mask.part((text.index * heads + head) as u64) } else { mask }
}

impl Operator for Forward<'_> {
    fn name(&self) -> &'static str {
        "attention forward"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()> {
        let [context, normalisers] = outputs else { bail!("{} has two outputs", self.name()) };
        let c = &self.columns;
        let spans = query_spans(self.texts);
        let pieces = carve(context, &spans, c.width()).into_par_iter().zip(carve(
            normalisers,
            &spans,
            c.heads,
        ));
        self.texts.par_iter().zip(pieces).with_min_len(grain()).with_max_len(grain()).for_each(
            |(text, (context, normalisers))| {
                with_scratch(text.queries * text.keys, |scores| {
                    for head in 0..c.heads {
                        let (q, k) =
                            (c.queries(inputs[0], text, head), c.keys(inputs[1], text, head));
                        let out = MatrixMut::dense(scores, text.queries, text.keys);
                        multiply(out, q, k.t(), c.scale(), Write::Replace, Threads::One);
                        let mask = text_mask(self.masks, text, head, c.heads);
                        softmax_rows(scores, text.keys, mask, normalisers, head, c.heads);
                        let p = Matrix::dense(scores, text.queries, text.keys);
                        let stripe = &mut context[head * c.head_width..];
                        let out = MatrixMut::strided(stripe, text.queries, c.head_width, c.width());
                        multiply(
                            out,
                            p,
                            c.values(inputs[1], text, head),
                            1.0,
                            Write::Replace,
                            Threads::One,
                        );
                    }
                });
            },
        );
        Ok(())
    }
}

/// Outputs `[dqkv]` or `[dq, dkv]`, inputs `[queries, keys and values, dcontext, normalisers]`:
/// gradients in the columns that the values themselves have. One output when queries, keys and
/// values share a buffer, two when the queries have their own.
#[derive(Debug)]
pub(crate) struct Backward<'a> {
    /// The texts, in the order of their rows.
    pub(crate) texts: &'a [Text],
    /// Where things stand.
    pub(crate) columns: Columns,
    /// Dropout of the probabilities, by slot.
    pub(crate) masks: &'a [Mask],
}

impl Backward<'_> {
    fn text(&self, text: &Text, mut dq: Option<&mut [f32]>, dkv: &mut [f32], inputs: &[&[f32]]) {
        let c = &self.columns;
        let area = text.queries * text.keys;
        let rows = text.query..text.query + text.queries;
        let normalisers = &inputs[3][rows.start * c.heads..rows.end * c.heads];
        with_scratch(3 * area, |scratch| {
            let (p, rest) = scratch.split_at_mut(area);
            let (d, raw) = rest.split_at_mut(area);
            for head in 0..c.heads {
                let (q, k) = (c.queries(inputs[0], text, head), c.keys(inputs[1], text, head));
                let v = c.values(inputs[1], text, head);
                let first = rows.start * c.width() + head * c.head_width;
                let upstream =
                    Matrix::strided(&inputs[2][first..], text.queries, c.head_width, c.width());
                let mask = text_mask(self.masks, text, head, c.heads);

                let out = MatrixMut::dense(p, text.queries, text.keys);
                multiply(out, q, k.t(), c.scale(), Write::Replace, Threads::One);
                if mask.drops() {
                    raw.copy_from_slice(p);
                }
                probabilities(p, text.keys, mask, normalisers, head, c.heads);
                let out = MatrixMut::dense(d, text.queries, text.keys);
                multiply(out, upstream, v.t(), 1.0, Write::Replace, Threads::One);
                let out = self.stripe(dkv, text.keys, c.value, c.key_stride, head);
                multiply(
                    out,
                    Matrix::dense(p, text.queries, text.keys).t(),
                    upstream,
                    1.0,
                    Write::Replace,
                    Threads::One,
                );
                score_gradients(d, p, raw, text.keys, (normalisers, head, c.heads), mask.drops());
                let out = self.stripe(dkv, text.keys, c.key, c.key_stride, head);
                multiply(
                    out,
                    Matrix::dense(d, text.queries, text.keys).t(),
                    q,
                    c.scale(),
                    Write::Replace,
                    Threads::One,
                );
                let buffer = dq.as_deref_mut().unwrap_or(dkv);
                let out = self.stripe(buffer, text.queries, 0, c.query_stride, head);
                multiply(
                    out,
                    Matrix::dense(d, text.queries, text.keys),
                    k,
                    c.scale(),
                    Write::Replace,
                    Threads::One,
                );
            }
        });
    }

    fn stripe<'b>(
        &self,
        data: &'b mut [f32],
        rows: usize,
        column: usize,
        stride: usize,
        head: usize,
    ) -> MatrixMut<'b> {
        let width = self.columns.head_width;
        MatrixMut::strided(&mut data[column + head * width..], rows, width, stride)
    }
}

impl Operator for Backward<'_> {
    fn name(&self) -> &'static str {
        "attention backward"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()> {
        let c = &self.columns;
        let key_spans: Vec<Span> =
            self.texts.iter().map(|t| Span { slot: t.slot, start: t.key, rows: t.keys }).collect();
        match outputs {
            [dqkv] => {
                let pieces = carve(dqkv, &key_spans, c.key_stride);
                let work =
                    self.texts.par_iter().zip(pieces).with_min_len(grain()).with_max_len(grain());
                work.for_each(|(text, dqkv)| self.text(text, None, dqkv, inputs));
            }
            [dq, dkv] => {
                let queries = carve(dq, &query_spans(self.texts), c.query_stride);
                let pieces = queries.into_par_iter().zip(carve(dkv, &key_spans, c.key_stride));
                let work =
                    self.texts.par_iter().zip(pieces).with_min_len(grain()).with_max_len(grain());
                work.for_each(|(text, (dq, dkv))| self.text(text, Some(dq), dkv, inputs));
            }
            _ => bail!("{} has one or two outputs", self.name()),
        }
        Ok(())
    }
}
