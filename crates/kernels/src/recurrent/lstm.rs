//! Long short-term memory: a saved row is `[i | f | g | o]`, each of the padded
//! hidden size; the cell states are saved beside.

use super::cell::{At, CellKernels, Facts};
use super::step::CellStep;
use crate::math::{sigmoid_v, tanh_v};
use crate::simd::Simd;

/// Its kernels.
pub(super) struct Lstm;

impl CellKernels for Lstm {
    const FACTS: Facts = Facts {
        gates: 4,
        slots: &[0, 1, 2, 3],
        memories: 2,
        inner_bias: None,
    };

    #[inline(always)]
    fn forward<S: Simd, const SAVE: bool>(s: S, step: &CellStep<'_>) {
        if S::REGISTERS == 16 {
            forward_blocks::<S, SAVE, 8>(s, step);
        } else {
            forward_blocks::<S, SAVE, 4>(s, step);
        }
    }

    /// What was carried is the gradient of the cell state.
    #[inline(always)]
    fn start<S: Simd>(s: S, _: S::V) -> S::V {
        s.splat(0.0)
    }

    #[inline(always)]
    unsafe fn point<S: Simd>(s: S, dh: S::V, carry: S::V, at: &At) -> S::V {
        // SAFETY: by the caller's contract.
        unsafe {
            let point = Point {
                dh,
                dc: carry,
                before: s.load(at.cell_before),
                after: s.load(at.cell_after),
            };
            backward(s, point, at.gates, at.padded)
        }
    }
}

#[inline(always)]
fn forward_blocks<S: Simd, const SAVE: bool, const MR: usize>(s: S, step: &CellStep<'_>) {
    for column in (0..step.padded).step_by(S::LANES) {
        for first in (0..step.rows.len()).step_by(MR) {
            // SAFETY: lanes are padded to a multiple of 8 and units to one of
            // 16, so the block lies inside of every buffer of the step.
            unsafe {
                let mut acc = [[s.splat(0.0); 4]; MR];
                for r in 0..MR {
                    for gate in 0..4 {
                        let row = &step.rows[first + r];
                        acc[r][gate] = step.input(s, row, gate * step.padded + column);
                    }
                }
                let acc = step.recurrent(s, acc, column, first);
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

/// From the pre-activations `[i, f, g, o]` of [`PART`] lanes to their new states.
///
/// # Safety
/// `first + PART` lanes and `column + LANES` units must lie inside of the step.
#[inline(always)]
unsafe fn gates<S: Simd, const SAVE: bool>(
    s: S,
    step: &CellStep<'_>,
    column: usize,
    first: usize,
    sums: [[S::V; 4]; PART],
) {
    let padded = step.padded;
    let input = sigmoid_v(s, sums.map(|gates| gates[0]));
    let forget = sigmoid_v(s, sums.map(|gates| gates[1]));
    let candidate = tanh_v(s, sums.map(|gates| gates[2]));
    let output = sigmoid_v(s, sums.map(|gates| gates[3]));
    let mut cell = input;
    for r in 0..PART {
        let source = step.rows[first + r].source + column;
        // SAFETY: by the caller's contract.
        let before = unsafe { s.load(step.cells.add(source)) };
        cell[r] = s.fma(forget[r], before, s.mul(input[r], candidate[r]));
    }
    let activated = tanh_v(s, cell);
    for r in 0..PART {
        let to = (first + r) * step.state_stride + column;
        // SAFETY: by the caller's contract.
        unsafe {
            s.store(step.next_cells.add(to), cell[r]);
            s.store(step.next_states.add(to), s.mul(output[r], activated[r]));
            if SAVE {
                let gates = step.gates.add((first + r) * step.gates_stride + column);
                s.store(gates, input[r]);
                s.store(gates.add(padded), forget[r]);
                s.store(gates.add(2 * padded), candidate[r]);
                s.store(gates.add(3 * padded), output[r]);
            }
        }
    }
}

/// Gradients and saved cell states of one vector of units.
struct Point<V> {
    /// Gradient of the hidden state after the step.
    dh: V,
    /// Gradient of the cell state after the step, without the part through `dh`.
    dc: V,
    /// Cell state before and after the step.
    before: V,
    after: V,
}

/// One vector of units backward: overwrites the saved gates by the gradients of
/// their pre-activations and returns the gradient of the cell state before the
/// step.
///
/// # Safety
/// `gates` must be valid for reads and writes of a vector in each of four slots
/// `padded` floats apart.
#[inline(always)]
unsafe fn backward<S: Simd>(s: S, point: Point<S::V>, gates: *mut f32, padded: usize) -> S::V {
    // SAFETY: by the caller's contract.
    unsafe {
        let one = s.splat(1.0);
        let input = s.load(gates);
        let forget = s.load(gates.add(padded));
        let candidate = s.load(gates.add(2 * padded));
        let output = s.load(gates.add(3 * padded));
        // The activated cell state is computed again rather than saved: memory
        // is the scarcer resource.
        let [activated] = tanh_v(s, [point.after]);
        let d_activated = s.mul(point.dh, output);
        let dc = s.fma(d_activated, s.fnma(activated, activated, one), point.dc);
        let d_output = s.mul(s.mul(d_activated, activated), s.sub(one, output));
        let d_cell_before = s.mul(dc, forget);
        let d_forget = s.mul(s.mul(d_cell_before, point.before), s.sub(one, forget));
        let d_candidate_out = s.mul(dc, input);
        let d_input = s.mul(s.mul(d_candidate_out, candidate), s.sub(one, input));
        let d_candidate = s.mul(d_candidate_out, s.fnma(candidate, candidate, one));
        s.store(gates, d_input);
        s.store(gates.add(padded), d_forget);
        s.store(gates.add(2 * padded), d_candidate);
        s.store(gates.add(3 * padded), d_output);
        d_cell_before
    }
}
