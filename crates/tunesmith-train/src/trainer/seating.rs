//! Who sits where: trials come into slots of packs of their shape, and leave them.
//!
//! A slot that was left is filled again in place; a pack that nobody sits in goes when a trial of
//! another shape comes. This file refuses more trials than the host opened the trainer for.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::settings::{Given, Settings};
use super::trial::{Leg, Trial, check_past};
use super::{Fatal, Seats, Tell, Trainer};
use crate::checkpoint;
use crate::model::layout::Plan;
use crate::pack::Pack;
use crate::protocol::{FailureReason, FromTrainer, Params, Stretch};

/// What the host sends to start a trial.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) trial: u64,
    pub(crate) params: Params,
    pub(crate) seed: u64,
    pub(crate) directory: PathBuf,
    pub(crate) resume: Option<PathBuf>,
    pub(crate) past: Vec<Stretch>,
    pub(crate) resume_stretch: usize,
}

impl Start {
    /// Why the host may not ask this of any trainer.
    fn check(&self) -> Result<(), Fatal> {
        let (stretch, past) = (self.resume_stretch, self.past.len());
        if stretch > past || (stretch > 0 && self.resume.is_none()) {
            let number = self.trial;
            return Err(Fatal::protocol(format!(
                "trial {number} cannot resume in stretch {stretch}: its past has {past}, and a checkpoint must be named"
            )));
        }
        Ok(())
    }
}

impl Trainer {
    /// Takes a trial into a slot, or says why it cannot be trained.
    pub(crate) fn start(&mut self, start: Start, tell: &mut Tell<'_>) -> Result<(), Fatal> {
        start.check()?;
        let number = start.trial;
        if self.trials.contains_key(&number) {
            return Err(Fatal::protocol(format!("trial {number} was started twice")));
        }
        if self.trials.len() >= self.open.pack {
            return Err(Fatal::protocol(format!("trial {number} was started with no slot free")));
        }
        match self.seat(start) {
            Ok(trial) => {
                let own = trial.own();
                tell(FromTrainer::Started {
                    trial: number,
                    total_steps: own.schedule.total_steps,
                    from_step: trial.at.step,
                    effective: own.settings.effective.clone(),
                    trained_weights: self.packs[trial.pack].pack.layout.trained_weights() as u64,
                });
                self.trials.insert(number, trial);
            }
            Err(reason) => tell(FromTrainer::Failed { trial: number, reason, device_seconds: 0.0 }),
        }
        Ok(())
    }

    fn seat(&mut self, start: Start) -> Result<Trial, FailureReason> {
        let mut legs = self.legs(&start)?;
        legs.drain(..start.resume_stretch);
        let Some(leg) = legs.pop_front() else {
            let message = "the trial has no stretch of training left".to_owned();
            return Err(FailureReason::BadHyperparameter { name: "past".into(), message });
        };
        let (pack, slot) = self.free_slot(&leg.settings.plan)?;
        let stretch = start.resume_stretch;
        let mut trial = Trial::new((pack, slot), start.seed, (leg, legs), stretch, start.directory);
        let seats = &mut self.packs[pack];
        let settings = &trial.leg.settings;
        if let Some(path) = &start.resume {
            let (seed, effective) = (settings.seed, &settings.effective);
            trial.at = checkpoint::load(&mut seats.pack, slot, &self.source, seed, effective, path)
                .map_err(|error| FailureReason::BadCheckpoint { message: error.to_string() })?;
        } else {
            let filled = seats.pack.fill(slot, &self.source, settings.seed);
            filled.map_err(|error| FailureReason::File { message: error.to_string() })?;
        }
        while trial.turn() {}
        seats.pack.scales[slot] = trial.leg.settings.lora_scale;
        seats.taken[slot] = Some(start.trial);
        Ok(trial)
    }

    /// Every leg of a trial with its past, first to last.
    fn legs(&mut self, start: &Start) -> Result<VecDeque<Leg>, FailureReason> {
        let mut legs = VecDeque::with_capacity(start.past.len() + 1);
        for stretch in &start.past {
            legs.push_back(self.leg(&stretch.params, stretch.seed, Some(stretch.until_step))?);
        }
        legs.push_back(self.leg(&start.params, start.seed, None)?);
        check_past(&legs)
            .map_err(|message| FailureReason::BadHyperparameter { name: "past".into(), message })?;
        Ok(legs)
    }

    /// Resolves hyperparameters and finds the rows for them.
    pub(super) fn leg(
        &mut self,
        params: &Params,
        seed: u64,
        until_step: Option<u64>,
    ) -> Result<Leg, FailureReason> {
        let given = Given {
            config: &self.config,
            outputs: self.data.corpus().target.outputs(),
            dense_given: self.source.has_dense(&self.config),
            seed,
        };
        let settings = Settings::resolve(params, &self.open.defaults, &given)?;
        let dataset = self.data.length(Some(settings.max_tokens)).map_err(|error| {
            FailureReason::BadHyperparameter {
                name: "max_seq_length".into(),
                message: error.to_string(),
            }
        })?;
        Ok(Leg::new(settings, self.config.layers, dataset, until_step))
    }

    /// A slot in a pack of the right shape; packs of other shapes that nobody sits in are dropped.
    fn free_slot(&mut self, plan: &Plan) -> Result<(usize, usize), FailureReason> {
        self.drop_empty_packs(Some(plan));
        let free = |seats: &Seats| seats.taken.iter().position(Option::is_none);
        let open = self.packs.iter().enumerate().find_map(|(index, seats)| {
            if seats.pack.plan == *plan { Some((index, free(seats)?)) } else { None }
        });
        if let Some(seat) = open {
            return Ok(seat);
        }
        let slots = self.open.pack;
        let pack = Pack::with_frozen(
            &self.config,
            plan,
            slots,
            &self.device,
            &self.source,
            self.open.data_seed,
        )
        .map_err(|error| FailureReason::OutOfMemory { message: error.to_string() })?;
        self.packs.push(Seats { pack, taken: vec![None; slots] });
        Ok((self.packs.len() - 1, 0))
    }

    /// Drops the packs that nobody sits in, but those of the shape `kept`.
    pub(super) fn drop_empty_packs(&mut self, kept: Option<&Plan>) {
        let mut index = 0;
        while index < self.packs.len() {
            let seats = &self.packs[index];
            if seats.taken.iter().all(Option::is_none) && Some(&seats.pack.plan) != kept {
                self.packs.remove(index);
                let later = self.trials.values_mut().filter(|trial| trial.pack > index);
                later.for_each(|trial| trial.pack -= 1);
            } else {
                index += 1;
            }
        }
    }

    /// Drops a trial at once.
    pub(crate) fn drop_trial(&mut self, number: u64, tell: &mut Tell<'_>) {
        if let Some(step) = self.trials.get(&number).map(|trial| trial.at.step) {
            let device_seconds = self.leave(number);
            tell(FromTrainer::Stopped { trial: number, step, device_seconds });
        }
    }

    pub(super) fn fail(&mut self, number: u64, reason: FailureReason, tell: &mut Tell<'_>) {
        let device_seconds = self.leave(number);
        tell(FromTrainer::Failed { trial: number, reason, device_seconds });
    }

    /// Frees a trial's slot; gives the device seconds it had not reported.
    pub(super) fn leave(&mut self, number: u64) -> f64 {
        let Some(trial) = self.trials.remove(&number) else {
            return 0.0;
        };
        self.packs[trial.pack].taken[trial.slot] = None;
        trial.unreported.as_secs_f64()
    }
}
