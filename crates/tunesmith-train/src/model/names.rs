//! The names that transformers gives to the tensors of each architecture's classifier.
//!
//! A new encoder of this family is a new arm here and in [`super::config`]. This file refuses to
//! know shapes.

use super::EncoderConfig;
use super::layout::Target;
use crate::protocol::Architecture;

/// Names outside the layers.
pub(crate) struct Names {
    /// The word table.
    pub(crate) words: String,
    /// The position table.
    pub(crate) positions: String,
    /// The token-type table.
    pub(crate) types: Option<String>,
    /// The module of the embeddings' norm.
    pub(crate) embedding_norm: String,
    /// The module of the head's dense layer.
    pub(crate) dense: String,
    /// Whether that module is part of the classifier, which peft always trains.
    pub(crate) dense_in_classifier: bool,
    /// The module of the classifier.
    pub(crate) classifier: String,
}

/// Module names of a layer.
pub(crate) struct LayerNames {
    /// Queries, keys and values.
    pub(crate) qkv: [String; 3],
    /// What follows attention.
    pub(crate) attention_output: String,
    /// The first norm.
    pub(crate) attention_norm: String,
    /// The first product.
    pub(crate) intermediate: String,
    /// The second.
    pub(crate) output: String,
    /// The second norm.
    pub(crate) output_norm: String,
}

impl LayerNames {
    /// The module of a LoRA target.
    pub(crate) fn module(&self, target: Target) -> &str {
        match target {
            Target::Query => &self.qkv[0],
            Target::Key => &self.qkv[1],
            Target::Value => &self.qkv[2],
            Target::AttentionOutput => &self.attention_output,
            Target::Intermediate => &self.intermediate,
            Target::Output | Target::Pooler => &self.output,
        }
    }
}

/// What the encoder's own module is called inside the classifier; checkpoints of the bare encoder
/// leave it out.
pub(crate) fn prefix(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Bert => "bert.",
        Architecture::Distilbert => "distilbert.",
        Architecture::Roberta => "roberta.",
    }
}

/// The class of the classifier, as `architectures` in `config.json` names it.
pub(crate) fn class(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::Bert => "BertForSequenceClassification",
        Architecture::Distilbert => "DistilBertForSequenceClassification",
        Architecture::Roberta => "RobertaForSequenceClassification",
    }
}

/// The names outside the layers.
pub(crate) fn of(config: &EncoderConfig) -> Names {
    let prefix = prefix(config.architecture);
    let (dense, classifier) = match config.architecture {
        Architecture::Bert => ("bert.pooler.dense", "classifier"),
        Architecture::Distilbert => ("pre_classifier", "classifier"),
        Architecture::Roberta => ("classifier.dense", "classifier.out_proj"),
    };
    Names {
        words: format!("{prefix}embeddings.word_embeddings.weight"),
        positions: format!("{prefix}embeddings.position_embeddings.weight"),
        types: (config.types > 0)
            .then(|| format!("{prefix}embeddings.token_type_embeddings.weight")),
        embedding_norm: format!("{prefix}embeddings.LayerNorm"),
        dense: dense.to_owned(),
        dense_in_classifier: config.architecture == Architecture::Roberta,
        classifier: classifier.to_owned(),
    }
}

/// The names of one layer.
pub(crate) fn of_layer(config: &EncoderConfig, index: usize) -> LayerNames {
    let prefix = prefix(config.architecture);
    if config.architecture == Architecture::Distilbert {
        let at = |module: &str| format!("{prefix}transformer.layer.{index}.{module}");
        return LayerNames {
            qkv: ["q_lin", "k_lin", "v_lin"].map(|part| at(&format!("attention.{part}"))),
            attention_output: at("attention.out_lin"),
            attention_norm: at("sa_layer_norm"),
            intermediate: at("ffn.lin1"),
            output: at("ffn.lin2"),
            output_norm: at("output_layer_norm"),
        };
    }
    let at = |module: &str| format!("{prefix}encoder.layer.{index}.{module}");
    LayerNames {
        qkv: ["query", "key", "value"].map(|part| at(&format!("attention.self.{part}"))),
        attention_output: at("attention.output.dense"),
        attention_norm: at("attention.output.LayerNorm"),
        intermediate: at("intermediate.dense"),
        output: at("output.dense"),
        output_norm: at("output.LayerNorm"),
    }
}

/// A checkpoint's spelling of a name, made today's: files of TensorFlow descent say `gamma` and
/// `beta`.
pub(crate) fn modern(name: &str) -> String {
    match name.rsplit_once('.') {
        Some((module, "gamma")) => format!("{module}.weight"),
        Some((module, "beta")) => format!("{module}.bias"),
        _ => name.to_owned(),
    }
}
