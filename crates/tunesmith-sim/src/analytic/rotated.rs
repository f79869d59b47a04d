//! Four functions of the BBOB suite by their definitions (Hansen, Finck, Ros and Auger, "Real-parameter black-box
//! optimization benchmarking 2009: noiseless functions definitions", INRIA RR-6829): sphere (f1), rotated ellipsoid
//! (f10), rotated Rastrigin (f15) and rotated Rosenbrock (f9).
//!
//! Refuses the suite's own instances: optimum and rotations are drawn here, from a stream of the function and the
//! dimension, so values compare with no table of COCO. The best value is 0.

use core::f64::consts::PI;

use tunesmith_core::{Domain, Goal, Metric, Parameter, Params, Rng, SearchSpace, Value};

use crate::objective::{Evaluation, Objective};

/// Which function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// f1.
    Sphere,
    /// f10.
    Ellipsoid,
    /// f15.
    Rastrigin,
    /// f9.
    Rosenbrock,
}

/// A function of the suite in some dimension, on `[-5, 5]` in each.
#[derive(Debug)]
pub(crate) struct Rotated {
    shape: Shape,
    space: SearchSpace,
    metric: Metric,
    optimum: Vec<f64>,
    /// R and Q, rows first.
    rotations: [Vec<Vec<f64>>; 2],
}

impl Rotated {
    pub(crate) fn new(shape: Shape, dimension: usize) -> Self {
        let rng = Rng::at(dimension as u64, shape as u32, "instance");
        let mut draws = rng.branch_named("optimum");
        let optimum = (0..dimension).map(|_| 8.0 * draws.uniform() - 4.0).collect();
        let rotations = ["R", "Q"].map(|name| rotation(dimension, &mut rng.branch_named(name)));
        let parameter = |index| Parameter::new(&name(index), Domain::float(-5.0, 5.0));
        let space = crate::legal((0..dimension).map(parameter).collect());
        Self { shape, space, metric: Metric::new("loss", Goal::Minimize), optimum, rotations }
    }

    fn at(&self, x: &[f64]) -> f64 {
        let shifted: Vec<f64> = x.iter().zip(&self.optimum).map(|(x, best)| x - best).collect();
        let [r, q] = &self.rotations;
        match self.shape {
            Shape::Sphere => square(&shifted),
            Shape::Ellipsoid => {
                let z = oscillated(times(r, &shifted));
                let weighted = z.iter().enumerate();
                weighted.map(|(index, z)| libm::pow(1e6, self.rank(index)) * z * z).sum()
            }
            Shape::Rastrigin => {
                let bent = self.asymmetric(oscillated(times(r, &shifted)), 0.2);
                let scale = |(index, z)| libm::pow(10.0, 0.5 * self.rank(index)) * z;
                let z = times(
                    r,
                    &times(q, &bent).into_iter().enumerate().map(scale).collect::<Vec<_>>(),
                );
                let waves: f64 = z.iter().map(|z| libm::cos(2.0 * PI * z)).sum();
                10.0 * (z.len() as f64 - waves) + square(&z)
            }
            Shape::Rosenbrock => {
                let width = f64::max(1.0, (x.len() as f64).sqrt() / 8.0);
                // Shifted so that the minimum, at all ones, lies at the optimum.
                let z: Vec<f64> = times(r, &shifted).iter().map(|z| width * z + 1.0).collect();
                z.windows(2)
                    .map(|pair| {
                        let bend = pair[0] * pair[0] - pair[1];
                        100.0 * bend * bend + (pair[0] - 1.0) * (pair[0] - 1.0)
                    })
                    .sum()
            }
        }
    }

    /// The index as a share from 0 to 1.
    fn rank(&self, index: usize) -> f64 {
        index as f64 / (self.optimum.len().max(2) - 1) as f64
    }

    /// T_asy.
    fn asymmetric(&self, z: Vec<f64>, beta: f64) -> Vec<f64> {
        let bend = |(index, z): (usize, f64)| {
            if z > 0.0 { libm::pow(z, 1.0 + beta * self.rank(index) * z.sqrt()) } else { z }
        };
        z.into_iter().enumerate().map(bend).collect()
    }
}

impl Objective for Rotated {
    fn space(&self) -> &SearchSpace {
        &self.space
    }

    fn metric(&self) -> &Metric {
        &self.metric
    }

