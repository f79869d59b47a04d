//! Progress where standard error is no terminal: one plain line for what stays. It refuses to
//! move the cursor.

use tunesmith_runtime::progress::Progress;

use super::{Display, Heading, words};

/// The display.
#[derive(Debug)]
pub(super) struct Lines {
    heading: Heading,
}

impl Lines {
    /// A display of the study that `heading` names.
    pub(super) fn new(heading: Heading) -> Self {
        Self { heading }
    }
}

impl Display for Lines {
    fn show(&mut self, progress: &Progress) {
        if let Some(line) = words::lasting(progress, &self.heading) {
            anstream::eprintln!("{line}");
        }
    }
}
