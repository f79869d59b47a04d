//! Eigenvalues and eigenvectors of a symmetric matrix, by Jacobi's rotations in cyclic order (Golub and Van Loan,
//! "Matrix computations", section 8.5).
//!
//! Refuses to exploit sparsity: its cost grows with the cube of the size, and 64 rows take some ten milliseconds.

/// After this many rounds over all pairs nothing changes any more: convergence is quadratic, and six are usual.
const MOST_ROUNDS: usize = 60;

/// A symmetric matrix as `Σ value · vector · vectorᵀ`.
#[derive(Debug, Clone)]
pub(crate) struct Eigen {
    /// In no order.
    pub(crate) values: Vec<f64>,
    /// Row `i` is the vector of length 1 that belongs to value `i`.
    pub(crate) vectors: Vec<f64>,
}

impl Eigen {
    /// Of the `size`×`size` matrix with these rows one after another.
    pub(crate) fn of(size: usize, matrix: &[f64]) -> Self {
        let mut a = matrix.to_vec();
        let mut vectors = vec![0.0; size * size];
        (0..size).for_each(|i| vectors[i * size + i] = 1.0);
        for _ in 0..MOST_ROUNDS {
            let mut turned = false;
            for p in 0..size {
                for q in p + 1..size {
                    turned |= rotate(size, &mut a, &mut vectors, p, q);
                }
            }
            if !turned {
                break;
            }
        }
        Self { values: (0..size).map(|i| a[i * size + i]).collect(), vectors }
    }

    /// `Σ weight(value) · vector · (vector · x)`: the matrix function `weight` applied to `x`.
    pub(crate) fn apply(&self, weight: impl Fn(f64) -> f64, x: &[f64]) -> Vec<f64> {
        let mut result = vec![0.0; x.len()];
        for (value, vector) in self.values.iter().zip(self.vectors.chunks(x.len().max(1))) {
            let length: f64 = vector.iter().zip(x).map(|(a, b)| a * b).sum();
            let factor = weight(*value) * length;
            result.iter_mut().zip(vector).for_each(|(sum, part)| *sum += factor * part);
        }
        result
    }
}

/// Makes the entry at `(p, q)` zero; whether it was not already.
fn rotate(size: usize, a: &mut [f64], vectors: &mut [f64], p: usize, q: usize) -> bool {
    let entry = a[p * size + q];
    let (low, high) = (a[p * size + p], a[q * size + q]);
    // What is added to neither diagonal entry in floating point is zero.
    if low.abs() + entry.abs() == low.abs() && high.abs() + entry.abs() == high.abs() {
        return false;
    }
    if !entry.is_finite() {
        return false;
    }
    let theta = (high - low) / (2.0 * entry);
    let sign = if theta < 0.0 { -1.0 } else { 1.0 };
    let tangent = sign / (theta.abs() + libm::hypot(theta, 1.0));
    let cosine = 1.0 / libm::hypot(tangent, 1.0);
    let sine = tangent * cosine;
    let turn = |x: &mut f64, y: &mut f64| {
        (*x, *y) = (cosine * *x - sine * *y, sine * *x + cosine * *y);
    };
    for k in 0..size {
        let (mut x, mut y) = (a[k * size + p], a[k * size + q]);
        turn(&mut x, &mut y);
        (a[k * size + p], a[k * size + q]) = (x, y);
    }
    for rows in [a, vectors] {
        let (above, below) = rows.split_at_mut(q * size);
        let pair = above[p * size..][..size].iter_mut().zip(&mut below[..size]);
        pair.for_each(|(x, y)| turn(x, y));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use tunesmith_core::Rng;

    /// A symmetric matrix whose entries differ by orders of magnitude.
    fn matrix(size: usize) -> Vec<f64> {
        let mut rng = Rng::at(7, 0, "eigen");
        let mut a = vec![0.0; size * size];
        for i in 0..size {
            for j in 0..=i {
                let value = rng.normal() * libm::pow(10.0, (i + j) as f64 / size as f64);
                a[i * size + j] = value;
                a[j * size + i] = value;
            }
        }
        a
    }

    #[test]
    fn the_parts_make_the_matrix_again() {
        for size in [1, 2, 3, 10, 40] {
            let a = matrix(size);
            let eigen = Eigen::of(size, &a);
            let scale = a.iter().fold(0.0_f64, |most, entry| most.max(entry.abs()));
            for j in 0..size {
                let mut unit = vec![0.0; size];
                unit[j] = 1.0;
                let (column, same) =
                    (eigen.apply(|value| value, &unit), eigen.apply(|_| 1.0, &unit));
                for i in 0..size {
                    assert!((column[i] - a[i * size + j]).abs() < 1e-12 * scale * size as f64);
                    assert!((same[i] - unit[i]).abs() < 1e-13 * size as f64);
                }
            }
        }
    }

    #[test]
    fn known_values() {
        let mut values = Eigen::of(2, &[2.0, 1.0, 1.0, 2.0]).values;
        values.sort_by(f64::total_cmp);
        assert!((values[0] - 1.0).abs() < 1e-15 && (values[1] - 3.0).abs() < 1e-15);
        assert_eq!(Eigen::of(2, &[5.0, 0.0, 0.0, -2.0]).values, [5.0, -2.0]);
        assert!(Eigen::of(0, &[]).values.is_empty());
    }
}
