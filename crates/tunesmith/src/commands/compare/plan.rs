//! What is compared: study files, or one file whose `compare` names what differs between its studies. It refuses files
//! that do not search for the same metric, and a comparison of one thing.

use std::path::{Path, PathBuf};

use tunesmith_file::{LoadError, StudyFile, Template};

/// The most seeds of a comparison.
const MOST_SEEDS: u32 = 1_000;

/// A comparison.
#[derive(Debug)]
pub(super) struct Plan {
    /// Its name, and that of its folder.
    pub(super) name: String,
    /// What is compared.
    pub(super) entries: Vec<Entry>,
    /// How often each is repeated.
    pub(super) seeds: u32,
}

/// One of the things that are compared.
#[derive(Debug)]
pub(super) struct Entry {
    /// What it is called.
    pub(super) label: String,
    template: Template,
}

/// Why there is nothing to compare.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlanError {
    /// A file that cannot be used.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// One study.
    #[error(
        "{path} describes one search; give two study files or more, or name what to compare in it: `compare: {{gp: {{method: gp}}, random: {{method: random}}}}`"
    )]
    One {
        /// The file.
        path: PathBuf,
    },
    /// Files that each compare something already.
    #[error("{path} is a comparison by itself; give it alone")]
    Nested {
        /// The file.
        path: PathBuf,
    },
    /// Two entries of one name.
    #[error("two of the studies are called {label}; give each a `name` of its own")]
    Twice {
        /// The name.
        label: String,
    },
    /// Different metrics.
    #[error(
        "{left} searches for {left_metric} and {right} for {right_metric}; a comparison needs one metric"
    )]
    Metrics {
        /// An entry.
        left: String,
        /// What it searches for.
        left_metric: String,
        /// Another.
        right: String,
        /// What that searches for.
        right_metric: String,
    },
    /// More seeds than anybody runs.
    #[error("{seeds} seeds are too many; give at most {MOST_SEEDS}")]
    Seeds {
        /// How many.
        seeds: u32,
    },
}

impl Plan {
    /// Reads the files. `seeds` on the command line goes before the file's own.
    pub(super) fn load(files: &[PathBuf], seeds: Option<u32>) -> Result<Self, PlanError> {
        let templates = files
            .iter()
            .map(|path| Ok((path.as_path(), Template::load(path)?)))
            .collect::<Result<Vec<_>, LoadError>>()?;
        let plan = match templates.as_slice() {
            [(path, only)] => Self::of_one(path, only)?,
            several => Self::of_several(several)?,
        };
        let plan = Self { seeds: seeds.unwrap_or(plan.seeds), ..plan };
        plan.check()
    }

    fn of_one(path: &Path, template: &Template) -> Result<Self, PlanError> {
        let parts = template.parts();
        if parts.len() < 2 {
            return Err(PlanError::One { path: path.to_owned() });
        }
        let entries = parts.into_iter().map(|(label, template)| Entry { label, template });
        Ok(Self {
            name: template.name(),
            entries: entries.collect(),
            seeds: template.seeds().unwrap_or(1),
        })
    }

    fn of_several(templates: &[(&Path, Template)]) -> Result<Self, PlanError> {
        let mut entries = Vec::new();
        for (path, template) in templates {
            if !template.parts().is_empty() {
                return Err(PlanError::Nested { path: (*path).to_owned() });
            }
            entries.push(Entry { label: template.name(), template: template.clone() });
        }
        let labels: Vec<&str> = entries.iter().map(|entry| entry.label.as_str()).collect();
        Ok(Self { name: labels.join("-vs-"), entries, seeds: 1 })
    }

    /// Every study can be used, and all search for the same.
    fn check(self) -> Result<Self, PlanError> {
        if self.seeds > MOST_SEEDS {
            return Err(PlanError::Seeds { seeds: self.seeds });
        }
        let mut first: Option<(&str, String)> = None;
        for (index, entry) in self.entries.iter().enumerate() {
            if self.entries[..index].iter().any(|other| other.label == entry.label) {
                return Err(PlanError::Twice { label: entry.label.clone() });
            }
            let file = entry.study(0)?;
            let metric = file.config.metrics.first().map(|metric| metric.name.clone());
            let metric = metric.unwrap_or_default();
            match &first {
                Some((left, left_metric)) if *left_metric != metric => {
                    return Err(PlanError::Metrics {
                        left: (*left).to_owned(),
                        left_metric: left_metric.clone(),
                        right: entry.label.clone(),
                        right_metric: metric,
                    });
                }
                Some(_) => {}
                None => first = Some((&entry.label, metric)),
            }
        }
        Ok(self)
    }
}

impl Entry {
    /// The study of this entry with a seed. The first keeps the name of its file, so that a study that was run by
    /// itself is not run again.
    pub(super) fn study(&self, seed: u32) -> Result<StudyFile, LoadError> {
        self.template.study(seed)
    }
}
