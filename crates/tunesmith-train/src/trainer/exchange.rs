//! Parked trials take over each other's state (Jaderberg et al. 2017, "exploit"), in memory.
//!
//! What goes over is the state of training: weights, moments, words seen, the count of updates
//! that bias correction is about. What does not: the seed, the hyperparameters, the schedule. The
//! new schedule is entered at the donor's fraction. This file refuses to choose who takes what.

use std::path::PathBuf;

use super::trial::{self, Trial};
use super::{Fatal, Tell, Trainer};
use crate::checkpoint::Position;
use crate::model::layout::Plan;
use crate::protocol::{FailureReason, FromTrainer, Params};

/// What the host sends to have a trial take over another's state.
#[derive(Debug)]
pub(crate) struct Exploit {
    pub(crate) trial: u64,
    pub(crate) donor: u64,
    pub(crate) params: Params,
    pub(crate) directory: Option<PathBuf>,
}

/// What a donor gives.
#[derive(Debug, Clone, Copy)]
struct State {
    pack: usize,
    slot: usize,
    at: Position,
    fraction: f64,
    stretch: usize,
}

impl Trainer {
    /// Gives a parked trial the state of another and lets it go on, or says why it cannot.
    pub(crate) fn exploit(&mut self, exploit: &Exploit, tell: &mut Tell<'_>) -> Result<(), Fatal> {
        let number = exploit.trial;
        let (trial, donor) = (self.parked(number, exploit)?, self.parked(exploit.donor, exploit)?);
        let given = State {
            pack: donor.pack,
            slot: donor.slot,
            at: donor.at,
            fraction: donor.fraction(),
            stretch: donor.stretch,
        };
        if given.fraction >= 1.0 {
            return Err(Fatal::protocol(format!(
                "trial {number} was to take over the state of trial {}, which is at the end of its schedule: \
                 no step is left to train",
                exploit.donor
            )));
        }
        let seed = trial.seed;
        match self.take_over(exploit, seed, given) {
            Ok(told) => tell(told),
            Err(reason) => self.fail(number, reason, tell),
        }
        self.drop_empty_packs(None);
        Ok(())
    }

    fn parked(&self, number: u64, exploit: &Exploit) -> Result<&Trial, Fatal> {
        let parked = self.trials.get(&number).filter(|trial| trial.state == trial::State::Parked);
        parked.ok_or_else(|| {
            Fatal::protocol(format!(
                "trial {} was to take over the state of trial {}, but trial {number} is not parked on a report",
                exploit.trial, exploit.donor
            ))
        })
    }

    fn take_over(
        &mut self,
        exploit: &Exploit,
        seed: u64,
        given: State,
    ) -> Result<FromTrainer, FailureReason> {
        let (number, pack) = (exploit.trial, given.pack);
        let leg = self.leg(&exploit.params, seed, None)?;
        let at = Position { step: leg.step_at(given.fraction), ..given.at };
        if let Some(name) = difference(&leg.settings.plan, &self.packs[pack].pack.plan) {
            return Err(unfit(name, exploit.donor));
        }
        let to = self.move_to(number, pack);
        let seats = &mut self.packs[pack];
        let copied = seats.pack.copy_state(given.slot, to);
        copied.map_err(|error| FailureReason::OutOfMemory { message: error.to_string() })?;
        seats.pack.scales[to] = leg.settings.lora_scale;
        let told = FromTrainer::Exploited {
            trial: number,
            donor: exploit.donor,
            step: at.step,
            total_steps: leg.schedule.total_steps,
            effective: leg.settings.effective.clone(),
        };
        if let Some(trial) = self.trials.get_mut(&number) {
            trial.enter(leg, at, given.stretch + 1);
            trial.state = trial::State::Running;
            if let Some(directory) = &exploit.directory {
                trial.directory.clone_from(directory);
            }
        }
        Ok(told)
    }

    /// Seats a trial in `pack`, where it may sit already; gives its slot there. There is one: a
    /// pack has a slot for every trial that the trainer may hold.
    fn move_to(&mut self, number: u64, pack: usize) -> usize {
        let taken = &mut self.packs[pack].taken;
        let own = taken.iter().position(|seat| *seat == Some(number));
        let slot = own.or_else(|| taken.iter().position(Option::is_none)).unwrap_or_default();
        taken[slot] = Some(number);
        if let Some(trial) = self.trials.get_mut(&number) {
            if trial.pack != pack {
                self.packs[trial.pack].taken[trial.slot] = None;
            }
            (trial.pack, trial.slot) = (pack, slot);
        }
        slot
    }
}

/// The hyperparameter by which two shapes differ, if they do.
fn difference(plan: &Plan, other: &Plan) -> Option<&'static str> {
    let rank = |plan: &Plan| plan.lora.as_ref().map(|(rank, _)| *rank);
    if plan == other {
        None
    } else if plan.lora.is_some() != other.lora.is_some() {
        Some("adapter")
    } else if rank(plan) != rank(other) {
        Some("lora.r")
    } else if plan.lora != other.lora {
        Some("lora.target_modules")
    } else if plan.frozen_layers != other.frozen_layers {
        Some("model.frozen_layers")
    } else {
        Some("model.frozen_embeddings")
    }
}

fn unfit(name: &str, donor: u64) -> FailureReason {
    let message = format!(
        "`{name}` is not that of trial {donor}, whose state was to be taken over; what decides which weights are \
         trained must be the same for all that exchange states"
    );
    FailureReason::BadHyperparameter { name: name.to_owned(), message }
}
