//! The normal distribution far out in its tails, in logarithms.
//!
//! Sources: optuna 5.0.0 `_truncnorm` for the cases of the log mass; Ament et al., "Unexpected improvements to expected
//! improvement" (NeurIPS 2023, eq. 9) for log EI. Refuses to underflow: what is too small is kept as its logarithm.

use std::f64::consts::{FRAC_1_SQRT_2, LN_2, PI};

use tunesmith_core::probability::normal_quantile;

/// ln √(2π).
pub(crate) const LN_SQRT_2PI: f64 = 0.918_938_533_204_672_7;

/// The exponentials of numbers that are not above 0, in place, to 4e-16 relative; 0 below -708. The same steps for each,
/// without a branch, so that several are worked out at once: `libm::exp` takes four times as long.
#[inline(always)]
pub(crate) fn exponentials(values: &mut [f64]) {
    // Adding and subtracting 1.5·2⁵² rounds to a whole number, and leaves it in the low bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    // 1/2! to 1/13!: for |r| of at most ½ ln 2 the next term is below 1e-17.
    const TERMS: [f64; 12] = [
        1.0 / 6_227_020_800.0,
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
    ];
    for value in values {
        let x = value.max(-708.0);
        let rounded = x * std::f64::consts::LOG2_E + ROUND;
        let whole = rounded - ROUND;
        let r = (x - whole * LN_2_HIGH) - whole * LN_2_LOW;
        let mut series = TERMS[0];
        for term in &TERMS[1..] {
            series = series * r + term;
        }
        let power = 1.0 + (r + r * r * series);
        let shifted = power.to_bits().wrapping_add(rounded.to_bits() << 52);
        *value = if *value < -708.0 { 0.0 } else { f64::from_bits(shifted) };
    }
}

/// The scaled complementary error function `exp(x²)·erfc(x)`, for `x` from -26 up.
pub(crate) fn erfcx(x: f64) -> f64 {
    if x < 20.0 {
        return libm::exp(x * x) * libm::erfc(x);
    }
    // The asymptotic series (DLMF 7.12.1): at 20 its eighth term is below 1e-16.
    let inverse = 0.5 / (x * x);
    let mut term = 1.0;
    let mut sum = 1.0;
    for n in 0..8 {
        term *= -(2.0 * f64::from(n) + 1.0) * inverse;
        sum += term;
    }
    sum / (x * PI.sqrt())
}

/// The logarithm of the standard normal distribution function.
pub(crate) fn log_normal_cdf(z: f64) -> f64 {
    if z > 6.0 {
        libm::log1p(-0.5 * libm::erfc(z * FRAC_1_SQRT_2))
    } else if z > -20.0 {
        libm::log(0.5 * libm::erfc(-z * FRAC_1_SQRT_2))
    } else {
        -0.5 * z * z - LN_2 + libm::log(erfcx(-z * FRAC_1_SQRT_2))
    }
}

/// `ln(eᵃ + eᵇ)`.
pub(crate) fn log_add(a: f64, b: f64) -> f64 {
    let (large, small) = if a > b { (a, b) } else { (b, a) };
    if large == f64::NEG_INFINITY { large } else { large + libm::log1p(libm::exp(small - large)) }
}

/// `ln(eᵃ − eᵇ)` for `a` not below `b`.
fn log_subtract(a: f64, b: f64) -> f64 {
    if b == f64::NEG_INFINITY {
        return a;
    }
    let gap = b - a;
    // The one that keeps its digits (Mächler 2012).
    let rest =
        if gap > -LN_2 { libm::log(-libm::expm1(gap)) } else { libm::log1p(-libm::exp(gap)) };
    a + rest
}

