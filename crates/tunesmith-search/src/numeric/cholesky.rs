//! The Cholesky factor of a symmetric positive definite matrix, rows one after another, and what is solved with it.
//!
//! Refuses to pivot: what is not positive definite gets a ridge on its diagonal, and says how much.

/// The lower factor `L` of `A = L·Lᵀ`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cholesky {
    /// Row `i` has `i + 1` entries; rows lie one after another.
    packed: Vec<f64>,
    size: usize,
    /// What had to be added to the diagonal.
    pub(crate) ridge: f64,
}

fn row(index: usize) -> std::ops::Range<usize> {
    let start = index * (index + 1) / 2;
    start..start + index + 1
}

/// The scalar product, in four sums so that it can be vectorised; the order is fixed.
pub(crate) fn dot(left: &[f64], right: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (left_blocks, right_blocks) = (left.chunks_exact(4), right.chunks_exact(4));
    let rest: f64 =
        left_blocks.remainder().iter().zip(right_blocks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in left_blocks.zip(right_blocks) {
        for lane in 0..4 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// The scalar products of one vector with four, each as long as it; added up as [`dot`] does. Four at once keep a
/// processor busier than one after the other.
fn dots(shared: &[f64], others: [&[f64]; 4]) -> [f64; 4] {
    let (blocks, rest) = shared.as_chunks::<4>();
    let [first, second, third, fourth] = others.map(|other| other[..shared.len()].as_chunks::<4>());
    let mut sums = [[0.0; 4]; 4];
    let pairs = first.0.iter().zip(second.0).zip(third.0).zip(fourth.0);
    for (block, (((a, b), c), d)) in blocks.iter().zip(pairs) {
        add_products(&mut sums[0], block, a);
        add_products(&mut sums[1], block, b);
        add_products(&mut sums[2], block, c);
        add_products(&mut sums[3], block, d);
    }
    let tails = [first.1, second.1, third.1, fourth.1];
    let mut totals = [0.0; 4];
    for ((total, sum), tail) in totals.iter_mut().zip(sums).zip(tails) {
        let last: f64 = rest.iter().zip(tail).map(|(a, b)| a * b).sum();
        *total = (sum[0] + sum[1]) + (sum[2] + sum[3]) + last;
    }
    totals
}

#[inline]
fn add_products(sums: &mut [f64; 4], left: &[f64; 4], right: &[f64; 4]) {
    for lane in 0..4 {
        sums[lane] += left[lane] * right[lane];
    }
}

impl Cholesky {
    /// Of the `size`×`size` matrix whose lower triangle `entry(row, column)` gives. Where it is not positive definite
    /// in floating point, tries again with a growing ridge.
    pub(crate) fn of(size: usize, entry: impl Fn(usize, usize) -> f64) -> Self {
        let mut ridge = 0.0;
        loop {
            let mut factor =
                Self { packed: Vec::with_capacity(size * (size + 1) / 2), size: 0, ridge };
            let done = (0..size).all(|i| {
                let values: Vec<f64> = (0..=i).map(|j| entry(i, j)).collect();
                factor.append(&values)
            });
            if done {
                return factor;
            }
            ridge = if ridge == 0.0 { 1e-10 } else { ridge * 10.0 };
        }
    }

    /// Adds a row and column: `values` are the new row up to and with its diagonal. `false`, and nothing is added,
    /// where the matrix would not be positive definite.
    pub(crate) fn append(&mut self, values: &[f64]) -> bool {
        let index = self.size;
        let mut new = values.to_vec();
        self.forward(&mut new[..index]);
        let diagonal = new[index] + self.ridge - dot(&new[..index], &new[..index]);
        if !(diagonal.is_finite() && diagonal > 1e-14) {
            // A matrix of infinities or NaN has no factor at any ridge: stop there.
            return !values.iter().all(|value| value.is_finite()) && {
                new.fill(0.0);
                new[index] = 1.0;
                self.packed.extend(new);
                self.size += 1;
                true
            };
        }
        new[index] = diagonal.sqrt();
        self.packed.extend(new);
        self.size += 1;
        true
    }

    /// The number of rows.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// A row of the factor, up to its diagonal.
    pub(crate) fn row(&self, index: usize) -> &[f64] {
        &self.packed[row(index)]
    }

    /// Solves `L·x = b` in place, for as many unknowns as `b` has.
    pub(crate) fn forward(&self, b: &mut [f64]) {
        self.forward_from(0, b);
    }

    /// As [`Cholesky::forward`] where the unknowns before `from` are solved already.
    pub(crate) fn forward_from(&self, from: usize, b: &mut [f64]) {
        let mut i = from;
        while i + 4 <= b.len() {
            let rows = [self.row(i), self.row(i + 1), self.row(i + 2), self.row(i + 3)];
            let (known, rest) = b.split_at_mut(i);
            let products = dots(known, rows);
            for k in 0..4 {
                let (solved, open) = rest.split_at_mut(k);
                let inner = rows[k][i..i + k].iter().zip(solved).map(|(a, b)| a * *b).sum::<f64>();
                open[0] = (open[0] - products[k] - inner) / rows[k][i + k];
            }
            i += 4;
        }
        for i in i..b.len() {
            let row = self.row(i);
            let (known, rest) = b.split_at_mut(i);
            rest[0] = (rest[0] - dot(&row[..i], known)) / row[i];
        }
    }

    /// Solves `Lᵀ·x = b` in place.
    pub(crate) fn backward(&self, b: &mut [f64]) {
        for i in (0..b.len()).rev() {
            let row = self.row(i);
            b[i] /= row[i];
            let solved = b[i];
            for (value, factor) in b[..i].iter_mut().zip(row) {
                *value -= factor * solved;
            }
        }
    }

    /// Solves `A·x = b` in place.
    pub(crate) fn solve(&self, b: &mut [f64]) {
        self.forward(b);
        self.backward(b);
    }

    /// The logarithm of the determinant of `A`.
    pub(crate) fn log_determinant(&self) -> f64 {
        (0..self.size).map(|i| 2.0 * libm::log(self.packed[row(i).end - 1])).sum()
    }

    /// `A⁻¹`, whole, rows one after another.
    pub(crate) fn inverse(&self) -> Vec<f64> {
        let n = self.size;
        // Row j is column j of L⁻¹ from its diagonal down.
        let mut columns = vec![0.0; n * n];
        for j in 0..n {
            self.inverse_column(j, &mut columns[j * n..(j + 1) * n]);
        }
        let mut inverse = vec![0.0; n * n];
        for i in 0..n {
            let column = |j: usize| &columns[j * n + i..(j + 1) * n];
            let mut j = 0;
            while j + 4 <= i {
                let products =
                    dots(column(i), [column(j), column(j + 1), column(j + 2), column(j + 3)]);
                inverse[i * n + j..i * n + j + 4].copy_from_slice(&products);
                j += 4;
            }
            for j in j..=i {
                inverse[i * n + j] = dot(column(i), column(j));
            }
            for j in 0..i {
                inverse[j * n + i] = inverse[i * n + j];
            }
        }
        inverse
    }

    /// Column `j` of `L⁻¹`, whose entries above the diagonal are 0.
    fn inverse_column(&self, j: usize, column: &mut [f64]) {
        column[j] = 1.0 / self.packed[row(j).end - 1];
        let mut i = j + 1;
        while i + 4 <= self.size {
            let rows = [self.row(i), self.row(i + 1), self.row(i + 2), self.row(i + 3)];
            let (known, rest) = column.split_at_mut(i);
            let products = dots(&known[j..], rows.map(|row| &row[j..]));
            for k in 0..4 {
                let (solved, open) = rest.split_at_mut(k);
                let inner = rows[k][i..i + k].iter().zip(solved).map(|(a, b)| a * *b).sum::<f64>();
                open[0] = -(products[k] + inner) / rows[k][i + k];
            }
            i += 4;
        }
        for i in i..self.size {
            let row = self.row(i);
            column[i] = -dot(&row[j..i], &column[j..i]) / row[i];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(i: usize, j: usize) -> f64 {
        let gap = i as f64 - j as f64;
        let near = libm::exp(-0.3 * gap * gap);
        if i == j { near + 0.1 } else { near }
    }

    #[test]
    fn solutions_solve_and_inverses_invert() {
        let factor = Cholesky::of(9, entry);
        assert_eq!((factor.size(), factor.ridge), (9, 0.0));
        let truth: Vec<f64> = (0..9).map(|i| f64::from(i) - 3.5).collect();
        let mut b: Vec<f64> =
            (0..9).map(|i| (0..9).map(|j| entry(i, j) * truth[j]).sum()).collect();
        factor.solve(&mut b);
        let inverse = factor.inverse();
        for i in 0..9 {
            assert!((b[i] - truth[i]).abs() < 1e-10);
            for j in 0..9 {
                let product: f64 = (0..9).map(|k| inverse[i * 9 + k] * entry(k, j)).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-10);
            }
        }
    }

    #[test]
    fn a_singular_matrix_gets_a_ridge() {
        let factor = Cholesky::of(4, |_, _| 1.0);
        assert!(factor.ridge > 0.0 && factor.ridge < 1e-6);
        assert!(factor.log_determinant().is_finite());
    }

    #[test]
    fn the_determinant_of_a_diagonal_is_its_product() {
        let factor = Cholesky::of(3, |i, j| if i == j { (i + 1) as f64 } else { 0.0 });
        assert!((factor.log_determinant() - libm::log(6.0)).abs() < 1e-14);
    }
}
