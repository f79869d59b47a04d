//! What a point is worth trying for: the logarithm of the expected improvement, plus the logarithm of the chance that
//! it does not fail, plus the weighted logarithm of what was believed before.
//!
//! With points that are not measured yet: the mean of the improvement over fantasies, draws of their values from the
//! posterior (Snoek, Larochelle and Adams 2012; Wilson, Hutter and Deisenroth 2018, for choosing one point after the
//! other). A fantasy is a vector of standard normals, one for each such point; see `model`. For two objectives the
//! expected hypervolume improvement, where points that are not measured yet stand at their mean. Refuses to search.

use std::array::from_fn;

use super::frame::Frame;
use super::improvement::{Slopes, Sums};
use super::model::{Model, Projected};
use super::tile::{Lanes, Tile};
use super::volume::Strips;
use crate::belief::Belief;
use crate::numeric::cholesky::dot;
use crate::numeric::special::{LN_SQRT_2PI, log_normal_cdf};

/// The most axes for which the belief's slope is taken, by differences.
const MOST_AXES_OF_BELIEF: usize = 30;

/// Draws of the values at points that are not measured yet.
#[derive(Debug, Clone)]
pub(crate) struct Fantasies {
    /// For each fantasy a standard normal for each point that may yet be appended.
    normals: Vec<Vec<f64>>,
    /// For each fantasy the lowest value, measured or drawn.
    best: Vec<f64>,
    appended: usize,
}

impl Fantasies {
    /// `normals` has as many rows as fantasies.
    pub(crate) fn new(normals: Vec<Vec<f64>>, best: f64) -> Self {
        Self { best: vec![best; normals.len()], normals, appended: 0 }
    }
}

/// What is improved on.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// One value.
    Value { model: Model, fantasies: Fantasies },
    /// The hypervolume of two.
    Volume { models: [Model; 2], points: Vec<Vec<f64>>, reference: [f64; 2], strips: Strips },
}

/// A process over labels, 1 for a trial that ran and -1 for one that failed, less their mean.
#[derive(Debug, Clone)]
pub(crate) struct Feasibility {
    pub(crate) model: Model,
    pub(crate) mean: f64,
}

/// What was believed before, and how much it weighs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lean {
    pub(crate) belief: Belief,
    pub(crate) weight: f64,
}

/// What a point is worth trying for.
#[derive(Debug)]
pub(crate) struct Acquisition<'a> {
    pub(crate) frame: &'a Frame<'a>,
    pub(crate) target: Target,
    pub(crate) feasibility: Option<Feasibility>,
    pub(crate) lean: Option<Lean>,
}

impl Target {
    /// One or two.
    pub(crate) fn models(&self) -> &[Model] {
        match self {
            Self::Value { model, .. } => std::slice::from_ref(model),
            Self::Volume { models, .. } => models,
        }
    }

    /// The model whose length scales measure distances.
    pub(crate) fn first(&self) -> &Model {
        &self.models()[0]
    }

    /// Brings projections of a point up to date with the points that were appended.
    pub(crate) fn project(&self, point: &[f64], projections: &mut Vec<Vec<f64>>) {
        projections.resize_with(self.models().len(), Vec::new);
        for (model, projection) in self.models().iter().zip(projections) {
            model.project(point, projection);
        }
    }

    /// The logarithm of the expected improvement over the first `most` fantasies.
    pub(crate) fn value(&self, projections: &[Vec<f64>], most: usize) -> f64 {
        match self {
            Self::Value { model, fantasies } => fantasies.value(model, &projections[0], most),
            Self::Volume { models, strips, .. } => {
                let of = |k: usize| models[k].mean(&projections[k]);
                let variance = |k: usize| models[k].variance(&projections[k]);
                strips.log_improvement([of(0), of(1)], [variance(0), variance(1)]).0
            }
        }
    }

    /// [`Target::value`] of a tile's candidates; `tiles` has one for each model.
    pub(crate) fn values(&self, tiles: &mut [Tile], most: usize) -> Lanes {
        for (model, tile) in self.models().iter().zip(tiles.iter_mut()) {
            tile.advance(model);
        }
        match self {
            Self::Value { model, fantasies } => fantasies.values(model, &tiles[0], most),
            Self::Volume { models, strips, .. } => {
                let variances = [0, 1].map(|k| tiles[k].variances(&models[k]));
                from_fn(|lane| {
                    let mean = [0, 1].map(|k| tiles[k].means()[lane]);
                    strips.log_improvement(mean, variances.map(|lanes| lanes[lane])).0
                })
            }
        }
    }