    fn evaluate(&self, params: &Params) -> Evaluation {
        let real = |index| params.get(&name(index)).and_then(Value::as_f64).unwrap_or(f64::NAN);
        let x: Vec<f64> = (0..self.optimum.len()).map(real).collect();
        Evaluation::at_end(self.at(&x), 60.0)
    }

    fn optimum(&self) -> Option<f64> {
        Some(0.0)
    }
}

fn name(index: usize) -> String {
    format!("x{}", index + 1)
}

fn square(z: &[f64]) -> f64 {
    z.iter().map(|z| z * z).sum()
}

fn times(matrix: &[Vec<f64>], vector: &[f64]) -> Vec<f64> {
    let dot = |row: &Vec<f64>| row.iter().zip(vector).map(|(left, right)| left * right).sum();
    matrix.iter().map(dot).collect()
}

/// T_osz of every component.
fn oscillated(z: Vec<f64>) -> Vec<f64> {
    z.into_iter().map(oscillate).collect()
}

fn oscillate(x: f64) -> f64 {
    if x == 0.0 {
        return 0.0;
    }
    let log = libm::log(x.abs());
    let (first, second) = if x > 0.0 { (10.0, 7.9) } else { (5.5, 3.1) };
    x.signum() * libm::exp(log + 0.049 * (libm::sin(first * log) + libm::sin(second * log)))
}

/// A rotation: standard normal rows made orthonormal by Gram and Schmidt, as the definitions have it.
fn rotation(dimension: usize, rng: &mut Rng) -> Vec<Vec<f64>> {
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(dimension);
    for _ in 0..dimension {
        let mut row: Vec<f64> = (0..dimension).map(|_| rng.normal()).collect();
        for earlier in &rows {
            let along: f64 = earlier.iter().zip(&row).map(|(left, right)| left * right).sum();
            row.iter_mut().zip(earlier).for_each(|(component, other)| *component -= along * other);
        }
        let length = square(&row).sqrt();
        row.iter_mut().for_each(|component| *component /= length);
        rows.push(row);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPES: [Shape; 4] =
        [Shape::Sphere, Shape::Ellipsoid, Shape::Rastrigin, Shape::Rosenbrock];

    #[test]
    fn the_optimum_is_zero_and_alone() {
        for shape in SHAPES {
            for dimension in [2, 5, 20] {
                let function = Rotated::new(shape, dimension);
                let at_best = function.at(&function.optimum);
                assert!(at_best.abs() < 1e-9, "{shape:?} {dimension}: {at_best}");
                let mut rng = Rng::at(0, 0, "points");
                for _ in 0..100 {
                    let x: Vec<f64> = (0..dimension).map(|_| 10.0 * rng.uniform() - 5.0).collect();
                    assert!(function.at(&x) > 1e-6, "{shape:?} {x:?}");
                }
            }
        }
    }

    #[test]
    fn rotations_keep_lengths_and_angles() {
        let rows = rotation(10, &mut Rng::at(1, 2, "test"));
        for (i, left) in rows.iter().enumerate() {
            for (j, right) in rows.iter().enumerate() {
                let product: f64 = left.iter().zip(right).map(|(l, r)| l * r).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn the_ellipsoid_is_a_million_times_steeper_along_its_last_axis() {
        let function = Rotated::new(Shape::Ellipsoid, 5);
        let along = |axis: usize| {
            let step = &function.rotations[0][axis];
            let x: Vec<f64> =
                function.optimum.iter().zip(step).map(|(best, step)| best + step).collect();
            function.at(&x)
        };
        // T_osz leaves 1 alone: its logarithm is 0.
        assert!((along(0) - 1.0).abs() < 1e-6 && (along(4) / 1e6 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn oscillation_is_the_definition() {
        // exp(ln 2 + 0.049 (sin(10 ln 2) + sin(7.9 ln 2))), worked out with NumPy.
        assert!((oscillate(2.0) - EXPECTED_AT_TWO).abs() < 1e-12);
        assert!((oscillate(-2.0) - EXPECTED_AT_MINUS_TWO).abs() < 1e-12);
        assert_eq!((oscillate(0.0), oscillate(1.0), oscillate(-1.0)), (0.0, 1.0, -1.0));
    }

    const EXPECTED_AT_TWO: f64 = 1.988_409_243_192_105;
    const EXPECTED_AT_MINUS_TWO: f64 = -2.021_283_508_671_628;
}
