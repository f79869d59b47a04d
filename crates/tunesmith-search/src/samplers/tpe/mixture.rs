//! A Parzen estimator: a mixture of products of kernels, one product a trial and one for the prior.
//!
//! After optuna 5.0.0 `_tpe/parzen_estimator.py` and `_tpe/probability_distributions.py`; the bandwidths of `watanabe`
//! after OptunaHub's `tpe_tutorial`, those of `hyperopt` after HyperOpt 0.3.0 `adaptive_parzen_normal`. Refuses to
//! work out the share of a component that is below e⁻⁴⁵ of the greatest: all of them together change no digit.

use tunesmith_core::Rng;

use super::Flavour;
use super::dimension::{Kind, Range};
use super::divisors::Divisors;
use super::observations::Observations;
use crate::numeric::special::{
    exponentials, gauss_mass_around_zero, log_gauss_mass, truncated_normal_quantile,
};

/// How far below the greatest a logarithm no longer counts.
const NEGLIGIBLE: f64 = 45.0;

/// In deviations: a normal has no mass beyond that shows in 53 bits.
const FAR: f64 = 9.0;

/// The most different kernels on a lattice that are all worked out for each cell that is asked for; of more, those
/// alone that matter.
const MOST_TABLED: usize = 64;

/// √(2π).
const SQRT_2PI: f64 = 2.506_628_274_631_000_7;

/// The newest trials whose weights do not fade.
const FULL_WEIGHTS: usize = 25;

/// A mixture of products of kernels.
#[derive(Debug, Clone)]
pub(super) struct Mixture<'a> {
    /// The weights' running sum.
    cumulative: Vec<f64>,
    /// The logarithm of each weight, less those of what its kernels are divided by.
    constants: Vec<f64>,
    /// One a dimension.
    kernels: Vec<Kernels<'a>>,
    /// Which of them are lattices with many kernels, whose logarithms are bounds first.
    lattices: Vec<usize>,
}

/// The kernels of one dimension, one a component; the last is the prior's.
#[derive(Debug, Clone)]
enum Kernels<'a> {
    /// Truncated normals.
    Normal { range: &'a Range, mu: Vec<f64>, sigma: Vec<f64>, inverse: Vec<f64> },
    /// Truncated normals whose mass is gathered in the cells of a lattice.
    Lattice {
        range: &'a Range,
        mu: Vec<f64>,
        sigma: Vec<f64>,
        /// Which of the different kernels each component has.
        distinct: Vec<u32>,
        /// Mean and deviation of each of these.
        different: Vec<(f64, f64)>,
    },
    /// Choices: the one observed (none for the prior), and for each choice its logarithm where it is the one, where
    /// it is not, and in the prior.
    Choice { observed: Vec<u32>, logs: Vec<[f64; 3]> },
}

/// Work space of one evaluation.
#[derive(Debug, Default)]
struct Scratch {
    bounds: Vec<f64>,
    kept: Vec<f64>,
    /// For each lattice with many kernels the logarithms of masses found so far, NaN where not yet.
    masses: Vec<Vec<f64>>,
    /// For each lattice with few the cells asked for so far, with the logarithms of all masses in them.
    tables: Vec<Vec<(f64, Vec<f64>)>>,
}

