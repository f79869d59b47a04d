//! `config.json` of BERT, DistilBERT and RoBERTa as transformers writes it.
//!
//! Keys that would change the arithmetic and are not supported are errors, never ignored: relative
//! positions, decoders, sinusoidal positions. Other keys are kept and written back on export.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};
use thiserror::Error;

use crate::op::activation::Activation;
use crate::protocol::{Architecture, Scratch};

/// An encoder's shape and rates.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EncoderConfig {
    /// The family.
    pub(crate) architecture: Architecture,
    /// Rows of the word table.
    pub(crate) vocabulary: usize,
    /// Columns of the hidden state.
    pub(crate) width: usize,
    /// Layers.
    pub(crate) layers: usize,
    /// Attention heads; they divide `width`.
    pub(crate) heads: usize,
    /// Columns between the two products of the feed-forward part.
    pub(crate) intermediate: usize,
    /// Rows of the position table.
    pub(crate) positions: usize,
    /// Rows of the token-type table; zero in DistilBERT.
    pub(crate) types: usize,
    /// Position of the first token: RoBERTa counts from the padding id plus one.
    pub(crate) first_position: usize,
    /// Between the two products.
    pub(crate) activation: Activation,
    /// Dropout of the hidden state.
    pub(crate) hidden_dropout: f32,
    /// Dropout of attention probabilities.
    pub(crate) attention_dropout: f32,
    /// Dropout before the classifier.
    pub(crate) classifier_dropout: f32,
    /// Added to a LayerNorm's variance.
    pub(crate) epsilon: f32,
    /// Standard deviation of new weights.
    pub(crate) initializer_range: f32,
    /// The file as it was read.
    pub(crate) raw: Map<String, Json>,
}

/// Why a `config.json` was refused.
#[derive(Debug, Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error(
        "{path}: {source}; a model directory has config.json, model.safetensors and tokenizer.json"
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no JSON object.
    #[error("{path}:{line}:{column}: {source}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A key is missing or of the wrong type.
    #[error("{path}: `{key}` is {found}; {wanted}")]
    Key {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// What stands there.
        found: String,
        /// What may.
        wanted: String,
    },
}

/// Reads keys of one file.
struct Keys<'a> {
    path: &'a Path,
    raw: &'a Map<String, Json>,
}

impl Keys<'_> {
    fn error(&self, key: &'static str, wanted: &str) -> ConfigError {
        let found = self.raw.get(key).map_or_else(|| "missing".to_owned(), Json::to_string);
        ConfigError::Key { path: self.path.to_owned(), key, found, wanted: wanted.to_owned() }
    }

    fn count(&self, key: &'static str) -> Result<usize, ConfigError> {
        let value = self.raw.get(key).and_then(Json::as_u64).filter(|x| (1..1 << 32).contains(x));
        value
            .map(|x| x as usize)
            .ok_or_else(|| self.error(key, "it must be a whole number above 0"))
    }

    fn rate(&self, key: &'static str, default: f32) -> Result<f32, ConfigError> {
        match self.raw.get(key) {
            None | Some(Json::Null) => Ok(default),
            Some(value) => value
                .as_f64()
                .filter(|x| (0.0..1.0).contains(x))
                .map(|x| x as f32)
                .ok_or_else(|| self.error(key, "it must be from 0 to below 1")),
        }
    }

    fn number(&self, key: &'static str, default: f32) -> Result<f32, ConfigError> {
        match self.raw.get(key) {
            None | Some(Json::Null) => Ok(default),
            Some(value) => {
                let value = value.as_f64().filter(|x| *x > 0.0);
                value.map(|x| x as f32).ok_or_else(|| self.error(key, "it must be above 0"))
            }
        }
    }

    fn activation(&self, key: &'static str) -> Result<Activation, ConfigError> {
        let value = self.raw.get(key).cloned().unwrap_or_else(|| Json::from("gelu"));
        serde_json::from_value(value).map_err(|_| {
            self.error(key, "supported are gelu, gelu_new, gelu_pytorch_tanh, relu and tanh")
        })
    }

    fn refuse(&self, key: &'static str, plain: &Json, why: &str) -> Result<(), ConfigError> {
        match self.raw.get(key) {
            None | Some(Json::Null) => Ok(()),
            Some(value) if value == plain => Ok(()),
            Some(_) => Err(self.error(key, why)),
        }
    }
}

impl EncoderConfig {
    /// Reads `config.json` of a model directory.
    ///
    /// # Errors
    /// What is missing or not supported, with file and key.
    pub(crate) fn read(directory: &Path) -> Result<Self, ConfigError> {
        let path = directory.join("config.json");
        let text = std::fs::read_to_string(&path)
            .map_err(|source| ConfigError::Read { path: path.clone(), source })?;
        let raw: Map<String, Json> =
            serde_json::from_str(&text).map_err(|source| ConfigError::Parse {
                path: path.clone(),
                line: source.line(),
                column: source.column(),
                source,
            })?;
        Self::from_map(&path, raw)
    }

