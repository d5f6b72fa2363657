//! Normalization of rows, forward and backward, without gain and bias: those are
//! multiplied into the weights that follow.

use crate::gemm::LANE_BLOCK;
use crate::simd::Simd;

/// What is added to a variance, as in PyTorch.
const EPSILON: f32 = 1e-5;

/// Sums of a block of rows over their columns, `N` at once, in an order that does not
/// depend on the vector's width.
#[inline(always)]
fn row_sums<S: Simd, const N: usize>(
    s: S,
    columns: usize,
    term: impl Fn(usize, usize) -> [S::V; N],
) -> [[f32; LANE_BLOCK]; N] {
    let mut parts = [[[0.0f32; 16]; LANE_BLOCK]; N];
    for row in 0..LANE_BLOCK {
        for v in (0..16).step_by(S::LANES) {
            let mut acc = [s.splat(0.0); N];
            for column in (v..columns).step_by(16) {
                let terms = term(row, column);
                for n in 0..N {
                    acc[n] = s.add(acc[n], terms[n]);
                }
            }
            for n in 0..N {
                // SAFETY: v is below 16 and a multiple of LANES, which divides 16.
                unsafe { s.store(parts[n][row].as_mut_ptr().add(v), acc[n]) }
            }
        }
    }
    let mut sums = [[0.0; LANE_BLOCK]; N];
    for n in 0..N {
        for width in [8, 4, 2, 1] {
            for row in 0..LANE_BLOCK {
                for i in 0..width {
                    parts[n][row][i] += parts[n][row][i + width];
                }
            }
        }
        for row in 0..LANE_BLOCK {
            sums[n][row] = parts[n][row][0];
        }
    }
    sums
}

/// The vector from `at` on.
#[inline(always)]
fn read<S: Simd>(s: S, from: &[f32], at: usize) -> S::V {
    let vector = &from[at..at + S::LANES];
    // SAFETY: there are LANES floats.
    unsafe { s.load(vector.as_ptr()) }
}

/// `x = (y - mean) / deviation` of `rows` rows, whole blocks of them, and the
/// reciprocals of the deviations.
#[inline(always)]
pub(super) fn normalize<S: Simd>(
    s: S,
    (rows, columns): (usize, usize),
    y: &[f32],
    (x, inverse): (&mut [f32], &mut [f32]),
) {
    assert!(rows.is_multiple_of(LANE_BLOCK) && columns.is_multiple_of(16));
    assert!(y.len() >= rows * columns && x.len() >= rows * columns && inverse.len() >= rows);
    let over = 1.0 / columns as f32;
    for from in (0..rows).step_by(LANE_BLOCK) {
        let y = &y[from * columns..][..LANE_BLOCK * columns];
        let [mut mean] = row_sums(s, columns, |row, column| {
            [read(s, y, row * columns + column)]
        });
        mean.iter_mut().for_each(|mean| *mean *= over);
        let [variance] = row_sums(s, columns, |row, column| {
            let from_mean = s.sub(read(s, y, row * columns + column), s.splat(mean[row]));
            [s.mul(from_mean, from_mean)]
        });
        for row in 0..LANE_BLOCK {
            let scale = 1.0 / (over * variance[row] + EPSILON).sqrt();
            inverse[from + row] = scale;
            for column in (0..columns).step_by(S::LANES) {
                let from_mean = s.sub(read(s, y, row * columns + column), s.splat(mean[row]));
                // SAFETY: the rows lie in x by the assertion.
                unsafe {
                    let to = x.as_mut_ptr().add((from + row) * columns + column);
                    s.store(to, s.mul(from_mean, s.splat(scale)));
                }
            }
        }
    }
}

/// Adds the gradient of `y` to `d`, given that of the normalized rows `x`.
#[inline(always)]
pub(super) fn normalize_back<S: Simd>(
    s: S,
    (rows, columns): (usize, usize),
    (x, inverse, d_x): (&[f32], &[f32], &[f32]),
    d: &mut [f32],
) {
    assert!(rows.is_multiple_of(LANE_BLOCK) && columns.is_multiple_of(16));
    assert!(x.len() >= rows * columns && d_x.len() >= rows * columns);
    assert!(d.len() >= rows * columns && inverse.len() >= rows);
    let over = 1.0 / columns as f32;
    for from in (0..rows).step_by(LANE_BLOCK) {
        let rows = from * columns..(from + LANE_BLOCK) * columns;
        let (x, d_x) = (&x[rows.clone()], &d_x[rows]);
        let [sum, along] = row_sums(s, columns, |row, column| {
            let of_x = read(s, d_x, row * columns + column);
            [of_x, s.mul(of_x, read(s, x, row * columns + column))]
        });
        for row in 0..LANE_BLOCK {
            let (mean, along) = (s.splat(over * sum[row]), s.splat(over * along[row]));
            let scale = s.splat(inverse[from + row]);
            for column in (0..columns).step_by(S::LANES) {
                let at = row * columns + column;
                let straight = s.sub(read(s, d_x, at), mean);
                let turned = s.fnma(along, read(s, x, at), straight);
                // SAFETY: the rows lie in d by the assertion.
                unsafe {
                    let to = d.as_mut_ptr().add((from + row) * columns + column);
                    s.store(to, s.fma(scale, turned, s.load(to)));
                }
            }
        }
    }
}
