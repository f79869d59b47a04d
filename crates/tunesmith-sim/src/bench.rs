//! A benchmark: every method on every task under every seed, several studies at a time.
//!
//! Refuses to stop at a method that a task's space does not suit, such as a grid over a continuum: it is left out
//! there, with the reason.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use thiserror::Error;
use tunesmith_core::{Budget, Policy, Rng, StudyConfig};

use crate::method::Method;
use crate::peer::{Peer, PeerError, PeerProgram};
use crate::results::{ResultsError, ResultsFile, Share, Unit, UnitResult};
use crate::scale::Scale;
use crate::tasks::Task;
use crate::world::{Setting, SimulationError, simulate};

/// Results that wait to be taken; beyond it the studies wait.
const RESULTS_LIMIT: usize = 64;

/// Why a configuration has no policy, from whoever makes policies.
pub type PolicyError = Box<dyn Error + Send + Sync>;

/// Makes the policy that a configuration names.
pub type PolicyFor = dyn Fn(&StudyConfig) -> Result<Policy, PolicyError> + Sync;

/// What is to be run.
#[derive(Debug)]
pub struct Plan {
    /// The tasks.
    pub tasks: Vec<Task>,
    /// The methods.
    pub methods: Vec<Method>,
    /// The budget of each study.
    pub trials: u32,
    /// The budget of methods with a scheduler instead: a share of what that many trials take on average, trained to
    /// their end. They may start more trials then. Methods without one are the measure and keep their trials.
    pub compute: Option<f64>,
    /// Repetitions, whose numbers are the seeds.
    pub seeds: u32,
    /// How many trials of a study run at once.
    pub workers: u32,
}

/// A plan and what it is run with.
pub struct Bench<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// Who makes policies.
    pub policy_for: &'a PolicyFor,
    /// How foreign methods are started, where that is known.
    pub peers: Option<&'a PeerProgram>,
    /// How many studies are run at once.
    pub jobs: usize,
    /// Whether nothing is run: what the file lacks is missing, and shorter studies count as far as they go.
    pub kept_only: bool,
}

/// What the studies of a plan came to.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// By task, then method, then seed.
    pub results: Vec<UnitResult>,
    /// The yardsticks of the tasks, in the plan's order.
    pub scales: Vec<Scale>,
    /// Methods that do not suit a task: method, task and why.
    pub unsuited: Vec<(String, &'static str, String)>,
}

/// Why a benchmark stopped. Results so far are in the file, where there is one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BenchError {
    /// A foreign method and no Python.
    #[error("{method} is another tool's method; name a Python that has it with --python")]
    NoPython {
        /// The method.
        method: String,
    },
    /// A method that suits no task.
    #[error("{method}: {source}")]
    Unsuited {
        /// The method.
        method: String,
        /// Why.
        source: PolicyError,
    },
    /// A study that could not be simulated.
    #[error("{} on {}, seed {}: {source}", unit.method, unit.task, unit.seed)]
    Simulation {
        /// The study.
        unit: Box<Unit>,
        /// Why.
        source: SimulationError,
    },
    /// Results that could not be kept.
    #[error(transparent)]
    Results(#[from] ResultsError),
}

/// One study that is to be run.
struct Job<'a> {
    task: usize,
    method: &'a Method,
    unit: Unit,
}

