//! Expected improvement under a random forest: for spaces with many choices and conditions.
//!
//! The loop of SMAC3 2.4.1's hyperparameter facade (Hutter, Hoos and Leyton-Brown, LION 2011; Lindauer et al., JMLR 23,
//! 2022): a Sobol design of 10 d trials but at most a quarter of the budget (of 100 trials where the budget names
//! none), ten trees, values that are all above 0 by their logarithm, expected improvement on 2,000 draws from the priors
//! and on local searches from the best points, and a fifth of the trials drawn from the priors. An inactive parameter
//! has a value of its own (-1, or one more category), as there.
//!
//! Deviations: pending trials and the earlier ones of a batch stand in the data with the mean of what was measured (the
//! constant liar of Ginsbourger, Le Riche and Carraro, 2010), and failures with the worst. Of more than
//! [`MOST_TRIALS`] trials that ended the forest sees the best quarter of that number and the newest for the rest.
//! Refuses to look at objectives beyond the first, and to run a trial twice while it finds another.

mod acquisition;
mod candidates;

use tunesmith_core::{Params, Rng, Sampler, Study, Suggestion, Trial, TrialState};

use crate::encoding::Encoding;
use crate::numeric::forest::{Cut, Forest as Trees, Settings};
use crate::options::{OptionKind, OptionSpec, Options};
use crate::population::{Fitness, Tried, drawn, fittest};
use crate::samplers::sobol::Sobol;
use acquisition::{Acquisition, Targets};
use candidates::Points;

/// The most trials that the forest sees.
pub(crate) const MOST_TRIALS: usize = 1_000;
/// How many trials a study is thought to have where its budget says nothing, as in SMAC.
const USUAL_TRIALS: u32 = 100;

/// What a study may choose.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "n_candidates",
        OptionKind::Whole { least: 1, most: 100_000 },
        "draws from the priors among which the best is looked for; 2,000 where left out",
    ),
    OptionSpec::new(
        "n_startup",
        OptionKind::Whole { least: 0, most: 1_000_000 },
        "trials of the first design; ten a parameter but at most a quarter of the budget where left out",
    ),
    OptionSpec::new(
        "random",
        OptionKind::Number { least: 0.0, most: 1.0 },
        "the share of later trials that is drawn from the priors; 0.2 where left out",
    ),
    OptionSpec::new(
        "trees",
        OptionKind::Whole { least: 1, most: 1_000 },
        "trees of the forest; 10 where left out",
    ),
];

/// Proposes what a forest expects to improve most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forest {
    /// `None`: by the parameters and the budget.
    startup: Option<usize>,
    candidates: usize,
    random: f64,
    trees: usize,
}

/// Trials as the forest sees them.
struct Data {
    rows: Vec<Vec<f64>>,
    targets: Targets,
    /// How many trials ended.
    ended: usize,
}

impl Forest {
    pub(crate) fn new(options: Options<'_>) -> Self {
        let startup = options.whole("n_startup", usize::MAX);
        Self {
            startup: (startup != usize::MAX).then_some(startup),
            candidates: options.whole("n_candidates", 2_000),
            random: options.number("random", 0.2),
            trees: options.whole("trees", 10),
        }
    }

    fn startup(&self, study: &Study) -> usize {
        let dimensions = study.space().searched().count();
        let trials = study.budget().trials.unwrap_or(USUAL_TRIALS) as usize;
        self.startup.unwrap_or((10 * dimensions).min(trials / 4).max(1))
    }

    /// What is expected to improve most and was not tried.
    fn propose(&self, batch: &Batch<'_, '_>, rng: &Rng) -> Option<Params> {
        let Batch { points, data, starts, tried, .. } = batch;
        let settings = Settings {
            trees: self.trees,
            bootstrap: true,
            least_split: 3,
            least_leaf: 1,
            most_depth: 64,
            cut: Cut::Random,
        };
        let features = points.features();
        let rng_of = |name: &str| rng.branch_named(name);
        let trees =
            Trees::fit(&features, &data.rows, data.targets.values(), &settings, &rng_of("trees"));
        let acquisition = Acquisition::new(&trees, &data.targets);
        let score = |point: &[f64]| acquisition.at(&points.row(point));
        let mut ranked = candidates::ranked(points, self.candidates, &score, &rng_of("draws"));
        let searched = candidates::searched(points, &ranked, starts, &score, &rng_of("search"));
        ranked.extend(searched);
        ranked.sort_by(|left, right| right.0.total_cmp(&left.0));
        let mut params = ranked.iter().map(|(_, point)| points.encoding.decode(point));
        params.find(|params| !tried.contains(params))
    }
}

