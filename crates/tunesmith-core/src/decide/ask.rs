//! Handing out work. Refuses new trials beyond the budget; what was started before is handed out again all the same.

use super::{Draft, derived_seed, trial_seed, was_started};
use crate::budget::FinishReason;
use crate::command::Rejection;
use crate::event::{Fact, Start, Stream, Takeover};
use crate::policy::{Next, Policy, Suggestion};
use crate::study::Replication;
use crate::trial::{FailureReason, Trial, TrialState};
use crate::value::Params;

pub(super) fn ask(draft: &mut Draft<'_>, policy: &Policy, count: u32) -> Result<(), Rejection> {
    if draft.study.is_paused() {
        return Err(Rejection::Paused);
    }
    retire(draft, policy);
    let given = hand_out_queued(draft, count);
    if given >= count {
        return Ok(());
    }
    match start_more(draft, policy, count - given) {
        // Something was written down; the refusal can wait until the worker asks again.
        Err(_) if !draft.events.is_empty() => Ok(()),
        result => result,
    }
}

/// Ends the paused trials that will never go on.
fn retire(draft: &mut Draft<'_>, policy: &Policy) {
    let study = draft.study;
    let is_paused =
        |number: &u32| study.trial(*number).is_some_and(|trial| trial.state == TrialState::Paused);
    let retired = policy.scheduler.retire(study).into_iter();
    for (number, reason) in retired.filter(|(number, _)| is_paused(number)) {
        draft.push(Stream::Trial(number), Fact::TrialPruned { reason, device_seconds: 0.0 });
    }
}

/// Leases queued trials, by number; says how many.
fn hand_out_queued(draft: &mut Draft<'_>, count: u32) -> u32 {
    let study = draft.study;
    let over = time_or_money_is_spent(draft);
    let only_started =
        study.finish_reason(draft.now).is_some_and(|why| why != FinishReason::Trials || over);
    let legal =
        |trial: &&Trial| !only_started || was_started(trial) || (study.is_replica(trial) && !over);
    let mut given = 0;
    for trial in study.in_state(TrialState::Queued).filter(legal).take(count as usize) {
        lease(draft, trial);
        given += 1;
    }
    given
}

fn time_or_money_is_spent(draft: &Draft<'_>) -> bool {
    let spent = draft.study.spent(draft.now);
    draft.study.budget().time_or_money_exceeded(&spent).is_some()
}

fn lease(draft: &mut Draft<'_>, trial: &Trial) {
    let lease = draft.grant(trial.leases);
    draft.push(Stream::Trial(trial.number), Fact::TrialLeased { lease });
}

fn start_more(draft: &mut Draft<'_>, policy: &Policy, count: u32) -> Result<(), Rejection> {
    match draft.study.finish_reason(draft.now) {
        None => match policy.scheduler.next(draft.study, true) {
            Next::Start { most } => start_new(draft, policy, count.min(most.max(1))),
            next => go_on(draft, policy, count, next, FinishReason::Scheduler),
        },
        Some(why) => start_nothing(draft, policy, count, why),
    }
}

/// No new trial starts; paused ones go on unless time or money is spent or the target is reached.
fn start_nothing(
    draft: &mut Draft<'_>,
    policy: &Policy,
    count: u32,
    why: FinishReason,
) -> Result<(), Rejection> {
    if !matches!(why, FinishReason::Trials | FinishReason::Exhausted) {
        return conclude(draft, policy, count, why);
    }
    let next = policy.scheduler.next(draft.study, false);
    go_on(draft, policy, count, next, why)
}

