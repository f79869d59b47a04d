//! Fine-tunes packs of transformer encoders; knows no study.

pub mod data;
pub mod hub;
pub mod hyperparameters;
pub mod metrics;
pub mod protocol;
pub mod tokenizer;
