//! One process of a trial: in a group of its own, its input closed, its output in a capped file. It
//! refuses to decide when a process is to end.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};

use super::channel::Channel;
use super::reading;
use super::system::{self, Usage};

/// How much of a line is read for metrics, bytes; the rest of a longer one is kept in the file alone.
const LINE_LIMIT: u64 = 64 << 10;
/// How large the file of a trial's output grows; then it becomes `output.1.log`, in place of an older one.
pub(super) const OUTPUT_LIMIT: u64 = 4 << 20;
/// How many of the last lines are kept for the log.
const TAIL_LINES: usize = 20;
/// How much of each of them, characters.
const TAIL_WIDTH: usize = 300;

/// How many ways a process has to say something.
pub(super) const STREAMS: usize = 2;

/// What a process is started with.
pub(super) struct Launch<'a> {
    /// Its words.
    pub(super) words: &'a [String],
    /// Where it runs.
    pub(super) directory: &'a Path,
    /// Its environment besides ours.
    pub(super) environment: &'a BTreeMap<String, String>,
    /// Where its output goes.
    pub(super) output: PathBuf,
    /// Whether lines of its output may be reports.
    pub(super) reads_output: bool,
    /// Where `tunesmith.report` writes.
    pub(super) channel: Channel,
}

/// What a process does.
#[derive(Debug)]
pub(super) enum Sign {
    /// It said some numbers.
    Numbers(BTreeMap<String, f64>),
    /// Its output, or the channel of its reports, has ended: there are [`STREAMS`].
    Closed,
    /// It ended.
    Exited(Exit),
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Exit {
    /// The exit code, where it exited.
    pub(super) code: Option<i32>,
    /// The signal, where one ended it.
    pub(super) signal: Option<i32>,
    /// What it used.
    pub(super) usage: Usage,
}

/// A process that was started.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) pid: u32,
    tail: Arc<Mutex<VecDeque<String>>>,
}

impl Child {
    /// Starts a process; what it does is sent on `signs`.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn start<T: From<Sign> + Send + 'static>(
        launch: Launch<'_>,
        signs: &SyncSender<T>,
    ) -> std::io::Result<Self> {
        let (reader, writer) = std::io::pipe()?;
        let (first, rest) = launch.words.split_first().ok_or(std::io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(first);
        command
            .args(rest)
            .current_dir(launch.directory)
            .envs(launch.environment)
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let pid = command.spawn()?.id();
        drop(command);
        let tail = Arc::new(Mutex::new(VecDeque::new()));
        let output =
            Output { path: launch.output, file: None, written: 0, tail: Arc::clone(&tail) };
        let (lines, told, ends) = (signs.clone(), signs.clone(), signs.clone());
        let reads = launch.reads_output;
        std::thread::spawn(move || read_output(reader, output, reads, &lines));
        let closer = launch.channel.closer();
        std::thread::spawn(move || {
            launch.channel.read(LINE_LIMIT, |line| match reading::dictionary(line) {
                Some(numbers) => told.send(Sign::Numbers(numbers).into()).is_ok(),
                None => true,
            });
            // Nobody listens to a trial that was given up.
            drop(told.send(Sign::Closed.into()));
        });
        std::thread::spawn(move || {
            let exit = system::wait(pid);
            closer.close();
            // Nobody listens to a trial that was given up.
            drop(ends.send(Sign::Exited(exit).into()));
        });
        Ok(Self { pid, tail })
    }

    /// The last lines of its output.
    pub(super) fn tail(&self) -> String {
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.iter().cloned().collect::<Vec<_>>().join("\n")
    }
}

/// The file of a trial's output, and the last lines.
struct Output {
    path: PathBuf,
    file: Option<File>,
    written: u64,
    tail: Arc<Mutex<VecDeque<String>>>,
}

impl Output {
    /// Keeps a piece of output. A disk that takes no more ends the file, not the trial.
    fn keep(&mut self, bytes: &[u8]) {
        if self.written >= OUTPUT_LIMIT {
            self.file = None;
            self.written = 0;
            drop(std::fs::rename(&self.path, self.path.with_extension("1.log")));
        }
        if self.file.is_none() {
            self.file = File::create(&self.path).ok();
        }
        if let Some(file) = &mut self.file
            && file.write_all(bytes).is_err()
        {
            self.file = None;
        }
        self.written += bytes.len() as u64;
    }

    fn note(&self, line: &str) {
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        if tail.len() == TAIL_LINES {
            tail.pop_front();
        }
        // A progress bar draws over itself.
        let last = line.trim_end().rsplit('\r').next().unwrap_or_default();
        tail.push_back(last.chars().take(TAIL_WIDTH).collect());
    }
}

fn read_output<T: From<Sign>>(
    reader: PipeReader,
    mut output: Output,
    reads: bool,
    signs: &SyncSender<T>,
) {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    let mut continues = false;
    loop {
        line.clear();
        let read = (&mut reader).take(LINE_LIMIT).read_until(b'\n', &mut line);
        if !matches!(read, Ok(count) if count > 0) {
            break;
        }
        output.keep(&line);
        let whole = line.ends_with(b"\n");
        if !continues {
            let text = String::from_utf8_lossy(&line);
            output.note(&text);
            if let Some(numbers) = reading::dictionary(&text).filter(|_| reads)
                && signs.send(Sign::Numbers(numbers).into()).is_err()
            {
                break;
            }
        }
        continues = !whole;
    }
    // Nobody listens to a trial that was given up.
    drop(signs.send(Sign::Closed.into()));
}
