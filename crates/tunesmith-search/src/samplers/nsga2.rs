//! NSGA-II: generations that breed the trials that no other beats, spread along the front.
//!
//! Deb, Pratap, Agarwal and Meyarivan (2002) with the constants and the steps of optuna 5.0.0's `NSGAIISampler`:
//! generations of 50; parents are the best 50 of a generation and its own parents, by rank and then by crowding; two
//! parents by binary tournament of domination; uniform crossover in nine cases of ten, swapping with chance 0.5, else
//! one parent; each parameter is drawn anew with chance 1 / d. A generation ends when 50 of its trials have completed;
//! pruned and failed ones do not count, and what ends later is not bred, as in optuna: with w workers that are at most
//! w - 1 of 49 + w trials.
//!
//! Deviations: parameters of conditional spaces are crossed too where a parent has them; enqueued trials that completed
//! during a generation breed with it; a child that was tried before is made again up to ten times. The first trial of
//! a generation keeps its parents in its note, and each trial its generation, so that a suggestion reads two
//! generations, however long the study is. With one objective it is an elitist genetic algorithm. Refuses to breed what
//! did not complete.

use tunesmith_core::{
    Parameter, Params, Rng, Sampler, Study, Suggestion, Trial, TrialState, Value,
};

use crate::history::scores;
use crate::numeric::pareto::{crowding, dominates, ranks};
use crate::options::{OptionKind, OptionSpec, Options};
use crate::population::{Tried, draw, drawn, genes, note, params};

const CROSSOVER: f64 = 0.9;
const SWAP: f64 = 0.5;
const MOST_CHILDREN: u64 = 10;

/// The notes: which generation a trial belongs to, and its parents where it is the first.
const GENERATION: &str = "generation";
const PARENTS: &str = "parents";

/// What a study may choose.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "mutation",
        OptionKind::Number { least: 0.0, most: 1.0 },
        "the chance of each parameter to be drawn anew; 1 by their number where left out",
    ),
    OptionSpec::new(
        "population",
        OptionKind::Whole { least: 2, most: 10_000 },
        "completed trials that make a generation; 50 where left out",
    ),
];

/// Breeds generation by generation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nsga2 {
    population: usize,
    /// `None`: 1 by the number of parameters.
    mutation: Option<f64>,
}

/// A completed trial with its scores; less is better.
#[derive(Debug, Clone)]
struct Individual<'a> {
    trial: &'a Trial,
    scores: Vec<f64>,
}

/// What the suggestions of a batch share.
struct Brood<'a> {
    study: &'a Study,
    parameters: Vec<&'a Parameter>,
    generation: i64,
    parents: Vec<Individual<'a>>,
    tried: Tried<'a>,
}

impl Nsga2 {
    pub(crate) fn new(options: Options<'_>) -> Self {
        let mutation = options.number("mutation", -1.0);
        Self {
            population: options.whole("population", 50),
            mutation: (mutation >= 0.0).then_some(mutation),
        }
    }

    /// The generation of the next trial, its parents, and whether it is a new one.
    fn generation<'a>(&self, study: &'a Study) -> (i64, Vec<Individual<'a>>, bool) {
        let newest = study.trials().iter().rev().find_map(generation);
        let Some(newest) = newest else { return (0, Vec::new(), true) };
        let before = |trial: &Trial| generation(trial).is_some_and(|other| other < newest);
        let first = study.trials().iter().rposition(before).map_or(0, |last| last + 1);
        let trials = &study.trials()[first..];
        let parents = trials.iter().find_map(|trial| parents(study, trial)).unwrap_or_default();
        let is_member = |trial: &&Trial| note(trial).is_none() || generation(trial) == Some(newest);
        let members: Vec<Individual<'_>> =
            trials.iter().filter(is_member).filter_map(|trial| individual(study, trial)).collect();
        if members.len() < self.population {
            return (newest, parents, false);
        }
        let pool = members.into_iter().chain(parents).collect();
        (newest + 1, select(pool, self.population), true)
    }

    fn suggest_one(&self, brood: &Brood<'_>, rng: &Rng) -> Suggestion {
        let Brood { study, parameters, parents, tried, .. } = brood;
        let random = |why: &str| drawn(study.space(), &rng.branch_named("random"), why.to_owned());
        if parents.len() < 2 {
            return random("the first generation");
        }
        let child = |attempt: u64| {
            let mut rng = rng.branch(attempt);
            let genes = self.child(parameters, parents, &mut rng);
            let params = params(study.space(), parameters, &genes);
            let note = Params::from([("model", "nsga2")]);
            (!tried.contains(&params)).then_some(Suggestion { params, note })
        };
        let found = (0..MOST_CHILDREN).find_map(child);
        found.unwrap_or_else(|| random("every child was tried before"))
    }

    fn child(
        &self,
        parameters: &[&Parameter],
        parents: &[Individual<'_>],
        rng: &mut Rng,
    ) -> Vec<f64> {
        let chance = self.mutation.unwrap_or(1.0 / parameters.len().max(1) as f64);
        let crosses = rng.uniform() < CROSSOVER;
        let (first, second) = if crosses {
            let first = tournament(parents, None, rng);
            (first, tournament(parents, Some(first), rng))
        } else {
            let only = rng.below(parents.len() as u64) as usize;
            (only, only)
        };
        let of = |parent: usize| genes(parameters, &parents[parent].trial.params);
        let (first, second) = (of(first), of(second));
        let gene = |((parameter, first), second): ((&&Parameter, &Option<f64>), &Option<f64>)| {
            let (taken, other) =
                if rng.uniform() < SWAP { (first, second) } else { (second, first) };
            let is_mutated = rng.uniform() < chance;
            match taken.or(*other) {
                Some(gene) if !is_mutated => gene,
                _ => draw(parameter, rng),
            }
        };
        parameters.iter().zip(&first).zip(&second).map(gene).collect()
    }
}

