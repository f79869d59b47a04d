//! A host that drives a trainer behind its pipes, and the data it trains on: a small encoder from
//! random weights. It refuses to be quiet about a line that is no message.

use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Write};
use std::path::Path;
use std::thread::JoinHandle;

use serde_json::{Value as Json, json};
use tunesmith_train::protocol::{FromTrainer, VERSION};

/// A trainer on a thread of its own.
pub(crate) struct Host {
    to: Option<PipeWriter>,
    from: BufReader<PipeReader>,
    thread: Option<JoinHandle<()>>,
}

impl Host {
    /// One that waits to be opened.
    pub(crate) fn new() -> Self {
        let (input, to) = std::io::pipe().expect("a pipe");
        let (from, mut output) = std::io::pipe().expect("a pipe");
        let serve = move || {
            tunesmith_train::service::serve(BufReader::new(input), &mut output)
                .expect("the host listens");
        };
        Self { to: Some(to), from: BufReader::new(from), thread: Some(std::thread::spawn(serve)) }
    }

    /// Sends a message.
    pub(crate) fn say(&mut self, message: &Json) {
        let to = self.to.as_mut().expect("still open");
        writeln!(to, "{message}").expect("the trainer listens");
    }

    /// The next message.
    pub(crate) fn hear(&mut self) -> FromTrainer {
        let mut line = String::new();
        self.from.read_line(&mut line).expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
    }

    /// The next message that is no progress.
    pub(crate) fn hear_news(&mut self) -> FromTrainer {
        loop {
            let message = self.hear();
            if !matches!(message, FromTrainer::Progress { .. }) {
                return message;
            }
        }
    }

    /// Hangs up and waits for the trainer to end.
    pub(crate) fn close(mut self) {
        self.to.take();
        self.thread.take().expect("a thread").join().expect("the trainer ends when its input does");
    }
}

/// Rows whose label is whether a word of one kind or the other stands in them.
pub(crate) fn write_data(directory: &Path) {
    let rows = |count: usize, shift: usize| {
        let mut text = String::from("text\tlabel\n");
        for i in 0..count {
            let i = i + shift;
            let mood = if i.is_multiple_of(2) { "good" } else { "bad" };
            let filler = ["the river", "a table", "this song", "one lamp", "some bread"][i % 5];
            let tail = ["was", "seemed", "felt"][i % 3];
            let again = ["again", "at last"][i / 2 % 2];
            let label = if i.is_multiple_of(2) { "yes" } else { "no" };
            text.extend([filler, " ", tail, " ", mood, " today ", again, "\t", label, "\n"]);
        }
        text
    };
    std::fs::write(directory.join("train.tsv"), rows(120, 0)).expect("written");
    std::fs::write(directory.join("dev.tsv"), rows(40, 7)).expect("written");
}

/// Opens a small encoder of random weights with three slots.
pub(crate) fn open(directory: &Path) -> Json {
    json!({
        "type": "open", "version": VERSION,
        "model": {"layers": 2, "hidden": 32, "heads": 2, "vocabulary": 200, "positions": 32},
        "task": {"train": "train.tsv", "validation": "dev.tsv", "text": "text", "label": "label"},
        "base_directory": directory, "pack": 3, "threads": 2,
        "evaluate": {"epochs": 1.0}, "data_seed": 7, "checkpoint_seconds": 0.0, "defaults": {},
    })
}

/// Starts a trial with a directory of its own.
pub(crate) fn start(trial: u64, params: &Json, directory: &Path, resume: Option<&Path>) -> Json {
    let directory = directory.join(format!("trial-{trial}"));
    json!({"type": "start", "trial": trial, "params": params, "seed": 100 + trial, "directory": directory, "resume": resume})
}

/// Three epochs of fifteen steps.
pub(crate) fn params(learning_rate: f64) -> Json {
    json!({"learning_rate": learning_rate, "per_device_train_batch_size": 8, "num_train_epochs": 3, "weight_decay": 0.01})
}

/// Answers a report: go on.
pub(crate) fn go_on(trial: u64) -> Json {
    json!({"type": "verdict", "trial": trial, "keep": false, "then": "continue"})
}
