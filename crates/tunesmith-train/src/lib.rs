//! Fine-tunes packs of transformer encoders; knows no study.

pub mod data;
mod encoder;
pub mod hyperparameters;
mod model;
mod op;
mod pack;
pub mod protocol;
