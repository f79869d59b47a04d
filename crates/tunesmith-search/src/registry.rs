//! Samplers and schedulers by name. A new one is one line here.
//!
//! Refuses unknown names and options, with the nearest known one.

mod methods;

use thiserror::Error;
use tunesmith_core::{Component, Policy, Sampler, Scheduler, SearchSpace, StudyConfig, Value};

use crate::belief::PRIOR_OPTION;
use crate::nearest::nearest;
use crate::options::{OptionKind, OptionSpec, Options};
use crate::samplers::auto::{Auto, OPTIONS as AUTO_OPTIONS};
use crate::samplers::bohb::Bohb;
use crate::samplers::cmaes::{Cmaes, OPTIONS as CMAES_OPTIONS};
use crate::samplers::de::{De, OPTIONS as DE_OPTIONS};
use crate::samplers::dehb::Dehb;
use crate::samplers::forest::{Forest, OPTIONS as FOREST_OPTIONS};
use crate::samplers::genetic::{Genetic, OPTIONS as GENETIC_OPTIONS};
use crate::samplers::gp::{GaussianProcess, OPTIONS as GP_OPTIONS};
use crate::samplers::grid::{Grid, GridRefusal};
use crate::samplers::nsga2::{Nsga2, OPTIONS as NSGA2_OPTIONS};
use crate::samplers::random::Random;
use crate::samplers::sobol::Sobol;
use crate::samplers::tpe::{OPTIONS as TPE_OPTIONS, Tpe};
use crate::schedulers::asha::{Asha, OPTIONS as ASHA_OPTIONS};
use crate::schedulers::asha_promote::{AshaPromote, OPTIONS as ASHA_PROMOTE_OPTIONS};
use crate::schedulers::auto::{AutoScheduler, OPTIONS as AUTO_SCHEDULER_OPTIONS};
use crate::schedulers::hyperband::{OPTIONS as HYPERBAND_OPTIONS, hyperband};
use crate::schedulers::median::{MedianRule, OPTIONS as MEDIAN_OPTIONS};
use crate::schedulers::none::NoScheduler;
use crate::schedulers::pasha::{OPTIONS as PASHA_OPTIONS, Pasha};
use crate::schedulers::pbt::{BANDIT_OPTIONS, OPTIONS as PBT_OPTIONS, Pbt};
use crate::schedulers::sha::{OPTIONS as SHA_OPTIONS, sha};
use crate::schedulers::wandb_hyperband::{OPTIONS as WANDB_HYPERBAND_OPTIONS, WandbHyperband};
use crate::schedulers::wilcoxon::{OPTIONS as WILCOXON_OPTIONS, Wilcoxon};

pub use methods::{Method, methods};

/// A sampler or a scheduler that there is.
#[derive(Debug)]
pub struct Entry<T> {
    /// Its name in study files and logs.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Its options.
    pub options: &'static [OptionSpec],
    /// Whether what it proposes never depends on results.
    pub ignores_results: bool,
    /// How many metrics it goes by.
    pub objectives: Objectives,
    build: fn(&StudyConfig) -> Result<T, RegistryError>,
}

/// How many metrics a sampler or a scheduler goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objectives {
    /// One alone.
    One,
    /// One or several.
    Any,
}

