//! Finding the point that is worth most: many candidates, then local search from the best few.
//!
//! As optuna 5.0.0's `optimize_acqf_mixed`: gradient steps over the numeric axes and all values of each short axis in
//! turn, until neither gains. Deviations: numeric axes beyond 16 values are searched as a continuum and rounded at the
//! end; candidates also come from around the best trials and from the prior. Refuses a point that was tried, on a space
//! that can be enumerated, as long as another is found.

use tunesmith_core::Rng;

use super::acquisition::Acquisition;
use super::frame::Frame;
use super::tile::{LANES, Tile};
use crate::encoding::Kind;
use crate::numeric::lbfgsb::{Stop, minimise};
use crate::numeric::quasi::Sequence;

/// Up to this many values an ordered axis is searched value by value.
const MOST_LISTED: usize = 16;
/// How many fantasies a candidate is screened with.
const SCREENING_FANTASIES: usize = 8;
/// How many fantasies a local search climbs with.
const CLIMBING_FANTASIES: usize = 16;
/// How many rounds of numeric and listed steps a local search has at most.
const MOST_ROUNDS: usize = 4;
const STOP: Stop = Stop { gradient: 1e-2, gain: 1e-5, evaluations: 30 };

/// Where to search: a box over the numeric axes. Unordered axes are not bounded.
#[derive(Debug, Clone)]
pub(crate) struct Region {
    /// The middle, around which candidates vary few axes at a time; `None` where the box is the whole cube.
    pub(crate) centre: Option<Vec<f64>>,
    pub(crate) bounds: Vec<(f64, f64)>,
}

impl Region {
    pub(crate) fn whole(dimensions: usize) -> Self {
        Self { centre: None, bounds: vec![(0.0, 1.0); dimensions] }
    }
}

/// Candidates with what is known of them.
pub(crate) struct Pool {
    points: Vec<Vec<f64>>,
    /// Of each [`LANES`] points one for each model.
    tiles: Vec<Vec<Tile>>,
    fixed: Vec<f64>,
}

/// A point and what it is worth.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) point: Vec<f64>,
    pub(crate) value: f64,
}

/// Candidates of a region: a quasi-random net, neighbours of `anchors`, and `draws`, which lie anywhere.
pub(crate) fn candidates(
    frame: &Frame<'_>,
    region: &Region,
    anchors: &[Vec<f64>],
    draws: Vec<Vec<f64>>,
    count: usize,
    rng: &Rng,
) -> Vec<Vec<f64>> {
    let near = if anchors.is_empty() { 0 } else { count / 5 };
    let net = Sequence::new(frame.dimensions(), &rng.branch_named("net"));
    let mut chance = rng.branch_named("neighbours");
    let mut points = draws;
    for index in 0..(count - near) as u32 {
        let units = net.point(index);
        points.push(match &region.centre {
            None => frame.at_unit(&units),
            Some(centre) => within(frame, region, centre, &units, &mut chance),
        });
    }
    for index in 0..near {
        let anchor = &anchors[index % anchors.len()];
        points.push(neighbour(frame, region, anchor, &mut chance));
    }
    points
}

/// A point of the region's box that leaves some axes at the centre: of many axes all but about 20 (Eriksson et al.,
/// "TuRBO", 2019, §2).
fn within(
    frame: &Frame<'_>,
    region: &Region,
    centre: &[f64],
    units: &[f64],
    chance: &mut Rng,
) -> Vec<f64> {
    let dimensions = frame.dimensions();
    let share = (20.0 / dimensions as f64).min(1.0);
    let always = chance.below(dimensions.max(1) as u64) as usize;
    let legal = frame.at_unit(units);
    let mut point = centre.to_vec();
    for axis in 0..dimensions {
        if axis != always && chance.uniform() >= share {
            continue;
        }
        let (low, high) = region.bounds[axis];
        point[axis] = match frame.encoding.axes[axis].kind {
            Kind::Categorical(_) => legal[axis],
            _ => low + units[axis] * (high - low),
        };
    }
    frame.settle(&mut point);
    point
}

