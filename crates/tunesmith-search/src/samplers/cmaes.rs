//! CMA-ES for mixed spaces: a normal distribution over numbers that learns its mean, its size and its shape, with a
//! margin for lattices, and a distribution over unordered choices beside it.
//!
//! Sources are named by the parts: the normal distribution and its update match cmaes 0.13.1's `CMA`, lattices its
//! `CMAwM` (margin 1 / (d λ)), choices its `CatCMAwM`. The search begins in the middle of the priors with a deviation
//! of a sixth of the range, as Optuna's sampler does.
//!
//! Asynchronous: suggestions are drawn from the newest generation while trials of it are pending, and as soon as λ of
//! them have ended, all that have ended are told at once (with the constants for their number). Trials of earlier
//! generations that end later are not told, as in Optuna's sampler: their steps were measured from a mean and in a shape
//! that are gone. With w workers that are at most w - 1 trials of λ + w - 1; where that is much, as with four workers
//! and λ = 8, a greater `population` wastes less. One worker wastes none. What completed is ranked before what was pruned, failures come last.
//! Inactive parameters are drawn and told, but absent. The first trial of a generation keeps the whole state in its
//! note, and every trial its own draw, so that a suggestion reads one generation, however long the study is.
//!
//! It is a local search, and slow to leave the middle: on the benchmark's `learners`, whose best values lie at the ends of
//! most ranges (the smallest leaves of `rpart`, `glmnet`'s purest mixtures and least penalties), it is worse than random
//! at 8 to 64 trials and no better at 200, and so are cmaes 0.13.1's own `CatCMAwM` at 8 to 32 and Optuna's
//! `CmaEsSampler` at 8 and 16 (`bench/search/dev.md`); on `deberta`, whose best rates are near the middle, all three are
//! better.
//!
//! In a finite space a point that was tried is drawn again up to ten times, which cmaes does not do.
//!
//! Refuses to look at enqueued trials and at objectives beyond the first: the registry gives it studies of one. A space that grew (define-by-run) begins
//! anew.

mod choices;
mod gaussian;
mod layout;
mod margin;
mod state;
mod text;

use tunesmith_core::{Params, Rng, Sampler, Study, Suggestion, Trial, Value};

use crate::encoding::Encoding;
use crate::options::{OptionKind, OptionSpec, Options};
use crate::population::{Fitness, Tried, note};
use layout::{Draft, Layout};
use state::{MOST_FULL, Restart, Settings, State};

/// What a study may choose.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "population",
        OptionKind::Whole { least: 4, most: 10_000 },
        "trials that make a generation; 4 + 3 ln(parameters) where left out",
    ),
    OptionSpec::new(
        "restart",
        OptionKind::Word(&["ipop", "bipop", "none"]),
        "after convergence: ipop (where left out) starts anew with twice the population, bipop with small ones in \
         turn, none goes on",
    ),
    OptionSpec::new(
        "sigma",
        OptionKind::Number { least: 1e-3, most: 1.0 },
        "the first standard deviation, as a share of each range; 1/6 where left out",
    ),
];

/// The notes: which generation a trial belongs to, its draw, and the state where it is the first.
const GENERATION: &str = "generation";
const DRAW: &str = "draw";
const STATE: &str = "state";

/// How often a point of a finite space that was tried before is drawn again.
const MOST_REPEATS: u64 = 10;

/// A distribution that learns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cmaes {
    settings: Settings,
}

/// The newest generation.
struct Generation {
    /// Counted from 0.
    index: i64,
    state: State,
    /// The trial that has the state.
    first: usize,
}

impl Cmaes {
    pub(crate) fn new(options: Options<'_>) -> Self {
        let population = options.whole("population", 0);
        let restart = match options.word("restart", "ipop") {
            "bipop" => Restart::Bipop,
            "none" => Restart::None,
            _ => Restart::Ipop,
        };
        let settings = Settings {
            sigma: options.number("sigma", 1.0 / 6.0),
            population: (population > 0).then_some(population),
            restart,
        };
        Self { settings }
    }

