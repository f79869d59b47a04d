//! The geometry of one forward pass: which rows are whose, which text is where, and the seeds of
//! dropout.
//!
//! Rows of all texts of all slots lie one after another; there is no padding. This file refuses
//! to read data sets: it is given token rows.

use crate::op::Span;
use crate::op::attention::Text;
use crate::op::dropout::Mask;
use crate::op::embedding::Tokens;

/// The rates and seed of one slot in one pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Noise {
    /// The trial's seed.
    pub(crate) seed: u64,
    /// A number no other pass of the trial has.
    pub(crate) step: u64,
    /// Dropout of the hidden state.
    pub(crate) hidden: f32,
    /// Dropout of attention probabilities.
    pub(crate) attention: f32,
    /// Dropout before the classifier.
    pub(crate) classifier: f32,
    /// Dropout before adapters.
    pub(crate) adapter: f32,
}

impl Noise {
    /// No dropout: evaluation.
    pub(crate) const NONE: Noise =
        Noise { seed: 0, step: 0, hidden: 0.0, attention: 0.0, classifier: 0.0, adapter: 0.0 };
}

/// Where dropout happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Site {
    /// After the embeddings' norm.
    Embeddings,
    /// Attention probabilities of a layer.
    Attention(usize),
    /// Output of attention.
    AttentionOutput(usize),
    /// Output of the feed-forward part.
    Output(usize),
    /// Before an adapter: layer and target.
    Adapter(usize, usize),
    /// Before the head's dense layer.
    HeadInput,
    /// Before the classifier.
    Classifier,
}

impl Site {
    fn number(self) -> u64 {
        match self {
            Site::Embeddings => 0,
            Site::HeadInput => 1,
            Site::Classifier => 2,
            Site::Attention(layer) => 16 * (layer as u64 + 1),
            Site::AttentionOutput(layer) => 16 * (layer as u64 + 1) + 1,
            Site::Output(layer) => 16 * (layer as u64 + 1) + 2,
            Site::Adapter(layer, target) => 16 * (layer as u64 + 1) + 3 + target as u64,
        }
    }
}

/// One pass.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pass {
    /// Token rows by slot, slots ascending.
    pub(crate) spans: Vec<Span>,
    /// Text rows (first tokens) by slot.
    pub(crate) text_spans: Vec<Span>,
    /// Ids by token row.
    pub(crate) tokens: Tokens,
    /// Texts whose every token asks.
    pub(crate) texts: Vec<Text>,
    /// Texts whose first token alone asks; queries are rows of first tokens.
    pub(crate) first_texts: Vec<Text>,
    /// Rates and seeds by slot; as many as the pack has slots.
    noise: Vec<Option<Noise>>,
}

impl Pass {
    /// An empty pass over a pack of `slots`.
    pub(crate) fn new(slots: usize) -> Self {
        Self { noise: vec![None; slots], ..Self::default() }
    }

    /// Adds the texts of a slot; slots come in ascending order, each once. `first_position` is the
    /// position of a text's first token.
    pub(crate) fn add<'t>(
        &mut self,
        slot: usize,
        noise: Noise,
        first_position: usize,
        texts: impl Iterator<Item = (&'t [u32], &'t [u8])>,
    ) {
        let start = self.tokens.words.len();
        let first_row = self.texts.len();
        for (index, (ids, types)) in texts.enumerate() {
            let key = self.tokens.words.len();
            let row = self.texts.len();
            self.tokens.words.extend_from_slice(ids);
            self.tokens.types.extend(types.iter().map(|t| u32::from(*t)));
            self.tokens.positions.extend((0..ids.len()).map(|i| (first_position + i) as u32));
            let text = Text { slot, index, query: key, queries: ids.len(), key, keys: ids.len() };
            self.texts.push(text);
            self.first_texts.push(Text { query: row, queries: 1, ..text });
        }
        self.spans.push(Span { slot, start, rows: self.tokens.words.len() - start });
        self.text_spans.push(Span { slot, start: first_row, rows: self.texts.len() - first_row });
        self.noise[slot] = Some(noise);
    }

    /// Token rows.
    pub(crate) fn rows(&self) -> usize {
        self.tokens.words.len()
    }

    /// The texts' count.
    pub(crate) fn text_count(&self) -> usize {
        self.texts.len()
    }

    /// Dropout at `site`, by slot.
    pub(crate) fn masks(&self, site: Site) -> Vec<Mask> {
        let mask = |noise: &Option<Noise>| {
            noise.map_or(Mask::NONE, |noise| {
                let rate = match site {
                    Site::Embeddings | Site::AttentionOutput(_) | Site::Output(_) => noise.hidden,
                    Site::Attention(_) => noise.attention,
                    Site::Adapter(..) => noise.adapter,
                    Site::HeadInput | Site::Classifier => noise.classifier,
                };
                Mask::new(noise.seed, noise.step, site.number(), rate)
            })
        };
        self.noise.iter().map(mask).collect()
    }

    /// The token row of each text's first token.
    pub(crate) fn first_tokens(&self) -> Vec<usize> {
        self.texts.iter().map(|text| text.key).collect()
    }

    /// No dropout anywhere, by slot.
    pub(crate) fn no_masks(&self) -> Vec<Mask> {
        vec![Mask::NONE; self.noise.len()]
    }
}
