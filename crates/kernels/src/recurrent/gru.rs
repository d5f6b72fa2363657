//! The gated recurrent unit: a saved row is `[q | r | z | n]` with
//! `q = W_hn h + b_hn`, each of the padded hidden size.

use super::cell::{At, CellKernels, Facts};
use super::step::CellStep;
use crate::math::{sigmoid_v, tanh_v};
use crate::simd::Simd;

/// Its kernels.
pub(super) struct Gru;

impl CellKernels for Gru {
    /// The candidate comes first, so that after backward the gradients for the
    /// recurrent weights are the first three slots and those for the input weights
    /// the last three, both contiguous.
    const FACTS: Facts = Facts {
        gates: 3,
        slots: &[2, 0, 1],
        memories: 1,
        inner_bias: Some(2),
    };

    #[inline(always)]
    fn forward<S: Simd, const SAVE: bool>(s: S, step: &CellStep<'_>) {
        if S::REGISTERS < 16 {
            forward_blocks::<S, SAVE, 4>(s, step);
        } else {
            forward_blocks::<S, SAVE, 8>(s, step);
        }
    }

    /// What was carried is the part that passes by the gates.
    #[inline(always)]
    fn start<S: Simd>(_: S, carry: S::V) -> S::V {
        carry
    }

    #[inline(always)]
    unsafe fn point<S: Simd>(s: S, dh: S::V, _: S::V, at: &At) -> S::V {
        // SAFETY: by the caller's contract.
        unsafe { backward(s, dh, s.load(at.state_before), at.gates, at.padded) }
    }
}

#[inline(always)]
fn forward_blocks<S: Simd, const SAVE: bool, const MR: usize>(s: S, step: &CellStep<'_>) {
    for column in (0..step.padded).step_by(S::LANES) {
        for first in (0..step.rows.len()).step_by(MR) {
            // SAFETY: lanes are padded to a multiple of 8 and units to one of
            // 16, so the block lies inside of every buffer of the step.
            unsafe {
                let acc = products::<S, MR>(s, step, column, first);
                for part in (0..MR).step_by(PART) {
                    let mut rows = [acc[0]; PART];
                    rows.copy_from_slice(&acc[part..part + PART]);
                    gates::<S, SAVE>(s, step, column, first + part, rows);
                }
            }
        }
    }
}

/// Lanes whose gates are computed side by side: enough to keep the processor
/// busy, few enough to stay in registers.
const PART: usize = 4;

/// `[q, r, z]` of each lane before the activations.
///
/// # Safety
/// `first + MR` lanes and `column + LANES` units must lie inside of the step.
#[inline(always)]
unsafe fn products<S: Simd, const MR: usize>(
    s: S,
    step: &CellStep<'_>,
    column: usize,
    first: usize,
) -> [[S::V; 3]; MR] {
    // SAFETY: by the caller's contract.
    unsafe {
        let bias = s.load(step.packed.candidate_bias.as_ptr().add(column));
        let mut acc = [[bias; 3]; MR];
        for r in 0..MR {
            let row = &step.rows[first + r];
            acc[r][1] = step.input(s, row, column);
            acc[r][2] = step.input(s, row, step.padded + column);
        }
        step.recurrent(s, acc, column, first)
    }
}

/// From the products `[q, r, z]` of [`PART`] lanes to their new states.
///
/// # Safety
/// `first + PART` lanes and `column + LANES` units must lie inside of the step.
#[inline(always)]
unsafe fn gates<S: Simd, const SAVE: bool>(
    s: S,
    step: &CellStep<'_>,
    column: usize,
    first: usize,
    products: [[S::V; 3]; PART],
) {
    let padded = step.padded;
    let reset = sigmoid_v(s, products.map(|[_, r, _]| r));
    let update = sigmoid_v(s, products.map(|[_, _, z]| z));
    let mut candidate = reset;
    for r in 0..PART {
        // SAFETY: by the caller's contract.
        let x = unsafe { step.input(s, &step.rows[first + r], 2 * padded + column) };
        candidate[r] = s.fma(reset[r], products[r][0], x);
    }
    let candidate = tanh_v(s, candidate);
    for r in 0..PART {
        // SAFETY: by the caller's contract.
        unsafe {
            let before = s.load(step.states.add(step.rows[first + r].source + column));
            let after = s.fma(update[r], s.sub(before, candidate[r]), candidate[r]);
            let to = (first + r) * step.state_stride + column;
            s.store(step.next_states.add(to), after);
            if SAVE {
                let gates = step.gates.add((first + r) * step.gates_stride + column);
                s.store(gates, products[r][0]);
                s.store(gates.add(padded), reset[r]);
                s.store(gates.add(2 * padded), update[r]);
                s.store(gates.add(3 * padded), candidate[r]);
            }
        }
    }
}

/// One vector of units backward: given the gradient `dh` of the state after the
/// step, overwrites the saved gates by the gradients of their pre-activations
/// and returns the part of the gradient of the state `before` that passes by the
/// gates.
///
/// # Safety
/// `gates` must be valid for reads and writes of a vector in each of four slots
/// `padded` floats apart.
#[inline(always)]
unsafe fn backward<S: Simd>(s: S, dh: S::V, before: S::V, gates: *mut f32, padded: usize) -> S::V {
    // SAFETY: by the caller's contract.
    unsafe {
        let one = s.splat(1.0);
        let q = s.load(gates);
        let reset = s.load(gates.add(padded));
        let update = s.load(gates.add(2 * padded));
        let candidate = s.load(gates.add(3 * padded));
        let through = s.mul(dh, update);
        // dh (1 - z)
        let d_candidate = s.sub(dh, through);
        let d_candidate = s.mul(d_candidate, s.fnma(candidate, candidate, one));
        let d_q = s.mul(d_candidate, reset);
        let d_reset = s.mul(s.mul(d_q, q), s.sub(one, reset));
        let d_update = s.mul(s.mul(through, s.sub(before, candidate)), s.sub(one, update));
        s.store(gates, d_q);
        s.store(gates.add(padded), d_reset);
        s.store(gates.add(2 * padded), d_update);
        s.store(gates.add(3 * padded), d_candidate);
        through
    }
}