impl Bench<'_> {
    /// Runs what the file does not have yet, tells `watch` how many of how many studies are done after each, and
    /// returns everything that was planned.
    ///
    /// # Errors
    /// [`BenchError`].
    pub fn run(
        &self,
        mut file: Option<&mut ResultsFile>,
        mut watch: impl FnMut(usize, usize),
    ) -> Result<Outcomes, BenchError> {
        let (suited, unsuited) = self.suited()?;
        let scales: Vec<OnceLock<Scale>> =
            self.plan.tasks.iter().map(|_| OnceLock::new()).collect();
        let (jobs, mut results) = self.jobs(&suited, &scales, file.as_deref());
        let total = jobs.len() + results.len();
        let next = AtomicUsize::new(0);
        let (sender, receiver) = sync_channel(RESULTS_LIMIT);
        std::thread::scope(|scope| -> Result<(), BenchError> {
            for _ in 0..self.jobs.clamp(1, jobs.len().max(1)) {
                let (sender, jobs, next, scales) = (sender.clone(), &jobs, &next, &scales);
                scope.spawn(move || self.work(jobs, next, scales, &sender));
            }
            drop(sender);
            let taken = receiver.iter().try_for_each(|result| {
                let result = result?;
                if let Some(file) = file.as_deref_mut() {
                    file.add(&result)?;
                }
                results.push(result);
                watch(results.len(), total);
                Ok(())
            });
            // After an error nobody starts another study.
            next.store(usize::MAX / 2, Ordering::Relaxed);
            drop(receiver);
            taken
        })?;
        results.sort_by(|left, right| left.unit.cmp(&right.unit));
        let tasks = self.plan.tasks.iter().zip(&scales);
        let scales = tasks.map(|(task, scale)| *scale.get_or_init(|| Scale::of(&*task.objective)));
        Ok(Outcomes { results, scales: scales.collect(), unsuited })
    }

    /// For each task the methods that have a policy for its space, and the others with the reason.
    #[expect(clippy::type_complexity, reason = "two lists, taken apart at once")]
    fn suited(
        &self,
    ) -> Result<(Vec<Vec<&Method>>, Vec<(String, &'static str, String)>), BenchError> {
        let mut suited: Vec<Vec<&Method>> = self.plan.tasks.iter().map(|_| Vec::new()).collect();
        let mut unsuited = Vec::new();
        for method in &self.plan.methods {
            if method.is_peer() && self.peers.is_none() && !self.kept_only {
                return Err(BenchError::NoPython { method: method.label.clone() });
            }
            let mut latest = None;
            for (task, methods) in self.plan.tasks.iter().zip(&mut suited) {
                let budget = Budget { trials: Some(self.plan.trials), ..Budget::default() };
                match (self.policy_for)(&config(task, method, 0, budget)) {
                    Ok(_) => methods.push(method),
                    Err(why) => {
                        unsuited.push((method.label.clone(), task.name, why.to_string()));
                        latest = Some(why);
                    }
                }
            }
            if let Some(source) =
                latest.filter(|_| suited.iter().all(|list| !list.contains(&method)))
            {
                return Err(BenchError::Unsuited { method: method.label.clone(), source });
            }
        }
        Ok((suited, unsuited))
    }

    /// The studies that are still to be run, and the results that are there.
    fn jobs<'m>(
        &self,
        suited: &[Vec<&'m Method>],
        scales: &[OnceLock<Scale>],
        file: Option<&ResultsFile>,
    ) -> (Vec<Job<'m>>, Vec<UnitResult>) {
        let (mut jobs, mut known) = (Vec::new(), Vec::new());
        for seed in 0..self.plan.seeds {
            for (index, (task, methods)) in self.plan.tasks.iter().zip(suited).enumerate() {
                for method in methods {
                    let unit = Unit {
                        task: task.name.to_owned(),
                        method: method.label.clone(),
                        seed,
                        trials: self.plan.trials,
                        workers: self.plan.workers,
                        compute: self.plan.compute_of(method).map(Share),
                    };
                    let kept = file.and_then(|file| {
                        let scale = scales[index].get_or_init(|| Scale::of(&*task.objective));
                        self.kept(file, method, &unit, task, scale)
                    });
                    match kept {
                        Some(result) => known.push(result),
                        None if self.kept_only => {}
                        None => jobs.push(Job { task: index, method, unit }),
                    }
                }
            }
        }
        (jobs, known)
    }

    /// The result of a study that the file has: under its own name or its twin's, of a peer also in a longer study,
    /// and where nothing is run in a shorter one.
    fn kept(
        &self,
        file: &ResultsFile,
        method: &Method,
        unit: &Unit,
        task: &Task,
        scale: &Scale,
    ) -> Option<UnitResult> {
        let fingerprint = fingerprint(task, scale);
        let found = |unit: &Unit| {
            // A peer is told no budget.
            let longer = || file.beginning(unit, &fingerprint).filter(|_| method.is_peer());
            let shorter = || file.longest(unit, &fingerprint).filter(|_| self.kept_only).cloned();
            let other = || longer().or_else(shorter).filter(|_| unit.compute.is_none());
            file.get(unit, &fingerprint).cloned().or_else(other)
        };
        let twin = || {
            let twin = method.twin(task.objective.space(), unit.trials)?;
            let mut result = found(&Unit { method: twin.to_owned(), ..unit.clone() })?;
            result.unit.method.clone_from(&unit.method);
            result.version = Some(format!("the rule of AutoSampler, with the studies of {twin}"));
            Some(result)
        };
        found(unit).or_else(twin)
    }

    /// Runs jobs until none is left or one fails. Processes of peers are kept from one job to the next.
    fn work(
        &self,
        jobs: &[Job<'_>],
        next: &AtomicUsize,
        scales: &[OnceLock<Scale>],
        results: &SyncSender<Result<UnitResult, BenchError>>,
    ) {
        let mut peers = BTreeMap::new();
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let task = &self.plan.tasks[job.task];
            let scale = scales[job.task].get_or_init(|| Scale::of(&*task.objective));
            let result = self.study(job, task, scale, &mut peers);
            let failed = result.is_err();
            if results.send(result).is_err() || failed {
                return;
            }
        }
    }

    fn study(
        &self,
        job: &Job<'_>,
        task: &Task,
        scale: &Scale,
        peers: &mut BTreeMap<String, Peer>,
    ) -> Result<UnitResult, BenchError> {
        let failed = |source| BenchError::Simulation { unit: Box::new(job.unit.clone()), source };
        let budget = budget(&job.unit, scale);
        let config = config(task, job.method, job.unit.seed, budget);
        let policy = (self.policy_for)(&config)
            .map_err(|source| BenchError::Unsuited { method: job.method.label.clone(), source })?;
        let peer = match self.peers.filter(|_| job.method.is_peer()) {
            Some(program) => {
                let begun = begin(program, peers, &job.method.component.name, &config);
                Some(begun.map_err(|error| failed(error.into()))?)
            }
            None => None,
        };
        let version = peer.as_ref().map(|peer| peer.version().to_owned());
        let setting = Setting { task, scale, config: &config, workers: self.plan.workers };
        let trace = simulate(&setting, &policy, peer).map_err(failed)?;
        Ok(UnitResult {
            unit: job.unit.clone(),
            fingerprint: fingerprint(task, scale),
            recommendations: trace.recommendations,
            finished: trace.finished,
            failed: trace.failed,
            seconds: trace.seconds,
            device_seconds: Some(trace.device_seconds),
            version,
        })
    }
}

