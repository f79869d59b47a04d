//! Random search: each trial is a draw from the priors (Bergstra and Bengio, JMLR 13, 2012).
//!
//! With `prior: known`, from the mixture of the known priors and a fifth of uniform: what a search with a model must
//! beat, so that the prior does not get the model's credit. Refuses to look at results.

use tunesmith_core::{Params, Rng, Sampler, Study, Suggestion};

use crate::belief::Belief;
use crate::options::Options;

/// Draws every trial by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Random {
    /// `None`: from the declared priors as they are.
    belief: Option<Belief>,
}

impl Random {
    pub(crate) fn new(options: Options<'_>) -> Self {
        let word = options.word("prior", "declared");
        Self { belief: (word != "declared").then(|| Belief::named(word)) }
    }
}

impl Sampler for Random {
    fn suggest(&self, study: &Study, count: u32, rng: &Rng) -> Vec<Suggestion> {
        let first = u64::from(study.next_number());
        (first..first + u64::from(count))
            .map(|number| {
                let rng = rng.branch(number);
                let params = match self.belief {
                    Some(belief) => belief.draw(study.space(), &rng),
                    None => study.space().sample(&rng),
                };
                Suggestion { params, note: Params::new() }
            })
            .collect()
    }
}
