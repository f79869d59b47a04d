//! How long a storage that went away is waited for, with growing pauses between attempts. It refuses to attempt
//! anything itself.

use std::time::{Duration, Instant};

/// The pause before the first new attempt, doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What is left of the patience for one call.
#[derive(Debug)]
pub(crate) struct Patience {
    ends_at: Instant,
    pause: Duration,
}

impl Patience {
    /// For so long, from now on.
    pub(crate) fn new(limit: Duration) -> Self {
        Self { ends_at: Instant::now() + limit, pause: FIRST_PAUSE }
    }

    /// Whether there is none left.
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.ends_at
    }

    /// Whether there is enough to wait for so long.
    pub(crate) fn allows(&self, wait: Duration) -> bool {
        Instant::now().checked_add(wait).is_some_and(|then| then <= self.ends_at)
    }

    /// How long to wait where nobody says otherwise.
    pub(crate) fn pause(&self) -> Duration {
        self.pause
    }

    /// Waits, and will wait longer the next time. There is nobody to wake it; should something, the next attempt only
    /// comes the sooner.
    pub(crate) fn wait(&mut self, time: Duration) {
        std::thread::park_timeout(time);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}
