//! Learning-rate schedules as `transformers.optimization` (5.23) defines them: the factor of the
//! peak rate at a step.
//!
//! This file refuses to keep state: a schedule is a function of the step, so resuming is free.

use std::f64::consts::PI;

/// The shape of the rate after warm-up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    /// Falls to zero in a straight line.
    Linear,
    /// Follows `cycles` waves of a cosine.
    Cosine {
        /// Waves.
        cycles: f64,
    },
    /// Falls from one to zero `cycles` times.
    CosineWithRestarts {
        /// Falls.
        cycles: f64,
    },
    /// Falls to `end` (an absolute rate) as a power of what is left.
    Polynomial {
        /// The power.
        power: f64,
        /// The last rate.
        end: f64,
    },
    /// Stays; without warm-up.
    Constant,
    /// Stays, after warm-up.
    ConstantWithWarmup,
}

/// A schedule over a trial's steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Schedule {
    /// The shape.
    pub(crate) shape: Shape,
    /// The peak.
    pub(crate) peak: f64,
    /// Steps that the rate rises in.
    pub(crate) warmup_steps: u64,
    /// All steps.
    pub(crate) total_steps: u64,
}

impl Schedule {
    /// The learning rate of the update that follows `step` finished ones.
    pub(crate) fn rate(&self, step: u64) -> f64 {
        let warmup = self.warmup_steps;
        if self.shape == Shape::Constant {
            return self.peak;
        }
        if step < warmup {
            return self.peak * (step as f64 / warmup.max(1) as f64);
        }
        let span = self.total_steps.saturating_sub(warmup).max(1) as f64;
        let progress = (step - warmup) as f64 / span;
        let factor = match self.shape {
            Shape::Constant | Shape::ConstantWithWarmup => 1.0,
            Shape::Linear => (self.total_steps.saturating_sub(step) as f64 / span).max(0.0),
            Shape::Cosine { cycles } => {
                (0.5 * (1.0 + (PI * cycles * 2.0 * progress).cos())).max(0.0)
            }
            Shape::CosineWithRestarts { .. } if progress >= 1.0 => 0.0,
            Shape::CosineWithRestarts { cycles } => {
                0.5 * (1.0 + (PI * (cycles * progress).fract()).cos())
            }
            Shape::Polynomial { end, .. } if step > self.total_steps => return end,
            Shape::Polynomial { power, end } => {
                return (self.peak - end) * (1.0 - progress).powf(power) + end;
            }
        };
        self.peak * factor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Curve {
        schedule: String,
        options: serde_json::Map<String, serde_json::Value>,
        warmup_steps: u64,
        rates: Vec<f64>,
    }

    #[derive(serde::Deserialize)]
    struct Golden {
        total_steps: u64,
        learning_rate: f64,
        curves: Vec<Curve>,
    }

    fn shape(curve: &Curve) -> Shape {
        let option = |name: &str, default: f64| {
            curve.options.get(name).and_then(serde_json::Value::as_f64).unwrap_or(default)
        };
        match curve.schedule.as_str() {
            "linear" => Shape::Linear,
            "cosine" => Shape::Cosine { cycles: option("num_cycles", 0.5) },
            "cosine_with_restarts" => {
                Shape::CosineWithRestarts { cycles: option("num_cycles", 1.0) }
            }
            "polynomial" => {
                Shape::Polynomial { power: option("power", 1.0), end: option("lr_end", 1e-7) }
            }
            "constant" => Shape::Constant,
            "constant_with_warmup" => Shape::ConstantWithWarmup,
            other => panic!("no schedule {other}"),
        }
    }

    #[test]
    fn every_schedule_is_that_of_transformers() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/schedules.json");
        let golden: Golden =
            serde_json::from_str(&std::fs::read_to_string(path).expect("schedules"))
                .expect("known form");
        assert!(golden.curves.len() >= 12);
        for curve in &golden.curves {
            let schedule = Schedule {
                shape: shape(curve),
                peak: golden.learning_rate,
                warmup_steps: curve.warmup_steps,
                total_steps: golden.total_steps,
            };
            for (step, rate) in curve.rates.iter().enumerate() {
                let ours = schedule.rate(step as u64);
                assert!(
                    (ours - rate).abs() < 1e-12,
                    "{} {:?} at {step}: {ours}, exactly {rate}",
                    curve.schedule,
                    curve.options
                );
            }
        }
    }
}