/// A normal step from a point, a twentieth to a fifth of the cube wide; every other choice is drawn anew now and then.
fn neighbour(frame: &Frame<'_>, region: &Region, anchor: &[f64], chance: &mut Rng) -> Vec<f64> {
    let dimensions = frame.dimensions() as f64;
    let width = 0.05 * libm::exp(chance.uniform() * 1.4);
    let mut point = anchor.to_vec();
    for (axis, at) in point.iter_mut().enumerate() {
        let (low, high) = region.bounds[axis];
        match &frame.encoding.axes[axis].kind {
            Kind::Categorical(count) => {
                if chance.uniform() < 1.0 / dimensions.max(2.0) {
                    *at = chance.below(*count as u64) as f64;
                }
            }
            _ => *at = (*at + width * chance.normal()).clamp(low, high),
        }
    }
    frame.settle(&mut point);
    point
}

impl Pool {
    pub(crate) fn new(points: Vec<Vec<f64>>, acquisition: &Acquisition<'_>) -> Self {
        let fixed = points.iter().map(|point| acquisition.fixed_part(point)).collect();
        let of = |points: &[Vec<f64>]| -> Vec<Tile> {
            let models = acquisition.target.models().iter();
            models.map(|model| Tile::new(points, model.kernel.categorical.len())).collect()
        };
        let tiles = points.chunks(LANES).map(of).collect();
        Self { points, tiles, fixed }
    }

    /// The candidates' values, best first. `leaning` is whether the fixed part counts.
    fn screened(&mut self, acquisition: &Acquisition<'_>) -> Vec<(f64, usize)> {
        let mut values = Vec::with_capacity(self.points.len());
        for (fixed, tiles) in self.fixed.chunks(LANES).zip(&mut self.tiles) {
            let improvements = acquisition.target.values(tiles, SCREENING_FANTASIES);
            for (fixed, improvement) in fixed.iter().zip(improvements) {
                let value = improvement + fixed;
                let value = if value.is_nan() { f64::NEG_INFINITY } else { value };
                values.push((value, values.len()));
            }
        }
        values.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        values
    }

    /// The best legal points, best first: the ends of `starts` local searches, then the best candidates.
    pub(crate) fn best(
        &mut self,
        acquisition: &Acquisition<'_>,
        region: &Region,
        starts: usize,
    ) -> Vec<Found> {
        let order = self.screened(acquisition);
        let mut found: Vec<Found> = self
            .spread(acquisition, &order, starts)
            .into_iter()
            .map(|index| climb(acquisition, region, &self.points[index]))
            .map(|found| legal(acquisition, &found.point))
            .collect();
        let rest = order.iter().take(4 * starts);
        found.extend(rest.map(|(_, index)| legal(acquisition, &self.points[*index])));
        found.sort_by(|a, b| b.value.total_cmp(&a.value));
        found
    }

    /// The first of the order that are not too near each other.
    fn spread(
        &self,
        acquisition: &Acquisition<'_>,
        order: &[(f64, usize)],
        most: usize,
    ) -> Vec<usize> {
        const LEAST_SQUARE: f64 = 0.01;
        let kernel = &acquisition.target.first().kernel;
        let mut chosen: Vec<usize> = Vec::new();
        for (_, index) in order.iter().take(32 * most) {
            let far = |other: &usize| {
                kernel.squared(&self.points[*index], &self.points[*other]) > LEAST_SQUARE
            };
            if chosen.iter().all(far) {
                chosen.push(*index);
            }
            if chosen.len() == most {
                break;
            }
        }
        chosen
    }

    /// The candidates in the order of their value, as legal points.
    pub(crate) fn ranked<'p>(
        &'p mut self,
        acquisition: &'p Acquisition<'_>,
    ) -> impl Iterator<Item = Vec<f64>> + 'p {
        let order = self.screened(acquisition);
        order.into_iter().map(|(_, index)| acquisition.frame.snap(&self.points[index]))
    }
}

