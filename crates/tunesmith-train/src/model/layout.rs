//! Where every weight of a pack lives: trained weights in a `[slots, stride]` buffer with one row
//! a slot, frozen ones once in a buffer that all slots share.
//!
//! The word table stands last in a row, because only the rows of it that a trial ever saw take
//! part in a step. This file refuses to hold numbers: it gives places.

use crate::model::EncoderConfig;
use crate::model::names;
use crate::op::optimizer::Segment;
use crate::op::{Place, Slab};

/// A projection that LoRA can be put on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Target {
    /// Queries.
    Query,
    /// Keys.
    Key,
    /// Values.
    Value,
    /// What follows attention.
    AttentionOutput,
    /// The first product of the feed-forward part.
    Intermediate,
    /// The second.
    Output,
    /// The dense layer of the head: only by `all-linear`, as peft has it.
    Pooler,
}

impl Target {
    /// All that a layer has.
    pub(crate) const LAYER: [Target; 6] = [
        Target::Query,
        Target::Key,
        Target::Value,
        Target::AttentionOutput,
        Target::Intermediate,
        Target::Output,
    ];

    /// Inputs and outputs of the projection.
    pub(crate) fn shape(self, config: &EncoderConfig) -> (usize, usize) {
        match self {
            Target::Intermediate => (config.width, config.intermediate),
            Target::Output => (config.intermediate, config.width),
            _ => (config.width, config.width),
        }
    }
}

/// What decides which trials can share a pack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Plan {
    /// Outputs of the classifier.
    pub(crate) outputs: usize,
    /// Lowest layers that are not trained.
    pub(crate) frozen_layers: usize,
    /// Whether the embeddings are not trained.
    pub(crate) frozen_embeddings: bool,
    /// LoRA: its rank and targets, ascending; all of the encoder is frozen then.
    pub(crate) lora: Option<(usize, Vec<Target>)>,
    /// Whether the head's dense layer came with the checkpoint; a new one is always trained.
    pub(crate) dense_given: bool,
}

/// A place and which buffer it is in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    /// Where.
    pub(crate) place: Place,
    /// Whether in the trained buffer.
    pub(crate) trained: bool,
}

impl Placed {
    /// A part of it.
    pub(crate) fn part(&self, offset: usize, length: usize) -> Placed {
        Placed { place: self.place.part(offset, length), trained: self.trained }
    }
}

/// A weight and its bias.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Affine {
    /// `[outputs, inputs]`.
    pub(crate) weight: Placed,
    /// `[outputs]`.
    pub(crate) bias: Placed,
}

/// The two matrices of an adapter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Adapter {
    /// What it is put on.
    pub(crate) target: Target,
    /// `[rank, inputs]`.
    pub(crate) down: Placed,
    /// `[outputs, rank]`.
    pub(crate) up: Placed,
}

/// The places of one layer.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    /// Queries, keys and values: `[3 · width, width]`.
    pub(crate) qkv: Affine,
    /// What follows attention.
    pub(crate) attention_output: Affine,
    /// Gamma and beta of the first norm.
    pub(crate) attention_norm: Placed,
    /// The first product.
    pub(crate) intermediate: Affine,
    /// The second product.
    pub(crate) output: Affine,
    /// Gamma and beta of the second norm.
    pub(crate) output_norm: Placed,
    /// LoRA's matrices.
    pub(crate) adapters: Vec<Adapter>,
}

/// A tensor of the checkpoint and where it is.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// Its name in the architecture's classifier, as transformers has it.
    pub(crate) name: String,
    /// Its shape.
    pub(crate) shape: Vec<usize>,
    /// Where it is.
    pub(crate) placed: Placed,
}

