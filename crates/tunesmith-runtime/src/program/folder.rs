//! The folder of a trial that is a program: its output, its checkpoints, and a note of the process
//! that is or was in it. It refuses to remove anything but what it writes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;

use serde::{Deserialize, Serialize};

use super::TOKEN;
use super::channel::Channel;
use super::child::{Child, Exit, Launch};
use super::spec::{Capture, ProgramSpec};
use super::system;
use super::trial::Heard;

/// The variable that names where reports are written.
const REPORTS: &str = "TUNESMITH_REPORTS";

/// What is known of a trial's process.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Note {
    token: String,
    agent: String,
    pid: u32,
    command: Vec<String>,
    steps: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_seconds: Option<f64>,
}

impl Note {
    fn read(folder: &Path) -> Self {
        let text = std::fs::read_to_string(folder.join("process.json")).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Whether its process is not known to have ended.
    fn may_run(&self) -> bool {
        !self.token.is_empty() && self.exit_code.is_none() && self.signal.is_none()
    }
}

/// Ends what agents left running that are dead, in all folders of trials below `trials`: also the
/// processes of trials that nobody will start again.
pub fn end_orphans(trials: &Path, is_dead: impl Fn(&str) -> bool) {
    let folders = std::fs::read_dir(trials).into_iter().flatten().flatten();
    for note in folders.map(|folder| Note::read(&folder.path())) {
        if note.may_run() && is_dead(&note.agent) {
            // One that does not die is named when its trial is started.
            let _ = system::kill_all_with(TOKEN, &note.token);
        }
    }
}

/// By what a process is found again, and whose it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim<'a> {
    pub(super) token: &'a str,
    pub(super) agent: &'a str,
}

/// A trial's folder.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    note: Note,
}

impl Folder {
    /// Opens a folder: what an agent that died left running there is killed first.
    ///
    /// # Errors
    /// A folder that cannot be made, or a process that does not die.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let checkpoints = path.join("checkpoints");
        std::fs::create_dir_all(&checkpoints)
            .map_err(|error| format!("cannot make {}: {error}", checkpoints.display()))?;
        let note = Note::read(path);
        if note.may_run() && !system::kill_all_with(TOKEN, &note.token) {
            let (folder, pid) = (path.display(), note.pid);
            return Err(format!("process {pid} of an earlier agent does not end; see {folder}"));
        }
        Ok(Self { path: path.to_owned(), note })
    }

    /// Where the program keeps what it may go on from.
    pub(super) fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// Whether there is anything to go on from.
    pub(super) fn has_checkpoint(&self) -> bool {
        std::fs::read_dir(self.checkpoints()).is_ok_and(|mut entries| entries.next().is_some())
    }

    /// The step of the last report, where the trial goes on from a checkpoint.
    pub(super) fn steps(&self) -> u64 {
        if self.has_checkpoint() { self.note.steps } else { 0 }
    }

    /// Starts a process here.
    ///
    /// # Errors
    /// Why not, in words.
    pub(super) fn launch(
        &mut self,
        words: &[String],
        spec: &ProgramSpec,
        environment: &BTreeMap<String, String>,
        claim: Claim<'_>,
        heard: &SyncSender<Heard>,
    ) -> Result<Child, String> {
        let reports = self.path.join("reports");
        let channel = Channel::create(&reports)
            .map_err(|error| format!("cannot make {}: {error}", reports.display()))?;
        let mut environment = environment.clone();
        environment.insert(REPORTS.to_owned(), reports.to_string_lossy().into_owned());
        let launch = Launch {
            words,
            directory: &spec.directory,
            environment: &environment,
            output: self.path.join("output.log"),
            reads_output: spec.capture == Capture::Output,
            channel,
        };
        // First the note, then the process: an agent may die between the two.
        self.note = Note {
            token: claim.token.to_owned(),
            agent: claim.agent.to_owned(),
            command: words.to_vec(),
            steps: self.steps(),
            ..Note::default()
        };
        self.write();
        let child = Child::start(launch, heard).map_err(|error| {
            let (word, folder) =
                (words.first().map_or("", String::as_str), spec.directory.display());
            format!("cannot start `{word}` in {folder}: {error}")
        })?;
        self.note.pid = child.pid;
        self.write();
        Ok(child)
    }

    pub(super) fn note_steps(&mut self, steps: u64) {
        self.note.steps = steps;
        self.write();
    }

    pub(super) fn note_end(&mut self, token: &str, exit: &Exit) {
        if self.note.token == token {
            self.note.exit_code = exit.code;
            self.note.signal = exit.signal;
            self.note.peak_bytes = Some(exit.usage.peak_bytes);
            self.note.cpu_seconds = Some(exit.usage.cpu_seconds);
            self.write();
        }
    }

    /// Writes the note, whole or not at all. Without it an orphan is found no more and counting
    /// starts again; the trial goes on.
    fn write(&self) {
        let (path, fresh) = (self.path.join("process.json"), self.path.join("process.json.new"));
        let text = serde_json::to_string_pretty(&self.note).unwrap_or_default();
        if std::fs::write(&fresh, text + "\n").is_ok() {
            drop(std::fs::rename(&fresh, &path));
        }
    }
}
