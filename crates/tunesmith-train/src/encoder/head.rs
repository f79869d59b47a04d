//! The classifier on first tokens, forward and backward.
//!
//! BERT: dense, tanh, dropout, linear. DistilBERT: dense, ReLU, dropout, linear. RoBERTa: dropout,
//! dense, tanh, dropout, linear (transformers 5.23, `*ForSequenceClassification`). This file
//! refuses to know losses.

use candle_core::{Result, Tensor};

use super::Encoder;
use super::pass::Site;
use super::projection::{Put, Scratch, Stripe};
use super::workspace::Workspace;
use crate::model::layout::Target;
use crate::op::activation::{self, Activation};
use crate::op::adapter::Copy;
use crate::op::launch;
use crate::op::linear::Shape;
use crate::op::matrix::Write;
use crate::op::norm::Dropout;
use crate::protocol::Architecture;

/// The layer number that the head's adapter has among dropout sites.
const HEAD: usize = 1 << 40;

impl Encoder<'_> {
    fn head_activation(&self) -> Activation {
        match self.config.architecture {
            Architecture::Distilbert => Activation::Relu,
            Architecture::Bert | Architecture::Roberta => Activation::Tanh,
        }
    }

    fn outputs(&self) -> usize {
        self.layout.classifier.bias.place.slab.length
    }

    fn head_put(&self) -> Option<Put<'_>> {
        let adapter = self.layout.dense_adapter.as_ref()?;
        let stripe = Stripe { stride: self.config.width, column: 0 };
        let site = Site::Adapter(HEAD, Target::Pooler as usize);
        Some(Put { adapter, site, spans: &self.pass.text_spans, stripe })
    }

    /// `[texts, outputs]` from the hidden state of first tokens.
    pub(crate) fn classify(&self, workspace: &mut Workspace, hidden: &Tensor) -> Result<Tensor> {
        let width = self.config.width;
        let spans = &self.pass.text_spans;
        let length = self.pass.text_count() * width;
        let device = workspace.device.clone();
        let head = &mut workspace.head;
        let input = head.input.take(&device, length)?;
        launch(&Copy, &[&input], &[hidden])?;
        if self.config.architecture == Architecture::Roberta {
            let masks = self.pass.masks(Site::HeadInput);
            launch(&Dropout { spans, width, masks: &masks }, &[&input], &[])?;
        }
        let square = Shape { inputs: width, outputs: width };
        let dense = head.dense.take(&device, length)?;
        self.project(&self.layout.dense, false, spans, square, &input, &dense)?;
        if let Some(put) = self.head_put() {
            self.adapt(&put, &input, &dense, &mut head.adapter, &mut workspace.adapter_input)?;
        }
        let activated = head.activated.take(&device, length)?;
        let bias = &self.layout.dense.bias;
        let op = activation::Forward {
            spans,
            width,
            bias: bias.place,
            activation: self.head_activation(),
        };
        launch(&op, &[&activated], &[&dense, self.buffer(bias)])?;
        let masks = self.pass.masks(Site::Classifier);
        launch(&Dropout { spans, width, masks: &masks }, &[&activated], &[])?;
        let shape = Shape { inputs: width, outputs: self.outputs() };
        let logits = head.logits.take(&device, self.pass.text_count() * self.outputs())?;
        self.project(&self.layout.classifier, true, spans, shape, &activated, &logits)?;
        Ok(logits)
    }

    /// From `d_logits` (in the workspace) to `d_first`.
    pub(crate) fn classify_backward(&self, workspace: &mut Workspace) -> Result<()> {
        let width = self.config.width;
        let spans = &self.pass.text_spans;
        let texts = self.pass.text_count();
        let device = workspace.device.clone();
        let head = &mut workspace.head;
        let d_logits = head.d_logits.take(&device, texts * self.outputs())?;
        let activated = head.activated.take(&device, texts * width)?;
        let shape = Shape { inputs: width, outputs: self.outputs() };
        self.project_weight_backward(&self.layout.classifier, spans, shape, &activated, &d_logits)?;
        let d = head.d_activated.take(&device, texts * width)?;
        self.project_input_backward(
            &self.layout.classifier,
            Write::Replace,
            spans,
            shape,
            &d_logits,
            &d,
        )?;
        let masks = self.pass.masks(Site::Classifier);
        launch(&Dropout { spans, width, masks: &masks }, &[&d], &[])?;

        let dense = head.dense.take(&device, texts * width)?;
        let recomputed = head.recomputed.take(&device, texts * width)?;
        let bias = &self.layout.dense.bias;
        let op = activation::Backward {
            spans,
            width,
            bias: bias.place,
            activation: self.head_activation(),
        };
        launch(&op, &[&d, &recomputed], &[&dense, self.buffer(bias)])?;
        let input = head.input.take(&device, texts * width)?;
        let square = Shape { inputs: width, outputs: width };
        self.project_weight_backward(&self.layout.dense, spans, square, &input, &d)?;
        let d_first = workspace.d_first.take(&device, texts * width)?;
        self.project_input_backward(
            &self.layout.dense,
            Write::Replace,
            spans,
            square,
            &d,
            &d_first,
        )?;
        if let Some(put) = self.head_put() {
            let mut scratch =
                Scratch { input: &mut workspace.adapter_input, inner: &mut workspace.d_adapter };
            self.adapt_backward(&put, &input, &d, &mut head.adapter, &mut scratch, Some(&d_first))?;
        }
        if self.config.architecture == Architecture::Roberta {
            let masks = self.pass.masks(Site::HeadInput);
            launch(&Dropout { spans, width, masks: &masks }, &[&d_first], &[])?;
        }
        Ok(())
    }
}
