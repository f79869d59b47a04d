//! A genetic algorithm in steady state: every suggestion is a child of two of the fittest trials so far, so that no
//! worker waits for a generation.
//!
//! Whitley, "The GENITOR algorithm and selection pressure" (ICGA 1989) for the steady state: the population is the 20
//! fittest that ended. Parents by binary tournament (Goldberg and Deb, 1991). Crossover in nine cases of ten, else the
//! first parent: unordered choices from either parent alike (Syswerda, 1989), numbers by BLX-0.5 (Eshelman and
//! Schaffer, 1993). Mutation of each parameter with chance 1 / d (Mühlenbein, 1992): a normal step of a tenth of the
//! range, mirrored at its ends, or another choice. What was tried is not proposed again: up to 20 children are made,
//! then a draw from the priors takes their place.
//!
//! Before that, as many draws from the priors as the population has. What completed is fitter than what was pruned.
//! Refuses to breed failures, and to look at objectives beyond the first.

use tunesmith_core::{Parameter, Params, Rng, Sampler, Study, Suggestion, Trial, Value};

use crate::options::{OptionKind, OptionSpec, Options};
use crate::population::{
    Tried, draw, drawn, fittest, genes, is_unordered, mirrored, mutated, params,
};

const CROSSOVER: f64 = 0.9;
/// How far beyond its parents a child may lie, in shares of their distance.
const BLEND: f64 = 0.5;
const DEVIATION: f64 = 0.1;
const MOST_CHILDREN: u64 = 20;

/// What a study may choose.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "population",
        OptionKind::Whole { least: 2, most: 10_000 },
        "how many of the fittest trials breed, and how many are drawn at first; 20 where left out",
    ),
    OptionSpec::new(
        "mutation",
        OptionKind::Number { least: 0.0, most: 1.0 },
        "the chance of each parameter to be mutated; 1 by their number where left out",
    ),
];

/// Breeds the fittest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Genetic {
    population: usize,
    /// `None`: 1 by the number of parameters.
    mutation: Option<f64>,
}

impl Genetic {
    pub(crate) fn new(options: Options<'_>) -> Self {
        let mutation = options.number("mutation", -1.0);
        Self {
            population: options.whole("population", 20),
            mutation: (mutation >= 0.0).then_some(mutation),
        }
    }

    fn child(&self, parameters: &[&Parameter], parents: [&Trial; 2], rng: &mut Rng) -> Vec<f64> {
        let chance = self.mutation.unwrap_or(1.0 / parameters.len().max(1) as f64);
        let crosses = rng.uniform() < CROSSOVER;
        let [first, second] = parents.map(|parent| genes(parameters, &parent.params));
        let cross = |((parameter, first), second): ((&&Parameter, &Option<f64>), &Option<f64>)| {
            let gene = match (first, second) {
                (Some(first), Some(second)) if crosses => crossed(parameter, *first, *second, rng),
                (Some(gene), _) | (None, Some(gene)) => *gene,
                (None, None) => draw(parameter, rng),
            };
            let mutates = rng.uniform() < chance;
            if mutates { mutated(parameter, gene, DEVIATION, rng) } else { gene }
        };
        parameters.iter().zip(&first).zip(&second).map(cross).collect()
    }
}

fn crossed(parameter: &Parameter, first: f64, second: f64, rng: &mut Rng) -> f64 {
    let share = rng.uniform();
    if is_unordered(parameter) {
        return if share < 0.5 { first } else { second };
    }
    mirrored(first + ((1.0 + 2.0 * BLEND) * share - BLEND) * (second - first))
}

/// The fitter of two, of trials that stand by fitness.
fn tournament<'a>(trials: &[&'a Trial], rng: &mut Rng) -> &'a Trial {
    let mut pick = || rng.below(trials.len() as u64) as usize;
    trials[pick().min(pick())]
}

/// What the suggestions of a batch share.
struct Nursery<'a> {
    study: &'a Study,
    parameters: Vec<&'a Parameter>,
    fittest: Vec<&'a Trial>,
    tried: Tried<'a>,
}

impl Genetic {
    fn suggest_one(&self, nursery: &Nursery<'_>, number: u32, rng: &Rng) -> Suggestion {
        let Nursery { study, parameters, fittest, tried } = nursery;
        let random = |why: String| drawn(study.space(), &rng.branch_named("random"), why);
        if (number as usize) < self.population {
            return random(format!("{} of {} first trials", number + 1, self.population));
        }
        if fittest.len() < 2 {
            return random("fewer than two trials scored".to_owned());
        }
        let child = |attempt: u64| {
            let mut rng = rng.branch(attempt);
            let parents = [tournament(fittest, &mut rng), tournament(fittest, &mut rng)];
            let genes = self.child(parameters, parents, &mut rng);
            let params = params(study.space(), parameters, &genes);
            let numbers = parents.map(|parent| Value::Int(i64::from(parent.number)));
            let note = Params::from([
                ("model", Value::from("genetic")),
                ("parents", Value::List(numbers.to_vec())),
            ]);
            (!tried.contains(&params)).then_some(Suggestion { params, note })
        };
        let found = (0..MOST_CHILDREN).find_map(child);
        found.unwrap_or_else(|| random("every child was tried before".to_owned()))
    }
}

impl Sampler for Genetic {
    fn suggest(&self, study: &Study, count: u32, rng: &Rng) -> Vec<Suggestion> {
        let mut nursery = Nursery {
            study,
            parameters: study.space().searched().collect(),
            fittest: fittest(study.trials(), study.metrics(), self.population),
            tried: Tried::new(study.trials()),
        };
        let first = study.next_number();
        let suggest = |number: u32| {
            let suggestion = self.suggest_one(&nursery, number, &rng.branch(u64::from(number)));
            nursery.tried.add(&suggestion.params);
            suggestion
        };
        (first..first.saturating_add(count)).map(suggest).collect()
    }
}

#[cfg(test)]
mod tests;
