//! Trains a trial again from the log alone and compares. It refuses to call it the same where a value or a weight
//! differs.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde_json::json;
use tunesmith_core::{Metric, Segment, Study, Summary, Trial};
use tunesmith_runtime::params;
use tunesmith_runtime::session::Session;
use tunesmith_runtime::trainer::Received;
use tunesmith_search::policy;
use tunesmith_train::protocol::{FromTrainer, Open, Then, ToTrainer};

use crate::artefacts::Artefacts;
use crate::cli::{CommandLine, ReplayArguments};
use crate::commands::run::{open_failure, trainers};
use crate::commands::{print, studies};
use crate::exit::{Class, Classified, Failure};
use crate::interrupt;
use tunesmith_file::Task;
use tunesmith_view::figures;

/// How long to wait for a message before looking at Ctrl-C again.
const POLL: std::time::Duration = std::time::Duration::from_millis(200);

/// The file of an exported model's weights.
const WEIGHTS: &str = "model.safetensors";

/// Why a trial cannot be trained again, or did not come out the same.
#[derive(Debug, thiserror::Error)]
enum ReplayError {
    #[error("there is no trial {trial} in `{study}`; `tunesmith trials {study}` lists them")]
    Unknown { trial: u32, study: String },
    #[error("no trial of `{study}` is completed yet; name one with --trial")]
    Nobody { study: String },
    #[error("trial {trial} reported nothing; there is nothing to compare with")]
    Silent { trial: u32 },
    #[error("`{study}` does not say what it trained, so it cannot be trained again: {source}")]
    Task { study: String, source: serde_json::Error },
    #[error(
        "the trials of `{study}` are programs: `tunesmith rerun --trial` runs one again, and `replay --verify` derives what was decided"
    )]
    Program { study: String },
    #[error(
        "the trials of `{study}` are run by the Python program that asks for them; `replay --verify` derives what was decided"
    )]
    Caller { study: String },
    #[error("the trainer refused trial {trial}: {reason}")]
    Refused { trial: u32, reason: String },
    #[error("the trainer ended: {ending}")]
    Ended { ending: String },
    #[error(
        "trial {trial} came out at {again} where the log has {recorded}; was it trained on another machine, or are the data or the model other ones now?"
    )]
    Differs { trial: u32, again: f64, recorded: f64 },
    #[error("the weights of trial {trial} are not those in {path}, though its score is the same")]
    Weights { trial: u32, path: PathBuf },
    #[error("interrupted")]
    Interrupted,
}

/// What is trained again, and what it must come to.
struct Target<'a> {
    trial: &'a Trial,
    past: Vec<Segment>,
    metric: &'a Metric,
    /// The step of the report that counts.
    step: u64,
    value: f64,
}

pub(super) fn run(line: &CommandLine, arguments: &ReplayArguments) -> Result<Class, Failure> {
    let study = studies::study(&line.storage, arguments.study.as_deref())?;
    let target = target(&study, arguments.trial).class(Class::Usage)?;
    let mut open = open(&study).class(Class::Unexpected)?;
    // The report that counts may have been made for the scheduler alone.
    open.evaluate_at = policy(study.config()).class(Class::StudyFile)?.scheduler.rungs();
    let stop = interrupt::listen(line.quiet)?;
    let slots = open.pack;
    let mut launcher = trainers(open)?;
    let artefacts = Artefacts::of(&line.runs, &study.config().name);
    let folder = arguments.output.clone().unwrap_or_else(|| artefacts.root().join("replay"));
    let folder = std::path::absolute(&folder).class(Class::Usage)?;
    std::fs::create_dir_all(&folder).class(Class::Storage)?;
    let mut session =
        Session::open(&mut launcher, slots, study.metrics(), &stop).map_err(open_failure)?;
    if !line.quiet {
        anstream::eprintln!("{}", story(&target));
    }
    let again = train(&mut session, &target, &folder, &stop).class(Class::Trainer)?;
    if again != target.value {
        let (trial, recorded) = (target.trial.number, target.value);
        return Err(Failure::new(
            Class::Unexpected,
            ReplayError::Differs { trial, again, recorded },
        ));
    }
    let same = same_weights(&artefacts, &target, &folder.join("model"))?;
    let name = &study.config().name;
    if arguments.json {
        let json = json!({
            "study": name, "trial": target.trial.number, "stretches": target.past.len() + 1,
            "value": again, "same_weights": same, "model": folder.join("model"),
        });
        return print(&format!("{json}\n")).map(|()| Class::Success);
    }
    let weights = match same {
        Some(_) => ", and its weights are those of the winner, bit for bit",
        None => "",
    };
    let (metric, value) = (&target.metric.name, figures::metric(again));
    let trial = target.trial.number;
    print(&format!(
        "{name}: trial {trial} came out again with {metric} {value}{weights}\nmodel: {}\n",
        folder.join("model").display()
    ))?;
    Ok(Class::Success)
}