/// All places of a pack.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// `[vocabulary, width]`.
    pub(crate) words: Placed,
    /// `[positions, width]`.
    pub(crate) positions: Placed,
    /// `[types, width]`.
    pub(crate) types: Option<Placed>,
    /// Gamma and beta of the embeddings' norm.
    pub(crate) embedding_norm: Placed,
    /// The layers, lowest first.
    pub(crate) layers: Vec<Layer>,
    /// The head's dense layer.
    pub(crate) dense: Affine,
    /// LoRA on it.
    pub(crate) dense_adapter: Option<Adapter>,
    /// The classifier.
    pub(crate) classifier: Affine,
    /// Every tensor of the checkpoint.
    pub(crate) named: Vec<Named>,
    /// Every matrix of LoRA, by peft's module names.
    pub(crate) adapters: Vec<Named>,
    /// Trained weights but the word table, in runs.
    pub(crate) segments: Vec<Segment>,
    /// The word table, when it is trained.
    pub(crate) word_segment: Option<Segment>,
    /// Floats of a slot's row.
    pub(crate) stride: usize,
    /// Floats that are shared.
    pub(crate) frozen: usize,
}

/// Hands out places.
#[derive(Default)]
struct Builder {
    trained: usize,
    frozen: usize,
    named: Vec<Named>,
    segments: Vec<Segment>,
}

/// Tensors that stand one after another in one place.
type Parts = Vec<(String, Vec<usize>)>;

impl Builder {
    fn take(&mut self, trained: bool, decays: bool, depth: usize, parts: Parts) -> Placed {
        let size = |shape: &[usize]| shape.iter().product::<usize>();
        let length = parts.iter().map(|(_, shape)| size(shape)).sum();
        let end = if trained { &mut self.trained } else { &mut self.frozen };
        let slab = Slab { offset: *end, length };
        *end += length;
        if trained {
            self.segments.push(Segment { slab, decays, depth });
        }
        // Strides are known when all is placed.
        let placed = Placed { place: Place { slab, stride: 0 }, trained };
        let mut offset = 0;
        for (name, shape) in parts {
            let part = placed.part(offset, size(&shape));
            offset += size(&shape);
            self.named.push(Named { name, shape, placed: part });
        }
        placed
    }

    fn affine(
        &mut self,
        trained: bool,
        depth: usize,
        modules: &[String],
        inputs: usize,
        outputs: usize,
    ) -> Affine {
        let weight =
            modules.iter().map(|m| (format!("{m}.weight"), vec![outputs, inputs])).collect();
        let bias = modules.iter().map(|m| (format!("{m}.bias"), vec![outputs])).collect();
        let weight = self.take(trained, true, depth, weight);
        Affine { weight, bias: self.take(trained, false, depth, bias) }
    }

    fn norm(&mut self, trained: bool, depth: usize, module: &str, width: usize) -> Placed {
        let parts = ["weight", "bias"].map(|part| (format!("{module}.{part}"), vec![width]));
        self.take(trained, false, depth, parts.into())
    }

    fn adapter(
        &mut self,
        config: &EncoderConfig,
        depth: usize,
        target: Target,
        rank: usize,
        module: &str,
    ) -> Adapter {
        let (inputs, outputs) = target.shape(config);
        let down = vec![(format!("{module}.lora_A.weight"), vec![rank, inputs])];
        let up = vec![(format!("{module}.lora_B.weight"), vec![outputs, rank])];
        let down = self.take(true, true, depth, down);
        Adapter { target, down, up: self.take(true, true, depth, up) }
    }
}

impl Layout {
    /// Places every weight of `config` under `plan`.
    pub(crate) fn new(config: &EncoderConfig, plan: &Plan) -> Self {
        let names = names::of(config);
        let width = config.width;
        let mut builder = Builder::default();
        let deepest = config.layers + 1;
        let embeddings = !plan.frozen_embeddings && plan.lora.is_none();
        let table = |name: &str, rows: usize| vec![(name.to_owned(), vec![rows, width])];
        let positions =
            builder.take(embeddings, true, deepest, table(&names.positions, config.positions));
        let types = names
            .types
            .as_ref()
            .map(|name| builder.take(embeddings, true, deepest, table(name, config.types)));
        let embedding_norm = builder.norm(embeddings, deepest, &names.embedding_norm, width);
        let layers =
            (0..config.layers).map(|index| layer(&mut builder, config, plan, index)).collect();

        let dense_trained = plan.lora.is_none() || !plan.dense_given || names.dense_in_classifier;
        let dense =
            builder.affine(dense_trained, 0, std::slice::from_ref(&names.dense), width, width);
        let classifier =
            builder.affine(true, 0, std::slice::from_ref(&names.classifier), width, plan.outputs);
        let dense_adapter = plan
            .lora
            .as_ref()
            .filter(|(_, targets)| targets.contains(&Target::Pooler) && !dense_trained);
        let dense_adapter = dense_adapter
            .map(|(rank, _)| builder.adapter(config, 0, Target::Pooler, *rank, &names.dense));
        let words = builder.take(embeddings, true, deepest, table(&names.words, config.vocabulary));
        let word_segment = if embeddings { builder.segments.pop() } else { None };

        let (adapters, named) =
            builder.named.into_iter().partition(|named| named.name.contains(".lora_"));
        let mut layout = Self {
            words,
            positions,
            types,
            embedding_norm,
            layers,
            dense,
            dense_adapter,
            classifier,
            named,
            adapters,
            segments: merge(builder.segments),
            word_segment,
            stride: builder.trained,
            frozen: builder.frozen,
        };
        layout.set_strides();
        layout
    }

