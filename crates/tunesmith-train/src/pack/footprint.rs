//! How much memory a slot takes, estimated before there is one.
//!
//! Weights, gradients and two moments: `16 · weights` bytes. Activations: every buffer of
//! [`Workspace`](crate::encoder::workspace::Workspace) as long as the larger of a training batch
//! and an evaluation batch makes it, in floats. With `t` tokens, `n` texts, width `w`,
//! intermediate width `i` and `h` heads, a layer keeps `t·(8w + h + i)` floats, the last one
//! `t·3w + n·(6w + h + i)`; what all layers share is about `t·(7w + 2i)`.
//!
//! It is an estimate: adapters, word rows of later batches and what the allocator rounds up are
//! not in it, and memory of a slot is taken page by page as it is written. This file refuses to
//! choose a pack's size.

use crate::data::{Order, Split};
use crate::model::EncoderConfig;
use crate::model::layout::{Layout, Plan};

/// How much one batch of a slot brings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// Texts.
    pub(crate) texts: usize,
    /// Tokens of all of them.
    pub(crate) tokens: usize,
}

impl Load {
    /// The batch with most tokens of an epoch.
    pub(crate) fn largest(split: &Split, order: &Order, batch_size: usize) -> Self {
        let batches = order.rows().chunks(batch_size.max(1)).map(|rows| Self {
            texts: rows.len(),
            tokens: rows.iter().map(|row| split.tokens(*row as usize)).sum(),
        });
        batches.max_by_key(|load| load.tokens).unwrap_or_default()
    }
}

/// Bytes that a slot adds to a pack of this shape, with these largest batches.
pub(crate) fn bytes_of_slot(
    config: &EncoderConfig,
    plan: &Plan,
    train: Load,
    evaluation: Load,
) -> u64 {
    let state = 4 * Layout::new(config, plan).stride;
    let floats = state + activations(config, plan.outputs, train, evaluation);
    (floats * size_of::<f32>()) as u64
}

/// Floats of the workspace's buffers.
fn activations(config: &EncoderConfig, outputs: usize, train: Load, evaluation: Load) -> usize {
    let last = config.layers.saturating_sub(1);
    let mut layers = vec![[0; BUFFERS]; config.layers + 2];
    for index in 0..config.layers {
        grow(&mut layers[index], of_layer(config, train, index == last));
        // An evaluation uses the buffers of two layers in turn.
        grow(&mut layers[index % 2], of_layer(config, evaluation, index == last));
    }
    let kept: usize = layers.iter().flatten().sum();
    let output = train.texts * config.width;
    kept + output + shared(config, train, evaluation) + head(config, outputs, train, evaluation)
}

/// Buffers of a layer whose lengths differ between passes.
const BUFFERS: usize = 7;

fn grow(buffers: &mut [usize; BUFFERS], needed: [usize; BUFFERS]) {
    buffers.iter_mut().zip(needed).for_each(|(length, needed)| *length = needed.max(*length));
}

/// Input; queries, keys and values; context, normalisers and both of the first norm; the wide
/// state; input of the second norm; first tokens; their queries.
fn of_layer(config: &EncoderConfig, load: Load, last: bool) -> [usize; BUFFERS] {
    let (width, wide, heads) = (config.width, config.intermediate, config.heads);
    let Load { texts, tokens } = load;
    // The last layer computes first tokens alone once it has keys and values.
    let (rows, parts, first) = if last { (texts, 2, texts * width) } else { (tokens, 3, 0) };
    [
        tokens * width,
        tokens * parts * width,
        rows * (3 * width + heads),
        rows * wide,
        rows * width,
        first,
        first,
    ]
}

/// What serves all layers: the embeddings' sum, activations, and gradients on their way down.
fn shared(config: &EncoderConfig, train: Load, evaluation: Load) -> usize {
    let (width, wide) = (config.width, config.intermediate);
    let deep = config.layers > 1;
    let rows = |load: Load| if deep { load.tokens } else { load.texts };
    let forward =
        train.tokens.max(evaluation.tokens) * width + rows(train).max(rows(evaluation)) * wide;
    let parts = if deep { 3 } else { 2 };
    let backward =
        train.tokens * (2 + parts) * width + rows(train) * (width + wide) + 2 * train.texts * width;
    forward + backward
}

fn head(config: &EncoderConfig, outputs: usize, train: Load, evaluation: Load) -> usize {
    let both = train.texts.max(evaluation.texts);
    both * (3 * config.width + outputs) + train.texts * (2 * config.width + outputs)
}
