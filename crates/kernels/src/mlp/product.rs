//! Matrix products of blocks of samples with packed weights, and sums over them.

use super::epilogue::Epilogue;
use super::real::{Real, Vector, Work};

/// Rows of every matrix of samples are padded to a multiple of this.
pub(crate) const ROWS: usize = 8;

/// Columns per panel of packed weights, and what widths are padded to.
pub(crate) const PANEL: usize = 16;

/// `width` padded to whole panels.
pub(crate) fn padded(width: usize) -> usize {
    width.next_multiple_of(PANEL)
}

/// A row-major matrix of samples inside a larger buffer.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a, R> {
    pub(crate) data: &'a [R],
    /// Floats from one row to the next.
    pub(crate) stride: usize,
}

impl<'a, R> Matrix<'a, R> {
    pub(crate) fn new(data: &'a [R], stride: usize) -> Self {
        Self { data, stride }
    }

    fn holds(&self, rows: usize, columns: usize) -> bool {
        columns <= self.stride && rows * self.stride <= self.data.len()
    }
}

/// One term `a b` of a product: `depth` columns of `a`, and `b` in panels,
/// `[columns / PANEL][depth][PANEL]`.
#[derive(Clone, Copy)]
pub(crate) struct Factor<'a, R> {
    pub(crate) a: Matrix<'a, R>,
    pub(crate) b: &'a [R],
    pub(crate) depth: usize,
}

/// `epilogue(start + sum of terms)` for `rows` rows (a multiple of [`ROWS`])
/// and `columns` columns (a multiple of [`PANEL`]). The sum runs over the
/// first term's depth, then over the second's, whatever the instruction set.
pub(crate) struct Product<'a, R, E, const T: usize> {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) terms: [Factor<'a, R>; T],
    /// `[columns]`, or empty for zeros.
    pub(crate) start: &'a [R],
    pub(crate) epilogue: E,
}

impl<R: Real, E: Epilogue<R>, const T: usize> Work<R> for Product<'_, R, E, T> {
    #[inline(always)]
    fn run<X: Vector<Real = R>>(mut self, x: X) {
        assert!(self.rows.is_multiple_of(ROWS) && self.columns.is_multiple_of(PANEL));
        assert!(self.start.is_empty() || self.start.len() >= self.columns);
        for term in &self.terms {
            assert!(term.a.holds(self.rows, term.depth));
            assert!(term.b.len() >= self.columns * term.depth);
        }
        let mut column = 0;
        while column < self.columns {
            let two = X::REGISTERS >= 16 && column + 2 * X::LANES <= self.columns;
            for row in (0..self.rows).step_by(ROWS) {
                // SAFETY: rows row..row + ROWS and the one or two vectors of
                // columns from `column` on lie inside by the assertions.
                unsafe {
                    match (X::REGISTERS, two) {
                        (32.., true) => self.tile::<X, 8, 2>(x, row, column),
                        (16.., true) => {
                            self.tile::<X, 4, 2>(x, row, column);
                            self.tile::<X, 4, 2>(x, row + 4, column);
                        }
                        (16.., false) => self.tile::<X, 8, 1>(x, row, column),
                        _ => {
                            self.tile::<X, 4, 1>(x, row, column);
                            self.tile::<X, 4, 1>(x, row + 4, column);
                        }
                    }
                }
            }
            column += if two { 2 } else { 1 } * X::LANES;
        }
    }
}

impl<R: Real, E: Epilogue<R>, const T: usize> Product<'_, R, E, T> {
    /// # Safety
    /// Rows `row..row + MR` must lie inside of every `a`, and `NV` vectors of
    /// columns from `column` on inside of every `b` and of `start`.
    #[inline(always)]
    unsafe fn tile<X: Vector<Real = R>, const MR: usize, const NV: usize>(
        &mut self,
        x: X,
        row: usize,
        column: usize,
    ) {
        let mut first = [x.splat(R::ZERO); NV];
        if !self.start.is_empty() {
            for v in 0..NV {
                // SAFETY: in bounds by the caller's contract.
                first[v] = unsafe { x.load(self.start.as_ptr().add(column + v * X::LANES)) };
            }
        }
        let mut acc = [first; MR];
        for term in &self.terms {
            let mut b = [term.b.as_ptr(); NV];
            for v in 0..NV {
                let c = column + v * X::LANES;
                b[v] = b[v].wrapping_add(c / PANEL * PANEL * term.depth + c % PANEL);
            }
            let a = term.a.data.as_ptr().wrapping_add(row * term.a.stride);
            for k in 0..term.depth {
                let mut vectors = [x.splat(R::ZERO); NV];
                for v in 0..NV {
                    // SAFETY: in bounds by the caller's contract.
                    vectors[v] = unsafe { x.load(b[v].add(k * PANEL)) };
                }
                for r in 0..MR {
                    // SAFETY: in bounds by the caller's contract.
                    let factor = x.splat(unsafe { *a.add(r * term.a.stride + k) });
                    for v in 0..NV {
                        acc[r][v] = x.fma(factor, vectors[v], acc[r][v]);
                    }
                }
            }
        }
        for r in 0..MR {
            self.epilogue.finish(x, (row + r, column), acc[r]);
        }
    }
}

