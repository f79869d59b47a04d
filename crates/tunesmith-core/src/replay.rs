//! Deriving every suggestion of a log again from the prefix that its sampler saw.
//!
//! Refuses to run anything: it reads a log and compares.

use std::collections::VecDeque;

use thiserror::Error;

use crate::event::{Event, Fact, Start, Stream};
use crate::policy::{Policy, Suggestion};
use crate::study::{ApplyError, Study};
use crate::value::Params;

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replay {
    /// How many suggestions were derived again and were the same.
    pub verified: u32,
}

/// Why a log is not what its policy gives.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The log is damaged.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// A suggestion differs.
    #[error("trial {trial} was started with `{recorded}`, and the sampler now gives {}", match derived {
        Some(params) => format!("`{params}`"),
        None => "nothing".to_owned(),
    })]
    Differs {
        /// The trial's number.
        trial: u32,
        /// What the log has.
        recorded: Params,
        /// What the sampler gives.
        derived: Option<Params>,
    },
    /// A suggestion that claims to have seen what came after it.
    #[error("trial {trial} says that it was based on revision {based_on}, which came later")]
    FromTheFuture {
        /// The trial's number.
        trial: u32,
        /// What it says.
        based_on: u64,
    },
}

/// Derives every suggestion of a log again. `policy` is the one that the study's configuration names.
///
/// # Errors
/// With the first difference.
pub fn verify(events: &[Event], policy: &Policy) -> Result<Replay, ReplayError> {
    let mut seen = events.first().ok_or(ApplyError::NotCreated).and_then(Study::begin)?;
    let mut rest = events.iter().skip(1);
    let mut batch = VecDeque::new();
    let mut replay = Replay::default();
    for (position, event) in events.iter().enumerate() {
        let (Stream::Trial(trial), Fact::TrialStarted { start, .. }) = (event.stream, &event.fact)
        else {
            continue;
        };
        let based_on = start.based_on.0;
        if based_on > position as u64 {
            return Err(ReplayError::FromTheFuture { trial, based_on });
        }
        // A trial's writer had seen the trial before it, so what suggestions are based on never goes back.
        while seen.revision().0 < based_on {
            let Some(next) = rest.next() else { break };
            seen.apply(next)?;
            batch.clear();
        }
        if batch.is_empty() {
            batch.extend(policy.sampler.suggest(&seen, start.asked, &seen.sampler_rng()));
        }
        compare(&seen, trial, start, batch.pop_front())?;
        replay.verified += 1;
    }
    rest.try_for_each(|event| seen.apply(event))?;
    Ok(replay)
}

fn compare(
    study: &Study,
    trial: u32,
    start: &Start,
    derived: Option<Suggestion>,
) -> Result<(), ReplayError> {
    let recorded: Params =
        start.params.clone().into_iter().chain(start.proposals.clone()).collect();
    let completed = |suggestion: &Suggestion| {
        study.space().check(&suggestion.params).unwrap_or_else(|_| suggestion.params.clone())
    };
    match derived {
        Some(suggestion) if completed(&suggestion) == recorded && suggestion.note == start.note => {
            Ok(())
        }
        other => {
            let derived = other.as_ref().map(completed);
            Err(ReplayError::Differs { trial, recorded, derived })
        }
    }
}