static SAMPLERS: &[Entry<Box<dyn Sampler>>] = &[
    Entry {
        name: "auto",
        summary: "the default: the shipped default and the priors first, then a Gaussian process that leans on the \
                  priors; TPE where the space has conditions",
        options: AUTO_OPTIONS,
        ignores_results: false,
        objectives: Objectives::Any,
        build: |config| Ok(Box::new(Auto::new(Options(&config.sampler.options)))),
    },
    Entry {
        name: "bohb",
        summary: "kernel densities of good and bad trials at the largest budget with enough of them: goes with hyperband",
        options: &[],
        ignores_results: false,
        objectives: Objectives::One,
        build: |config| Ok(Box::new(Bohb::new(config))),
    },
    Entry {
        name: "cmaes",
        summary: "CMA-ES with margins for lattices and a distribution over choices: for a few hundred trials and more",
        options: CMAES_OPTIONS,
        ignores_results: false,
        objectives: Objectives::One,
        build: |config| Ok(Box::new(Cmaes::new(Options(&config.sampler.options)))),
    },
    Entry {
        name: "de",
        summary: "differential evolution without generations, with the constants of DEHB",
        options: DE_OPTIONS,
        ignores_results: false,
        objectives: Objectives::One,
        build: |config| Ok(Box::new(De::new(Options(&config.sampler.options)))),
    },
    Entry {
        name: "dehb",
        summary: "differential evolution within the budget that a trial starts with: goes with hyperband",
        options: &[],
        ignores_results: false,
        objectives: Objectives::One,
        build: |config| Ok(Box::new(Dehb::new(config))),
    },
    Entry {
        name: "forest",
        summary: "expected improvement under a random forest, after SMAC: for spaces of many choices and conditions",
        options: FOREST_OPTIONS,
        ignores_results: false,
        objectives: Objectives::One,
        build: |config| Ok(Box::new(Forest::new(Options(&config.sampler.options)))),
    },
    Entry {
        name: "genetic",
        summary: "a genetic algorithm without generations: children of the fittest trials so far",
        options: GENETIC_OPTIONS,
        ignores_results: false,
        objectives: Objectives::One,
        build: |config| Ok(Box::new(Genetic::new(Options(&config.sampler.options)))),
    },
    Entry {
        name: "gp",
        summary: "Bayesian optimisation with a Gaussian process: the greatest expected improvement",
        options: GP_OPTIONS,
        ignores_results: false,
        objectives: Objectives::Any,
        build: |config| Ok(Box::new(GaussianProcess::new(Options(&config.sampler.options)))),
    },
    Entry {
        name: "grid",
        summary: "every combination of the listed values once, in W&B's order",
        options: &[],
        ignores_results: true,
        objectives: Objectives::Any,
        build: |config| Ok(Box::new(Grid::new(&config.space)?)),
    },
    Entry {
        name: "nsga2",
        summary: "NSGA-II for several objectives, as optuna 5 has it: generations that spread along the front",
        options: NSGA2_OPTIONS,
        ignores_results: false,
        objectives: Objectives::Any,
        build: |config| Ok(Box::new(Nsga2::new(Options(&config.sampler.options)))),
    },
    Entry {
        name: "random",
        summary: "independent draws from the priors",
        options: &[PRIOR_OPTION],
        ignores_results: true,
        objectives: Objectives::Any,
        build: |config| Ok(Box::new(Random::new(Options(&config.sampler.options)))),
    },
    Entry {
        name: "sobol",
        summary: "a scrambled Sobol sequence laid on the priors: random search without its gaps and clusters",
        options: &[],
        ignores_results: true,
        objectives: Objectives::Any,
        build: |_| Ok(Box::new(Sobol)),
    },
    Entry {
        name: "tpe",
        summary: "the tree-structured Parzen estimator, as optuna 5 has it: what is dense among good trials and not \
                  among bad ones",
        options: TPE_OPTIONS,
        ignores_results: false,
        objectives: Objectives::Any,
        build: |config| {
            let tpe = Tpe::new(Options(&config.sampler.options));
            Ok(Box::new(tpe.ok_or(RegistryError::GroupWithoutMultivariate)?))
        },
    },
];

