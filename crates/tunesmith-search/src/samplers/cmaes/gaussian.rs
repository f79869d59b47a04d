//! The normal distribution of CMA-ES and its update.
//!
//! Constants and update are those of cmaes 0.13.1 (`CMA`), which are Hansen's ("The CMA evolution strategy: a
//! tutorial", 2016, equations 41 to 58), negative weights included. The same with a diagonal covariance is Ros and
//! Hansen's ("A simple modification in CMA-ES achieving linear time and space complexity", 2008): learning rates of
//! the covariance times (d + 2) / 3. Refuses bounds: its caller draws again.

use tunesmith_core::Rng;

use crate::numeric::eigen::Eigen;

const EPSILON: f64 = 1e-8;
const MOST_SIGMA: f64 = 1e32;

/// What depends on the number of dimensions and the size of the population alone.
#[derive(Debug, Clone)]
pub(super) struct Constants {
    pub(super) weights: Vec<f64>,
    /// How many weights select.
    pub(super) mu: usize,
    pub(super) mu_eff: f64,
    pub(super) c1: f64,
    pub(super) cmu: f64,
    pub(super) c_sigma: f64,
    pub(super) d_sigma: f64,
    pub(super) cc: f64,
    pub(super) chi_n: f64,
}

impl Constants {
    /// For a population of at least 2.
    pub(super) fn new(dimensions: usize, population: usize, is_diagonal: bool) -> Self {
        let n = dimensions.max(1) as f64;
        let raw: Vec<f64> = (0..population)
            .map(|i| libm::log((population + 1) as f64 / 2.0) - libm::log((i + 1) as f64))
            .collect();
        let mu = population / 2;
        let effective = |part: &[f64]| {
            let sum: f64 = part.iter().sum();
            sum * sum / part.iter().map(|weight| weight * weight).sum::<f64>()
        };
        let (mu_eff, mu_eff_minus) = (effective(&raw[..mu]), effective(&raw[mu..]));
        let speed = if is_diagonal { (n + 2.0) / 3.0 } else { 1.0 };
        let c1 = speed * 2.0 / ((n + 1.3) * (n + 1.3) + mu_eff);
        let cmu = speed * 2.0 * (mu_eff - 2.0 + 1.0 / mu_eff) / ((n + 2.0) * (n + 2.0) + mu_eff);
        let cmu = (1.0 - c1 - 1e-8).min(cmu);
        let alpha = (1.0 + c1 / cmu)
            .min(1.0 + 2.0 * mu_eff_minus / (mu_eff + 2.0))
            .min((1.0 - c1 - cmu) / (n * cmu));
        let positive: f64 = raw.iter().filter(|weight| **weight > 0.0).sum();
        let negative: f64 = -raw.iter().filter(|weight| **weight < 0.0).sum::<f64>();
        let scaled = |weight: &f64| {
            if *weight >= 0.0 { weight / positive } else { alpha / negative * weight }
        };
        let c_sigma = (mu_eff + 2.0) / (n + mu_eff + 5.0);
        let excess = (((mu_eff - 1.0) / (n + 1.0)).sqrt() - 1.0).max(0.0);
        Self {
            weights: raw.iter().map(scaled).collect(),
            mu,
            mu_eff,
            c1,
            cmu,
            c_sigma,
            d_sigma: 1.0 + 2.0 * excess + c_sigma,
            cc: (4.0 + mu_eff / n) / (n + 4.0 + 2.0 * mu_eff / n),
            chi_n: n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n)),
        }
    }
}

/// The shape of the distribution.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Covariance {
    /// All entries, rows one after another.
    Full(Vec<f64>),
    /// The diagonal alone.
    Diagonal(Vec<f64>),
}

/// A covariance taken apart.
#[derive(Debug)]
pub(super) enum Factor {
    Full(Eigen),
    /// The roots of the diagonal.
    Diagonal(Vec<f64>),
}

/// A normal distribution that learns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gaussian {
    pub(super) mean: Vec<f64>,
    pub(super) sigma: f64,
    pub(super) covariance: Covariance,
    pub(super) path_sigma: Vec<f64>,
    pub(super) path_c: Vec<f64>,
    /// How many times it was told.
    pub(super) told: u32,
}

impl Covariance {
    fn identity(size: usize, is_diagonal: bool) -> Self {
        if is_diagonal {
            return Self::Diagonal(vec![1.0; size]);
        }
        let mut entries = vec![0.0; size * size];
        (0..size).for_each(|i| entries[i * size + i] = 1.0);
        Self::Full(entries)
    }

    pub(super) fn diagonal(&self) -> Vec<f64> {
        match self {
            Self::Diagonal(diagonal) => diagonal.clone(),
            Self::Full(entries) => {
                let size = (entries.len() as f64).sqrt() as usize;
                (0..size).map(|i| entries[i * size + i]).collect()
            }
        }
    }

    pub(super) fn factor(&self) -> Factor {
        // An eigenvalue that rounding made negative counts as small.
        let root = |value: f64| if value < 0.0 { EPSILON.sqrt() } else { value.sqrt() };
        match self {
            Self::Diagonal(diagonal) => {
                Factor::Diagonal(diagonal.iter().map(|value| root(*value)).collect())
            }
            Self::Full(entries) => {
                let size = (entries.len() as f64).sqrt() as usize;
                let mut eigen = Eigen::of(size, entries);
                eigen.values.iter_mut().for_each(|value| *value = root(*value));
                Factor::Full(eigen)
            }
        }
    }

