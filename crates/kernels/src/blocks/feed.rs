//! The feed-forward half of a block: `W₁ a + b₁` of units `a` that are rectified, or
//! gated (a gated linear unit).

use super::linear::{Linear, LinearSums};
use super::scan::{Add, Gated};
use crate::buffer::Buffer;
use crate::mlp::{Activate, Activation, Derive, Store};
use crate::simd::Simd;

/// The layers up and down.
#[derive(Clone)]
pub(super) struct Feed {
    pub(super) up: Linear,
    pub(super) down: Linear,
    pub(super) gated: bool,
}

impl Feed {
    /// Adds the branch of normalized rows `x` to `y`. `risen` is what is saved of the
    /// rows; `units` is scratch.
    #[inline(always)]
    pub(super) fn forward<S: Simd>(
        &self,
        s: S,
        (x, rows): (&[f32], usize),
        (risen, units): (&mut [f32], &mut Buffer),
        y: &mut [f32],
    ) {
        let stride = self.up.outputs;
        let store = Store {
            out: &mut *risen,
            stride,
        };
        let width = self.down.inputs;
        let y = Add(Store {
            out: y,
            stride: self.down.outputs,
        });
        match self.gated {
            false => {
                let activation = Activation::Relu;
                self.up
                    .forward(s, (x, rows), Activate { activation, store });
                self.down.forward(s, (risen, rows), y);
            }
            true => {
                let gates = width;
                self.up.forward(s, (x, rows), Gated { gates, store });
                gate(s, (risen, width, rows), units);
                self.down.forward(s, (units, rows), y);
            }
        }
    }

    /// The way back: writes the gradient of `x` to `d_x`, given that of the branch, and
    /// adds to the sums. `units` and `d_risen` are scratch.
    #[inline(always)]
    pub(super) fn backward<S: Simd>(
        &self,
        s: S,
        (x, risen, rows): (&[f32], &[f32], usize),
        (d, d_x): (&[f32], &mut [f32]),
        (units, d_risen, sums): (&mut Buffer, &mut Buffer, &mut [LinearSums; 2]),
    ) {
        let width = self.down.inputs;
        let [up, down] = sums;
        match self.gated {
            false => {
                self.down.sum(s, rows, (risen, d), down);
                let derive = Derive {
                    activation: Activation::Relu,
                    h: risen,
                    store: Store {
                        out: &mut *d_risen,
                        stride: width,
                    },
                };
                self.down.back(s, (d, rows), derive);
            }
            true => {
                gate(s, (risen, width, rows), units);
                self.down.sum(s, rows, (units, d), down);
                let store = Store {
                    out: &mut *units,
                    stride: width,
                };
                self.down.back(s, (d, rows), store);
                gate_back(s, (risen, width, rows), units, d_risen);
            }
        }
        self.up.sum(s, rows, (x, d_risen), up);
        let store = Store {
            out: d_x,
            stride: self.up.inputs,
        };
        self.up.back(s, (d_risen, rows), store);
    }
}

/// `units = gate value` of rows `[gate value]`.
#[inline(always)]
fn gate<S: Simd>(s: S, (risen, width, rows): (&[f32], usize, usize), units: &mut [f32]) {
    let rows = risen.chunks_exact(2 * width).take(rows);
    for (row, to) in rows.zip(units.chunks_exact_mut(width)) {
        for column in (0..width).step_by(S::LANES) {
            // SAFETY: the rows are as wide as that, in whole vectors.
            unsafe {
                let from = row.as_ptr().add(column);
                let product = s.mul(s.load(from), s.load(from.add(width)));
                s.store(to.as_mut_ptr().add(column), product);
            }
        }
    }
}

/// The gradient of the rows before the gates' logistic function, given that of the
/// units.
#[inline(always)]
fn gate_back<S: Simd>(
    s: S,
    (risen, width, rows): (&[f32], usize, usize),
    d_units: &[f32],
    d_risen: &mut [f32],
) {
    let rows = risen.chunks_exact(2 * width).take(rows);
    let to = d_risen.chunks_exact_mut(2 * width);
    for ((row, d), to) in rows.zip(d_units.chunks_exact(width)).zip(to) {
        for column in (0..width).step_by(S::LANES) {
            // SAFETY: the rows are as wide as that, in whole vectors.
            unsafe {
                let from = row.as_ptr().add(column);
                let (gate, value) = (s.load(from), s.load(from.add(width)));
                let d = s.load(d.as_ptr().add(column));
                let slope = s.mul(gate, s.sub(s.splat(1.0), gate));
                let to = to.as_mut_ptr().add(column);
                s.store(to, s.mul(s.mul(d, value), slope));
                s.store(to.add(width), s.mul(d, gate));
            }
        }
    }
}
