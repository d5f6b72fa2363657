//! Everything a thread needs besides weights: saved activations and scratch.

use crate::buffer::Buffer;
use crate::input::{Inputs, NO_ACTION, Observations};
use crate::packed::Packed;
use crate::shape::{Cell, Observation, PANEL, Shape};

/// Lanes are padded to a multiple of this, so that blocks of rows have no
/// remainder. A padded lane has zero inputs and zero gradients.
pub(crate) const LANE_BLOCK: usize = 8;

/// Rows (lanes x steps) whose weight gradients are formed in one product: enough
/// to make the product deep, few enough to be still in cache.
pub(crate) const CHUNK_ROWS: usize = 128;

/// What selects and scales the packed input weights of one lane in one step.
#[derive(Clone, Copy, Default)]
pub(crate) struct Row {
    /// Where in `states` (and `cells`) the memory before the step begins: 0, the
    /// row of zeros, after a reset.
    pub(crate) source: usize,
    /// Number of the row of action weights: 0 for none, else 1 + action.
    pub(crate) action: usize,
    /// Where the row of observation pre-activations begins.
    pub(crate) observation: usize,
    pub(crate) reward: f32,
    pub(crate) boundary: f32,
}

/// Sums of gradients over a tile, in the order in which they arise.
#[derive(Default)]
pub(crate) struct GradientSums {
    /// `[slot x padded H][padded H]`.
    pub(crate) recurrent: Buffer,
    /// `[1 + A][4 x padded H]`: whole saved rows by previous action.
    pub(crate) actions: Buffer,
    /// `[4 x padded H]` each.
    pub(crate) reward: Buffer,
    pub(crate) boundary: Buffer,
    /// `[O padded to 4][gate x padded H]`.
    pub(crate) observations: Buffer,
    /// `[A + 1 padded to 4][padded H]`.
    pub(crate) heads: Buffer,
    /// `[A + 1 padded to 4]`.
    pub(crate) heads_bias: Buffer,
}

/// Saved activations and scratch of one thread, reused from call to call. It
/// grows to the largest batch it has seen and then never allocates again.
pub struct Workspace {
    pub(crate) shape: Shape,
    pub(crate) isa: crate::Isa,
    /// Lanes and steps of the sequence whose activations are saved.
    pub(crate) lanes: usize,
    pub(crate) steps: usize,
    pub(crate) rows: Vec<Row>,
    /// A row of zeros, then `[steps + 1][lanes][state stride]`: the hidden
    /// state before each step, and after the last. [`Workspace::slot`] finds a step.
    pub(crate) states: Buffer,
    /// The same for an LSTM's cell state.
    pub(crate) cells: Buffer,
    /// `[steps][lanes][gates stride]`: the slots of [`crate::packed::slot_order`]
    /// and for a GRU the candidate `n`; backward overwrites them by gradients.
    pub(crate) gates: Buffer,
    /// `[lanes][gate x padded H]`: observation part of the pre-activations.
    pub(crate) dense: Buffer,
    /// `[lanes][columns padded to 16]`: logits, then the value.
    pub(crate) heads: Buffer,
    /// `[lanes][padded H]`: for a GRU the part of a state's gradient that passes
    /// by the gates, for an LSTM the gradient of the cell state.
    pub(crate) carry: Buffer,
    /// `[lanes]`: whether the following step begins with a reset.
    pub(crate) cut: Vec<bool>,
    /// `[chunk rows][A + 1 padded to 4]`: gradients of logits and value.
    pub(crate) head_gradients: Buffer,
    /// `[chunk rows][state stride]`: states with resets applied.
    pub(crate) masked: Buffer,
    /// `[chunk rows][O padded to 4]`: dense observations.
    pub(crate) observed: Buffer,
    pub(crate) sums: GradientSums,
    /// `[A][lanes of a vector]` twice, for losses and sampling.
    pub(crate) columns: Buffer,
}

impl Workspace {
    /// An empty workspace for the shape and instruction set of `packed`.
    pub fn new(packed: &Packed) -> Workspace {
        Workspace {
            shape: *packed.shape(),
            isa: packed.isa(),
            lanes: 0,
            steps: 0,
            rows: Vec::new(),
            states: Buffer::default(),
            cells: Buffer::default(),
            gates: Buffer::default(),
            dense: Buffer::default(),
            heads: Buffer::default(),
            carry: Buffer::default(),
            cut: Vec::new(),
            head_gradients: Buffer::default(),
            masked: Buffer::default(),
            observed: Buffer::default(),
            sums: GradientSums::default(),
            columns: Buffer::zeroed(2 * PANEL * packed.shape().actions),
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
            &self.heads,
            &self.carry,
            &self.head_gradients,
            &self.masked,
            &self.observed,
            &self.columns,
            &sums.recurrent,
            &sums.actions,
            &sums.reward,
            &sums.boundary,
            &sums.observations,
            &sums.heads,
            &sums.heads_bias,
        ];
        buffers
            .iter()
            .map(|b| b.len() * size_of::<f32>())
            .sum::<usize>()
            + self.rows.len() * size_of::<Row>()
            + self.cut.len()
    }

    /// Bytes that a workspace holds which has acted in so many lanes, see
    /// [`Packed::step`].
    pub fn step_bytes(shape: &Shape, lanes: usize) -> f64 {
        let observed = match shape.observation {
            Observation::Dense(width) => LANE_BLOCK * width,
            Observation::None | Observation::OneHot(_) => 0,
        };
        4.0 * observed as f64 + Self::forward_bytes(shape, lanes, 1)
    }