impl Plan {
    /// Whether it is asked what regret costs: compute is the budget, or some method cuts trials.
    pub(crate) fn is_about_compute(&self) -> bool {
        self.compute.is_some() || self.methods.iter().any(|method| method.scheduler.is_some())
    }

    /// The share of compute that is the method's budget, where it is not trials.
    fn compute_of(&self, method: &Method) -> Option<f64> {
        self.compute.filter(|_| method.scheduler.is_some())
    }
}

/// What a study of the task with that yardstick may spend.
fn budget(unit: &Unit, scale: &Scale) -> Budget {
    let full = f64::from(unit.trials) * scale.seconds;
    let device_seconds = unit.compute.map(|Share(share)| share * full);
    let trials = Some(unit.trials).filter(|_| unit.compute.is_none());
    Budget { trials, device_seconds, ..Budget::default() }
}

/// The study of a method on a task. A peer's trials are queued, so that the sampler of its study is never asked.
fn config(task: &Task, method: &Method, seed: u32, budget: Budget) -> StudyConfig {
    let objective = &*task.objective;
    let mut config =
        StudyConfig::new(task.name, objective.space().clone(), objective.metric().clone());
    if !method.is_peer() {
        config.sampler = method.component.clone();
    }
    if let Some(scheduler) = &method.scheduler {
        config.scheduler = scheduler.clone();
    }
    config.budget = budget;
    // 32 bits, which every peer takes.
    config.seed = u64::from(Rng::at(u64::from(seed), 0, task.name).next_u32());
    config
}

/// The process of a peer, started where there is none yet, with a new study.
fn begin<'p>(
    program: &PeerProgram,
    peers: &'p mut BTreeMap<String, Peer>,
    method: &str,
    config: &StudyConfig,
) -> Result<&'p mut Peer, PeerError> {
    if !peers.contains_key(method) {
        peers.insert(method.to_owned(), program.start()?);
    }
    let peer =
        peers.get_mut(method).unwrap_or_else(|| unreachable!("it was put there a line above"));
    peer.begin(method, config)?;
    Ok(peer)
}

/// Changes where a task's values or its noise do. To four digits, because networks that predict in single precision
/// differ in the last bits from one processor to another.
fn fingerprint(task: &Task, scale: &Scale) -> String {
    format!("{:.3e} {:.3e} {:?}", scale.best, scale.typical, task.noise)
}
