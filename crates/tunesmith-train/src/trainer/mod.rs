//! The training loop: trials come into slots of packs, all runnable trials of a pack take a step
//! together, and what happens is told as it happens.
//!
//! One thread runs it; the operators spread over a pool. Nothing here reads standard input or
//! decides about a trial: [`crate::service`] does the first, the host the second.

mod evaluation;
mod exchange;
mod loading;
mod reporting;
mod saving;
mod seating;
pub(crate) mod settings;
mod stepping;
mod trial;

use std::collections::BTreeMap;

use candle_core::Device;

use crate::model::EncoderConfig;
use crate::pack::Pack;
use crate::pack::initial::Source;
use crate::protocol::{FromTrainer, Open, Then};
use crate::tokenizer::TokenisedAt;
use trial::{State, Trial};

pub(crate) use exchange::Exploit;
pub(crate) use loading::Fatal;
pub(crate) use seating::Start;

/// Who hears what happens.
pub(crate) type Tell<'t> = dyn FnMut(FromTrainer) + 't;

/// A pack and who sits in it.
struct Seats {
    pack: Pack,
    taken: Vec<Option<u64>>,
}

/// Everything one trainer process holds.
pub(crate) struct Trainer {
    open: Open,
    config: EncoderConfig,
    source: Source,
    data: TokenisedAt,
    device: Device,
    metrics: Vec<crate::metrics::Metric>,
    packs: Vec<Seats>,
    trials: BTreeMap<u64, Trial>,
}

impl Trainer {
    /// Whether a trial can take a step now.
    pub(crate) fn has_work(&self) -> bool {
        self.trials.values().any(|trial| trial.state == State::Running)
    }

    /// The answer to a report.
    pub(crate) fn verdict(
        &mut self,
        number: u64,
        keep: bool,
        then: Then,
        tell: &mut Tell<'_>,
    ) -> Result<(), Fatal> {
        let parked = self.trials.get_mut(&number).filter(|trial| trial.state == State::Parked);
        let Some(trial) = parked else {
            return Err(Fatal::protocol(format!(
                "a verdict came for trial {number}, which has not reported"
            )));
        };
        trial.state = State::Running;
        let (finished, step) = (trial.fraction() >= 1.0, trial.at.step);
        if keep && !self.keep(number, tell) {
            return Ok(());
        }
        match then {
            Then::Save => self.release(number, tell),
            Then::Stop => {
                let device_seconds = self.leave(number);
                tell(FromTrainer::Stopped { trial: number, step, device_seconds });
            }
            Then::Continue if finished => {
                let device_seconds = self.leave(number);
                tell(FromTrainer::Finished { trial: number, device_seconds });
            }
            Then::Continue => self.checkpoint_if_due(number, true, tell),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
