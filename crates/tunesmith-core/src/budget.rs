//! What a study may spend and what ends it. Refuses to stop trials that run: they were paid for when they started.

use std::fmt;

/// Limits; whichever is spent first ends the search. A limit left out does not.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Budget {
    /// Trials of the search, of whatever outcome; runs that choose the winner come on top.
    pub trials: Option<u32>,
    /// Milliseconds in which at least one trial was leased.
    pub wall_ms: Option<u64>,
    /// Device seconds, the shares of all trials summed.
    pub device_seconds: Option<f64>,
    /// Money, at [`StudyConfig::price_per_device_hour`](crate::StudyConfig::price_per_device_hour).
    pub cost: Option<f64>,
}

/// What is spent, in the units of [`Budget`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spent {
    /// Trials of the search.
    pub trials: u32,
    /// Milliseconds in which at least one trial was leased.
    pub wall_ms: u64,
    /// Device seconds.
    pub device_seconds: f64,
    /// Money; `None` where the study names no price.
    pub cost: Option<f64>,
}

/// Why a study starts no more trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// As many trials as the budget has.
    Trials,
    /// The wall time is spent.
    Wall,
    /// The device time is spent.
    DeviceTime,
    /// The money is spent.
    Cost,
    /// A trial reached the metric's target.
    Target {
        /// Its number.
        trial: u32,
    },
    /// The sampler has nothing more to propose, as a grid at its end.
    Exhausted,
    /// The scheduler ends the search.
    Scheduler,
}

impl Budget {
    /// The first limit that is spent.
    pub fn exceeded(&self, spent: &Spent) -> Option<FinishReason> {
        let over = |limit: Option<f64>, used: Option<f64>| {
            limit.zip(used).is_some_and(|(limit, used)| used >= limit)
        };
        if self.trials.is_some_and(|limit| spent.trials >= limit) {
            Some(FinishReason::Trials)
        } else {
            self.resources_exceeded(spent, over)
        }
    }

    /// The same with this share of time and money; the count of trials stays.
    pub(crate) fn share(&self, share: f64) -> Self {
        Self {
            trials: self.trials,
            wall_ms: self.wall_ms.map(|wall_ms| (wall_ms as f64 * share) as u64),
            device_seconds: self.device_seconds.map(|seconds| seconds * share),
            cost: self.cost.map(|cost| cost * share),
        }
    }

    /// As [`Budget::exceeded`], the count of trials apart.
    pub(crate) fn time_or_money_exceeded(&self, spent: &Spent) -> Option<FinishReason> {
        Self { trials: None, ..*self }.exceeded(spent)
    }

    fn resources_exceeded(
        &self,
        spent: &Spent,
        over: impl Fn(Option<f64>, Option<f64>) -> bool,
    ) -> Option<FinishReason> {
        if self.wall_ms.is_some_and(|limit| spent.wall_ms >= limit) {
            Some(FinishReason::Wall)
        } else if over(self.device_seconds, Some(spent.device_seconds)) {
            Some(FinishReason::DeviceTime)
        } else if over(self.cost, spent.cost) {
            Some(FinishReason::Cost)
        } else {
            None
        }
    }
}

impl fmt::Display for FinishReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trials => out.write_str("all trials of the budget are started"),
            Self::Wall => out.write_str("the wall time of the budget is spent"),
            Self::DeviceTime => out.write_str("the device time of the budget is spent"),
            Self::Cost => out.write_str("the money of the budget is spent"),
            Self::Target { trial } => write!(out, "trial {trial} reached the target"),
            Self::Exhausted => out.write_str("the sampler has nothing more to propose"),
            Self::Scheduler => out.write_str("the scheduler ended the search"),
        }
    }
}