/// `out += sum over terms of a^T b`, `m` by `n`: the gradient of a weight, `a`
/// what it was applied to and `b` the gradients of what it produced. `m` is a
/// multiple of 4, `n` of [`PANEL`]; `out` is contiguous. The products of one
/// call are summed before they are added.
pub(crate) struct Outer<'a, R, const T: usize> {
    /// `[m, rows, n]`.
    pub(crate) size: [usize; 3],
    pub(crate) terms: [(Matrix<'a, R>, Matrix<'a, R>); T],
    pub(crate) out: &'a mut [R],
}

impl<R: Real, const T: usize> Work<R> for Outer<'_, R, T> {
    #[inline(always)]
    fn run<X: Vector<Real = R>>(mut self, x: X) {
        let [m, rows, n] = self.size;
        assert!(m.is_multiple_of(4) && n.is_multiple_of(PANEL) && self.out.len() >= m * n);
        for (a, b) in &self.terms {
            assert!(a.holds(rows, m) && b.holds(rows, n));
        }
        let mut j = 0;
        while j < n {
            let two = X::REGISTERS >= 16 && j + 2 * X::LANES <= n;
            let mut i = 0;
            while i < m {
                // SAFETY: rows i.. and columns j.. of the tile lie inside of m
                // by n, and so do its reads by the assertions.
                i += unsafe {
                    match (X::REGISTERS, two, m - i) {
                        (32.., true, 8..) => self.tile::<X, 8, 2>(x, i, j),
                        (16.., false, 8..) => self.tile::<X, 8, 1>(x, i, j),
                        (_, true, _) => self.tile::<X, 4, 2>(x, i, j),
                        (_, false, _) => self.tile::<X, 4, 1>(x, i, j),
                    }
                };
            }
            j += if two { 2 } else { 1 } * X::LANES;
        }
    }
}

impl<R: Real, const T: usize> Outer<'_, R, T> {
    /// Returns `MR`.
    ///
    /// # Safety
    /// Rows `i..i + MR` and `NV` vectors of columns from `j` on must lie inside
    /// of `m` by `n`.
    #[inline(always)]
    unsafe fn tile<X: Vector<Real = R>, const MR: usize, const NV: usize>(
        &mut self,
        x: X,
        i: usize,
        j: usize,
    ) -> usize {
        let [_, rows, n] = self.size;
        let mut acc = [[x.splat(R::ZERO); NV]; MR];
        for (a, b) in &self.terms {
            let mut a_row = a.data.as_ptr().wrapping_add(i);
            let mut b_row = b.data.as_ptr().wrapping_add(j);
            for _ in 0..rows {
                let mut vectors = [x.splat(R::ZERO); NV];
                for v in 0..NV {
                    // SAFETY: in bounds by the caller's contract.
                    vectors[v] = unsafe { x.load(b_row.add(v * X::LANES)) };
                }
                for r in 0..MR {
                    // SAFETY: in bounds by the caller's contract.
                    let factor = x.splat(unsafe { *a_row.add(r) });
                    for v in 0..NV {
                        acc[r][v] = x.fma(factor, vectors[v], acc[r][v]);
                    }
                }
                a_row = a_row.wrapping_add(a.stride);
                b_row = b_row.wrapping_add(b.stride);
            }
        }
        for r in 0..MR {
            let out = &mut self.out[(i + r) * n + j..][..NV * X::LANES];
            for v in 0..NV {
                let out = &mut out[v * X::LANES..];
                x.write(out, x.add(x.read(out), acc[r][v]));
            }
        }
        MR
    }
}

/// `out[j] += sum over rows of a[row][j]`, rows ascending: the gradient of a
/// bias.
pub(crate) struct ColumnSums<'a, R> {
    pub(crate) rows: usize,
    /// Columns: its stride, a multiple of [`PANEL`].
    pub(crate) a: Matrix<'a, R>,
    pub(crate) out: &'a mut [R],
}

impl<R: Real> Work<R> for ColumnSums<'_, R> {
    #[inline(always)]
    fn run<X: Vector<Real = R>>(self, x: X) {
        for j in (0..self.a.stride).step_by(PANEL) {
            for c in (j..j + PANEL).step_by(X::LANES) {
                let mut acc = x.splat(R::ZERO);
                for row in self.a.data.chunks_exact(self.a.stride).take(self.rows) {
                    acc = x.add(acc, x.read(&row[c..]));
                }
                let out = &mut self.out[c..];
                x.write(out, x.add(x.read(out), acc));
            }
        }
    }
}

/// Asks for numbers that will be read soon.
pub(crate) struct Fetch<'a, R>(pub(crate) &'a [R]);

impl<R: Real> Work<R> for Fetch<'_, R> {
    #[inline(always)]
    fn run<X: Vector<Real = R>>(self, x: X) {
        x.prefetch(self.0);
    }
}