/// The logarithm of the standard normal mass between `a` and `b`; minus infinity where `b` is not above `a`.
pub(crate) fn log_gauss_mass(a: f64, b: f64) -> f64 {
    if a >= b {
        f64::NEG_INFINITY
    } else if b <= 0.0 {
        log_subtract(log_normal_cdf(b), log_normal_cdf(a))
    } else if a > 0.0 {
        log_subtract(log_normal_cdf(-a), log_normal_cdf(-b))
    } else {
        let tails = 0.5 * (libm::erfc(-a * FRAC_1_SQRT_2) + libm::erfc(b * FRAC_1_SQRT_2));
        if tails < 0.5 {
            // A mass near 1 keeps the digits of what it lacks.
            libm::log1p(-tails)
        } else {
            // A small one those of the difference, which is exact near 0.
            libm::log(0.5 * (libm::erf(b * FRAC_1_SQRT_2) - libm::erf(a * FRAC_1_SQRT_2)))
        }
    }
}

/// The standard normal mass between `a` and `b` where 0 lies between them and the mass keeps its digits without its
/// logarithm; `None` elsewhere, and where it is below a tenth.
pub(crate) fn gauss_mass_around_zero(a: f64, b: f64) -> Option<f64> {
    (a <= 0.0 && b >= 0.0).then(|| 1.0 - tail(-a) - tail(b)).filter(|mass| *mass >= 0.1)
}

/// The standard normal mass beyond `z`, which is not below 0; none beyond nine deviations, where it is lost in 53 bits
/// of a mass near 1.
fn tail(z: f64) -> f64 {
    if z > 9.0 { 0.0 } else { 0.5 * libm::erfc(z * FRAC_1_SQRT_2) }
}

/// The point of the standard normal cut to `a..=b` below which the share `q` of its mass lies.
pub(crate) fn truncated_normal_quantile(q: f64, a: f64, b: f64) -> f64 {
    if a > 0.0 {
        return -truncated_normal_quantile(1.0 - q, -b, -a);
    }
    if q <= 0.0 {
        return a;
    }
    if q >= 1.0 {
        return b;
    }
    if let Some(mass) = gauss_mass_around_zero(a, b) {
        // In the middle a probability keeps its digits as it is.
        let p = tail(-a) + q * mass;
        if (1e-3..=1.0 - 1e-3).contains(&p) {
            return normal_quantile(p).clamp(a, b);
        }
    }
    let log_mass = log_gauss_mass(a, b);
    let log_p = log_add(log_normal_cdf(a), libm::log(q) + log_mass);
    inverse_log_normal_cdf(log_p.min(0.0)).clamp(a, b)
}

/// The inverse of [`log_normal_cdf`].
pub(crate) fn inverse_log_normal_cdf(log_p: f64) -> f64 {
    if log_p > -1e-2 {
        return -normal_quantile(-libm::expm1(log_p));
    }
    if log_p > -300.0 {
        let rough = normal_quantile(libm::exp(log_p));
        return newton(rough, log_p);
    }
    // Φ(z) ≈ φ(z)/|z| far out: a start that Newton's method mends in a few steps.
    let square = -2.0 * (log_p + LN_SQRT_2PI);
    newton(-(square - libm::log(square)).sqrt(), log_p)
}

fn newton(start: f64, log_p: f64) -> f64 {
    let mut z = start;
    for _ in 0..20 {
        let log_cdf = log_normal_cdf(z);
        // d ln Φ / dz = φ/Φ.
        let slope = libm::exp(-0.5 * z * z - LN_SQRT_2PI - log_cdf);
        let step = (log_cdf - log_p) / slope;
        z -= step;
        if step.abs() <= 1e-15 * z.abs().max(1e-3) {
            break;
        }
    }
    z
}

