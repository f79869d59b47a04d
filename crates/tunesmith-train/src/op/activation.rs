//! Activations of the feed-forward part and of the heads, each with the bias that comes before.
//!
//! Forms: `gelu` is `x·Φ(x)` with the exact error function (Hendrycks & Gimpel 2016), `gelu_new`
//! its tanh form, as in transformers' `ACT2FN`. This file refuses names it does not know.

use candle_core::Result;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::sharing::grain;
use super::vector::{erf, exp, tanh, vectorised};
use super::{Operator, Place, Span, carve, rows, tasks};

/// The nonlinearity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Activation {
    /// `x · Φ(x)`.
    Gelu,
    /// `x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))`.
    #[serde(alias = "gelu_pytorch_tanh", alias = "gelu_fast")]
    GeluNew,
    /// `max(x, 0)`.
    Relu,
    /// `tanh x`.
    Tanh,
}

/// One over the square root of two pi.
const GAUSS: f32 = 0.398_942_3;
/// The square root of two over pi.
const TANH_SCALE: f32 = 0.797_884_6;
const TANH_CUBIC: f32 = 0.044_715;

#[inline(always)]
fn gelu(x: f32) -> (f32, f32) {
    let cdf = 0.5 + 0.5 * erf(x * std::f32::consts::FRAC_1_SQRT_2);
    (x * cdf, cdf + x * GAUSS * exp(-0.5 * x * x))
}

#[inline(always)]
fn gelu_new(x: f32) -> (f32, f32) {
    let t = tanh(TANH_SCALE * (x + TANH_CUBIC * x * x * x));
    let inner = TANH_SCALE * (1.0 + 3.0 * TANH_CUBIC * x * x);
    (0.5 * x * (1.0 + t), 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner)
}

#[inline(always)]
fn relu(x: f32) -> (f32, f32) {
    if x > 0.0 { (x, 1.0) } else { (0.0, 0.0) }
}

#[inline(always)]
fn hyperbolic(x: f32) -> (f32, f32) {
    let t = tanh(x);
    (t, 1.0 - t * t)
}

macro_rules! passes {
    ($forward:ident, $backward:ident, $function:ident) => {
        vectorised! {
            fn $forward(y: &mut [f32], x: &[f32], bias: &[f32]) {
                for (y, x) in y.chunks_exact_mut(bias.len()).zip(x.chunks_exact(bias.len())) {
                    for ((y, x), b) in y.iter_mut().zip(x).zip(bias) {
                        *y = $function(*x + *b).0;
                    }
                }
            }
        }
        vectorised! {
            fn $backward(dy: &mut [f32], y: &mut [f32], x: &[f32], bias: &[f32]) {
                let width = bias.len();
                let outputs = dy.chunks_exact_mut(width).zip(y.chunks_exact_mut(width));
                for ((dy, y), x) in outputs.zip(x.chunks_exact(width)) {
                    for (((dy, y), x), b) in dy.iter_mut().zip(y).zip(x).zip(bias) {
                        let (value, slope) = $function(*x + *b);
                        *y = value;
                        *dy *= slope;
                    }
                }
            }
        }
    };
}
passes!(gelu_forward, gelu_backward, gelu);
passes!(gelu_new_forward, gelu_new_backward, gelu_new);
passes!(relu_forward, relu_backward, relu);
passes!(tanh_forward, tanh_backward, hyperbolic);

/// Outputs `[y]`, inputs `[x, weights]`: `y = f(x + b)`, all `[rows, width]`.
#[derive(Debug)]
pub(crate) struct Forward<'a> {
    /// Which rows are whose.
    pub(crate) spans: &'a [Span],
    /// Columns.
    pub(crate) width: usize,
    /// Where `b` is.
    pub(crate) bias: Place,
    /// `f`.
    pub(crate) activation: Activation,
}

impl Operator for Forward<'_> {
    fn name(&self) -> &'static str {
        "bias and activation forward"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()> {
        let (x, weights) = (inputs[0], inputs[1]);
        let tasks = tasks(self.spans);
        let pieces = carve(outputs[0], &tasks, self.width);
        tasks.par_iter().zip(pieces).with_min_len(grain()).for_each(|(task, y)| {
            let bias = self.bias.of(weights, task.slot);
            let x = rows(x, task, self.width);
            match self.activation {
                Activation::Gelu => gelu_forward(y, x, bias),
                Activation::GeluNew => gelu_new_forward(y, x, bias),
                Activation::Relu => relu_forward(y, x, bias),
                Activation::Tanh => tanh_forward(y, x, bias),
            }
        });
        Ok(())
    }
}

/// Outputs `[d, y]`, inputs `[x, weights]`: `d` holds the gradient of `y` and becomes that of
/// `x`; `y` is computed again, so that the forward pass need not keep it.
#[derive(Debug)]
pub(crate) struct Backward<'a> {
    /// Which rows are whose.
    pub(crate) spans: &'a [Span],
    /// Columns.
    pub(crate) width: usize,
    /// Where `b` is.
    pub(crate) bias: Place,
    /// `f`.
    pub(crate) activation: Activation,
}

impl Operator for Backward<'_> {
    fn name(&self) -> &'static str {
        "bias and activation backward"
    }

    fn cpu(&self, outputs: &mut [&mut [f32]], inputs: &[&[f32]]) -> Result<()> {
        let (x, weights) = (inputs[0], inputs[1]);
        let tasks = tasks(self.spans);
        let [d, y] = outputs else {
            candle_core::bail!("{} has two outputs", self.name());
        };
        let pieces = carve(d, &tasks, self.width).into_par_iter().zip(carve(y, &tasks, self.width));
        tasks.par_iter().zip(pieces).with_min_len(grain()).for_each(|(task, (d, y))| {
            let bias = self.bias.of(weights, task.slot);
            let x = rows(x, task, self.width);
            match self.activation {
                Activation::Gelu => gelu_backward(d, y, x, bias),
                Activation::GeluNew => gelu_new_backward(d, y, x, bias),
                Activation::Relu => relu_backward(d, y, x, bias),
                Activation::Tanh => tanh_backward(d, y, x, bias),
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_the_differences_of_values() {
        for function in [gelu, gelu_new, hyperbolic] {
            for i in -60..60 {
                let x = i as f32 * 0.1 + 0.013;
                let h = 1e-2;
                let difference = (function(x + h).0 - function(x - h).0) / (2.0 * h);
                assert!((function(x).1 - difference).abs() < 1e-3, "at {x}");
            }
        }
    }

    #[test]
    fn gelu_has_the_published_values() {
        // torch.nn.functional.gelu(torch.tensor([-1., 0.5, 2.]))
        for (x, y) in [(-1.0, -0.158_655_26), (0.5, 0.345_731_23), (2.0, 1.954_499_7)] {
            assert!((gelu(x).0 - y).abs() < 1e-6);
        }
    }
}
