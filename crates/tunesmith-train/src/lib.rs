//! Fine-tunes packs of transformer encoders; knows no study.
//!
//! The way in is [`service::serve`]: a host sends lines of [`protocol::ToTrainer`] and hears
//! [`protocol::FromTrainer`]. [`data`], [`tokenizer`] and [`hub`] bring texts and models,
//! [`hyperparameters`] says what a trial may set. Everything that computes is private. This crate
//! refuses to choose between trials.

mod checkpoint;
pub mod data;
mod encoder;
pub mod hub;
pub mod hyperparameters;
pub mod memory;
pub mod metrics;
mod model;
mod op;
mod pack;
pub mod protocol;
mod schedule;
pub mod service;
pub mod tokenizer;
mod trainer;
