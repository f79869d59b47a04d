//! Buffers that live from step to step: activations that a backward pass needs, and scratch.
//!
//! A buffer grows to the largest batch that it has seen and never shrinks. This file refuses to
//! clear what it lends: who takes a buffer writes all of it.

use candle_core::{DType, Device, Result, Tensor};

/// One buffer.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    tensor: Option<Tensor>,
}

impl Buffer {
    /// The first `length` floats, with room made for them.
    pub(crate) fn take(&mut self, device: &Device, length: usize) -> Result<Tensor> {
        let large_enough = self.tensor.as_ref().is_some_and(|tensor| tensor.elem_count() >= length);
        if !large_enough {
            // The old buffer goes before the new one comes.
            self.tensor = None;
            self.tensor = Some(Tensor::zeros(length.max(1), DType::F32, device)?);
        }
        match &self.tensor {
            Some(tensor) => tensor.narrow(0, 0, length),
            None => candle_core::bail!("a buffer that was just made is gone"),
        }
    }
}

#[cfg(test)]
impl Buffer {
    /// Floats that it has room for.
    fn floats(&self) -> usize {
        self.tensor.as_ref().map_or(0, Tensor::elem_count)
    }
}

/// What a forward pass keeps of one layer.
#[derive(Debug, Default)]
pub(crate) struct LayerBuffers {
    /// Input of the layer: `[tokens, width]`.
    pub(crate) input: Buffer,
    /// Inputs of the first tokens, where the layer computes those alone.
    pub(crate) first: Buffer,
    /// Queries, keys and values, or keys and values alone.
    pub(crate) qkv: Buffer,
    /// Queries, where they have their own buffer.
    pub(crate) queries: Buffer,
    /// Output of attention.
    pub(crate) context: Buffer,
    /// Normalisers of attention.
    pub(crate) normalisers: Buffer,
    /// What the first norm normalises.
    pub(crate) attention_sum: Buffer,
    /// What it gives.
    pub(crate) attention_norm: Buffer,
    /// Input of the activation, without its bias.
    pub(crate) wide: Buffer,
    /// What the second norm normalises.
    pub(crate) output_sum: Buffer,
    /// Inputs of LoRA's second products, by target.
    pub(crate) adapters: [Buffer; 7],
}

/// All buffers of a pack.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Where they are.
    pub(crate) device: Device,
    /// By layer; the input of the one past the last is the encoder's output.
    pub(crate) layers: Vec<LayerBuffers>,
    /// What the embeddings' norm normalises.
    pub(crate) embedding_sum: Buffer,
    /// Output of the activation: `[tokens, intermediate]`.
    pub(crate) activated: Buffer,
    /// Gradient of the hidden state.
    pub(crate) d_hidden: Buffer,
    /// The same for first tokens.
    pub(crate) d_first: Buffer,
    /// Gradient of a sublayer's output.
    pub(crate) d_sublayer: Buffer,
    /// Gradient of attention's output.
    pub(crate) d_context: Buffer,
    /// Gradient of the wide state.
    pub(crate) d_wide: Buffer,
    /// Gradient of queries, keys and values.
    pub(crate) d_qkv: Buffer,
    /// Gradient of queries that have their own buffer.
    pub(crate) d_queries: Buffer,
    /// A dropped copy of an adapter's input, or its gradient.
    pub(crate) adapter_input: Buffer,
    /// Gradient of an adapter's inner state.
    pub(crate) d_adapter: Buffer,
    /// The head's own.
    pub(crate) head: HeadBuffers,
}

/// What a forward pass keeps of the head.
#[derive(Debug, Default)]
pub(crate) struct HeadBuffers {
    /// First tokens, dropped.
    pub(crate) input: Buffer,
    /// Output of the dense layer, without its bias.
    pub(crate) dense: Buffer,
    /// After activation and dropout.
    pub(crate) activated: Buffer,
    /// Scratch of the same size.
    pub(crate) recomputed: Buffer,
    /// Gradient of `activated`.
    pub(crate) d_activated: Buffer,
    /// `[rows, outputs]`.
    pub(crate) logits: Buffer,
    /// Their gradient.
    pub(crate) d_logits: Buffer,
    /// Input of LoRA's second product.
    pub(crate) adapter: Buffer,
}

impl Workspace {
    /// Empty buffers for `layers` layers.
    pub(crate) fn new(device: &Device, layers: usize) -> Self {
        Self {
            device: device.clone(),
            layers: (0..=layers).map(|_| LayerBuffers::default()).collect(),
            embedding_sum: Buffer::default(),
            activated: Buffer::default(),
            d_hidden: Buffer::default(),
            d_first: Buffer::default(),
            d_sublayer: Buffer::default(),
            d_context: Buffer::default(),
            d_wide: Buffer::default(),
            d_qkv: Buffer::default(),
            d_queries: Buffer::default(),
            adapter_input: Buffer::default(),
            d_adapter: Buffer::default(),
            head: HeadBuffers::default(),
        }
    }
}

#[cfg(test)]
impl Workspace {
    /// Floats of all buffers together.
    pub(crate) fn floats(&self) -> usize {
        let of_layer = |layer: &LayerBuffers| -> usize {
            let LayerBuffers { input, first, qkv, queries, context, .. } = layer;
            let LayerBuffers { normalisers, attention_sum, attention_norm, .. } = layer;
            let (wide, sum) = (&layer.wide, &layer.output_sum);
            let attention = [input, first, qkv, queries, context, normalisers];
            let rest = [attention_sum, attention_norm, wide, sum];
            attention.into_iter().chain(rest).chain(&layer.adapters).map(Buffer::floats).sum()
        };
        let layers = self.layers.iter().map(of_layer).sum::<usize>();
        let shared = [&self.embedding_sum, &self.activated, &self.d_hidden, &self.d_first];
        let down = [&self.d_sublayer, &self.d_context, &self.d_wide, &self.d_qkv, &self.d_queries];
        let HeadBuffers { input, dense, activated, recomputed, .. } = &self.head;
        let HeadBuffers { d_activated, logits, d_logits, .. } = &self.head;
        let head = [input, dense, activated, recomputed, d_activated, logits, d_logits];
        let others = shared.into_iter().chain(down).chain(head);
        layers + others.map(Buffer::floats).sum::<usize>()
    }
}
