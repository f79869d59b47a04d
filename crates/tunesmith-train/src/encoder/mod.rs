//! The encoder with its classifier: forward and backward passes over a pack, written out operator
//! by operator.
//!
//! There is no tape. The three architectures share one block (post-norm, as in Devlin et al.
//! 2018), so its backward pass is written once, in the order that lets buffers be used again:
//! an activation is either kept by the forward pass in a [`workspace::Workspace`] or computed
//! again. The classifier reads the first token alone, so the last layer computes queries, output
//! and feed-forward part for first tokens only: the same numbers with less arithmetic.
//!
//! This module refuses to know optimisers, schedules and data sets.

pub(crate) mod backward;
pub(crate) mod forward;
pub(crate) mod head;
pub(crate) mod pass;
pub(crate) mod projection;
pub(crate) mod workspace;

use candle_core::Tensor;

use crate::model::EncoderConfig;
use crate::model::layout::{Layout, Placed};
use crate::op::matrix::Write;
use crate::op::{Place, attention};
use pass::Pass;

/// Everything that a pass reads, and the gradients that it writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoder<'a> {
    /// Shape and rates.
    pub(crate) config: &'a EncoderConfig,
    /// Where weights are.
    pub(crate) layout: &'a Layout,
    /// Trained weights: `[slots, stride]`.
    pub(crate) weights: &'a Tensor,
    /// Frozen weights.
    pub(crate) frozen: &'a Tensor,
    /// Gradients of the one slot that a backward pass is of: a row of `weights`.
    pub(crate) gradients: &'a Tensor,
    /// What an adapter's part is multiplied by, by slot.
    pub(crate) scales: &'a [f32],
    /// Rows, tokens and masks.
    pub(crate) pass: &'a Pass,
    /// Whether gradients are replaced or, for a later batch of a step, added to.
    pub(crate) write: Write,
}

impl Encoder<'_> {
    /// The buffer that a placed weight is in.
    pub(crate) fn buffer(&self, placed: &Placed) -> &Tensor {
        if placed.trained { self.weights } else { self.frozen }
    }

    /// Where the gradient of a placed weight goes; frozen weights have none.
    pub(crate) fn gradient(placed: &Placed) -> Option<Place> {
        placed.trained.then_some(placed.place.unstacked())
    }

    /// Whether layer `index` computes first tokens alone.
    pub(crate) fn first_tokens_only(&self, index: usize) -> bool {
        index + 1 == self.config.layers
    }

    /// Where queries, keys and values of layer `index` stand in their buffers.
    pub(crate) fn columns(&self, index: usize) -> attention::Columns {
        let width = self.config.width;
        let alone = self.first_tokens_only(index);
        attention::Columns {
            query_stride: if alone { width } else { 3 * width },
            key_stride: if alone { 2 * width } else { 3 * width },
            key: if alone { 0 } else { width },
            value: if alone { width } else { 2 * width },
            heads: self.config.heads,
            head_width: width / self.config.heads,
        }
    }
}
