//! Causal attention over a lane's own trial, from a cache of keys and values.
//!
//! A trial's places in the cache follow each other, and all sums run from its first place
//! on, so that a step sums in the same order whether it is taken alone or among others.
//! Places are worked on 16 at once; what lies beyond the last one seen weighs nothing.

use super::cache::{Cache, Sizes};
use crate::gemm::{Panel, dot_block};
use crate::math::exp_nonpositive_v;
use crate::simd::Simd;

/// Queries that are worked on together.
pub(super) const QUERIES: usize = 8;
/// Places that are worked on together.
pub(super) const PLACES: usize = 16;

/// Some queries of a lane, of steps that follow each other in one trial.
#[derive(Clone, Copy)]
pub(super) struct Queries {
    pub(super) lane: usize,
    /// The trial's first place.
    pub(super) base: usize,
    /// The place of the first of them.
    pub(super) place: usize,
    /// At most 8.
    pub(super) count: usize,
    /// The row of the first of them, and rows from one to the next.
    pub(super) row: usize,
    pub(super) stride: usize,
}

impl Queries {
    /// The row of query `i`; those beyond the last are the last once more.
    pub(super) fn row(&self, i: usize) -> usize {
        self.row + i.min(self.count - 1) * self.stride
    }

    /// Places that query `i` sees.
    pub(super) fn seen(&self, i: usize) -> usize {
        self.place + i.min(self.count - 1) - self.base + 1
    }

    /// Places that any sees.
    pub(super) fn all(&self) -> usize {
        self.seen(self.count - 1)
    }
}

/// Of `N` rows: the largest score, and the sum of the exponentials beside it.
struct Softmax<const N: usize> {
    largest: [f32; N],
    sums: [f32; N],
}

/// Joins the 16 parts of each row by twos, in an order that is the same for any vectors;
/// the rows go side by side.
#[inline(always)]
pub(super) fn joined<const N: usize>(
    parts: &mut [[f32; 16]; N],
    join: impl Fn(f32, f32) -> f32,
) -> [f32; N] {
    for width in [8, 4, 2, 1] {
        for row in parts.iter_mut() {
            for i in 0..width {
                row[i] = join(row[i], row[i + width]);
            }
        }
    }
    std::array::from_fn(|row| parts[row][0])
}

/// Scales the scores of rows, of which each sees so many, and replaces them by exponentials
/// beside the row's largest; all that a row does not see, up to a whole 16 of the most that
/// any does, becomes 0.
#[inline(always)]
fn softmax<S: Simd, const N: usize>(
    s: S,
    (scores, stride): (&mut [f32], usize),
    seen: [usize; N],
    scale: f32,
) -> Softmax<N> {
    let most = seen.into_iter().max().unwrap_or(0);
    let padded = most.next_multiple_of(PLACES);
    assert!(padded <= stride && scores.len() >= N * stride);
    let mut parts = [[f32::NEG_INFINITY; 16]; N];
    for (row, seen) in seen.into_iter().enumerate() {
        let own = &mut scores[row * stride..][..padded];
        own[seen..].fill(f32::NEG_INFINITY);
        let at = own.as_mut_ptr();
        for v in (0..PLACES).step_by(S::LANES) {
            let mut acc = s.splat(f32::NEG_INFINITY);
            for j in (v..padded).step_by(PLACES) {
                // SAFETY: j is below the padded number of scores.
                unsafe {
                    let x = s.mul(s.splat(scale), s.load(at.add(j)));
                    s.store(at.add(j), x);
                    acc = s.max(acc, x);
                }
            }
            // SAFETY: v is below 16.
            unsafe { s.store(parts[row].as_mut_ptr().add(v), acc) }
        }
    }
    let largest = joined(&mut parts, f32::max);
    for row in 0..N {
        let at = scores[row * stride..][..padded].as_mut_ptr();
        for v in (0..PLACES).step_by(S::LANES) {
            let mut acc = s.splat(0.0);
            for j in (v..padded).step_by(PLACES) {
                // SAFETY: as above.
                unsafe {
                    let below = s.sub(s.load(at.add(j)), s.splat(largest[row]));
                    let p = exp_nonpositive_v(s, below);
                    s.store(at.add(j), p);
                    acc = s.add(acc, p);
                }
            }
            // SAFETY: v is below 16.
            unsafe { s.store(parts[row].as_mut_ptr().add(v), acc) }
        }
    }
    let sums = joined(&mut parts, |a, b| a + b);
    Softmax { largest, sums }
}