impl<'a> Mixture<'a> {
    /// The density of the good trials, or of the others, in the dimensions of a block. Trials without a value in one
    /// of them are left out.
    pub(super) fn of(
        observations: &'a Observations<'_>,
        block: &[usize],
        of_good: bool,
        flavour: Flavour,
    ) -> Self {
        let has_all = |row: usize| {
            observations.rows[row].is_good == of_good
                && block.iter().all(|index| !observations.columns[*index][row].is_nan())
        };
        let rows: Vec<usize> = (0..observations.rows.len()).filter(|row| has_all(*row)).collect();
        let (weights, prior_weight) = weights(observations, &rows, of_good, flavour);
        let sum: f64 = weights.iter().sum::<f64>() + prior_weight;
        let shares = || weights.iter().copied().chain([prior_weight]).map(|weight| weight / sum);
        let mut divisors = Divisors::new(rows.len() + 1);
        let kernels: Vec<Kernels<'a>> = block
            .iter()
            .map(|index| {
                let at = rows.iter().map(|row| observations.columns[*index][*row]);
                match &observations.dimensions[*index].kind {
                    Kind::Range(range) => {
                        Kernels::normal(range, at.collect(), flavour, &mut divisors)
                    }
                    Kind::Choice(prior) => Kernels::choice(prior, at),
                }
            })
            .collect();
        let cumulative = shares()
            .scan(0.0, |sum, share| {
                *sum += share;
                Some(*sum)
            })
            .collect();
        let constants = shares()
            .enumerate()
            .map(|(component, share)| divisors.log_quotient(component, share))
            .collect();
        let is_bound_first = |index: &usize| kernels[*index].is_bound_first();
        let lattices = (0..kernels.len()).filter(is_bound_first).collect();
        Self { cumulative, constants, kernels, lattices }
    }

    /// A draw: for each dimension a candidate, which is an index of a choice, a real of a lattice, else a coordinate.
    pub(super) fn sample(&self, rng: &mut Rng) -> Vec<f64> {
        let last = self.cumulative.len() - 1;
        let target = rng.uniform() * self.cumulative[last];
        let component = self.cumulative.partition_point(|sum| *sum <= target).min(last);
        self.kernels.iter().map(|kernels| kernels.sample(component, rng.open_uniform())).collect()
    }

    /// The logarithm of the density at each candidate; on lattices and choices of the probability.
    pub(super) fn log_densities(&self, candidates: &[Vec<f64>]) -> Vec<f64> {
        let mut scratch = Scratch::default();
        // The same steps in wider registers where the processor has them; nothing is contracted or reordered.
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                candidates
                    .iter()
                    .map(|candidate| self.log_density(candidate, &mut scratch))
                    .collect()
            },
        )
    }

    /// Means and deviations of the kernels of a numeric dimension.
    #[cfg(test)]
    pub(super) fn normals(&self, dimension: usize) -> Option<(&[f64], &[f64])> {
        match &self.kernels[dimension] {
            Kernels::Normal { mu, sigma, .. } | Kernels::Lattice { mu, sigma, .. } => {
                Some((mu, sigma))
            }
            Kernels::Choice { .. } => None,
        }
    }

    #[inline(always)]
    fn log_density(&self, candidate: &[f64], scratch: &mut Scratch) -> f64 {
        let Scratch { bounds, kept, masses, tables } = scratch;
        bounds.clone_from(&self.constants);
        masses.resize(self.kernels.len(), Vec::new());
        tables.resize(self.kernels.len(), Vec::new());
        for (index, (kernels, at)) in self.kernels.iter().zip(candidate).enumerate() {
            kernels.add_bounds(*at, bounds, &mut masses[index], &mut tables[index]);
        }
        let exact = |component: usize, bound: f64, masses: &mut [Vec<f64>]| {
            self.lattices.iter().fold(bound, |sum, index| {
                sum + self.kernels[*index].mend(component, candidate[*index], &mut masses[*index])
            })
        };
        let highest = highest(bounds);
        let mut top = exact(highest, bounds[highest], masses);
        kept.clear();
        if self.lattices.is_empty() {
            // Written each time and kept where it counts: no branch to be guessed wrong.
            kept.resize(bounds.len(), 0.0);
            let mut count = 0;
            for bound in bounds.iter() {
                kept[count] = *bound;
                count += usize::from(*bound > top - NEGLIGIBLE);
            }
            kept.truncate(count);
        } else {
            for (component, bound) in bounds.iter().enumerate() {
                if *bound > top - NEGLIGIBLE {
                    let log = exact(component, *bound, masses);
                    top = top.max(log);
                    kept.push(log);
                }
            }
        }
        if top == f64::NEG_INFINITY {
            return top;
        }
        kept.iter_mut().for_each(|log| *log -= top);
        exponentials(kept);
        top + libm::log(kept.iter().sum::<f64>())
    }
}

