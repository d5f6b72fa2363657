//! Fast weights: a matrix of each head that maps keys to values, corrected at every step
//! (the delta rule, Schlag et al. 2021).
//!
//! ```text
//! u  = b ∘ (v - S k)
//! S' = S + u kᵀ
//! y  = S' q
//! ```
//!
//! where q and k have length 1. The matrix of a head lies with a row for each number of
//! the key. All sums run in an order that does not depend on the vector's width.

use super::Span;
use crate::simd::Simd;

/// How many heads, and how wide one is.
#[derive(Clone, Copy)]
pub(super) struct Heads {
    pub(super) heads: usize,
    pub(super) width: usize,
}

impl Heads {
    pub(super) fn units(self) -> usize {
        self.heads * self.width
    }

    /// Numbers of a lane's matrices.
    pub(super) fn matrices(self) -> usize {
        self.units() * self.width
    }
}

/// What is added to a squared length.
const EPSILON: f32 = 1e-6;

/// Sums over 16 columns at a time.
#[inline(always)]
fn total<S: Simd>(s: S, width: usize, term: impl Fn(usize) -> S::V) -> f32 {
    let mut parts = [0.0f32; 16];
    for v in (0..16).step_by(S::LANES) {
        let mut acc = s.splat(0.0);
        for column in (v..width).step_by(16) {
            acc = s.add(acc, term(column));
        }
        // SAFETY: v is below 16 and a multiple of LANES, which divides 16.
        unsafe { s.store(parts.as_mut_ptr().add(v), acc) }
    }
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            parts[i] += parts[i + half];
        }
    }
    parts[0]
}

#[inline(always)]
fn read<S: Simd>(s: S, from: &[f32], at: usize) -> S::V {
    let vector = &from[at..at + S::LANES];
    // SAFETY: there are LANES floats.
    unsafe { s.load(vector.as_ptr()) }
}

#[inline(always)]
fn write<S: Simd>(s: S, to: &mut [f32], at: usize, value: S::V) {
    let vector = &mut to[at..at + S::LANES];
    // SAFETY: there are LANES floats.
    unsafe { s.store(vector.as_mut_ptr(), value) }
}

#[inline(always)]
fn dot<S: Simd>(s: S, a: &[f32], b: &[f32]) -> f32 {
    total(s, a.len(), |at| s.mul(read(s, a, at), read(s, b, at)))
}

/// `to += factor row`.
#[inline(always)]
fn plus<S: Simd>(s: S, to: &mut [f32], row: &[f32], factor: f32) {
    for at in (0..to.len()).step_by(S::LANES) {
        let sum = s.fma(s.splat(factor), read(s, row, at), read(s, to, at));
        write(s, to, at, sum);
    }
}

/// `out = Σ x[j] matrix[j]`.
#[inline(always)]
fn mapped<S: Simd>(s: S, (matrix, x): (&[f32], &[f32]), out: &mut [f32]) {
    let width = out.len();
    assert!(matrix.len() >= x.len() * width && x.len().is_multiple_of(4));
    for at in (0..width).step_by(S::LANES) {
        // Four chains of additions.
        let mut acc = [s.splat(0.0); 4];
        for j in (0..x.len()).step_by(4) {
            for i in 0..4 {
                let row = read(s, matrix, (j + i) * width + at);
                acc[i] = s.fma(s.splat(x[j + i]), row, acc[i]);
            }
        }
        write(
            s,
            out,
            at,
            s.add(s.add(acc[0], acc[1]), s.add(acc[2], acc[3])),
        );
    }
}

/// Divides by the length, and returns the factor.
#[inline(always)]
fn shorten<S: Simd>(s: S, x: &mut [f32]) -> f32 {
    let factor = 1.0 / (dot(s, x, x) + EPSILON).sqrt();
    for at in (0..x.len()).step_by(S::LANES) {
        let own = s.mul(s.splat(factor), read(s, x, at));
        write(s, x, at, own);
    }
    factor
}

