//! Bayesian optimisation with a Gaussian process: the trial of greatest expected improvement over the best so far.
//!
//! - Model: Matérn-5/2 with a length scale for each axis and Hamming distances for unordered choices, fitted by maximum
//!   a posteriori (as optuna 5.0.0's `GPSampler`), on values whose bad tail is cut (`evidence`).
//! - Choice: log expected improvement, with fantasies for trials that run and for the rest of the batch
//!   (`acquisition`, `search`); of two objectives the expected hypervolume improvement; of more, ParEGO (Knowles 2006)
//!   with weights drawn for each trial.
//! - Failed trials teach where trials fail; pruned and unfinished ones are evidence at their fraction.
//! - Beyond 250 trials or 20 axes, a trust region (`trust`).
//!
//! Refuses to model before two trials have a value, and more than 64 proposals of one batch: those are quasi-random.

mod acquisition;
mod evidence;
mod fit;
mod frame;
mod improvement;
mod kernel;
mod model;
mod search;
mod tile;
mod trust;
mod volume;

mod run;

use tunesmith_core::{Params, Rng, Sampler, Study, Suggestion, Value};

use crate::belief::{Belief, PRIOR_OPTION, uniform_value};
use crate::encoding::Encoding;
use crate::history::History;
use crate::numeric::quasi::Sequence;
use crate::options::{OptionKind, OptionSpec, Options};

/// What the sampler takes.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    PRIOR_OPTION,
    OptionSpec::new(
        "n_startup",
        OptionKind::Whole { least: 0, most: 100_000 },
        "how many first trials are quasi-random; 10 where left out",
    ),
    OptionSpec::new(
        "candidates",
        OptionKind::Whole { least: 16, most: 65_536 },
        "how many points are screened before local search; 768 where left out",
    ),
    OptionSpec::new(
        "fantasies",
        OptionKind::Whole { least: 1, most: 1_024 },
        "how many draws stand for the values of running trials; 64 where left out",
    ),
    OptionSpec::new(
        "noise_floor",
        OptionKind::Number { least: 0.0, most: f64::INFINITY },
        "the least variance of the metric's noise, in its own units squared, as p(1-p)/n of an accuracy over \
                 n examples; 0 where left out",
    ),
    OptionSpec::new(
        "warp",
        OptionKind::Word(&["clip", "half_rank", "power", "none"]),
        "what is done to values first: clip (where left out) cuts the bad tail at Tukey's fence, half_rank \
                 spreads the worse half by rank, power makes them normal, none leaves them",
    ),
];

/// What is done to values before they are standardised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Warp {
    /// The bad tail is cut at Tukey's fence.
    Clip,
    /// The worse half is spread by rank.
    HalfRank,
    /// Box and Cox's or Yeo and Johnson's power transform.
    Power,
    /// Nothing.
    None,
}

/// How the model proposes.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// How many candidates are screened before local search.
    pub(crate) candidates: usize,
    /// How many fantasies stand for the values of trials that run.
    pub(crate) fantasies: usize,
    /// The least variance of the metric's noise, in its own units squared.
    pub(crate) noise_floor: f64,
    /// What is done to the values.
    pub(crate) warp: Warp,
    /// How much the prior weighs against the logarithm of the expected improvement, before it is divided by the number
    /// of trials.
    pub(crate) prior_weight: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            candidates: 768,
            fantasies: 64,
            noise_floor: 0.0,
            warp: Warp::Clip,
            prior_weight: 5.0,
        }
    }
}

/// What is asked of the model.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// The study.
    pub(crate) study: &'a Study,
    /// Its history.
    pub(crate) history: &'a History<'a>,
    /// Its space.
    pub(crate) encoding: &'a Encoding<'a>,
    /// What was believed before; every sixth trial is proposed without it.
    pub(crate) belief: Option<Belief>,
    /// How to propose.
    pub(crate) settings: &'a Settings,
    /// The params of this batch that are chosen already, for the trials before those that are proposed.
    pub(crate) earlier: &'a [Params],
}

impl Request<'_> {
    /// The number of the first trial that is proposed.
    fn first_number(&self) -> u32 {
        self.study.next_number().saturating_add(self.earlier.len() as u32)
    }
}

