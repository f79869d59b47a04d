//! What a benchmark found, as Markdown for people and as JSON for programs.
//!
//! The measure is the regret of the configuration that a study would recommend, by its noisy values, as a share of
//! the regret of a typical draw: 0 is the best that there is, 1 the median of uniform draws. Before a first trial
//! completes it is 1, unless one that stopped early can be recommended. Refuses the best value seen: nobody can pick the trial that is truly best.

mod comparison;
mod compute;
mod markdown;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::bench::{Outcomes, Plan};
use crate::results::UnitResult;
use crate::scale::Scale;
use crate::statistics::{Estimate, bootstrap, median};
use comparison::Comparison;
use compute::ComputeTable;

/// Where regret is compared, in trials.
const CHECKPOINTS: [u32; 5] = [8, 16, 32, 64, 200];
/// The normalised regret that counts as reached.
const TARGET: f64 = 0.05;

/// What a benchmark found.
#[derive(Debug, Serialize)]
pub struct Report {
    trials: u32,
    seeds: u32,
    workers: u32,
    target: f64,
    tasks: Vec<TaskRow>,
    methods: Vec<MethodRow>,
    /// With each baseline. The marks of the other tables are of the first one.
    comparisons: Vec<Comparison>,
    /// The budget of methods with a scheduler, a share of what full training takes, where it was compute.
    #[serde(skip_serializing_if = "Option::is_none")]
    compute: Option<f64>,
    /// Where a method has a scheduler or compute was the budget.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    by_compute: Vec<ComputeTable>,
    /// Methods that do not suit a task.
    unsuited: Vec<Unsuited>,
    /// Tasks that this build cannot run.
    left_out: Vec<LeftOut>,
}

#[derive(Debug, Serialize)]
struct TaskRow {
    name: &'static str,
    family: &'static str,
    group: &'static str,
    metric: String,
    best: f64,
    typical: f64,
}

#[derive(Debug, Serialize)]
struct MethodRow {
    method: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    tasks: usize,
    studies: usize,
    failed_share: f64,
    all: Vec<Cell>,
    families: BTreeMap<&'static str, Vec<Cell>>,
    by_task: BTreeMap<&'static str, Vec<TaskCell>>,
    anytime: Vec<Cell>,
    time_to_target: TimeToTarget,
}

/// Normalised regret after some trials, and its paired difference to the baseline's.
#[derive(Debug, Serialize)]
struct Cell {
    trials: u32,
    /// How many studies are that long.
    studies: usize,
    regret: Estimate,
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<Estimate>,
}

/// The mean regret on one task in its metric's unit, and normalised as elsewhere.
#[derive(Debug, Serialize)]
struct TaskCell {
    raw: f64,
    #[serde(flatten)]
    cell: Cell,
}

#[derive(Debug, Serialize)]
struct TimeToTarget {
    share_reached: f64,
    /// `None` where fewer than half of the studies reached it.
    median_trials: Option<u32>,
    median_hours: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Unsuited {
    method: String,
    task: &'static str,
    why: String,
}

#[derive(Debug, Serialize)]
struct LeftOut {
    task: &'static str,
    why: String,
}

impl Report {
    /// The report of what a plan's studies came to. Differences are to the baselines, methods of the plan; the first
    /// is the one whose marks the tables of regret have.
    pub fn of(
        plan: &Plan,
        outcomes: &Outcomes,
        baselines: &[String],
        left_out: &[(&'static str, String)],
    ) -> Self {
        let studies = Studies::of(plan, outcomes);
        let first = baselines.first().map_or("", String::as_str);
        let methods = plan.methods.iter().map(|method| method.label.as_str());
        let left_out = left_out.iter().map(|(task, why)| LeftOut { task, why: why.clone() });
        let unsuited = outcomes.unsuited.iter().map(|(method, task, why)| Unsuited {
            method: method.clone(),
            task,
            why: why.clone(),
        });
        let row = |(task, scale): (&crate::Task, &Scale)| TaskRow {
            name: task.name,
            family: task.family.name,
            group: task.family.group.name(),
            metric: task.objective.metric().name.clone(),
            best: scale.best,
            typical: scale.typical,
        };
        Self {
            trials: plan.trials,
            seeds: plan.seeds,
            workers: plan.workers,
            target: TARGET,
            tasks: plan.tasks.iter().zip(&outcomes.scales).map(row).collect(),
            methods: methods.filter_map(|method| studies.method(method, first)).collect(),
            comparisons: baselines.iter().map(|baseline| studies.comparison(baseline)).collect(),
            compute: plan.compute,
            by_compute: if plan.is_about_compute() {
                studies.by_compute(first)
            } else {
                Vec::new()
            },
            unsuited: unsuited.collect(),
            left_out: left_out.collect(),
        }
    }

    /// As a JSON text.
    pub fn to_json(&self) -> String {
        // Keys are texts and numbers finite, so nothing can fail.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// As Markdown.
    pub fn to_markdown(&self) -> String {
        markdown::render(self)
    }

    fn checkpoints(&self) -> Vec<u32> {
        checkpoints(self.trials)
    }
}

fn checkpoints(trials: u32) -> Vec<u32> {
    let mut checkpoints: Vec<u32> =
        CHECKPOINTS.into_iter().filter(|checkpoint| *checkpoint < trials).collect();
    checkpoints.push(trials);
    checkpoints
}

/// 1, 2, 4, … and the budget.
fn doublings(trials: u32) -> Vec<u32> {
    let mut counts: Vec<u32> = std::iter::successors(Some(1_u32), |count| count.checked_mul(2))
        .take_while(|count| *count < trials)
        .collect();
    counts.push(trials);
    counts
}

/// The studies of a plan by method, task and seed.
struct Studies<'a> {
    plan: &'a Plan,
    scales: BTreeMap<&'static str, (&'static str, Scale)>,
    by_method: BTreeMap<&'a str, BTreeMap<(&'static str, u32), &'a UnitResult>>,
}

impl<'a> Studies<'a> {
    fn of(plan: &'a Plan, outcomes: &'a Outcomes) -> Self {
        let tasks = plan.tasks.iter().zip(&outcomes.scales);
        let scales: BTreeMap<_, _> =
            tasks.map(|(task, scale)| (task.name, (task.family.name, *scale))).collect();
        let mut by_method: BTreeMap<&str, BTreeMap<_, _>> = BTreeMap::new();
        for result in &outcomes.results {
            let task = scales.keys().find(|name| **name == result.unit.task);
            if let Some(task) = task {
                let studies = by_method.entry(result.unit.method.as_str()).or_default();
                studies.insert((*task, result.unit.seed), result);
            }
        }
        Self { plan, scales, by_method }
    }

