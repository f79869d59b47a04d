//! Schedulers, one a file; what several share is in the modules beside them.

pub(crate) mod asha;
pub(crate) mod asha_promote;
mod brackets;
#[cfg(test)]
pub(crate) mod course;
mod fronts;
#[cfg(test)]
pub(crate) mod golden;
pub(crate) mod hyperband;
pub(crate) mod median;
pub(crate) mod none;
pub(crate) mod pasha;
mod promotion;
mod rungs;
pub(crate) mod sha;
pub(crate) mod wandb_hyperband;
pub(crate) mod wilcoxon;
