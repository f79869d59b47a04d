//! What can be wrong with a study file, and how it is shown: file, line, column, the line itself
//! and what to do next. It refuses to guess: a near miss is suggested, never assumed.

use std::fmt;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::yaml::Span;

/// One objection to one place of a study file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem {
    /// The bytes of the file that it is about.
    pub span: Span,
    /// The objection.
    pub kind: ProblemKind,
}

impl Problem {
    /// An objection to the bytes `span`.
    pub(crate) fn new(span: Span, kind: ProblemKind) -> Self {
        Self { span, kind }
    }
}

/// The objections there are.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum ProblemKind {
    /// The YAML library could not read it.
    #[error("cannot be read as YAML: {message}")]
    Syntax {
        /// The library's own words.
        message: String,
    },
    /// The document is no mapping.
    #[error("a study file maps keys to values, and this is {found}")]
    NoMapping {
        /// What it is.
        found: &'static str,
    },
    /// A mapping of alternatives that does not have just one.
    #[error("`{key}` must have exactly one of {alternatives}")]
    NotOne {
        /// The key.
        key: &'static str,
        /// The alternatives, in words.
        alternatives: &'static str,
    },
    /// The file is too long to be a study file.
    #[error("{bytes} bytes are too many for a study file")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// A key that the dialect does not have.
    #[error("unknown key `{key}` in {place}")]
    UnknownKey {
        /// The key.
        key: String,
        /// What it stands in.
        place: &'static str,
        /// The known key that is nearest, if one is near.
        nearest: Option<String>,
        /// The keys that may stand there.
        known: Vec<String>,
    },
    /// An option that a sampler or a scheduler does not have.
    #[error("`{of}` has no option `{option}`")]
    UnknownOption {
        /// The option.
        option: String,
        /// The sampler or scheduler.
        of: &'static str,
        /// Its nearest option, if one is near.
        nearest: Option<String>,
        /// Its options.
        known: Vec<String>,
    },
    /// A key of the dialect that this version cannot honour.
    #[error("`{key}` cannot be honoured: {reason}")]
    Refused {
        /// The key.
        key: String,
        /// Why, in a clause.
        reason: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// A key that must be there.
    #[error("{place} lacks `{key}`")]
    Missing {
        /// The key.
        key: &'static str,
        /// What it should stand in.
        place: &'static str,
        /// What to write.
        help: &'static str,
    },
    /// A value of another kind than is asked for.
    #[error("`{key}` must be {expected}, not {found}")]
    WrongKind {
        /// The key it stands under.
        key: String,
        /// What is asked for.
        expected: String,
        /// What stands there.
        found: &'static str,
    },
    /// A word that is none of a closed set.
    #[error("`{found}` is no {what}")]
    UnknownWord {
        /// What the words of the set are.
        what: &'static str,
        /// The word that stands there.
        found: String,
        /// The nearest known word, if one is near.
        nearest: Option<String>,
        /// The set.
        known: Vec<String>,
    },
    /// A number outside its legal range.
    #[error("`{key}` is {found}, and must be {range}")]
    OutOfRange {
        /// The key it stands under.
        key: String,
        /// The number.
        found: String,
        /// The legal range, in words.
        range: String,
    },
    /// Two keys that exclude each other.
    #[error("`{first}` and `{second}` exclude each other")]
    Both {
        /// The one.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A distribution that cannot be told from the keys of a parameter.
    #[error("the parameter `{parameter}` says nothing of its values")]
    NoValues {
        /// The parameter.
        parameter: String,
    },
    /// A key that the distribution of a parameter does not have.
    #[error("the distribution `{distribution}` has no `{key}`")]
    NotOfDistribution {
        /// The key.
        key: String,
        /// The distribution.
        distribution: &'static str,
        /// The keys it has.
        known: Vec<String>,
    },
    /// A key that the distribution of a parameter needs.
    #[error("the distribution `{distribution}` needs `{key}`")]
    LacksOfDistribution {
        /// The key.
        key: &'static str,
        /// The distribution.
        distribution: &'static str,
    },
    /// A name that no parameter can have.
    #[error(
        "`{name}` cannot be the name of a parameter: letters, digits, `_`, `.` and `-`, a letter first"
    )]
    BadName {
        /// The name.
        name: String,
    },
    /// A name that no study can have.
    #[error("`{name}` cannot be the name of a study: it is the name of a folder too")]
    BadStudyName {
        /// The name.
        name: String,
    },
    /// A condition without a test.
    #[error("this condition tests nothing")]
    EmptyCondition,
    /// Two names of one hyperparameter.
    #[error("`{first}` and `{second}` are the same hyperparameter")]
    SameHyperparameter {
        /// The one.
        first: String,
        /// The other.
        second: String,
    },
    /// Two entries define one parameter.
    #[error("the parameter `{parameter}` is defined twice")]
    DefinedTwice {
        /// Its dotted name.
        parameter: String,
    },
    /// A parameter that is neither a known hyperparameter nor used by another one.
    #[error("`{parameter}` is no hyperparameter of the trainer")]
    UnknownParameter {
        /// Its name.
        parameter: String,
        /// The nearest known name, if one is near.
        nearest: Option<String>,
    },
    /// A value that the trainer does not take for a hyperparameter.
    #[error("`{parameter}` cannot be {found}")]
    IllegalValue {
        /// The hyperparameter.
        parameter: String,
        /// The value.
        found: String,
        /// What it takes, in words.
        legal: String,
    },
    /// Values that do not go together.
    #[error("`{key}` cannot be used: {message}")]
    Impossible {
        /// The key.
        key: &'static str,
        /// What its reader says.
        message: String,
    },
    /// The core refuses the space, an expression or a condition.
    #[error("{message}")]
    Space {
        /// The core's own words.
        message: String,
    },
    /// A search that would never end.
    #[error("nothing ends this search")]
    Endless,
    /// A word of a program's command.
    #[error("{message}")]
    Command {
        /// The objection.
        message: String,
    },
    /// A key that only a study of a program has.
    #[error("`{key}` belongs to a study that runs a program, and this one trains by itself")]
    OfPrograms {
        /// The key.
        key: String,
    },
    /// A file that says not what trials are.
    #[error("the study file lacks what its trials are")]
    NothingToRun,
    /// A file that says twice what trials are.
    #[error("trials cannot be a program and trained by tunesmith")]
    RunsTwice,
    /// `progress` that follows a parameter that there is not.
    #[error("`progress.total` is `{name}`, and there is no such parameter")]
    UnknownTotal {
        /// The name.
        name: String,
    },
    /// A scheduler that cannot tell how far a program is.
    #[error(
        "the scheduler `{scheduler}` compares trials at fractions of their length, and nothing says how far a trial of this program is"
    )]
    NoLength {
        /// The scheduler.
        scheduler: String,
    },
    /// Programs keep their weights to themselves.
    #[error(
        "`{method}` lets trials go on from each other's weights, which programs keep to themselves"
    )]
    NoExchange {
        /// The method.
        method: String,
    },
    /// More than is allowed.
    #[error("`replicate` and `seeds` are at most {most} each")]
    Beyond {
        /// The limit.
        most: u32,
    },
    /// A metric that is named twice.
    #[error("the metric `{name}` is named twice")]
    RepeatedMetric {
        /// Its name.
        name: String,
    },
    /// Several metrics for a method or a scheduler that goes by one.
    #[error("{method} optimises one metric, and `metrics` names {metrics}")]
    SeveralMetrics {
        /// The method or the scheduler.
        method: &'static str,
        /// How many there are.
        metrics: usize,
        /// Those that take several.
        able: Vec<&'static str>,
    },
    /// The best evaluation by one of several metrics.
    #[error(
        "`summary: best` needs a single metric: of several, each may be best at another evaluation, and no model has them all"
    )]
    BestOfSeveral,
    /// A winner by several metrics.
    #[error("`final` chooses one winner, and several metrics have a front of them")]
    FinalOfSeveral,
    /// A winner of a population.
    #[error(
        "`final` runs a configuration again, and a population's winner is a schedule of several"
    )]
    FinalOfPopulation,
    /// A method that brings its scheduler, and another scheduler.
    #[error("the method {method} brings its own scheduler, {scheduler}")]
    SchedulerTwice {
        /// The method.
        method: &'static str,
        /// Its scheduler.
        scheduler: &'static str,
    },
    /// A cost limit without a price.
    #[error("`budget.cost` needs a price")]
    NoPrice,
}

