//! Samplers, one a file.

pub(crate) mod auto;
pub(crate) mod bohb;
pub(crate) mod cmaes;
pub(crate) mod de;
pub(crate) mod dehb;
pub(crate) mod forest;
pub(crate) mod genetic;
pub(crate) mod gp;
pub(crate) mod grid;
pub(crate) mod nsga2;
pub(crate) mod random;
pub(crate) mod sobol;
pub(crate) mod tpe;
