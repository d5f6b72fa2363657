//! Everything a thread needs besides weights: saved activations and scratch.

use super::packed::Recurrent;
use super::shape::Shape;
use crate::buffer::Buffer;
use crate::gemm::{CHUNK_ROWS, LANE_BLOCK, Rows};
use crate::input::{Inputs, NO_ACTION, Observation, Observations};

/// What selects and scales the packed input weights of one lane in one step.
#[derive(Clone, Copy, Default)]
pub(super) struct Row {
    /// Where in `states` (and `cells`) the memory before the step begins: 0, the
    /// row of zeros, after a reset.
    pub(super) source: usize,
    /// Number of the row of action weights: 0 for none, else 1 + action.
    pub(super) action: usize,
    /// Where the row of observation pre-activations begins.
    pub(super) observation: usize,
    pub(super) reward: f32,
    pub(super) boundary: f32,
}

/// Sums of gradients over a tile, in the order in which they arise.
#[derive(Default)]
pub(super) struct GradientSums {
    /// `[slot x padded H][padded H]`.
    pub(super) recurrent: Buffer,
    /// `[1 + A][4 x padded H]`: whole saved rows by previous action.
    pub(super) actions: Buffer,
    /// `[4 x padded H]` each.
    pub(super) reward: Buffer,
    pub(super) boundary: Buffer,
    /// `[O padded to 4][gate x padded H]`.
    pub(super) observations: Buffer,
}

/// Saved activations and scratch of one thread, reused from call to call. It
/// grows to the largest batch it has seen and then never allocates again.
pub struct Workspace {
    pub(super) shape: Shape,
    pub(super) isa: crate::Isa,
    /// Lanes and steps of the sequence whose activations are saved.
    pub(super) lanes: usize,
    pub(super) steps: usize,
    pub(super) rows: Vec<Row>,
    /// A row of zeros, then `[steps + 1][lanes][state stride]`: the hidden
    /// state before each step, and after the last. [`Workspace::slot`] finds a step.
    pub(super) states: Buffer,
    /// The same for an LSTM's cell state.
    pub(super) cells: Buffer,
    /// `[steps][lanes][gates stride]`: the slots of a cell's facts
    /// and for a GRU the candidate `n`; backward overwrites them by gradients.
    pub(super) gates: Buffer,
    /// `[lanes][gate x padded H]`: observation part of the pre-activations.
    pub(super) dense: Buffer,
    /// `[lanes][padded H]`: for a GRU the part of a state's gradient that passes
    /// by the gates, for an LSTM the gradient of the cell state.
    pub(super) carry: Buffer,
    /// `[lanes]`: whether the following step begins with a reset.
    pub(super) cut: Vec<bool>,
    /// `[lanes][padded H]`: gradients of a step's features, where they are given
    /// one by one.
    pub(super) given: Buffer,
    /// `[chunk rows][state stride]`: states with resets applied.
    pub(super) masked: Buffer,
    /// `[chunk rows][O padded to 4]`: dense observations.
    pub(super) observed: Buffer,
    pub(super) sums: GradientSums,
}

impl Workspace {
    /// An empty workspace for the shape and instruction set of `packed`.
    pub fn new(packed: &Recurrent) -> Workspace {
        Workspace {
            shape: *packed.shape(),
            isa: packed.isa,
            lanes: 0,
            steps: 0,
            rows: Vec::new(),
            states: Buffer::default(),
            cells: Buffer::default(),
            gates: Buffer::default(),
            dense: Buffer::default(),
            carry: Buffer::default(),
            cut: Vec::new(),
            given: Buffer::default(),
            masked: Buffer::default(),
            observed: Buffer::default(),
            sums: GradientSums::default(),
        }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        let sums = &self.sums;
        let buffers = [
            &self.states,
            &self.cells,
            &self.gates,
            &self.dense,
            &self.carry,
            &self.given,
            &self.masked,
            &self.observed,
            &sums.recurrent,
            &sums.actions,
            &sums.reward,
            &sums.boundary,
            &sums.observations,
        ];
        buffers
            .iter()
            .map(|b| b.len() * size_of::<f32>())
            .sum::<usize>()
            + self.rows.len() * size_of::<Row>()
            + self.cut.len()
    }

    /// Bytes that a workspace holds which has acted in so many lanes.
    pub(super) fn step_bytes(shape: &Shape, lanes: usize) -> f64 {
        let observed = match shape.observation {
            Observation::Dense(width) => LANE_BLOCK * width,
            Observation::None | Observation::OneHot(_) => 0,
        };
        4.0 * observed as f64 + Self::forward_bytes(shape, lanes, 1)
    }

    /// Bytes that a workspace holds which has gone forward and backward through
    /// a sequence, with the gradients of features given through heads.
    pub(super) fn sequence_bytes(shape: &Shape, lanes: usize, steps: usize) -> f64 {
        let padded = shape.padded_hidden() as f64;
        let rows = lanes.next_multiple_of(LANE_BLOCK);
        let chunk = (CHUNK_ROWS.div_ceil(rows) * rows) as f64;
        let columns = shape.cell.gates() as f64 * padded;
        let actions = shape.actions as f64;
        let (observed, summed) = match shape.observation {
            Observation::None => (0.0, 0.0),
            Observation::OneHot(width) => (0.0, width as f64),
            Observation::Dense(width) => {
                let width = width.next_multiple_of(4) as f64;
                (width, width)
            }
        };
        let gates = steps as f64 * rows as f64 * shape.gates_stride() as f64;
        let chunks = chunk * (shape.state_stride() as f64 + observed);
        let carry = rows as f64 * padded;
        let sums = (columns + 4.0 * (3.0 + actions)) * padded + summed * columns;
        4.0 * (gates + chunks + carry + sums)
            + rows as f64
            + Self::forward_bytes(shape, lanes, steps)
    }

