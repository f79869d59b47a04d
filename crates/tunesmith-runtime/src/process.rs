//! Trainers as child processes: one program, JSON lines over its standard input and output. Each
//! is in a process group of its own, so that Ctrl-C reaches the worker alone, and each ends when
//! its input closes, so that none outlives its worker. It refuses lines beyond a limit.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tunesmith_train::protocol::{FromTrainer, Open, ToTrainer};

use crate::trainer::{Ending, How, LaunchError, Launcher, Received, Trainer};

/// Messages of a trainer that wait to be received; beyond it the trainer waits.
const QUEUE_LIMIT: usize = 256;
/// The longest line of a trainer, bytes.
const LINE_LIMIT: u64 = 16 << 20;
/// How many lines of standard error are kept.
const LAST_WORDS: usize = 20;
/// How much of a line that is no message is shown, characters.
const BABBLE_SHOWN: usize = 200;

/// Starts `program arguments…` as a trainer.
#[derive(Debug, Clone)]
pub struct ProcessLauncher {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What it loads; `pack` follows from how many trials are wanted at once.
    pub open: Open,
}

impl Launcher for ProcessLauncher {
    fn launch(&mut self, slots: usize) -> Result<Box<dyn Trainer>, LaunchError> {
        let spawn = |source| LaunchError::Spawn { program: self.program.clone(), source };
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().map_err(spawn)?;
        let mut trainer = ProcessTrainer::new(child);
        trainer.send(ToTrainer::Open(Box::new(Open { pack: slots, ..self.open.clone() })));
        Ok(Box::new(trainer))
    }
}

struct ProcessTrainer {
    child: Child,
    input: Option<BufWriter<ChildStdin>>,
    lines: Receiver<Result<FromTrainer, String>>,
    last_words: Option<JoinHandle<String>>,
}

impl ProcessTrainer {
    fn new(mut child: Child) -> Self {
        let (sender, lines) = sync_channel(QUEUE_LIMIT);
        if let Some(output) = child.stdout.take() {
            std::thread::spawn(move || read_lines(output, &sender));
        }
        let last_words =
            child.stderr.take().map(|errors| std::thread::spawn(move || read_tail(errors)));
        let input = child.stdin.take().map(BufWriter::new);
        Self { child, input, lines, last_words }
    }

    fn ended(&mut self, babble: Option<String>) -> Ending {
        self.input = None;
        if babble.is_some() {
            self.kill();
        }
        let status = self.child.wait();
        let last_words = self.last_words.take().and_then(|reader| reader.join().ok());
        let how = match (babble, status) {
            (Some(line), _) => How::Babbled { line },
            (None, Ok(status)) => how(status),
            (None, Err(_)) => How::Exited(-1),
        };
        Ending { how, last_words: last_words.unwrap_or_default() }
    }

    /// Ends the process. That it has ended already is no error worth telling.
    fn kill(&mut self) {
        drop(self.child.kill());
    }
}

impl Trainer for ProcessTrainer {
    fn send(&mut self, message: ToTrainer) {
        let Some(input) = &mut self.input else { return };
        let written = serde_json::to_writer(&mut *input, &message)
            .map_err(std::io::Error::from)
            .and_then(|()| input.write_all(b"\n"))
            .and_then(|()| input.flush());
        if written.is_err() {
            self.input = None;
        }
    }

    fn receive(&mut self, wait: Duration) -> Received {
        match self.lines.recv_timeout(wait) {
            Ok(Ok(message)) => Received::Message(message),
            Ok(Err(babble)) => Received::Ended(self.ended(Some(babble))),
            Err(RecvTimeoutError::Timeout) => Received::Nothing,
            Err(RecvTimeoutError::Disconnected) => Received::Ended(self.ended(None)),
        }
    }
}

impl Drop for ProcessTrainer {
    fn drop(&mut self) {
        self.input = None;
        self.kill();
        drop(self.child.wait());
    }
}

#[cfg(unix)]
fn how(status: ExitStatus) -> How {
    use std::os::unix::process::ExitStatusExt;
    match status.signal() {
        Some(signal) => How::Signalled(signal),
        None => How::Exited(status.code().unwrap_or(-1)),
    }
}

#[cfg(not(unix))]
fn how(status: ExitStatus) -> How {
    How::Exited(status.code().unwrap_or(-1))
}

/// Passes messages on until the output ends, the receiver is gone, or a line is no message.
fn read_lines(output: ChildStdout, sender: &SyncSender<Result<FromTrainer, String>>) {
    let mut output = BufReader::new(output);
    loop {
        let mut line = Vec::new();
        let read = (&mut output).take(LINE_LIMIT).read_until(b'\n', &mut line);
        if !matches!(read, Ok(count) if count > 0) {
            return;
        }
        let message = serde_json::from_slice(&line).map_err(|error| babble(&line, &error));
        let last = message.is_err();
        if sender.send(message).is_err() || last {
            return;
        }
    }
}

fn babble(line: &[u8], error: &serde_json::Error) -> String {
    let shown: String = String::from_utf8_lossy(line).chars().take(BABBLE_SHOWN).collect();
    format!("{error} in `{}`", shown.trim_end())
}

/// The last lines of a stream, once it has ended.
fn read_tail(errors: ChildStderr) -> String {
    let mut tail = VecDeque::new();
    for line in BufReader::new(errors).split(b'\n').map_while(Result::ok) {
        if tail.len() == LAST_WORDS {
            tail.pop_front();
        }
        tail.push_back(String::from_utf8_lossy(&line).into_owned());
    }
    Vec::from(tail).join("\n")
}