    fn set_strides(&mut self) {
        let stride = self.stride;
        let set =
            |placed: &mut Placed| placed.place.stride = if placed.trained { stride } else { 0 };
        let affine = |a: &mut Affine| {
            set(&mut a.weight);
            set(&mut a.bias);
        };
        let adapter = |a: &mut Adapter| {
            set(&mut a.down);
            set(&mut a.up);
        };
        set(&mut self.words);
        set(&mut self.positions);
        self.types.as_mut().map(set);
        set(&mut self.embedding_norm);
        for layer in &mut self.layers {
            [
                &mut layer.qkv,
                &mut layer.attention_output,
                &mut layer.intermediate,
                &mut layer.output,
            ]
            .into_iter()
            .for_each(affine);
            set(&mut layer.attention_norm);
            set(&mut layer.output_norm);
            layer.adapters.iter_mut().for_each(adapter);
        }
        affine(&mut self.dense);
        affine(&mut self.classifier);
        self.dense_adapter.as_mut().map(adapter);
        self.named.iter_mut().chain(&mut self.adapters).for_each(|named| set(&mut named.placed));
    }

    /// The lowest layer whose own weights are trained; the number of layers when none is.
    pub(crate) fn lowest_trained(&self) -> usize {
        let trained = |layer: &Layer| layer.qkv.weight.trained || !layer.adapters.is_empty();
        self.layers.iter().position(trained).unwrap_or(self.layers.len())
    }

    /// Weights that are trained, a slot.
    pub(crate) fn trained_weights(&self) -> usize {
        self.stride
    }
}

fn layer(builder: &mut Builder, config: &EncoderConfig, plan: &Plan, index: usize) -> Layer {
    let names = names::of_layer(config, index);
    let trained = plan.lora.is_none() && index >= plan.frozen_layers;
    let (width, wide, depth) = (config.width, config.intermediate, config.layers - index);
    let qkv = builder.affine(trained, depth, &names.qkv, width, width);
    let one = std::slice::from_ref;
    let attention_output =
        builder.affine(trained, depth, one(&names.attention_output), width, width);
    let attention_norm = builder.norm(trained, depth, &names.attention_norm, width);
    let intermediate = builder.affine(trained, depth, one(&names.intermediate), width, wide);
    let output = builder.affine(trained, depth, one(&names.output), wide, width);
    let output_norm = builder.norm(trained, depth, &names.output_norm, width);
    let mut adapters = Vec::new();
    if let Some((rank, targets)) = &plan.lora {
        for target in Target::LAYER.into_iter().filter(|target| targets.contains(target)) {
            adapters.push(builder.adapter(config, depth, target, *rank, names.module(target)));
        }
    }
    Layer { qkv, attention_output, attention_norm, intermediate, output, output_norm, adapters }
}

/// Joins neighbours that are treated alike.
fn merge(segments: Vec<Segment>) -> Vec<Segment> {
    let mut merged: Vec<Segment> = Vec::new();
    for segment in segments {
        match merged.last_mut() {
            Some(last)
                if last.slab.offset + last.slab.length == segment.slab.offset
                    && (last.decays, last.depth) == (segment.decays, segment.depth) =>
            {
                last.slab.length += segment.slab.length;
            }
            _ => merged.push(segment),
        }
    }
    merged
}