/// What the suggestions of a batch share.
struct Batch<'a, 'e> {
    study: &'a Study,
    points: &'a Points<'a, 'e>,
    /// The Sobol points of the batch's trials.
    design: Vec<Suggestion>,
    data: Data,
    /// Where walks start.
    starts: Vec<Vec<f64>>,
    tried: Tried<'a>,
}

impl Forest {
    fn suggest_one(&self, batch: &mut Batch<'_, '_>, number: u32, rng: &Rng) -> Suggestion {
        let startup = self.startup(batch.study);
        let index = (number - batch.study.next_number()) as usize;
        if let (true, Some(point)) = ((number as usize) < startup, batch.design.get(index)) {
            let why = format!("{} of {startup} first trials", number + 1);
            let note = Params::from([("model", "sobol"), ("why", why.as_str())]);
            return Suggestion { params: point.params.clone(), note };
        }
        let random =
            |why: &str| drawn(batch.study.space(), &rng.branch_named("random"), why.to_owned());
        if rng.branch_named("interleave").uniform() < self.random {
            return random("interleaved");
        }
        if !batch.data.targets.are_known() {
            return random("no trial scored");
        }
        let Some(params) = self.propose(batch, rng) else {
            return random("every candidate was tried before");
        };
        let mut note = Params::from([("model", "forest")]);
        if batch.data.ended > MOST_TRIALS {
            note.insert("why", format!("{MOST_TRIALS} of {} trials", batch.data.ended).as_str());
        }
        Suggestion { params, note }
    }
}

impl Sampler for Forest {
    fn suggest(&self, study: &Study, count: u32, rng: &Rng) -> Vec<Suggestion> {
        let encoding = Encoding::of(study.space());
        let points = Points::new(&encoding);
        let first = study.next_number();
        let is_early = (first as usize) < self.startup(study);
        let best = fittest(study.trials(), study.metrics(), candidates::STARTS);
        let mut batch = Batch {
            study,
            points: &points,
            design: if is_early { Sobol.suggest(study, count, rng) } else { Vec::new() },
            data: Data::of(study, &points),
            starts: best.iter().map(|trial| points.coordinates(&trial.params)).collect(),
            tried: Tried::new(study.trials()),
        };
        let suggest = |number: u32| {
            let suggestion = self.suggest_one(&mut batch, number, &rng.branch(u64::from(number)));
            batch.tried.add(&suggestion.params);
            batch.data.lie(&points, &suggestion.params);
            suggestion
        };
        (first..first.saturating_add(count)).map(suggest).collect()
    }
}

impl Data {
    fn of(study: &Study, points: &Points<'_, '_>) -> Self {
        let ended: Vec<(&Trial, Fitness)> = study
            .trials()
            .iter()
            .filter_map(|trial| Some((trial, Fitness::of(trial, study.metrics())?)))
            .collect();
        let seen = seen(&ended);
        let scores = seen.iter().map(|(_, fitness)| fitness.score()).collect::<Vec<_>>();
        let rows = seen.iter().map(|(trial, _)| points.row_of(&trial.params)).collect();
        let mut data = Self { rows, targets: Targets::new(&scores), ended: ended.len() };
        let states = [TrialState::Queued, TrialState::Running, TrialState::Paused];
        for trial in states.iter().flat_map(|state| study.in_state(*state)) {
            data.lie(points, &trial.params);
        }
        data
    }

    /// Takes params whose value is not known yet as average.
    fn lie(&mut self, points: &Points<'_, '_>, params: &Params) {
        self.rows.push(points.row_of(params));
        self.targets.lie();
    }
}

/// All trials that ended, or of many the best and the newest.
fn seen<'a>(ended: &[(&'a Trial, Fitness)]) -> Vec<(&'a Trial, Fitness)> {
    if ended.len() <= MOST_TRIALS {
        return ended.to_vec();
    }
    let mut order: Vec<usize> = (0..ended.len()).collect();
    let newest = ended.len() - (MOST_TRIALS - MOST_TRIALS / 4);
    order.truncate(newest);
    order.sort_by(|a, b| ended[*a].1.compare(ended[*b].1).then(a.cmp(b)));
    order.truncate(MOST_TRIALS / 4);
    order.sort_unstable();
    order.extend(newest..ended.len());
    order.into_iter().map(|index| ended[index]).collect()
}

#[cfg(test)]
mod tests;