fn target(study: &Study, number: Option<u32>) -> Result<Target<'_>, ReplayError> {
    let name = || study.config().name.clone();
    let trial = match number {
        Some(trial) => {
            study.trial(trial).ok_or_else(|| ReplayError::Unknown { trial, study: name() })
        }
        None => study.chosen().ok_or_else(|| ReplayError::Nobody { study: name() }),
    }?;
    let silent = ReplayError::Silent { trial: trial.number };
    let Some(metric) = study.metrics().first() else { return Err(silent) };
    let valued = trial.current_reports().iter();
    let mut valued =
        valued.filter_map(|report| Some((report.step, *report.values.get(&metric.name)?)));
    let counted = match metric.summary {
        Summary::Last => valued.next_back(),
        Summary::Best => valued
            .reduce(|best, next| if metric.goal.is_better(next.1, best.1) { next } else { best }),
    };
    let Some((step, value)) = counted else { return Err(silent) };
    let mut past = study.lineage(trial.number);
    past.pop();
    Ok(Target { trial, past, metric, step, value })
}

/// What the study's trainers were opened with, for one trial.
fn open(study: &Study) -> Result<Open, ReplayError> {
    let name = || study.config().name.clone();
    match Task::of(study.config()) {
        // Nothing of it is to be gone on with.
        Ok(Task::Trained(open)) => Ok(Open { pack: 1, checkpoint_seconds: 1e9, ..*open }),
        Ok(Task::Program(_)) => Err(ReplayError::Program { study: name() }),
        Ok(Task::Caller) => Err(ReplayError::Caller { study: name() }),
        Err(source) => Err(ReplayError::Task { study: name(), source }),
    }
}

fn story(target: &Target<'_>) -> String {
    let trial = target.trial.number;
    if target.past.is_empty() {
        return format!("training trial {trial} again");
    }
    let stretches: Vec<String> = target
        .past
        .iter()
        .map(|segment| {
            format!("trial {} to step {}", segment.trial, segment.until_step.unwrap_or(0))
        })
        .collect();
    format!("training trial {trial} again: {}, then itself", stretches.join(", then "))
}

/// Trains to the report that counts and keeps the model there; its value.
fn train(
    session: &mut Session,
    target: &Target<'_>,
    folder: &Path,
    stop: &AtomicBool,
) -> Result<f64, ReplayError> {
    let number = target.trial.number;
    session.trainer.send(ToTrainer::Start {
        trial: number.into(),
        params: params::for_trainer(&target.trial.params),
        seed: target.trial.seed,
        directory: folder.to_owned(),
        resume: None,
        past: target.past.iter().map(params::stretch).collect(),
        resume_stretch: 0,
    });
    let mut value = f64::NAN;
    loop {
        if stop.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(ReplayError::Interrupted);
        }
        match session.trainer.receive(POLL) {
            Received::Message(FromTrainer::Report { step, metrics, .. }) => {
                let counts = step == target.step;
                if counts {
                    value = metrics.get(&target.metric.name).copied().unwrap_or(f64::NAN);
                }
                let then = if counts { Then::Stop } else { Then::Continue };
                session.trainer.send(ToTrainer::Verdict {
                    trial: number.into(),
                    keep: counts,
                    then,
                });
            }
            Received::Message(FromTrainer::Stopped { .. } | FromTrainer::Finished { .. }) => {
                return Ok(value);
            }
            Received::Message(FromTrainer::Failed { reason, .. }) => {
                let reason = serde_json::to_string(&reason).unwrap_or_default();
                return Err(ReplayError::Refused { trial: number, reason });
            }
            Received::Message(FromTrainer::Fatal { message, .. }) => {
                return Err(ReplayError::Refused { trial: number, reason: message });
            }
            Received::Ended(ending) => {
                return Err(ReplayError::Ended { ending: ending.to_string() });
            }
            Received::Message(_) | Received::Failed { .. } | Received::Nothing => {}
        }
    }
}

/// Whether the weights are the winner's, where the trial is the winner and its model is there.
fn same_weights(
    artefacts: &Artefacts,
    target: &Target<'_>,
    model: &Path,
) -> Result<Option<bool>, Failure> {
    let certificate = artefacts.certificate().class(Class::Storage)?;
    if certificate.is_none_or(|known| known.trial != target.trial.number) {
        return Ok(None);
    }
    let path = artefacts.best().join(WEIGHTS);
    let read = |path: &Path| std::fs::read(path).class(Class::Storage);
    if read(&path)? == read(&model.join(WEIGHTS))? {
        return Ok(Some(true));
    }
    Err(Failure::new(Class::Unexpected, ReplayError::Weights { trial: target.trial.number, path }))
}