impl ProblemKind {
    /// What to do next, a sentence without its full stop.
    pub(crate) fn help(&self) -> Option<String> {
        match self {
            Self::UnknownKey { nearest: Some(nearest), .. }
            | Self::UnknownOption { nearest: Some(nearest), .. }
            | Self::UnknownParameter { nearest: Some(nearest), .. } => {
                Some(format!("did you mean `{nearest}`?"))
            }
            Self::UnknownOption { known, .. } if known.is_empty() => Some("it takes none".to_owned()),
            Self::UnknownOption { known, .. } => Some(format!("it takes: {}", listed(known))),
            Self::UnknownKey { known, .. } => Some(format!("known here: {}", listed(known))),
            Self::UnknownWord { nearest: Some(nearest), known, .. } => {
                Some(format!("did you mean `{nearest}`? There are: {}", listed(known)))
            }
            Self::UnknownWord { known, .. } => Some(format!("there are: {}", listed(known))),
            Self::Refused { instead, .. } => Some((*instead).to_owned()),
            Self::Missing { help, .. } => Some((*help).to_owned()),
            Self::NotOfDistribution { known, .. } => Some(format!("it has: {}", listed(known))),
            Self::IllegalValue { legal, .. } => Some(format!("it takes {legal}")),
            Self::NoValues { .. } => Some("give `value`, `values`, `min` and `max`, a `distribution`, an `expr`, or nested `parameters`".to_owned()),
            Self::UnknownParameter { .. } => Some("a parameter that only other parameters use must be named in their `when` or `expr`".to_owned()),
            Self::OfPrograms { .. } => Some("remove it, or replace `train` by `program: train.py`".to_owned()),
            Self::NothingToRun => Some("add `train: {model: bert-base-uncased, task: glue/rte}`, or `program: train.py`".to_owned()),
            Self::RunsTwice => Some("keep `train`, or `program` and `command`".to_owned()),
            Self::UnknownTotal { .. } => Some("name a parameter, or give a number".to_owned()),
            Self::NoLength { .. } => Some("add `progress: {metric: epoch, total: 3}` with what the program reports beside its metrics, or use `scheduler: {type: none}` or W&B's `early_terminate`, which counts reports".to_owned()),
            Self::NoExchange { .. } => Some("choose another `method`".to_owned()),
            Self::Endless => Some("add `budget: {trials: 20}`, or another limit: gpu_minutes, cost, wall".to_owned()),
            Self::NoPrice => Some("add `price: {gpu_hour: …}`, the price of an hour of the device".to_owned()),
            Self::NoMapping { .. } => Some("`tunesmith init` writes a file to begin with".to_owned()),
            Self::BadStudyName { .. } => Some("give a `name` without slashes and control characters, no dot first, 100 characters at most".to_owned()),
            Self::EmptyCondition => Some("write `when: {adapter: lora}`, a list of values, or `{gt: 8}`".to_owned()),
            Self::DefinedTwice { .. } | Self::SameHyperparameter { .. } | Self::Both { .. } => Some("keep one of them".to_owned()),
            Self::RepeatedMetric { .. } => Some("name each metric once".to_owned()),
            Self::SeveralMetrics { able, .. } => Some(format!("name one with `metric`, or use one of {}", able.join(", "))),
            Self::BestOfSeveral => Some("remove it: the last evaluation of a trial counts".to_owned()),
            Self::FinalOfSeveral => Some("remove it, or name the metric that decides with `metric`".to_owned()),
            Self::FinalOfPopulation => Some("remove it; `tunesmith replay` trains the winner again".to_owned()),
            Self::SchedulerTwice { method, .. } => Some(format!("remove it, and give its options under `method: {{name: {method}, …}}`")),
            Self::TooLong { .. } => Some("is this the right file? Text to train on belongs in files of its own".to_owned()),
            _ => None,
        }
    }
}

