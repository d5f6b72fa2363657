//! What fully connected layers are made of: packed weights, and passes over rows whose
//! numbers, padded to whole vectors, lie side by side.

use crate::buffer::Buffer;
use crate::gemm::{PANEL, Rows, project};
use crate::math::tanh_v;
use crate::simd::Simd;

/// `[unit panel][inputs][16]` of weights `[units][inputs]`.
pub(crate) fn panels(weights: &[f32], inputs: usize, to: &mut Buffer) {
    let units = weights.len() / inputs;
    to.grow(units.next_multiple_of(PANEL) * inputs);
    for (unit, row) in weights.chunks_exact(inputs).enumerate() {
        for (k, w) in row.iter().enumerate() {
            to[(unit / PANEL * inputs + k) * PANEL + unit % PANEL] = *w;
        }
    }
}

/// `[input panel][units][16]` of weights `[units][inputs]`.
pub(crate) fn panels_t(weights: &[f32], inputs: usize, to: &mut Buffer) {
    let units = weights.len() / inputs;
    to.grow(inputs.next_multiple_of(PANEL) * units);
    for (unit, row) in weights.chunks_exact(inputs).enumerate() {
        for (panel, part) in row.chunks(PANEL).enumerate() {
            to[(panel * units + unit) * PANEL..][..part.len()].copy_from_slice(part);
        }
    }
}

/// Adds sums `[inputs][padded units]` to a gradient `[units][inputs]`.
pub(crate) fn add_turned(to: &mut [f32], inputs: usize, (sums, padded): (&[f32], usize)) {
    for (unit, row) in to.chunks_exact_mut(inputs).enumerate() {
        let sums = sums.chunks_exact(padded).map(|sums| sums[unit]);
        row.iter_mut().zip(sums).for_each(|(g, sum)| *g += sum);
    }
}

/// Rows of so many slots and so many numbers through packed weights, see [`project`].
#[inline(always)]
pub(crate) fn layer<S: Simd>(
    s: S,
    (rows, [slots, depth]): (Rows<'_>, [usize; 2]),
    weights: (&[f32], Option<&[f32]>),
    out: &mut [f32],
) {
    assert!(rows.holds(slots, depth));
    // SAFETY: there are so many rows of so many floats, by the assertion.
    unsafe { project(s, (slots, depth), |slot| rows.row(slot), weights, out) }
}

/// Four vectors side by side; a block of 8 slots of a panel is 128 floats.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(s: S, xs: &mut [f32]) {
    assert!(xs.len().is_multiple_of(4 * S::LANES));
    for four in xs.chunks_exact_mut(4 * S::LANES) {
        let p = four.as_mut_ptr();
        // SAFETY: the chunk has four vectors.
        unsafe {
            let mut x = [s.splat(0.0); 4];
            for v in 0..4 {
                x[v] = s.load(p.add(v * S::LANES));
            }
            let y = tanh_v(s, x);
            for v in 0..4 {
                s.store(p.add(v * S::LANES), y[v]);
            }
        }
    }
}

/// Multiplies the gradient of tanh's results, to each row of which `more` is added, by
/// its slope, 1 − y².
#[inline(always)]
pub(crate) fn turn<S: Simd>(s: S, d: &mut [f32], y: &[f32], more: Option<&[f32]>) {
    let width = more.map_or(PANEL, <[f32]>::len);
    assert!(d.len() == y.len() && d.len().is_multiple_of(width) && width.is_multiple_of(PANEL));
    for at in (0..d.len()).step_by(S::LANES) {
        // SAFETY: a vector from there on lies inside of both, and of a row of `more`.
        unsafe {
            let (to, y) = (d.as_mut_ptr().add(at), s.load(y.as_ptr().add(at)));
            let mut x = s.load(to);
            if let Some(more) = more {
                x = s.add(x, s.load(more.as_ptr().add(at % width)));
            }
            s.store(to, s.mul(x, s.fnma(y, y, s.splat(1.0))));
        }
    }
}

/// Adds all rows to a sum as wide as one.
#[inline(always)]
pub(crate) fn add_rows<S: Simd>(s: S, rows: &[f32], sum: &mut [f32]) {
    let width = sum.len();
    assert!(width.is_multiple_of(PANEL));
    for column in (0..width).step_by(S::LANES) {
        let mut total = s.splat(0.0);
        for row in rows.chunks_exact(width) {
            // SAFETY: a vector from the column on lies inside of a row.
            total = s.add(total, unsafe { s.load(row.as_ptr().add(column)) });
        }
        // SAFETY: as above.
        unsafe {
            let to = sum.as_mut_ptr().add(column);
            s.store(to, s.add(s.load(to), total));
        }
    }
}
