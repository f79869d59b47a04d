//! Where the state of a trial comes from, when trials took over each other's.
//!
//! A population's winner is no set of hyperparameters but a schedule of them: the stretches of training that led to its
//! weights, some of them other trials'. Refuses to say where checkpoints lie.

use crate::study::Study;
use crate::trial::Trial;
use crate::value::Params;

/// A stretch of training under one set of hyperparameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// The trial that trained it.
    pub trial: u32,
    /// How often that trial had taken over a state by then.
    pub exploits: u32,
    /// Its hyperparameters.
    pub params: Params,
    /// The seed of its training.
    pub seed: u64,
    /// The optimiser step at whose end another trial took over; `None` of the last stretch.
    pub until_step: Option<u64>,
}

impl Study {
    /// The stretches of training that led to a trial's state, first to last; the last is its own. One where it never
    /// took over a state; none where there is no such trial.
    pub fn lineage(&self, trial: u32) -> Vec<Segment> {
        let mut segments = Vec::new();
        let Some(trial) = self.trial(trial) else { return segments };
        let mut at = Some((trial, trial.exploits.len() as u32, None));
        while let Some((trial, exploits, until_step)) = at {
            segments.push(Segment {
                trial: trial.number,
                exploits,
                params: trial.params_after(exploits).clone(),
                seed: trial.seed,
                until_step,
            });
            let taken =
                (exploits as usize).checked_sub(1).and_then(|last| trial.exploits.get(last));
            at = taken.and_then(|taken| {
                let donor = self.trial(taken.donor)?;
                Some((donor, taken.donor_exploits, Some(taken.donor_step)))
            });
        }
        segments.reverse();
        segments
    }
}

impl Trial {
    /// The params that it had after it had taken over so many states.
    pub fn params_after(&self, exploits: u32) -> &Params {
        self.exploits.get(exploits as usize).map_or(&self.params, |next| &next.replaced)
    }
}
