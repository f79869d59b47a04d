//! The few calls to the system that the standard library lacks: signals to groups, waiting with what
//! a process used, named pipes, and who belongs to a trial. Unix alone. It refuses to judge.

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FileType, Mode};
use rustix::process::{Pid, Signal};

use super::child::Exit;

/// What a process and those it waited for used.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Usage {
    /// The largest resident set of one of them, bytes.
    pub(super) peak_bytes: u64,
    /// Processor seconds.
    pub(super) cpu_seconds: f64,
}

/// Signals a group. One that is gone needs none.
pub(super) fn signal(group: u32, signal: Signal) {
    if let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, signal);
    }
}

/// Waits for a process of ours to end.
pub(super) fn wait(pid: u32) -> Exit {
    let mut status = 0;
    // SAFETY: all zeroes is a valid `rusage`, a struct of integers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to locals that live through the call.
        let waited = unsafe { libc::wait4(pid as i32, &raw mut status, 0, &raw mut usage) };
        let error = std::io::Error::last_os_error();
        if waited >= 0 || error.kind() != std::io::ErrorKind::Interrupted {
            break;
        }
    }
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Exit {
        code: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
        signal: libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status)),
        usage: Usage {
            // Linux counts in KiB (getrusage(2)).
            peak_bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
            cpu_seconds: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        },
    }
}

/// Makes a named pipe that its owner may read and write.
pub(super) fn make_pipe(path: &Path) -> std::io::Result<()> {
    let mode = Mode::RUSR | Mode::WUSR;
    Ok(rustix::fs::mknodat(rustix::fs::CWD, path, FileType::Fifo, mode, 0)?)
}

/// How long processes that were killed may take to vanish.
const VANISHING: Duration = Duration::from_secs(10);

/// How often in a row nothing must be seen of them.
const LOOKS: u32 = 2;

/// Kills every process whose environment has `NAME=value` and waits until none is left: also those
/// that left their group. `false` where one stays. Without `/proc` nothing is found.
pub(super) fn kill_all_with(name: &str, value: &str) -> bool {
    let deadline = Instant::now() + VANISHING;
    let wanted = format!("{name}={value}");
    let mut seen_none = 0;
    loop {
        let found = all_with(&wanted);
        // A process has no environment for a moment while it becomes another program.
        seen_none = if found.is_empty() { seen_none + 1 } else { 0 };
        if seen_none == LOOKS {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        for pid in found {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
        }
        std::thread::yield_now();
    }
}

fn all_with(wanted: &str) -> Vec<Pid> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    ids.filter(|id| {
        let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes())
    })
    .filter_map(Pid::from_raw)
    .collect()
}