    /// `keep · self + Σ weight · vector · vectorᵀ`.
    fn blend(&mut self, keep: f64, parts: &[(f64, &[f64])]) {
        match self {
            Self::Diagonal(diagonal) => {
                for (i, entry) in diagonal.iter_mut().enumerate() {
                    let sum: f64 = parts.iter().map(|(w, vector)| w * vector[i] * vector[i]).sum();
                    *entry = keep * *entry + sum;
                }
            }
            Self::Full(entries) => {
                entries.iter_mut().for_each(|entry| *entry *= keep);
                for (weight, vector) in parts {
                    for (row, left) in entries.chunks_mut(vector.len().max(1)).zip(*vector) {
                        for (entry, right) in row.iter_mut().zip(*vector) {
                            *entry += weight * (left * right);
                        }
                    }
                }
            }
        }
    }
}

impl Factor {
    /// `C^½ · z`, the length along each principal axis being that of `z`.
    pub(super) fn colour(&self, z: &[f64]) -> Vec<f64> {
        match self {
            Self::Diagonal(roots) => roots.iter().zip(z).map(|(root, z)| root * z).collect(),
            Self::Full(eigen) => {
                let mut result = vec![0.0; z.len()];
                let axes = eigen.values.iter().zip(eigen.vectors.chunks(z.len().max(1)));
                for ((root, vector), z) in axes.zip(z) {
                    result.iter_mut().zip(vector).for_each(|(sum, part)| *sum += root * z * part);
                }
                result
            }
        }
    }

    /// `C^-½ · y`.
    fn whiten(&self, y: &[f64]) -> Vec<f64> {
        match self {
            Self::Diagonal(roots) => roots.iter().zip(y).map(|(root, y)| y / root).collect(),
            Self::Full(eigen) => eigen.apply(|root| 1.0 / root, y),
        }
    }

    /// The lengths of the principal axes.
    pub(super) fn roots(&self) -> &[f64] {
        match self {
            Self::Diagonal(roots) => roots,
            Self::Full(eigen) => &eigen.values,
        }
    }
}

impl Gaussian {
    pub(super) fn new(mean: Vec<f64>, sigma: f64, is_diagonal: bool) -> Self {
        let size = mean.len();
        let covariance = Covariance::identity(size, is_diagonal);
        let zero = vec![0.0; size];
        Self { mean, sigma, covariance, path_sigma: zero.clone(), path_c: zero, told: 0 }
    }

    /// A draw.
    pub(super) fn draw(&self, factor: &Factor, rng: &mut Rng) -> Vec<f64> {
        let z: Vec<f64> = self.mean.iter().map(|_| rng.normal()).collect();
        let y = factor.colour(&z);
        self.mean.iter().zip(y).map(|(mean, y)| mean + self.sigma * y).collect()
    }

    /// Learns from as many points as there are weights, the best first.
    pub(super) fn tell(&mut self, ranked: &[Vec<f64>], constants: &Constants) {
        let Constants { weights, mu, mu_eff, c1, cmu, c_sigma, d_sigma, cc, chi_n } = constants;
        let n = self.mean.len() as f64;
        let factor = self.covariance.factor();
        self.told += 1;
        let steps: Vec<Vec<f64>> = ranked
            .iter()
            .map(|point| {
                point.iter().zip(&self.mean).map(|(x, mean)| (x - mean) / self.sigma).collect()
            })
            .collect();
        let mut step = vec![0.0; self.mean.len()];
        for (y, weight) in steps.iter().zip(&weights[..*mu]) {
            step.iter_mut().zip(y).for_each(|(sum, y)| *sum += weight * y);
        }
        self.mean.iter_mut().zip(&step).for_each(|(mean, step)| *mean += self.sigma * step);

        let gain = (c_sigma * (2.0 - c_sigma) * mu_eff).sqrt();
        let white = factor.whiten(&step);
        for (path, white) in self.path_sigma.iter_mut().zip(&white) {
            *path = (1.0 - c_sigma) * *path + gain * white;
        }
        let length = norm(&self.path_sigma);
        self.sigma *= libm::exp(c_sigma / d_sigma * (length / chi_n - 1.0));
        self.sigma = self.sigma.min(MOST_SIGMA);

        let fading = libm::pow(1.0 - c_sigma, 2.0 * f64::from(self.told + 1));
        let is_short = length / (1.0 - fading).sqrt() < (1.4 + 2.0 / (n + 1.0)) * chi_n;
        let h = f64::from(u8::from(is_short));
        let gain = h * (cc * (2.0 - cc) * mu_eff).sqrt();
        for (path, step) in self.path_c.iter_mut().zip(&step) {
            *path = (1.0 - cc) * *path + gain * step;
        }
        let sum: f64 = weights.iter().sum();
        let keep = 1.0 + c1 * (1.0 - h) * cc * (2.0 - cc) - c1 - cmu * sum;
        let signed = |y: &Vec<f64>, weight: f64| {
            if weight >= 0.0 {
                return cmu * weight;
            }
            let length = norm(&factor.whiten(y));
            cmu * weight * n / (length * length + EPSILON)
        };
        let mut parts: Vec<(f64, &[f64])> = vec![(*c1, &self.path_c)];
        parts.extend(steps.iter().zip(weights).map(|(y, weight)| (signed(y, *weight), &**y)));
        self.covariance.blend(keep, &parts);
    }
}

fn norm(vector: &[f64]) -> f64 {
    vector.iter().map(|part| part * part).sum::<f64>().sqrt()
}
