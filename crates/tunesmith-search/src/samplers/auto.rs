//! `auto`, the default: what is known first, then a model.
//!
//! 1. The first trial is the shipped default, unless it was tried already. Until five have ended, draws of the prior and
//!    points of a scrambled Sobol sequence take turns; where no prior says anything, all are Sobol's. The sequence is
//!    laid on the ranges' own scales, whatever is declared: with every prior ten times off, half of the first trials
//!    are as good as random search's.
//! 2. Then the Gaussian process proposes ([`super::gp`]): log expected improvement plus five over the number of trials
//!    times the log of the prior, a fifth of it uniform, every sixth trial without it; its own trust region beyond 250
//!    trials or 20 parameters.
//! 3. In a space with conditions TPE proposes by groups ([`super::tpe`]).
//!
//! An accuracy is as noisy as its rows are few: the executor records how many there are with each trial
//! ([`tunesmith_core::Effective`]), and p(1 - p) over that number is the least noise of the model.
//!
//! Each trial's note says who proposed it (`model`) and why (`why`). Refuses to weigh a prior that says nothing.

use tunesmith_core::{Params, Rng, Sampler, Study, Suggestion, Value};

use super::gp::{self, Request, Settings};
use super::tpe::Tpe;
use crate::belief::{Belief, PRIOR_OPTION};
use crate::encoding::Encoding;
use crate::history::History;
use crate::options::{OptionKind, OptionSpec, Options};

/// What the sampler takes.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    PRIOR_OPTION,
    OptionSpec::new(
        "validation_rows",
        OptionKind::Whole { least: 0, most: 1_000_000_000 },
        "on how many rows an accuracy is measured, so that the model knows its noise; as the trials' records have it where \
         left out",
    ),
];

/// How many trials must have ended before a model is asked.
const FIRST_TRIALS: usize = 5;

/// The last words of metrics that are shares of rows: accuracy, exact match, and mlr's mean misclassification error.
const SHARES: [&str; 4] = ["accuracy", "acc", "match", "mmce"];

/// The sampler.
#[derive(Debug)]
pub(crate) struct Auto {
    belief: Belief,
    validation_rows: usize,
    /// For spaces with conditions.
    grouped: Option<Tpe>,
}

impl Auto {
    pub(crate) fn new(options: Options<'_>) -> Self {
        let grouped = Params::from([
            ("group", Value::Bool(true)),
            ("n_startup", Value::Int(FIRST_TRIALS as i64)),
        ]);
        Self {
            belief: Belief::named(options.word("prior", "declared")),
            validation_rows: options.whole("validation_rows", 0),
            grouped: Tpe::new(Options(&grouped)),
        }
    }

    /// The belief, where it says anything about the space.
    fn informed(&self, study: &Study) -> Option<Belief> {
        self.belief.is_informed(study.space()).then_some(self.belief)
    }

    /// Proposals from what is known without results.
    fn first(&self, study: &Study, count: u32, rng: &Rng) -> Vec<Suggestion> {
        let belief = self.informed(study);
        let default = self.belief.default_point(study.space());
        let key = default.canonical();
        let mut untried = study.trials().iter().all(|trial| trial.params.canonical() != key);
        let first = study.next_number();
        let suggest = |number: u32| {
            if std::mem::take(&mut untried) {
                return noted(default.clone(), "default", "the first trial is the default");
            }
            match belief {
                Some(belief) if number % 2 == 1 => {
                    let params = belief.draw_prior(study.space(), &rng.branch(u64::from(number)));
                    noted(params, "prior", "one of the first trials")
                }
                _ => gp::quasi_random(study, None, number, rng, "one of the first trials"),
            }
        };
        (first..first.saturating_add(count)).map(suggest).collect()
    }

    /// The settings of the model: the noise of a share measured on so many rows is a floor that no fit goes below.
    fn settings(&self, study: &Study, history: &History<'_>) -> Settings {
        let best = history.completed.iter().filter_map(|one| one.scores.first().copied());
        let share = best.fold(f64::INFINITY, f64::min).abs();
        let rows = match self.validation_rows {
            0 => recorded_rows(study),
            rows => Some(rows as f64),
        };
        let noise_floor = match rows {
            Some(rows) if share > 0.0 && share < 1.0 => share * (1.0 - share) / rows,
            _ => 0.0,
        };
        Settings { noise_floor, ..Settings::default() }
    }
}

/// How many rows the only metric counts, as the latest trial that has it on record. `None` where the metric is no
/// share of rows, whose noise would not follow from their number, and where there are others of other units.
fn recorded_rows(study: &Study) -> Option<f64> {
    let [metric] = study.metrics() else { return None };
    let bare = metric.name.rsplit_once('_').map_or(metric.name.as_str(), |(_, last)| last);
    if !SHARES.contains(&bare) {
        return None;
    }
    let trials = study.trials().iter().rev();
    let mut recorded = trials.filter_map(|trial| trial.effective.as_ref()?.validation_rows);
    recorded.find(|rows| *rows > 0).map(|rows| rows as f64)
}

fn noted(params: Params, model: &str, why: &str) -> Suggestion {
    let note = Params::from([("model", Value::from(model)), ("why", Value::from(why))]);
    Suggestion { params, note }
}

impl Sampler for Auto {
    fn suggest(&self, study: &Study, count: u32, rng: &Rng) -> Vec<Suggestion> {
        let history = History::of(study);
        if history.finished() < FIRST_TRIALS {
            return self.first(study, count, rng);
        }
        if let Some(grouped) = self.grouped.filter(|_| study.space().is_conditional()) {
            let mut suggestions = grouped.suggest(study, count, rng);
            for suggestion in &mut suggestions {
                suggestion.note.insert("model", "tpe");
                suggestion.note.insert("why", "the space has conditions");
            }
            return suggestions;
        }
        let encoding = Encoding::of(study.space());
        let request = Request {
            study,
            history: &history,
            encoding: &encoding,
            belief: self.informed(study),
            settings: &self.settings(study, &history),
            earlier: &[],
        };
        gp::propose(&request, count, rng)
    }

    fn finalists(&self, study: &Study, count: u32) -> Vec<u32> {
        gp::finalists(study, &self.settings(study, &History::of(study)), count)
    }
}
