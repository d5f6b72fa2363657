//! Memories that are a sum along the trial: minGRU (Feng et al. 2024) and the linear
//! recurrent unit (Orvieto et al. 2023).

use super::Span;
use crate::mlp::{Epilogue, Store, Vector};
use crate::simd::Simd;

/// Writes the logistic function of the first columns and the others as they are.
pub(super) struct Gated<'a> {
    pub(super) gates: usize,
    pub(super) store: Store<'a, f32>,
}

impl Epilogue<f32> for Gated<'_> {
    #[inline(always)]
    fn finish<X: Vector<Real = f32>, const N: usize>(
        &mut self,
        x: X,
        (row, column): (usize, usize),
        mut z: [X::V; N],
    ) {
        // No vector lies on both sides: the gates are whole panels of 16.
        for v in 0..N {
            if column + v * X::LANES < self.gates {
                let half = x.splat(0.5);
                let [tanh] = x.tanh([x.mul(half, z[v])]);
                z[v] = x.fma(half, tanh, half);
            }
        }
        self.store.finish(x, (row, column), z);
    }
}

/// Adds the sums to rows.
pub(super) struct Add<'a>(pub(super) Store<'a, f32>);

impl Epilogue<f32> for Add<'_> {
    #[inline(always)]
    fn finish<X: Vector<Real = f32>, const N: usize>(
        &mut self,
        x: X,
        (row, column): (usize, usize),
        mut z: [X::V; N],
    ) {
        let rows = &self.0.out[row * self.0.stride + column..][..N * X::LANES];
        for v in 0..N {
            z[v] = x.add(x.read(&rows[v * X::LANES..]), z[v]);
        }
        self.0.finish(x, (row, column), z);
    }
}

