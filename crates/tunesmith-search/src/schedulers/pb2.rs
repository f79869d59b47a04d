//! Which hyperparameters a member goes on with, by a bandit: those from which a Gaussian process hopes for the fastest
//! improvement.
//!
//! Parker-Holder, Nguyen and Roberts, "Provably efficient online hyperparameter optimization with population-based
//! bandits" (NeurIPS 2020), as Ray 2.60 has it (`pb2.py`, `pb2_utils.py`). A row of data is a stretch of a member between
//! two barriers under the same params: when it ended, how good the member was at its start, the params, and by how much
//! it improved per fraction of the schedule. Times and starts are scaled to their range, improvements standardised and
//! cut at two deviations. The proposal maximises mean + sqrt(beta) * variance, beta = 0.2 + max(0, ln(0.4 n)), at the
//! donor's last time and start, with members that went on before counted in the variance.
//!
//! Departures: params are positions in [0, 1] on their own scales, so that a rate on a log scale is searched as one,
//! where Ray scales it linearly; the last 200 rows count, where Ray takes 200 to 1,000 by their likelihood, for the cube
//! of their number would be felt at every ask; the variance is of the same kernel as the mean, not fitted again.
//! Parameters without a size are drawn anew. Where there are no rows of the donor yet, as at the first barrier, params
//! change as in `pbt`. Refuses to model anything else.

use tunesmith_core::{Metric, Parameter, Rng, Trial};

use super::rungs::{Ladder, scored};
use super::time_varying::{Fading, Posterior, differences};
use crate::numeric::lbfgsb::{Stop, minimise};

/// The most rows.
const MOST_ROWS: usize = 200;
/// Starts of the search for the greatest bound.
const STARTS: u64 = 10;
/// Where standardised improvements are cut.
const CUT: f64 = 2.0;
const STOP: Stop = Stop { gradient: 1e-5, gain: 1e-9, evaluations: 100 };

/// What a population has shown.
#[derive(Debug)]
pub(super) struct Shown<'a> {
    pub(super) barriers: &'a Ladder,
    pub(super) metric: &'a Metric,
    pub(super) members: &'a [&'a Trial],
    /// The parameters that are modelled, each with a size.
    pub(super) parameters: &'a [&'a Parameter],
}

/// A stretch between two barriers.
#[derive(Debug, Clone)]
struct Row {
    member: u32,
    time: f64,
    before: f64,
    at: Vec<f64>,
    improvement: f64,
}