    /// Bytes that a workspace holds which has gone forward and backward through
    /// a sequence, see [`Packed::backward`].
    pub fn sequence_bytes(shape: &Shape, lanes: usize, steps: usize) -> f64 {
        let padded = shape.padded_hidden() as f64;
        let rows = lanes.next_multiple_of(LANE_BLOCK);
        let chunk = (CHUNK_ROWS.div_ceil(rows) * rows) as f64;
        let columns = shape.cell.gates() as f64 * padded;
        let actions = shape.actions as f64;
        let heads = (shape.actions + 1).next_multiple_of(4) as f64;
        let (observed, summed) = match shape.observation {
            Observation::None => (0.0, 0.0),
            Observation::OneHot(width) => (0.0, width as f64),
            Observation::Dense(width) => {
                let width = width.next_multiple_of(4) as f64;
                (width, width)
            }
        };
        let gates = steps as f64 * rows as f64 * shape.gates_stride() as f64;
        let chunks = chunk * (heads + shape.state_stride() as f64 + observed);
        let carry = rows as f64 * padded;
        let sums = (columns + heads + 4.0 * (3.0 + actions)) * padded + heads + summed * columns;
        4.0 * (gates + chunks + carry + sums)
            + rows as f64
            + Self::forward_bytes(shape, lanes, steps)
    }

    /// What a forward pass grows beside the saved gates and the rows of
    /// observations.
    fn forward_bytes(shape: &Shape, lanes: usize, steps: usize) -> f64 {
        let rows = lanes.next_multiple_of(LANE_BLOCK) as f64;
        let stride = shape.state_stride() as f64;
        let memories = match shape.cell {
            Cell::Gru => 1.0,
            Cell::Lstm => 2.0,
        };
        let states = memories * stride * (1.0 + (steps as f64 + 1.0) * rows);
        let dense = match shape.observation {
            Observation::Dense(_) => shape.cell.gates() * shape.padded_hidden(),
            Observation::None | Observation::OneHot(_) => 0,
        };
        let heads = (shape.actions + 1).next_multiple_of(PANEL);
        let columns = (2 * PANEL * shape.actions) as f64;
        4.0 * (states + rows * (dense + heads) as f64 + columns) + rows * size_of::<Row>() as f64
    }

    /// Lanes of the saved sequence, padded to whole blocks.
    pub(crate) fn padded_lanes(&self) -> usize {
        self.lanes.next_multiple_of(LANE_BLOCK)
    }

    /// Where in `states` the state before step `t` begins.
    pub(crate) fn slot(&self, t: usize) -> usize {
        let stride = self.shape.state_stride();
        stride + t * self.padded_lanes() * stride
    }

    /// Columns of the pre-activations: gates x padded hidden.
    pub(crate) fn columns_per_row(&self) -> usize {
        self.shape.cell.gates() * self.shape.padded_hidden()
    }

    /// Makes room for a forward pass; `save` also for its activations.
    pub(crate) fn prepare_forward(&mut self, lanes: usize, steps: usize, save: bool) {
        self.lanes = lanes;
        self.steps = steps;
        let padded = self.padded_lanes();
        let states = self.slot(steps + 1);
        self.states.grow(states);
        if self.shape.cell == Cell::Lstm {
            self.cells.grow(states);
        }
        if save {
            self.gates.grow(steps * padded * self.shape.gates_stride());
        }
        if let Observation::Dense(width) = self.shape.observation {
            self.dense.grow(padded * self.columns_per_row());
            self.observed.grow(LANE_BLOCK * width);
        }
        self.heads
            .grow(padded * (self.shape.actions + 1).next_multiple_of(PANEL));
        if self.rows.len() < padded {
            self.rows.resize(padded, Row::default());
        }
    }

    /// Copies memory rows into the state before step 0; padded lanes get zeros.
    pub(crate) fn load_memory(&mut self, memory: &[f32]) {
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

    /// Copies the state before step `t` into memory rows.
    pub(crate) fn store_memory(&self, t: usize, memory: &mut [f32]) {
        let start = self.slot(t);
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

    /// The memory after the last step of the sequence that was run forward, into
    /// rows of [`Shape::memory_width`] floats.
    ///
    /// # Panics
    /// Where `memory` has not one row per lane of that sequence.
    pub fn final_memory(&self, memory: &mut [f32]) {
        assert_eq!(
            memory.len(),
            self.lanes * self.shape.memory_width(),
            "memory must be [lanes][memory_width]"
        );
        self.store_memory(self.steps, memory);
    }

    /// Sets `rows` for step `t` of `inputs`.
    ///
    /// # Panics
    /// Where an action or observation is out of range.
    pub(crate) fn set_rows(&mut self, inputs: &Inputs<'_>, t: usize) {
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

/// Checks the lengths of inputs and outputs against `rows` rows.
///
/// # Panics
/// Where a length is wrong or the kind of observation is not the shape's.
pub(crate) fn check_rows(shape: &Shape, inputs: &Inputs<'_>, rows: usize) {
    let lengths = [
        ("prev_action", inputs.prev_action.len()),
        ("prev_reward", inputs.prev_reward.len()),
        ("boundary", inputs.boundary.len()),
        ("reset", inputs.reset.len()),
    ];
    for (name, len) in lengths {
        assert_eq!(len, rows, "{name} must have one element per row");
    }
    match (shape.observation, inputs.observations) {
        (Observation::None, Observations::None) => {}
        (Observation::Dense(width), Observations::Dense(values)) => {
            assert_eq!(
                values.len(),
                rows * width,
                "observations must be [rows][{width}]"
            );
        }
        (Observation::OneHot(_), Observations::OneHot(states)) => {
            assert_eq!(
                states.len(),
                rows,
                "observations must have one element per row"
            );
        }
        (expected, _) => panic!("the network expects observations of kind {expected:?}"),
    }
}
