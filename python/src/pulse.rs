//! Signs of life for the trials that a program works on, however long it trains between two reports. It refuses to keep
//! a study alive: when Python lets go of it, or the process ends, the signs end.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::holding::Holding;

/// Starts the signs of life, once.
pub(crate) fn start(holding: &Arc<Holding>, lease_ms: u64) {
    if !holding.is_shared || holding.has_pulse.swap(true, Ordering::SeqCst) {
        return;
    }
    let weak = Arc::downgrade(holding);
    // A third of the lease is when a sign is due; two looks in that time miss none.
    let pause = Duration::from_millis(lease_ms / 6);
    let thread = std::thread::Builder::new().name("tunesmith-pulse".to_owned());
    if thread.spawn(move || beat(&weak, pause)).is_err() {
        holding.has_pulse.store(false, Ordering::SeqCst);
    }
}

fn beat(holding: &Weak<Holding>, pause: Duration) {
    loop {
        std::thread::park_timeout(pause);
        let Some(holding) = holding.upgrade() else { return };
        holding.beat();
    }
}
