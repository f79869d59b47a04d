//! Points in time and who writes. Refuses to read a clock: every time is an argument.

use std::fmt;
use std::sync::Arc;

/// Milliseconds since 1970-01-01 00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This time and `duration_ms` more.
    #[must_use]
    pub fn plus_ms(self, duration_ms: u64) -> Self {
        Self(self.0.saturating_add_unsigned(duration_ms))
    }

    /// Milliseconds from `earlier` to this time; 0 where `earlier` is later, as clocks of two machines may differ.
    pub fn ms_since(self, earlier: Self) -> u64 {
        self.0
            .checked_sub(earlier.0)
            .and_then(|difference| u64::try_from(difference).ok())
            .unwrap_or(0)
    }
}

/// Who writes events: an identity that no two processes share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Writer(Arc<str>);

impl Writer {
    /// The writer of this name. The caller sees to its being unique, for example from host, boot and process.
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Writer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}
