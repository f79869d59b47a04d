//! The study file: YAML in, a study's configuration out, or everything that is wrong with it, each
//! with its line and column. It refuses to ignore anything: what cannot be honoured is an error. It refuses to run
//! anything, too: of a storage it reads what earlier studies found, and that is all.

mod component;
mod dialect;
pub mod difference;
mod distribution;
mod enqueue;
mod metrics;
mod parameters;
mod problem;
mod program;
mod schema;
mod search;
mod shape;
mod template;
mod train;
pub mod warm;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::json;
use tunesmith_core::wire::document;
use tunesmith_core::{
    Budget, Document, MOST_REPLICATION, Params, Replication, SearchSpace, Study, StudyConfig,
    Trial, Value,
};
use tunesmith_runtime::program::spec::ProgramSpec;
use tunesmith_search::{RegistryError, policy};
use tunesmith_train::protocol::{Open, VERSION};

pub use enqueue::{SettingError, settings};
use parameters::{Remarks, Runner};
pub use problem::StudyFileError;
use problem::{Note, Problem, ProblemKind};
pub use schema::schema;
pub use template::Template;
use yaml::{Entry, Kind, Node};

/// The longest name of a study, characters: it is the name of a folder too.
const LONGEST_NAME: usize = 100;

/// The label of a study that says where the relative paths of its task start.
pub const FOLDER_LABEL: &str = "folder";

/// What the document of a study says whose trials are run by whoever asks for them.
const CALLER: &str = "caller";

/// A study file that can be used.
#[derive(Debug, Clone)]
pub struct StudyFile {
    /// Its text.
    pub text: String,
    /// What the study is.
    pub config: StudyConfig,
    /// What its trials are.
    pub task: Task,
    /// Params to try first.
    pub enqueue: Vec<Params>,
    /// Earlier studies that its priors come from.
    pub warm_start: Vec<String>,
    path: PathBuf,
    notes: Vec<Note>,
}

/// What the trials of a study are.
#[derive(Debug, Clone)]
pub enum Task {
    /// Fine-tuned by trainers that are opened with this.
    Trained(Box<Open>),
    /// Programs.
    Program(Box<ProgramSpec>),
    /// Run by whoever asks for them, as a Python program does.
    Caller,
}

/// Why there is no study file to speak of.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read the study file {path}; `tunesmith init` writes one to begin with")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its text cannot be used.
    #[error(transparent)]
    Content(#[from] StudyFileError),
}

impl StudyFile {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`LoadError`] with everything that is wrong.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        Ok(Self::parse(path, read_text(path)?)?)
    }

    /// As [`StudyFile::load`], with what W&B drops without a word dropped.
    ///
    /// # Errors
    /// [`LoadError`] with everything that is wrong.
    pub fn load_leniently(path: &Path) -> Result<Self, LoadError> {
        let text = read_text(path)?;
        let mut root = tree(path, &text)?;
        let value = Node { span: root.span.clone(), kind: Kind::Bool(true) };
        let entry = Entry { key: "lenient".to_owned(), key_span: root.span.clone(), value };
        template::set(&mut root, &entry);
        Ok(Self::of(path, text, &root, false)?)
    }

    /// Checks the text of a file. `path` is for messages, for paths that are relative to it, and
    /// for the name of a study that has none of its own.
    ///
    /// # Errors
    /// [`StudyFileError`] with everything that is wrong.
    pub fn parse(path: &Path, text: String) -> Result<Self, StudyFileError> {
        let root = tree(path, &text)?;
        Self::of(path, text, &root, false)
    }

    /// Checks the description of a study whose trials are run by whoever asks for them. It is a study file without
    /// `train` and `program`, may be without a budget, and names the study.
    ///
    /// # Errors
    /// [`StudyFileError`] with everything that is wrong.
    pub fn parse_for_caller(text: String) -> Result<Self, StudyFileError> {
        let path = Path::new("study");
        let root = tree(path, &text)?;
        Self::of(path, text, &root, true)
    }

    /// Checks what a text was read as, or what was made of it.
    fn of(path: &Path, text: String, root: &Node, by_caller: bool) -> Result<Self, StudyFileError> {
        let mut problems = Vec::new();
        dialect::STUDY.check(root, &mut problems);
        let mut notes = Vec::new();
        let study = if problems.is_empty() {
            let runner = Runner::of(root, by_caller);
            let (problems, notes) = (&mut problems, &mut notes);
            let mut remarks = Remarks { text: &text, problems, notes, runner };
            decode(root, path, &mut remarks)
        } else {
            None
        };
        match study {
            Some(study) if problems.is_empty() => {
                let Decoded { config, task, enqueue, warm_start } = study;
                Ok(Self { config, task, enqueue, warm_start, path: path.to_owned(), notes, text })
            }
            _ => Err(StudyFileError::new(path, &text, problems)),
        }
    }

    /// What the file wants tried first and the study does not have: a crash between two of them, and a file that grew,
    /// are made good by queueing these.
    pub fn missing_from(&self, study: &Study) -> Vec<Params> {
        let mut matched = BTreeSet::new();
        let has = |(name, value): (&str, &Value), trial: &Trial| {
            trial.params.get(name).is_some_and(|own| own.same_as(value))
        };
        let is_missing = |wanted: &&Params| {
            let same = study.enqueued().find(|trial| {
                !matched.contains(&trial.number) && wanted.iter().all(|one| has(one, trial))
            });
            same.is_none_or(|trial| !matched.insert(trial.number))
        };
        self.enqueue.iter().filter(is_missing).cloned().collect()
    }

    /// What is worth knowing about it, as a terminal shows it; empty where there is nothing.
    pub fn notes(&self, styled: bool) -> String {
        problem::render_notes(&self.path, &self.text, &self.notes, styled)
    }
}

