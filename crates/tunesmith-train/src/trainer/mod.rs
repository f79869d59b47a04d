//! The training loop: trials come into slots of packs, all runnable trials of a pack take a step
//! together, and what happens is told as it happens.
//!
//! One thread runs it; the operators spread over a pool. Nothing here reads standard input or
//! decides about a trial: [`crate::service`] does the first, the host the second.

mod evaluation;
mod loading;
mod reporting;
pub(crate) mod settings;
mod stepping;
mod trial;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use candle_core::Device;

use crate::checkpoint;
use crate::data::Dataset;
use crate::model::EncoderConfig;
use crate::model::export::About;
use crate::pack::Pack;
use crate::pack::initial::Source;
use crate::protocol::{FailureReason, FromTrainer, Open, Params, Ready, Then};
use crate::tokenizer::TokenisedAt;
use settings::{Given, Settings};
use trial::{State, Trial};

pub(crate) use loading::Fatal;

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

/// What the host sends to start a trial.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) trial: u64,
    pub(crate) params: Params,
    pub(crate) seed: u64,
    pub(crate) directory: std::path::PathBuf,
    pub(crate) resume: Option<std::path::PathBuf>,
}

impl Trainer {
    /// Takes a trial into a slot, or says why it cannot be trained.
    pub(crate) fn start(&mut self, start: Start, tell: &mut Tell<'_>) -> Result<(), Fatal> {
        if self.trials.contains_key(&start.trial) {
            return Err(Fatal::protocol(format!("trial {} was started twice", start.trial)));
        }
        if self.trials.len() >= self.open.pack {
            return Err(Fatal::protocol(format!(
                "trial {} was started with no slot free",
                start.trial
            )));
        }
        let number = start.trial;
        match self.seat(start) {
            Ok((trial, resumed)) => {
                tell(FromTrainer::Started {
                    trial: number,
                    total_steps: trial.schedule.total_steps,
                    from_step: resumed,
                    effective: trial.settings.effective.clone(),
                    trained_weights: self.packs[trial.pack].pack.layout.trained_weights() as u64,
                });
                self.trials.insert(number, trial);
            }
            Err(reason) => tell(FromTrainer::Failed { trial: number, reason, device_seconds: 0.0 }),
        }
        Ok(())
    }

    fn seat(&mut self, start: Start) -> Result<(Trial, u64), FailureReason> {
        let given = Given {
            config: &self.config,
            outputs: self.data.corpus().target.outputs(),
            dense_given: self.source.has_dense(&self.config),
            seed: start.seed,
        };
        let settings = Settings::resolve(&start.params, &self.open.defaults, &given)?;
        let dataset = self.data.length(Some(settings.max_tokens)).map_err(|error| {
            FailureReason::BadHyperparameter {
                name: "max_seq_length".into(),
                message: error.to_string(),
            }
        })?;
        let (pack, slot) = self.free_slot(&settings)?;
        let factors = settings.factors(self.config.layers);
        let mut trial = Trial::new((pack, slot), settings, factors, dataset, start.directory);
        let seats = &mut self.packs[pack];
        seats.pack.scales[slot] = trial.settings.lora_scale;
        let resumed = if let Some(path) = &start.resume {
            let (seed, effective) = (trial.settings.seed, &trial.settings.effective);
            checkpoint::load(&mut seats.pack, slot, &self.source, seed, effective, path)
                .map_err(|error| FailureReason::BadCheckpoint { message: error.to_string() })?
        } else {
            let filled = seats.pack.fill(slot, &self.source, trial.settings.seed);
            filled.map_err(|error| FailureReason::File { message: error.to_string() })?;
            0
        };
        trial.step = resumed;
        seats.taken[slot] = Some(start.trial);
        Ok((trial, resumed))
    }

    /// A slot in a pack of the right shape; packs of other shapes that nobody sits in are dropped.
    fn free_slot(&mut self, settings: &Settings) -> Result<(usize, usize), FailureReason> {
        let free = |seats: &Seats| seats.taken.iter().position(Option::is_none);
        let fits = |seats: &Seats| seats.pack.plan == settings.plan;
        if let Some(index) =
            self.packs.iter().position(|seats| fits(seats) && free(seats).is_some())
        {
            return Ok((index, free(&self.packs[index]).unwrap_or(0)));
        }
        self.drop_empty_packs();
        let pack = Pack::with_frozen(
            &self.config,
            &settings.plan,
            self.open.pack,
            &self.device,
            &self.source,
            self.open.data_seed,
        )
        .map_err(|error| FailureReason::OutOfMemory { message: error.to_string() })?;
        self.packs.push(Seats { pack, taken: vec![None; self.open.pack] });
        Ok((self.packs.len() - 1, 0))
    }

