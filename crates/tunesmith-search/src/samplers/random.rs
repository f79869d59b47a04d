//! Random search: each trial is a draw from the priors (Bergstra and Bengio, JMLR 13, 2012).
//!
//! Refuses to look at results.

use tunesmith_core::{Params, Rng, Sampler, Study, Suggestion};

/// Draws every trial from the priors, independent of all others.
#[derive(Debug, Clone, Copy, Default)]
pub struct Random;

impl Sampler for Random {
    fn suggest(&self, study: &Study, count: u32, rng: &Rng) -> Vec<Suggestion> {
        let first = u64::from(study.next_number());
        (first..first + u64::from(count))
            .map(|number| Suggestion {
                params: study.space().sample(&rng.branch(number)),
                note: Params::new(),
            })
            .collect()
    }
}
