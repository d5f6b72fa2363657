//! The two inner products that everything is made of, kept in registers.

use crate::simd::Simd;

/// Columns per panel of packed weights. The same on every instruction set, so
/// that the packed layout is too.
pub(crate) const PANEL: usize = 16;

/// Lanes are padded to a multiple of this, so that blocks of rows have no
/// remainder. A padded lane has zero inputs and zero gradients.
pub(crate) const LANE_BLOCK: usize = 8;

/// Rows (lanes x steps) whose weight gradients are formed in one product: enough
/// to make the product deep, few enough to be still in cache.
pub(crate) const CHUNK_ROWS: usize = 128;

/// Adds `sum_k a[r][k] b[k][v]` to `acc[r][v]` for `MR` rows and `NV` vectors of
/// columns, `k` ascending, so that the result of a row depends neither on the
/// other rows nor on `MR` or `NV`.
///
/// Row `k` of `b` begins `step` floats after row `k - 1`, and vector `v` of a row
/// lies at `offsets[v]`.
///
/// # Safety
/// `a[r]` must be valid for reads of `depth` floats, and `b` of a vector at
/// `k * step + offsets[v]` for every `k < depth` and every `v`.
#[inline(always)]
pub(crate) unsafe fn dot_block<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    mut acc: [[S::V; NV]; MR],
    depth: usize,
    a: [*const f32; MR],
    b: Panel<NV>,
) -> [[S::V; NV]; MR] {
    let mut row = b.start;
    for k in 0..depth {
        let mut vectors = [s.splat(0.0); NV];
        for v in 0..NV {
            // SAFETY: in bounds by the caller's contract.
            vectors[v] = unsafe { s.load(row.add(b.offsets[v])) };
        }
        for r in 0..MR {
            // SAFETY: in bounds by the caller's contract.
            let x = s.splat(unsafe { *a[r].add(k) });
            for v in 0..NV {
                acc[r][v] = s.fma(x, vectors[v], acc[r][v]);
            }
        }
        row = row.wrapping_add(b.step);
    }
    acc
}

/// A panel of packed weights; see [`dot_block`].
#[derive(Clone, Copy)]
pub(crate) struct Panel<const NV: usize> {
    pub(crate) start: *const f32,
    pub(crate) step: usize,
    pub(crate) offsets: [usize; NV],
}

/// `out[lane][column] = bias[column] + sum_k a[lane][k] weights[k][column]` over
/// packed panels of 16 columns.
///
/// # Safety
/// `a(lane)` must be valid for reads of `depth` floats for every lane below
/// `lanes`, a multiple of [`LANE_BLOCK`].
#[inline(always)]
pub(crate) unsafe fn project<S: Simd>(
    s: S,
    (lanes, depth): (usize, usize),
    a: impl Fn(usize) -> *const f32,
    (weights, bias): (&[f32], Option<&[f32]>),
    out: &mut [f32],
) {
    let panels = if depth == 0 {
        0
    } else {
        weights.len() / (depth * PANEL)
    };
    let columns = panels * PANEL;
    assert!(lanes.is_multiple_of(LANE_BLOCK) && out.len() >= lanes * columns);
    assert!(bias.is_none_or(|b| b.len() >= columns));
    for column in (0..columns).step_by(S::LANES) {
        let start = (column / PANEL) * depth * PANEL + column % PANEL;
        let panel = Panel {
            start: weights.as_ptr().wrapping_add(start),
            step: PANEL,
            offsets: [0],
        };
        let first = match bias {
            // SAFETY: the bias has `columns` floats.
            Some(bias) => unsafe { s.load(bias.as_ptr().add(column)) },
            None => s.splat(0.0),
        };
        for block in (0..lanes).step_by(LANE_BLOCK) {
            let mut rows = [std::ptr::null(); LANE_BLOCK];
            for r in 0..LANE_BLOCK {
                rows[r] = a(block + r);
            }
            // SAFETY: rows by the caller's contract; the panel and the output
            // by the sizes above.
            unsafe {
                let acc = dot_block(s, [[first]; LANE_BLOCK], depth, rows, panel);
                for r in 0..LANE_BLOCK {
                    let to = out.as_mut_ptr().add((block + r) * columns + column);
                    s.store(to, acc[r][0]);
                }
            }
        }
    }
}

