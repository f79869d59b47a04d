//! Functions over slices that the compiler vectorises for the instruction set found at run time:
//! exponentials, error function, sums. Accuracy is a few units in the last place of float32.
//!
//! This file refuses to start threads and to know shapes.

/// Compiles a function three times (AVX-512, AVX2 with FMA, baseline) and picks at run time.
macro_rules! vectorised {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        $vis fn $name($($arg: $type),*) $(-> $ret)? {
            #[inline(always)]
            fn body($($arg: $type),*) $(-> $ret)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
                fn v4($($arg: $type),*) $(-> $ret)? { body($($arg),*) }
                #[target_feature(enable = "avx2,fma")]
                fn v3($($arg: $type),*) $(-> $ret)? { body($($arg),*) }
                match $crate::op::vector::level() {
                    // SAFETY: the features were detected on this processor.
                    $crate::op::vector::Level::V4 => return unsafe { v4($($arg),*) },
                    // SAFETY: the features were detected on this processor.
                    $crate::op::vector::Level::V3 => return unsafe { v3($($arg),*) },
                    $crate::op::vector::Level::Baseline => {}
                }
            }
            body($($arg),*)
        }
    };
}
pub(crate) use vectorised;

/// Instruction sets that functions are compiled for.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// AVX-512 F, VL, DQ and BW.
    V4,
    /// AVX2 and FMA.
    V3,
    /// What every processor of the target has.
    Baseline,
}

/// The best level this processor has; the standard library caches the detection.
#[cfg(target_arch = "x86_64")]
pub(crate) fn level() -> Level {
    use std::arch::is_x86_feature_detected as has;
    if has!("avx512f") && has!("avx512vl") && has!("avx512dq") && has!("avx512bw") {
        Level::V4
    } else if has!("avx2") && has!("fma") {
        Level::V3
    } else {
        Level::Baseline
    }
}

/// Accumulators of a reduction: enough to fill two AVX-512 registers.
pub(crate) const LANES: usize = 32;

/// `e^x`; below -87 it is exactly zero, so that no denormal is ever made.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Cody-Waite reduction and a degree-5 polynomial (Cephes expf).
    const MAGIC: f32 = 12_582_912.0;
    let clamped = x.clamp(-87.0, 88.0);
    let shifted = clamped.mul_add(std::f32::consts::LOG2_E, MAGIC);
    let n = shifted - MAGIC;
    let r = n.mul_add(-0.693_359_4, clamped);
    let r = n.mul_add(2.121_944_4e-4, r);
    let p = 1.987_569_2e-4_f32;
    let p = p.mul_add(r, 1.398_2e-3);
    let p = p.mul_add(r, 8.333_452e-3);
    let p = p.mul_add(r, 4.166_579_6e-2);
    let p = p.mul_add(r, 1.666_666_5e-1);
    let p = p.mul_add(r, 5e-1);
    let value = p.mul_add(r * r, r) + 1.0;
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    if x < -87.0 { 0.0 } else { value * scale }
}

/// The error function: a rational approximation in `x` clamped to ±4 (Eigen's `perf`).
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let x2 = x * x;
    let p = -2.726_142_3e-10_f32;
    let p = p.mul_add(x2, 2.770_681_4e-8);
    let p = p.mul_add(x2, -2.101_024e-6);
    let p = p.mul_add(x2, -5.692_506_4e-5);
    let p = p.mul_add(x2, -7.349_906_3e-4);
    let p = p.mul_add(x2, -2.954_6e-3);
    let p = p.mul_add(x2, -1.609_603_3e-2);
    let q = -1.456_607_2e-5_f32;
    let q = q.mul_add(x2, -2.133_740_6e-4);
    let q = q.mul_add(x2, -1.682_827e-3);
    let q = q.mul_add(x2, -7.373_329e-3);
    let q = q.mul_add(x2, -1.426_473_9e-2);
    x * p / q
}

/// The hyperbolic tangent.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let e = exp(2.0 * x.clamp(-10.0, 10.0));
    (e - 1.0) / (e + 1.0)
}

/// The sum of `f` over a slice, in [`LANES`] partial sums: the order never depends on the
/// instruction set.
#[inline(always)]
pub(crate) fn sum_by(values: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let mut chunks = values.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += f(*value);
        }
    }
    for (lane, value) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane += f(*value);
    }
    fold(lanes)
}

/// The sum of `f` over two slices of one length.
#[inline(always)]
pub(crate) fn sum_by2(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let mut left = a.chunks_exact(LANES);
    let mut right = b.chunks_exact(LANES);
    for (x, y) in (&mut left).zip(&mut right) {
        for ((lane, x), y) in lanes.iter_mut().zip(x).zip(y) {
            *lane += f(*x, *y);
        }
    }
    for ((lane, x), y) in lanes.iter_mut().zip(left.remainder()).zip(right.remainder()) {
        *lane += f(*x, *y);
    }
    fold(lanes)
}

/// The largest value of a slice; minus infinity when it is empty.
#[inline(always)]
pub(crate) fn maximum(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let mut chunks = values.chunks_exact(LANES);
    for chunk in &mut chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane = if *value > *lane { *value } else { *lane };
        }
    }
    let tail = chunks.remainder().iter().copied().fold(f32::NEG_INFINITY, f32::max);
    lanes.into_iter().fold(tail, f32::max)
}

#[inline(always)]
fn fold(mut lanes: [f32; LANES]) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0]
}

vectorised! {
    /// Adds every row of `values` (rows of `width`) to `sums`, top to bottom.
    pub(crate) fn add_rows(sums: &mut [f32], values: &[f32], width: usize, first: usize) {
        for row in values.chunks_exact(width) {
            let row = &row[first..first + sums.len()];
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += *value;
            }
        }
    }
}

vectorised! {
    /// `to += from`.
    pub(crate) fn add(to: &mut [f32], from: &[f32]) {
        for (to, from) in to.iter_mut().zip(from) {
            *to += *from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_three_ulp_and_never_denormal() {
        for i in -9500..8800 {
            let x = i as f32 * 0.01;
            let (ours, exact) = (exp(x), f64::from(x).exp());
            if x < -87.0 {
                assert_eq!(ours, 0.0);
            } else {
                let relative = (f64::from(ours) - exact).abs() / exact;
                assert!(relative < 4e-7, "exp({x}) = {ours}, exactly {exact}");
            }
        }
    }

    #[test]
    fn erf_matches_its_series() {
        for i in -500..500 {
            let x = f64::from(i) * 0.01;
            let mut term = x;
            let mut sum = x;
            for n in 1..200 {
                term *= -x * x / f64::from(n);
                sum += term / f64::from(2 * n + 1);
            }
            let exact = sum * std::f64::consts::FRAC_2_SQRT_PI;
            assert!((f64::from(erf(x as f32)) - exact).abs() < 1e-6, "erf({x})");
        }
    }

    #[test]
    fn tanh_matches_the_standard_library() {
        for i in -1200..1200 {
            let x = i as f32 * 0.01;
            assert!((tanh(x) - x.tanh()).abs() < 4e-7, "tanh({x})");
        }
    }

    #[test]
    fn sums_and_maxima_cover_the_tail() {
        let values: Vec<f32> = (0..77).map(|i| i as f32).collect();
        assert_eq!(sum_by(&values, |x| x), 2926.0);
        assert_eq!(sum_by2(&values, &values, |x, y| x - y), 0.0);
        assert_eq!(maximum(&values), 76.0);
        assert_eq!(maximum(&[]), f32::NEG_INFINITY);
    }
}
