//! What the worker needs of a trainer, and of whoever starts trainers. Processes are one kind of
//! them, fakes in tests another. It refuses to know how a trainer trains.

use std::time::Duration;

use tunesmith_core::FailureReason;
use tunesmith_train::protocol::{FromTrainer, ToTrainer};

/// A running trainer.
pub trait Trainer {
    /// Sends a message. A trainer that has ended takes it and does nothing: its end is found out
    /// where it is received from.
    fn send(&mut self, message: ToTrainer);

    /// Waits for its next message, at most this long.
    fn receive(&mut self, wait: Duration) -> Received;
}

/// Starts trainers. One that ended is never started again; the next one is new.
pub trait Launcher {
    /// Starts a trainer of at most so many trials at once, and has it load what it needs; it says when it is ready.
    ///
    /// # Errors
    /// [`LaunchError`] where no process can be made.
    fn launch(&mut self, slots: usize) -> Result<Box<dyn Trainer>, LaunchError>;

    /// Whether a trainer takes a hyperparameter of this name; the others only serve conditions and formulas.
    fn takes(&self, hyperparameter: &str) -> bool {
        tunesmith_train::hyperparameters::find(hyperparameter).is_ok()
    }
}

/// What waiting for a trainer brought.
#[derive(Debug)]
pub enum Received {
    /// A message.
    Message(FromTrainer),
    /// A trial that is a process of its own failed.
    Failed {
        /// The trial.
        trial: u64,
        /// Why.
        reason: FailureReason,
        /// Device seconds since its last report.
        device_seconds: f64,
    },
    /// Nothing within the time.
    Nothing,
    /// The trainer has ended, and said all it had to say.
    Ended(Ending),
}

/// How a trainer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// How, in words.
    pub how: How,
    /// The last lines of its standard error.
    pub last_words: String,
}

/// The ways a trainer ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal; 9 is how a kernel that is out of memory ends a process.
    Signalled(i32),
    /// It said something that is not the protocol, and was ended for it.
    Babbled {
        /// What it said, shortened.
        line: String,
    },
}

impl std::fmt::Display for Ending {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.how {
            How::Exited(code) => write!(formatter, "the trainer ended with exit code {code}"),
            How::Signalled(9) => formatter
                .write_str("the trainer was killed (signal 9), most likely for lack of memory"),
            How::Signalled(signal) => {
                write!(formatter, "the trainer was ended by signal {signal}")
            }
            How::Babbled { line } => write!(formatter, "the trainer broke the protocol: {line}"),
        }?;
        if self.last_words.is_empty() { Ok(()) } else { write!(formatter, "\n{}", self.last_words) }
    }
}

/// Why no trainer could be started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The operating system refuses the process.
    #[error("cannot start the trainer process {program}; is the program still where it was?")]
    Spawn {
        /// The program.
        program: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
