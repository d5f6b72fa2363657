//! From the gradients of gates to those of weights: sums over lanes and steps.

use super::packed::Recurrent;
use super::workspace::Workspace;
use crate::gemm::{Rows, outer};
use crate::input::Observation;
use crate::simd::{Kernel, Simd};

/// Adds the gates' gradients of step `t` to the sums by previous action and by
/// observed state, and those weighted by reward and flag.
#[inline(always)]
pub(super) fn input_sums<S: Simd>(s: S, packed: &Recurrent, work: &mut Workspace, t: usize) {
    let shape = packed.shape();
    let width = 4 * shape.padded_hidden();
    let stride = shape.gates_stride();
    let lanes = work.lanes;
    let start = t * work.padded_lanes() * stride;
    let Workspace {
        gates, rows, sums, ..
    } = work;
    let gates = &gates[start..start + lanes * stride];
    let rows = &rows[..lanes];
    assert!(sums.actions.len() >= (1 + shape.actions) * width);
    assert!(sums.reward.len() >= width && sums.boundary.len() >= width);
    let actions = sums.actions.as_mut_ptr();
    // Several vectors at once, so that the chains of additions overlap.
    const VECTORS: usize = 4;
    for column in (0..width).step_by(VECTORS * S::LANES) {
        let at = |v: usize| column + v * S::LANES;
        let (mut reward, mut boundary) = ([s.splat(0.0); VECTORS], [s.splat(0.0); VECTORS]);
        for (lane, row) in rows.iter().enumerate() {
            for v in 0..VECTORS {
                // SAFETY: rows are a multiple of 64 floats wide, and the numbers
                // of actions were checked when the rows were set.
                unsafe {
                    let x = s.load(gates.as_ptr().add(lane * stride + at(v)));
                    let sum = actions.add(row.action * width + at(v));
                    s.store(sum, s.add(s.load(sum), x));
                    reward[v] = s.fma(s.splat(row.reward), x, reward[v]);
                    boundary[v] = s.fma(s.splat(row.boundary), x, boundary[v]);
                }
            }
        }
        for v in 0..VECTORS {
            // SAFETY: both sums are as wide as a row.
            unsafe {
                let to = sums.reward.as_mut_ptr().add(at(v));
                s.store(to, s.add(s.load(to), reward[v]));
                let to = sums.boundary.as_mut_ptr().add(at(v));
                s.store(to, s.add(s.load(to), boundary[v]));
            }
        }
    }
    if let Observation::OneHot(_) = shape.observation {
        let columns = shape.cell.gates() * shape.padded_hidden();
        for (lane, row) in rows.iter().enumerate() {
            let x = &gates[lane * stride + width - columns..][..columns];
            let sum = &mut sums.observations[row.observation..][..columns];
            for (to, from) in sum.iter_mut().zip(x) {
                *to += from;
            }
        }
    }
}

/// Weight gradients of the steps `from..to`, from the gradients of their gates.
pub(super) struct ChunkGradients<'a> {
    pub(super) packed: &'a Recurrent,
    pub(super) work: &'a mut Workspace,
    pub(super) from: usize,
    pub(super) to: usize,
    /// Whether `masked` holds the states before the steps, with resets applied.
    pub(super) masked: bool,
}

impl Kernel for ChunkGradients<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let shape = *self.packed.shape();
        let padded = shape.padded_hidden();
        let lanes = self.work.padded_lanes();
        let depth = (self.to - self.from) * lanes;
        let before = self.work.slot(self.from);
        let Workspace {
            gates,
            states,
            masked,
            observed,
            sums,
            ..
        } = self.work;
        let columns = shape.cell.gates() * padded;
        let (stride, state_stride) = (shape.gates_stride(), shape.state_stride());
        let gates = &gates[self.from * lanes * stride..];
        let states_before = if self.masked {
            Rows::new(masked, state_stride)
        } else {
            Rows::new(&states[before..], state_stride)
        };
        outer(
            s,
            [columns, depth, padded],
            Rows::new(gates, stride),
            states_before,
            &mut sums.recurrent,
        );
        if let Observation::Dense(width) = shape.observation {
            let width = width.next_multiple_of(4);
            outer(
                s,
                [width, depth, columns],
                Rows::new(observed, width),
                Rows::new(&gates[4 * padded - columns..], stride),
                &mut sums.observations,
            );
        }
    }
}
