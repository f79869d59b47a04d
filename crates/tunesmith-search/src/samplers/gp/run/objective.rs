//! What an ask improves on: the models of the values, of a scalarised vector of them or of the front, and of failing.
//!
//! ParEGO: Knowles, "ParEGO: a hybrid algorithm with on-line landscape approximation" (2006, eq. 2), weights drawn
//! uniformly from the simplex for each trial. Refuses to choose points.

use super::super::acquisition::{Fantasies, Feasibility, Target};
use super::super::evidence::{Observation, targets};
use super::super::fit::fit;
use super::super::model::Model;
use super::super::volume::Strips;
use super::Run;
use crate::numeric::pareto;
use crate::numeric::quasi::Sequence;

/// The least variance of the noise of labels.
const LEAST_LABEL_NOISE: f64 = 0.05;

impl Run<'_> {
    /// What is improved on, and the observations from the best.
    pub(super) fn target(&self, number: u32) -> (Target, Vec<usize>) {
        let objectives = self.request.study.metrics().len();
        if objectives == 2 {
            return self.volume();
        }
        let values = if objectives == 1 {
            self.observed.iter().map(|one| one.scores[0]).collect()
        } else {
            self.scalarised(number)
        };
        let (model, targets) = self.model(values);
        let best = self.best_of(&targets);
        let observed = &targets[..self.points.observed];
        let mut ranking: Vec<usize> = (0..observed.len()).collect();
        ranking.sort_by(|a, b| observed[*a].total_cmp(&observed[*b]));
        let fantasies = Fantasies::new(self.normals(number), best);
        (Target::Value { model, fantasies }, ranking)
    }

    pub(super) fn model(&self, values: Vec<f64>) -> (Model, Vec<f64>) {
        let targets = targets(values, self.failed, self.request.settings);
        let mut categorical = self.frame.categorical.clone();
        if self.points.partial > 0 {
            categorical.push(false);
        }
        let points = &self.points.points;
        let kernel = fit(&categorical, points, &targets.values, targets.noise_floor);
        (Model::new(kernel, points, &targets.values), targets.values)
    }

    /// The lowest target of a trial at its end; of any where none is.
    fn best_of(&self, targets: &[f64]) -> f64 {
        let lowest = |whole: bool| {
            let pairs = self.observed.iter().zip(targets);
            let chosen = pairs.filter(|(one, _)| !whole || one.fraction >= 1.0);
            chosen.map(|(_, target)| *target).fold(f64::INFINITY, f64::min)
        };
        let at_end = lowest(true);
        if at_end.is_finite() { at_end } else { lowest(false) }
    }

    fn normals(&self, number: u32) -> Vec<Vec<f64>> {
        let rng = self.rng.branch(u64::from(number)).branch_named("fantasies");
        let places = self.pending.len() + self.modelled as usize;
        let sequence = Sequence::new(places, &rng);
        (0..self.request.settings.fantasies as u32).map(|i| sequence.normal_point(i)).collect()
    }

    /// Two models, and the front that their objectives have reached.
    fn volume(&self) -> (Target, Vec<usize>) {
        let both =
            [0, 1].map(|k| self.model(self.observed.iter().map(|one| one.scores[k]).collect()));
        let [(first, of_first), (second, of_second)] = both;
        let reference = [&of_first, &of_second]
            .map(|values| values.iter().copied().fold(f64::NEG_INFINITY, f64::max) + 0.1);
        let at_end = |index: &usize| self.observed[*index].fraction >= 1.0;
        let whole: Vec<usize> = (0..self.points.observed).filter(at_end).collect();
        let points: Vec<Vec<f64>> =
            whole.iter().map(|index| vec![of_first[*index], of_second[*index]]).collect();
        let front = pareto::front(&points).into_iter().map(|index| whole[index]).collect();
        let strips = Strips::new(&points, reference);
        (Target::Volume { models: [first, second], points, reference, strips }, front)
    }

    /// ParEGO's augmented Chebyshev function of the objectives, each in shares of its range, with weights of the trial.
    fn scalarised(&self, number: u32) -> Vec<f64> {
        let objectives = self.request.study.metrics().len();
        let mut rng = self.rng.branch(u64::from(number)).branch_named("weights");
        let raw: Vec<f64> = (0..objectives).map(|_| -libm::log(rng.open_uniform())).collect();
        let sum: f64 = raw.iter().sum();
        let range = |k: usize| {
            let values = self.observed.iter().map(|one| one.scores[k]);
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
        };
        let ranges: Vec<(f64, f64)> = (0..objectives).map(range).collect();
        let value = |one: &Observation<'_>| {
            let weighted = (0..objectives).map(|k| {
                let (low, high) = ranges[k];
                let share = if high > low { (one.scores[k] - low) / (high - low) } else { 0.0 };
                raw[k] / sum * share
            });
            let weighted: Vec<f64> = weighted.collect();
            let largest = weighted.iter().copied().fold(0.0, f64::max);
            largest + 0.05 * weighted.iter().sum::<f64>()
        };
        self.observed.iter().map(value).collect()
    }

    pub(super) fn feasibility(&self) -> Option<Feasibility> {
        if self.failed == 0 {
            return None;
        }
        let count = self.points.points.len();
        let mean = 1.0 - 2.0 * self.failed as f64 / count as f64;
        let label = |index: usize| if index < self.points.observed { 1.0 } else { -1.0 };
        let labels: Vec<f64> = (0..count).map(|index| label(index) - mean).collect();
        let axes = self.frame.dimensions();
        let points: Vec<Vec<f64>> =
            self.points.points.iter().map(|point| point[..axes].to_vec()).collect();
        let kernel = fit(&self.frame.categorical, &points, &labels, LEAST_LABEL_NOISE);
        Some(Feasibility { model: Model::new(kernel, &points, &labels), mean })
    }
}