/// `out[i][j] = a[i] b[j]` for 8 rows and the places from `base` on, `b` being
/// `[unit][place]`.
///
/// # Safety
/// `a` must be valid for reads of `width` floats each, `b` for the places, `out` for
/// writes of 8 rows of `stride` floats, at least the places.
#[inline(always)]
pub(super) unsafe fn against<S: Simd>(
    s: S,
    (a, width): ([*const f32; QUERIES], usize),
    (b, room, places): (*const f32, usize, usize),
    (out, stride): (*mut f32, usize),
) {
    let two = 2 * S::LANES;
    let mut j = 0;
    while j < places {
        // SAFETY: the vectors lie within places, padded to 16, by the contract.
        unsafe {
            if S::REGISTERS >= 32 && j + two <= places.next_multiple_of(PLACES) {
                let panel = Panel {
                    start: b.add(j),
                    step: room,
                    offsets: [0, S::LANES],
                };
                let zero = [[s.splat(0.0); 2]; QUERIES];
                let acc = dot_block(s, zero, width, a, panel);
                for i in 0..QUERIES {
                    s.store(out.add(i * stride + j), acc[i][0]);
                    s.store(out.add(i * stride + j + S::LANES), acc[i][1]);
                }
                j += two;
            } else {
                let panel = Panel {
                    start: b.add(j),
                    step: room,
                    offsets: [0],
                };
                let zero = [[s.splat(0.0); 1]; QUERIES];
                let acc = dot_block(s, zero, width, a, panel);
                for i in 0..QUERIES {
                    s.store(out.add(i * stride + j), acc[i][0]);
                }
                j += S::LANES;
            }
        }
    }
}

/// `out[i] = sum over places of p[i][j] b[j]` for 8 rows, `b` being `[place][unit]`,
/// each times a factor.
///
/// # Safety
/// `p` must be valid for reads of 8 rows of `stride` floats, at least the places, `b`
/// for so many rows, and `out` for writes of `width` floats.
#[inline(always)]
pub(super) unsafe fn over<S: Simd>(
    s: S,
    (p, stride, places): (*const f32, usize, usize),
    (b, units, width): (*const f32, usize, usize),
    (out, factors): ([*mut f32; QUERIES], [f32; QUERIES]),
) {
    let mut rows = [p; QUERIES];
    for i in 0..QUERIES {
        rows[i] = p.wrapping_add(i * stride);
    }
    for column in (0..width).step_by(S::LANES) {
        // SAFETY: by the caller's contract.
        unsafe {
            let panel = Panel {
                start: b.add(column),
                step: units,
                offsets: [0],
            };
            let zero = [[s.splat(0.0); 1]; QUERIES];
            let acc = dot_block(s, zero, places, rows, panel);
            for i in 0..QUERIES {
                s.store(out[i].add(column), s.mul(s.splat(factors[i]), acc[i][0]));
            }
        }
    }
}

/// What some queries read, for every head: writes rows of `out`, and to `statistics`
/// the largest score and the sum of exponentials, `[row][head][2]`. `scores` is
/// scratch.
#[inline(always)]
pub(super) fn attend<S: Simd>(
    s: S,
    (sizes, cache): (Sizes, &Cache),
    (queries, rows): (Queries, &[f32]),
    (out, statistics): (&mut [f32], &mut [f32]),
    scores: &mut [f32],
) {
    let (units, room, width) = (sizes.units(), sizes.room, sizes.width);
    let (n, stride) = (queries.all(), sizes.room);
    let last = queries.row(QUERIES);
    let padded = n.next_multiple_of(PLACES);
    assert!(queries.base + padded <= room && scores.len() >= QUERIES * stride);
    assert!(rows.len() >= (last + 1) * 3 * units && out.len() >= (last + 1) * units);
    assert!(cache.keys_t.len() >= (queries.lane + 1) * room * units);
    assert!(cache.values.len() >= (queries.lane + 1) * room * units);
    for head in 0..sizes.heads {
        let first = queries.lane * room * units;
        let (mut q, mut to) = ([rows.as_ptr(); QUERIES], [out.as_mut_ptr(); QUERIES]);
        for i in 0..QUERIES {
            q[i] = q[i].wrapping_add(queries.row(i) * 3 * units + head * width);
            to[i] = to[i].wrapping_add(queries.row(i) * units + head * width);
        }
        let keys = first + head * width * room + queries.base;
        // SAFETY: queries, rows and places, padded to 16, lie in their slices by the
        // assertions.
        unsafe {
            let keys = (cache.keys_t.as_ptr().add(keys), room, n);
            against(s, (q, width), keys, (scores.as_mut_ptr(), stride));
        }
        let seen = std::array::from_fn(|i| queries.seen(i));
        let found = softmax::<S, QUERIES>(s, (&mut *scores, stride), seen, sizes.scale());
        let mut factors = [0.0; QUERIES];
        for i in 0..QUERIES {
            factors[i] = 1.0 / found.sums[i];
            let at = (queries.row(i) * sizes.heads + head) * 2;
            statistics[at..at + 2].copy_from_slice(&[found.largest[i], found.sums[i]]);
        }
        let values = first + queries.base * units + head * width;
        // SAFETY: as above.
        unsafe {
            let values = (cache.values.as_ptr().add(values), units, width);
            over(s, (scores.as_ptr(), stride, n), values, (to, factors));
        }
    }
}

