//! Files that are either whole or not there, whatever happens while they are written.
//!
//! Written beside their place, synced, renamed over it, and the directory synced: after a crash or on a
//! full disk the old file, if any, still stands. For small files written in one go; it streams nothing.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file that could not be put in its place. Nothing of it is left behind.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}{}", path.display(), advice(source))]
pub struct WriteError {
    /// The file that was to be written.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// Puts `bytes` at `path`, in place of what was there. Creates missing directories above it.
///
/// # Errors
/// When a directory cannot be created, or the file not be written, synced or renamed; `path` is then
/// as it was.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let temporary = temporary_name(path);
    let failed = |source| WriteError { path: path.to_path_buf(), source };
    let written = replace(path, &temporary, bytes);
    if written.is_err() {
        // The first error is the one to tell; a leftover that cannot be removed either adds nothing.
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(failed)
}

fn replace(path: &Path, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mut file = File::create(temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(temporary, path)?;
    sync_directory(directory)
}

/// Without this a rename may be undone by a power cut. Only Unix can open a directory to sync it.
fn sync_directory(directory: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory)?.sync_all() } else { Ok(()) }
}

/// Beside the file, so that the rename stays on one file system, and one for each process.
fn temporary_name(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

/// What to do, where the cause says it; the cause itself is the error's source.
fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull => {
            ": the disk is full; free some space and run the same command again"
        }
        io::ErrorKind::QuotaExceeded => {
            ": your disk quota is used up; free some space and run the same command again"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::{fs, write};

    #[test]
    fn replaces_a_file_and_leaves_nothing_beside_it() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let path = place.path().join("deep/er/study.yaml");
        write(&path, b"one").expect("the first write");
        write(&path, b"two").expect("the second write");
        assert_eq!(fs::read(&path).expect("the file"), b"two");
        let names: Vec<_> =
            fs::read_dir(path.parent().expect("a parent")).expect("the directory").collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }

    #[test]
    fn a_write_that_fails_says_which_file_and_leaves_nothing() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let path = place.path().join("occupied");
        fs::create_dir(&path).expect("a directory in the file's place");
        let error = write(&path, b"one").expect_err("a directory cannot be replaced by a file");
        assert!(error.to_string().contains("occupied"), "{error}");
        assert_eq!(fs::read_dir(place.path()).expect("the directory").count(), 1);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_says_so() {
        let error = super::WriteError {
            path: "trials.csv".into(),
            source: std::io::Error::from_raw_os_error(28),
        };
        assert!(error.to_string().contains("the disk is full"), "{error}");
    }
}