/// The logarithm of the expected improvement of a standard normal over `-z`: `ln(φ(z) + z·Φ(z))`.
pub(crate) fn standard_log_ei(z: f64) -> f64 {
    if z > -1.0 {
        let density = libm::exp(-0.5 * z * z - LN_SQRT_2PI);
        return libm::log(density + z * 0.5 * libm::erfc(-z * FRAC_1_SQRT_2));
    }
    let common = -0.5 * z * z - LN_SQRT_2PI;
    if z < -1e3 {
        // φ(z)/z² (1 − 3/z² + 15/z⁴): at −1,000 the next term is 1e-16.
        let inverse = 1.0 / (z * z);
        return common - 2.0 * libm::log(-z) + libm::log1p(inverse * (15.0 * inverse - 3.0));
    }
    common + libm::log(one_minus_scaled_tail(-z))
}

/// `1 − t·√(π/2)·erfcx(t/√2)` for `t` of 1 or more: `1 − t·m(t)` with Mills's ratio `m`.
pub(crate) fn one_minus_scaled_tail(t: f64) -> f64 {
    if t < 5.0 {
        return 1.0 - t * (0.5 * PI).sqrt() * erfcx(t * FRAC_1_SQRT_2);
    }
    // Mills's ratio by Laplace's continued fraction is 1/(t + k), so the difference is k/(t + k) without cancelling.
    // So many terms leave 1e-14: 23 are needed at 5, 12 at 10, 5 at 100.
    let terms = 4 + (120.0 / t) as u32;
    let square = 1.0 / (t * t);
    // The denominators of the fraction from its end, each over a power of t: a division for all of them.
    let (mut next, mut last, mut first) = (0.0, 1.0, 1.0);
    for n in (1..=terms).rev() {
        (next, last, first) = (last, first, first + f64::from(n) * square * last);
    }
    square * next / first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_meet_where_their_formulas_do() {
        for z in [-1.0, -5.0, -20.0, -1e3, 6.0] {
            for function in [log_normal_cdf, standard_log_ei] {
                let (below, above) = (function(z - 1e-9), function(z + 1e-9));
                assert!(
                    (below - above).abs() <= 1e-7 * above.abs().max(1.0) * (1.0 + z.abs()),
                    "{z}"
                );
            }
        }
    }

    #[test]
    fn many_exponentials_are_those_of_libm() {
        let mut values: Vec<f64> = (0..40_000).map(|i| -0.0176 * f64::from(i)).collect();
        values.extend([-0.0, -1e-300, -1e-17, -707.99, -708.1, -1e9, f64::NEG_INFINITY]);
        let mut found = values.clone();
        exponentials(&mut found);
        for (x, found) in values.iter().zip(found) {
            let expected = if *x < -708.0 { 0.0 } else { libm::exp(*x) };
            assert!((found - expected).abs() <= 5e-16 * expected, "{x}: {found} is not {expected}");
        }
    }

    #[test]
    fn the_inverse_is_one() {
        for z in [-300.0, -40.0, -24.0, -8.0, -1.0, 0.0, 1.5, 4.0] {
            let back = inverse_log_normal_cdf(log_normal_cdf(z));
            assert!((back - z).abs() < 1e-9 * z.abs().max(1.0), "{z} came back as {back}");
        }
    }

    #[test]
    fn masses_add_up() {
        let parts = log_add(log_gauss_mass(-3.0, 0.5), log_gauss_mass(0.5, 9.0));
        assert!((parts - log_gauss_mass(-3.0, 9.0)).abs() < 1e-13);
        assert_eq!(log_gauss_mass(1.0, 1.0), f64::NEG_INFINITY);
        for (a, b) in [(-3.0, 0.5), (0.0, 12.0), (-0.2, 0.2), (-40.0, 0.0)] {
            let mass = gauss_mass_around_zero(a, b).expect("0 is inside");
            assert!((libm::log(mass) - log_gauss_mass(a, b)).abs() < 3e-15, "{a} to {b}");
        }
        for (a, b) in [(0.1, 2.0), (-2.0, -0.1), (-1e-3, 1e-3)] {
            assert_eq!(gauss_mass_around_zero(a, b), None, "{a} to {b}");
        }
    }
}