/// What one query reads, as [`attend`] has it.
#[inline(always)]
pub(super) fn attend_one<S: Simd>(
    s: S,
    (sizes, cache): (Sizes, &Cache),
    (lane, places): (usize, usize),
    (query, out): (&[f32], &mut [f32]),
    scores: &mut [f32],
) {
    let (units, room, width) = (sizes.units(), sizes.room, sizes.width);
    assert!(places <= room && scores.len() >= sizes.heads * room);
    assert!(query.len() >= units && out.len() >= units);
    let first = lane * room * units;
    assert!(cache.keys_t.len() >= first + room * units);
    assert!(cache.values.len() >= first + room * units);
    let padded = places.next_multiple_of(PLACES);
    let mut factors = [0.0; MOST_HEADS];
    for head in 0..sizes.heads {
        let row = &mut scores[head * room..(head + 1) * room];
        let keys = cache.keys_t[first + head * width * room..].as_ptr();
        let q = [query[head * width..].as_ptr()];
        // Several vectors side by side, so that the chains of additions overlap.
        let mut j = 0;
        while j < padded {
            // SAFETY: the vectors lie within the padded places, which are in the cache.
            unsafe {
                if j + 4 * S::LANES <= padded {
                    let offsets = [0, S::LANES, 2 * S::LANES, 3 * S::LANES];
                    let panel = Panel {
                        start: keys.add(j),
                        step: room,
                        offsets,
                    };
                    let [acc] = dot_block(s, [[s.splat(0.0); 4]], width, q, panel);
                    for v in 0..4 {
                        s.store(row.as_mut_ptr().add(j + offsets[v]), acc[v]);
                    }
                    j += 4 * S::LANES;
                } else {
                    let panel = Panel {
                        start: keys.add(j),
                        step: room,
                        offsets: [0],
                    };
                    let [acc] = dot_block(s, [[s.splat(0.0)]], width, q, panel);
                    s.store(row.as_mut_ptr().add(j), acc[0]);
                    j += S::LANES;
                }
            }
        }
        let [sum] = softmax(s, (row, room), [places], sizes.scale()).sums;
        factors[head] = 1.0 / sum;
    }
    let values = (&cache.values[first..], units);
    let mut column = 0;
    while column < units {
        let at = |v: usize| column + v * S::LANES;
        let shares = |v: usize| scores[at(v) / width * room..].as_ptr();
        // SAFETY: the columns lie in the row, the places in the lane's part.
        unsafe {
            if column + 4 * S::LANES <= units {
                let of = [shares(0), shares(1), shares(2), shares(3)];
                let sums = weigh(s, of, (values, column), places);
                for v in 0..4 {
                    let factor = s.splat(factors[at(v) / width]);
                    s.store(out.as_mut_ptr().add(at(v)), s.mul(factor, sums[v]));
                }
                column += 4 * S::LANES;
            } else {
                let [sum] = weigh(s, [shares(0)], (values, column), places);
                let factor = s.splat(factors[at(0) / width]);
                s.store(out.as_mut_ptr().add(column), s.mul(factor, sum));
                column += S::LANES;
            }
        }
    }
}

/// Sums of the first places' values from a column on, `N` vectors side by side, each
/// by its own shares.
///
/// # Safety
/// The values must have so many places and columns, and every share so many places.
#[inline(always)]
unsafe fn weigh<S: Simd, const N: usize>(
    s: S,
    shares: [*const f32; N],
    ((values, units), column): ((&[f32], usize), usize),
    places: usize,
) -> [S::V; N] {
    let mut acc = [s.splat(0.0); N];
    for j in 0..places {
        for v in 0..N {
            // SAFETY: by the caller's contract.
            unsafe {
                let at = j * units + column + v * S::LANES;
                let value = s.load(values.as_ptr().add(at));
                acc[v] = s.fma(s.splat(*shares[v].add(j)), value, acc[v]);
            }
        }
    }
    acc
}

/// The most heads there may be, and the widest.
pub(super) const MOST_HEADS: usize = 64;
pub(super) const WIDEST_HEAD: usize = 256;
