//! How much one address may ask for: a bucket that fills with time and that every request takes from, and a small one
//! for requests whose token is wrong. Refuses to remember more addresses than [`MOST_ADDRESSES`].

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Requests that an address may make at once.
const BURST: f64 = 2_000.0;
/// Requests that an address may make each second in the long run.
const EACH_SECOND: f64 = 1_000.0;
/// Wrong tokens that an address may try at once.
const WRONG_BURST: f64 = 20.0;
/// Wrong tokens that an address may try each second in the long run.
const WRONG_EACH_SECOND: f64 = 0.2;
/// Addresses that are remembered; beyond them the fullest buckets are forgotten first.
const MOST_ADDRESSES: usize = 10_000;

/// The buckets of all addresses.
#[derive(Debug, Default)]
pub(crate) struct Limits(Mutex<BTreeMap<IpAddr, Buckets>>);

#[derive(Debug, Clone, Copy)]
struct Buckets {
    all: f64,
    wrong: f64,
    filled_at: Instant,
}

impl Limits {
    /// Takes one request; how long to wait where there is none left.
    pub(crate) fn take(&self, from: IpAddr, now: Instant) -> Result<(), Duration> {
        self.with(from, now, |buckets| {
            if buckets.wrong < 1.0 {
                return Err(lack(buckets.wrong, WRONG_EACH_SECOND));
            }
            if buckets.all < 1.0 {
                return Err(lack(buckets.all, EACH_SECOND));
            }
            buckets.all -= 1.0;
            Ok(())
        })
    }

    /// Notes a wrong token.
    pub(crate) fn wrong(&self, from: IpAddr, now: Instant) {
        self.with(from, now, |buckets| buckets.wrong = (buckets.wrong - 1.0).max(0.0));
    }

    fn with<T>(&self, from: IpAddr, now: Instant, act: impl FnOnce(&mut Buckets) -> T) -> T {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_ADDRESSES {
            all.retain(|_, buckets| {
                let filled = buckets.filled(now);
                filled.all < BURST || filled.wrong < WRONG_BURST
            });
        }
        if all.len() >= MOST_ADDRESSES {
            all.clear();
        }
        let full = Buckets { all: BURST, wrong: WRONG_BURST, filled_at: now };
        let buckets = all.entry(from).or_insert(full);
        *buckets = buckets.filled(now);
        act(buckets)
    }
}

impl Buckets {
    fn filled(self, now: Instant) -> Self {
        let seconds = now.saturating_duration_since(self.filled_at).as_secs_f64();
        Self {
            all: (self.all + seconds * EACH_SECOND).min(BURST),
            wrong: (self.wrong + seconds * WRONG_EACH_SECOND).min(WRONG_BURST),
            filled_at: now,
        }
    }
}

fn lack(has: f64, each_second: f64) -> Duration {
    Duration::from_secs_f64((1.0 - has) / each_second)
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::{Duration, Instant};

    use super::{BURST, Limits, WRONG_BURST};

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let (limits, now) = (Limits::default(), Instant::now());
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        for _ in 0..BURST as u32 {
            limits.take(one, now).expect("there is some left");
        }
        let wait = limits.take(one, now).expect_err("it is empty");
        assert!(wait <= Duration::from_millis(1), "{wait:?}");
        limits.take(other, now).expect("another address has its own");
        limits.take(one, now + wait).expect("it has filled");
    }

    #[test]
    fn who_tries_wrong_tokens_waits_for_long() {
        let (limits, now) = (Limits::default(), Instant::now());
        let one = IpAddr::from([10, 0, 0, 1]);
        for _ in 0..WRONG_BURST as u32 {
            limits.take(one, now).expect("there is some left");
            limits.wrong(one, now);
        }
        let wait = limits.take(one, now).expect_err("enough");
        assert!(wait >= Duration::from_secs(4), "{wait:?}");
    }
}
