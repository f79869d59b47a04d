//! The distribution over unordered choices and its update.
//!
//! That of CatCMA (Hamano et al., GECCO 2024) as in cmaes 0.13.1 (`CatCMAwM`): the natural gradient under the adaptive
//! steps of ASNG (Akimoto et al., ICML 2019), and a margin of `(1 - 0.73^(1/n)) / (K - 1)` below which no probability
//! falls. Refuses choices of one: there is nothing to learn.

use tunesmith_core::Rng;

const EPSILON: f64 = 1e-8;
/// ASNG's signal-to-noise ratio.
const ALPHA: f64 = 1.5;

/// Independent categorical distributions that learn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choices {
    /// The probabilities of each choice.
    pub(super) probabilities: Vec<Vec<f64>>,
    /// ASNG's accumulated gradient, all choices one after another.
    pub(super) path: Vec<f64>,
    /// The step's length.
    pub(super) step: f64,
    /// What the step is divided by next.
    pub(super) brake: f64,
    /// The accumulated square of the path's weights.
    pub(super) gamma: f64,
}

impl Choices {
    /// From weights above or at 0, at least two for each choice.
    pub(super) fn new(mut weights: Vec<Vec<f64>>) -> Self {
        for weights in &mut weights {
            let sum: f64 = weights.iter().sum();
            weights.iter_mut().for_each(|weight| *weight /= sum);
        }
        let free = weights.iter().map(|weights| weights.len() - 1).sum();
        let mut choices = Self {
            probabilities: weights,
            path: vec![0.0; free],
            step: 1.0,
            brake: 1.0,
            gamma: 0.0,
        };
        choices.keep_margin();
        choices
    }

    /// An index for each choice.
    pub(super) fn draw(&self, rng: &mut Rng) -> Vec<usize> {
        let pick = |probabilities: &Vec<f64>| {
            let target = rng.uniform();
            let mut sum = 0.0;
            let found = probabilities.iter().position(|probability| {
                sum += probability;
                target < sum
            });
            found.unwrap_or(probabilities.len() - 1)
        };
        self.probabilities.iter().map(pick).collect()
    }

    /// Learns from as many draws as there are weights, the best first. The weights are above 0.
    pub(super) fn tell(&mut self, ranked: &[Vec<usize>], weights: &[f64]) {
        if self.probabilities.is_empty() {
            return;
        }
        let gradients = self.gradients(ranked, weights);
        let root: Vec<f64> = self
            .probabilities
            .iter()
            .zip(&gradients)
            .flat_map(|(probabilities, gradient)| through_fisher(probabilities, gradient))
            .collect();
        let length = root.iter().map(|part| part * part).sum::<f64>().sqrt();
        if length == 0.0 {
            return;
        }
        let rate = self.step / (length + EPSILON);
        for (probabilities, gradient) in self.probabilities.iter_mut().zip(&gradients) {
            probabilities.iter_mut().zip(gradient).for_each(|(p, slope)| *p += rate * slope);
        }
        self.step = 1.0 / self.brake;
        // Beyond 1, where cmaes would take the root of a negative number, the path would turn back on itself.
        let beta = (self.step / (self.path.len() as f64).sqrt()).min(1.0);
        let gain = beta * (2.0 - beta);
        for (path, part) in self.path.iter_mut().zip(&root) {
            *path = (1.0 - beta) * *path + gain.sqrt() * part / length;
        }
        self.gamma = (1.0 - beta) * (1.0 - beta) * self.gamma + gain;
        let square: f64 = self.path.iter().map(|part| part * part).sum();
        self.brake *= libm::exp(beta * (self.gamma - square / ALPHA));
        self.keep_margin();
    }

    fn gradients(&self, ranked: &[Vec<usize>], weights: &[f64]) -> Vec<Vec<f64>> {
        let gradient = |(choice, probabilities): (usize, &Vec<f64>)| {
            let mut gradient = vec![0.0; probabilities.len()];
            for (drawn, weight) in ranked.iter().zip(weights) {
                for (index, (slope, p)) in gradient.iter_mut().zip(probabilities).enumerate() {
                    *slope += weight * (f64::from(u8::from(drawn[choice] == index)) - p);
                }
            }
            gradient
        };
        self.probabilities.iter().enumerate().map(gradient).collect()
    }

    fn keep_margin(&mut self) {
        let share = 1.0 - libm::pow(0.73, 1.0 / self.probabilities.len().max(1) as f64);
        for probabilities in &mut self.probabilities {
            let count = probabilities.len() as f64;
            let least = share / (count - 1.0);
            probabilities.iter_mut().for_each(|p| *p = p.max(least));
            let sum: f64 = probabilities.iter().sum();
            let room = sum - least * count;
            let excess = if room > 0.0 { (sum - 1.0) / room } else { 0.0 };
            probabilities.iter_mut().for_each(|p| *p -= excess * (*p - least));
            let sum: f64 = probabilities.iter().sum();
            probabilities.iter_mut().for_each(|p| *p /= sum);
        }
    }
}

/// The gradient times an approximate root of the Fisher information (Akimoto et al., appendix B).
fn through_fisher(probabilities: &[f64], gradient: &[f64]) -> Vec<f64> {
    let free = probabilities.len() - 1;
    let last = probabilities[free];
    let sum: f64 = gradient[..free].iter().sum();
    let part = |(p, slope): (&f64, &f64)| slope / p.sqrt() + p.sqrt() * sum / (last + last.sqrt());
    probabilities[..free].iter().zip(gradient).map(part).collect()
}