/// Proposals of the model for the next `count` trials, one after the other with the earlier ones in view. `rng` is the
/// study's. Where there is nothing to learn from, draws of the belief or of the declared priors, and the note says so.
pub(crate) fn propose(request: &Request<'_>, count: u32, rng: &Rng) -> Vec<Suggestion> {
    run::propose(request, count, rng)
}

/// The completed trials that the model thinks best, one for each set of params: by its mean, which leans on neighbours
/// where values are noise. By value where there is no model of one objective over all trials.
pub(crate) fn finalists(study: &Study, settings: &Settings, count: u32) -> Vec<u32> {
    let (history, encoding) = (History::of(study), Encoding::of(study.space()));
    let (history, encoding) = (&history, &encoding);
    let request = Request { study, history, encoding, belief: None, settings, earlier: &[] };
    run::finalists(&request, count)
}

/// The sampler.
#[derive(Debug)]
pub(crate) struct GaussianProcess {
    startup: u32,
    belief: Belief,
    settings: Settings,
}

impl GaussianProcess {
    pub(crate) fn new(options: Options<'_>) -> Self {
        let defaults = Settings::default();
        let warp = match options.word("warp", "clip") {
            "half_rank" => Warp::HalfRank,
            "power" => Warp::Power,
            "none" => Warp::None,
            _ => Warp::Clip,
        };
        Self {
            startup: options.whole("n_startup", 10) as u32,
            belief: Belief::named(options.word("prior", "declared")),
            settings: Settings {
                candidates: options.whole("candidates", defaults.candidates),
                fantasies: options.whole("fantasies", defaults.fantasies),
                noise_floor: options.number("noise_floor", defaults.noise_floor),
                warp,
                ..defaults
            },
        }
    }

    fn belief(&self, study: &Study) -> Option<Belief> {
        self.belief.is_informed(study.space()).then_some(self.belief)
    }
}

impl Sampler for GaussianProcess {
    fn suggest(&self, study: &Study, count: u32, rng: &Rng) -> Vec<Suggestion> {
        let first = study.next_number();
        let belief = self.belief(study);
        let laid_out = self.startup.saturating_sub(first).min(count);
        let why = |number: u32| format!("{} of {} first trials", number + 1, self.startup);
        let mut suggestions: Vec<Suggestion> = (first..first + laid_out)
            .map(|number| quasi_random(study, belief, number, rng, &why(number)))
            .collect();
        if laid_out < count {
            let (history, encoding) = (History::of(study), Encoding::of(study.space()));
            let earlier: Vec<Params> = suggestions.iter().map(|one| one.params.clone()).collect();
            let settings = &self.settings;
            let (history, earlier) = (&history, &earlier);
            let request =
                Request { study, history, encoding: &encoding, belief, settings, earlier };
            suggestions.extend(propose(&request, count - laid_out, rng));
        }
        suggestions
    }

    fn finalists(&self, study: &Study, count: u32) -> Vec<u32> {
        finalists(study, &self.settings, count)
    }
}

/// A point of a scrambled Sobol sequence laid on a belief, every fifth of them on the ranges' own scales; without a
/// belief all are.
pub(crate) fn quasi_random(
    study: &Study,
    belief: Option<Belief>,
    number: u32,
    rng: &Rng,
    why: &str,
) -> Suggestion {
    let space = study.space();
    let sequence = Sequence::new(space.searched().count(), &rng.branch_named("first trials"));
    let shares = sequence.point(number);
    let share = |name: &str| {
        let position = space.searched().position(|parameter| parameter.name == name);
        position.and_then(|index| shares.get(index).copied()).unwrap_or(0.5)
    };
    let params = match belief.filter(|_| number % 5 != 4) {
        Some(belief) => belief.complete(space, |parameter| share(&parameter.name)),
        None => space.complete(|parameter| uniform_value(parameter, share(&parameter.name))),
    };
    let note = Params::from([("model", Value::from("sobol")), ("why", Value::from(why))]);
    Suggestion { params, note }
}

#[cfg(test)]
mod tests;
