//! One step backward, and the weight gradients of a chunk of steps.

use crate::gemm::{Panel, Rows, dot_block, outer};
use crate::gru;
use crate::lstm;
use crate::packed::Packed;
use crate::shape::{Cell, Observation, PANEL};
use crate::simd::{Kernel, Simd};
use crate::workspace::Workspace;

/// A step backward of all lanes: from the gradients of the following step's
/// gates and of this step's heads to the gradients of this step's gates, and
/// from those to the sums for input weights and biases.
pub(crate) struct StepBackward<'a> {
    pub(crate) packed: &'a Packed,
    pub(crate) work: &'a mut Workspace,
    pub(crate) t: usize,
    /// First row of this step in `head_gradients`.
    pub(crate) chunk_row: usize,
}

impl Kernel for StepBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // As many rows as leave their accumulators in registers.
        match (self.packed.shape().cell, S::LANES) {
            (Cell::Gru, 16) => self.gates::<S, Gru, 8>(s),
            (Cell::Gru, _) => self.gates::<S, Gru, 4>(s),
            (Cell::Lstm, 16) => self.gates::<S, Lstm, 8>(s),
            (Cell::Lstm, _) => self.gates::<S, Lstm, 4>(s),
        }
        self.input_sums(s);
    }
}

/// What differs between cells in [`StepBackward`].
trait BackwardCell {
    /// Slots of a saved row that are gradients of recurrent pre-activations.
    const SLOTS: usize;

    /// Gradient of the state after the step so far, from what was carried.
    fn start<S: Simd>(s: S, carry: S::V) -> S::V;

    /// The gates of one vector of units, and what to carry on.
    ///
    /// # Safety
    /// The pointers must be valid for a vector, `gates` in four slots.
    unsafe fn point<S: Simd>(s: S, dh: S::V, carry: S::V, at: &At) -> S::V;
}

/// Where the vectors of one lane's units lie.
struct At {
    gates: *mut f32,
    padded: usize,
    state_before: *const f32,
    cell_before: *const f32,
    cell_after: *const f32,
}

struct Gru;

impl BackwardCell for Gru {
    const SLOTS: usize = 3;

    #[inline(always)]
    fn start<S: Simd>(_: S, carry: S::V) -> S::V {
        carry
    }

    #[inline(always)]
    unsafe fn point<S: Simd>(s: S, dh: S::V, _: S::V, at: &At) -> S::V {
        // SAFETY: by the caller's contract.
        unsafe { gru::backward(s, dh, s.load(at.state_before), at.gates, at.padded) }
    }
}

struct Lstm;

impl BackwardCell for Lstm {
    const SLOTS: usize = 4;

    #[inline(always)]
    fn start<S: Simd>(s: S, _: S::V) -> S::V {
        s.splat(0.0)
    }

    #[inline(always)]
    unsafe fn point<S: Simd>(s: S, dh: S::V, carry: S::V, at: &At) -> S::V {
        // SAFETY: by the caller's contract.
        unsafe {
            let point = lstm::Point {
                dh,
                dc: carry,
                before: s.load(at.cell_before),
                after: s.load(at.cell_after),
            };
            lstm::backward(s, point, at.gates, at.padded)
        }
    }
}

