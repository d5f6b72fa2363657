//! One step backward: the gradients of states and gates.

use super::cell::{At, CellKernels, ForCell};
use super::packed::Recurrent;
use super::sums::input_sums;
use super::workspace::{Row, Workspace};
use crate::gemm::{PANEL, Panel, dot_block};
use crate::heads::FeatureGradient;
use crate::simd::{Kernel, Simd};

/// A step backward of all lanes: from the gradients of the following step's
/// gates and of this step's features to the gradients of this step's gates, and
/// from those to the sums for input weights and biases.
pub(super) struct StepBackward<'a> {
    pub(super) packed: &'a Recurrent,
    pub(super) work: &'a mut Workspace,
    pub(super) t: usize,
    /// Of the features of this step.
    pub(super) features: FeatureGradient<'a>,
}

impl Kernel for StepBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let StepBackward {
            packed,
            work,
            t,
            features,
        } = self;
        let frame = Frame::new(packed, work, t, features);
        packed.shape().cell.with(Gates { s, frame });
        input_sums(s, packed, work, t);
    }
}

/// The gates of a cell.
struct Gates<'a, S> {
    s: S,
    frame: Frame<'a>,
}

impl<S: Simd> ForCell for Gates<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<C: CellKernels>(self) {
        // As many rows as leave their sums in registers.
        match S::REGISTERS {
            32 => self.frame.gates::<S, C, 8>(self.s),
            _ => self.frame.gates::<S, C, 4>(self.s),
        }
    }
}

/// Pointers into a workspace for one step backward, valid for the sizes that
/// forward and backward made room for.
struct Frame<'a> {
    packed: &'a Recurrent,
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
    features: FeatureGradient<'a>,
}

impl<'a> Frame<'a> {
    fn new(
        packed: &'a Recurrent,
        work: &'a mut Workspace,
        t: usize,
        features: FeatureGradient<'a>,
    ) -> Frame<'a> {
        let shape = packed.shape();
        let lanes = work.padded_lanes();
        let gates_stride = shape.gates_stride();
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
            features,
            rows: &work.rows[..lanes],
            cut: &work.cut[..lanes],
        }
    }

    #[inline(always)]
    fn gates<S: Simd, C: CellKernels, const MR: usize>(&self, s: S) {
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
    /// step unless it begins with a reset, and as features.
    ///
    /// # Safety
    /// `first + MR` lanes and `NV` vectors of units from `column` on must lie
    /// inside of the step.
    #[inline(always)]
    unsafe fn state_gradients<S: Simd, C: CellKernels, const MR: usize, const NV: usize>(
        &self,
        s: S,
        column: usize,
        first: usize,
    ) -> [[S::V; NV]; MR] {
        let packed = self.packed;
        self.prefetch::<S, MR, NV>(s, column, first);
        let mut acc = [[s.splat(0.0); NV]; MR];
        // SAFETY: rows and panels have as many floats as their depths say, and
        // features as many as there are padded units, as checked in `backward`;
        // the block lies inside of the step by the caller's contract.
        unsafe {
            if let Some(following) = self.following {
                for r in 0..MR {
                    for v in 0..NV {
                        let carried = self.carried(first + r, column + v * S::LANES);
                        acc[r][v] = C::start(s, s.load(carried));
                    }
                }
                let depth = C::FACTS.slots.len() * self.padded;
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
            match self.features {
                FeatureGradient::Product {
                    rows,
                    depth,
                    panels,
                } => {
                    let panel = panel::<S, NV>(panels, column, depth);
                    let rows = rows_from(rows.row(first), rows.stride);
                    dot_block(s, acc, depth, rows, panel)
                }
                FeatureGradient::Rows(rows) => {
                    for r in 0..MR {
                        for v in 0..NV {
                            let given = rows.row(first + r).add(column + v * S::LANES);
                            acc[r][v] = s.add(acc[r][v], s.load(given));
                        }
                    }
                    acc
                }
            }
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
    unsafe fn points<S: Simd, C: CellKernels, const MR: usize, const NV: usize>(
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
