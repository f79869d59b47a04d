//! The Cholesky factor of a symmetric positive definite matrix, rows one after another, and what is solved with it.
//!
//! Whole rows are added up, four at once and element by element, rather than scalar products: that keeps a processor
//! busy at any width of its registers, and the order of every sum is fixed. Refuses to pivot: what is not positive
//! definite gets a ridge on its diagonal, and says how much.

/// The lower factor `L` of `A = L·Lᵀ`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cholesky {
    /// Row `i` has `i + 1` entries; rows lie one after another.
    packed: Vec<f64>,
    /// One over each entry of the diagonal.
    reciprocals: Vec<f64>,
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

/// Takes four weighted rows, each at least as long, away from `target`.
#[inline]
fn subtract_rows(target: &mut [f64], weights: [f64; 4], rows: [&[f64]; 4]) {
    let [first, second, third, fourth] = rows.map(|row| &row[..target.len()]);
    let pairs = first.iter().zip(second).zip(third.iter().zip(fourth));
    for (value, ((a, b), (c, d))) in target.iter_mut().zip(pairs) {
        *value -= (weights[0] * a + weights[1] * b) + (weights[2] * c + weights[3] * d);
    }
}

/// Takes a weighted row, at least as long, away from `target`.
#[inline]
fn subtract_row(target: &mut [f64], weight: f64, row: &[f64]) {
    target.iter_mut().zip(row).for_each(|(value, a)| *value -= weight * a);
}

/// Takes each row of a range, at least as long as `target` and weighted, away from it.
#[inline]
fn subtract_all<'r>(
    target: &mut [f64],
    rows: std::ops::Range<usize>,
    weight: impl Fn(usize) -> f64,
    row: impl Fn(usize) -> &'r [f64],
) {
    let mut k = rows.start;
    while k + 4 <= rows.end {
        let four = [k, k + 1, k + 2, k + 3];
        subtract_rows(target, four.map(&weight), four.map(&row));
        k += 4;
    }
    for k in k..rows.end {
        subtract_row(target, weight(k), row(k));
    }
}

impl Cholesky {
    /// Of the `size`×`size` matrix of which `fill` writes row `i` from its diagonal on. Where it is not positive
    /// definite in floating point, tries again with a growing ridge.
    pub(crate) fn of(size: usize, fill: impl Fn(usize, &mut [f64])) -> Self {
        let mut upper = vec![0.0; size * size];
        let mut ridge = 0.0;
        loop {
            for i in 0..size {
                fill(i, &mut upper[i * size + i..(i + 1) * size]);
            }
            if factorise(size, &mut upper, ridge) {
                return Self::of_upper(size, &upper, ridge);
            }
            ridge = if ridge == 0.0 { 1e-10 } else { ridge * 10.0 };
        }
    }

    fn of_upper(size: usize, upper: &[f64], ridge: f64) -> Self {
        let mut packed = Vec::with_capacity(size * (size + 1) / 2);
        for i in 0..size {
            packed.extend((0..=i).map(|k| upper[k * size + i]));
        }
        let reciprocals = (0..size).map(|i| 1.0 / upper[i * size + i]).collect();
        Self { packed, reciprocals, ridge }
    }

    /// Adds a row and column: `values` are the new row up to and with its diagonal. `false`, and nothing is added,
    /// where the matrix would not be positive definite.
    pub(crate) fn append(&mut self, values: &[f64]) -> bool {
        let index = self.size();
        let mut new = values.to_vec();
        self.forward(&mut new[..index]);
        let diagonal = new[index] + self.ridge - dot(&new[..index], &new[..index]);
        if is_pivot(diagonal) {
            new[index] = diagonal.sqrt();
        } else if values.iter().all(|value| value.is_finite()) {
            return false;
        } else {
            // A matrix of infinities or NaN has no factor at any ridge: stop there.
            new.fill(0.0);
            new[index] = 1.0;
        }
        self.reciprocals.push(1.0 / new[index]);
        self.packed.extend(new);
        true
    }

    /// The number of rows.
    pub(crate) fn size(&self) -> usize {
        self.reciprocals.len()
    }

    /// A row of the factor, up to its diagonal.
    pub(crate) fn row(&self, index: usize) -> &[f64] {
        &self.packed[row(index)]
    }

