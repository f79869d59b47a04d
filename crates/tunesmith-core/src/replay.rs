//! Deriving every decision of a log again from the prefix that its maker saw.
//!
//! Suggestions and takeovers name the revision that they were based on. A verdict does not: it is derived again where
//! only one worker wrote since it joined, because then it saw the whole log. Refuses to run anything: it reads a log
//! and compares.

use std::collections::{BTreeSet, VecDeque};

use thiserror::Error;

use crate::event::{Event, Fact, Start, Stream, Takeover};
use crate::policy::{Exploit, Next, Policy, Suggestion, Verdict};
use crate::study::{ApplyError, Study};
use crate::timestamp::Writer;
use crate::value::Params;

/// What a replay found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replay {
    /// How many suggestions were derived again and were the same.
    pub verified: u32,
    /// How many times a trial took over another's state, derived again and the same.
    pub exploits: u32,
    /// How many reports were judged again and got the same verdict.
    pub verdicts: u32,
    /// How many reports could not be judged again, because several workers wrote at once.
    pub unjudged: u32,
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
    /// A takeover differs.
    #[error(
        "trial {trial} went on from trial {donor} with `{recorded}`, which the scheduler does not give now"
    )]
    ExploitDiffers {
        /// The trial's number.
        trial: u32,
        /// The donor's number.
        donor: u32,
        /// What the log has.
        recorded: Params,
    },
    /// A verdict differs.
    #[error("trial {trial} {recorded} after step {step}, and the scheduler now has it {derived}")]
    VerdictDiffers {
        /// The trial's number.
        trial: u32,
        /// The step of the report.
        step: u64,
        /// What the log has.
        recorded: &'static str,
        /// What the scheduler gives.
        derived: &'static str,
    },
    /// A decision that claims to have seen what came after it.
    #[error("trial {trial} says that it was based on revision {based_on}, which came later")]
    FromTheFuture {
        /// The trial's number.
        trial: u32,
        /// What it says.
        based_on: u64,
    },
}

/// Derives every decision of a log again. `policy` is the one that the study's configuration names.
///
/// # Errors
/// With the first difference.
pub fn verify(events: &[Event], policy: &Policy) -> Result<Replay, ReplayError> {
    let verified = verify_suggestions(events, policy)?;
    let exploits = verify_exploits(events, policy)?;
    let (verdicts, unjudged) = verify_verdicts(events, policy)?;
    Ok(Replay { verified, exploits, verdicts, unjudged })
}

/// A study that is brought forward through a log.
struct Prefix<'a> {
    study: Study,
    rest: std::slice::Iter<'a, Event>,
}

impl<'a> Prefix<'a> {
    fn new(events: &'a [Event]) -> Result<Self, ApplyError> {
        let mut rest = events.iter();
        let study = rest.next().ok_or(ApplyError::NotCreated).and_then(Study::begin)?;
        Ok(Self { study, rest })
    }

    /// Whether anything was applied.
    fn advance(&mut self, revision: u64) -> Result<bool, ApplyError> {
        let before = self.study.revision();
        while self.study.revision().0 < revision {
            let Some(next) = self.rest.next() else { break };
            self.study.apply(next)?;
        }
        Ok(self.study.revision() != before)
    }
}

fn verify_suggestions(events: &[Event], policy: &Policy) -> Result<u32, ReplayError> {
    let mut seen = Prefix::new(events)?;
    let mut batch = VecDeque::new();
    let mut verified = 0;
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
        if seen.advance(based_on)? {
            batch.clear();
        }
        if batch.is_empty() {
            let study = &seen.study;
            batch.extend(policy.sampler.suggest(study, start.asked, &study.sampler_rng()));
        }
        compare(&seen.study, trial, start, batch.pop_front())?;
        verified += 1;
    }
    seen.advance(u64::MAX)?;
    Ok(verified)
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

fn verify_exploits(events: &[Event], policy: &Policy) -> Result<u32, ReplayError> {
    let mut takeovers: Vec<(u32, usize, &Takeover)> = Vec::new();
    for (position, event) in events.iter().enumerate() {
        if let (Stream::Trial(trial), Fact::TrialExploited { exploit, .. }) =
            (event.stream, &event.fact)
        {
            takeovers.push((trial, position, exploit));
        }
    }
    // Workers write in any order, and each names what it had seen.
    takeovers.sort_by_key(|(_, _, takeover)| takeover.based_on);
    let mut seen = Prefix::new(events)?;
    for (trial, position, takeover) in &takeovers {
        let (trial, based_on) = (*trial, takeover.based_on.0);
        if based_on > *position as u64 {
            return Err(ReplayError::FromTheFuture { trial, based_on });
        }
        seen.advance(based_on)?;
        let exploit = Exploit {
            trial,
            donor: takeover.donor,
            params: takeover.params.clone(),
            note: takeover.note.clone(),
        };
        let expected = Next::Exploit(Box::new(exploit));
        let gives = |may_start| policy.scheduler.next(&seen.study, may_start) == expected;
        if !gives(true) && !gives(false) {
            let (donor, recorded) = (takeover.donor, takeover.params.clone());
            return Err(ReplayError::ExploitDiffers { trial, donor, recorded });
        }
    }
    Ok(takeovers.len() as u32)
}

/// How many verdicts were the same, and how many reports could not be judged.
fn verify_verdicts(events: &[Event], policy: &Policy) -> Result<(u32, u32), ReplayError> {
    let mut seen = Prefix::new(events)?;
    let mut writers: BTreeSet<&Writer> = BTreeSet::new();
    let (mut verdicts, mut unjudged, mut sole) = (0, 0, true);
    for (position, event) in events.iter().enumerate().skip(1) {
        let joined = writers.insert(&event.by);
        let went_on = events.get(position - 1).is_some_and(|before| before.by == event.by);
        // One that comes back after another wrote may not have read what the other wrote.
        sole = joined || (went_on && sole);
        if let (Stream::Trial(trial), Fact::Reported { report, .. }) = (event.stream, &event.fact) {
            seen.advance(position as u64)?;
            match seen.study.trial(trial) {
                Some(_) if !sole => unjudged += 1,
                Some(known) if !seen.study.is_replica(known) => {
                    let mut judged = known.clone();
                    judged.reports.push(report.clone());
                    let derived = name(&policy.scheduler.judge(&seen.study, &judged));
                    let recorded = recorded_verdict(event, events.get(position + 1));
                    if derived != recorded {
                        let step = report.step;
                        return Err(ReplayError::VerdictDiffers { trial, step, recorded, derived });
                    }
                    verdicts += 1;
                }
                _ => {}
            }
        }
    }
    Ok((verdicts, unjudged))
}

fn name(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Continue => "went on",
        Verdict::Pause { .. } => "paused",
        Verdict::Prune { .. } => "was pruned",
    }
}

/// A verdict is written with its report: it is the next event, of the same trial, moment and writer.
fn recorded_verdict(report: &Event, next: Option<&Event>) -> &'static str {
    let same = |next: &&Event| {
        next.stream == report.stream && next.by == report.by && next.at == report.at
    };
    match next.filter(same).map(|next| &next.fact) {
        Some(Fact::TrialPaused { .. }) => "paused",
        Some(Fact::TrialPruned { .. }) => "was pruned",
        _ => "went on",
    }
}
