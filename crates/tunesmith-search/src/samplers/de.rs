//! Differential evolution in steady state: each suggestion challenges one of the population, and replaces it where it
//! turns out better.
//!
//! Storn and Price (1997), rand/1/bin, with the constants and the boundary rule of DEHB 0.1.2 (Awad, Mallik and Hutter,
//! IJCAI 2021): F 0.5, crossover 0.5, and a coordinate that leaves the range is drawn anew. As there, everything lives
//! in the unit cube; a choice is a bin of it.
//!
//! Nothing is remembered: trial `n` belongs to place `n mod N` of the population, and a place is held by the best of
//! its trials, whoever proposed them. So workers need not wait, and suggestions follow from the log alone. Refuses to
//! look at objectives beyond the first; failures hold no place.

use tunesmith_core::{Metric, Parameter, Params, Rng, Sampler, Study, Suggestion, Trial, Value};

use crate::options::{OptionKind, OptionSpec, Options};
use crate::population::{Fitness, Tried, draw, drawn, genes, params};

/// A target and three others.
const LEAST_POPULATION: i64 = 4;
const MOST_CHILDREN: u64 = 20;

/// What a study may choose.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "crossover",
        OptionKind::Number { least: 0.0, most: 1.0 },
        "the chance of each parameter to come from the mutant; 0.5 where left out",
    ),
    OptionSpec::new(
        "factor",
        OptionKind::Number { least: 0.0, most: 2.0 },
        "how much of the difference of two trials a third is moved by; 0.5 where left out",
    ),
    OptionSpec::new(
        "population",
        OptionKind::Whole { least: LEAST_POPULATION, most: 10_000 },
        "places in the population, and trials that are drawn at first; 20 where left out",
    ),
];

/// Moves trials by the differences of others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct De {
    population: usize,
    factor: f64,
    crossover: f64,
}

/// What the suggestions of a batch share.
struct Field<'a> {
    study: &'a Study,
    parameters: Vec<&'a Parameter>,
    /// The best trial of each place.
    holders: Vec<Option<&'a Trial>>,
    tried: Tried<'a>,
}

impl De {
    pub(crate) fn new(options: Options<'_>) -> Self {
        Self {
            population: options.whole("population", 20),
            factor: options.number("factor", 0.5),
            crossover: options.number("crossover", 0.5),
        }
    }

    fn suggest_one(&self, field: &Field<'_>, number: u32, rng: &Rng) -> Suggestion {
        let Field { study, parameters, holders, tried } = field;
        let random = |why: String| drawn(study.space(), &rng.branch_named("random"), why);
        if (number as usize) < self.population {
            return random(format!("{} of {} first trials", number + 1, self.population));
        }
        let place = number as usize % self.population;
        let Some(target) = holders[place] else {
            return random(format!("no trial of place {place} scored"));
        };
        let others: Vec<&Trial> = holders
            .iter()
            .flatten()
            .filter(|other| other.number != target.number)
            .copied()
            .collect();
        if others.len() < 3 {
            return random(format!("{} of {LEAST_POPULATION} places are held", others.len() + 1));
        }
        let child = |attempt: u64| {
            let mut rng = rng.branch(attempt);
            let mut others = others.clone();
            rng.shuffle(&mut others);
            let genes = self.child(parameters, target, [others[0], others[1], others[2]], &mut rng);
            let params = params(study.space(), parameters, &genes);
            let note = Params::from([
                ("model", Value::from("de")),
                ("target", Value::Int(i64::from(target.number))),
            ]);
            (!tried.contains(&params)).then_some(Suggestion { params, note })
        };
        let found = (0..MOST_CHILDREN).find_map(child);
        found.unwrap_or_else(|| random("every child was tried before".to_owned()))
    }

    /// With these constants and a population of so many.
    pub(super) fn of(population: usize, factor: f64, crossover: f64) -> Self {
        Self { population, factor, crossover }
    }

    /// `a + F (b - c)`, mixed with the target.
    pub(super) fn child(
        &self,
        parameters: &[&Parameter],
        target: &Trial,
        [a, b, c]: [&Trial; 3],
        rng: &mut Rng,
    ) -> Vec<f64> {
        let full = |trial: &Trial, rng: &mut Rng| -> Vec<f64> {
            let genes = genes(parameters, &trial.params);
            let filled = parameters.iter().zip(genes);
            // What is inactive there is drawn.
            filled.map(|(parameter, gene)| gene.unwrap_or_else(|| draw(parameter, rng))).collect()
        };
        let [a, b, c] = [a, b, c].map(|trial| full(trial, rng));
        let mut child = full(target, rng);
        let certain = rng.below(child.len() as u64) as usize;
        for (index, gene) in child.iter_mut().enumerate() {
            let mutant = a[index] + self.factor * (b[index] - c[index]);
            let inside = if (0.0..=1.0).contains(&mutant) { mutant } else { rng.uniform() };
            if rng.uniform() < self.crossover || index == certain {
                *gene = inside;
            }
        }
        child
    }
}

/// The best trial of each place.
fn holders<'a>(trials: &'a [Trial], metrics: &[Metric], places: usize) -> Vec<Option<&'a Trial>> {
    let mut holders: Vec<Option<(Fitness, &Trial)>> = vec![None; places];
    for trial in trials {
        let Some(fitness) = Fitness::of(trial, metrics) else { continue };
        let holder = &mut holders[trial.number as usize % places];
        let is_better = holder.is_none_or(|(held, _)| fitness.compare(held).is_lt());
        if fitness.score().is_some() && is_better {
            *holder = Some((fitness, trial));
        }
    }
    holders.into_iter().map(|holder| holder.map(|(_, trial)| trial)).collect()
}

impl Sampler for De {
    fn suggest(&self, study: &Study, count: u32, rng: &Rng) -> Vec<Suggestion> {
        let mut field = Field {
            study,
            parameters: study.space().searched().collect(),
            holders: holders(study.trials(), study.metrics(), self.population),
            tried: Tried::new(study.trials()),
        };
        let first = study.next_number();
        let suggest = |number: u32| {
            let suggestion = self.suggest_one(&field, number, &rng.branch(u64::from(number)));
            field.tried.add(&suggestion.params);
            suggestion
        };
        (first..first.saturating_add(count)).map(suggest).collect()
    }
}

#[cfg(test)]
mod tests;
