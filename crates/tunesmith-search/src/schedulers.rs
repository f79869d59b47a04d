//! Schedulers, one a file; what several share is in the modules beside them.

pub(crate) mod asha;
pub(crate) mod asha_promote;
pub(crate) mod auto;
pub(crate) mod brackets;
mod explore;
mod fronts;
pub(crate) mod hyperband;
pub(crate) mod median;
pub(crate) mod none;
pub(crate) mod pasha;
mod pb2;
pub(crate) mod pbt;
mod promotion;
pub(crate) mod rungs;
pub(crate) mod sha;
mod time_varying;
pub(crate) mod wandb_hyperband;
pub(crate) mod wilcoxon;

#[cfg(test)]
pub(crate) mod tests;
