//! Handing out work. Refuses new trials beyond the budget; what was started before is handed out again all the same.

use super::{Draft, derived_seed, trial_seed, was_started};
use crate::budget::FinishReason;
use crate::command::Rejection;
use crate::event::{Fact, Start, Stream};
use crate::policy::{Next, Policy, Suggestion};
use crate::study::Replication;
use crate::trial::{FailureReason, Trial, TrialState};
use crate::value::Params;

pub(super) fn ask(draft: &mut Draft<'_>, policy: &Policy, count: u32) -> Result<(), Rejection> {
    if draft.study.is_paused() {
        return Err(Rejection::Paused);
    }
    let given = hand_out_queued(draft, count);
    if given >= count {
        return Ok(());
    }
    match start_more(draft, policy, count - given) {
        // Something was handed out; the refusal can wait until the worker asks again.
        Err(_) if given > 0 => Ok(()),
        result => result,
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
    let study = draft.study;
    if let Some(why) = study.finish_reason(draft.now) {
        return conclude(draft, policy, count, why);
    }
    match policy.scheduler.next(study) {
        Next::Start => start_new(draft, policy, count),
        Next::Resume { trial } => {
            let paused = study.trial(trial).filter(|trial| trial.state == TrialState::Paused);
            lease(draft, paused.ok_or(Rejection::Wait)?);
            Ok(())
        }
        Next::Wait => Err(Rejection::Wait),
        Next::Finished => conclude(draft, policy, count, FinishReason::Scheduler),
    }
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
        return conclude(draft, policy, count, FinishReason::Exhausted);
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
