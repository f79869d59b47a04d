//! Population based training: members train side by side, and at every barrier the worst take over the weights and,
//! a little changed, the hyperparameters of the best.
//!
//! Jaderberg et al. (2017), synchronous, with Ray 2.60's quantiles: of n members the ceil(n * quantile) worst, at most
//! half, each take over one of as many best, drawn by chance ([`super::explore`] says how params change,
//! and [`super::pb2`] how a bandit chooses them instead). A barrier lies
//! at every multiple of `interval`: a member pauses with its first report there or beyond, and once all have arrived
//! the exploits come first, then the others go on; donors still hold the state that they arrived with. A member that
//! reports more rarely than barriers lie waits at the highest that it passed.
//!
//! Parameters that shape the schedule itself or decide which weights are trained, and the seed, keep the donor's value,
//! so that its state fits: `num_train_epochs`, `lora.r` and their like, unless `mutate` names them. A member that fails is not replaced: the
//! population shrinks. One that never reports the metric pauses at no barrier and is nobody's donor; the others wait
//! until it ends. When the trials of a population have all ended and the budget has more, the next population starts;
//! when no new trial may start, the last one goes on with the members that it has.
//!
//! Chance is addressed by the study's seed, the trial and how often it has taken over a state, so the same log gives the
//! same exploits. Refuses to look at objectives beyond the first.

use tunesmith_core::{
    Domain, Exploit, Metric, Next, Parameter, Params, Rng, Scheduler, Study, StudyConfig, Trial,
    TrialState, Value, Verdict,
};

use super::asha_promote::pause_at_rung;
use super::explore::{Change, assemble, explore};
use super::pb2::Shown;
use super::rungs::{Ladder, scored, searched};
use crate::options::{OptionKind, OptionSpec, Options};

/// What a study may choose.
pub(crate) const OPTIONS: &[OptionSpec] = &[
    INTERVAL,
    MUTATE,
    POPULATION,
    QUANTILE,
    OptionSpec::new(
        "resample",
        OptionKind::Number { least: 0.0, most: 1.0 },
        "the chance of a parameter to be drawn anew rather than changed; 0.25 where left out",
    ),
];

/// What a study may choose where a bandit proposes.
pub(crate) const BANDIT_OPTIONS: &[OptionSpec] = &[INTERVAL, MUTATE, POPULATION, QUANTILE];

/// Barriers.
const INTERVAL: OptionSpec = OptionSpec::new(
    "interval",
    OptionKind::Number { least: 0.01, most: 0.5 },
    "the fraction of the schedule between barriers; 0.25 where left out",
);

/// What is changed.
const MUTATE: OptionSpec = OptionSpec::new(
    "mutate",
    OptionKind::Names,
    "the parameters that are changed; where left out all but the seed, and those that set a schedule's length or which \
     weights are trained, as num_train_epochs and lora.r",
);

/// Members.
const POPULATION: OptionSpec = OptionSpec::new(
    "population",
    OptionKind::Whole { least: 2, most: 10_000 },
    "members; as many as the budget has trials where left out, and 8 without such a budget",
);

/// Who takes over whom.
const QUANTILE: OptionSpec = OptionSpec::new(
    "quantile",
    OptionKind::Number { least: 0.0, most: 0.5 },
    "the share of members that take over another's state at a barrier; 0.25 where left out",
);

/// These shape the schedule, decide which weights there are to copy, or are no hyperparameters; with other names that the
/// trainer knows them by.
const KEPT: [&str; 10] = [
    "num_train_epochs",
    "max_steps",
    "seed",
    "adapter",
    "lora.r",
    "lora.rank",
    "lora.target_modules",
    "lora.targets",
    "model.frozen_layers",
    "model.frozen_embeddings",
];

/// The chance of a parameter to be drawn anew.
const RESAMPLE: f64 = 0.25;

/// Members where nothing says how many.
const MEMBERS: usize = 8;

/// A population with barriers.
#[derive(Debug, Clone)]
pub(crate) struct Pbt {
    barriers: Ladder,
    population: usize,
    quantile: f64,
    exploration: Exploration,
    /// Names of what is changed; all but the kept ones where none are given.
    mutate: Option<Vec<String>>,
}

