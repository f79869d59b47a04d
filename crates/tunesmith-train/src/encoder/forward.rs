//! The forward pass: embeddings, then layers; what a backward pass needs stays in the workspace.
//!
//! When nothing is to be trained ([`Keep::Nothing`]) two sets of buffers serve all layers. This
//! file refuses to classify; that is [`super::head`]'s.

use candle_core::{Result, Tensor};

use super::Encoder;
use super::pass::Site;
use super::projection::{Put, Stripe};
use super::workspace::Workspace;
use crate::model::layout::{Affine, Layer, Target};
use crate::op::adapter::GatherFirst;
use crate::op::linear::Shape;
use crate::op::{Span, activation, attention, embedding, launch, norm};
use crate::protocol::Architecture;

/// What a forward pass leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Every activation that the backward pass reads.
    Activations,
    /// Nothing but the result.
    Nothing,
}

impl Keep {
    /// The buffers that layer `index` uses.
    pub(crate) fn slot(self, index: usize) -> usize {
        match self {
            Keep::Activations => index,
            Keep::Nothing => index % 2,
        }
    }
}

impl Encoder<'_> {
    /// Logits of every text: `[texts, outputs]`.
    pub(crate) fn run(&self, workspace: &mut Workspace, keep: Keep) -> Result<Tensor> {
        let hidden = self.forward(workspace, keep)?;
        self.classify(workspace, &hidden)
    }

    /// Runs embeddings and layers. The result, `[texts, width]`, is the hidden state of first
    /// tokens.
    pub(crate) fn forward(&self, workspace: &mut Workspace, keep: Keep) -> Result<Tensor> {
        self.embed(workspace, keep)?;
        for index in 0..self.config.layers {
            self.layer(workspace, index, keep)?;
        }
        let buffers = &mut workspace.layers[keep.slot(self.config.layers)];
        buffers.input.take(&workspace.device, self.pass.text_count() * self.config.width)
    }

    /// Where the embedding tables are.
    pub(crate) fn tables(&self) -> embedding::Tables {
        embedding::Tables {
            words: self.layout.words.place,
            positions: self.layout.positions.place,
            types: self.layout.types.map(|types| types.place),
        }
    }

    fn embed(&self, workspace: &mut Workspace, keep: Keep) -> Result<()> {
        let width = self.config.width;
        let length = self.pass.rows() * width;
        let sum = workspace.embedding_sum.take(&workspace.device, length)?;
        let hidden = workspace.layers[keep.slot(0)].input.take(&workspace.device, length)?;
        let spans = &self.pass.spans;
        let op =
            embedding::Forward { spans, width, tokens: &self.pass.tokens, tables: self.tables() };
        launch(&op, &[&sum], &[self.buffer(&self.layout.words)])?;
        let masks = self.pass.masks(Site::Embeddings);
        let placed = &self.layout.embedding_norm;
        let op = norm::Plain {
            spans,
            width,
            norm: placed.place,
            masks: &masks,
            epsilon: self.config.epsilon,
        };
        launch(&op, &[&hidden], &[&sum, self.buffer(placed)])
    }

    fn layer(&self, workspace: &mut Workspace, index: usize, keep: Keep) -> Result<()> {
        let width = self.config.width;
        let layer = &self.layout.layers[index];
        let alone = self.first_tokens_only(index);
        let spans = if alone { &self.pass.text_spans } else { &self.pass.spans };
        let rows = if alone { self.pass.text_count() } else { self.pass.rows() };
        let residual = self.attend(workspace, index, keep)?;

        let device = workspace.device.clone();
        let at = keep.slot(index);
        let buffers = &mut workspace.layers[at];
        let context = buffers.context.take(&device, rows * width)?;
        let sum = buffers.attention_sum.take(&device, rows * width)?;
        let normed = buffers.attention_norm.take(&device, rows * width)?;
        let own = Own {
            index,
            keep,
            spans,
            affine: &layer.attention_output,
            target: Target::AttentionOutput,
        };
        self.sublayer(workspace, layer, &own, &context, &sum)?;
        // DistilBERT drops nothing here (transformers 5.23, `TransformerBlock.forward`).
        let masks = match self.config.architecture {
            Architecture::Distilbert => self.pass.no_masks(),
            Architecture::Bert | Architecture::Roberta => {
                self.pass.masks(Site::AttentionOutput(index))
            }
        };
        self.close(
            spans,
            &layer.attention_output,
            &layer.attention_norm,
            &masks,
            [&normed, &sum],
            &residual,
        )?;

        let wide_length = rows * self.config.intermediate;
        let wide = workspace.layers[at].wide.take(&device, wide_length)?;
        let own =
            Own { index, keep, spans, affine: &layer.intermediate, target: Target::Intermediate };
        self.sublayer(workspace, layer, &own, &normed, &wide)?;
        let activated = workspace.activated.take(&device, wide_length)?;
        let op = activation::Forward {
            spans,
            width: self.config.intermediate,
            bias: layer.intermediate.bias.place,
            activation: self.config.activation,
        };
        launch(&op, &[&activated], &[&wide, self.buffer(&layer.intermediate.bias)])?;

        let sum = workspace.layers[at].output_sum.take(&device, rows * width)?;
        let hidden = workspace.layers[keep.slot(index + 1)].input.take(&device, rows * width)?;
        let own = Own { index, keep, spans, affine: &layer.output, target: Target::Output };
        self.sublayer(workspace, layer, &own, &activated, &sum)?;
        let masks = self.pass.masks(Site::Output(index));
        self.close(spans, &layer.output, &layer.output_norm, &masks, [&hidden, &sum], &normed)
    }

    /// Projects and attends; gives the residual that goes with the context.
    fn attend(&self, workspace: &mut Workspace, index: usize, keep: Keep) -> Result<Tensor> {
        let width = self.config.width;
        let (tokens, texts) = (self.pass.rows(), self.pass.text_count());
        let layer = &self.layout.layers[index];
        let alone = self.first_tokens_only(index);
        let device = workspace.device.clone();
        let buffers = &mut workspace.layers[keep.slot(index)];
        let input = buffers.input.take(&device, tokens * width)?;
        let (queries, keys, residual, rows) = if alone {
            let first = buffers.first.take(&device, texts * width)?;
            launch(
                &GatherFirst { places: &self.pass.first_tokens(), width },
                &[&first],
                &[&input],
            )?;
            let queries = buffers.queries.take(&device, texts * width)?;
            let keys = buffers.qkv.take(&device, tokens * 2 * width)?;
            let [q, kv] = split_queries(&layer.qkv, width);
            self.project(
                &q,
                true,
                &self.pass.text_spans,
                Shape { inputs: width, outputs: width },
                &first,
                &queries,
            )?;
            self.project(
                &kv,
                true,
                &self.pass.spans,
                Shape { inputs: width, outputs: 2 * width },
                &input,
                &keys,
            )?;
            (queries, keys, first, texts)
        } else {
            let qkv = buffers.qkv.take(&device, tokens * 3 * width)?;
            let shape = Shape { inputs: width, outputs: 3 * width };
            self.project(&layer.qkv, true, &self.pass.spans, shape, &input, &qkv)?;
            (qkv.clone(), qkv, input.clone(), tokens)
        };
        for adapter in &layer.adapters {
            let Some(put) = self.put(index, adapter) else {
                continue;
            };
            let (x, y) = if alone && adapter.target == Target::Query {
                (&residual, &queries)
            } else {
                (&input, &keys)
            };
            let inner = &mut workspace.layers[keep.slot(index)].adapters[adapter.target as usize];
            self.adapt(&put, x, y, inner, &mut workspace.adapter_input)?;
        }
        let buffers = &mut workspace.layers[keep.slot(index)];
        let context = buffers.context.take(&device, rows * width)?;
        let normalisers = buffers.normalisers.take(&device, rows * self.config.heads)?;
        let texts = if alone { &self.pass.first_texts } else { &self.pass.texts };
        let masks = self.pass.masks(Site::Attention(index));
        let op = attention::Forward { texts, columns: self.columns(index), masks: &masks };
        launch(&op, &[&context, &normalisers], &[&queries, &keys])?;
        Ok(residual)
    }

    /// Where an adapter on queries, keys or values works; `None` for the other targets.
    pub(crate) fn put<'a>(
        &'a self,
        index: usize,
        adapter: &'a crate::model::layout::Adapter,
    ) -> Option<Put<'a>> {
        let width = self.config.width;
        let alone = self.first_tokens_only(index);
        let stride = if alone { 2 * width } else { 3 * width };
        let columns = self.columns(index);
        let (spans, stripe) = match adapter.target {
            Target::Query if alone => (&self.pass.text_spans, Stripe { stride: width, column: 0 }),
            Target::Query => (&self.pass.spans, Stripe { stride, column: 0 }),
            Target::Key => (&self.pass.spans, Stripe { stride, column: columns.key }),
            Target::Value => (&self.pass.spans, Stripe { stride, column: columns.value }),
            _ => return None,
        };
        Some(Put { adapter, site: Site::Adapter(index, adapter.target as usize), spans, stripe })
    }

    /// One of the projections that have a buffer of their own, without bias, with its adapter.
    fn sublayer(
        &self,
        workspace: &mut Workspace,
        layer: &Layer,
        own: &Own<'_>,
        x: &Tensor,
        y: &Tensor,
    ) -> Result<()> {
        let (inputs, outputs) = own.target.shape(self.config);
        self.project(own.affine, false, own.spans, Shape { inputs, outputs }, x, y)?;
        let Some(adapter) = layer.adapters.iter().find(|adapter| adapter.target == own.target)
        else {
            return Ok(());
        };
        let site = Site::Adapter(own.index, own.target as usize);
        let put =
            Put { adapter, site, spans: own.spans, stripe: Stripe { stride: outputs, column: 0 } };
        let inner = &mut workspace.layers[own.keep.slot(own.index)].adapters[own.target as usize];
        self.adapt(&put, x, y, inner, &mut workspace.adapter_input)
    }

    /// Bias, dropout, residual and norm at the end of a sublayer.
    fn close(
        &self,
        spans: &[Span],
        affine: &Affine,
        placed: &crate::model::layout::Placed,
        masks: &norm::Masks,
        [y, z]: [&Tensor; 2],
        residual: &Tensor,
    ) -> Result<()> {
        let op = norm::Forward {
            spans,
            width: self.config.width,
            bias: affine.bias.place,
            norm: placed.place,
            masks,
            epsilon: self.config.epsilon,
        };
        launch(&op, &[y, z], &[residual, self.buffer(placed), self.buffer(&affine.bias)])
    }
}

/// A projection of a layer with a buffer of its own.
struct Own<'a> {
    index: usize,
    keep: Keep,
    spans: &'a [Span],
    affine: &'a Affine,
    target: Target,
}

/// The projection of queries, and that of keys and values.
pub(crate) fn split_queries(qkv: &Affine, width: usize) -> [Affine; 2] {
    let part = |first: usize, count: usize| Affine {
        weight: qkv.weight.part(first * width * width, count * width * width),
        bias: qkv.bias.part(first * width, count * width),
    };
    [part(0, 1), part(1, 2)]
}
