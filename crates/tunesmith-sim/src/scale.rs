//! The yardstick of a task: its best value, the value of a typical draw and what a draw costs, so that regrets and
//! compute of tasks with different units can be averaged.
//!
//! Refuses to be a proof: where the best value is not known it is searched for with many times a study's budget, and
//! a study that does better still counts as without regret.

use tunesmith_core::{Goal, Params, Rng, SearchSpace};

use crate::objective::Objective;

/// Draws whose median is the typical value.
const TYPICAL_DRAWS: u64 = 1_000;
/// Draws in the search of the best value.
const DRAWS: u64 = 20_000;
/// How many of the best points are refined, and in how many steps each.
const REFINED: usize = 10;
const STEPS: u64 = 400;

/// The yardstick of a task.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// The best value that there is.
    pub best: f64,
    /// The median of uniform draws; a training that breaks down counts as worst.
    pub typical: f64,
    /// The mean over uniform draws of what it costs to train one to its end, in device seconds.
    pub seconds: f64,
    goal: Goal,
}

impl Scale {
    /// The yardstick of an objective. The same at every call.
    pub fn of(objective: &dyn Objective) -> Self {
        let goal = objective.metric().goal;
        let loss = |params: &Params| match (objective.value(params), goal) {
            (None, _) => f64::INFINITY,
            (Some(value), Goal::Minimize) => value,
            (Some(value), Goal::Maximize) => -value,
        };
        let rng = Rng::at(0, 0, "yardstick");
        let count = if objective.optimum().is_some() { TYPICAL_DRAWS } else { DRAWS };
        let draw = |number| uniform(objective.space(), &rng.branch(number));
        let mut points: Vec<(f64, Params)> =
            (0..count).map(draw).map(|params| (loss(&params), params)).collect();
        let cost = |(_, params): &(f64, Params)| objective.evaluate(params).trained_seconds();
        let costs = points.iter().take(TYPICAL_DRAWS as usize).map(cost);
        let seconds = costs.sum::<f64>() / TYPICAL_DRAWS as f64;
        let mut first: Vec<f64> =
            points.iter().take(TYPICAL_DRAWS as usize).map(|point| point.0).collect();
        first.sort_by(f64::total_cmp);
        let typical = first.get(first.len() / 2).copied().unwrap_or(f64::INFINITY);
        let signed = |loss: f64| if goal == Goal::Minimize { loss } else { -loss };
        let best = objective.optimum().unwrap_or_else(|| {
            let landmarks = objective.landmarks().into_iter();
            points.extend(landmarks.map(|params| (loss(&params), params)));
            signed(search(objective.space(), points, loss, &rng))
        });
        Self { best, typical: signed(typical), seconds, goal }
    }

    /// How far a true value is behind the best, in the metric's unit; that of a typical draw where there is none.
    pub fn regret(&self, value: Option<f64>) -> f64 {
        let value = value.unwrap_or(self.typical);
        let behind = match self.goal {
            Goal::Minimize => value - self.best,
            Goal::Maximize => self.best - value,
        };
        behind.max(0.0)
    }

    /// A regret as a share of a typical draw's.
    pub fn normalised(&self, regret: f64) -> f64 {
        let unit = self.regret(None);
        if unit > 0.0 { regret / unit } else { 0.0 }
    }
}

/// A draw that knows no prior.
fn uniform(space: &SearchSpace, rng: &Rng) -> Params {
    space.complete(|parameter| {
        let unit = rng.branch_named(&parameter.name).open_uniform();
        parameter.from_unit(unit).unwrap_or(tunesmith_core::Value::Null)
    })
}

/// The least loss after random steps around the best points, each half as wide as the one fifty steps before it.
fn search(
    space: &SearchSpace,
    mut points: Vec<(f64, Params)>,
    loss: impl Fn(&Params) -> f64,
    rng: &Rng,
) -> f64 {
    points.sort_by(|left, right| left.0.total_cmp(&right.0));
    points.truncate(REFINED);
    for (index, (least, params)) in points.iter_mut().enumerate() {
        let rng = rng.branch_named("refine").branch(index as u64);
        for step in 0..STEPS {
            let width = 0.3 * libm::exp2(-(step as f64) / 50.0);
            let tried = neighbour(space, params, width, &rng.branch(step));
            let value = loss(&tried);
            if value < *least {
                (*least, *params) = (value, tried);
            }
        }
    }
    points.iter().map(|point| point.0).fold(f64::INFINITY, f64::min)
}

fn neighbour(space: &SearchSpace, params: &Params, width: f64, rng: &Rng) -> Params {
    space.complete(|parameter| {
        let mut rng = rng.branch_named(&parameter.name);
        let here = params.get(&parameter.name).and_then(|value| parameter.to_unit(value));
        let unit = match here {
            Some(unit) => (unit + width * rng.normal()).clamp(0.0, 1.0),
            None => rng.open_uniform(),
        };
        parameter.from_unit(unit).unwrap_or(tunesmith_core::Value::Null)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analytic::branin::Branin;

    /// Branin without its known optimum.
    #[derive(Debug)]
    struct Unknown(Branin);

    impl Objective for Unknown {
        fn space(&self) -> &SearchSpace {
            self.0.space()
        }

        fn metric(&self) -> &tunesmith_core::Metric {
            self.0.metric()
        }

        fn evaluate(&self, params: &Params) -> crate::Evaluation {
            self.0.evaluate(params)
        }
    }

    #[test]
    fn an_unknown_best_value_is_found_and_a_typical_draw_has_regret_one() {
        let known = Scale::of(&Branin::new());
        let found = Scale::of(&Unknown(Branin::new()));
        assert!((found.best - known.best).abs() < 1e-4, "{} {}", found.best, known.best);
        assert_eq!(found.typical, known.typical);
        assert_eq!(known.normalised(known.regret(None)), 1.0);
        assert_eq!(known.regret(Some(known.best - 1.0)), 0.0);
    }
}