/// Where changed params come from.
#[derive(Debug, Clone, Copy)]
enum Exploration {
    /// By chance: multiplied, or with this chance drawn anew.
    Perturb { resample: f64 },
    /// By a bandit, see [`super::pb2`].
    Bandit,
}

/// A member that has arrived at a barrier or gone beyond.
#[derive(Debug, Clone, Copy)]
struct Arrived<'a> {
    trial: &'a Trial,
    score: f64,
}

impl Pbt {
    pub(crate) fn new(config: &StudyConfig) -> Self {
        let options = Options(&config.scheduler.options);
        let resample = options.number("resample", RESAMPLE);
        Self::exploring(config, Exploration::Perturb { resample })
    }

    /// PB2: the same population, whose params a bandit chooses.
    pub(crate) fn bandit(config: &StudyConfig) -> Self {
        Self::exploring(config, Exploration::Bandit)
    }

    fn exploring(config: &StudyConfig, exploration: Exploration) -> Self {
        let options = Options(&config.scheduler.options);
        let interval = options.number("interval", 0.25);
        let trials = config.budget.trials.map_or(MEMBERS, |trials| trials as usize);
        Self {
            barriers: Ladder::every(interval),
            population: options.whole("population", trials).max(1),
            quantile: options.number("quantile", 0.25),
            exploration,
            mutate: options.names("mutate"),
        }
    }

