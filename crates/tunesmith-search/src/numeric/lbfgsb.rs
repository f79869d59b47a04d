//! Minimising a smooth function in a box: limited-memory BFGS on the coordinates that are free, steps projected back
//! into the box.
//!
//! Sources: Nocedal and Wright, "Numerical Optimization" (2006), algorithm 7.4, for the direction; Bertsekas,
//! "Projected Newton methods" (1982), for the choice of the free coordinates and the search along the projected path.
//! Deviation from Byrd et al.'s L-BFGS-B: no generalised Cauchy point; the free coordinates are those whose bound does
//! not stop the gradient. Refuses to promise a global minimum.

use super::cholesky::dot;

/// How many pairs of steps and changes of the gradient are kept.
const MEMORY: usize = 8;
/// The share of the promised decrease that a step must keep.
const SUFFICIENT: f64 = 1e-4;
/// How often a step is shortened before the search ends.
const MOST_HALVINGS: u32 = 20;

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    /// Where no free coordinate of the gradient is larger.
    pub(crate) gradient: f64,
    /// Where a step gains less than this share of the value, or of 1.
    pub(crate) gain: f64,
    /// After this many evaluations.
    pub(crate) evaluations: u32,
}

/// The lowest point that was found.
#[derive(Debug)]
pub(crate) struct Minimum {
    /// Where; in the box.
    pub(crate) point: Vec<f64>,
    /// The value there. Not finite where the function is not finite at the start.
    pub(crate) value: f64,
    /// What was learned of the curvature.
    pub(crate) memory: Memory,
}

/// What a search has learned of the curvature: steps with the change of the gradient over each.
#[derive(Debug, Default)]
pub(crate) struct Memory(Vec<Pair>);

impl Memory {
    /// What it would be of a function so many times as large.
    pub(crate) fn scaled(mut self, factor: f64) -> Self {
        let changes = self.0.iter_mut().flat_map(|pair| &mut pair.change);
        changes.for_each(|change| *change *= factor);
        self
    }
}

struct State {
    point: Vec<f64>,
    gradient: Vec<f64>,
    value: f64,
}

/// A step and the change of the gradient over it.
#[derive(Debug)]
struct Pair {
    step: Vec<f64>,
    change: Vec<f64>,
}