    /// One over an entry of the diagonal.
    pub(crate) fn reciprocal(&self, index: usize) -> f64 {
        self.reciprocals[index]
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
                open[0] = (open[0] - products[k] - inner) * self.reciprocals[i + k];
            }
            i += 4;
        }
        for i in i..b.len() {
            let row = self.row(i);
            let (known, rest) = b.split_at_mut(i);
            rest[0] = (rest[0] - dot(&row[..i], known)) * self.reciprocals[i];
        }
    }

    /// Solves `Lᵀ·x = b` in place.
    pub(crate) fn backward(&self, b: &mut [f64]) {
        let mut end = b.len();
        while end > 0 {
            let start = end.saturating_sub(4);
            let (open, block) = b.split_at_mut(start);
            for i in (start..end).rev() {
                let (rest, solved) = block.split_at_mut(i - start);
                solved[0] *= self.reciprocals[i];
                subtract_row(rest, solved[0], &self.row(i)[start..]);
            }
            subtract_all(open, start..end, |i| block[i - start], |i| self.row(i));
            end = start;
        }
    }

    /// Solves `A·x = b` in place.
    pub(crate) fn solve(&self, b: &mut [f64]) {
        self.forward(b);
        self.backward(b);
    }

    /// The logarithm of the determinant of `A`.
    pub(crate) fn log_determinant(&self) -> f64 {
        -2.0 * self.reciprocals.iter().map(|reciprocal| libm::log(*reciprocal)).sum::<f64>()
    }

    /// `A⁻¹`, rows one after another, from the diagonal of each on; what lies before it is 0.
    pub(crate) fn inverse(&self) -> Vec<f64> {
        let n = self.size();
        let of_factor = self.inverse_of_factor();
        let mut inverse = vec![0.0; n * n];
        for i in 0..n {
            let target = &mut inverse[i * n + i..(i + 1) * n];
            let mut k = i;
            while k < n {
                // Rows end at their diagonals, so a block is as long as its last.
                let end = (k + 4).min(n);
                let weight = |k: usize| -of_factor[k * n + i];
                let row = |k: usize| &of_factor[k * n + i..k * n + end];
                subtract_all(&mut target[..end - i], k..end, weight, row);
                k = end;
            }
        }
        inverse
    }

    /// `L⁻¹`, whole, rows one after another.
    fn inverse_of_factor(&self) -> Vec<f64> {
        let n = self.size();
        let mut inverse = vec![0.0; n * n];
        for i in 0..n {
            let (above, rest) = inverse.split_at_mut(i * n);
            let (target, factor) = (&mut rest[..=i], self.row(i));
            let mut k = 0;
            while k < i {
                let end = (k + 4).min(i);
                let row = |k: usize| &above[k * n..k * n + end];
                subtract_all(&mut target[..end], k..end, |k| factor[k], row);
                k = end;
            }
            target.iter_mut().for_each(|value| *value *= self.reciprocals[i]);
            target[i] = self.reciprocals[i];
        }
        inverse
    }
}

fn is_pivot(square: f64) -> bool {
    square.is_finite() && square > 1e-14
}

/// Turns the upper triangle of a matrix into `Lᵀ`; `false` where it is not positive definite with that ridge.
fn factorise(size: usize, upper: &mut [f64], ridge: f64) -> bool {
    let is_finite = upper.iter().all(|value| value.is_finite());
    for i in 0..size {
        let (above, rest) = upper.split_at_mut(i * size);
        let row = &mut rest[i..size];
        row[0] += ridge;
        let earlier = |k: usize| &above[k * size + i..(k + 1) * size];
        subtract_all(row, 0..i, |k| above[k * size + i], earlier);
        if is_pivot(row[0]) {
            let diagonal = row[0].sqrt();
            let reciprocal = 1.0 / diagonal;
            row[0] = diagonal;
            row[1..].iter_mut().for_each(|value| *value *= reciprocal);
        } else if is_finite {
            return false;
        } else {
            // A matrix of infinities or NaN has no factor at any ridge: this row and column stand alone.
            (0..i).for_each(|k| above[k * size + i] = 0.0);
            row.fill(0.0);
            row[0] = 1.0;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(i: usize, j: usize) -> f64 {
        let gap = i as f64 - j as f64;
        let near = libm::exp(-0.3 * gap * gap);
        if i == j { near + 0.1 } else { near }
    }

    fn factor(size: usize, entry: impl Fn(usize, usize) -> f64) -> Cholesky {
        let fill = |i: usize, row: &mut [f64]| {
            (i..size).zip(row).for_each(|(j, value)| *value = entry(i, j));
        };
        Cholesky::of(size, fill)
    }

    #[test]
    fn solutions_solve_and_inverses_invert() {
        let factor = factor(9, entry);
        assert_eq!((factor.size(), factor.ridge), (9, 0.0));
        let truth: Vec<f64> = (0..9).map(|i| f64::from(i) - 3.5).collect();
        let mut b: Vec<f64> =
            (0..9).map(|i| (0..9).map(|j| entry(i, j) * truth[j]).sum()).collect();
        factor.solve(&mut b);
        let upper = factor.inverse();
        let inverse = |i: usize, k: usize| upper[i.min(k) * 9 + i.max(k)];
        for i in 0..9 {
            assert!((b[i] - truth[i]).abs() < 1e-10);
            for j in 0..9 {
                let product: f64 = (0..9).map(|k| inverse(i, k) * entry(k, j)).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-10);
            }
        }
    }

    #[test]
    fn a_singular_matrix_gets_a_ridge() {
        let factor = factor(4, |_, _| 1.0);
        assert!(factor.ridge > 0.0 && factor.ridge < 1e-6);
        assert!(factor.log_determinant().is_finite());
    }

    #[test]
    fn appending_rows_gives_the_same_factor() {
        let whole = factor(11, entry);
        let mut grown = factor(5, entry);
        for i in 5..11 {
            let values: Vec<f64> = (0..=i).map(|j| entry(i, j)).collect();
            assert!(grown.append(&values));
        }
        for i in 0..11 {
            let pairs = whole.row(i).iter().zip(grown.row(i));
            assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-14), "row {i}");
        }
    }

    #[test]
    fn what_is_not_finite_stands_alone() {
        let factor = factor(3, |i, j| match (i, j) {
            (0, 2) => f64::NAN,
            _ => f64::from(u8::from(i == j)),
        });
        assert_eq!(factor.row(2), [0.0, 0.0, 1.0]);
    }

    #[test]
    fn the_determinant_of_a_diagonal_is_its_product() {
        let factor = factor(3, |i, j| if i == j { (i + 1) as f64 } else { 0.0 });
        assert!((factor.log_determinant() - libm::log(6.0)).abs() < 1e-14);
    }
}