/// The index of the one of two that dominates, else of the second; never `except`.
fn tournament(parents: &[Individual<'_>], except: Option<usize>, rng: &mut Rng) -> usize {
    let count = parents.len() - usize::from(except.is_some());
    let mut pick = || {
        let index = rng.below(count as u64) as usize;
        index + usize::from(except.is_some_and(|except| index >= except))
    };
    let (left, right) = (pick(), pick());
    if dominates(&parents[left].scores, &parents[right].scores) { left } else { right }
}

/// The best `most` by rank, and of the last rank those that stand most alone; by number.
fn select(mut pool: Vec<Individual<'_>>, most: usize) -> Vec<Individual<'_>> {
    let points: Vec<Vec<f64>> = pool.iter().map(|one| one.scores.clone()).collect();
    let ranks = ranks(&points);
    let mut chosen: Vec<usize> = Vec::new();
    for rank in 0.. {
        let mut front: Vec<usize> = (0..pool.len()).filter(|index| ranks[*index] == rank).collect();
        let room = most - chosen.len();
        if front.len() > room {
            let members: Vec<Vec<f64>> = front.iter().map(|index| points[*index].clone()).collect();
            let distances = crowding(&members);
            let mut order: Vec<usize> = (0..front.len()).collect();
            order.sort_by(|a, b| distances[*b].total_cmp(&distances[*a]));
            front = order[..room].iter().map(|place| front[*place]).collect();
        }
        chosen.extend(&front);
        if chosen.len() >= most.min(pool.len()) {
            break;
        }
    }
    chosen.sort_unstable();
    let mut index = 0;
    pool.retain(|_| {
        index += 1;
        chosen.binary_search(&(index - 1)).is_ok()
    });
    pool.sort_by_key(|one| one.trial.number);
    pool
}

fn generation(trial: &Trial) -> Option<i64> {
    note(trial)?.get(GENERATION)?.as_i64()
}

fn individual<'a>(study: &Study, trial: &'a Trial) -> Option<Individual<'a>> {
    let is_completed = trial.state == TrialState::Completed;
    let scores = is_completed.then(|| scores(trial, study.metrics()))??;
    Some(Individual { trial, scores })
}

/// The parents that the trial's note names.
fn parents<'a>(study: &'a Study, trial: &Trial) -> Option<Vec<Individual<'a>>> {
    let Value::List(numbers) = note(trial)?.get(PARENTS)? else { return None };
    let parent = |number: &Value| {
        let number = u32::try_from(number.as_i64()?).ok()?;
        individual(study, study.trial(number)?)
    };
    Some(numbers.iter().filter_map(parent).collect())
}

impl Sampler for Nsga2 {
    fn suggest(&self, study: &Study, count: u32, rng: &Rng) -> Vec<Suggestion> {
        let (generation, parents, is_new) = self.generation(study);
        let mut brood = Brood {
            study,
            parameters: study.space().searched().collect(),
            generation,
            parents,
            tried: Tried::new(study.trials()),
        };
        let first = study.next_number();
        let suggest = |number: u32| {
            let mut suggestion = self.suggest_one(&brood, &rng.branch(u64::from(number)));
            suggestion.note.insert(GENERATION, Value::Int(brood.generation));
            if is_new && number == first && generation > 0 {
                let number = |one: &Individual<'_>| Value::Int(i64::from(one.trial.number));
                let parents = brood.parents.iter().map(number).collect();
                suggestion.note.insert(PARENTS, Value::List(parents));
            }
            brood.tried.add(&suggestion.params);
            suggestion
        };
        (first..first.saturating_add(count)).map(suggest).collect()
    }
}

#[cfg(test)]
mod tests;