    /// What a forward pass grows beside the saved gates and the rows of
    /// observations.
    fn forward_bytes(shape: &Shape, lanes: usize, steps: usize) -> f64 {
        let rows = lanes.next_multiple_of(LANE_BLOCK) as f64;
        let stride = shape.state_stride() as f64;
        let memories = shape.cell.facts().memories as f64;
        let states = memories * stride * (1.0 + (steps as f64 + 1.0) * rows);
        let dense = match shape.observation {
            Observation::Dense(_) => shape.cell.gates() * shape.padded_hidden(),
            Observation::None | Observation::OneHot(_) => 0,
        };
        4.0 * (states + rows * dense as f64) + rows * size_of::<Row>() as f64
    }

    /// Lanes of the saved sequence, padded to whole blocks.
    pub(super) fn padded_lanes(&self) -> usize {
        self.lanes.next_multiple_of(LANE_BLOCK)
    }

    /// Where in `states` the state before step `t` begins.
    pub(super) fn slot(&self, t: usize) -> usize {
        let stride = self.shape.state_stride();
        stride + t * self.padded_lanes() * stride
    }

    /// Columns of the pre-activations: gates x padded hidden.
    pub(super) fn columns_per_row(&self) -> usize {
        self.shape.cell.gates() * self.shape.padded_hidden()
    }

    /// Makes room for a forward pass; `save` also for its activations.
    pub(super) fn prepare_forward(&mut self, lanes: usize, steps: usize, save: bool) {
        self.lanes = lanes;
        self.steps = steps;
        let padded = self.padded_lanes();
        let states = self.slot(steps + 1);
        self.states.grow(states);
        if self.shape.cell.facts().memories > 1 {
            self.cells.grow(states);
        }
        if save {
            self.gates.grow(steps * padded * self.shape.gates_stride());
        }
        if let Observation::Dense(width) = self.shape.observation {
            self.dense.grow(padded * self.columns_per_row());
            self.observed.grow(LANE_BLOCK * width);
        }
        if self.rows.len() < padded {
            self.rows.resize(padded, Row::default());
        }
    }

    /// Copies memory rows into the state before step 0; lanes without one get zeros.
    pub(super) fn load_memory(&mut self, memory: &[f32]) {
        let (start, end) = (self.slot(0), self.slot(1));
        let (hidden, stride) = (self.shape.padded_hidden(), self.shape.state_stride());
        let width = self.shape.memory_width();
        for (part, buffer) in [&mut self.states, &mut self.cells].into_iter().enumerate() {
            if (part + 1) * hidden > width {
                continue;
            }
            let rows = buffer[start..end].chunks_exact_mut(stride);
            for (lane, row) in rows.enumerate() {
                match memory.get(lane * width + part * hidden..) {
                    Some(from) if !from.is_empty() => {
                        row[..hidden].copy_from_slice(&from[..hidden])
                    }
                    _ => row.fill(0.0),
                }
            }
        }
    }

    /// Copies the state after step 0 into memory rows.
    pub(super) fn store_memory(&self, memory: &mut [f32]) {
        let start = self.slot(1);
        let (hidden, stride) = (self.shape.padded_hidden(), self.shape.state_stride());
        let rows = memory.chunks_exact_mut(self.shape.memory_width());
        for (lane, row) in rows.enumerate() {
            for (to, from) in row
                .chunks_exact_mut(hidden)
                .zip([&self.states, &self.cells])
            {
                to.copy_from_slice(&from[start + lane * stride..][..hidden]);
            }
        }
    }

    /// The states after the steps from `t` on, as rows of all lanes.
    pub(super) fn features(&self, t: usize) -> Rows<'_> {
        Rows::new(&self.states[self.slot(t + 1)..], self.shape.state_stride())
    }

    /// Sets `rows` for step `t` of `inputs`.
    ///
    /// # Panics
    /// Where an action or observation is out of range.
    pub(super) fn set_rows(&mut self, inputs: &Inputs<'_>, t: usize) {
        let lanes = self.lanes;
        let stride = self.shape.state_stride();
        let (slot, columns) = (self.slot(t), self.columns_per_row());
        let padded = self.padded_lanes();
        for (lane, row) in self.rows[..padded].iter_mut().enumerate() {
            *row = Row {
                source: slot + lane * stride,
                observation: match inputs.observations {
                    Observations::Dense(_) => lane * columns,
                    Observations::None | Observations::OneHot(_) => 0,
                },
                ..Row::default()
            };
            if lane >= lanes {
                continue;
            }
            let i = t * lanes + lane;
            if inputs.reset[i] {
                row.source = 0;
            }
            row.reward = inputs.prev_reward[i];
            row.boundary = inputs.boundary[i];
            let action = inputs.prev_action[i];
            if action != NO_ACTION {
                assert!(
                    (action as usize) < self.shape.actions,
                    "previous action {action} of row {i} must be below {} or NO_ACTION",
                    self.shape.actions
                );
                row.action = 1 + action as usize;
            }
            if let Observations::OneHot(states) = inputs.observations {
                let state = states[i] as usize;
                assert!(
                    state < self.shape.observation.width(),
                    "observed state {state} of row {i} must be below {}",
                    self.shape.observation.width()
                );
                row.observation = state * columns;
            }
        }
    }
}
