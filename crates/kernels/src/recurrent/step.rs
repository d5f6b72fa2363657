//! One step forward: the recurrent product with the gates fused behind it.

use super::cell::{CellKernels, ForCell};
use super::packed::Recurrent;
use super::workspace::{Row, Workspace};
use crate::gemm::{PANEL, Panel, dot_block, project};
use crate::input::Observation;
use crate::simd::{Kernel, Simd};

/// A step forward of all lanes of a workspace.
pub(super) struct StepForward<'a> {
    pub(super) packed: &'a Recurrent,
    pub(super) work: &'a mut Workspace,
    pub(super) t: usize,
    /// Whether the gates are saved for backward.
    pub(super) save: bool,
    /// `[lanes][O]` of this step, empty where observations are not dense.
    pub(super) observed: &'a [f32],
}

impl Kernel for StepForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let StepForward {
            packed,
            work,
            t,
            save,
            observed,
        } = self;
        if let Observation::Dense(width) = packed.shape().observation {
            project_observations(s, packed, work, observed, width);
        }
        let step = CellStep::new(packed, work, t);
        packed.shape().cell.with(Forward { s, step, save });
    }
}

/// The step of a cell.
struct Forward<'a, S> {
    s: S,
    step: CellStep<'a>,
    save: bool,
}

impl<S: Simd> ForCell for Forward<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<C: CellKernels>(self) {
        if self.save {
            C::forward::<S, true>(self.s, &self.step);
        } else {
            C::forward::<S, false>(self.s, &self.step);
        }
    }
}

/// Pointers into a workspace for one step of a cell. They are valid for the
/// sizes that [`Workspace::prepare_forward`] made room for.
pub(super) struct CellStep<'a> {
    pub(super) packed: &'a Recurrent,
    pub(super) rows: &'a [Row],
    /// Hidden units, and padded.
    pub(super) hidden: usize,
    pub(super) padded: usize,
    /// Gates x padded hidden.
    columns: usize,
    /// Floats from one lane to the next.
    pub(super) state_stride: usize,
    pub(super) gates_stride: usize,
    /// All states, at whose offsets rows have their sources.
    pub(super) states: *const f32,
    pub(super) cells: *const f32,
    /// `[lanes][state stride]` after the step.
    pub(super) next_states: *mut f32,
    pub(super) next_cells: *mut f32,
    /// `[lanes][gates stride]` of this step; dangling where not saved.
    pub(super) gates: *mut f32,
    /// What [`Row::observation`] is an offset into; null without observations.
    observations: *const f32,
}

impl<'a> CellStep<'a> {
    fn new(packed: &'a Recurrent, work: &'a mut Workspace, t: usize) -> CellStep<'a> {
        let padded = packed.shape().padded_hidden();
        let lanes = work.padded_lanes();
        let next = work.slot(t + 1);
        let (states, cells) = (work.states.as_mut_ptr(), work.cells.as_mut_ptr());
        CellStep {
            packed,
            hidden: packed.shape().hidden,
            padded,
            columns: work.columns_per_row(),
            state_stride: packed.shape().state_stride(),
            gates_stride: packed.shape().gates_stride(),
            states,
            cells,
            next_states: states.wrapping_add(next),
            // Without cell states, nothing reads it.
            next_cells: cells.wrapping_add(next),
            gates: work
                .gates
                .as_mut_ptr()
                .wrapping_add(t * lanes * packed.shape().gates_stride()),
            observations: match packed.shape().observation {
                Observation::None => std::ptr::null(),
                Observation::Dense(_) => work.dense.as_ptr(),
                Observation::OneHot(_) => packed.observations.as_ptr(),
            },
            rows: &work.rows[..lanes],
        }
    }

    /// Input part of the pre-activations of `row` from `column` on.
    ///
    /// # Safety
    /// A vector from `column` on must lie inside of the gates x padded hidden
    /// columns.
    #[inline(always)]
    pub(super) unsafe fn input<S: Simd>(&self, s: S, row: &Row, column: usize) -> S::V {
        let (packed, columns) = (self.packed, self.columns);
        // SAFETY: the tables have rows of `columns` floats, of which `set_rows`
        // checked the numbers.
        unsafe {
            let table = packed.actions.as_ptr().add(row.action * columns + column);
            let mut x = s.load(table);
            x = s.fma(
                s.splat(row.reward),
                s.load(packed.reward.as_ptr().add(column)),
                x,
            );
            x = s.fma(
                s.splat(row.boundary),
                s.load(packed.boundary.as_ptr().add(column)),
                x,
            );
            if !self.observations.is_null() {
                x = s.add(x, s.load(self.observations.add(row.observation + column)));
            }
            x
        }
    }

    /// Adds the recurrent products of `G` gates to `acc`.
    ///
    /// # Safety
    /// `first + MR` lanes and `column + LANES` units must lie inside of the step,
    /// and the cell must have `G` gates.
    #[inline(always)]
    pub(super) unsafe fn recurrent<S: Simd, const MR: usize, const G: usize>(
        &self,
        s: S,
        mut acc: [[S::V; G]; MR],
        column: usize,
        first: usize,
    ) -> [[S::V; G]; MR] {
        let sources = self.sources::<MR>(first);
        let panel = (column / PANEL) * self.hidden * G * PANEL + column % PANEL;
        let start = self.packed.recurrent.as_ptr().wrapping_add(panel);
        let step = G * PANEL;
        let mut offsets = [0; G];
        for gate in 0..G {
            offsets[gate] = gate * PANEL;
        }
        // SAFETY: the panel of this column holds `hidden` rows of `G` gates of 16
        // units; the rest by the caller's contract.
        unsafe {
            if MR * G + G < S::REGISTERS {
                let panel = Panel {
                    start,
                    step,
                    offsets,
                };
                return dot_block(s, acc, self.hidden, sources, panel);
            }
            // Where the sums of all gates do not fit the registers, one gate at a
            // time does.
            for gate in 0..G {
                let panel = Panel {
                    start,
                    step,
                    offsets: [offsets[gate]],
                };
                let one = dot_block(s, acc.map(|row| [row[gate]]), self.hidden, sources, panel);
                for r in 0..MR {
                    acc[r][gate] = one[r][0];
                }
            }
            acc
        }
    }

    /// Where the states before the step begin, for `MR` rows from `first` on.
    #[inline(always)]
    fn sources<const MR: usize>(&self, first: usize) -> [*const f32; MR] {
        let mut sources = [self.states; MR];
        for r in 0..MR {
            sources[r] = self.states.wrapping_add(self.rows[first + r].source);
        }
        sources
    }
}

#[inline(always)]
fn project_observations<S: Simd>(
    s: S,
    packed: &Recurrent,
    work: &mut Workspace,
    observed: &[f32],
    width: usize,
) {
    let (lanes, padded) = (work.lanes, work.padded_lanes());
    assert_eq!(observed.len(), lanes * width);
    // A padded lane observes zeros, which the scratch for observations holds
    // until backward fills it.
    let zeros = &mut work.observed[..width];
    zeros.fill(0.0);
    let zeros = zeros.as_ptr();
    let row = |lane: usize| {
        if lane < lanes {
            observed.as_ptr().wrapping_add(lane * width)
        } else {
            zeros
        }
    };
    // SAFETY: every row has `width` floats.
    unsafe {
        project(
            s,
            (padded, width),
            row,
            (&packed.observations, None),
            &mut work.dense,
        );
    }
}