impl Shown<'_> {
    /// The positions of the parameters to go on with from a donor; `None` where nothing is known of it.
    pub(super) fn propose(&self, donor: &Trial, rng: &Rng) -> Option<Vec<f64>> {
        let mut rows: Vec<Row> = self.members.iter().flat_map(|member| self.rows(member)).collect();
        rows.sort_by(|a, b| a.time.total_cmp(&b.time).then(a.member.cmp(&b.member)));
        rows.drain(..rows.len().saturating_sub(MOST_ROWS));
        let last = rows.iter().rfind(|row| row.member == donor.number)?;
        let times = Range::of(rows.iter().map(|row| row.time));
        let befores = Range::of(rows.iter().map(|row| row.before));
        let scale = |row: &Row| [times.scale(row.time), befores.scale(row.before)];
        let point = |row: &Row| scale(row).into_iter().chain(row.at.iter().copied()).collect();
        let points: Vec<Vec<f64>> = rows.iter().map(point).collect();
        let values = standardised(rows.iter().map(|row| row.improvement).collect());
        let kernel = Fading::fitted(&points, &values);
        let fixed = scale(last);
        let mut busy = points.clone();
        busy.extend(self.gone().map(|at| fixed.into_iter().chain(at).collect::<Vec<f64>>()));
        let silent = vec![0.0; busy.len()];
        let (mean, spread) =
            (Posterior::of(kernel, &points, &values), Posterior::of(kernel, &busy, &silent));
        let bound = |at: &[f64]| {
            let point: Vec<f64> = fixed.iter().chain(at).copied().collect();
            upper_bound(mean.at(&point).0, spread.at(&point).1, points.len())
        };
        Some(greatest(bound, self.parameters.len(), rng))
    }

    /// The member's stretches.
    fn rows(&self, member: &Trial) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut start: Option<(usize, f64, f64)> = None;
        for passing in self.barriers.passings(member, scored(self.metric)) {
            let exploits =
                member.exploits.iter().filter(|one| one.reports <= passing.report).count();
            if start.is_none_or(|(segment, ..)| segment != exploits) {
                start = self.taken_over(member, exploits);
            }
            let Some(report) = member.reports.get(passing.report) else { continue };
            // More is better, as there.
            let (time, reward) = (report.fraction, -passing.value);
            if let Some((_, since, before)) = start.filter(|(_, since, _)| time > *since) {
                let at = self.positions(member, exploits);
                let improvement = (reward - before) / (time - since);
                let number = member.number;
                rows.extend(at.map(|at| Row { member: number, time, before, at, improvement }));
            }
            start = Some((exploits, time, reward));
        }
        rows
    }

    /// When a state was taken over and how good it was: the donor's, at its last barrier before.
    fn taken_over(&self, member: &Trial, exploits: usize) -> Option<(usize, f64, f64)> {
        let exploited = member.exploits.get(exploits.checked_sub(1)?)?;
        let donor = self.members.iter().find(|other| other.number == exploited.donor)?;
        let report = |index: usize| donor.reports.get(index);
        let until = self.barriers.passings(donor, scored(self.metric)).filter(|passing| {
            report(passing.report).is_some_and(|report| report.step <= exploited.donor_step)
        });
        let last = until.last()?;
        Some((exploits, report(last.report)?.fraction, -last.value))
    }

    /// Where a member's params lie after so many exploits.
    fn positions(&self, member: &Trial, exploits: usize) -> Option<Vec<f64>> {
        let params = member.params_after(exploits as u32);
        let position = |one: &&Parameter| one.to_unit(params.get(&one.name)?);
        self.parameters.iter().map(position).collect()
    }

    /// The params of members that took over a state and have not reported since.
    fn gone(&self) -> impl Iterator<Item = Vec<f64>> + '_ {
        let silent =
            |member: &&&Trial| !member.exploits.is_empty() && member.current_reports().is_empty();
        let members = self.members.iter().filter(silent);
        members.filter_map(|member| self.positions(member, member.exploits.len()))
    }
}

/// Ray's acquisition: it weighs the variance, not its root.
fn upper_bound(mean: f64, variance: f64, rows: usize) -> f64 {
    let beta = 0.2 + libm::log(0.4 * rows as f64).max(0.0);
    mean + beta.sqrt() * variance
}

/// The highest point of the unit cube that is found.
fn greatest(function: impl Fn(&[f64]) -> f64, axes: usize, rng: &Rng) -> Vec<f64> {
    let search = |start: u64| {
        let mut rng = rng.branch(start);
        let start: Vec<f64> = (0..axes).map(|_| rng.uniform()).collect();
        let loss = |at: &[f64]| -function(at);
        minimise(&start, &vec![(0.0, 1.0); axes], STOP, |at, slope| differences(loss, at, slope))
    };
    let found =
        (0..STARTS).map(search).reduce(|best, new| if new.value < best.value { new } else { best });
    found.map(|minimum| minimum.point).unwrap_or_default()
}

/// Mean 0 and deviation 1, cut.
fn standardised(values: Vec<f64>) -> Vec<f64> {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|one| (one - mean) * (one - mean)).sum::<f64>() / count;
    let scale = variance.sqrt() + 1e-8;
    values.into_iter().map(|one| ((one - mean) / scale).clamp(-CUT, CUT)).collect()
}

/// The least and the greatest of some numbers.
struct Range {
    low: f64,
    high: f64,
}

impl Range {
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min);
        Self { low, high: values.fold(f64::NEG_INFINITY, f64::max) }
    }

    fn scale(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low + 1e-8)
    }
}

#[cfg(test)]
mod tests;
