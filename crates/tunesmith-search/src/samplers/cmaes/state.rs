//! All that a generation knows: the distribution, the margins, the choices, and the restarts so far; as a text, so that
//! a note can keep it.
//!
//! When to stop is cmaes 0.13.1's `should_stop`, except that flatness is counted from the last generation that was not
//! flat, which takes three numbers instead of a window. Restarts: IPOP (Auger and Hansen, CEC 2005) doubles the
//! population, BIPOP (Hansen, GECCO 2009) also spends as much on small ones. Refuses to stop for good: the study's
//! budget ends the search.

use tunesmith_core::Rng;

use super::choices::Choices;
use super::gaussian::{Constants, Covariance, Gaussian};
use super::layout::{Draft, Layout};
use super::margin::Coordinate;
use crate::population::Fitness;

/// More coordinates than this get a diagonal covariance: a full one would fill the log and take seconds.
pub(super) const MOST_FULL: usize = 64;

/// What becomes of a search that converged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Restart {
    None,
    Ipop,
    Bipop,
}

/// What a user may choose.
#[derive(Debug, Clone, Copy)]
pub(super) struct Settings {
    /// The first standard deviation, in shares of the range.
    pub(super) sigma: f64,
    /// `None`: 4 + ⌊3 ln d⌋.
    pub(super) population: Option<usize>,
    pub(super) restart: Restart,
}

/// How the restarts stand.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Regime {
    pub(super) population: usize,
    /// Restarts with a larger population.
    pub(super) enlarged: u32,
    /// Whether the present population is of the large kind.
    is_large: bool,
    /// Trials spent on earlier searches with small and with large populations.
    spent: [f64; 2],
    /// Trials spent on the present one.
    spent_now: f64,
    /// The least and the greatest score since the scores are flat, and for how many generations they are.
    flat: [f64; 3],
}

/// All that a generation knows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    pub(super) gaussian: Gaussian,
    /// The margin's factor for each coordinate: 1 for a continuous one.
    pub(super) scales: Vec<f64>,
    pub(super) choices: Choices,
    pub(super) regime: Regime,
}

/// The usual size of a population.
fn usual_population(settings: &Settings, layout: &Layout) -> usize {
    let dimensions = (layout.numbers() + layout.choices()).max(1) as f64;
    settings.population.unwrap_or(4 + (3.0 * libm::log(dimensions)) as usize)
}

impl State {
    /// The first generation's.
    pub(super) fn first(settings: &Settings, layout: &Layout) -> Self {
        let regime = Regime {
            population: usual_population(settings, layout),
            enlarged: 0,
            is_large: false,
            spent: [0.0; 2],
            spent_now: 0.0,
            flat: [0.0; 3],
        };
        Self::around(settings, layout, layout.middle.clone(), regime)
    }

    fn around(settings: &Settings, layout: &Layout, mean: Vec<f64>, regime: Regime) -> Self {
        Self {
            scales: vec![1.0; mean.len()],
            gaussian: Gaussian::new(mean, settings.sigma, layout.numbers() > MOST_FULL),
            choices: Choices::new(layout.weights.clone()),
            regime,
        }
    }

    /// The next generation's, after these members of this one, at least two; `rng` serves a restart.
    pub(super) fn next(
        mut self,
        settings: &Settings,
        layout: &Layout,
        mut members: Vec<(Draft, Fitness)>,
        rng: &Rng,
    ) -> Self {
        members.sort_by(|(_, left), (_, right)| left.compare(*right));
        let is_diagonal = matches!(self.gaussian.covariance, Covariance::Diagonal(_));
        let constants = Constants::new(layout.numbers(), members.len(), is_diagonal);
        self.regime.spent_now += members.len() as f64;
        self.regime.watch(&members);
        let (drafts, _): (Vec<Draft>, Vec<Fitness>) = members.into_iter().unzip();
        let (numbers, choices): (Vec<_>, Vec<_>) =
            drafts.into_iter().map(|draft| (draft.numbers, draft.choices)).unzip();
        if layout.numbers() > 0 {
            self.gaussian.tell(&numbers, &constants);
            self.correct_margins(layout);
        }
        self.choices.tell(&choices[..constants.mu], &constants.weights[..constants.mu]);
        if settings.restart != Restart::None && self.is_done(settings, layout) {
            return self.restarted(settings, layout, rng);
        }
        self
    }

    fn correct_margins(&mut self, layout: &Layout) {
        let variances = self.gaussian.covariance.diagonal();
        let margin = 1.0 / (layout.numbers() * self.regime.population) as f64;
        for (index, lattice) in layout.lattices() {
            let mut coordinate = Coordinate {
                mean: self.gaussian.mean[index],
                deviation: self.gaussian.sigma * variances[index].sqrt(),
                scale: self.scales[index],
            };
            lattice.correct(&mut coordinate, margin);
            self.gaussian.mean[index] = coordinate.mean;
            self.scales[index] = coordinate.scale;
        }
    }