impl StepBackward<'_> {
    #[inline(always)]
    fn gates<S: Simd, C: BackwardCell, const MR: usize>(&self, s: S) {
        let padded = self.packed.shape().padded_hidden();
        let lanes = self.work.padded_lanes();
        let mut column = 0;
        while column < padded {
            let two = column + 2 * S::LANES <= padded;
            for first in (0..lanes).step_by(MR) {
                // SAFETY: lanes are padded to a multiple of 8 and units to one
                // of 16, so the block lies inside of every buffer of the step.
                unsafe {
                    if two {
                        self.block::<S, C, MR, 2>(s, column, first);
                    } else {
                        self.block::<S, C, MR, 1>(s, column, first);
                    }
                }
            }
            column += if two { 2 } else { 1 } * S::LANES;
        }
    }

    /// # Safety
    /// `first + MR` lanes and `NV` vectors of units from `column` on must lie
    /// inside of the step.
    #[inline(always)]
    unsafe fn block<S: Simd, C: BackwardCell, const MR: usize, const NV: usize>(
        &self,
        s: S,
        column: usize,
        first: usize,
    ) {
        let (packed, work, t) = (self.packed, &*self.work, self.t);
        let padded = packed.shape().padded_hidden();
        let lanes = work.padded_lanes();
        let heads = packed.shape().actions + 1;
        let stride = heads.next_multiple_of(4);
        let row = 4 * padded;
        // SAFETY: the workspace was prepared for these lanes and steps; the
        // block lies inside by the caller's contract.
        unsafe {
            let carry = work.carry.as_ptr().cast_mut().add(first * padded + column);
            let carried = |r: usize, v: usize| carry.add(r * padded + v * S::LANES);
            let mut acc = [[s.splat(0.0); NV]; MR];
            if t + 1 < work.steps {
                let following = work.gates.as_ptr().add(((t + 1) * lanes + first) * row);
                for r in 0..MR {
                    for v in 0..NV {
                        acc[r][v] = C::start(s, s.load(carried(r, v)));
                    }
                }
                let depth = C::SLOTS * padded;
                let panel = panel::<S, NV>(&packed.recurrent_t, column, depth);
                acc = dot_block(s, acc, depth, rows_from(following, row), panel);
                for r in 0..MR {
                    if work.cut[first + r] {
                        acc[r] = [s.splat(0.0); NV];
                    }
                }
            }
            let gradients = work.head_gradients.as_ptr();
            let gradients = gradients.add((self.chunk_row + first) * stride);
            let panel = panel::<S, NV>(&packed.heads_t, column, heads);
            let acc = dot_block(s, acc, heads, rows_from(gradients, stride), panel);
            let gates = work.gates.as_ptr().cast_mut();
            let gates = gates.add((t * lanes + first) * row + column);
            let after = work.slot(t + 1) + first * padded + column;
            let cells = work.cells.as_ptr();
            for r in 0..MR {
                let source = work.rows[first + r].source;
                for v in 0..NV {
                    let units = v * S::LANES;
                    let before = source + column + units;
                    let at = At {
                        gates: gates.add(r * row + units),
                        padded,
                        state_before: work.states.as_ptr().add(before),
                        cell_before: cells.wrapping_add(before),
                        cell_after: cells.wrapping_add(after + r * padded + units),
                    };
                    let mut carry = C::point(s, acc[r][v], s.load(carried(r, v)), &at);
                    if source == 0 {
                        carry = s.splat(0.0);
                    }
                    s.store(carried(r, v), carry);
                }
            }
        }
    }

    /// Adds the gates' gradients of this step to the sums by previous action, by
    /// observed state, and weighted by reward and flag.
    #[inline(always)]
    fn input_sums<S: Simd>(self, s: S) {
        let shape = *self.packed.shape();
        let padded = shape.padded_hidden();
        let row = 4 * padded;
        let lanes = self.work.lanes;
        let start = self.t * self.work.padded_lanes() * row;
        let Workspace {
            gates, rows, sums, ..
        } = self.work;
        let gates = &gates[start..start + lanes * row];
        assert!(sums.actions.len() >= (1 + shape.actions) * row);
        assert!(sums.reward.len() >= row && sums.boundary.len() >= row);
        for column in (0..row).step_by(S::LANES) {
            // SAFETY: the column lies inside of every row, and the number of
            // the action was checked when the rows were set.
            unsafe {
                let mut reward = s.load(sums.reward.as_ptr().add(column));
                let mut boundary = s.load(sums.boundary.as_ptr().add(column));
                for lane in 0..lanes {
                    let x = s.load(gates.as_ptr().add(lane * row + column));
                    let of = &rows[lane];
                    let sum = sums.actions.as_mut_ptr().add(of.action * row + column);
                    s.store(sum, s.add(s.load(sum), x));
                    reward = s.fma(s.splat(of.reward), x, reward);
                    boundary = s.fma(s.splat(of.boundary), x, boundary);
                }
                s.store(sums.reward.as_mut_ptr().add(column), reward);
                s.store(sums.boundary.as_mut_ptr().add(column), boundary);
            }
        }
        if let Observation::OneHot(width) = shape.observation {
            let columns = shape.cell.gates() * padded;
            assert!(sums.observations.len() >= width * columns);
            for lane in 0..lanes {
                let x = &gates[(lane + 1) * row - columns..][..columns];
                let sum = &mut sums.observations[rows[lane].observation..][..columns];
                for column in (0..columns).step_by(S::LANES) {
                    // SAFETY: both slices have `columns` floats, a multiple of
                    // 16.
                    unsafe {
                        let to = sum.as_mut_ptr().add(column);
                        s.store(to, s.add(s.load(to), s.load(x.as_ptr().add(column))));
                    }
                }
            }
        }
    }
}