/// `h' = (1 - z) h + z c` through a span, with `[z c]` in `gates`; the memory after
/// every step is written to `states` and added to `y`.
#[inline(always)]
pub(super) fn average<S: Simd>(
    s: S,
    (span, units): (&Span<'_>, usize),
    gates: &[f32],
    (memory, states, y): (&mut [f32], &mut [f32], &mut [f32]),
) {
    let rows = span.rows();
    assert!(units.is_multiple_of(16) && gates.len() >= 2 * rows * units);
    assert!(states.len() >= rows * units && y.len() >= rows * units);
    assert!(memory.len() >= span.lanes * units);
    for row in 0..rows {
        let own = &mut memory[row % span.lanes * units..][..units];
        if span.begins(row) {
            own.fill(0.0);
        }
        for column in (0..units).step_by(S::LANES) {
            // SAFETY: all rows lie in their slices by the assertions.
            unsafe {
                let gate = gates.as_ptr().add(2 * row * units + column);
                let (z, candidate) = (s.load(gate), s.load(gate.add(units)));
                let before = own.as_mut_ptr().add(column);
                let h = s.load(before);
                let h = s.fma(z, s.sub(candidate, h), h);
                s.store(before, h);
                s.store(states.as_mut_ptr().add(row * units + column), h);
                let to = y.as_mut_ptr().add(row * units + column);
                s.store(to, s.add(s.load(to), h));
            }
        }
    }
}

/// The way back of [`average`]: replaces the gates of a span by the gradients of what
/// they are made of, given that of `y`. `carry` is the gradient of the memory after
/// the span, and becomes that of the memory before it. With the states of all rows
/// comes how many of them are ahead of the span.
#[inline(always)]
pub(super) fn average_back<S: Simd>(
    s: S,
    (span, units): (&Span<'_>, usize),
    (d_y, states): (&[f32], (&[f32], usize)),
    (carry, gates): (&mut [f32], &mut [f32]),
) {
    let (states, first) = states;
    let rows = span.rows();
    assert!(units.is_multiple_of(16) && gates.len() >= 2 * rows * units);
    assert!(d_y.len() >= rows * units && carry.len() >= span.lanes * units);
    assert!(states.len() >= (first + rows) * units);
    let one = s.splat(1.0);
    for row in (0..rows).rev() {
        let own = &mut carry[row % span.lanes * units..][..units];
        // Where nothing was remembered, the gradient ends.
        let fresh = span.begins(row) || first + row < span.lanes;
        for column in (0..units).step_by(S::LANES) {
            // SAFETY: all rows lie in their slices by the assertions; where there is a
            // row before, it lies a step of all lanes ahead.
            unsafe {
                let gate = gates.as_mut_ptr().add(2 * row * units + column);
                let (z, candidate) = (s.load(gate), s.load(gate.add(units)));
                let before = match fresh {
                    true => s.splat(0.0),
                    false => {
                        let at = first + row - span.lanes;
                        s.load(states.as_ptr().add(at * units + column))
                    }
                };
                let later = own.as_mut_ptr().add(column);
                let d = s.add(
                    s.load(d_y.as_ptr().add(row * units + column)),
                    s.load(later),
                );
                let slope = s.mul(z, s.sub(one, z));
                s.store(gate, s.mul(s.mul(d, s.sub(candidate, before)), slope));
                s.store(gate.add(units), s.mul(d, z));
                let kept = match fresh {
                    true => s.splat(0.0),
                    false => s.mul(d, s.sub(one, z)),
                };
                s.store(later, kept);
            }
        }
    }
}

/// `s' = λ s + x` through a span, complex, with `[re x, im x]` in `states`, which
/// become the memory after every step. `turn` is `[re λ, im λ]`.
#[inline(always)]
pub(super) fn turn<S: Simd>(
    s: S,
    (span, units): (&Span<'_>, usize),
    turn: &[f32],
    (memory, states): (&mut [f32], &mut [f32]),
) {
    let rows = span.rows();
    assert!(units.is_multiple_of(16) && states.len() >= 2 * rows * units);
    assert!(memory.len() >= 2 * span.lanes * units && turn.len() >= 2 * units);
    for row in 0..rows {
        let own = &mut memory[2 * (row % span.lanes) * units..][..2 * units];
        if span.begins(row) {
            own.fill(0.0);
        }
        for column in (0..units).step_by(S::LANES) {
            // SAFETY: all rows lie in their slices by the assertions.
            unsafe {
                let turn = turn.as_ptr().add(column);
                let (lr, li) = (s.load(turn), s.load(turn.add(units)));
                let before = own.as_mut_ptr().add(column);
                let (br, bi) = (s.load(before), s.load(before.add(units)));
                let to = states.as_mut_ptr().add(2 * row * units + column);
                let re = s.fnma(li, bi, s.fma(lr, br, s.load(to)));
                let im = s.fma(li, br, s.fma(lr, bi, s.load(to.add(units))));
                s.store(to, re);
                s.store(to.add(units), im);
                s.store(before, re);
                s.store(before.add(units), im);
            }
        }
    }
}

/// The way back of [`turn`]: completes the gradients of a span's states in `d`, which
/// are those of `x` too, and adds that of λ to `d_turn`. `carry` and `states` as in
/// [`average_back`].
#[inline(always)]
pub(super) fn turn_back<S: Simd>(
    s: S,
    (span, units): (&Span<'_>, usize),
    (turn, states): (&[f32], (&[f32], usize)),
    (carry, d, d_turn): (&mut [f32], &mut [f32], &mut [f32]),
) {
    let (states, first) = states;
    let rows = span.rows();
    assert!(units.is_multiple_of(16) && d.len() >= 2 * rows * units);
    assert!(carry.len() >= 2 * span.lanes * units && states.len() >= 2 * (first + rows) * units);
    assert!(turn.len() >= 2 * units && d_turn.len() >= 2 * units);
    for row in (0..rows).rev() {
        let own = &mut carry[2 * (row % span.lanes) * units..][..2 * units];
        let fresh = span.begins(row) || first + row < span.lanes;
        for column in (0..units).step_by(S::LANES) {
            // SAFETY: as in `average_back`.
            unsafe {
                let to = d.as_mut_ptr().add(2 * row * units + column);
                let later = own.as_mut_ptr().add(column);
                let dr = s.add(s.load(to), s.load(later));
                let di = s.add(s.load(to.add(units)), s.load(later.add(units)));
                s.store(to, dr);
                s.store(to.add(units), di);
                if fresh {
                    s.store(later, s.splat(0.0));
                    s.store(later.add(units), s.splat(0.0));
                    continue;
                }
                let before = states
                    .as_ptr()
                    .add(2 * (first + row - span.lanes) * units + column);
                let (br, bi) = (s.load(before), s.load(before.add(units)));
                let sums = d_turn.as_mut_ptr().add(column);
                let along = s.fma(di, bi, s.fma(dr, br, s.load(sums)));
                let across = s.fnma(dr, bi, s.fma(di, br, s.load(sums.add(units))));
                s.store(sums, along);
                s.store(sums.add(units), across);
                let turn = turn.as_ptr().add(column);
                let (lr, li) = (s.load(turn), s.load(turn.add(units)));
                s.store(later, s.fma(li, di, s.mul(lr, dr)));
                s.store(later.add(units), s.fnma(li, dr, s.mul(lr, di)));
            }
        }
    }
}