static SCHEDULERS: &[Entry<Box<dyn Scheduler>>] = &[
    Entry {
        name: "asha",
        summary: "asynchronous successive halving: a trial that is not among the best at a rung ends there",
        options: ASHA_OPTIONS,
        ignores_results: false,
        objectives: Objectives::Any,
        build: |config| Ok(Box::new(Asha::new(Options(&config.scheduler.options)))),
    },
    Entry {
        name: "asha-promote",
        summary: "asynchronous successive halving that pauses every trial at every rung and goes on with the best",
        options: ASHA_PROMOTE_OPTIONS,
        ignores_results: false,
        objectives: Objectives::One,
        build: |config| Ok(Box::new(AshaPromote::new(Options(&config.scheduler.options)))),
    },
    Entry {
        name: "auto",
        summary: "pauses trials at 1/27, 1/9 and 1/3 of their schedules, and goes on with as many as those rungs have \
                  earned by what they foretold",
        options: AUTO_SCHEDULER_OPTIONS,
        ignores_results: false,
        objectives: Objectives::One,
        build: |config| Ok(Box::new(AutoScheduler::new(Options(&config.scheduler.options)))),
    },
    Entry {
        name: "hyperband",
        summary: "brackets of synchronous halving, from many trials cut early to few that run to their end",
        options: HYPERBAND_OPTIONS,
        ignores_results: false,
        objectives: Objectives::One,
        build: |config| Ok(Box::new(hyperband(Options(&config.scheduler.options)))),
    },
    Entry {
        name: "median",
        summary: "ends a trial whose best is worse than the median of what others had averaged by then",
        options: MEDIAN_OPTIONS,
        ignores_results: false,
        objectives: Objectives::One,
        build: |config| Ok(Box::new(MedianRule::new(Options(&config.scheduler.options)))),
    },
    Entry {
        name: "none",
        summary: "every trial runs to its end",
        options: &[],
        ignores_results: true,
        objectives: Objectives::Any,
        build: |_| Ok(Box::new(NoScheduler)),
    },
    Entry {
        name: "pasha",
        summary: "asha-promote that goes no higher than it must to know the order of the best",
        options: PASHA_OPTIONS,
        ignores_results: false,
        objectives: Objectives::One,
        build: |config| Ok(Box::new(Pasha::new(Options(&config.scheduler.options)))),
    },
    Entry {
        name: "pb2",
        summary: "population based training whose hyperparameters a Gaussian process bandit chooses",
        options: BANDIT_OPTIONS,
        ignores_results: false,
        objectives: Objectives::One,
        build: |config| {
            known_names(config)?;
            Ok(Box::new(Pbt::bandit(config)))
        },
    },
    Entry {
        name: "pbt",
        summary: "population based training: at every barrier the worst take over the weights of the best, their \
                  hyperparameters a little changed",
        options: PBT_OPTIONS,
        ignores_results: false,
        objectives: Objectives::One,
        build: |config| {
            known_names(config)?;
            Ok(Box::new(Pbt::new(config)))
        },
    },
    Entry {
        name: "sha",
        summary: "synchronous successive halving: a bracket waits at every rung until all have arrived",
        options: SHA_OPTIONS,
        ignores_results: false,
        objectives: Objectives::One,
        build: |config| Ok(Box::new(sha(Options(&config.scheduler.options)))),
    },
    Entry {
        name: "wandb-hyperband",
        summary: "the early termination of W&B's sweeps, by counts of reports",
        options: WANDB_HYPERBAND_OPTIONS,
        ignores_results: false,
        objectives: Objectives::One,
        build: |config| {
            let bands = WandbHyperband::new(Options(&config.scheduler.options));
            Ok(Box::new(bands.ok_or(RegistryError::NoBands)?))
        },
    },
    Entry {
        name: "wilcoxon",
        summary: "ends a trial that is worse than the best one on the same evaluation examples, by a signed-rank test",
        options: WILCOXON_OPTIONS,
        ignores_results: false,
        objectives: Objectives::One,
        build: |config| Ok(Box::new(Wilcoxon::new(Options(&config.scheduler.options)))),
    },
];

/// Why a configuration has no policy.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// A name that nothing has.
    #[error("there is no {kind} named {name}{}; there {} {}", did_you_mean(*nearest), are(known), known.join(", "))]
    UnknownName {
        /// `sampler` or `scheduler`.
        kind: &'static str,
        /// The name.
        name: String,
        /// What may have been meant.
        nearest: Option<&'static str>,
        /// The names that there are.
        known: Vec<&'static str>,
    },
    /// An option that the method does not have.
    #[error("{name} has no option {option}{}{}", did_you_mean(*nearest), takes(known))]
    UnknownOption {
        /// The sampler or scheduler.
        name: &'static str,
        /// The option.
        option: String,
        /// What may have been meant.
        nearest: Option<&'static str>,
        /// The options that there are.
        known: Vec<&'static str>,
    },
    /// A value that an option does not take.
    #[error("{name}'s option {option} takes {expected}, not {value}")]
    BadOption {
        /// The sampler or scheduler.
        name: &'static str,
        /// The option.
        option: &'static str,
        /// What was given.
        value: Value,
        /// What it takes.
        expected: OptionKind,
    },
    /// TPE's options that exclude each other.
    #[error(
        "tpe's option group needs parameters to be modelled jointly; leave it out, or `multivariate: never`"
    )]
    GroupWithoutMultivariate,
    /// Several metrics for a method that goes by one.
    #[error("{name} optimises one metric and the study has {metrics}; give it one, or use {}", able.join(", "))]
    SeveralMetrics {
        /// The sampler or scheduler.
        name: &'static str,
        /// How many the study has.
        metrics: usize,
        /// Those that take several.
        able: Vec<&'static str>,
    },
    /// An option that names a parameter that there is not.
    #[error("there is no parameter {name} to mutate{}; there {} {}", did_you_mean(nearest.as_deref()), if known.len() == 1 { "is" } else { "are" }, known.join(", "))]
    UnknownParameter {
        /// The name.
        name: String,
        /// What may have been meant.
        nearest: Option<String>,
        /// The parameters that are searched.
        known: Vec<String>,
    },
    /// W&B's options that give no band.
    #[error(
        "wandb-hyperband takes min_iter, or max_iter together with s; choose one, and a max_iter of at least eta"
    )]
    NoBands,
    /// A space that a grid cannot enumerate.
    #[error(transparent)]
    Grid(#[from] GridRefusal),
}

