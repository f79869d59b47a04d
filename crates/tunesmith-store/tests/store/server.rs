//! A PostgreSQL server of a test's own: in a temporary folder, on a socket there, gone with the test. Root
//! may not run one, so it is run as the user `postgres` there. Where the machine has no server the tests say
//! so and prove nothing, unless `TUNESMITH_REQUIRE_REAL` is set.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A running server.
pub(crate) struct Server {
    folder: tempfile::TempDir,
    programs: PathBuf,
    as_root: bool,
    databases: AtomicU32,
}

impl Server {
    /// Starts one; `None` where there is no such program.
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            let required = std::env::var_os("TUNESMITH_REQUIRE_REAL").is_some();
            assert!(!required, "no PostgreSQL server here: install Debian's package postgresql");
            eprintln!("no PostgreSQL server here; nothing is proved");
            return None;
        };
        let folder = tempfile::tempdir().expect("a folder");
        let as_root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        if as_root {
            run(Command::new("chown").arg("postgres").arg(folder.path()));
        }
        let server = Self { folder, programs, as_root, databases: AtomicU32::new(0) };
        let data = server.data();
        run(server
            .program("initdb")
            .args(["-A", "trust", "-U", "tunesmith", "-E", "UTF8", "--no-sync", "-D"])
            .arg(&data));
        server.up();
        Some(server)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = if self.as_root {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir(self.folder.path());
        command
    }

    /// Starts the server and waits until it answers.
    pub(crate) fn up(&self) {
        let socket = self.folder.path().display();
        let options = format!("-c listen_addresses='' -c unix_socket_directories='{socket}'");
        let log = self.folder.path().join("log");
        let mut command = self.program("pg_ctl");
        run(command
            .args(["-w", "-s", "-o", &options, "-l"])
            .arg(log)
            .arg("-D")
            .arg(self.data())
            .arg("start"));
    }

    /// Ends every process of the server at once, as a power cut does.
    pub(crate) fn crash(&self) {
        let mut command = self.program("pg_ctl");
        run(command.args(["-w", "-s", "-m", "immediate", "-D"]).arg(self.data()).arg("stop"));
    }

    /// The address of a new database.
    pub(crate) fn database(&self) -> String {
        let name = format!("studies{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let socket = self.folder.path().display().to_string();
        run(self.program("createdb").args(["-h", &socket, "-U", "tunesmith", &name]));
        format!("postgres://tunesmith@{}/{name}", socket.replace('/', "%2F"))
    }
}

impl Server {
    /// Makes a database look as if a newer version had written it.
    pub(crate) fn newer(&self, address: &str) {
        let mut command = self.program("psql");
        run(command.args(["-q", "-c", "UPDATE tunesmith.version SET version = 99", address]));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut command = self.program("pg_ctl");
        command.args(["-w", "-s", "-m", "immediate", "-D"]).arg(self.data()).arg("stop");
        // The folder goes with it, whatever it says.
        drop(command.output());
    }
}

fn run(command: &mut Command) {
    let output = command.output().expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
}

/// Where Debian keeps the newest server, or where the path has one.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there =
        |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file();
    folders.into_iter().rev().chain(std::env::split_paths(&path)).find(there)
}