/// A row-major matrix of floats inside a larger buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    /// From the first element of the first row on.
    pub(crate) data: &'a [f32],
    /// Floats from one row to the next.
    pub(crate) stride: usize,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(data: &'a [f32], stride: usize) -> Rows<'a> {
        Rows { data, stride }
    }

    /// Where a row begins.
    #[inline(always)]
    pub(crate) fn row(&self, row: usize) -> *const f32 {
        self.data.as_ptr().wrapping_add(row * self.stride)
    }

    /// Whether `rows` rows of `columns` columns lie in the data.
    pub(crate) fn holds(&self, rows: usize, columns: usize) -> bool {
        columns <= self.stride
            && (rows == 0 || (rows - 1) * self.stride + columns <= self.data.len())
    }
}

/// `out[i][j] += sum_k a[k][i] b[k][j]`, `m` by `n` with `m` a multiple of 4 and
/// `n` of 16: the gradient of a weight, `a` the gradients of what it produced
/// and `b` what it was applied to. `out` is contiguous.
///
/// The products of one call are summed before they are added to `out`, which
/// bounds rounding errors over long sequences.
#[inline(always)]
pub(crate) fn outer<S: Simd>(s: S, size: [usize; 3], a: Rows<'_>, b: Rows<'_>, out: &mut [f32]) {
    let [m, depth, n] = size;
    assert!(m % 4 == 0 && n % 16 == 0 && out.len() >= m * n);
    assert!(a.holds(depth, m) && b.holds(depth, n));
    let mut j = 0;
    while j < n {
        // Two vectors of columns, or one where two do not fit.
        let two = S::REGISTERS >= 16 && j + 2 * S::LANES <= n;
        let mut i = 0;
        while i < m {
            // SAFETY: the block of rows from i and columns from j on lies inside
            // of m by n, and so do its reads inside of a and b by the assertions.
            i += unsafe {
                let c = (out.as_mut_ptr().add(i * n + j), n);
                let a = (a.data.as_ptr().add(i), a.stride);
                let b = (b.data.as_ptr().add(j), b.stride);
                match (S::REGISTERS, two, m - i) {
                    (32, true, 12..) => outer_block::<S, 12, 2>(s, depth, a, b, c),
                    (32, true, 8..) => outer_block::<S, 8, 2>(s, depth, a, b, c),
                    (32, false, 12..) => outer_block::<S, 12, 1>(s, depth, a, b, c),
                    (_, true, _) => outer_block::<S, 4, 2>(s, depth, a, b, c),
                    (_, false, _) => outer_block::<S, 4, 1>(s, depth, a, b, c),
                }
            };
        }
        j += if two { 2 } else { 1 } * S::LANES;
    }
}

/// One block of [`outer`]; returns `MR`. Matrices are given as their first
/// element and row stride.
///
/// # Safety
/// `a` must be valid for reads of `MR` floats, `b` of `NV` vectors, in each of
/// `depth` rows, and `c` for reads and writes of `NV` vectors in `MR` rows.
#[inline(always)]
unsafe fn outer_block<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    depth: usize,
    a: (*const f32, usize),
    b: (*const f32, usize),
    c: (*mut f32, usize),
) -> usize {
    let mut acc = [[s.splat(0.0); NV]; MR];
    let (mut a_row, mut b_row) = (a.0, b.0);
    for _ in 0..depth {
        let mut vectors = [s.splat(0.0); NV];
        for v in 0..NV {
            // SAFETY: in bounds by the caller's contract.
            vectors[v] = unsafe { s.load(b_row.add(v * S::LANES)) };
        }
        for r in 0..MR {
            // SAFETY: in bounds by the caller's contract.
            let x = s.splat(unsafe { *a_row.add(r) });
            for v in 0..NV {
                acc[r][v] = s.fma(x, vectors[v], acc[r][v]);
            }
        }
        a_row = a_row.wrapping_add(a.1);
        b_row = b_row.wrapping_add(b.1);
    }
    for r in 0..MR {
        for v in 0..NV {
            // SAFETY: in bounds by the caller's contract.
            unsafe {
                let p = c.0.add(r * c.1 + v * S::LANES);
                s.store(p, s.add(s.load(p), acc[r][v]));
            }
        }
    }
    MR
}
