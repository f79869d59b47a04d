//! Matrices as views of slices, and their product through the `gemm` crate.
//!
//! This file refuses to copy or to transpose memory: a transposed view swaps two strides.

use gemm::Parallelism;

use super::sharing::is_alone;

/// A matrix that is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// Rows of `columns`, one after another.
    pub(crate) fn dense(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    /// Rows of `columns`, `stride` floats apart.
    pub(crate) fn strided(data: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        Self { data, rows, columns, row_stride: stride, column_stride: 1 }
    }

    /// The transposed view.
    pub(crate) fn t(self) -> Self {
        Self {
            data: self.data,
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
        }
    }

    fn assert_inside(&self) {
        let last = extent(self.rows, self.columns, self.row_stride, self.column_stride);
        assert!(last <= self.data.len(), "a matrix view ends outside its buffer");
    }
}

/// A matrix that is written.
#[derive(Debug)]
pub(crate) struct MatrixMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    columns: usize,
    stride: usize,
}

impl<'a> MatrixMut<'a> {
    /// Rows of `columns`, one after another.
    pub(crate) fn dense(data: &'a mut [f32], rows: usize, columns: usize) -> Self {
        Self::strided(data, rows, columns, columns)
    }

    /// Rows of `columns`, `stride` floats apart.
    pub(crate) fn strided(data: &'a mut [f32], rows: usize, columns: usize, stride: usize) -> Self {
        Self { data, rows, columns, stride }
    }
}

const fn extent(rows: usize, columns: usize, row_stride: usize, column_stride: usize) -> usize {
    if rows == 0 || columns == 0 {
        0
    } else {
        (rows - 1) * row_stride + (columns - 1) * column_stride + 1
    }
}

/// Whether a product replaces what is there or is added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// `out = scale · a · b`.
    Replace,
    /// `out += scale · a · b`.
    Add,
}

/// Multiplications below which one thread is faster than handing work out.
const SMALL: usize = 1 << 19;

/// `out = scale · a · b`, or added to `out`, over the threads of the current pool when it is
/// large enough and `threads` says so.
///
/// # Panics
/// Shapes that do not fit each other or their buffers.
#[expect(clippy::needless_pass_by_value, reason = "an exclusive view is used up by its product")]
pub(crate) fn multiply(
    out: MatrixMut<'_>,
    a: Matrix<'_>,
    b: Matrix<'_>,
    scale: f32,
    write: Write,
    threads: Threads,
) {
    assert!(out.rows == a.rows && out.columns == b.columns && a.columns == b.rows, "matrix shapes");
    a.assert_inside();
    b.assert_inside();
    assert!(extent(out.rows, out.columns, out.stride, 1) <= out.data.len(), "output too small");
    if out.rows == 0 || out.columns == 0 {
        return;
    }
    let work = out.rows * out.columns * a.columns;
    let parallelism = match threads {
        Threads::Pool if work > SMALL && !is_alone() => {
            Parallelism::Rayon(rayon::current_num_threads())
        }
        _ => Parallelism::None,
    };
    // SAFETY: all three views were checked to lie inside their buffers, and `out` is exclusive.
    unsafe {
        gemm::gemm(
            out.rows,
            out.columns,
            a.columns,
            out.data.as_mut_ptr(),
            1,
            out.stride as isize,
            write == Write::Add,
            a.data.as_ptr(),
            a.column_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.column_stride as isize,
            b.row_stride as isize,
            1.0,
            scale,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// Where a product may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Threads {
    /// On the calling thread.
    One,
    /// Over the pool, when the product is large enough.
    Pool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_views_equal_the_sums_they_mean() {
        let a: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let b: Vec<f32> = (0..20).map(|i| (i % 7) as f32 - 3.0).collect();
        let mut out = vec![1.0; 3 * 5];
        let (left, right) = (Matrix::dense(&a, 3, 4), Matrix::dense(&b, 5, 4).t());
        multiply(MatrixMut::dense(&mut out, 3, 5), left, right, 2.0, Write::Add, Threads::One);
        for i in 0..3 {
            for j in 0..5 {
                let sum: f32 = (0..4).map(|k| a[i * 4 + k] * b[j * 4 + k]).sum();
                assert_eq!(out[i * 5 + j], 1.0 + 2.0 * sum);
            }
        }
    }

    #[test]
    #[should_panic(expected = "ends outside")]
    fn a_view_larger_than_its_buffer_is_refused() {
        let a = [0.0; 11];
        let mut out = [0.0; 9];
        let view = Matrix::dense(&a, 3, 4);
        multiply(
            MatrixMut::dense(&mut out, 3, 3),
            view,
            view.t(),
            1.0,
            Write::Replace,
            Threads::One,
        );
    }
}