    /// What the members of a population do next; `None` where that is nothing before one of them reports.
    fn go_on(&self, study: &Study, metric: &Metric, members: &[&Trial]) -> Option<Next> {
        let highest = |trial: &Trial| {
            self.barriers.passings(trial, scored(metric)).last().map(|passing| passing.rung)
        };
        let live = || members.iter().filter(|trial| !trial.is_finished());
        let waiting = |trial: &&&Trial| trial.state == TrialState::Paused;
        // One that pauses at no barrier has nothing to wait for.
        if let Some(stray) = live().filter(waiting).find(|trial| highest(trial).is_none()) {
            return Some(Next::Resume { trial: stray.number });
        }
        let barrier = live().filter(waiting).filter_map(|trial| highest(trial)).min()?;
        let has_arrived = |trial: &&Trial| highest(trial).is_some_and(|rung| rung >= barrier);
        if !live().all(has_arrived) {
            return None;
        }
        let mut ranked: Vec<Arrived<'_>> = live()
            .filter_map(|trial| {
                let score = self.barriers.first_from(trial, barrier, scored(metric))?;
                Some(Arrived { trial, score })
            })
            .collect();
        ranked
            .sort_by(|a, b| a.score.total_cmp(&b.score).then(a.trial.number.cmp(&b.trial.number)));
        let here = |arrived: &&Arrived<'_>| {
            arrived.trial.state == TrialState::Paused && highest(arrived.trial) == Some(barrier)
        };
        let count = taken(ranked.len(), self.quantile);
        // Where members failed since the exploits began, one that would be a donor now may have gone on already.
        let holds = |arrived: &&Arrived<'_>| arrived.trial.state == TrialState::Paused;
        let donors: Vec<Arrived<'_>> = ranked[..count].iter().filter(holds).copied().collect();
        let loser = ranked[ranked.len() - count..].iter().find(here);
        if let Some(loser) = loser.filter(|_| !donors.is_empty()) {
            return Some(Next::Exploit(Box::new(self.exploit(study, members, *loser, &donors))));
        }
        let next = ranked.iter().find(here)?;
        Some(Next::Resume { trial: next.trial.number })
    }

    /// The loser goes on from a donor's state.
    fn exploit(
        &self,
        study: &Study,
        members: &[&Trial],
        loser: Arrived<'_>,
        donors: &[Arrived<'_>],
    ) -> Exploit {
        let trial = loser.trial;
        let rng =
            Rng::at(study.seed(), trial.number, "exploit").branch(trial.exploits.len() as u64);
        let donor = donors[rng.branch_named("donor").below(donors.len() as u64) as usize];
        let mutated = study.space().searched().filter(|one| self.changes(&one.name));
        let proposed = self.proposed(study, members, donor.trial, &rng);
        let model = if proposed.is_some() { "pb2" } else { "pbt" };
        let mut changed = Params::new();
        let mut note = Params::from([
            ("model", Value::from(model)),
            ("score", Value::Float(loser.score)),
            ("donor_score", Value::Float(donor.score)),
        ]);
        for parameter in mutated {
            let Some(value) = donor.trial.params.get(&parameter.name) else { continue };
            let known = proposed.as_ref().and_then(|params| params.get(&parameter.name));
            let mut chance = rng.branch_named(&parameter.name);
            let Change { value: new, operation } = match known {
                Some(value) => Change { value: value.clone(), operation: "proposed".to_owned() },
                None => explore(parameter, value, self.resample(model), &mut chance),
            };
            let own = trial.params.get(&parameter.name).unwrap_or(&Value::Null);
            note.insert(
                format!("changed.{}", parameter.name),
                Value::Text(format!("{value} {operation}, was {own}")),
            );
            changed.insert(parameter.name.as_str(), new);
        }
        let mut rest = rng.branch_named("became active");
        let params = assemble(study.space(), &donor.trial.params, &changed, &mut rest);
        Exploit { trial: trial.number, donor: donor.trial.number, params, note }
    }

    /// The chance of what the model leaves open to be drawn anew.
    fn resample(&self, model: &str) -> f64 {
        match self.exploration {
            Exploration::Perturb { resample } => resample,
            Exploration::Bandit if model == "pb2" => 1.0,
            Exploration::Bandit => RESAMPLE,
        }
    }

    /// What a bandit proposes for the parameters with a size that the donor has; `None` where none is asked or it knows
    /// too little.
    fn proposed(
        &self,
        study: &Study,
        members: &[&Trial],
        donor: &Trial,
        rng: &Rng,
    ) -> Option<Params> {
        if matches!(self.exploration, Exploration::Perturb { .. }) {
            return None;
        }
        let has_size = |one: &&Parameter| {
            let sized = matches!(one.domain(), Some(Domain::Float { .. } | Domain::Int { .. }));
            sized && self.changes(&one.name) && donor.params.get(&one.name).is_some()
        };
        let parameters: Vec<&Parameter> = study.space().searched().filter(has_size).collect();
        let (barriers, metric) = (&self.barriers, study.metrics().first()?);
        let shown = Shown { barriers, metric, members, parameters: &parameters };
        let at = shown.propose(donor, &rng.branch_named("bandit"))?;
        let value = |(one, at): (&&Parameter, f64)| Some((one.name.clone(), one.from_unit(at)?));
        Some(parameters.iter().zip(at).filter_map(value).collect())
    }

    fn changes(&self, name: &str) -> bool {
        match &self.mutate {
            Some(names) => names.iter().any(|one| one == name),
            None => !KEPT.contains(&name),
        }
    }
}

/// How many of so many members take over a state: Ray's quantiles.
fn taken(members: usize, quantile: f64) -> usize {
    ((members as f64 * quantile).ceil() as usize).min(members / 2)
}

impl Scheduler for Pbt {
    fn next(&self, study: &Study, may_start: bool) -> Next {
        let trials: Vec<&Trial> = searched(study).collect();
        // All populations but the last are full, and over before the last began.
        let first = trials.len().saturating_sub(1) / self.population * self.population;
        let members = trials.get(first..).unwrap_or_default();
        let room = self.population - members.len();
        let is_over = members.iter().all(|trial| trial.is_finished());
        if may_start && (room > 0 || is_over) {
            let most = if room > 0 { room } else { self.population };
            return Next::Start { most: most as u32 };
        }
        let next = study.metrics().first().and_then(|metric| self.go_on(study, metric, members));
        next.unwrap_or(if is_over { Next::Finished } else { Next::Wait })
    }

    fn judge(&self, study: &Study, trial: &Trial) -> Verdict {
        pause_at_rung(&self.barriers, study, trial)
    }

    fn rungs(&self) -> Vec<f64> {
        self.barriers.fractions().to_vec()
    }
}

#[cfg(test)]
mod tests;
