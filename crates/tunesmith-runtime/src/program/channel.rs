//! Where `tunesmith.report` writes: a named pipe in the trial's folder, a line a report. Lines up to
//! 4096 bytes are written as one (POSIX, `PIPE_BUF`), whoever else writes. It refuses longer ones.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

/// The line that ends the reading; no report begins so.
const CLOSE: &[u8] = b"\0\n";

/// A named pipe, open for reading.
#[derive(Debug)]
pub(super) struct Channel {
    path: PathBuf,
    reader: File,
}

/// Ends the reading of a [`Channel`].
#[derive(Debug)]
pub(super) struct Closer(PathBuf);

impl Channel {
    /// Makes the pipe anew.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn create(path: &Path) -> std::io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        super::system::make_pipe(path)?;
        // Open for writing too, so that the end of one writer is no end of the reading.
        let reader = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Self { path: path.to_owned(), reader })
    }

    pub(super) fn closer(&self) -> Closer {
        Closer(self.path.clone())
    }

    /// Hands every line to `take` until that says so or a [`Closer`] does.
    pub(super) fn read(self, limit: u64, mut take: impl FnMut(&str) -> bool) {
        let mut reader = BufReader::new(self.reader);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut reader).take(limit).read_until(b'\n', &mut line);
            if !matches!(read, Ok(count) if count > 0) || line == CLOSE {
                return;
            }
            if !take(&String::from_utf8_lossy(&line)) {
                return;
            }
        }
    }
}

impl Closer {
    pub(super) fn close(self) {
        // A reader that is gone needs no end.
        if let Ok(mut writer) = OpenOptions::new().write(true).open(&self.0) {
            drop(writer.write_all(CLOSE));
        }
        drop(std::fs::remove_file(&self.0));
    }
}