/// The index of the greatest; the first of equals.
#[inline(always)]
fn highest(values: &[f64]) -> usize {
    let mut lanes = [f64::NEG_INFINITY; 16];
    let (chunks, rest) = values.as_chunks::<16>();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = if *value > *lane { *value } else { *lane };
        }
    }
    let top = lanes.iter().chain(rest).fold(f64::NEG_INFINITY, |top, value| top.max(*value));
    values.iter().position(|value| *value == top).unwrap_or(0)
}

/// The weights of the components by age, and the prior's.
fn weights(
    observations: &Observations<'_>,
    rows: &[usize],
    of_good: bool,
    flavour: Flavour,
) -> (Vec<f64>, f64) {
    let count = rows.len();
    if flavour == Flavour::Watanabe {
        let gains: Vec<f64> =
            rows.iter().map(|row| observations.rows[*row].gain.max(1e-12)).collect();
        let known = of_good && !observations.is_even && gains.iter().all(|gain| gain.is_finite());
        return match count {
            0 => (Vec::new(), 1.0),
            _ if known => {
                let mean = gains.iter().sum::<f64>() / count as f64;
                (gains, mean)
            }
            _ => (vec![1.0; count], 1.0),
        };
    }
    if of_good && observations.is_even {
        return (vec![1.0; count], 1.0);
    }
    (fading_weights(count), 1.0)
}

/// One for each of the newest 25; before, a ramp that starts at one in `count`.
pub(super) fn fading_weights(count: usize) -> Vec<f64> {
    let fading = count.saturating_sub(FULL_WEIGHTS);
    let first = 1.0 / count as f64;
    let slope = if fading > 1 { (1.0 - first) / (fading - 1) as f64 } else { 0.0 };
    let weight = |index: usize| match index {
        _ if index >= fading => 1.0,
        // NumPy's `linspace` ends exactly at its end, but for a single point.
        _ if index + 1 == fading && fading > 1 => 1.0,
        _ => first + index as f64 * slope,
    };
    (0..count).map(weight).collect()
}

impl<'a> Kernels<'a> {
    /// Truncated normals at the coordinates, and the prior's. Adds what they are divided by to `divisors`.
    fn normal(
        range: &'a Range,
        mut mu: Vec<f64>,
        flavour: Flavour,
        divisors: &mut Divisors,
    ) -> Self {
        let sorted = sorted(&mu);
        let mut sigma = vec![range.prior_sigma; mu.len() + 1];
        let mut distinct = vec![0; mu.len() + 1];
        let mut different = vec![(range.prior_mu, range.prior_sigma)];
        let mut kernel = (f64::NAN, f64::NAN);
        for ((at, index), width) in sorted.iter().zip(bandwidths(range, &sorted, flavour)) {
            sigma[*index as usize] = width;
            // Kernels of one trial's value lie next to each other; two widths at most alternate in between.
            if kernel != (*at, width) {
                kernel = (*at, width);
                different.push(kernel);
            }
            distinct[*index as usize] = different.len() as u32 - 1;
        }
        mu.push(range.prior_mu);
        for (component, (mu, sigma)) in mu.iter().zip(&sigma).enumerate() {
            let (low, high) = ((range.low - mu) / sigma, (range.high - mu) / sigma);
            if low > -FAR || high < FAR {
                let mass = gauss_mass_around_zero(low, high);
                match mass {
                    Some(mass) => divisors.multiply(component, mass),
                    None => divisors.multiply_by_exp(component, log_gauss_mass(low, high)),
                }
            }
        }
        if range.lattice.is_some() {
            return Self::Lattice { range, mu, sigma, distinct, different };
        }
        for (component, sigma) in sigma.iter().enumerate() {
            divisors.multiply(component, sigma * SQRT_2PI);
        }
        let inverse = sigma.iter().map(|sigma| 1.0 / sigma).collect();
        Self::Normal { range, mu, sigma, inverse }
    }

