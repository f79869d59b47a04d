//! Objectives that are formulas: no data is needed. Refuses spaces of its users: each formula has its own.

pub(crate) mod branin;
pub(crate) mod finetune;
pub(crate) mod hartmann;
pub(crate) mod rotated;

use tunesmith_core::{Params, Value};

/// Numbers by name; NaN where one is missing, so that the value is none.
fn reals<const COUNT: usize>(params: &Params, names: [&str; COUNT]) -> [f64; COUNT] {
    names.map(|name| params.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN))
}
