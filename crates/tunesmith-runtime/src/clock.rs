//! Time as an argument: the worker asks this, and lets time pass by it; tests give it a clock of their own. It refuses
//! to wake anybody: who waits for something that can be heard hears it where it comes.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tunesmith_core::Timestamp;

/// Tells the time.
pub trait Clock {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Milliseconds since whenever, by a clock that nobody sets: for lengths of time alone.
    fn steady_ms(&self) -> u64;

    /// Lets about so much time pass, with nothing to wait for.
    fn pass(&self, time: Duration);
}

/// The time of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(since.as_millis().try_into().unwrap_or(i64::MAX))
    }

    fn steady_ms(&self) -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        let since = START.get_or_init(Instant::now).elapsed();
        since.as_millis().try_into().unwrap_or(u64::MAX)
    }

    fn pass(&self, time: Duration) {
        std::thread::park_timeout(time);
    }
}