    /// The generation that the next trial belongs to, and whether its state is new.
    fn generation(&self, study: &Study, layout: &Layout, rng: &Rng) -> (i64, State, bool) {
        let Some(newest) = newest(study, layout) else {
            let index =
                study.trials().iter().rev().find_map(generation).map_or(0, |index| index + 1);
            return (index, State::first(&self.settings, layout), true);
        };
        let members = members(study, layout, &newest);
        if members.len() < newest.state.regime.population {
            return (newest.index, newest.state, false);
        }
        let next = newest.state.next(&self.settings, layout, members, rng);
        (newest.index + 1, next, true)
    }
}

impl Sampler for Cmaes {
    fn suggest(&self, study: &Study, count: u32, rng: &Rng) -> Vec<Suggestion> {
        let encoding = Encoding::of(study.space());
        let layout = Layout::of(&encoding);
        let first = u64::from(study.next_number());
        let (generation, state, is_new) = self.generation(study, &layout, &rng.branch(first));
        let factor = state.gaussian.covariance.factor();
        let is_finite = encoding.cardinality().is_some();
        let mut tried = Tried::new(study.trials());
        let suggest = |number: u64| {
            let rng = rng.branch(number);
            let draw = |attempt: u64| {
                let draft = layout.draw(&state, &factor, &rng.branch(attempt));
                let params = encoding.decode(&layout.coordinates(&encoding, &state, &draft));
                (draft, params)
            };
            let mut attempts = 0..MOST_REPEATS;
            let fresh = attempts.find_map(|attempt| {
                let (draft, params) = draw(attempt);
                (!is_finite || !tried.contains(&params)).then_some((draft, params))
            });
            let mut note = Params::from([(GENERATION, Value::Int(generation))]);
            if fresh.is_none() {
                note.insert("why", "tried before");
            }
            let (draft, params) = fresh.unwrap_or_else(|| draw(0));
            note.insert(DRAW, Value::Text(text::write(&draft.write())));
            if is_new && number == first {
                note.insert(STATE, Value::Text(text::write(&state.write())));
                remark(&layout, &state, &mut note);
            }
            tried.add(&params);
            Suggestion { params, note }
        };
        (first..first + u64::from(count)).map(suggest).collect()
    }
}

/// What a person should know of a generation.
fn remark(layout: &Layout, state: &State, note: &mut Params) {
    if layout.numbers() + layout.choices() == 0 {
        note.insert("why", "nothing to choose");
    }
    if layout.numbers() > MOST_FULL {
        note.insert("covariance", "diagonal");
    }
    if state.regime.enlarged > 0 {
        note.insert("restarts", Value::Int(i64::from(state.regime.enlarged)));
    }
}

fn generation(trial: &Trial) -> Option<i64> {
    note(trial)?.get(GENERATION)?.as_i64()
}

/// The newest generation, if it was drawn for this layout.
fn newest(study: &Study, layout: &Layout) -> Option<Generation> {
    let trials = study.trials().iter().enumerate().rev();
    let mut with_state =
        trials.filter_map(|(at, trial)| Some((at, trial, note(trial)?.get(STATE)?.as_str()?)));
    let (first, trial, state) = with_state.next()?;
    let state = State::read(layout, &text::read(state)?)?;
    Some(Generation { index: generation(trial)?, state, first })
}

/// The draws of the generation's trials that have ended.
fn members(study: &Study, layout: &Layout, newest: &Generation) -> Vec<(Draft, Fitness)> {
    let member = |trial: &Trial| {
        let fitness = Fitness::of(trial, study.metrics())?;
        let is_member = generation(trial)? == newest.index;
        let draw = note(trial)?.get(DRAW)?.as_str()?;
        let draft = layout.draft(&text::read(draw)?)?;
        is_member.then_some((draft, fitness))
    };
    study.trials()[newest.first..].iter().filter_map(member).collect()
}

#[cfg(test)]
mod tests;
