//! Methods that are a sampler and a scheduler together. Refuses options: those are the parts' own.

use tunesmith_core::{Component, Params};

/// A sampler and a scheduler that belong together, under one name.
#[derive(Debug, Clone, Copy)]
pub struct Method {
    /// Its name in study files.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// The name of its sampler.
    pub sampler: &'static str,
    /// Options that the sampler gets where the study says nothing else.
    pub sampler_options: &'static [(&'static str, &'static str)],
    /// The name of its scheduler.
    pub scheduler: &'static str,
}

static METHODS: &[Method] = &[
    Method {
        name: "bohb",
        summary: "Hyperband whose trials a kernel density proposes",
        sampler: "bohb",
        sampler_options: &[],
        scheduler: "hyperband",
    },
    Method {
        name: "dehb",
        summary: "Hyperband whose trials differential evolution proposes",
        sampler: "dehb",
        sampler_options: &[],
        scheduler: "hyperband",
    },
    Method {
        name: "pb2",
        summary: "pbt whose hyperparameters a bandit chooses",
        sampler: "random",
        sampler_options: &[("prior", "known")],
        scheduler: "pb2",
    },
    Method {
        name: "pbt",
        summary: "population based training, its first members drawn from what is known of fine-tuning",
        sampler: "random",
        sampler_options: &[("prior", "known")],
        scheduler: "pbt",
    },
];

/// The methods that are a sampler and a scheduler together, by name.
pub fn methods() -> &'static [Method] {
    METHODS
}

impl Method {
    /// The sampler and the scheduler.
    pub fn components(&self) -> (Component, Component) {
        let mut options = Params::new();
        for (name, value) in self.sampler_options {
            options.insert(*name, *value);
        }
        let sampler = Component { options, ..Component::named(self.sampler) };
        (sampler, Component::named(self.scheduler))
    }
}