    fn scale(&self, task: &str) -> Option<Scale> {
        self.scales.get(task).map(|(_, scale)| *scale)
    }

    /// Normalised regret by task and seed of the studies that are so long, on the tasks that are `among`.
    fn regrets(
        &self,
        method: &str,
        trials: u32,
        among: impl Fn(&str) -> bool,
    ) -> BTreeMap<(&'static str, u32), f64> {
        let studies = self.by_method.get(method).into_iter().flatten();
        let mut regrets = BTreeMap::new();
        let long = |result: &UnitResult| result.unit.trials >= trials;
        for ((task, seed), result) in
            studies.filter(|((task, _), result)| among(task) && long(result))
        {
            let Some(scale) = self.scale(task) else { continue };
            let regret = result.regret_at(trials).unwrap_or_else(|| scale.regret(None));
            regrets.insert((*task, *seed), scale.normalised(regret));
        }
        regrets
    }

    fn cell(
        &self,
        method: &str,
        baseline: &str,
        trials: u32,
        among: impl Fn(&str) -> bool,
    ) -> Option<Cell> {
        let own = self.regrets(method, trials, &among);
        let other = self.regrets(baseline, trials, &among);
        let values: Vec<f64> = own.values().copied().collect();
        let pairs: Vec<f64> =
            own.iter().filter_map(|(key, own)| other.get(key).map(|other| own - other)).collect();
        let difference = bootstrap(&pairs).filter(|_| method != baseline);
        Some(Cell { trials, studies: values.len(), regret: bootstrap(&values)?, difference })
    }

    fn method(&self, method: &str, baseline: &str) -> Option<MethodRow> {
        let studies = self.by_method.get(method)?;
        let tasks: Vec<&'static str> = self.plan.tasks.iter().map(|task| task.name).collect();
        let cells = |counts: &[u32], among: &dyn Fn(&str) -> bool| -> Vec<Cell> {
            counts.iter().filter_map(|trials| self.cell(method, baseline, *trials, among)).collect()
        };
        let at = checkpoints(self.plan.trials);
        let mut families = BTreeMap::new();
        let mut by_task = BTreeMap::new();
        for name in tasks.iter().filter(|name| studies.keys().any(|(task, _)| task == *name)) {
            let Some((family, scale)) = self.scales.get(name) else { continue };
            let inside =
                |task: &str| self.scales.get(task).is_some_and(|(other, _)| other == family);
            families.entry(*family).or_insert_with(|| cells(&at, &inside));
            let own = cells(&at, &|task| task == *name).into_iter();
            let raw = own.map(|cell| TaskCell { raw: cell.regret.mean * scale.regret(None), cell });
            by_task.insert(*name, raw.collect());
        }
        let (finished, failed) = studies.values().fold((0, 0), |(finished, failed), study| {
            (finished + u64::from(study.finished), failed + u64::from(study.failed))
        });
        Some(MethodRow {
            method: method.to_owned(),
            version: studies.values().find_map(|study| study.version.clone()),
            tasks: by_task.len(),
            studies: studies.len(),
            failed_share: failed as f64 / finished.max(1) as f64,
            all: cells(&at, &|_| true),
            families,
            by_task,
            anytime: cells(&doublings(self.plan.trials), &|_| true),
            time_to_target: self.time_to_target(method),
        })
    }

    /// When studies first would have recommended a configuration of the target regret.
    fn time_to_target(&self, method: &str) -> TimeToTarget {
        let mut studies: Vec<_> = self.by_method.get(method).into_iter().flatten().collect();
        studies.retain(|(_, study)| study.unit.trials >= self.plan.trials);
        let reached = |((task, _), study): &(&(&'static str, u32), &&UnitResult)| {
            let scale = self.scale(task)?;
            let good = |regret| scale.normalised(regret) <= TARGET;
            let first = study.recommendations.iter().find(|made| good(made.regret))?;
            Some((f64::from(first.finished), first.seconds / 3600.0))
        };
        let times: Vec<Option<(f64, f64)>> = studies.iter().map(reached).collect();
        let middle = |pick: fn((f64, f64)) -> f64| {
            let all = times.iter().map(|time| time.map_or(f64::INFINITY, pick)).collect();
            median(all).filter(|middle| middle.is_finite())
        };
        TimeToTarget {
            share_reached: times.iter().flatten().count() as f64 / times.len().max(1) as f64,
            median_trials: middle(|time| time.0).map(|trials| trials as u32),
            median_hours: middle(|time| time.1),
        }
    }
}

#[cfg(test)]
mod tests;
