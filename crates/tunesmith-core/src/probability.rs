//! Distribution functions and their inverses, from `libm` so that every platform gives the same bits.
//!
//! Refuses to draw: chance comes from [`Rng`](crate::Rng).

use std::f64::consts::{PI, SQRT_2};

/// The standard normal distribution function, accurate in the lower tail.
pub fn normal_cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z / SQRT_2)
}

/// The inverse of [`normal_cdf`] to about 1e-15 relative; infinite at 0 and 1, NaN outside.
///
/// Acklam's rational approximation (2003, relative error 1.2e-9), then one step of Halley's method.
pub fn normal_quantile(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    let rough = acklam(p);
    let error = (normal_cdf(rough) - p) * (2.0 * PI).sqrt() * libm::exp(0.5 * rough * rough);
    rough - error / (1.0 + 0.5 * rough * error)
}

/// For `p` in `(0, 0.5]`.
fn acklam(p: f64) -> f64 {
    const CENTRE_ABOVE: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const CENTRE_BELOW: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const TAIL_ABOVE: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const TAIL_BELOW: [f64; 5] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    const TAIL: f64 = 0.02425;
    if p < TAIL {
        let q = (-2.0 * libm::log(p)).sqrt();
        polynomial(&TAIL_ABOVE, q) / polynomial(&TAIL_BELOW, q)
    } else {
        let q = p - 0.5;
        q * polynomial(&CENTRE_ABOVE, q * q) / polynomial(&CENTRE_BELOW, q * q)
    }
}

fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// A normal distribution cut to an interval.
#[derive(Debug, Clone, Copy)]
pub struct TruncatedNormal {
    mu: f64,
    sigma: f64,
    /// -1 where the interval lies above the mean and is mirrored, so that masses are small lower tails.
    sign: f64,
    low_mass: f64,
    high_mass: f64,
}

impl TruncatedNormal {
    /// The normal of mean `mu` and deviation `sigma > 0` cut to `low..=high`, either of which may be infinite.
    /// `None` where no mass is left.
    pub fn new(mu: f64, sigma: f64, low: f64, high: f64) -> Option<Self> {
        let sign = if low > mu { -1.0 } else { 1.0 };
        let (from, to) = if sign < 0.0 { (high, low) } else { (low, high) };
        let low_mass = normal_cdf(sign * (from - mu) / sigma);
        let high_mass = normal_cdf(sign * (to - mu) / sigma);
        (high_mass > low_mass).then_some(Self { mu, sigma, sign, low_mass, high_mass })
    }

    /// The value below which the share `u` of the mass lies.
    pub fn quantile(&self, u: f64) -> f64 {
        let share = if self.sign < 0.0 { 1.0 - u } else { u };
        let mass = self.low_mass + share * (self.high_mass - self.low_mass);
        self.mu + self.sign * self.sigma * normal_quantile(mass.clamp(0.0, 1.0))
    }

    /// The density at `x` of the interval.
    pub fn density(&self, x: f64) -> f64 {
        let z = (x - self.mu) / self.sigma;
        let mass = self.high_mass - self.low_mass;
        libm::exp(-0.5 * z * z) / ((2.0 * PI).sqrt() * self.sigma * mass)
    }

    /// The share of the mass below `x`.
    pub fn cdf(&self, x: f64) -> f64 {
        let mass = normal_cdf(self.sign * (x - self.mu) / self.sigma);
        let share = ((mass - self.low_mass) / (self.high_mass - self.low_mass)).clamp(0.0, 1.0);
        if self.sign < 0.0 { 1.0 - share } else { share }
    }
}

/// The beta distribution function with shapes `a` and `b` above 0: the regularised incomplete beta function, by
/// Lentz's continued fraction (DLMF 8.17.22).
pub fn beta_cdf(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let log_front = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b)
        + a * libm::log(x)
        + b * libm::log1p(-x);
    let front = libm::exp(log_front);
    if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(a, b, x) / a
    } else {
        1.0 - front * beta_fraction(b, a, 1.0 - x) / b
    }
}

/// The density of the beta distribution with shapes `a` and `b` above 0; infinite at an end where it has a pole.
pub fn beta_density(a: f64, b: f64, x: f64) -> f64 {
    if !(0.0..=1.0).contains(&x) {
        return 0.0;
    }
    // 0 · log 0 is 0 here: a shape of 1 is flat at its end.
    let power = |shape: f64, log: f64| if shape == 1.0 { 0.0 } else { (shape - 1.0) * log };
    let log_front = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b);
    libm::exp(log_front + power(a, libm::log(x)) + power(b, libm::log1p(-x)))
}

fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    const MOST_TERMS: u32 = 500;
    const TINY: f64 = 1e-300;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for term in 1..MOST_TERMS {
        let m = f64::from(term);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away_from_zero(1.0 + even * d);
        c = away_from_zero(1.0 + even / c);
        result *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away_from_zero(1.0 + odd * d);
        c = away_from_zero(1.0 + odd / c);
        let change = d * c;
        result *= change;
        if (change - 1.0).abs() < 1e-16 {
            break;
        }
    }
    result
}

/// The inverse of [`beta_cdf`] for `p` in `[0, 1]`, by bisection down to neighbouring numbers.
pub fn beta_quantile(a: f64, b: f64, p: f64) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    if p <= 0.0 {
        return low;
    }
    if p >= 1.0 {
        return high;
    }
    // 1,100 halvings reach from 1 to the least positive number; the usual end comes after about 55.
    for _ in 0..1_100 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if beta_cdf(a, b, middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// The inverse of Student's t distribution with `freedom` degrees of freedom above 0, through the beta distribution.
pub fn student_t_quantile(p: f64, freedom: f64) -> f64 {
    if p < 0.5 {
        return -student_t_quantile(1.0 - p, freedom);
    }
    let tail = beta_quantile(0.5 * freedom, 0.5, 2.0 * (1.0 - p));
    (freedom * (1.0 - tail) / tail).sqrt()
}

#[cfg(test)]
mod tests;
