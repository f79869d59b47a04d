//! Opens a trainer: finds the model, reads and tokenises the data, checks that they fit.
//!
//! Everything that can be wrong with a study's model and data is found here, before the first
//! trial. This file refuses to download anything itself; [`crate::hub`] does.

use std::path::{Path, PathBuf};

use candle_core::Device;

use super::Trainer;
use crate::data::{Corpus, Dataset, Order, Target, Texts};
use crate::hub::Hub;
use crate::metrics::Metric;
use crate::model::EncoderConfig;
use crate::model::layout::{Layout, Plan};
use crate::model::load::Checkpoint;
use crate::pack::footprint::{self, Load};
use crate::pack::initial::Source;
use crate::protocol::{Architecture, FatalClass, FromTrainer, Model, Open, Ready, VERSION};
use crate::tokenizer::{ModelLimits, TokenisedAt, Tokenizer};
use crate::{hyperparameters, memory};

/// What ends a trainer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fatal {
    class: FatalClass,
    message: String,
}

impl Fatal {
    fn of(class: FatalClass, error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !message.contains(&cause_text) {
                message = format!("{message}: {cause_text}");
            }
            source = cause.source();
        }
        Self { class, message }
    }

    pub(crate) fn data(error: &dyn std::error::Error) -> Self {
        Self::of(FatalClass::Data, error)
    }

    pub(crate) fn model(error: &dyn std::error::Error) -> Self {
        Self::of(FatalClass::Model, error)
    }

    pub(crate) fn device(error: &dyn std::error::Error) -> Self {
        Self::of(FatalClass::Device, error)
    }

    pub(crate) fn protocol(message: String) -> Self {
        Self { class: FatalClass::Protocol, message }
    }

    /// As the host hears it.
    pub(crate) fn told(self) -> FromTrainer {
        FromTrainer::Fatal { class: self.class, message: self.message }
    }
}

/// A model that was found.
struct Found {
    config: EncoderConfig,
    source: Source,
    tokenizer: Tokenizer,
}

impl Trainer {
    /// Loads everything that `open` names; gives what the host hears, too.
    pub(crate) fn open(open: Open) -> Result<(Self, FromTrainer), Fatal> {
        if open.version != VERSION {
            let message = format!(
                "the host speaks version {} of the protocol, this trainer {VERSION}",
                open.version
            );
            return Err(Fatal::protocol(message));
        }
        if open.pack == 0 {
            return Err(Fatal::protocol("a pack has one slot at least".to_owned()));
        }
        if let Some(fraction) = open.evaluate_at.iter().find(|at| !(**at > 0.0 && **at <= 1.0)) {
            return Err(Fatal::protocol(format!(
                "`evaluate_at` has {fraction}; each is a fraction of a trial's schedule, above 0 to 1"
            )));
        }
        if let Some(threads) = open.threads {
            // The pool can be set once; a second trainer of one process keeps the first one's.
            drop(rayon::ThreadPoolBuilder::new().num_threads(threads).build_global());
        }
        let hub = Hub::from_env(|name| std::env::var(name).ok());
        let corpus = Corpus::read(&open.task.clone().relative_to(&open.base_directory), &hub)
            .map_err(|error| Fatal::data(&error))?;
        let found = find(&open, &hub, &corpus)?;
        let metrics = metrics(&corpus);
        let limits = limits(&found.config);
        let data = TokenisedAt::new(corpus, found.tokenizer, limits);
        let mut trainer = Self {
            open,
            config: found.config,
            source: found.source,
            data,
            device: Device::Cpu,
            metrics,
            packs: Vec::new(),
            trials: std::collections::BTreeMap::new(),
        };
        let length = trainer.usual_length();
        let sample = trainer.data.length(Some(length)).map_err(|error| Fatal::data(&error))?;
        let ready = FromTrainer::Ready(Box::new(trainer.ready(&sample)));
        Ok((trainer, ready))
    }

    /// The length that trials have unless they say otherwise.
    pub(super) fn usual_length(&self) -> usize {
        let asked = self.open.defaults.get("max_seq_length").and_then(serde_json::Value::as_u64);
        asked.map_or(128, |x| x as usize).min(self.config.longest_text())
    }

    /// The rows of a batch that trials have unless they say otherwise.
    fn usual_batch(&self) -> usize {
        const NAME: &str = "per_device_train_batch_size";
        let row = |name: &str| hyperparameters::find(name).ok().filter(|row| row.name == NAME);
        let asked = self.open.defaults.iter().find(|(name, _)| row(name).is_some());
        let asked = asked.and_then(|(_, value)| value.as_u64());
        let usual = || row(NAME)?.default.parse().ok();
        asked.or_else(usual).unwrap_or(1) as usize
    }

    /// Everything of the encoder and its head trained.
    fn full_plan(&self) -> Plan {
        Plan {
            outputs: self.data.corpus().target.outputs(),
            frozen_layers: 0,
            frozen_embeddings: false,
            lora: None,
            dense_given: true,
        }
    }

