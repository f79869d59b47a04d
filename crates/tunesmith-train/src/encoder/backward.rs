//! The backward pass: from the gradient of first tokens down to the lowest weight that is trained.
//!
//! One gradient of the hidden state is carried down; each sublayer adds to it in place, which is
//! what a residual connection means for gradients. This file refuses to allocate: all buffers are
//! the workspace's.

use candle_core::{Result, Tensor};

use super::Encoder;
use super::forward::split_queries;
use super::pass::Site;
use super::projection::{Put, Scratch, Stripe};
use super::workspace::Workspace;
use crate::model::layout::{Layer, Placed, Target};
use crate::op::adapter::ScatterFirst;
use crate::op::linear::Shape;
use crate::op::matrix::Write;
use crate::op::{Span, activation, attention, embedding, launch, norm};
use crate::protocol::Architecture;

/// What one layer's backward pass works on.
struct Level<'a> {
    index: usize,
    layer: &'a Layer,
    spans: &'a [Span],
    rows: usize,
}

impl Encoder<'_> {
    /// Goes down from `d_first` (`[texts, width]`, in the workspace) and writes gradients.
    pub(crate) fn backward(&self, workspace: &mut Workspace) -> Result<()> {
        let embeddings = self.layout.words.trained;
        let lowest = if embeddings { 0 } else { self.layout.lowest_trained() };
        for index in (lowest..self.config.layers).rev() {
            self.layer_backward(workspace, index, index > lowest || embeddings)?;
        }
        if embeddings { self.embed_backward(workspace) } else { Ok(()) }
    }

    fn layer_backward(&self, workspace: &mut Workspace, index: usize, below: bool) -> Result<()> {
        let layer = &self.layout.layers[index];
        let alone = self.first_tokens_only(index);
        let (spans, rows) = if alone {
            (&self.pass.text_spans, self.pass.text_count())
        } else {
            (&self.pass.spans, self.pass.rows())
        };
        let level = Level { index, layer, spans, rows };
        let length = rows * self.config.width;
        let carried = if alone { &mut workspace.d_first } else { &mut workspace.d_hidden };
        let d = carried.take(&workspace.device, length)?;
        self.feed_forward_backward(workspace, &level, &d)?;
        self.attention_output_backward(workspace, &level, &d)?;
        if alone {
            self.attention_first_backward(workspace, &level, &d, below)
        } else {
            self.attention_backward(workspace, &level, &d, below)
        }
    }

    /// Through a norm: `d` becomes the gradient of the sum, the result that of the sublayer.
    fn norm_backward(
        &self,
        workspace: &mut Workspace,
        level: &Level<'_>,
        placed: &Placed,
        masks: &norm::Masks,
        d: &Tensor,
        z: &Tensor,
    ) -> Result<Tensor> {
        let sublayer = workspace.d_sublayer.take(&workspace.device, d.elem_count())?;
        let op = norm::Backward {
            spans: level.spans,
            width: self.config.width,
            norm: placed.place,
            gradient: Self::gradient(placed),
            write: self.write,
            masks,
            epsilon: self.config.epsilon,
        };
        if placed.trained {
            launch(&op, &[d, &sublayer, self.gradients], &[z, self.buffer(placed)])?;
        } else {
            launch(&op, &[d, &sublayer], &[z, self.buffer(placed)])?;
        }
        Ok(sublayer)
    }

    fn feed_forward_backward(
        &self,
        workspace: &mut Workspace,
        level: &Level<'_>,
        d: &Tensor,
    ) -> Result<()> {
        let Level { index, layer, spans, rows } = *level;
        let (width, wide_width) = (self.config.width, self.config.intermediate);
        let device = workspace.device.clone();
        let buffers = &mut workspace.layers[index];
        let sum = buffers.output_sum.take(&device, rows * width)?;
        let wide = buffers.wide.take(&device, rows * wide_width)?;
        let normed = buffers.attention_norm.take(&device, rows * width)?;
        let masks = self.pass.masks(Site::Output(index));
        let d_output = self.norm_backward(workspace, level, &layer.output_norm, &masks, d, &sum)?;

        let d_wide = workspace.d_wide.take(&device, rows * wide_width)?;
        let activated = workspace.activated.take(&device, rows * wide_width)?;
        let down = Shape { inputs: wide_width, outputs: width };
        self.project_input_backward(
            &layer.output,
            Write::Replace,
            spans,
            down,
            &d_output,
            &d_wide,
        )?;
        let bias = &layer.intermediate.bias;
        let op = activation::Backward {
            spans,
            width: wide_width,
            bias: bias.place,
            activation: self.config.activation,
        };
        let adapted = self.adapter_of(level, Target::Output);
        if let Some(put) = adapted {
            // The adapter's part of the gradient comes before the activation's slope does.
            let op = activation::Forward {
                spans,
                width: wide_width,
                bias: bias.place,
                activation: self.config.activation,
            };
            launch(&op, &[&activated], &[&wide, self.buffer(bias)])?;
            self.put_backward(workspace, index, &put, &activated, &d_output, Some(&d_wide))?;
        }
        launch(&op, &[&d_wide, &activated], &[&wide, self.buffer(bias)])?;
        self.project_weight_backward(&layer.output, spans, down, &activated, &d_output)?;

        let up = Shape { inputs: width, outputs: wide_width };
        self.project_input_backward(&layer.intermediate, Write::Add, spans, up, &d_wide, d)?;
        self.project_weight_backward(&layer.intermediate, spans, up, &normed, &d_wide)?;
        match self.adapter_of(level, Target::Intermediate) {
            Some(put) => self.put_backward(workspace, index, &put, &normed, &d_wide, Some(d)),
            None => Ok(()),
        }
    }

    /// From the first norm to the context; `d` becomes the residual's gradient.
    fn attention_output_backward(
        &self,
        workspace: &mut Workspace,
        level: &Level<'_>,
        d: &Tensor,
    ) -> Result<()> {
        let Level { index, layer, spans, rows } = *level;
        let width = self.config.width;
        let device = workspace.device.clone();
        let sum = workspace.layers[index].attention_sum.take(&device, rows * width)?;
        let context = workspace.layers[index].context.take(&device, rows * width)?;
        let masks = match self.config.architecture {
            Architecture::Distilbert => self.pass.no_masks(),
            Architecture::Bert | Architecture::Roberta => {
                self.pass.masks(Site::AttentionOutput(index))
            }
        };
        let d_output =
            self.norm_backward(workspace, level, &layer.attention_norm, &masks, d, &sum)?;
        let d_context = workspace.d_context.take(&device, rows * width)?;
        let square = Shape { inputs: width, outputs: width };
        self.project_input_backward(
            &layer.attention_output,
            Write::Replace,
            spans,
            square,
            &d_output,
            &d_context,
        )?;
        self.project_weight_backward(&layer.attention_output, spans, square, &context, &d_output)?;
        match self.adapter_of(level, Target::AttentionOutput) {
            Some(put) => {
                self.put_backward(workspace, index, &put, &context, &d_output, Some(&d_context))
            }
            None => Ok(()),
        }
    }

    fn attention_backward(
        &self,
        workspace: &mut Workspace,
        level: &Level<'_>,
        d: &Tensor,
        below: bool,
    ) -> Result<()> {
        let Level { index, layer, rows, .. } = *level;
        let width = self.config.width;
        let device = workspace.device.clone();
        let buffers = &mut workspace.layers[index];
        let input = buffers.input.take(&device, rows * width)?;
        let qkv = buffers.qkv.take(&device, rows * 3 * width)?;
        let normalisers = buffers.normalisers.take(&device, rows * self.config.heads)?;
        let d_context = workspace.d_context.take(&device, rows * width)?;
        let d_qkv = workspace.d_qkv.take(&device, rows * 3 * width)?;
        let masks = self.pass.masks(Site::Attention(index));
        let op = attention::Backward {
            texts: &self.pass.texts,
            columns: self.columns(index),
            masks: &masks,
        };
        launch(&op, &[&d_qkv], &[&qkv, &qkv, &d_context, &normalisers])?;
        let shape = Shape { inputs: width, outputs: 3 * width };
        self.project_weight_backward(&layer.qkv, &self.pass.spans, shape, &input, &d_qkv)?;
        let d = below.then_some(d);
        if let Some(d) = d {
            self.project_input_backward(
                &layer.qkv,
                Write::Add,
                &self.pass.spans,
                shape,
                &d_qkv,
                d,
            )?;
        }
        for adapter in &layer.adapters {
            if let Some(put) = self.put(index, adapter) {
                self.put_backward(workspace, index, &put, &input, &d_qkv, d)?;
            }
        }
        Ok(())
    }

    /// The same where first tokens alone ask: `d_first` goes in, `d_hidden` of all tokens comes.
    fn attention_first_backward(
        &self,
        workspace: &mut Workspace,
        level: &Level<'_>,
        d_first: &Tensor,
        below: bool,
    ) -> Result<()> {
        let Level { index, layer, rows, .. } = *level;
        let width = self.config.width;
        let tokens = self.pass.rows();
        let device = workspace.device.clone();
        let buffers = &mut workspace.layers[index];
        let input = buffers.input.take(&device, tokens * width)?;
        let first = buffers.first.take(&device, rows * width)?;
        let queries = buffers.queries.take(&device, rows * width)?;
        let keys = buffers.qkv.take(&device, tokens * 2 * width)?;
        let normalisers = buffers.normalisers.take(&device, rows * self.config.heads)?;
        let d_context = workspace.d_context.take(&device, rows * width)?;
        let d_queries = workspace.d_queries.take(&device, rows * width)?;
        let d_keys = workspace.d_qkv.take(&device, tokens * 2 * width)?;
        let masks = self.pass.masks(Site::Attention(index));
        let op = attention::Backward {
            texts: &self.pass.first_texts,
            columns: self.columns(index),
            masks: &masks,
        };
        launch(&op, &[&d_queries, &d_keys], &[&queries, &keys, &d_context, &normalisers])?;

        let d_hidden = workspace.d_hidden.take(&device, tokens * width)?;
        let [q, kv] = split_queries(&layer.qkv, width);
        let square = Shape { inputs: width, outputs: width };
        let double = Shape { inputs: width, outputs: 2 * width };
        let (texts, all) = (&self.pass.text_spans, &self.pass.spans);
        self.project_weight_backward(&q, texts, square, &first, &d_queries)?;
        self.project_weight_backward(&kv, all, double, &input, &d_keys)?;
        if below {
            self.project_input_backward(&q, Write::Add, texts, square, &d_queries, d_first)?;
            self.project_input_backward(&kv, Write::Replace, all, double, &d_keys, &d_hidden)?;
        }
        for adapter in &layer.adapters {
            let Some(put) = self.put(index, adapter) else { continue };
            let (x, dy, dx) = match adapter.target {
                Target::Query => (&first, &d_queries, d_first),
                _ => (&input, &d_keys, &d_hidden),
            };
            self.put_backward(workspace, index, &put, x, dy, below.then_some(dx))?;
        }
        if below {
            let op = ScatterFirst { places: &self.pass.first_tokens(), width };
            launch(&op, &[&d_hidden], &[d_first])?;
        }
        Ok(())
    }

    /// The adapter on a projection with a buffer of its own.
    fn adapter_of<'l>(&'l self, level: &Level<'l>, target: Target) -> Option<Put<'l>> {
        let adapter = level.layer.adapters.iter().find(|adapter| adapter.target == target)?;
        let (_, outputs) = target.shape(self.config);
        let site = Site::Adapter(level.index, target as usize);
        Some(Put {
            adapter,
            site,
            spans: level.spans,
            stripe: Stripe { stride: outputs, column: 0 },
        })
    }

    fn put_backward(
        &self,
        workspace: &mut Workspace,
        index: usize,
        put: &Put<'_>,
        x: &Tensor,
        dy: &Tensor,
        dx: Option<&Tensor>,
    ) -> Result<()> {
        let inner = &mut workspace.layers[index].adapters[put.adapter.target as usize];
        let mut scratch =
            Scratch { input: &mut workspace.adapter_input, inner: &mut workspace.d_adapter };
        self.adapt_backward(put, x, dy, inner, &mut scratch, dx)
    }

    fn embed_backward(&self, workspace: &mut Workspace) -> Result<()> {
        let width = self.config.width;
        let length = self.pass.rows() * width;
        let spans = &self.pass.spans;
        let d = workspace.d_hidden.take(&workspace.device, length)?;
        let sum = workspace.embedding_sum.take(&workspace.device, length)?;
        let masks = self.pass.masks(Site::Embeddings);
        launch(&norm::Dropout { spans, width, masks: &masks }, &[&d], &[])?;
        let level =
            Level { index: 0, layer: &self.layout.layers[0], spans, rows: self.pass.rows() };
        let none = self.pass.no_masks();
        self.norm_backward(workspace, &level, &self.layout.embedding_norm, &none, &d, &sum)?;
        let tables = self.tables();
        let tables = embedding::Tables {
            words: tables.words.unstacked(),
            positions: tables.positions.unstacked(),
            types: tables.types.map(|types| types.unstacked()),
        };
        let op = embedding::Backward { spans, width, tokens: &self.pass.tokens, tables };
        launch(&op, &[self.gradients], &[&d])
    }
}