    /// As [`Target::value`]; adds the gradient.
    fn value_and_gradient(&self, point: &[f64], most: usize, gradient: &mut [f64]) -> f64 {
        match self {
            Self::Value { model, fantasies } => {
                let projected = model.project_with_slopes(point);
                let (value, weights) = fantasies.slopes(model, &projected.projection, most);
                model.pull_back(point, &projected, weights, gradient);
                value
            }
            Self::Volume { models, strips, .. } => {
                let projected = [0, 1].map(|k| models[k].project_with_slopes(point));
                let mean = [0, 1].map(|k| models[k].mean(&projected[k].projection));
                let variance = [0, 1].map(|k| models[k].variance(&projected[k].projection));
                let (value, slopes) = strips.log_improvement(mean, variance);
                for k in 0..2 {
                    pull_back(&models[k], point, &projected[k], slopes[k], gradient);
                }
                value
            }
        }
    }

    /// Counts a point as about to be measured.
    pub(crate) fn append(&mut self, point: &[f64]) {
        match self {
            Self::Value { model, fantasies } => {
                let row = model.append(point).to_vec();
                fantasies.append(model, &row);
            }
            Self::Volume { models, points, reference, strips } => {
                let believed = models.iter_mut().map(|model| {
                    let row = model.append(point).to_vec();
                    model.mean(&row)
                });
                let believed: Vec<f64> = believed.collect();
                points.push(believed);
                *strips = Strips::new(points, *reference);
            }
        }
    }
}

/// Adds the gradient of a function of one model's mean and variance.
fn pull_back(
    model: &Model,
    point: &[f64],
    projected: &Projected,
    slopes: Slopes,
    gradient: &mut [f64],
) {
    let mut weights: Vec<f64> =
        projected.projection.iter().map(|entry| -2.0 * slopes.variance * entry).collect();
    let means = weights.iter_mut().zip(model.whitened());
    means.for_each(|(weight, entry)| *weight += slopes.mean * entry);
    model.pull_back(point, projected, weights, gradient);
}

impl Fantasies {
    /// The mean at a projected point and the lowest value, in each fantasy.
    fn means<'f>(
        &'f self,
        model: &Model,
        projection: &'f [f64],
        most: usize,
    ) -> impl Iterator<Item = (f64, f64)> + 'f {
        let measured = model.mean(projection);
        let rest = &projection[model.observed()..];
        // Without a point to fantasise about all fantasies are alike.
        let count = if self.appended == 0 { 1 } else { most };
        self.normals
            .iter()
            .zip(&self.best)
            .take(count)
            .map(move |(normals, best)| (measured + dot(rest, &normals[..rest.len()]), *best))
    }

    /// The value over the first `most` fantasies.
    fn value(&self, model: &Model, projection: &[f64], most: usize) -> f64 {
        let sigma = model.variance(projection).sqrt();
        Sums::over(&self.standard(model, projection, most), |_| {}).log_mean(sigma)
    }

    /// [`Fantasies::value`] of a tile's candidates.
    fn values(&self, model: &Model, tile: &Tile, most: usize) -> Lanes {
        let count = if self.appended == 0 { 1 } else { most };
        let sigmas = tile.variances(model).map(f64::sqrt);
        let standard = |(normals, best): (&Vec<f64>, &f64)| -> Lanes {
            let mut means = *tile.means();
            for (row, normal) in tile.appended(model).iter().zip(normals) {
                means = from_fn(|lane| means[lane] + normal * row[lane]);
            }
            from_fn(|lane| (best - means[lane]) / sigmas[lane])
        };
        let pairs = self.normals.iter().zip(&self.best).take(count);
        let standard: Vec<Lanes> = pairs.map(standard).collect();
        let mut own = vec![0.0; standard.len()];
        from_fn(|lane| {
            own.iter_mut().zip(&standard).for_each(|(own, lanes)| *own = lanes[lane]);
            Sums::over(&own, |_| {}).log_mean(sigmas[lane])
        })
    }

    /// How far the lowest value lies above the mean, in deviations, in each fantasy.
    fn standard(&self, model: &Model, projection: &[f64], most: usize) -> Vec<f64> {
        let sigma = model.variance(projection).sqrt();
        self.means(model, projection, most).map(|(mean, best)| (best - mean) / sigma).collect()
    }

    /// The value over the first `most` fantasies and its slopes in the entries of the projection.
    fn slopes(&self, model: &Model, projection: &[f64], most: usize) -> (f64, Vec<f64>) {
        let sigma = model.variance(projection).sqrt();
        let mut masses = Vec::new();
        let sums = Sums::over(&self.standard(model, projection, most), |mass| masses.push(mass));
        let total = sums.slopes(sigma);
        let observed = model.observed();
        let mut weights = vec![0.0; projection.len()];
        if self.appended > 0 {
            for (mass, normals) in masses.iter().zip(&self.normals) {
                let slope = sums.slope_of(*mass, sigma);
                let appended = weights[observed..].iter_mut().zip(normals);
                appended.for_each(|(weight, normal)| *weight += slope * normal);
            }
        }
        let means = weights.iter_mut().zip(model.whitened());
        means.for_each(|(weight, entry)| *weight += total.mean * entry);
        let variances = weights.iter_mut().zip(projection);
        variances.for_each(|(weight, entry)| *weight -= 2.0 * total.variance * entry);
        (sums.log_mean(sigma), weights)
    }

    /// Draws the values at the point that the model's last row stands for.
    fn append(&mut self, model: &Model, row: &[f64]) {
        let measured = model.mean(row);
        let rest = &row[model.observed()..];
        for (normals, best) in self.normals.iter().zip(&mut self.best) {
            *best = best.min(measured + dot(rest, &normals[..rest.len()]));
        }
        self.appended += 1;
    }
}

