//! Choosing the winner by runs on fresh seeds.
//!
//! The best of many noisy scores is too good by about as much as the noise: it was chosen for its luck. So the best
//! few configurations are trained again on seeds that no search has seen, and those runs alone decide: by the lower
//! bound of their mean, one standard error below it, the error pooled over the finalists. Refuses to count the score
//! that made a finalist one.

use std::collections::BTreeMap;

use crate::metric::{Goal, Metric};
use crate::probability::{normal_quantile, student_t_quantile};
use crate::study::Study;
use crate::trial::{Origin, Trial, TrialState};

/// The most finalists, and the most seeds of each.
pub const MOST_REPLICATION: u32 = 100;

/// The share of a limit of time or money that a search with replication keeps for it.
pub const REPLICATION_SHARE: f64 = 0.2;

/// How the winner is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replication {
    /// How many configurations are trained again.
    pub top: u32,
    /// On how many fresh seeds each.
    pub seeds: u32,
}

/// A configuration that was trained again.
#[derive(Debug, Clone, PartialEq)]
pub struct Finalist {
    /// The trial of the search that it comes from.
    pub trial: u32,
    /// The completed runs on fresh seeds.
    pub runs: Vec<u32>,
    /// The mean of their values.
    pub mean: f64,
    /// Half of the 95 % interval of the mean, by Student's t over the pooled deviation; `None` where no finalist has
    /// two runs.
    pub half_width: Option<f64>,
    /// One standard error to the worse side of the mean; the mean itself where there is no error.
    pub bound: f64,
}

impl Study {
    /// Whether the trial repeats a configuration on a fresh seed.
    pub fn is_replica(&self, trial: &Trial) -> bool {
        matches!(trial.origin, Origin::Replica { .. })
    }

    /// How many trials belong to the search itself.
    pub fn searched_trials(&self) -> u32 {
        self.next_number() - self.replicas.len() as u32
    }

    /// The runs on fresh seeds of a trial's configuration, whatever became of them.
    pub fn replicas_of(&self, trial: u32) -> impl Iterator<Item = &Trial> {
        let of = move |replica: &&Trial| replica.origin == Origin::Replica { of: trial };
        self.replicas.iter().filter_map(|number| self.trial(*number)).filter(of)
    }

    /// The standard deviation of a configuration's value from seed to seed, pooled over the finalists, and its degrees
    /// of freedom; `None` where no finalist has two runs.
    pub fn seed_deviation(&self) -> Option<(f64, u32)> {
        let metric = self.metrics().first()?;
        let (mut squares, mut freedom) = (0.0, 0);
        for (_, values) in self.fresh_values(metric) {
            let mean = mean(values.iter().map(|(_, value)| *value));
            squares += values.iter().map(|(_, value)| (value - mean) * (value - mean)).sum::<f64>();
            freedom += (values.len() as u32).saturating_sub(1);
        }
        (freedom > 0).then(|| ((squares / f64::from(freedom)).sqrt(), freedom))
    }

    /// The configurations that were trained again, best bound first.
    pub fn finalists(&self) -> Vec<Finalist> {
        let Some(metric) = self.metrics().first() else { return Vec::new() };
        let deviation = self.seed_deviation();
        let worse = if metric.goal == Goal::Maximize { -1.0 } else { 1.0 };
        let mut finalists: Vec<Finalist> = self
            .fresh_values(metric)
            .into_iter()
            .map(|(trial, values)| {
                let mean = mean(values.iter().map(|(_, value)| *value));
                let error = |deviation: f64| deviation / (values.len() as f64).sqrt();
                let half_width = deviation.map(|(deviation, freedom)| {
                    student_t_quantile(0.975, f64::from(freedom)) * error(deviation)
                });
                let bound = mean + worse * deviation.map_or(0.0, |(deviation, _)| error(deviation));
                let runs = values.into_iter().map(|(run, _)| run).collect();
                Finalist { trial, runs, mean, half_width, bound }
            })
            .collect();
        finalists.sort_by(|left, right| {
            let by_bound = (worse * left.bound).total_cmp(&(worse * right.bound));
            by_bound.then(left.trial.cmp(&right.trial))
        });
        finalists
    }

    /// The finalist with the best bound, once no run on a fresh seed is outstanding.
    pub fn winner(&self) -> Option<Finalist> {
        let outstanding = |number: &u32| self.trial(*number).is_some_and(|run| !run.is_finished());
        if self.replicas.iter().any(outstanding) {
            return None;
        }
        self.finalists().into_iter().next()
    }

    /// The trial whose model is the study's: the best by value, or once the winner is known its best run. With several
    /// metrics the trial of the front that is best by the first of them.
    pub fn chosen(&self) -> Option<&Trial> {
        let Some((winner, metric)) = self.winner().zip(self.metrics().first()) else {
            return match self.metrics() {
                [first, _, ..] => self.best_by(first),
                _ => self.best(),
            };
        };
        let value = |number: u32| self.trial(number).and_then(|run| run.value(metric));
        let better = |left: u32, right: u32| match (value(left), value(right)) {
            (Some(left), Some(right)) => metric.goal.is_better(left, right),
            _ => false,
        };
        let runs = winner.runs.iter();
        let best = runs.copied().reduce(|best, run| if better(run, best) { run } else { best })?;
        self.trial(best)
    }

    /// How much the best of the search's completed trials is expected to look better than it is, if all were equally
    /// good: the expected maximum of so many draws of the seeds' noise (Blom 1958). `None` without a deviation.
    pub fn expected_inflation(&self) -> Option<f64> {
        let (deviation, _) = self.seed_deviation()?;
        let searched = |trial: &&Trial| !self.is_replica(trial);
        let count = self.in_state(TrialState::Completed).filter(searched).count() as f64;
        (count > 1.0).then(|| deviation * normal_quantile((count - 0.375) / (count + 0.25)))
    }

    /// The values of the completed runs on fresh seeds, by the trial that they repeat.
    fn fresh_values(&self, metric: &Metric) -> BTreeMap<u32, Vec<(u32, f64)>> {
        let mut values: BTreeMap<u32, Vec<(u32, f64)>> = BTreeMap::new();
        for run in self.replicas.iter().filter_map(|number| self.trial(*number)) {
            if let (Origin::Replica { of }, TrialState::Completed, Some(value)) =
                (&run.origin, run.state, run.value(metric))
            {
                values.entry(*of).or_default().push((run.number, value));
            }
        }
        values
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}
