//! Lines of UTF-8 with their numbers, one at a time.
//!
//! Takes off a byte order mark and line ends (`\n` or `\r\n`); refuses anything that is not UTF-8.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use crate::data::error::DataError;

/// A text file, read line by line.
pub(super) struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    buffer: Vec<u8>,
    number: usize,
}

impl Lines {
    /// Opens a file.
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        let file =
            File::open(path).map_err(|source| DataError::Read { path: path.to_owned(), source })?;
        let reader = BufReader::with_capacity(1 << 16, file);
        Ok(Self { path: path.to_owned(), reader, buffer: Vec::new(), number: 0 })
    }

    /// The next line and its number, from 1; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(usize, &str)>, DataError> {
        self.buffer.clear();
        let read = self.reader.read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|source| DataError::Read { path: self.path.clone(), source })?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let mut line = self.buffer.as_slice();
        if self.number == 1 {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        line = line.strip_suffix(b"\n").unwrap_or(line);
        line = line.strip_suffix(b"\r").unwrap_or(line);
        match std::str::from_utf8(line) {
            Ok(line) => Ok(Some((self.number, line))),
            Err(error) => Err(DataError::NotUtf8 {
                path: self.path.clone(),
                line: self.number,
                column: error.valid_up_to() + 1,
            }),
        }
    }
}
