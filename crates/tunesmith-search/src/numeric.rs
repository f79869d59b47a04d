//! Numbers: special functions, linear algebra and statistics that several methods stand on.
//!
//! Refuses `f64`'s own transcendental functions, which differ between platforms: `libm` has the same bits everywhere.

pub(crate) mod cholesky;
pub(crate) mod eigen;
pub(crate) mod forest;
pub(crate) mod lbfgsb;
pub(crate) mod pareto;
pub(crate) mod quasi;
pub(crate) mod ranks;
pub(crate) mod signed_rank;
pub(crate) mod special;
pub(crate) mod transform;