/// What a scheduler wants that is no new trial. `why` holds where it wants nothing more.
fn go_on(
    draft: &mut Draft<'_>,
    policy: &Policy,
    count: u32,
    next: Next,
    why: FinishReason,
) -> Result<(), Rejection> {
    let study = draft.study;
    let paused =
        |number: u32| study.trial(number).filter(|trial| trial.state == TrialState::Paused);
    match next {
        Next::Resume { trial } => lease(draft, paused(trial).ok_or(Rejection::Wait)?),
        Next::Exploit(exploit) => {
            let trial = paused(exploit.trial).ok_or(Rejection::Wait)?;
            let donor = study.trial(exploit.donor).ok_or(Rejection::Wait)?;
            let lease = draft.grant(trial.leases);
            let takeover = Takeover {
                donor: donor.number,
                donor_step: donor.reached_step(),
                params: exploit.params,
                based_on: study.revision(),
                note: exploit.note,
            };
            let fact = Fact::TrialExploited { exploit: Box::new(takeover), lease };
            draft.push(Stream::Trial(trial.number), fact);
        }
        Next::Wait => return Err(Rejection::Wait),
        Next::Start { .. } | Next::Finished => return conclude(draft, policy, count, why),
    }
    Ok(())
}

fn start_new(draft: &mut Draft<'_>, policy: &Policy, count: u32) -> Result<(), Rejection> {
    let study = draft.study;
    let first = study.next_number();
    let room = study
        .budget()
        .trials
        .map_or(u32::MAX - first, |limit| limit.saturating_sub(study.searched_trials()));
    let asked = count.min(room);
    let suggestions = policy.sampler.suggest(study, asked, &study.sampler_rng());
    if suggestions.is_empty() {
        return start_nothing(draft, policy, count, FinishReason::Exhausted);
    }
    for (number, suggestion) in (first..).zip(suggestions).take(asked as usize) {
        start(draft, number, asked, suggestion);
    }
    Ok(())
}

/// The search starts nothing more: where the winner is chosen by fresh runs, these follow once all trials have ended.
fn conclude(
    draft: &mut Draft<'_>,
    policy: &Policy,
    count: u32,
    why: FinishReason,
) -> Result<(), Rejection> {
    let study = draft.study;
    let finished = Err(Rejection::Finished { why });
    let Some(Replication { top, seeds }) = study.config().replication else { return finished };
    if time_or_money_is_spent(draft) {
        return finished;
    }
    if study.count(TrialState::Running) + study.count(TrialState::Queued) > 0 {
        return Err(Rejection::Wait);
    }
    let mut number = study.next_number();
    for of in policy.sampler.finalists(study, top) {
        // Runs that were cancelled are not replaced: a person ended them.
        for _ in study.replicas_of(of).count()..seeds as usize {
            let seed = derived_seed(study, number);
            draft.push(Stream::Trial(number), Fact::TrialReplicated { of, seed });
            if number - study.next_number() < count {
                let lease = draft.grant(0);
                draft.push(Stream::Trial(number), Fact::TrialLeased { lease });
            }
            number += 1;
        }
    }
    if number == study.next_number() { finished } else { Ok(()) }
}

fn start(draft: &mut Draft<'_>, number: u32, asked: u32, suggestion: Suggestion) {
    let study = draft.study;
    let Suggestion { params, note } = suggestion;
    let (params, misfit) = match study.space().check(&params) {
        Ok(params) => (params, None),
        Err(misfit) => (params, Some(misfit)),
    };
    let seed = trial_seed(study, number, &params);
    let (proposals, params): (Vec<_>, Vec<_>) =
        params.into_iter().partition(|(name, _)| study.is_discovered(name));
    let start = Start {
        params: params.into_iter().collect(),
        proposals: proposals.into_iter().collect::<Params>(),
        seed,
        based_on: study.revision(),
        asked,
        note,
    };
    let fact = Fact::TrialStarted { start: Box::new(start), lease: draft.grant(0) };
    draft.push(Stream::Trial(number), fact);
    if let Some(misfit) = misfit {
        // A tie without a value for these params, such as a division by zero: the trial fails, the search goes on.
        let reason = FailureReason::Refused { message: misfit.to_string() };
        draft.push(Stream::Trial(number), Fact::TrialFailed { reason, device_seconds: 0.0 });
    }
}
