//! Branin's function of two parameters, after Dixon and Szegö, "Towards Global Optimisation 2" (1978): three equal
//! minima. Refuses noise and curves.

use core::f64::consts::PI;

use tunesmith_core::{Domain, Goal, Metric, Parameter, Params, SearchSpace};

use super::reals;
use crate::objective::{Evaluation, Objective};

/// Branin's function on `x1` in `[-5, 10]`, `x2` in `[0, 15]`.
#[derive(Debug)]
pub(crate) struct Branin {
    space: SearchSpace,
    metric: Metric,
}

impl Branin {
    pub(crate) fn new() -> Self {
        let parameters = vec![
            Parameter::new("x1", Domain::float(-5.0, 10.0)),
            Parameter::new("x2", Domain::float(0.0, 15.0)),
        ];
        Self { space: crate::legal(parameters), metric: Metric::new("loss", Goal::Minimize) }
    }
}

impl Objective for Branin {
    fn space(&self) -> &SearchSpace {
        &self.space
    }

    fn metric(&self) -> &Metric {
        &self.metric
    }

    fn evaluate(&self, params: &Params) -> Evaluation {
        let [x1, x2] = reals(params, ["x1", "x2"]);
        let bend = x2 - 5.1 / (4.0 * PI * PI) * x1 * x1 + 5.0 / PI * x1 - 6.0;
        let wave = 10.0 * (1.0 - 1.0 / (8.0 * PI)) * libm::cos(x1);
        Evaluation::at_end(bend * bend + wave + 10.0, 60.0)
    }

    fn optimum(&self) -> Option<f64> {
        // 10 / (8 pi), where bend is 0 and the cosine -1.
        Some(10.0 / (8.0 * PI))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_minima_are_equal() {
        let branin = Branin::new();
        for (x1, x2) in [(-PI, 12.275), (PI, 2.275), (3.0 * PI, 2.475)] {
            let value = branin.value(&Params::from([("x1", x1), ("x2", x2)])).expect("a value");
            let best = branin.optimum().expect("known");
            assert!((value - best).abs() < 1e-6, "{value} {best}");
        }
    }
}
