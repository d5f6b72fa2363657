//! The way back of attention.

use super::attention::{PLACES, QUERIES, Queries, WIDEST_HEAD, against, joined, over};
use super::cache::{Cache, Sizes};
use crate::math::exp_nonpositive_v;
use crate::simd::Simd;

/// `out[j] += sum over 8 rows of p[i][j] a[i]`, `out` being `[place][unit]`.
///
/// # Safety
/// `p` must be valid for reads of 8 rows of `stride` floats, at least the places, `a`
/// of `width` floats each, and `out` for so many rows.
#[inline(always)]
unsafe fn spread<S: Simd>(
    s: S,
    (p, stride, places): (*const f32, usize, usize),
    (a, width): ([*const f32; QUERIES], usize),
    (out, units): (*mut f32, usize),
) {
    for column in (0..width).step_by(S::LANES) {
        let mut vectors = [s.splat(0.0); QUERIES];
        for i in 0..QUERIES {
            // SAFETY: by the caller's contract.
            vectors[i] = unsafe { s.load(a[i].add(column)) };
        }
        for j in 0..places {
            // SAFETY: by the caller's contract.
            unsafe {
                let to = out.add(j * units + column);
                let mut acc = s.load(to);
                for i in 0..QUERIES {
                    acc = s.fma(s.splat(*p.add(i * stride + j)), vectors[i], acc);
                }
                s.store(to, acc);
            }
        }
    }
}

/// Products of what 8 queries read and its gradient, of one head.
#[inline(always)]
fn along<S: Simd>(
    s: S,
    (queries, out, d_out): (Queries, &[f32], &[f32]),
    (units, first, width): (usize, usize, usize),
) -> [f32; QUERIES] {
    let mut parts = [[0.0; 16]; QUERIES];
    for i in 0..QUERIES {
        let at = queries.row(i) * units + first;
        let (read, d) = (&out[at..at + width], &d_out[at..at + width]);
        for v in (0..PLACES).step_by(S::LANES) {
            let mut acc = s.splat(0.0);
            for unit in (v..width).step_by(PLACES) {
                // SAFETY: a head is whole vectors of 16 units wide.
                unsafe {
                    let (read, d) = (read.as_ptr().add(unit), d.as_ptr().add(unit));
                    acc = s.fma(s.load(read), s.load(d), acc);
                }
            }
            // SAFETY: v is below 16.
            unsafe { s.store(parts[i].as_mut_ptr().add(v), acc) }
        }
    }
    joined(&mut parts, |a, b| a + b)
}

/// What [`attend_back`] reads of the way there: queries' rows `[q k v]`, what they
/// read, and the statistics.
#[derive(Clone, Copy)]
pub(super) struct There<'a> {
    pub(super) rows: &'a [f32],
    pub(super) out: &'a [f32],
    pub(super) statistics: &'a [f32],
}

/// The way back of [`attend`]: given the gradient of what was read, `d_out`, writes
/// that of the queries to `d_rows` and adds those of keys and values to the cache's.
/// `scores` is scratch, twice that of [`attend`].
#[inline(always)]
pub(super) fn attend_back<S: Simd>(
    s: S,
    (sizes, cache): (Sizes, &mut Cache),
    (queries, there): (Queries, There<'_>),
    (d_out, d_rows): (&[f32], &mut [f32]),
    scores: &mut [f32],
) {
    let (units, room, width) = (sizes.units(), sizes.room, sizes.width);
    let (n, stride, scale) = (queries.all(), sizes.room, sizes.scale());
    let end = queries.row(QUERIES) + 1;
    let padded = n.next_multiple_of(PLACES);
    assert!(queries.base + padded <= room && scores.len() >= 2 * QUERIES * stride);
    assert!(there.rows.len() >= end * 3 * units && d_rows.len() >= end * 3 * units);
    assert!(there.out.len() >= end * units && d_out.len() >= end * units);
    let whole = (queries.lane + 1) * room * units;
    for buffer in [&cache.keys_t, &cache.values_t, &cache.keys, &cache.d_keys] {
        assert!(buffer.len() >= whole);
    }
    assert!(cache.d_values.len() >= whole);
    let (p, ds) = scores.split_at_mut(QUERIES * stride);
    let first = queries.lane * room * units;
    for head in 0..sizes.heads {
        let (mut q, mut d) = ([there.rows.as_ptr(); QUERIES], [d_out.as_ptr(); QUERIES]);
        let mut to = [d_rows.as_mut_ptr(); QUERIES];
        for i in 0..QUERIES {
            let row = queries.row(i);
            q[i] = q[i].wrapping_add(row * 3 * units + head * width);
            d[i] = d[i].wrapping_add(row * units + head * width);
            to[i] = to[i].wrapping_add(row * 3 * units + head * width);
        }
        let narrow = first + head * width * room + queries.base;
        let wide = first + queries.base * units + head * width;
        // SAFETY: as in `attend`.
        unsafe {
            let keys = (cache.keys_t.as_ptr().add(narrow), room, n);
            against(s, (q, width), keys, (p.as_mut_ptr(), stride));
            let values = (cache.values_t.as_ptr().add(narrow), room, n);
            against(s, (d, width), values, (ds.as_mut_ptr(), stride));
        }
        let along = along(s, (queries, there.out, d_out), (units, head * width, width));
        for i in 0..QUERIES {
            let (p, ds) = (
                &mut p[i * stride..][..stride],
                &mut ds[i * stride..][..stride],
            );
            let seen = match i < queries.count {
                true => queries.seen(i),
                false => 0,
            };
            let row = queries.row(i);
            let at = (row * sizes.heads + head) * 2;
            let (largest, over) = (there.statistics[at], 1.0 / there.statistics[at + 1]);
            for j in (0..seen).step_by(S::LANES) {
                // SAFETY: rows are padded to 16 places.
                unsafe {
                    let (p, ds) = (p.as_mut_ptr().add(j), ds.as_mut_ptr().add(j));
                    let below = s.sub(s.mul(s.splat(scale), s.load(p)), s.splat(largest));
                    // What lies beyond the last place is cut off below.
                    let below = s.min(s.splat(0.0), below);
                    let share = s.mul(exp_nonpositive_v(s, below), s.splat(over));
                    s.store(p, share);
                    let slope = s.sub(s.load(ds), s.splat(along[i]));
                    s.store(ds, s.mul(s.mul(share, slope), s.splat(scale)));
                }
            }
            p[seen..padded].fill(0.0);
            ds[seen..padded].fill(0.0);
        }
        // SAFETY: as in `attend`.
        unsafe {
            let (p, ds) = ((p.as_ptr(), stride, n), (ds.as_ptr(), stride, n));
            let mut own = to;
            // Rows beyond the last have no share of their own.
            let mut nowhere = [0.0f32; WIDEST_HEAD];
            for i in queries.count..QUERIES {
                own[i] = nowhere.as_mut_ptr();
            }
            let keys = (cache.keys.as_ptr().add(wide), units, width);
            over(s, ds, keys, (own, [1.0; QUERIES]));
            spread(
                s,
                ds,
                (q, width),
                (cache.d_keys.as_mut_ptr().add(wide), units),
            );
            spread(
                s,
                p,
                (d, width),
                (cache.d_values.as_mut_ptr().add(wide), units),
            );
        }
    }
}
