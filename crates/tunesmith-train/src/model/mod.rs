//! What an encoder is made of: its configuration, where each weight lives in the flat buffers of
//! a pack, and how weights come from and go to Hugging Face directories.
//!
//! Nothing here computes; that is [`crate::encoder`]'s.

pub(crate) mod config;
pub(crate) mod export;
pub(crate) mod layout;
pub(crate) mod load;
pub(crate) mod names;

pub(crate) use config::EncoderConfig;
pub(crate) use load::LoadError;
