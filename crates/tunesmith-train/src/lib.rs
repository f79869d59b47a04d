//! Fine-tunes packs of transformer encoders; knows no study.
//!
//! The way in is [`service::serve`]: a host sends lines of [`protocol::ToTrainer`] and hears
//! [`protocol::FromTrainer`]. [`data`], [`tokenizer`] and [`hub`] bring texts and models,
//! [`hyperparameters`] says what a trial may set. Everything that computes is private. This crate
//! refuses to choose between trials.
//!
//! Without the feature `engine` (on by default) only what is said to a trainer is here: the wire types, the tables of
//! hyperparameters, where memory stands. Those who describe studies and never train build in a fraction of the time.

#[cfg(feature = "engine")]
mod checkpoint;
pub mod data;
#[cfg(feature = "engine")]
mod encoder;
#[cfg(feature = "engine")]
pub mod hub;
pub mod hyperparameters;
pub mod memory;
#[cfg(feature = "engine")]
pub mod metrics;
#[cfg(feature = "engine")]
mod model;
#[cfg(feature = "engine")]
mod op;
#[cfg(feature = "engine")]
mod pack;
pub mod protocol;
#[cfg(feature = "engine")]
mod schedule;
#[cfg(feature = "engine")]
pub mod service;
#[cfg(feature = "engine")]
pub mod tokenizer;
#[cfg(feature = "engine")]
mod trainer;
