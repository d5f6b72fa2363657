//! One step forward: the recurrent product with the gates fused behind it, and
//! the heads.

use crate::gemm::{Panel, dot_block};
use crate::gru;
use crate::lstm;
use crate::packed::Packed;
use crate::shape::{Cell, Observation, PANEL};
use crate::simd::{Kernel, Simd};
use crate::workspace::{LANE_BLOCK, Row, Workspace};

/// A step forward of all lanes of a workspace.
pub(crate) struct StepForward<'a> {
    pub(crate) packed: &'a Packed,
    pub(crate) work: &'a mut Workspace,
    pub(crate) t: usize,
    /// Whether the gates are saved for backward.
    pub(crate) save: bool,
    /// `[lanes][O]` of this step, empty where observations are not dense.
    pub(crate) observed: &'a [f32],
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
        match (packed.shape().cell, save) {
            (Cell::Gru, true) => gru::forward::<S, true>(s, &step),
            (Cell::Gru, false) => gru::forward::<S, false>(s, &step),
            (Cell::Lstm, true) => lstm::forward::<S, true>(s, &step),
            (Cell::Lstm, false) => lstm::forward::<S, false>(s, &step),
        }
        project_heads(s, packed, work, t);
    }
}

/// Pointers into a workspace for one step of a cell. They are valid for the
/// sizes that [`Workspace::prepare_forward`] made room for.
pub(crate) struct CellStep<'a> {
    pub(crate) packed: &'a Packed,
    pub(crate) rows: &'a [Row],
    /// Hidden units, and padded.
    pub(crate) hidden: usize,
    pub(crate) padded: usize,
    /// Floats from one lane to the next.
    pub(crate) state_stride: usize,
    pub(crate) gates_stride: usize,
    /// All states, at whose offsets rows have their sources.
    pub(crate) states: *const f32,
    pub(crate) cells: *const f32,
    /// `[lanes][state stride]` after the step.
    pub(crate) next_states: *mut f32,
    pub(crate) next_cells: *mut f32,
    /// `[lanes][gates stride]` of this step; dangling where not saved.
    pub(crate) gates: *mut f32,
    /// What [`Row::observation`] is an offset into; null without observations.
    observations: *const f32,
}

impl<'a> CellStep<'a> {
    fn new(packed: &'a Packed, work: &'a mut Workspace, t: usize) -> CellStep<'a> {
        let padded = packed.shape().padded_hidden();
        let lanes = work.padded_lanes();
        let next = work.slot(t + 1);
        let lstm = packed.shape().cell == Cell::Lstm;
        let (states, cells) = (work.states.as_mut_ptr(), work.cells.as_mut_ptr());
        CellStep {
            packed,
            hidden: packed.shape().hidden,
            padded,
            state_stride: packed.shape().state_stride(),
            gates_stride: packed.shape().gates_stride(),
            states,
            cells,
            next_states: states.wrapping_add(next),
            next_cells: cells.wrapping_add(if lstm { next } else { 0 }),
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
    pub(crate) unsafe fn input<S: Simd>(&self, s: S, row: &Row, column: usize) -> S::V {
        let columns = self.packed.shape().cell.gates() * self.padded;
        let packed = self.packed;
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
    pub(crate) unsafe fn recurrent<S: Simd, const MR: usize, const G: usize>(
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

/// `out[lane][column] = bias[column] + sum_k a[lane][k] weights[k][column]` over
/// packed panels of 16 columns.
///
/// # Safety
/// `a(lane)` must be valid for reads of `depth` floats for every lane below
/// `lanes`, a multiple of [`LANE_BLOCK`].
#[inline(always)]
unsafe fn project<S: Simd>(
    s: S,
    lanes: usize,
    depth: usize,
    a: impl Fn(usize) -> *const f32,
    (weights, bias): (&[f32], Option<&[f32]>),
    out: &mut [f32],
) {
    let panels = if depth == 0 {
        0
    } else {
        weights.len() / (depth * PANEL)
    };
    let columns = panels * PANEL;
    assert!(lanes.is_multiple_of(LANE_BLOCK) && out.len() >= lanes * columns);
    assert!(bias.is_none_or(|b| b.len() >= columns));
    for column in (0..columns).step_by(S::LANES) {
        let start = (column / PANEL) * depth * PANEL + column % PANEL;
        let panel = Panel {
            start: weights.as_ptr().wrapping_add(start),
            step: PANEL,
            offsets: [0],
        };
        let first = match bias {
            // SAFETY: the bias has `columns` floats.
            Some(bias) => unsafe { s.load(bias.as_ptr().add(column)) },
            None => s.splat(0.0),
        };
        for block in (0..lanes).step_by(LANE_BLOCK) {
            let mut rows = [std::ptr::null(); LANE_BLOCK];
            for r in 0..LANE_BLOCK {
                rows[r] = a(block + r);
            }
            // SAFETY: rows by the caller's contract; the panel and the output
            // by the sizes above.
            unsafe {
                let acc = dot_block(s, [[first]; LANE_BLOCK], depth, rows, panel);
                for r in 0..LANE_BLOCK {
                    let to = out.as_mut_ptr().add((block + r) * columns + column);
                    s.store(to, acc[r][0]);
                }
            }
        }
    }
}

#[inline(always)]
fn project_observations<S: Simd>(
    s: S,
    packed: &Packed,
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
            padded,
            width,
            row,
            (&packed.observations, None),
            &mut work.dense,
        );
    }
}

/// Logits and values of the states after step `t`.
#[inline(always)]
fn project_heads<S: Simd>(s: S, packed: &Packed, work: &mut Workspace, t: usize) {
    let stride = packed.shape().state_stride();
    let lanes = work.padded_lanes();
    let next = work.slot(t + 1);
    let states = &work.states[next..next + lanes * stride];
    let row = |lane: usize| states.as_ptr().wrapping_add(lane * stride);
    // SAFETY: every row has `stride` floats, more than `hidden`.
    unsafe {
        project(
            s,
            lanes,
            packed.shape().hidden,
            row,
            (&packed.heads, Some(&packed.heads_bias)),
            &mut work.heads,
        );
    }
}