    fn drop_empty_packs(&mut self) {
        let mut index = 0;
        while index < self.packs.len() {
            if self.packs[index].taken.iter().all(Option::is_none) {
                self.packs.remove(index);
                let later = self.trials.values_mut().filter(|trial| trial.pack > index);
                later.for_each(|trial| trial.pack -= 1);
            } else {
                index += 1;
            }
        }
    }

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
        let Some(trial) =
            self.trials.get_mut(&number).filter(|trial| trial.state == State::Reported)
        else {
            return Err(Fatal::protocol(format!(
                "a verdict came for trial {number}, which has not reported"
            )));
        };
        trial.state = State::Running;
        let (finished, step) = (trial.step >= trial.schedule.total_steps, trial.step);
        if keep && !self.keep(number, tell) {
            return Ok(());
        }
        if then == Then::Stop {
            let device_seconds = self.leave(number);
            tell(FromTrainer::Stopped { trial: number, step, device_seconds });
        } else if finished {
            let device_seconds = self.leave(number);
            tell(FromTrainer::Finished { trial: number, device_seconds });
        } else {
            self.checkpoint_if_due(number, true, tell);
        }
        Ok(())
    }

    /// Writes the model; a trial whose model cannot be written fails.
    fn keep(&mut self, number: u64, tell: &mut Tell<'_>) -> bool {
        let Some(trial) = self.trials.get(&number) else {
            return false;
        };
        let directory = trial.directory.join("model");
        let (positions, step) = (self.config.longest_text(), trial.step);
        let tokenizer = self.data.tokenizer();
        let about = About {
            target: &self.data.corpus().target,
            step,
            effective: &trial.settings.effective,
        };
        let written = self.packs[trial.pack].pack.export(trial.slot, &about, &directory, |path| {
            tokenizer.save(path, positions).map_err(|error| error.to_string())
        });
        match written {
            Ok(()) => tell(FromTrainer::Kept { trial: number, step, directory }),
            Err(error) => {
                self.fail(number, FailureReason::File { message: error.to_string() }, tell);
            }
        }
        self.trials.contains_key(&number)
    }

    /// Checkpoints a trial and gives its slot back.
    pub(crate) fn release(&mut self, number: u64, tell: &mut Tell<'_>) {
        let Some(trial) = self.trials.get(&number) else {
            return;
        };
        let step = trial.step;
        if step > 0 && !self.write_checkpoint(number, tell) {
            return;
        }
        let device_seconds = self.leave(number);
        tell(FromTrainer::Stopped { trial: number, step, device_seconds });
    }

    /// Drops a trial at once.
    pub(crate) fn drop_trial(&mut self, number: u64, tell: &mut Tell<'_>) {
        if let Some(step) = self.trials.get(&number).map(|trial| trial.step) {
            let device_seconds = self.leave(number);
            tell(FromTrainer::Stopped { trial: number, step, device_seconds });
        }
    }

    fn fail(&mut self, number: u64, reason: FailureReason, tell: &mut Tell<'_>) {
        let device_seconds = self.leave(number);
        tell(FromTrainer::Failed { trial: number, reason, device_seconds });
    }

    /// Frees a trial's slot; gives the device seconds it had not reported.
    fn leave(&mut self, number: u64) -> f64 {
        let Some(trial) = self.trials.remove(&number) else {
            return 0.0;
        };
        self.packs[trial.pack].taken[trial.slot] = None;
        trial.unreported.as_secs_f64()
    }

    fn write_checkpoint(&mut self, number: u64, tell: &mut Tell<'_>) -> bool {
        let Some(trial) = self.trials.get_mut(&number) else {
            return false;
        };
        let path = trial.directory.join(format!("checkpoint-{}.safetensors", trial.step));
        let pack = &self.packs[trial.pack].pack;
        match checkpoint::save(pack, trial.slot, trial.step, &trial.settings.effective, &path) {
            Ok(bytes) => {
                trial.since_checkpoint = Duration::ZERO;
                tell(FromTrainer::Checkpointed { trial: number, step: trial.step, path, bytes });
                true
            }
            Err(error) => {
                self.fail(number, FailureReason::File { message: error.to_string() }, tell);
                false
            }
        }
    }

    fn checkpoint_if_due(&mut self, number: u64, at_report: bool, tell: &mut Tell<'_>) {
        let interval = self.open.checkpoint_seconds;
        let Some(trial) = self.trials.get(&number) else {
            return;
        };
        let due = if interval > 0.0 {
            trial.since_checkpoint.as_secs_f64() >= interval
        } else {
            at_report
        };
        if due && trial.step > 0 {
            self.write_checkpoint(number, tell);
        }
    }

    fn ready(&self, sample: &Arc<Dataset>) -> Ready {
        let corpus = self.data.corpus();
        let mut notes = Vec::new();
        if sample.truncated > 0 {
            notes.push(format!(
                "{} texts are longer than {} tokens and were cut",
                sample.truncated, sample.max_tokens
            ));
        }
        if corpus.empty_texts > 0 {
            notes.push(format!("{} texts are empty", corpus.empty_texts));
        }
        Ready {
            version: crate::protocol::VERSION,
            device: format!("cpu, {} threads", rayon::current_num_threads()),
            model: self.config.describe(),
            weights: self.weight_count(),
            train_rows: corpus.train.rows(),
            validation_rows: corpus.validation.rows(),
            test_rows: corpus.test.as_ref().map_or(0, crate::data::Texts::rows),
            labels: match &corpus.target {
                crate::data::Target::Classes(names) => names.clone(),
                crate::data::Target::Regression => Vec::new(),
            },
            metrics: self.metric_names(),
            notes,
        }
    }
}