/// The panel of `NV` vectors of columns from `column` on, of weights packed as
/// `[column panel][depth][16]`.
#[inline(always)]
fn panel<S: Simd, const NV: usize>(weights: &[f32], column: usize, depth: usize) -> Panel<NV> {
    let mut offsets = [0; NV];
    for v in 0..NV {
        let at = column % PANEL + v * S::LANES;
        offsets[v] = (at / PANEL) * depth * PANEL + at % PANEL;
    }
    Panel {
        start: weights
            .as_ptr()
            .wrapping_add((column / PANEL) * depth * PANEL),
        step: PANEL,
        offsets,
    }
}

#[inline(always)]
fn rows_from<const MR: usize>(first: *const f32, stride: usize) -> [*const f32; MR] {
    let mut rows = [first; MR];
    for r in 0..MR {
        rows[r] = first.wrapping_add(r * stride);
    }
    rows
}

/// Weight gradients of the steps `from..to`, from the gradients of their gates
/// and heads.
pub(crate) struct ChunkGradients<'a> {
    pub(crate) packed: &'a Packed,
    pub(crate) work: &'a mut Workspace,
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Whether `masked` holds the states before the steps, with resets applied.
    pub(crate) masked: bool,
}

impl Kernel for ChunkGradients<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let shape = *self.packed.shape();
        let padded = shape.padded_hidden();
        let lanes = self.work.padded_lanes();
        let depth = (self.to - self.from) * lanes;
        let (before, after) = (self.work.slot(self.from), self.work.slot(self.from + 1));
        let Workspace {
            gates,
            states,
            masked,
            head_gradients,
            observed,
            sums,
            ..
        } = self.work;
        let columns = shape.cell.gates() * padded;
        let gates = &gates[self.from * lanes * 4 * padded..];
        let states_before = if self.masked {
            Rows::new(masked, padded)
        } else {
            Rows::new(&states[before..], padded)
        };
        outer(
            s,
            [columns, depth, padded],
            Rows::new(gates, 4 * padded),
            states_before,
            &mut sums.recurrent,
        );
        let heads = (shape.actions + 1).next_multiple_of(4);
        outer(
            s,
            [heads, depth, padded],
            Rows::new(head_gradients, heads),
            Rows::new(&states[after..], padded),
            &mut sums.heads,
        );
        if let Observation::Dense(width) = shape.observation {
            let width = width.next_multiple_of(4);
            outer(
                s,
                [width, depth, columns],
                Rows::new(observed, width),
                Rows::new(&gates[4 * padded - columns..], 4 * padded),
                &mut sums.observations,
            );
        }
    }
}
