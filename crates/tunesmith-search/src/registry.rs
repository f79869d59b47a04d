//! Samplers and schedulers by name. A new one is one line here.
//!
//! Refuses unknown names and options, with the nearest known one.

use thiserror::Error;
use tunesmith_core::{Component, Policy, Sampler, Scheduler, StudyConfig};

use crate::nearest::nearest;
use crate::samplers::grid::{Grid, GridRefusal};
use crate::samplers::random::Random;
use crate::samplers::sobol::Sobol;
use crate::schedulers::none::NoScheduler;

/// A sampler or a scheduler that there is.
#[derive(Debug)]
pub struct Entry<T> {
    /// Its name in study files and logs.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// The names of its options.
    pub options: &'static [&'static str],
    build: fn(&StudyConfig) -> Result<T, RegistryError>,
}

static SAMPLERS: [Entry<Box<dyn Sampler>>; 3] = [
    Entry {
        name: "grid",
        summary: "every combination of the listed values once, in W&B's order",
        options: &[],
        build: |config| Ok(Box::new(Grid::new(&config.space)?)),
    },
    Entry {
        name: "random",
        summary: "independent draws from the priors",
        options: &[],
        build: |_| Ok(Box::new(Random)),
    },
    Entry {
        name: "sobol",
        summary: "a scrambled Sobol sequence laid on the priors: random search without its gaps and clusters",
        options: &[],
        build: |_| Ok(Box::new(Sobol)),
    },
];

static SCHEDULERS: [Entry<Box<dyn Scheduler>>; 1] = [Entry {
    name: "none",
    summary: "every trial runs to its end",
    options: &[],
    build: |_| Ok(Box::new(NoScheduler)),
}];

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
        known: &'static [&'static str],
    },
    /// A space that a grid cannot enumerate.
    #[error(transparent)]
    Grid(#[from] GridRefusal),
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
    &SAMPLERS
}

/// The schedulers that there are, by name.
pub fn schedulers() -> &'static [Entry<Box<dyn Scheduler>>] {
    &SCHEDULERS
}

/// The sampler and the scheduler that a configuration names.
///
/// # Errors
/// Where a name or an option is unknown, or the method refuses the space.
pub fn policy(config: &StudyConfig) -> Result<Policy, RegistryError> {
    Ok(Policy {
        sampler: build("sampler", &SAMPLERS, &config.sampler, config)?,
        scheduler: build("scheduler", &SCHEDULERS, &config.scheduler, config)?,
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
    for (option, _) in component.options.iter() {
        if !entry.options.contains(&option) {
            let (name, known) = (entry.name, entry.options);
            let nearest = nearest(option, known.iter().copied());
            return Err(RegistryError::UnknownOption {
                name,
                option: option.to_owned(),
                nearest,
                known,
            });
        }
    }
    (entry.build)(config)
}

#[cfg(test)]
mod tests;
