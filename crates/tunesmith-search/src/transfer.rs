//! Warm starts: the best trials of earlier studies as a prior of a new one, where it has none of its own.
//!
//! The rule. Of each earlier study the best tenth of those completed trials that fit the new space counts: at least
//! three, at most ten. A numeric parameter gets a normal prior on its own scale, with the mean of the values in them
//! and a deviation that adds the spread of the values and a tenth of the range in squares; a choice gets a weight of
//! one more than the number of times that it was taken. After Perrone et al., "Learning search spaces for Bayesian
//! optimization" (NeurIPS 2019), who cut the space down to what was best; a prior leaves the rest in reach. Refuses to
//! replace a prior that the new study declares, and to learn from another metric.

use thiserror::Error;
use tunesmith_core::{
    Domain, Goal, Metric, Parameter, Params, Prior, Rule, Scale, SearchSpace, SpaceError, Study,
    TrialState,
};

/// The share of an earlier study's trials that counts.
const SHARE: f64 = 0.1;
/// At least so many of each study, and as many values of a parameter.
const LEAST: usize = 3;
/// At most so many of each study.
const MOST: usize = 10;
/// The least deviation, as a share of the range.
const LEAST_DEVIATION: f64 = 0.1;

/// Why an earlier study cannot be learned from.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum WarmStartError {
    /// It measured something else.
    #[error(
        "{study} searched for {theirs}, not for {ours}; start warm from a study of the same metric"
    )]
    OtherMetric {
        /// The earlier study.
        study: String,
        /// Its metric and goal.
        theirs: String,
        /// The new study's.
        ours: String,
    },
    /// Too little of it fits.
    #[error(
        "{study} has {fitting} completed trials whose values fit this study's parameters; at least {LEAST} are needed"
    )]
    NothingFits {
        /// The earlier study.
        study: String,
        /// How many trials fit.
        fitting: usize,
    },
    /// The priors do not make a space.
    #[error(transparent)]
    Space(#[from] SpaceError),
}

/// What was learned.
#[derive(Debug, Clone, PartialEq)]
pub struct Warmed {
    /// The space with its new priors.
    pub space: SearchSpace,
    /// The parameters that have one.
    pub learned: Vec<String>,
    /// How many trials they rest on.
    pub trials: usize,
}

/// The space with priors from earlier studies.
///
/// # Errors
/// Where a study has another metric, or fewer than three of its trials fit.
pub fn warm_start(
    space: &SearchSpace,
    metric: &Metric,
    earlier: &[Study],
) -> Result<Warmed, WarmStartError> {
    let mut best = Vec::new();
    for study in earlier {
        check_metric(study, metric)?;
        best.extend(best_of(study, space, metric)?);
    }
    let mut learned = Vec::new();
    let mut learn = |parameter: &Parameter| {
        let prior = prior(parameter, &best)?;
        learned.push(parameter.name.clone());
        Some(parameter.clone().with_prior(prior))
    };
    let parameters = space
        .parameters()
        .iter()
        .map(|parameter| learn(parameter).unwrap_or_else(|| parameter.clone()))
        .collect();
    Ok(Warmed { space: SearchSpace::new(parameters)?, learned, trials: best.len() })
}

fn check_metric(study: &Study, ours: &Metric) -> Result<(), WarmStartError> {
    let words = |metric: &Metric| {
        let goal = if metric.goal == Goal::Minimize { "least" } else { "greatest" };
        format!("the {goal} {}", metric.name)
    };
    match study.metrics().first() {
        Some(theirs) if theirs.name != ours.name || theirs.goal != ours.goal => {
            Err(WarmStartError::OtherMetric {
                study: study.config().name.clone(),
                theirs: words(theirs),
                ours: words(ours),
            })
        }
        _ => Ok(()),
    }
}

/// The params of the best trials that fit.
fn best_of<'a>(
    study: &'a Study,
    space: &SearchSpace,
    metric: &Metric,
) -> Result<Vec<&'a Params>, WarmStartError> {
    let mut fitting: Vec<(f64, &Params)> = study
        .in_state(TrialState::Completed)
        .filter(|trial| !study.is_replica(trial) && fits(&trial.params, space))
        .filter_map(|trial| Some((trial.value(metric)?, &trial.params)))
        .map(|(value, params)| (crate::history::score(metric.goal, value), params))
        .collect();
    if fitting.len() < LEAST {
        let study = study.config().name.clone();
        return Err(WarmStartError::NothingFits { study, fitting: fitting.len() });
    }
    fitting.sort_by(|left, right| left.0.total_cmp(&right.0));
    let count = ((SHARE * fitting.len() as f64).ceil() as usize).clamp(LEAST, MOST);
    Ok(fitting.into_iter().take(count).map(|(_, params)| params).collect())
}

/// Whether the trial shares a searched parameter with the space, and every value that it shares is legal there.
fn fits(params: &Params, space: &SearchSpace) -> bool {
    let mut shared = space
        .searched()
        .filter_map(|parameter| Some(parameter.domain()?.contains(params.get(&parameter.name)?)));
    shared.next().is_some_and(|first| first && shared.all(|legal| legal))
}

/// The prior of a parameter that has none; `None` where it has one, or fewer than three of the trials have a value.
fn prior(parameter: &Parameter, best: &[&Params]) -> Option<Prior> {
    let Rule::Free { domain, prior: Prior::Uniform } = &parameter.rule else {
        return None;
    };
    let values: Vec<_> =
        best.iter().filter_map(|params| domain.coerce(params.get(&parameter.name)?)).collect();
    if values.len() < LEAST {
        return None;
    }
    let prior = match domain {
        Domain::Fixed(_) => return None,
        Domain::Categorical { choices, .. } => {
            let taken = |choice| values.iter().filter(|value| value.same_as(choice)).count();
            Prior::Weights(choices.iter().map(|choice| 1.0 + taken(choice) as f64).collect())
        }
        Domain::Int { low, high, scale, .. } => {
            let reals = values.iter().filter_map(tunesmith_core::Value::as_f64);
            normal(reals, (*low as f64, *high as f64), *scale)?
        }
        Domain::Float { low, high, scale, .. } => {
            let reals = values.iter().filter_map(tunesmith_core::Value::as_f64);
            normal(reals, (*low, *high), *scale)?
        }
    };
    prior.validate(domain).is_ok().then_some(prior)
}

fn normal(
    reals: impl Iterator<Item = f64>,
    (low, high): (f64, f64),
    scale: Scale,
) -> Option<Prior> {
    let at = |real: f64| if scale == Scale::Log { libm::log(real) } else { real };
    // A value that was rounded to 0 has no place on a log scale.
    let places: Vec<f64> = reals.map(at).filter(|place| place.is_finite()).collect();
    if places.len() < LEAST {
        return None;
    }
    let count = places.len() as f64;
    let mu = places.iter().sum::<f64>() / count;
    let squares = places.iter().map(|place| (place - mu) * (place - mu)).sum::<f64>();
    let least = LEAST_DEVIATION * (at(high) - at(low));
    let sigma = (squares / (count - 1.0) + least * least).sqrt();
    Some(match scale {
        Scale::Linear => Prior::Normal { mu, sigma },
        Scale::Log => Prior::LogNormal { mu, sigma },
    })
}

#[cfg(test)]
mod tests;