/// Whether the scheduler's option `mutate` names parameters that there are.
fn known_names(config: &StudyConfig) -> Result<(), RegistryError> {
    let names = Options(&config.scheduler.options).names("mutate").unwrap_or_default();
    let is_known = |name: &String| config.space.searched().any(|one| one.name == *name);
    match names.into_iter().find(|name| !is_known(name)) {
        Some(name) => Err(RegistryError::unknown_parameter(name, &config.space)),
        None => Ok(()),
    }
}

impl RegistryError {
    fn unknown_parameter(name: String, space: &SearchSpace) -> Self {
        let known: Vec<String> = space.searched().map(|parameter| parameter.name.clone()).collect();
        let nearest = nearest(&name, known.iter().map(String::as_str)).map(str::to_owned);
        Self::UnknownParameter { name, nearest, known }
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(" (did you mean {name}?)"))
}

fn are(known: &[&str]) -> &'static str {
    if known.len() == 1 { "is" } else { "are" }
}

fn takes(known: &[&str]) -> String {
    if known.is_empty() {
        "; it takes none".to_owned()
    } else {
        format!("; it takes {}", known.join(", "))
    }
}

/// The samplers that there are, by name.
pub fn samplers() -> &'static [Entry<Box<dyn Sampler>>] {
    SAMPLERS
}

/// The schedulers that there are, by name.
pub fn schedulers() -> &'static [Entry<Box<dyn Scheduler>>] {
    SCHEDULERS
}

/// The sampler and the scheduler that a configuration names.
///
/// # Errors
/// Where a name or an option is unknown, or the method refuses the space or so many metrics.
pub fn policy(config: &StudyConfig) -> Result<Policy, RegistryError> {
    Ok(Policy {
        sampler: build("sampler", SAMPLERS, &config.sampler, config)?,
        scheduler: build("scheduler", SCHEDULERS, &config.scheduler, config)?,
    })
}

fn build<T>(
    kind: &'static str,
    entries: &'static [Entry<T>],
    component: &Component,
    config: &StudyConfig,
) -> Result<T, RegistryError> {
    let Some(entry) = entries.iter().find(|entry| entry.name == component.name) else {
        let known: Vec<_> = entries.iter().map(|entry| entry.name).collect();
        let nearest = nearest(&component.name, known.iter().copied());
        return Err(RegistryError::UnknownName {
            kind,
            name: component.name.clone(),
            nearest,
            known,
        });
    };
    check_options(entry, component)?;
    check_objectives(entry, entries, config.metrics.len())?;
    (entry.build)(config)
}

fn check_options<T>(entry: &'static Entry<T>, component: &Component) -> Result<(), RegistryError> {
    let name = entry.name;
    for (option, value) in component.options.iter() {
        let Some(spec) = entry.options.iter().find(|spec| spec.name == option) else {
            let known: Vec<_> = entry.options.iter().map(|spec| spec.name).collect();
            let nearest = nearest(option, known.iter().copied());
            let option = option.to_owned();
            return Err(RegistryError::UnknownOption { name, option, nearest, known });
        };
        if !spec.kind.takes(value) {
            let (option, value, expected) = (spec.name, value.clone(), spec.kind);
            return Err(RegistryError::BadOption { name, option, value, expected });
        }
    }
    Ok(())
}

fn check_objectives<T>(
    entry: &'static Entry<T>,
    entries: &'static [Entry<T>],
    metrics: usize,
) -> Result<(), RegistryError> {
    if metrics < 2 || entry.objectives == Objectives::Any {
        return Ok(());
    }
    let able = entries.iter().filter(|entry| entry.objectives == Objectives::Any);
    let able = able.map(|entry| entry.name).collect();
    Err(RegistryError::SeveralMetrics { name: entry.name, metrics, able })
}

#[cfg(test)]
mod tests;