/// The gradient of `x` given that of `x` over its length, in place.
#[inline(always)]
fn shorten_back<S: Simd>(s: S, (x, factor): (&[f32], f32), d: &mut [f32]) {
    let along = dot(s, x, d);
    for at in (0..d.len()).step_by(S::LANES) {
        let across = s.fnma(s.splat(along), read(s, x, at), read(s, d, at));
        write(s, d, at, s.mul(s.splat(factor), across));
    }
}

/// One head's part of a row `[b q k v]`.
#[inline(always)]
fn parts(row: &[f32], of: Heads, head: usize) -> [&[f32]; 4] {
    let part = |at: usize| &row[at * of.units() + head * of.width..][..of.width];
    [part(0), part(1), part(2), part(3)]
}

/// One step of one head: corrects the matrix, and leaves what it corrected by in `u`.
#[inline(always)]
fn correct<S: Simd>(s: S, [b, k, v]: [&[f32]; 3], matrix: &mut [f32], u: &mut [f32]) {
    mapped(s, (matrix, k), u);
    for at in (0..u.len()).step_by(S::LANES) {
        let wrong = s.sub(read(s, v, at), read(s, u, at));
        write(s, u, at, s.mul(read(s, b, at), wrong));
    }
    for (row, k) in matrix.chunks_exact_mut(u.len()).zip(k) {
        plus(s, row, u, *k);
    }
}

/// Some steps: divides queries and keys of the rows `[b q k v]` by their lengths, leaves
/// the factors, `[row][head][2]`, corrects the matrices, `[lane][head][key][value]`, and
/// writes what is read to `out`, `[row][unit]`. `scratch` is a head's width.
#[inline(always)]
pub(super) fn remember<S: Simd>(
    s: S,
    (span, lanes, of): (&Span<'_>, usize, Heads),
    (rows, factors): (&mut [f32], &mut [f32]),
    (matrices, out): (&mut [f32], &mut [f32]),
    scratch: &mut [f32],
) {
    let (units, width) = (of.units(), of.width);
    let own = of.matrices();
    let u = &mut scratch[..width];
    for row in (0..span.rows()).filter(|row| row % span.lanes < lanes) {
        let whole = &mut rows[row * 4 * units..][..4 * units];
        let lane = &mut matrices[row % span.lanes * own..][..own];
        if span.begins(row) {
            lane.fill(0.0);
        }
        let heads = lane.chunks_exact_mut(width * width);
        for (head, matrix) in heads.enumerate() {
            for part in 0..2 {
                let x = &mut whole[(1 + part) * units + head * width..][..width];
                factors[(row * of.heads + head) * 2 + part] = shorten(s, x);
            }
            let [b, q, k, v] = parts(whole, of, head);
            correct(s, [b, k, v], matrix, u);
            let to = &mut out[row * units + head * width..][..width];
            mapped(s, (matrix, q), to);
        }
    }
}

/// What [`remember_back`] reads of the way there: the rows as they were left, and the
/// matrices before the first of the steps.
#[derive(Clone, Copy)]
pub(super) struct Remembered<'a> {
    pub(super) rows: &'a [f32],
    pub(super) factors: &'a [f32],
    pub(super) matrices: &'a [f32],
}

/// Numbers of scratch for so many steps: matrices before, in between and after, and what
/// they were corrected by.
pub(super) fn scratch(of: Heads, steps: usize) -> usize {
    (steps + 1) * of.width * of.width + (steps + 3) * of.width
}