/// The text of a file.
fn read_text(path: &Path) -> Result<String, LoadError> {
    let read = |source| LoadError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(read)?;
    // One byte more than is legal, so that the parser sees that it is too long.
    file.take(yaml::MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(read)?;
    String::from_utf8(bytes)
        .map_err(|error| read(std::io::Error::new(std::io::ErrorKind::InvalidData, error)))
}

/// What a text is as YAML.
fn tree(path: &Path, text: &str) -> Result<Node, StudyFileError> {
    yaml::parse(text).map_err(|problem| StudyFileError::new(path, text, vec![problem]))
}

/// What a file says.
struct Decoded {
    config: StudyConfig,
    task: Task,
    enqueue: Vec<Params>,
    warm_start: Vec<String>,
}

fn decode(root: &Node, path: &Path, remarks: &mut Remarks<'_>) -> Option<Decoded> {
    let seed = whole(root, "seed").unwrap_or(0);
    let name = name(root, path, remarks.problems);
    let metrics = metrics::read(root, remarks);
    let price = root.get("price").and_then(|price| price.get("gpu_hour")).and_then(Node::number);
    let space = parameters::read(root.get("parameters")?, remarks);
    let may_be_endless = remarks.runner == Runner::Caller;
    let budget = budget(root, price, may_be_endless, remarks.problems);
    let base = base(path);
    let space = space?;
    let task = task(root, &base, seed, &space, remarks)?;
    let enqueue = enqueue::read(root.get("enqueue"), &space, remarks.problems);
    let metrics = metrics?;
    let search = search::read(root, &metrics, &task, remarks.problems);
    let mut metrics = metrics.into_iter();
    let mut config = StudyConfig::new(&name?, space, metrics.next()?);
    config.metrics.extend(metrics);
    let search = search?;
    (config.sampler, config.scheduler) = (search.sampler, search.scheduler);
    config.budget = budget?;
    config.replication = replication(root, remarks.problems);
    config.price_per_device_hour = price;
    config.seed = seed;
    config.task = task.document()?;
    config.labels = labels(root);
    config.labels.insert(FOLDER_LABEL.to_owned(), base.to_string_lossy().into_owned());
    if let Err(error) = policy(&config) {
        remarks.problems.push(refusal(root, &config, error));
    }
    let studies = root.get("warm_start").map(Node::elements).unwrap_or_default();
    let warm_start: Vec<String> =
        studies.iter().filter_map(Node::text).map(str::to_owned).collect();
    if !warm_start.is_empty() {
        config.labels.insert("warm_start".to_owned(), warm_start.join(", "));
    }
    Some(Decoded { config, task, enqueue, warm_start })
}

/// What the file says that trials are.
fn task(
    root: &Node,
    base: &Path,
    seed: u64,
    space: &SearchSpace,
    remarks: &mut Remarks<'_>,
) -> Option<Task> {
    match (root.get("train"), remarks.runner) {
        (None, Runner::Caller) => {
            program::refuse(root, remarks.problems);
            Some(Task::Caller)
        }
        (Some(train), Runner::Trainer) => {
            program::refuse(root, remarks.problems);
            train::read(train, base, seed, remarks.problems).map(Box::new).map(Task::Trained)
        }
        (None, Runner::Program) => {
            let names: Vec<&str> =
                space.parameters().iter().map(|parameter| parameter.name.as_str()).collect();
            program::read(root, base, &names, remarks.problems).map(Box::new).map(Task::Program)
        }
        (train, runner) => {
            let nothing = runner == Runner::Trainer;
            let kind = if nothing { ProblemKind::NothingToRun } else { ProblemKind::RunsTwice };
            let span = train.map_or(root.span.clone(), |train| train.span.clone());
            remarks.problems.push(Problem::new(span, kind));
            None
        }
    }
}

/// The runs on fresh seeds that `final` asks for.
fn replication(root: &Node, problems: &mut Vec<Problem>) -> Option<Replication> {
    let node = root.get("final")?;
    let top = whole(node, "replicate").map_or(u32::MAX, saturated);
    let seeds = whole(node, "seeds").map_or(2, saturated);
    if top.max(seeds) > MOST_REPLICATION {
        let kind = ProblemKind::Beyond { most: MOST_REPLICATION };
        problems.push(Problem::new(node.span.clone(), kind));
    }
    Some(Replication { top, seeds })
}

/// The objection of the method or the scheduler to the rest of the file.
fn refusal(root: &Node, config: &StudyConfig, error: RegistryError) -> Problem {
    let (key, kind) = match error {
        RegistryError::SeveralMetrics { name, metrics, able } => {
            let key = if name == config.sampler.name { "method" } else { "scheduler" };
            (key, ProblemKind::SeveralMetrics { method: name, metrics, able })
        }
        error => ("method", ProblemKind::Space { message: error.to_string() }),
    };
    let span = root.get(key).map_or(root.span.clone(), |node| node.span.clone());
    Problem::new(span, kind)
}

impl Task {
    /// The task of a study as its log has it.
    ///
    /// # Errors
    /// A document that another version wrote.
    pub fn of(config: &StudyConfig) -> Result<Self, serde_json::Error> {
        let mut task: serde_json::Value = serde_json::from_str(config.task.as_str())?;
        if task.get(CALLER).is_some() {
            return Ok(Self::Caller);
        }
        if let Some(program) = task.get("program") {
            return Ok(Self::Program(Box::new(serde_json::from_value(program.clone())?)));
        }
        task["version"] = json!(VERSION);
        task["pack"] = json!(train::DEFAULT_PACK);
        task["base_directory"] = json!(config.labels.get(FOLDER_LABEL).map_or(".", String::as_str));
        Ok(Self::Trained(Box::new(serde_json::from_value(task)?)))
    }

    /// What decides what a trial measures: the rest may differ from run to run of a study.
    fn document(&self) -> Option<Document> {
        let task = match self {
            Self::Trained(open) => trained(open),
            Self::Program(spec) => json!({ "program": spec }),
            Self::Caller => json!({ CALLER: true }),
        };
        document(&task.to_string()).ok()
    }
}

fn trained(open: &Open) -> serde_json::Value {
    json!({
        "model": open.model,
        "task": open.task,
        "device": open.device,
        "precision": open.precision,
        "evaluate": open.evaluate,
        "data_seed": open.data_seed,
    })
}

/// The descriptive keys, as they are.
fn labels(root: &Node) -> BTreeMap<String, String> {
    let texts = ["description", "project", "entity", "apiVersion", "kind"]
        .map(|key| (key, root.get(key).and_then(Node::text)));
    let controller = root.get("controller").and_then(|controller| controller.get("type"));
    texts
        .into_iter()
        .chain([("controller", controller.and_then(Node::text))])
        .filter_map(|(key, text)| Some((key.to_owned(), text?.to_owned())))
        .collect()
}

/// The folder where the file's relative paths start.
fn base(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    std::path::absolute(parent).unwrap_or_else(|_| parent.to_owned())
}

fn whole(node: &Node, key: &str) -> Option<u64> {
    match node.get(key)?.kind {
        Kind::Int(value) => value.try_into().ok(),
        _ => None,
    }
}

fn saturated(whole: u64) -> u32 {
    u32::try_from(whole).unwrap_or(u32::MAX)
}

fn name(root: &Node, path: &Path, problems: &mut Vec<Problem>) -> Option<String> {
    let (name, span) = match root.get("name") {
        Some(node) => (node.text()?.to_owned(), node.span.clone()),
        None => (path.file_stem()?.to_string_lossy().into_owned(), 0..0),
    };
    let legal = |letter: char| !letter.is_control() && !"/\\:*?\"<>|".contains(letter);
    if name.is_empty()
        || name.starts_with('.')
        || name.chars().count() > LONGEST_NAME
        || !name.chars().all(legal)
    {
        problems.push(Problem::new(span, ProblemKind::BadStudyName { name }));
        return None;
    }
    Some(name)
}

fn budget(
    root: &Node,
    price: Option<f64>,
    may_be_endless: bool,
    problems: &mut Vec<Problem>,
) -> Option<Budget> {
    let limits = root.get("budget");
    let number = |key: &str| limits.and_then(|limits| limits.get(key)).and_then(Node::number);
    let trials = limits.and_then(|limits| whole(limits, "trials"));
    let cap = whole(root, "run_cap");
    let wall = limits.and_then(|limits| limits.get("wall")).and_then(Node::text);
    let cost = number("cost");
    if let (Some(_), None, Some(node)) = (cost, price, limits.and_then(|limits| limits.get("cost")))
    {
        problems.push(Problem::new(node.span.clone(), ProblemKind::NoPrice));
    }
    if let (Some(_), Some(_), Some(node)) = (trials, cap, root.get("run_cap")) {
        let kind = ProblemKind::Both { first: "budget.trials", second: "run_cap" };
        problems.push(Problem::new(node.span.clone(), kind));
        return None;
    }
    let budget = Budget {
        trials: trials.or(cap).map(saturated),
        wall_ms: wall.and_then(shape::duration_ms),
        device_seconds: number("gpu_minutes").map(|minutes| minutes * 60.0),
        cost,
    };
    let method = root.get("method");
    let method = method.and_then(|node| node.text().or_else(|| node.get("name")?.text()));
    if budget == Budget::default() && method != Some("grid") && !may_be_endless {
        problems.push(Problem::new(root.span.clone(), ProblemKind::Endless));
        return None;
    }
    Some(budget)
}

#[cfg(test)]
mod tests;