    /// A row a trial: the prior's probabilities with one full observation added to as many parts of it as there are
    /// choices, over the number of components.
    fn choice(prior: &[f64], observed: impl Iterator<Item = f64>) -> Self {
        let mut observed: Vec<u32> = observed.map(|index| index as u32).collect();
        observed.push(u32::MAX);
        let prior_share = prior.len() as f64 / observed.len() as f64;
        let logs = prior.iter().map(|probability| {
            let part = probability * prior_share;
            let sum = prior_share + 1.0;
            [libm::log((part + 1.0) / sum), libm::log(part / sum), libm::log(*probability)]
        });
        Self::Choice { logs: logs.collect(), observed }
    }

    /// Whether what is added for it is a bound that has to be mended.
    fn is_bound_first(&self) -> bool {
        matches!(self, Self::Lattice { different, .. } if different.len() > MOST_TABLED)
    }

    fn sample(&self, component: usize, share: f64) -> f64 {
        let (range, mu, sigma) = match self {
            Self::Normal { range, mu, sigma, .. } | Self::Lattice { range, mu, sigma, .. } => {
                (range, mu[component], sigma[component])
            }
            Self::Choice { observed, logs } => {
                let mut sum = 0.0;
                let reached = |(index, _): (usize, &[f64; 3])| {
                    sum += libm::exp(choice_log(observed[component], index, logs));
                    (sum > share).then_some(index)
                };
                let possible = || logs.iter().rposition(|log| log[2] > f64::NEG_INFINITY);
                let found = logs.iter().enumerate().find_map(reached).or_else(possible);
                return found.unwrap_or(0) as f64;
            }
        };
        let (low, high) = ((range.low - mu) / sigma, (range.high - mu) / sigma);
        range.candidate(mu + sigma * truncated_normal_quantile(share, low, high))
    }

    /// Adds to each component's sum its logarithm at `at`; on a lattice with many kernels a bound of it from above.
    #[inline(always)]
    fn add_bounds(
        &self,
        at: f64,
        sums: &mut [f64],
        masses: &mut Vec<f64>,
        table: &mut Vec<(f64, Vec<f64>)>,
    ) {
        match self {
            Self::Normal { mu, inverse, .. } => {
                for ((sum, mu), inverse) in sums.iter_mut().zip(mu).zip(inverse) {
                    let z = (at - mu) * inverse;
                    *sum -= 0.5 * (z * z);
                }
            }
            Self::Lattice { range, distinct, different, .. } if different.len() <= MOST_TABLED => {
                let place = table.iter().position(|(known, _)| *known == at);
                let place = place.unwrap_or_else(|| {
                    table.push((at, cell_masses(range.cell(at), different)));
                    table.len() - 1
                });
                let logs = &table[place].1;
                for (sum, distinct) in sums.iter_mut().zip(distinct) {
                    *sum += logs[*distinct as usize];
                }
            }
            Self::Lattice { range, mu, sigma, different, .. } => {
                let cell = range.cell(at);
                for ((sum, mu), sigma) in sums.iter_mut().zip(mu).zip(sigma) {
                    *sum += mass_bound(cell, *mu, *sigma);
                }
                masses.clear();
                masses.resize(different.len(), f64::NAN);
            }
            Self::Choice { observed, logs } => {
                let [hit, miss, prior] = logs[at as usize];
                for (sum, observed) in sums.iter_mut().zip(observed) {
                    *sum += if *observed == at as u32 { hit } else { miss };
                }
                if let Some(sum) = sums.last_mut() {
                    *sum += prior - miss;
                }
            }
        }
    }

    /// What to add to a bound for the logarithm itself.
    fn mend(&self, component: usize, at: f64, masses: &mut [f64]) -> f64 {
        let Self::Lattice { range, mu, sigma, distinct, .. } = self else { return 0.0 };
        let known = &mut masses[distinct[component] as usize];
        if known.is_nan() {
            let (cell, mu, sigma) = (range.cell(at), mu[component], sigma[component]);
            let (low, high) = ((cell.0 - mu) / sigma, (cell.1 - mu) / sigma);
            *known = log_gauss_mass(low, high) - mass_bound(cell, mu, sigma);
        }
        *known
    }
}

