//! Gradients against differences, and fantasies against what they stand for.

use tunesmith_core::{Domain, Parameter, Prior, Rng, SearchSpace};

use super::*;
use crate::encoding::Encoding;
use crate::numeric::quasi::Sequence;
use crate::samplers::gp::kernel::Kernel;

fn space() -> SearchSpace {
    SearchSpace::new(vec![
        Parameter::new("a", Domain::float(0.0, 1.0))
            .with_prior(Prior::Normal { mu: 0.3, sigma: 0.2 }),
        Parameter::new("kind", Domain::categorical(["x", "y", "z"])),
        Parameter::new("b", Domain::float(0.0, 1.0)),
    ])
    .expect("a space")
}

fn model(seed: u32, noise: f64) -> Model {
    let mut rng = Rng::at(5, seed, "acquisition");
    let points: Vec<Vec<f64>> =
        (0..14).map(|_| vec![rng.uniform(), rng.below(3) as f64, rng.uniform()]).collect();
    let targets: Vec<f64> =
        points.iter().map(|p| p[0] + p[1] - p[2] + 0.3 * rng.normal()).collect();
    let kernel = Kernel {
        categorical: vec![false, true, false],
        inverse_squares: vec![4.0, 0.7, 9.0],
        scale: 1.2,
        noise,
    };
    Model::new(kernel, &points, &targets)
}

fn fantasies(count: u32) -> Fantasies {
    let sequence = Sequence::new(4, &Rng::at(6, 0, "fantasies"));
    Fantasies::new((0..count).map(|index| sequence.normal_point(index)).collect(), -0.8)
}

fn volume() -> Target {
    let points: Vec<Vec<f64>> = vec![vec![0.5, 0.1], vec![-0.3, 0.9]];
    let reference = [2.0, 2.0];
    let strips = Strips::new(&points, reference);
    let models = [model(1, 0.1), model(2, 0.05)];
    Target::Volume { models, points, reference, strips }
}

fn assert_gradient(acquisition: &Acquisition<'_>, point: &[f64]) {
    let mut gradient = vec![0.0; point.len()];
    let value = acquisition.value_and_gradient(point, 12, &mut gradient);
    assert!((value - acquisition.value(point, 12)).abs() < 1e-10 * value.abs().max(1.0));
    for axis in [0, 2] {
        let at = |shift: f64| {
            let mut moved = point.to_vec();
            moved[axis] += shift;
            acquisition.value(&moved, 12)
        };
        let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
        let error = (gradient[axis] - difference).abs();
        assert!(
            error < 1e-4 * difference.abs().max(1.0),
            "{axis}: {} {difference}",
            gradient[axis]
        );
    }
}

const PENDING: [[f64; 3]; 2] = [[0.2, 1.0, 0.7], [0.8, 0.0, 0.4]];
const ASKED: [[f64; 3]; 3] = [[0.25, 1.0, 0.6], [0.5, 2.0, 0.9], [0.9, 0.0, 0.1]];

#[test]
fn gradients_are_those_of_differences() {
    let space = space();
    let encoding = Encoding::of(&space);
    let frame = Frame::of(&encoding);
    let value = Target::Value { model: model(1, 0.1), fantasies: fantasies(16) };
    for target in [value, volume()] {
        let feasibility = Some(Feasibility { model: model(3, 0.3), mean: 0.4 });
        let lean = Some(Lean { belief: Belief::named("declared"), weight: 0.7 });
        let mut acquisition = Acquisition { frame: &frame, target, feasibility, lean };
        for point in &ASKED {
            assert_gradient(&acquisition, point);
        }
        for point in PENDING {
            acquisition.target.append(&point);
        }
        for point in &ASKED {
            assert_gradient(&acquisition, point);
        }
    }
}

#[test]
fn fantasies_are_draws_of_the_posterior() {
    let mut target = Target::Value { model: model(1, 0.1), fantasies: fantasies(4_096) };
    let Target::Value { model: before, .. } = target.clone() else { unreachable!("a value") };
    for point in PENDING {
        target.append(&point);
    }
    let Target::Value { model, fantasies } = &target else { unreachable!("a value") };
    for point in ASKED {
        let (mut old, mut new) = (Vec::new(), Vec::new());
        before.project(&point, &mut old);
        model.project(&point, &mut new);
        // Over the fantasies the mean is the posterior's, and the variances add up to it.
        let means: Vec<f64> =
            fantasies.means(model, &new, usize::MAX).map(|(mean, _)| mean).collect();
        let mean = means.iter().sum::<f64>() / means.len() as f64;
        let spread =
            means.iter().map(|m| (m - mean) * (m - mean)).sum::<f64>() / means.len() as f64;
        assert!((mean - before.mean(&old)).abs() < 1e-2, "{mean} {}", before.mean(&old));
        let total = spread + model.variance(&new);
        assert!((total - before.variance(&old)).abs() < 1e-2, "{total} {}", before.variance(&old));
    }
    // At a point about to be measured nothing is left to learn.
    let mut there = Vec::new();
    model.project(&PENDING[0], &mut there);
    assert!(model.variance(&there) < 1e-6);
}

#[test]
fn a_projection_brought_up_to_date_is_one_from_scratch() {
    let mut target = Target::Value { model: model(1, 0.1), fantasies: fantasies(8) };
    let mut kept = Vec::new();
    target.project(&ASKED[0], &mut kept);
    for point in PENDING {
        target.append(&point);
        target.project(&ASKED[0], &mut kept);
    }
    let mut fresh = Vec::new();
    target.project(&ASKED[0], &mut fresh);
    for (kept, fresh) in kept[0].iter().zip(&fresh[0]) {
        assert!((kept - fresh).abs() < 1e-12);
    }
    assert_eq!(kept[0].len(), fresh[0].len());
}

#[test]
fn candidates_of_a_tile_are_worth_what_single_ones_are() {
    // Fewer than lanes, and a point that is appended after the tile was first looked at.
    let value = Target::Value { model: model(1, 0.1), fantasies: fantasies(8) };
    for mut target in [value, volume()] {
        let of = |model: &Model| {
            Tile::new(&ASKED.map(|point| point.to_vec()), model.kernel.categorical.len())
        };
        let mut tiles: Vec<Tile> = target.models().iter().map(of).collect();
        for point in PENDING {
            let found = target.values(&mut tiles, 5);
            for (point, found) in ASKED.iter().zip(found) {
                let mut projections = Vec::new();
                target.project(point, &mut projections);
                let expected = target.value(&projections, 5);
                assert!(
                    (found - expected).abs() < 1e-9 * expected.abs().max(1.0),
                    "{found} {expected}"
                );
            }
            target.append(&point);
        }
    }
}

#[test]
fn the_chance_of_not_failing_falls_where_trials_failed() {
    let kernel =
        Kernel { categorical: vec![false], inverse_squares: vec![20.0], scale: 1.0, noise: 0.1 };
    let points: Vec<Vec<f64>> = (0..10).map(|i| vec![f64::from(i) / 10.0]).collect();
    let labels: Vec<f64> = (0..10).map(|i| if i > 6 { -1.0 } else { 1.0 }).collect();
    let mean = labels.iter().sum::<f64>() / 10.0;
    let labels: Vec<f64> = labels.iter().map(|label| label - mean).collect();
    let feasibility = Feasibility { model: Model::new(kernel, &points, &labels), mean };
    let chance = |at: f64| libm::exp(feasibility.at(&[at]));
    assert!(chance(0.2) > 0.9 && chance(0.85) < 0.2, "{} {}", chance(0.2), chance(0.85));
}
