//! Quasi-random search: the points of Sobol's sequence, scrambled, laid on the priors.
//!
//! Sobol (1967) with the direction numbers of Joe and Kuo (2008) in Gray-code order (Antonov and Saleev, 1979), under
//! Owen's nested uniform scrambling ("Randomly permuted (t,m,s)-nets and (t,s)-sequences", 1995): each digit is flipped
//! by a hash of the digits above it, so that a stretch of 2^k points that starts at a multiple of 2^k stays as even as
//! the original. A trial's number is its index, so a study resumes where it stopped.
//!
//! Deviation: below 32 digits the coordinate goes on with random ones. Refuses to look at results.

pub(crate) mod directions;

use directions::{BITS, DIMENSIONS, directions};
use tunesmith_core::{Parameter, Params, Rng, Sampler, Study, Suggestion, Value};

/// Lays a scrambled Sobol sequence on the priors.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sobol;

impl Sampler for Sobol {
    fn suggest(&self, study: &Study, count: u32, rng: &Rng) -> Vec<Suggestion> {
        let first = study.next_number();
        let axes: Vec<Axis<'_>> = study
            .space()
            .searched()
            .enumerate()
            .map(|(dimension, parameter)| Axis::new(dimension, parameter, rng))
            .collect();
        let note = beyond_table(axes.len());
        (first..first.saturating_add(count))
            .map(|index| Suggestion { params: point(study, &axes, index), note: note.clone() })
            .collect()
    }
}

fn point(study: &Study, axes: &[Axis<'_>], index: u32) -> Params {
    study.space().complete(|parameter| {
        let axis = axes.iter().find(|axis| axis.parameter.name == parameter.name);
        axis.and_then(|axis| parameter.quantile(axis.coordinate(index))).unwrap_or(Value::Null)
    })
}

/// What the note says where the table of direction numbers is too short.
fn beyond_table(dimensions: usize) -> Params {
    match dimensions.checked_sub(DIMENSIONS) {
        Some(beyond @ 1..) => Params::from([("drawn_at_random", Value::Int(beyond as i64))]),
        _ => Params::new(),
    }
}

/// One parameter's dimension of the sequence.
struct Axis<'a> {
    parameter: &'a Parameter,
    /// `None` beyond the table: the coordinate is random.
    directions: Option<[u32; BITS]>,
    rng: Rng,
}

impl<'a> Axis<'a> {
    fn new(dimension: usize, parameter: &'a Parameter, rng: &Rng) -> Self {
        Self {
            parameter,
            directions: directions(dimension),
            rng: rng.branch_named(&parameter.name),
        }
    }

    /// The coordinate of the point `index`, in (0, 1).
    fn coordinate(&self, index: u32) -> f64 {
        let mut tail = self.rng.branch(1 << 63 | u64::from(index));
        match &self.directions {
            None => tail.open_uniform(),
            Some(directions) => {
                let digits = scramble(digits(directions, index), &self.rng);
                // The middle of a cell of 2^-32 / 2^20: exact in 53 bits, and never 0 or 1.
                let fine = u64::from(digits) << 20 | u64::from(tail.next_u32() >> 12);
                (fine as f64 + 0.5) / 4_503_599_627_370_496.0
            }
        }
    }
}

/// The digits of a coordinate of the plain sequence.
fn digits(directions: &[u32; BITS], index: u32) -> u32 {
    let gray = index ^ (index >> 1);
    let chosen = directions.iter().enumerate().filter(|(bit, _)| gray >> bit & 1 == 1);
    chosen.fold(0, |sum, (_, direction)| sum ^ direction)
}

/// Owen's scrambling: flips each digit by a random bit that belongs to the digits above it.
fn scramble(digits: u32, rng: &Rng) -> u32 {
    (0..BITS as u32).fold(digits, |scrambled, level| {
        let above = u64::from(digits) >> (BITS as u32 - level);
        let flip = (rng.bits_at(u64::from(level) << 32 | above) >> 63) as u32;
        scrambled ^ (flip << (BITS as u32 - 1 - level))
    })
}

#[cfg(test)]
mod tests;
