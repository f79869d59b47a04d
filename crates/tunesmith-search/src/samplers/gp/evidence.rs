//! What the trials of a study say, as points and standardised targets of which less is better.
//!
//! - A completed trial is a point at the whole of its schedule, fraction 1.
//! - A pruned one, and a running or paused one that has reported, is a point at the fraction that it reached, an axis
//!   of its own with its own length scale (as MOBSTER joins rungs; Klein et al. 2020). What completed trials gained
//!   from that fraction to their end, in the median, is taken off first.
//! - A trial that failed of itself counts as bad as the worst.
//!
//! Policy for many trials: of the best 500 and the latest 1,500, the 300 nearest to the middle of the region; with
//! several objectives the front and the latest, 250 in all. Refuses to drop a pruned trial for being pruned.

use std::collections::BTreeMap;

use tunesmith_core::{Study, Trial, TrialState};

use super::frame::Frame;
use super::{Settings, Warp};
use crate::history::{History, Scored, score, scores};
use crate::numeric::{pareto, transform};

/// Up to this many trials with a value one model holds all.
pub(crate) const MOST_GLOBAL: usize = 250;
const MOST_LOCAL: usize = 300;
const BEST: usize = 500;
const LATEST: usize = 1_500;
/// The most failed trials that count, the latest.
const MOST_FAILED: usize = 100;
/// How far apart fractions of two schedules may be to be compared.
const SAME_FRACTION: f64 = 0.02;
/// How many completed trials must have reported at a fraction for their gain to count.
const LEAST_GAINS: usize = 3;

/// One trial with values.
#[derive(Debug, Clone)]
pub(crate) struct Observation<'a> {
    pub(crate) trial: &'a Trial,
    /// Less is better; one for each metric.
    pub(crate) scores: Vec<f64>,
    /// The share of its schedule after which it had them.
    pub(crate) fraction: f64,
}

/// The trials with values, by number, completed ones first; of many with one objective the best and the latest.
pub(crate) fn observations<'a>(study: &'a Study, history: &History<'a>) -> Vec<Observation<'a>> {
    let whole = |scored: &Scored<'a>| Observation {
        trial: scored.trial,
        scores: scored.scores.clone(),
        fraction: 1.0,
    };
    let single = study.metrics().len() == 1;
    let kept = |trials: &[Scored<'a>]| -> Vec<Observation<'a>> {
        if single {
            best_and_latest(trials).into_iter().map(whole).collect()
        } else {
            trials.iter().map(whole).collect()
        }
    };
    let mut all = kept(&history.completed);
    let unfinished = history.pending.iter().filter_map(|trial| {
        scores(trial, study.metrics()).map(|scores| Observation {
            trial,
            scores,
            fraction: reached(trial),
        })
    });
    let pruned = kept(&history.pruned)
        .into_iter()
        .map(|one| Observation { fraction: reached(one.trial), ..one });
    let mut partial: Vec<Observation<'a>> = pruned.chain(unfinished).collect();
    let mut gains = BTreeMap::new();
    for observation in &mut partial {
        let key = (observation.fraction / SAME_FRACTION) as i64;
        let middle = (key as f64 + 0.5) * SAME_FRACTION;
        let gain = gains.entry(key).or_insert_with(|| gains_from(study, history, middle));
        observation.scores.iter_mut().zip(gain.iter()).for_each(|(score, gain)| *score -= gain);
    }
    all.extend(partial);
    all
}

/// The best of the older trials, then the latest; each by number.
fn best_and_latest<'h, 'a>(trials: &'h [Scored<'a>]) -> Vec<&'h Scored<'a>> {
    let (older, latest) = trials.split_at(trials.len().saturating_sub(LATEST));
    let mut kept: Vec<&Scored<'a>> = older.iter().collect();
    if kept.len() > BEST {
        kept.select_nth_unstable_by(BEST, |left, right| {
            let by_score = left.scores[0].total_cmp(&right.scores[0]);
            by_score.then(left.trial.number.cmp(&right.trial.number))
        });
        kept.truncate(BEST);
        kept.sort_by_key(|scored| scored.trial.number);
    }
    kept.extend(latest);
    kept
}

fn reached(trial: &Trial) -> f64 {
    trial.reports.last().map_or(1.0, |report| report.fraction.clamp(0.0, 1.0))
}

/// By how much completed trials got better from a fraction of their schedule to its end, in the median; 0 where too
/// few of them reported there.
fn gains_from(study: &Study, history: &History<'_>, fraction: f64) -> Vec<f64> {
    let recent = || history.completed.iter().rev().take(MOST_GLOBAL);
    let gain_of = |index: usize| {
        let metric = &study.metrics()[index];
        let mut gains: Vec<f64> = recent()
            .filter_map(|scored| {
                let reports = scored.trial.reports.iter();
                let near =
                    reports.filter(|report| (report.fraction - fraction).abs() <= SAME_FRACTION);
                let then = near.filter_map(|report| report.values.get(&metric.name)).next_back()?;
                Some(score(metric.goal, *then) - scored.scores[index])
            })
            .collect();
        gains.sort_by(f64::total_cmp);
        if gains.len() < LEAST_GAINS { 0.0 } else { transform::quantile(&gains, 0.5) }
    };
    (0..study.metrics().len()).map(gain_of).collect()
}