/// Minimises `function`, which gives the value at a point and writes its gradient, from `start`, each coordinate
/// within its `(low, high)`.
pub(crate) fn minimise(
    start: &[f64],
    bounds: &[(f64, f64)],
    stop: Stop,
    function: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Minimum {
    resume(start, Memory::default(), bounds, stop, function)
}

/// As [`minimise`], with what another search has learned: of the same function, or of one much like it.
pub(crate) fn resume(
    start: &[f64],
    memory: Memory,
    bounds: &[(f64, f64)],
    stop: Stop,
    mut function: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Minimum {
    let point: Vec<f64> =
        start.iter().zip(bounds).map(|(x, (low, high))| x.clamp(*low, *high)).collect();
    let mut gradient = vec![0.0; point.len()];
    let value = function(&point, &mut gradient);
    let mut state = State { point, gradient, value };
    let Memory(mut pairs) = memory;
    let mut left = stop.evaluations.saturating_sub(1);
    while left > 0 && state.value.is_finite() {
        let free = free(&state, bounds);
        let slope = free.iter().map(|i| state.gradient[*i].abs()).fold(0.0, f64::max);
        if slope <= stop.gradient {
            break;
        }
        let direction = direction(&state, &free, &pairs);
        let Some(next) = search(&state, &direction, bounds, &mut left, &mut function) else {
            if pairs.is_empty() {
                break;
            }
            // What was remembered does not fit here: once more by steepest descent.
            pairs.clear();
            continue;
        };
        let gain = state.value - next.value;
        remember(&mut pairs, &state, &next);
        state = next;
        if gain <= stop.gain * state.value.abs().max(1.0) {
            break;
        }
    }
    Minimum { point: state.point, value: state.value, memory: Memory(pairs) }
}

/// The coordinates that the gradient does not push out of the box.
fn free(state: &State, bounds: &[(f64, f64)]) -> Vec<usize> {
    let is_free = |i: &usize| {
        let (x, slope, (low, high)) = (state.point[*i], state.gradient[*i], bounds[*i]);
        !(x <= low && slope >= 0.0 || x >= high && slope <= 0.0)
    };
    (0..state.point.len()).filter(is_free).collect()
}

/// The quasi-Newton direction over the free coordinates, 0 in the others; steepest descent where it does not descend.
fn direction(state: &State, free: &[usize], pairs: &[Pair]) -> Vec<f64> {
    let mut rest: Vec<f64> = free.iter().map(|i| state.gradient[*i]).collect();
    let steepest = dot(&rest, &rest);
    let pick = |full: &[f64]| -> Vec<f64> { free.iter().map(|i| full[*i]).collect() };
    let parts: Vec<(Vec<f64>, Vec<f64>)> =
        pairs.iter().map(|pair| (pick(&pair.step), pick(&pair.change))).collect();
    let usable: Vec<(&Vec<f64>, &Vec<f64>, f64)> = parts
        .iter()
        .map(|(step, change)| (step, change, dot(step, change)))
        .filter(|(_, change, curvature)| *curvature > 1e-12 * dot(change, change))
        .collect();
    let mut weights = Vec::with_capacity(usable.len());
    for (step, change, curvature) in usable.iter().rev() {
        let weight = dot(step, &rest) / curvature;
        rest.iter_mut().zip(change.iter()).for_each(|(r, c)| *r -= weight * c);
        weights.push(weight);
    }
    if let Some((_, change, curvature)) = usable.last() {
        let scale = curvature / dot(change, change);
        rest.iter_mut().for_each(|r| *r *= scale);
    } else {
        // The first step is no longer than 1.
        let scale = 1.0 / steepest.sqrt().max(1.0);
        rest.iter_mut().for_each(|r| *r *= scale);
    }
    for ((step, change, curvature), weight) in usable.iter().zip(weights.iter().rev()) {
        let correction = weight - dot(change, &rest) / curvature;
        rest.iter_mut().zip(step.iter()).for_each(|(r, s)| *r += correction * s);
    }
    let descent: f64 = free.iter().zip(&rest).map(|(i, r)| state.gradient[*i] * r).sum();
    let mut direction = vec![0.0; state.point.len()];
    let descends = descent.is_finite() && descent > 1e-10 * steepest.min(1.0);
    for (i, r) in free.iter().zip(&rest) {
        direction[*i] = if descends { -r } else { -state.gradient[*i] };
    }
    direction
}

/// Shortens the step along the projected path until it gains enough; `None` where it never does.
fn search(
    state: &State,
    direction: &[f64],
    bounds: &[(f64, f64)],
    left: &mut u32,
    function: &mut impl FnMut(&[f64], &mut [f64]) -> f64,
) -> Option<State> {
    let mut length = 1.0;
    let mut gradient = vec![0.0; state.point.len()];
    for _ in 0..MOST_HALVINGS {
        if *left == 0 {
            return None;
        }
        let moved = state.point.iter().zip(direction).zip(bounds);
        let point: Vec<f64> =
            moved.map(|((x, d), (low, high))| (x + length * d).clamp(*low, *high)).collect();
        let promised: f64 = point
            .iter()
            .zip(&state.point)
            .zip(&state.gradient)
            .map(|((a, b), g)| (a - b) * g)
            .sum();
        if promised >= 0.0 {
            return None;
        }
        *left -= 1;
        let value = function(&point, &mut gradient);
        if value.is_finite() && value <= state.value + SUFFICIENT * promised {
            return Some(State { point, gradient, value });
        }
        // The minimum of the parabola through both values and the slope, kept within sane bounds.
        let excess = value - state.value - promised;
        let shrink =
            if excess.is_finite() && excess > 0.0 { -0.5 * promised / excess } else { 0.1 };
        length *= shrink.clamp(0.1, 0.5);
    }
    None
}

fn remember(pairs: &mut Vec<Pair>, old: &State, new: &State) {
    let difference =
        |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
    let step = difference(&new.point, &old.point);
    let change = difference(&new.gradient, &old.gradient);
    let curvature = dot(&step, &change);
    let is_convex = curvature > 1e-12 * dot(&change, &change);
    if !is_convex {
        return;
    }
    if pairs.len() == MEMORY {
        pairs.remove(0);
    }
    pairs.push(Pair { step, change });
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXACT: Stop = Stop { gradient: 1e-9, gain: 0.0, evaluations: 500 };

    fn rosenbrock(x: &[f64], gradient: &mut [f64]) -> f64 {
        gradient.fill(0.0);
        let mut sum = 0.0;
        for i in 0..x.len() - 1 {
            let (bend, rest) = (x[i + 1] - x[i] * x[i], 1.0 - x[i]);
            sum += 100.0 * bend * bend + rest * rest;
            gradient[i] += -400.0 * bend * x[i] - 2.0 * rest;
            gradient[i + 1] += 200.0 * bend;
        }
        sum
    }

    #[test]
    fn the_valley_is_followed_to_its_end() {
        let found = minimise(&[-1.2, 1.0, -0.5, 0.8], &[(-5.0, 5.0); 4], EXACT, rosenbrock);
        assert!(found.value < 1e-14, "{found:?}");
        assert!(found.point.iter().all(|x| (x - 1.0).abs() < 1e-6));
    }

    #[test]
    fn what_a_like_function_taught_saves_evaluations() {
        let start = [-1.2, 1.0, -0.5, 0.8];
        let bounds = [(-5.0, 5.0); 4];
        let large = |x: &[f64], gradient: &mut [f64]| {
            let value = rosenbrock(x, gradient);
            gradient.iter_mut().for_each(|slope| *slope *= 3.0);
            3.0 * value
        };
        let near = minimise(&start, &bounds, Stop { gradient: 1.0, ..EXACT }, rosenbrock);
        let evaluations = |memory: Memory| {
            let mut count = 0;
            let found = resume(&near.point, memory, &bounds, EXACT, |x, gradient| {
                count += 1;
                large(x, gradient)
            });
            assert!(found.value < 1e-14, "{found:?}");
            count
        };
        let anew = evaluations(Memory::default());
        let resumed = evaluations(near.memory.scaled(3.0));
        assert!(resumed < anew, "{resumed} is not below {anew}");
    }

    #[test]
    fn bounds_hold_and_the_rest_is_minimal() {
        // With the first coordinate at its bound of 0.5 the second's minimum is 0.25.
        let found = minimise(&[-1.0, 1.0], &[(-2.0, 0.5), (-2.0, 2.0)], EXACT, rosenbrock);
        assert!((found.point[0] - 0.5).abs() < 1e-12, "{found:?}");
        assert!((found.point[1] - 0.25).abs() < 1e-7, "{found:?}");
    }

    #[test]
    fn badly_scaled_bowls_have_one_bottom() {
        let bowl = |x: &[f64], gradient: &mut [f64]| {
            let mut sum = 0.0;
            for (i, (x, g)) in x.iter().zip(gradient).enumerate() {
                let weight = libm::pow(10.0, i as f64);
                *g = 2.0 * weight * (x - 0.3);
                sum += weight * (x - 0.3) * (x - 0.3);
            }
            sum
        };
        let found = minimise(&[1.0; 5], &[(0.0, 1.0); 5], EXACT, bowl);
        assert!(found.value < 1e-12, "{found:?}");
    }

    #[test]
    fn walls_of_infinity_are_walked_around() {
        let wall = |x: &[f64], gradient: &mut [f64]| {
            gradient[0] = 1.0 - 1.0 / x[0];
            if x[0] <= 0.0 { f64::INFINITY } else { x[0] - libm::log(x[0]) }
        };
        let found = minimise(&[3.0], &[(-10.0, 10.0)], EXACT, wall);
        assert!((found.point[0] - 1.0).abs() < 1e-7, "{found:?}");
        let nowhere = minimise(&[0.0], &[(-1.0, 1.0)], EXACT, |_, _| f64::NAN);
        assert_eq!(nowhere.point, [0.0]);
    }
}