    /// Weights of the encoder with its head.
    fn weight_count(&self) -> u64 {
        Layout::new(&self.config, &self.full_plan()).trained_weights() as u64
    }

    /// The estimate of [`footprint::bytes_of_slot`] for the batches that trials with the defaults
    /// have in the first epoch, and for those of an evaluation.
    fn bytes_per_slot(&self, sample: &Dataset) -> u64 {
        let batch = self.usual_batch();
        let shuffled = Order::shuffled(sample.train.rows(), self.open.data_seed, 0);
        let in_order = Order::sequential(sample.validation.rows());
        let train = Load::largest(&sample.train, &shuffled, batch);
        let evaluation = Load::largest(&sample.validation, &in_order, self.open.eval_batch_size);
        footprint::bytes_of_slot(&self.config, &self.full_plan(), train, evaluation)
    }

    /// What was loaded, as the host hears it.
    fn ready(&self, sample: &Dataset) -> Ready {
        let corpus = self.data.corpus();
        Ready {
            version: VERSION,
            device: format!("cpu, {} threads", rayon::current_num_threads()),
            model: self.config.describe(),
            weights: self.weight_count(),
            train_rows: corpus.train.rows(),
            validation_rows: corpus.validation.rows(),
            test_rows: corpus.test.as_ref().map_or(0, Texts::rows),
            labels: match &corpus.target {
                Target::Classes(names) => names.clone(),
                Target::Regression => Vec::new(),
            },
            metrics: self.metric_names(),
            notes: notes(corpus, sample),
            bytes_per_slot: self.bytes_per_slot(sample),
            available_bytes: memory::available(Path::new("/")),
        }
    }
}

/// What is worth telling about the texts.
fn notes(corpus: &Corpus, sample: &Dataset) -> Vec<String> {
    let mut notes = Vec::new();
    if sample.truncated > 0 {
        notes.push(format!(
            "{} texts are longer than {} tokens and were cut",
            sample.truncated, sample.max_tokens
        ));
    }
    if corpus.empty_texts > 0 {
        notes.push(format!("{} texts are empty", corpus.empty_texts));
    }
    notes
}

/// The metric that the task is known by first, then the others that fit.
fn metrics(corpus: &Corpus) -> Vec<Metric> {
    let mut metrics = vec![corpus.metric];
    metrics
        .extend(Metric::fitting(&corpus.target).iter().filter(|metric| **metric != corpus.metric));
    metrics
}

fn limits(config: &EncoderConfig) -> ModelLimits {
    ModelLimits {
        positions: config.longest_text(),
        segments: if config.architecture == Architecture::Bert { config.types } else { 1 },
        vocabulary: config.vocabulary,
    }
}

fn find(open: &Open, hub: &Hub, corpus: &Corpus) -> Result<Found, Fatal> {
    match &open.model {
        Model::Pretrained(name) => {
            let directory =
                local(&open.base_directory, name).map_or_else(|| hub.model_directory(name), Ok);
            let directory = directory.map_err(|error| Fatal::model(&error))?;
            let config = EncoderConfig::read(&directory).map_err(|error| Fatal::model(&error))?;
            let checkpoint = Checkpoint::open(&directory).map_err(|error| Fatal::model(&error))?;
            let tokenizer =
                Tokenizer::from_directory(&directory).map_err(|error| Fatal::model(&error))?;
            probe(&config, &checkpoint, corpus).map_err(|error| Fatal::model(&error))?;
            Ok(Found { config, source: Source::Pretrained(checkpoint), tokenizer })
        }
        Model::Scratch(shape) => {
            let texts = corpus.train.all();
            let tokenizer =
                Tokenizer::train(texts, shape.vocabulary).map_err(|error| Fatal::data(&error))?;
            let padding = tokenizer.padding_id().unwrap_or(0);
            let config = EncoderConfig::from_scratch(shape, tokenizer.vocabulary_size(), padding)
                .map_err(|error| Fatal::model(&error))?;
            Ok(Found { config, source: Source::Random, tokenizer })
        }
    }
}

/// The directory that a name means, when there is one, seen from the study file.
fn local(base: &Path, name: &str) -> Option<PathBuf> {
    let path = base.join(name);
    path.is_dir().then_some(path)
}

/// Checks that the checkpoint has every tensor of the encoder, with its shape, before any trial.
fn probe(
    config: &EncoderConfig,
    checkpoint: &Checkpoint,
    corpus: &Corpus,
) -> Result<(), crate::model::LoadError> {
    use crate::model::{layout, names};
    let outputs = match &corpus.target {
        Target::Classes(names) => names.len(),
        Target::Regression => 1,
    };
    let plan = layout::Plan {
        outputs,
        frozen_layers: 0,
        frozen_embeddings: false,
        lora: None,
        dense_given: true,
    };
    let prefix = names::prefix(config.architecture);
    let head = names::of(config);
    for named in layout::Layout::new(config, &plan).named {
        let of_head =
            named.name.starts_with(&head.dense) || named.name.starts_with(&head.classifier);
        if !of_head {
            checkpoint.check(&named.name, prefix, &named.shape)?;
        }
    }
    Ok(())
}
