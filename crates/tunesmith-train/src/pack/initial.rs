//! Fills weights: from a checkpoint where it has them, else at random as transformers does
//! (normal with `initializer_range`, biases zero, norms one; LoRA as peft: A uniform, B zero).
//!
//! Random numbers are a function of (seed, tensor name, index). This file refuses to fill the
//! encoder at random when a checkpoint was named: only the head may be new.

use candle_core::{Device, Result as TensorResult};
use rayon::prelude::*;

use super::Pack;
use crate::model::layout::{Named, Plan};
use crate::model::load::{Checkpoint, LoadError};
use crate::model::{EncoderConfig, names};
use crate::op::dropout::mix;
use crate::op::edit;

/// Where weights come from.
#[derive(Debug)]
pub(crate) enum Source {
    /// A checkpoint.
    Pretrained(Checkpoint),
    /// Random numbers.
    Random,
}

/// Why weights could not be filled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FillError {
    /// The checkpoint.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The buffers.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

impl Source {
    /// Whether the head's dense layer is in the checkpoint with the right shape.
    pub(crate) fn has_dense(&self, config: &EncoderConfig) -> bool {
        let name = format!("{}.weight", names::of(config).dense);
        match self {
            Source::Pretrained(checkpoint) => {
                checkpoint.shape(&name, names::prefix(config.architecture))
                    == Some(&[config.width, config.width])
            }
            Source::Random => false,
        }
    }

    /// Fills one tensor.
    fn fill(
        &self,
        config: &EncoderConfig,
        named: &Named,
        seed: u64,
        to: &mut [f32],
    ) -> Result<(), LoadError> {
        if let Source::Pretrained(checkpoint) = self {
            let prefix = names::prefix(config.architecture);
            let head = is_head(config, &named.name);
            let found = checkpoint.shape(&named.name, prefix);
            // A classifier for other classes is replaced, as `ignore_mismatched_sizes` does.
            if !head || found == Some(&named.shape) {
                return checkpoint.read(&named.name, prefix, &named.shape, to);
            }
        }
        random(named, seed, config.initializer_range, to);
        Ok(())
    }
}

fn is_head(config: &EncoderConfig, name: &str) -> bool {
    let names = names::of(config);
    name.starts_with(&names.dense) || name.starts_with(&names.classifier)
}

/// The fewest numbers that a thread makes at once.
const RUN: usize = 1 << 12;

/// Fills a tensor as a new model of transformers or peft has it.
fn random(named: &Named, seed: u64, deviation: f32, to: &mut [f32]) {
    let key = named.name.bytes().fold(mix(seed), |key, byte| mix(key ^ u64::from(byte)));
    let uniform = |index: usize, part: u64| {
        let bits = mix(key.wrapping_add(mix(2 * index as u64 + part)));
        ((bits >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0
    };
    let name = named.name.as_str();
    if name.contains(".lora_B.") || matches!(name.rsplit_once('.'), Some((_, "bias"))) {
        to.fill(0.0);
    } else if name.contains(".lora_A.") {
        // Kaiming uniform with a = √5: bound 1/√inputs.
        let bound = 1.0 / (named.shape[1] as f64).sqrt();
        to.par_iter_mut()
            .with_min_len(RUN)
            .enumerate()
            .for_each(|(i, w)| *w = ((2.0 * uniform(i, 0) - 1.0) * bound) as f32);
    } else if named.shape.len() == 1 {
        to.fill(1.0);
    } else {
        // Box & Muller 1958.
        to.par_iter_mut().with_min_len(RUN).enumerate().for_each(|(i, w)| {
            let radius = (-2.0 * uniform(i, 0).ln()).sqrt();
            let angle = std::f64::consts::TAU * uniform(i, 1);
            *w = (radius * angle.cos()) as f32 * deviation;
        });
    }
}

impl Pack {
    /// A pack with its frozen weights filled.
    pub(crate) fn with_frozen(
        config: &EncoderConfig,
        plan: &Plan,
        slots: usize,
        device: &Device,
        source: &Source,
        seed: u64,
    ) -> Result<Self, FillError> {
        let pack = Self::new(config, plan, slots, device)?;
        edit(&pack.frozen, |all| {
            pack.layout.named.iter().filter(|named| !named.placed.trained).try_for_each(|named| {
                source.fill(config, named, seed, named.placed.place.of_mut(all, 0))
            })
        })??;
        Ok(pack)
    }

    /// Fills a slot's trained weights.
    pub(crate) fn fill(
        &mut self,
        slot: usize,
        source: &Source,
        seed: u64,
    ) -> Result<(), FillError> {
        self.clear(slot)?;
        let (config, layout) = (&self.config, &self.layout);
        edit(&self.weights, |all| {
            let trained =
                layout.named.iter().chain(&layout.adapters).filter(|named| named.placed.trained);
            for named in trained {
                let to = named.placed.place.of_mut(all, slot);
                if named.name.contains(".lora_") {
                    random(named, seed, config.initializer_range, to);
                } else {
                    source.fill(config, named, seed, to)?;
                }
            }
            Ok::<(), LoadError>(())
        })??;
        Ok(())
    }

    /// Reads a tensor of the checkpoint as it is now in a slot.
    pub(crate) fn tensor(&self, slot: usize, named: &Named) -> TensorResult<Vec<f32>> {
        let buffer = if named.placed.trained { &self.weights } else { &self.frozen };
        crate::op::read(buffer, |all| named.placed.place.of(all, slot).to_vec())
    }

    /// Writes a tensor of a slot.
    #[cfg(test)]
    pub(crate) fn set_tensor(
        &mut self,
        slot: usize,
        named: &Named,
        values: &[f32],
    ) -> TensorResult<()> {
        edit(&self.weights, |all| {
            named.placed.place.of_mut(all, slot).copy_from_slice(values);
        })
    }
}