/// The logarithm of the mass of each kernel in a cell.
#[inline(never)]
fn cell_masses((left, right): (f64, f64), kernels: &[(f64, f64)]) -> Vec<f64> {
    let mass = |(mu, sigma): &(f64, f64)| log_gauss_mass((left - mu) / sigma, (right - mu) / sigma);
    kernels.iter().map(mass).collect()
}

/// Beyond `z` deviations there is at most exp(−z²/2) of the mass.
fn mass_bound((left, right): (f64, f64), mu: f64, sigma: f64) -> f64 {
    let z = (left - mu).max(mu - right).max(0.0) / sigma;
    -0.5 * (z * z)
}

fn choice_log(observed: u32, index: usize, logs: &[[f64; 3]]) -> f64 {
    let [hit, miss, prior] = logs[index];
    match observed {
        u32::MAX => prior,
        _ if observed as usize == index => hit,
        _ => miss,
    }
}

/// The coordinates with their places, ascending; equal ones in the order of their places.
fn sorted(coordinates: &[f64]) -> Vec<(f64, u32)> {
    /// Low bits of a key that hold a place.
    const PLACES: u32 = 24;
    // Whole numbers compare faster than pairs: the high bits of a real, turned so that they ascend, with the place
    // below them. Reals that share these bits are mended afterwards.
    let ascending = |at: f64| {
        let bits = at.to_bits();
        if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
    };
    let mask = (1_u64 << PLACES) - 1;
    let mut keys: Vec<u64> = (0_u64..)
        .zip(coordinates)
        .map(|(place, at)| (ascending(*at) & !mask) | (place & mask))
        .collect();
    keys.sort_unstable();
    let mut pairs: Vec<(f64, u32)> = keys
        .into_iter()
        .map(|key| (coordinates[(key & mask) as usize], (key & mask) as u32))
        .collect();
    for end in 1..pairs.len() {
        let mut index = end;
        while index > 0 && pairs[index - 1].0 > pairs[index].0 {
            pairs.swap(index - 1, index);
            index -= 1;
        }
    }
    pairs
}

/// The bandwidths of kernels at sorted coordinates: the wider gap to a neighbour, within bounds.
pub(super) fn bandwidths(range: &Range, sorted: &[(f64, u32)], flavour: Flavour) -> Vec<f64> {
    let count = sorted.len();
    let extent = range.extent();
    let most = (2 + count) as f64;
    let least = match flavour {
        Flavour::Watanabe => (1.0 / (most * most)).max(0.03) * extent,
        Flavour::Optuna | Flavour::HyperOpt => extent / most.min(100.0),
    };
    // Where the prior stands among them.
    let prior = match flavour {
        Flavour::Optuna => usize::MAX,
        Flavour::Watanabe => sorted.partition_point(|(at, _)| *at <= range.prior_mu),
        Flavour::HyperOpt => sorted.partition_point(|(at, _)| *at < range.prior_mu),
    };
    let ends_count = flavour == Flavour::Watanabe || (flavour == Flavour::Optuna && count < 2);
    let gap = |index: usize, at: f64| {
        let left = match index {
            _ if index == prior => Some(range.prior_mu),
            0 => ends_count.then_some(range.floor),
            _ => Some(sorted[index - 1].0),
        };
        let right = match index + 1 {
            next if next == prior => Some(range.prior_mu),
            next if next == count => ends_count.then_some(range.ceiling),
            next => Some(sorted[next].0),
        };
        let gaps = [left.map(|left| at - left), right.map(|right| right - at)];
        gaps.into_iter().flatten().fold(f64::NEG_INFINITY, f64::max)
    };
    let bandwidth = |(index, (at, _)): (usize, &(f64, u32))| match (flavour, count) {
        (Flavour::HyperOpt, 1) => 0.5 * extent,
        _ => gap(index, *at),
    };
    sorted.iter().enumerate().map(bandwidth).map(|width| width.clamp(least, extent)).collect()
}