    fn from_map(path: &Path, raw: Map<String, Json>) -> Result<Self, ConfigError> {
        let keys = Keys { path, raw: &raw };
        let config = match raw.get("model_type").and_then(Json::as_str) {
            Some("bert") => Self::bert(&keys, Architecture::Bert)?,
            Some("roberta") => Self::bert(&keys, Architecture::Roberta)?,
            Some("distilbert") => Self::distilbert(&keys)?,
            _ => return Err(keys.error("model_type", "supported are bert, distilbert and roberta")),
        };
        if config.width % config.heads != 0 {
            let wanted = format!("{} heads must divide the width {}", config.heads, config.width);
            return Err(keys.error("num_attention_heads", &wanted));
        }
        Ok(Self { raw, ..config })
    }

    fn bert(keys: &Keys<'_>, architecture: Architecture) -> Result<Self, ConfigError> {
        keys.refuse("is_decoder", &Json::Bool(false), "only encoders can be classifiers here")?;
        keys.refuse(
            "position_embedding_type",
            &Json::from("absolute"),
            "only absolute positions are supported",
        )?;
        let hidden_dropout = keys.rate("hidden_dropout_prob", 0.1)?;
        let padding = keys.raw.get("pad_token_id").and_then(Json::as_u64).unwrap_or(1) as usize;
        Ok(Self {
            architecture,
            vocabulary: keys.count("vocab_size")?,
            width: keys.count("hidden_size")?,
            layers: keys.count("num_hidden_layers")?,
            heads: keys.count("num_attention_heads")?,
            intermediate: keys.count("intermediate_size")?,
            positions: keys.count("max_position_embeddings")?,
            types: keys.count("type_vocab_size")?,
            first_position: if architecture == Architecture::Roberta { padding + 1 } else { 0 },
            activation: keys.activation("hidden_act")?,
            hidden_dropout,
            attention_dropout: keys.rate("attention_probs_dropout_prob", 0.1)?,
            classifier_dropout: keys.rate("classifier_dropout", hidden_dropout)?,
            epsilon: keys.number("layer_norm_eps", 1e-12)?,
            initializer_range: keys.number("initializer_range", 0.02)?,
            raw: Map::new(),
        })
    }

    fn distilbert(keys: &Keys<'_>) -> Result<Self, ConfigError> {
        Ok(Self {
            architecture: Architecture::Distilbert,
            vocabulary: keys.count("vocab_size")?,
            width: keys.count("dim")?,
            layers: keys.count("n_layers")?,
            heads: keys.count("n_heads")?,
            intermediate: keys.count("hidden_dim")?,
            positions: keys.count("max_position_embeddings")?,
            types: 0,
            first_position: 0,
            activation: keys.activation("activation")?,
            hidden_dropout: keys.rate("dropout", 0.1)?,
            attention_dropout: keys.rate("attention_dropout", 0.1)?,
            classifier_dropout: keys.rate("seq_classif_dropout", 0.2)?,
            epsilon: 1e-12,
            initializer_range: keys.number("initializer_range", 0.02)?,
            raw: Map::new(),
        })
    }

    /// The configuration of an encoder that is trained from random weights.
    ///
    /// # Errors
    /// Shapes that do not fit each other.
    pub(crate) fn from_scratch(
        shape: &Scratch,
        vocabulary: usize,
        padding: u32,
    ) -> Result<Self, ConfigError> {
        let intermediate = shape.intermediate.unwrap_or(4 * shape.hidden);
        let raw = match shape.architecture {
            Architecture::Distilbert => serde_json::json!({
                "model_type": "distilbert", "activation": "gelu", "attention_dropout": 0.1, "dropout": 0.1,
                "dim": shape.hidden, "hidden_dim": intermediate, "n_heads": shape.heads, "n_layers": shape.layers,
                "max_position_embeddings": shape.positions, "vocab_size": vocabulary, "pad_token_id": padding,
                "seq_classif_dropout": 0.2, "initializer_range": 0.02, "sinusoidal_pos_embds": false,
            }),
            Architecture::Bert | Architecture::Roberta => {
                let roberta = shape.architecture == Architecture::Roberta;
                serde_json::json!({
                    "model_type": if roberta { "roberta" } else { "bert" }, "hidden_act": "gelu",
                    "attention_probs_dropout_prob": 0.1, "hidden_dropout_prob": 0.1,
                    "hidden_size": shape.hidden, "intermediate_size": intermediate,
                    "num_attention_heads": shape.heads, "num_hidden_layers": shape.layers,
                    "max_position_embeddings": shape.positions + if roberta { padding as usize + 1 } else { 0 },
                    "vocab_size": vocabulary, "pad_token_id": padding,
                    "type_vocab_size": if roberta { 1 } else { 2 },
                    "layer_norm_eps": 1e-12, "initializer_range": 0.02,
                })
            }
        };
        let raw = raw.as_object().cloned().unwrap_or_default();
        Self::from_map(Path::new("model"), raw)
    }

    /// The longest text in tokens.
    pub(crate) fn longest_text(&self) -> usize {
        self.positions - self.first_position.min(self.positions)
    }

    /// The encoder in words.
    pub(crate) fn describe(&self) -> String {
        let name = match self.architecture {
            Architecture::Bert => "BERT",
            Architecture::Distilbert => "DistilBERT",
            Architecture::Roberta => "RoBERTa",
        };
        format!("{name}, {} layers, width {}, {} heads", self.layers, self.width, self.heads)
    }
}
