//! Fine-tunes packs of transformer encoders; knows no study.

pub mod data;
pub mod hyperparameters;
pub mod metrics;
pub mod protocol;
