//! Hartmann's function of six parameters, after Dixon and Szegö, "Towards Global Optimisation 2" (1978). Refuses
//! noise and curves.

use tunesmith_core::{Domain, Goal, Metric, Parameter, Params, SearchSpace};

use super::reals;
use crate::objective::{Evaluation, Objective};

const NAMES: [&str; 6] = ["x1", "x2", "x3", "x4", "x5", "x6"];
const HEIGHTS: [f64; 4] = [1.0, 1.2, 3.0, 3.2];
const WIDTHS: [[f64; 6]; 4] = [
    [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
    [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
    [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
    [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
];
/// In ten-thousandths.
const CENTRES: [[f64; 6]; 4] = [
    [1312.0, 1696.0, 5569.0, 124.0, 8283.0, 5886.0],
    [2329.0, 4135.0, 8307.0, 3736.0, 1004.0, 9991.0],
    [2348.0, 1451.0, 3522.0, 2883.0, 3047.0, 6650.0],
    [4047.0, 8828.0, 8732.0, 5743.0, 1091.0, 381.0],
];

/// Hartmann's function on the unit cube.
#[derive(Debug)]
pub(crate) struct Hartmann6 {
    space: SearchSpace,
    metric: Metric,
}

impl Hartmann6 {
    pub(crate) fn new() -> Self {
        let parameters = NAMES.map(|name| Parameter::new(name, Domain::float(0.0, 1.0)));
        let metric = Metric::new("loss", Goal::Minimize);
        Self { space: crate::legal(parameters.to_vec()), metric }
    }
}

impl Objective for Hartmann6 {
    fn space(&self) -> &SearchSpace {
        &self.space
    }

    fn metric(&self) -> &Metric {
        &self.metric
    }

    fn evaluate(&self, params: &Params) -> Evaluation {
        let x = reals(params, NAMES);
        let peak = |index: usize| {
            let parts = x.iter().zip(CENTRES[index]).zip(WIDTHS[index]);
            let distance: f64 = parts
                .map(|((x, centre), width)| width * (x - centre / 1e4) * (x - centre / 1e4))
                .sum();
            HEIGHTS[index] * libm::exp(-distance)
        };
        Evaluation::at_end(-(0..4).map(peak).sum::<f64>(), 60.0)
    }

    fn optimum(&self) -> Option<f64> {
        Some(-3.322_368_011_391_339)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimum_is_where_the_literature_has_it() {
        let at = [0.201_69, 0.150_011, 0.476_874, 0.275_332, 0.311_652, 0.657_3];
        let params: Params = NAMES.into_iter().zip(at).collect();
        let hartmann = Hartmann6::new();
        let value = hartmann.value(&params).expect("a value");
        assert!((value - hartmann.optimum().expect("known")).abs() < 1e-6, "{value}");
    }
}