/// The way back of [`remember`]: given the gradient of what was read, writes those of
/// the rows before their functions, `[b q k v]`, and carries those of the matrices.
#[inline(always)]
pub(super) fn remember_back<S: Simd>(
    s: S,
    (span, lanes, of): (&Span<'_>, usize, Heads),
    (there, d_out): (Remembered<'_>, &[f32]),
    (carry, d_rows): (&mut [f32], &mut [f32]),
    scratch: &mut [f32],
) {
    let (width, own) = (of.width, of.matrices());
    let steps = span.rows() / span.lanes;
    let size = width * width;
    let (between, rest) = scratch.split_at_mut((steps + 1) * size);
    let (corrections, rest) = rest.split_at_mut(steps * width);
    for lane in 0..lanes {
        for head in 0..of.heads {
            let at = lane * own + head * size;
            between[..size].copy_from_slice(&there.matrices[at..at + size]);
            for step in 0..steps {
                let row = step * span.lanes + lane;
                let (before, after) = between[step * size..].split_at_mut(size);
                let after = &mut after[..size];
                match span.begins(row) {
                    true => after.fill(0.0),
                    false => after.copy_from_slice(before),
                }
                let whole = &there.rows[row * 4 * of.units()..][..4 * of.units()];
                let [b, _, k, v] = parts(whole, of, head);
                let u = &mut corrections[step * width..][..width];
                correct(s, [b, k, v], after, u);
            }
            let back = Back {
                of,
                head,
                carry: &mut carry[at..at + size],
                rest: &mut *rest,
            };
            back.steps(
                s,
                (span, lane),
                (there, d_out, d_rows),
                (between, corrections),
            );
        }
    }
}

/// The way back of a head of a lane.
struct Back<'a> {
    of: Heads,
    head: usize,
    /// The gradient of the matrix.
    carry: &'a mut [f32],
    /// Three times a head's width.
    rest: &'a mut [f32],
}

impl Back<'_> {
    #[inline(always)]
    fn steps<S: Simd>(
        self,
        s: S,
        (span, lane): (&Span<'_>, usize),
        (there, d_out, d_rows): (Remembered<'_>, &[f32], &mut [f32]),
        (between, corrections): (&[f32], &[f32]),
    ) {
        let Heads { heads, width } = self.of;
        let (units, size) = (self.of.units(), width * width);
        let (d_q, rest) = self.rest.split_at_mut(width);
        let (d_k, d_u) = rest.split_at_mut(width);
        let d_u = &mut d_u[..width];
        for step in (0..span.rows() / span.lanes).rev() {
            let row = step * span.lanes + lane;
            let (before, after) = between[step * size..].split_at(size);
            let u = &corrections[step * width..][..width];
            let whole = &there.rows[row * 4 * units..][..4 * units];
            let [b, q, k, _] = parts(whole, self.of, self.head);
            let d_y = &d_out[row * units + self.head * width..][..width];
            for j in 0..width {
                d_q[j] = dot(s, &after[j * width..][..width], d_y);
                plus(s, &mut self.carry[j * width..][..width], d_y, q[j]);
            }
            mapped(s, (&*self.carry, k), d_u);
            for j in 0..width {
                d_k[j] = dot(s, &self.carry[j * width..][..width], u);
            }
            let d_row = &mut d_rows[row * 4 * units..][..4 * units];
            let part = |at: usize| at * units + self.head * width;
            for i in 0..width {
                d_row[part(0) + i] = d_u[i] * u[i] * (1.0 - b[i]);
                d_u[i] *= b[i];
                d_row[part(3) + i] = d_u[i];
            }
            if span.begins(row) {
                // It was corrected from nothing.
                self.carry.fill(0.0);
            } else {
                for j in 0..width {
                    d_k[j] -= dot(s, &before[j * width..][..width], d_u);
                    plus(s, &mut self.carry[j * width..][..width], d_u, -k[j]);
                }
            }
            let factors = &there.factors[(row * heads + self.head) * 2..][..2];
            shorten_back(s, (q, factors[0]), d_q);
            shorten_back(s, (k, factors[1]), d_k);
            d_row[part(1)..part(1) + width].copy_from_slice(d_q);
            d_row[part(2)..part(2) + width].copy_from_slice(d_k);
        }
    }
}
