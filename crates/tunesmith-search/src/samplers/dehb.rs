//! The sampler of DEHB: differential evolution within the budget that a trial starts with.
//!
//! Awad, Mallik and Hutter, "DEHB" (IJCAI 2021), DEHB 0.1.2: F 0.5, crossover 0.5, rand/1/bin, a population for each
//! budget of Hyperband. A new trial's budget is the first rung of its bracket; the trials that passed that rung are the
//! population, whether they started there or were promoted from below, as many of the best as the bracket has seats. The
//! trial's seat says which of them it challenges.
//!
//! Departures: a promotion goes on with the same trial, where DEHB evaluates a mutant of it at the next budget; a child
//! takes the place of whatever is worst, not of its target; trials are drawn from the priors while the population has
//! fewer than four. Refuses to look at objectives beyond the first.

use tunesmith_core::{
    Parameter, Params, Rng, Sampler, Study, StudyConfig, Suggestion, Trial, Value,
};

use super::de::De;
use crate::history::score;
use crate::options::Options;
use crate::population::{drawn, params};
use crate::schedulers::brackets::{Bracket, Brackets};
use crate::schedulers::hyperband::hyperband;
use crate::schedulers::rungs::{scored, searched};

/// A target and three others.
const LEAST_POPULATION: usize = 4;
const FACTOR: f64 = 0.5;
const CROSSOVER: f64 = 0.5;

/// Moves trials by the differences of others at the same budget.
#[derive(Debug, Clone)]
pub(crate) struct Dehb {
    brackets: Brackets,
}

impl Dehb {
    /// With the brackets of the configuration's scheduler.
    pub(crate) fn new(config: &StudyConfig) -> Self {
        Self { brackets: hyperband(Options(&config.scheduler.options)) }
    }

    fn suggest_one(&self, study: &Study, place: usize, rng: &Rng) -> Suggestion {
        let random = |why: String| drawn(study.space(), &rng.branch_named("random"), why);
        let Some((bracket, seat)) = self.brackets.seat(place) else {
            return random("no brackets".to_owned());
        };
        let population = population(study, bracket);
        if population.len() < LEAST_POPULATION {
            return random(format!("{} of {LEAST_POPULATION} at its budget", population.len()));
        }
        let target = population[seat % population.len()];
        let mut rng = rng.branch_named("child");
        let mut others: Vec<&Trial> =
            population.iter().filter(|other| other.number != target.number).copied().collect();
        rng.shuffle(&mut others);
        let parameters: Vec<&Parameter> = study.space().searched().collect();
        let operators = De::of(population.len(), FACTOR, CROSSOVER);
        let three = [others[0], others[1], others[2]];
        let genes = operators.child(&parameters, target, three, &mut rng);
        let note = Params::from([
            ("model", Value::from("dehb")),
            ("target", Value::Int(i64::from(target.number))),
        ]);
        Suggestion { params: params(study.space(), &parameters, &genes), note }
    }
}

/// The best trials at the bracket's first budget, as many as it has seats.
fn population<'a>(study: &'a Study, bracket: &Bracket) -> Vec<&'a Trial> {
    let Some(metric) = study.metrics().first() else { return Vec::new() };
    let at = |trial: &'a Trial| {
        let score = if bracket.ladder.len() == 0 {
            let ended = trial.state == tunesmith_core::TrialState::Completed;
            let value = ended.then(|| trial.value(metric)).flatten();
            value.map(|value| score(metric.goal, value))
        } else {
            let first = bracket.ladder.passings(trial, scored(metric)).next();
            first.filter(|passing| passing.rung == 0).map(|passing| passing.value)
        };
        Some((score?, trial))
    };
    let mut found: Vec<(f64, &Trial)> = searched(study).filter_map(at).collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.number.cmp(&b.1.number)));
    found.into_iter().take(bracket.size).map(|(_, trial)| trial).collect()
}

impl Sampler for Dehb {
    fn suggest(&self, study: &Study, count: u32, rng: &Rng) -> Vec<Suggestion> {
        let first = study.next_number();
        let place = study.searched_trials() as usize;
        let one = |(number, place): (u32, usize)| {
            self.suggest_one(study, place, &rng.branch(number.into()))
        };
        (first..first.saturating_add(count)).zip(place..).map(one).collect()
    }
}

#[cfg(test)]
mod tests;