fn legal(acquisition: &Acquisition<'_>, point: &[f64]) -> Found {
    let point = acquisition.frame.snap(point);
    let value = acquisition.value(&point, usize::MAX);
    Found { value: if value.is_nan() { f64::NEG_INFINITY } else { value }, point }
}

/// Local search from a point.
fn climb(acquisition: &Acquisition<'_>, region: &Region, start: &[f64]) -> Found {
    let mut at =
        Found { point: start.to_vec(), value: acquisition.value(start, CLIMBING_FANTASIES) };
    for round in 0..MOST_ROUNDS {
        climb_numeric(acquisition, region, &mut at);
        if !climb_listed(acquisition, region, &mut at) || round + 1 == MOST_ROUNDS {
            break;
        }
    }
    at
}

/// Gradient steps over the active numeric axes, in units of their length scales.
fn climb_numeric(acquisition: &Acquisition<'_>, region: &Region, at: &mut Found) {
    let frame = acquisition.frame;
    let active = frame.settle(&mut at.point);
    let axes: Vec<usize> =
        (0..frame.dimensions()).filter(|axis| active[*axis] && !is_listed(frame, *axis)).collect();
    if axes.is_empty() {
        return;
    }
    let kernel = &acquisition.target.first().kernel;
    let lengths: Vec<f64> =
        axes.iter().map(|axis| 1.0 / kernel.inverse_squares[*axis].sqrt()).collect();
    let scaled = |value: f64, length: f64| value / length;
    let pairs = || axes.iter().zip(&lengths);
    let start: Vec<f64> = pairs().map(|(axis, length)| scaled(at.point[*axis], *length)).collect();
    let bounds: Vec<(f64, f64)> = pairs()
        .map(|(axis, length)| {
            let (low, high) = region.bounds[*axis];
            (scaled(low, *length), scaled(high, *length))
        })
        .collect();
    let mut point = at.point.clone();
    let mut full = vec![0.0; point.len()];
    let minimum = minimise(&start, &bounds, STOP, |scaled, gradient| {
        for ((axis, length), value) in pairs().zip(scaled) {
            point[*axis] = (value * length).clamp(0.0, 1.0);
        }
        let value = acquisition.value_and_gradient(&point, CLIMBING_FANTASIES, &mut full);
        for ((axis, length), slope) in pairs().zip(gradient.iter_mut()) {
            *slope = -full[*axis] * length;
        }
        -value
    });
    if -minimum.value > at.value {
        for ((axis, length), value) in pairs().zip(&minimum.point) {
            at.point[*axis] = (value * length).clamp(0.0, 1.0);
        }
        at.value = -minimum.value;
    }
}

/// Whether an axis is searched value by value.
fn is_listed(frame: &Frame<'_>, axis: usize) -> bool {
    match &frame.encoding.axes[axis].kind {
        Kind::Continuous => false,
        Kind::Lattice(positions) => positions.len() <= MOST_LISTED,
        Kind::Categorical(_) => true,
    }
}

/// Tries every value of each listed axis, one axis after the other; whether any gained.
fn climb_listed(acquisition: &Acquisition<'_>, region: &Region, at: &mut Found) -> bool {
    let frame = acquisition.frame;
    let mut gained = false;
    for axis in (0..frame.dimensions()).filter(|axis| is_listed(frame, *axis)) {
        if !frame.settle(&mut at.point)[axis] {
            continue;
        }
        let (low, high) = region.bounds[axis];
        let values: Vec<f64> = match &frame.encoding.axes[axis].kind {
            Kind::Continuous => Vec::new(),
            Kind::Lattice(positions) => {
                positions.iter().copied().filter(|value| (low..=high).contains(value)).collect()
            }
            Kind::Categorical(count) => (0..*count).map(|index| index as f64).collect(),
        };
        for value in values {
            let mut point = at.point.clone();
            if value == point[axis] {
                continue;
            }
            point[axis] = value;
            frame.settle(&mut point);
            let value = acquisition.value(&point, CLIMBING_FANTASIES);
            if value > at.value + 1e-9 {
                *at = Found { point, value };
                gained = true;
            }
        }
    }
    gained
}