impl Feasibility {
    /// `ln Φ(mean / √(variance + noise))`: least-squares classification (Rasmussen and Williams 2006, §6.5).
    fn value(&self, mean: f64, variance: f64) -> (f64, Slopes) {
        let spread = variance + self.model.kernel.noise;
        let z = (self.mean + mean) / spread.sqrt();
        let log = log_normal_cdf(z);
        let slope = libm::exp(-0.5 * z * z - LN_SQRT_2PI - log);
        let slopes = Slopes { mean: slope / spread.sqrt(), variance: -0.5 * slope * z / spread };
        (log, slopes)
    }

    fn at(&self, point: &[f64]) -> f64 {
        let mut projection = Vec::new();
        self.model.project(point, &mut projection);
        self.value(self.model.mean(&projection), self.model.variance(&projection)).0
    }

    fn at_with_gradient(&self, point: &[f64], gradient: &mut [f64]) -> f64 {
        let projected = self.model.project_with_slopes(point);
        let mean = self.model.mean(&projected.projection);
        let (log, slopes) = self.value(mean, self.model.variance(&projected.projection));
        pull_back(&self.model, point, &projected, slopes, gradient);
        log
    }
}

impl Acquisition<'_> {
    /// What does not change while points are appended: the chance of not failing, and the belief.
    pub(crate) fn fixed_part(&self, point: &[f64]) -> f64 {
        let feasible = self.feasibility.as_ref().map_or(0.0, |feasibility| feasibility.at(point));
        feasible + self.lean_at(point)
    }

    fn lean_at(&self, point: &[f64]) -> f64 {
        let log = |lean: &Lean| lean.weight * lean.belief.log_density(self.frame.encoding, point);
        self.lean.as_ref().map_or(0.0, log)
    }

    /// The value at a point over the first `most` fantasies.
    pub(crate) fn value(&self, point: &[f64], most: usize) -> f64 {
        let mut projections = Vec::new();
        self.target.project(point, &mut projections);
        self.target.value(&projections, most) + self.fixed_part(point)
    }

    /// As [`Acquisition::value`]; writes the gradient over the numeric axes.
    pub(crate) fn value_and_gradient(
        &self,
        point: &[f64],
        most: usize,
        gradient: &mut [f64],
    ) -> f64 {
        gradient.fill(0.0);
        let mut value = self.target.value_and_gradient(point, most, gradient);
        if let Some(feasibility) = &self.feasibility {
            value += feasibility.at_with_gradient(point, gradient);
        }
        if self.lean.is_some() {
            let here = self.lean_at(point);
            value += here;
            if point.len() <= MOST_AXES_OF_BELIEF {
                self.add_slope_of_lean(point, here, gradient);
            }
        }
        value
    }

    fn add_slope_of_lean(&self, point: &[f64], here: f64, gradient: &mut [f64]) {
        const STEP: f64 = 1e-5;
        let mut moved = point.to_vec();
        for axis in (0..point.len()).filter(|axis| !self.frame.categorical[*axis]) {
            let step = if point[axis] > 0.5 { -STEP } else { STEP };
            moved[axis] = point[axis] + step;
            gradient[axis] += (self.lean_at(&moved) - here) / step;
            moved[axis] = point[axis];
        }
    }
}

#[cfg(test)]
mod tests;
