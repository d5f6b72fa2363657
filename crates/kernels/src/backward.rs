//! One step backward: the gradients of states and gates.

use crate::gemm::{Panel, dot_block};
use crate::gru;
use crate::lstm;
use crate::packed::Packed;
use crate::shape::{Cell, PANEL};
use crate::simd::{Kernel, Simd};
use crate::sums::input_sums;
use crate::workspace::{Row, Workspace};

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
        let StepBackward {
            packed,
            work,
            t,
            chunk_row,
        } = self;
        let frame = Frame::new(packed, work, t, chunk_row);
        // As many rows as leave their sums in registers.
        match (packed.shape().cell, S::REGISTERS) {
            (Cell::Gru, 32) => frame.gates::<S, Gru, 8>(s),
            (Cell::Gru, _) => frame.gates::<S, Gru, 4>(s),
            (Cell::Lstm, 32) => frame.gates::<S, Lstm, 8>(s),
            (Cell::Lstm, _) => frame.gates::<S, Lstm, 4>(s),
        }
        input_sums(s, packed, work, t);
    }
}

/// Pointers into a workspace for one step backward, valid for the sizes that
/// forward and backward made room for.
struct Frame<'a> {
    packed: &'a Packed,
    rows: &'a [Row],
    cut: &'a [bool],
    padded: usize,
    state_stride: usize,
    gates_stride: usize,
    /// Gates of this step, and gradients of those of the following, if any.
    gates: *mut f32,
    following: Option<*const f32>,
    states: *const f32,
    cells: *const f32,
    /// Offset into `cells` of the states after this step.
    after: usize,
    carry: *mut f32,
    head_gradients: *const f32,
    head_stride: usize,
}

impl<'a> Frame<'a> {
    fn new(packed: &'a Packed, work: &'a mut Workspace, t: usize, chunk_row: usize) -> Frame<'a> {
        let shape = packed.shape();
        let lanes = work.padded_lanes();
        let gates_stride = shape.gates_stride();
        let head_stride = (shape.actions + 1).next_multiple_of(4);
        let gates = work.gates.as_mut_ptr();
        Frame {
            packed,
            padded: shape.padded_hidden(),
            state_stride: shape.state_stride(),
            gates_stride,
            gates: gates.wrapping_add(t * lanes * gates_stride),
            following: (t + 1 < work.steps).then(|| {
                gates
                    .wrapping_add((t + 1) * lanes * gates_stride)
                    .cast_const()
            }),
            states: work.states.as_ptr(),
            cells: work.cells.as_ptr(),
            after: work.slot(t + 1),
            carry: work.carry.as_mut_ptr(),
            head_gradients: work
                .head_gradients
                .as_ptr()
                .wrapping_add(chunk_row * head_stride),
            head_stride,
            rows: &work.rows[..lanes],
            cut: &work.cut[..lanes],
        }
    }

    #[inline(always)]
    fn gates<S: Simd, C: BackwardCell, const MR: usize>(&self, s: S) {
        let mut column = 0;
        while column < self.padded {
            let two = S::REGISTERS >= 16 && column + 2 * S::LANES <= self.padded;
            for first in (0..self.rows.len()).step_by(MR) {
                // SAFETY: lanes are padded to a multiple of 8 and units to one
                // of 16, so the block lies inside of every buffer of the step.
                unsafe {
                    if two {
                        let dh = self.state_gradients::<S, C, MR, 2>(s, column, first);
                        self.points::<S, C, MR, 2>(s, column, first, dh);
                    } else {
                        let dh = self.state_gradients::<S, C, MR, 1>(s, column, first);
                        self.points::<S, C, MR, 1>(s, column, first, dh);
                    }
                }
            }
            column += if two { 2 } else { 1 } * S::LANES;
        }
    }

    /// What was carried for `lane` from `column` on.
    #[inline(always)]
    fn carried(&self, lane: usize, column: usize) -> *mut f32 {
        self.carry.wrapping_add(lane * self.padded + column)
    }

    /// Gradients of the states after the step: through the gates of the following
    /// step unless it begins with a reset, and through the heads.
    ///
    /// # Safety
    /// `first + MR` lanes and `NV` vectors of units from `column` on must lie
    /// inside of the step.
    #[inline(always)]
    unsafe fn state_gradients<S: Simd, C: BackwardCell, const MR: usize, const NV: usize>(
        &self,
        s: S,
        column: usize,
        first: usize,
    ) -> [[S::V; NV]; MR] {
        let packed = self.packed;
        self.prefetch::<S, MR, NV>(s, column, first);
        let mut acc = [[s.splat(0.0); NV]; MR];
        // SAFETY: rows and panels have as many floats as `depth` and `heads`
        // say; the block lies inside of the step by the caller's contract.
        unsafe {
            if let Some(following) = self.following {
                for r in 0..MR {
                    for v in 0..NV {
                        let carried = self.carried(first + r, column + v * S::LANES);
                        acc[r][v] = C::start(s, s.load(carried));
                    }
                }
                let depth = C::SLOTS * self.padded;
                let panel = panel::<S, NV>(&packed.recurrent_t, column, depth);
                let rows = rows_from(
                    following.wrapping_add(first * self.gates_stride),
                    self.gates_stride,
                );
                acc = dot_block(s, acc, depth, rows, panel);
                for r in 0..MR {
                    if self.cut[first + r] {
                        acc[r] = [s.splat(0.0); NV];
                    }
                }
            }
            let heads = packed.shape().actions + 1;
            let panel = panel::<S, NV>(&packed.heads_t, column, heads);
            let rows = rows_from(
                self.head_gradients.wrapping_add(first * self.head_stride),
                self.head_stride,
            );
            dot_block(s, acc, heads, rows, panel)
        }
    }

    /// Asks for what [`Frame::points`] will read, long before it does: rows are so
    /// far apart that the processor does not foresee it.
    #[inline(always)]
    fn prefetch<S: Simd, const MR: usize, const NV: usize>(
        &self,
        s: S,
        column: usize,
        first: usize,
    ) {
        for lane in first..first + MR {
            for v in 0..NV {
                let column = column + v * S::LANES;
                let gates = self.gates.wrapping_add(lane * self.gates_stride + column);
                for slot in 0..4 {
                    s.prefetch(gates.wrapping_add(slot * self.padded));
                }
                s.prefetch(self.states.wrapping_add(self.rows[lane].source + column));
            }
        }
    }

    /// The gates, given the gradients of the states after the step.
    ///
    /// # Safety
    /// As for [`Frame::state_gradients`].
    #[inline(always)]
    unsafe fn points<S: Simd, C: BackwardCell, const MR: usize, const NV: usize>(
        &self,
        s: S,
        column: usize,
        first: usize,
        dh: [[S::V; NV]; MR],
    ) {
        for r in 0..MR {
            let lane = first + r;
            let source = self.rows[lane].source;
            for v in 0..NV {
                let column = column + v * S::LANES;
                let carried = self.carried(lane, column);
                let after = self.after + lane * self.state_stride + column;
                let at = At {
                    gates: self.gates.wrapping_add(lane * self.gates_stride + column),
                    padded: self.padded,
                    state_before: self.states.wrapping_add(source + column),
                    cell_before: self.cells.wrapping_add(source + column),
                    cell_after: self.cells.wrapping_add(after),
                };
                // SAFETY: the block lies inside of the step by the caller's
                // contract.
                unsafe {
                    let mut carry = C::point(s, dh[r][v], s.load(carried), &at);
                    if source == 0 {
                        // Nothing flows through a reset.
                        carry = s.splat(0.0);
                    }
                    s.store(carried, carry);
                }
            }
        }
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
