//! How a run of tunesmith ends: one exit code per class of error, listed in `--help`. It refuses
//! to invent codes on the way: every error that leaves a command belongs to one of these classes.

use std::fmt;
use std::process::ExitCode;

/// The classes of endings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Everything was done.
    Success,
    /// Something that tunesmith did not foresee.
    Unexpected,
    /// The command line asks for what there is not.
    Usage,
    /// The study file cannot be used.
    StudyFile,
    /// The data or the model cannot be used.
    Material,
    /// The storage cannot be used.
    Storage,
    /// The trainer process or its device failed for good.
    Trainer,
    /// The search is over and no trial was completed.
    Fruitless,
    /// Ctrl-C or SIGTERM.
    Interrupted,
}

impl Class {
    /// All classes, in the order of their codes.
    const ALL: [Self; 9] = [
        Self::Success,
        Self::Unexpected,
        Self::Usage,
        Self::StudyFile,
        Self::Material,
        Self::Storage,
        Self::Trainer,
        Self::Fruitless,
        Self::Interrupted,
    ];

    /// The exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::StudyFile => 3,
            Self::Material => 4,
            Self::Storage => 5,
            Self::Trainer => 6,
            Self::Fruitless => 7,
            Self::Interrupted => 130,
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Success => "done",
            Self::Unexpected => "an error without a class of its own; please report it",
            Self::Usage => "a wrong command line, or a study that does not exist",
            Self::StudyFile => "the study file cannot be used",
            Self::Material => "the data or the model cannot be used",
            Self::Storage => "the storage cannot be used",
            Self::Trainer => "the trainer process or its device failed for good",
            Self::Fruitless => "the search is over and no trial was completed",
            Self::Interrupted => "interrupted; the same command goes on",
        }
    }

    /// The table for `--help`.
    pub(crate) fn listing() -> String {
        let lines =
            Self::ALL.iter().map(|class| format!("  {:>3}  {}", class.code(), class.about()));
        format!("Exit codes:\n{}", lines.collect::<Vec<_>>().join("\n"))
    }
}

impl From<Class> for ExitCode {
    fn from(class: Class) -> Self {
        Self::from(class.code())
    }
}

/// An error on its way to the terminal, with the class that its exit code tells.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Its class.
    pub class: Class,
    /// What happened and what to do next.
    pub error: anyhow::Error,
}

impl Failure {
    /// An error of a class.
    pub(crate) fn new(class: Class, error: impl Into<anyhow::Error>) -> Self {
        Self { class, error: error.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = String::new();
        for cause in self.error.chain().map(ToString::to_string) {
            // Some errors quote their cause, some leave it to their reader.
            if said.is_empty() {
                said = cause;
            } else if !said.contains(&cause) {
                said = format!("{said}: {cause}");
            }
        }
        formatter.write_str(&said)
    }
}

/// Gives the errors of a result a class.
pub(crate) trait Classified<T> {
    /// The same result, its error of this class.
    fn class(self, class: Class) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> Classified<T> for Result<T, E> {
    fn class(self, class: Class) -> Result<T, Failure> {
        self.map_err(|error| Failure::new(class, error))
    }
}
