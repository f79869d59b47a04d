//! How a study stands, in a line of words. It refuses to judge: what was found is said by the verdict.

use tunesmith_core::{Study, Trial, TrialState};

use crate::figures;

/// How a study stands, in one line.
pub fn standing(study: &Study) -> String {
    let count = |state| study.count(state);
    let again = |trial: &&Trial| study.is_replica(trial);
    let again = study.in_state(TrialState::Completed).filter(again).count();
    let searched = count(TrialState::Completed) - again;
    let mut parts = vec![match study.budget().trials {
        Some(limit) => format!("{searched} of {limit} trials completed"),
        None => format!("{searched} trials completed"),
    }];
    if again > 0 {
        parts.push(format!("{again} runs on fresh seeds"));
    }
    for state in [
        TrialState::Failed,
        TrialState::Pruned,
        TrialState::Paused,
        TrialState::Running,
        TrialState::Queued,
        TrialState::Cancelled,
    ] {
        if count(state) > 0 {
            parts.push(format!("{} {state}", count(state)));
        }
    }
    let spent = study.spent(study.last_event_at());
    parts.push(format!("{} of training", figures::duration(spent.device_seconds)));
    let saved = study.saved_device_seconds();
    if saved > 0.0 {
        parts.push(format!("about {} saved by stopping early", figures::duration(saved)));
    }
    parts.extend(spent.cost.map(|cost| format!("cost {}", figures::money(cost))));
    parts.join(" · ")
}

/// What a search used beyond its limit of device time or money, where that is more than a tenth: trials that run when
/// it is spent go on to their end, and a first round may be longer than all of it.
pub fn overrun(study: &Study) -> Option<String> {
    let (budget, spent) = (study.budget(), study.spent(study.last_event_at()));
    let beyond = |limit: f64, used: f64| used > 1.1 * limit;
    let text = match (budget.device_seconds, budget.cost.zip(spent.cost)) {
        (Some(limit), _) if beyond(limit, spent.device_seconds) => {
            let used = figures::duration(spent.device_seconds);
            format!("{used} of training for a budget of {}", figures::duration(limit))
        }
        (_, Some((limit, used))) if beyond(limit, used) => {
            format!("{} for a budget of {}", figures::money(used), figures::money(limit))
        }
        _ => return None,
    };
    Some(format!("{text}: trials that run when it is spent go on to their end"))
}