    /// Whether nothing more is to be expected of this search.
    fn is_done(&self, settings: &Settings, layout: &Layout) -> bool {
        if layout.numbers() == 0 {
            return false;
        }
        let Gaussian { mean, sigma, covariance, path_c, told, .. } = &self.gaussian;
        let factor = covariance.factor();
        let roots = factor.roots();
        let most = roots.iter().fold(0.0_f64, |most, root| most.max(*root));
        let least = roots.iter().fold(f64::INFINITY, |least, root| least.min(*root));
        let finite = mean.iter().chain(&self.scales).chain([sigma, &most]).all(|x| x.is_finite());
        let term = 10.0 + (30.0 * mean.len() as f64 / self.regime.population as f64).ceil();
        let is_flat = f64::from(*told) > term && self.regime.flat[2] >= term;
        let diagonal = covariance.diagonal();
        let tiny = 1e-12 * settings.sigma;
        let is_tiny = diagonal.iter().chain(path_c).all(|part| sigma * part < tiny);
        let stays = |(mean, variance): (&f64, &f64)| *mean == mean + 0.2 * sigma * variance.sqrt();
        let no_effect = mean.iter().zip(&diagonal).any(stays);
        !finite || is_flat || is_tiny || no_effect || sigma * most > 1e4 || most / least > 1e14
    }

    fn restarted(self, settings: &Settings, layout: &Layout, rng: &Rng) -> Self {
        let mut rng = rng.branch_named("restart");
        let mut regime = self.regime;
        regime.spent[usize::from(regime.is_large)] += regime.spent_now;
        regime.spent_now = 0.0;
        regime.flat = [0.0; 3];
        let usual = usual_population(settings, layout) as f64;
        let is_small = settings.restart == Restart::Bipop && regime.spent[0] < regime.spent[1];
        if !is_small {
            regime.enlarged += 1;
        }
        let factor = libm::pow(2.0, f64::from(regime.enlarged));
        let share = if is_small { rng.uniform() } else { 1.0 };
        regime.is_large = !is_small;
        regime.population = (usual * libm::pow(factor, share * share)) as usize;
        let mean = (0..layout.numbers()).map(|_| rng.open_uniform()).collect();
        Self::around(settings, layout, mean, regime)
    }

    /// As numbers, in an order that [`State::read`] knows.
    pub(super) fn write(&self) -> Vec<f64> {
        let Regime { population, enlarged, is_large, spent, spent_now, flat } = &self.regime;
        let mut numbers = vec![
            *population as f64,
            f64::from(*enlarged),
            f64::from(u8::from(*is_large)),
            spent[0],
            spent[1],
            *spent_now,
        ];
        numbers.extend(flat);
        let Gaussian { mean, sigma, covariance, path_sigma, path_c, told } = &self.gaussian;
        numbers.extend([*sigma, f64::from(*told)]);
        [mean, path_sigma, path_c, &self.scales].iter().for_each(|part| numbers.extend(*part));
        match covariance {
            Covariance::Diagonal(diagonal) => numbers.extend(diagonal),
            Covariance::Full(entries) => {
                // Symmetric: the lower triangle says it all.
                let rows = entries.chunks(mean.len().max(1)).enumerate();
                rows.for_each(|(row, entries)| numbers.extend(&entries[..=row]));
            }
        }
        let Choices { probabilities, path, step, brake, gamma } = &self.choices;
        numbers.extend([*step, *brake, *gamma]);
        probabilities.iter().chain([path]).for_each(|part| numbers.extend(part));
        numbers
    }

    /// From what [`State::write`] gave for the same layout; `None` where the layout was another.
    pub(super) fn read(layout: &Layout, numbers: &[f64]) -> Option<Self> {
        let mut rest = numbers;
        let mut take = |count: usize| {
            let (taken, left) = rest.split_at_checked(count)?;
            rest = left;
            Some(taken.to_vec())
        };
        let size = layout.numbers();
        let head = take(9)?;
        let [sigma, told] = take(2)?[..] else { return None };
        let (mean, path_sigma, path_c, scales) =
            (take(size)?, take(size)?, take(size)?, take(size)?);
        let covariance = if size > MOST_FULL {
            Covariance::Diagonal(take(size)?)
        } else {
            let mut entries = vec![0.0; size * size];
            for row in 0..size {
                for (column, entry) in take(row + 1)?.into_iter().enumerate() {
                    entries[row * size + column] = entry;
                    entries[column * size + row] = entry;
                }
            }
            Covariance::Full(entries)
        };
        let [step, brake, gamma] = take(3)?[..] else { return None };
        let probabilities: Option<Vec<_>> =
            layout.weights.iter().map(|weights| take(weights.len())).collect();
        let path = take(layout.weights.iter().map(|weights| weights.len() - 1).sum())?;
        let choices = Choices { probabilities: probabilities?, path, step, brake, gamma };
        let told = told as u32;
        let gaussian = Gaussian { mean, sigma, covariance, path_sigma, path_c, told };
        let regime = Regime {
            population: head[0] as usize,
            enlarged: head[1] as u32,
            is_large: head[2] == 1.0,
            spent: [head[3], head[4]],
            spent_now: head[5],
            flat: [head[6], head[7], head[8]],
        };
        rest.is_empty().then_some(Self { gaussian, scales, choices, regime })
    }
}

impl Regime {
    /// Counts for how many generations all scores have been the same to 1e-12.
    fn watch(&mut self, members: &[(Draft, Fitness)]) {
        let mut scores = members.iter().filter_map(|(_, fitness)| fitness.score());
        let Some(first) = scores.next() else { return };
        let (least, most) =
            scores.fold((first, first), |(low, high), score| (low.min(score), high.max(score)));
        let [low, high, count] = self.flat;
        let joined = if count > 0.0 { (low.min(least), high.max(most)) } else { (least, most) };
        self.flat = if joined.1 - joined.0 < 1e-12 {
            [joined.0, joined.1, count + 1.0]
        } else {
            [least, most, f64::from(u8::from(most - least < 1e-12))]
        };
    }
}
