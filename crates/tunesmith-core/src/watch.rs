//! Whose leases are over, by what one observer sees. A lease is over when its trial's stream got no event for a lease's
//! length, by the observer's own steady clock, while it looked.
//!
//! Refuses to compare clocks: the times in a log are those of many machines, and some of them are wrong.

use std::collections::BTreeMap;

use crate::study::Study;
use crate::timestamp::Writer;
use crate::trial::LeaseKey;

/// A lease of which nothing was heard for long enough. It is over only as long as nothing is: an event that comes after
/// the observer looked keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// The lease.
    pub lease: LeaseKey,
    /// How many events the trial had all the while.
    pub events: u32,
}

/// What an observer has seen of the leases of others.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    seen: BTreeMap<LeaseKey, Sight>,
}

/// A lease when its last event was seen.
#[derive(Debug, Clone, Copy)]
struct Sight {
    events: u32,
    since_ms: u64,
}

impl Watch {
    /// Looks at a study that was just brought up to date. `now_ms` are milliseconds by a clock that nobody sets, from
    /// whenever. Gives the leases, not held by `me`, that were silent for the study's lease length.
    pub fn look(&mut self, study: &Study, me: &Writer, now_ms: u64) -> Vec<Silence> {
        let mut seen = BTreeMap::new();
        let mut silent = Vec::new();
        for trial in study.running() {
            let others = trial.lease.as_ref().filter(|lease| lease.holder != *me);
            let (Some(_), Some(key)) = (others, trial.lease_key()) else { continue };
            let fresh = Sight { events: trial.events, since_ms: now_ms };
            let before = self.seen.get(&key).filter(|sight| sight.events == trial.events);
            let sight = before.copied().unwrap_or(fresh);
            if now_ms.saturating_sub(sight.since_ms) >= study.config().lease_ms {
                silent.push(Silence { lease: key, events: trial.events });
            }
            seen.insert(key, sight);
        }
        self.seen = seen;
        silent
    }
}