/// Names in backticks, with commas.
fn listed(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A study file that cannot be used, with everything that is wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyFileError {
    path: PathBuf,
    text: String,
    problems: Vec<Problem>,
}

impl StudyFileError {
    /// The error of the file `path` whose text is `text`.
    pub(crate) fn new(path: &Path, text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.span.start);
        Self { path: path.to_owned(), text: text.to_owned(), problems }
    }

    /// All problems as a terminal shows them, coloured where `styled`.
    pub fn render(&self, styled: bool) -> String {
        render(&self.path, &self.text, &self.problems, styled)
    }
}

impl fmt::Display for StudyFileError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl std::error::Error for StudyFileError {}

/// Notes on a file that can be used, as a terminal shows them.
pub(crate) fn render_notes(path: &Path, text: &str, notes: &[Note], styled: bool) -> String {
    let path = path.display().to_string();
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
    let shown: Vec<String> = notes
        .iter()
        .map(|note| {
            let snippet = Snippet::source(text)
                .path(path.as_str())
                .annotation(AnnotationKind::Primary.span(note.span.clone()));
            renderer.render(&[Level::NOTE.primary_title(note.message.as_str()).element(snippet)])
        })
        .collect();
    shown.join("\n")
}

/// Something worth knowing about a file that is fine.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Note {
    /// The bytes of the file that it is about.
    pub span: Span,
    /// The sentence.
    pub message: String,
}

fn render(path: &Path, text: &str, problems: &[Problem], styled: bool) -> String {
    let path = path.display().to_string();
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
    let shown: Vec<String> =
        problems.iter().map(|problem| renderer.render(&report(&path, text, problem))).collect();
    shown.join("\n\n")
}

fn report<'a>(path: &'a str, text: &'a str, problem: &Problem) -> Vec<Group<'a>> {
    let snippet = Snippet::source(text)
        .path(path)
        .annotation(AnnotationKind::Primary.span(problem.span.clone()));
    let group = Level::ERROR.primary_title(problem.kind.to_string()).element(snippet);
    let group = match problem.kind.help() {
        Some(help) => group.element(Level::HELP.message(help)),
        None => group,
    };
    vec![group]
}