/// Those that a model is to hold; `centre` is the middle of its region.
pub(crate) fn select<'a>(
    all: Vec<Observation<'a>>,
    frame: &Frame<'_>,
    centre: Option<&[f64]>,
) -> Vec<Observation<'a>> {
    let several = all.first().is_some_and(|observation| observation.scores.len() > 1);
    match centre {
        None if all.len() <= MOST_GLOBAL => all,
        _ if several => front_and_latest(all),
        None => nearby(all, |_| 0.0),
        Some(centre) => nearby(all, |observation| {
            let point = frame.coordinates(&observation.trial.params);
            let axes = point.iter().zip(centre).zip(&frame.categorical);
            axes.map(|((a, b), cat)| super::kernel::axis_square(*cat, *a, *b)).sum()
        }),
    }
}

fn nearby<'a>(
    all: Vec<Observation<'a>>,
    distance: impl Fn(&Observation<'a>) -> f64,
) -> Vec<Observation<'a>> {
    if all.len() <= MOST_LOCAL {
        return all;
    }
    let mut by_distance: Vec<(f64, Observation<'a>)> =
        all.into_iter().map(|observation| (distance(&observation), observation)).collect();
    by_distance.sort_by(|a, b| a.0.total_cmp(&b.0));
    by_distance.truncate(MOST_LOCAL);
    let mut chosen: Vec<Observation<'a>> =
        by_distance.into_iter().map(|(_, observation)| observation).collect();
    chosen.sort_by_key(|observation| observation.trial.number);
    chosen
}

fn front_and_latest(mut all: Vec<Observation<'_>>) -> Vec<Observation<'_>> {
    all.sort_by_key(|one| std::cmp::Reverse(one.trial.number));
    let scores: Vec<Vec<f64>> = all.iter().map(|one| one.scores.clone()).collect();
    let front = pareto::front(&scores);
    let mut keep = vec![false; all.len()];
    front.into_iter().take(MOST_GLOBAL / 2).for_each(|index| keep[index] = true);
    let mut room = MOST_GLOBAL - keep.iter().filter(|kept| **kept).count();
    for slot in &mut keep {
        if !*slot && room > 0 {
            *slot = true;
            room -= 1;
        }
    }
    let mut keep = keep.into_iter();
    all.retain(|_| keep.next() == Some(true));
    all.sort_by_key(|observation| observation.trial.number);
    all
}

/// The trials that failed of themselves, the latest.
pub(crate) fn failures<'a>(history: &History<'a>) -> Vec<&'a Trial> {
    let failed = |trial: &&&Trial| trial.state == TrialState::Failed;
    history.failed.iter().rev().filter(failed).take(MOST_FAILED).copied().collect()
}

/// The points of a model: observations, then failures.
#[derive(Debug, Clone)]
pub(crate) struct Points {
    /// With the fraction as last coordinate where any observation is partial.
    pub(crate) points: Vec<Vec<f64>>,
    /// How many of them are observations.
    pub(crate) observed: usize,
    /// How many of those are partial.
    pub(crate) partial: usize,
}

impl Points {
    pub(crate) fn new(frame: &Frame<'_>, observed: &[Observation<'_>], failed: &[&Trial]) -> Self {
        let partial = observed.iter().filter(|one| one.fraction < 1.0).count();
        let place = |trial: &Trial, fraction: f64| {
            let mut point = frame.coordinates(&trial.params);
            if partial > 0 {
                point.push(fraction);
            }
            point
        };
        let measured = observed.iter().map(|one| place(one.trial, one.fraction));
        let points = measured.chain(failed.iter().map(|trial| place(trial, 1.0))).collect();
        Self { points, observed: observed.len(), partial }
    }
}

/// The targets of one objective: warped, standardised, with failures at the worst.
#[derive(Debug, Clone)]
pub(crate) struct Targets {
    pub(crate) values: Vec<f64>,
    /// The least variance of the noise, in these units.
    pub(crate) noise_floor: f64,
}

/// The least variance of noise that keeps the covariance well conditioned; Optuna's.
const LEAST_NOISE: f64 = 1e-6;

pub(crate) fn targets(mut values: Vec<f64>, failed: usize, settings: &Settings) -> Targets {
    let deviation_of_clipped = {
        let mut clipped = values.clone();
        transform::clip(&mut clipped);
        transform::standardise(&mut clipped)
    };
    match settings.warp {
        Warp::Clip => transform::clip(&mut values),
        Warp::HalfRank => transform::half_rank(&mut values),
        Warp::Power => transform::power(&mut values),
        Warp::None => {}
    }
    let worst = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    values.extend(std::iter::repeat_n(if worst.is_finite() { worst } else { 0.0 }, failed));
    transform::standardise(&mut values);
    let relative = settings.noise_floor / (deviation_of_clipped * deviation_of_clipped);
    let noise_floor =
        if relative.is_finite() { relative.clamp(LEAST_NOISE, 1.0) } else { LEAST_NOISE };
    Targets { values, noise_floor }
}
