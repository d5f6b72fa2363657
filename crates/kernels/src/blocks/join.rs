//! The gate of GTrXL (Parisotto et al. 2020, section 3.2), by which a branch joins what
//! passes by it:
//!
//! ```text
//! y       = relu(branch)
//! [r, z]  = sigmoid(W [y, x] + b)
//! c       = tanh(V [y, r x] + d)
//! out     = (1 - z) x + z c
//! ```

use super::linear::{Linear, LinearSums};
use super::scan::Gated;
use crate::buffer::Buffer;
use crate::mlp::{Activate, Activation, Store};
use crate::simd::Simd;

/// The gate's layers.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) gates: Linear,
    pub(super) candidate: Linear,
}

/// What is saved of rows: `[y x]`, `[y r x]`, `[r z]` and `c`.
#[derive(Default)]
pub(super) struct GateSaved {
    given: Buffer,
    reset: Buffer,
    gates: Buffer,
    candidate: Buffer,
}

/// Numbers that are saved of a row, as many times the width.
pub(super) const GATE_SAVED: usize = 7;
/// Numbers of scratch of a row likewise.
pub(super) const GATE_SCRATCH: usize = 5;

/// Scratch of the way back: gradients of `[y, r x]`, of `[r z]` and of `[y x]`.
#[derive(Default)]
pub(super) struct GateScratch {
    candidate: Buffer,
    gates: Buffer,
    given: Buffer,
}

impl GateSaved {
    pub(super) fn grow(&mut self, rows: usize, units: usize) {
        self.given.grow(2 * rows * units);
        self.reset.grow(2 * rows * units);
        self.gates.grow(2 * rows * units);
        self.candidate.grow(rows * units);
    }
}

impl GateScratch {
    pub(super) fn grow(&mut self, rows: usize, units: usize) {
        self.candidate.grow(2 * rows * units);
        self.gates.grow(2 * rows * units);
        self.given.grow(2 * rows * units);
    }
}

impl Gate {
    fn units(&self) -> usize {
        self.candidate.outputs
    }

    /// Replaces rows `x` by what joins them and a branch. What is saved goes to the
    /// rows from `first` on.
    #[inline(always)]
    pub(super) fn forward<S: Simd>(
        &self,
        s: S,
        (branch, x): (&[f32], &mut [f32]),
        (saved, first, rows): (&mut GateSaved, usize, usize),
    ) {
        let units = self.units();
        let wide = 2 * first * units..2 * (first + rows) * units;
        let given = &mut saved.given[wide.clone()];
        let pairs = branch.chunks_exact(units).zip(x.chunks_exact(units));
        for (to, (y, x)) in given.chunks_exact_mut(2 * units).zip(pairs) {
            for (to, y) in to.iter_mut().zip(y) {
                *to = if *y < 0.0 { 0.0 } else { *y };
            }
            to[units..].copy_from_slice(x);
        }
        let gates = &mut saved.gates[wide.clone()];
        let store = Store {
            out: &mut *gates,
            stride: 2 * units,
        };
        let logistic = Gated {
            gates: 2 * units,
            store,
        };
        self.gates.forward(s, (given, rows), logistic);
        let reset = &mut saved.reset[wide];
        let both = given
            .chunks_exact(2 * units)
            .zip(gates.chunks_exact(2 * units));
        for (to, (given, gates)) in reset.chunks_exact_mut(2 * units).zip(both.clone()) {
            to[..units].copy_from_slice(&given[..units]);
            let products = given[units..].iter().zip(gates);
            for (to, (x, r)) in to[units..].iter_mut().zip(products) {
                *to = r * x;
            }
        }
        let candidate = &mut saved.candidate[first * units..(first + rows) * units];
        let store = Store {
            out: &mut *candidate,
            stride: units,
        };
        let activation = Activation::Tanh;
        let tanh = Activate { activation, store };
        self.candidate.forward(s, (reset, rows), tanh);
        let candidates = candidate.chunks_exact(units);
        for ((x, (_, gates)), c) in x.chunks_exact_mut(units).zip(both).zip(candidates) {
            for ((x, z), c) in x.iter_mut().zip(&gates[units..]).zip(c) {
                *x += z * (c - *x);
            }
        }
    }

    /// The way back: `d`, the gradient of what was joined, becomes that of `x`, and that
    /// of the branch is written to `d_branch`.
    #[inline(always)]
    pub(super) fn backward<S: Simd>(
        &self,
        s: S,
        (d, d_branch): (&mut [f32], &mut [f32]),
        (saved, first, rows): (&GateSaved, usize, usize),
        (scratch, sums): (&mut GateScratch, &mut [LinearSums; 2]),
    ) {
        let units = self.units();
        let wide = 2 * first * units..2 * (first + rows) * units;
        let (given, reset) = (&saved.given[wide.clone()], &saved.reset[wide.clone()]);
        let gates = &saved.gates[wide];
        let candidate = &saved.candidate[first * units..(first + rows) * units];
        let GateScratch {
            candidate: of_reset,
            gates: d_gates,
            given: d_given,
        } = scratch;
        let [gate_sums, candidate_sums] = sums;
        for row in 0..rows {
            let (narrow, wide) = (row * units, 2 * row * units);
            for i in 0..units {
                let (z, c, x) = (
                    gates[wide + units + i],
                    candidate[narrow + i],
                    given[wide + units + i],
                );
                let out = d[narrow + i];
                d_branch[narrow + i] = out * z * (1.0 - c * c);
                d_gates[wide + units + i] = out * (c - x) * z * (1.0 - z);
                d[narrow + i] = out * (1.0 - z);
            }
        }
        self.candidate
            .sum(s, rows, (reset, d_branch), candidate_sums);
        let store = Store {
            out: &mut *of_reset,
            stride: 2 * units,
        };
        self.candidate.back(s, (d_branch, rows), store);
        for row in 0..rows {
            let (narrow, wide) = (row * units, 2 * row * units);
            for i in 0..units {
                let (r, x) = (gates[wide + i], given[wide + units + i]);
                let of_product = of_reset[wide + units + i];
                d_gates[wide + i] = of_product * x * r * (1.0 - r);
                d[narrow + i] += of_product * r;
            }
        }
        self.gates.sum(s, rows, (given, d_gates), gate_sums);
        let store = Store {
            out: &mut *d_given,
            stride: 2 * units,
        };
        self.gates.back(s, (d_gates, rows), store);
        for row in 0..rows {
            let (narrow, wide) = (row * units, 2 * row * units);
            for i in 0..units {
                let through = match given[wide + i] > 0.0 {
                    true => of_reset[wide + i] + d_given[wide + i],
                    false => 0.0,
                };
                d_branch[narrow + i] = through;
                d[narrow + i] += d_given[wide + units + i];
            }
        }
    }
}
