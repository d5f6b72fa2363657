//! The passes of the network over a tile: one step, a sequence forward, and a
//! sequence backward.

use crate::backward::StepBackward;
use crate::input::{Inputs, Observations};
use crate::packed::{Packed, slot_order};
use crate::shape::{Cell, Observation, PANEL};
use crate::step::StepForward;
use crate::sums::ChunkGradients;
use crate::workspace::{CHUNK_ROWS, Workspace, check_rows};

/// Gradients of a loss with respect to the outputs of [`Packed::forward`].
#[derive(Clone, Copy, Debug)]
pub struct OutputGradients<'a> {
    /// `[steps][lanes][actions]`.
    pub logits: &'a [f32],
    /// `[steps][lanes]`.
    pub values: &'a [f32],
}

/// Outputs of the network, one row per lane and step.
#[derive(Debug)]
pub struct Outputs<'a> {
    /// `[rows][actions]`, unnormalized log-probabilities.
    pub logits: &'a mut [f32],
    /// `[rows]`.
    pub values: &'a mut [f32],
}

impl Outputs<'_> {
    fn check(&self, rows: usize, actions: usize) {
        assert_eq!(
            self.logits.len(),
            rows * actions,
            "logits must be [rows][{actions}]"
        );
        assert_eq!(
            self.values.len(),
            rows,
            "values must have one element per row"
        );
    }
}

impl Packed {
    /// One step of an actor: reads and replaces `memory`, `[lanes][memory_width]`,
    /// and writes the outputs of every lane. The outputs are the same to the bit
    /// as those of [`Packed::forward`] at that step, and a lane's do not depend
    /// on the other lanes.
    ///
    /// The number of lanes is that of the inputs' rows. The activations saved by
    /// a previous `forward` are lost.
    ///
    /// # Panics
    /// Where lengths do not match, or an action or observation is out of range.
    pub fn step(
        &self,
        work: &mut Workspace,
        inputs: &Inputs<'_>,
        memory: &mut [f32],
        mut outputs: Outputs<'_>,
    ) {
        let lanes = inputs.prev_action.len();
        self.check(work, inputs, 1, memory);
        outputs.check(lanes, self.shape().actions);
        work.prepare_forward(lanes, 1, false);
        work.load_memory(memory);
        self.forward_step(work, inputs, 0, false);
        work.store_memory(1, memory);
        copy_heads(work, 0, &mut outputs);
        work.steps = 0;
    }

    /// A whole sequence of `lanes` lanes, as many steps as the inputs have rows
    /// for, from the memory `[lanes][memory_width]` before its first step. Saves
    /// in `work` what [`Packed::backward`] needs.
    ///
    /// # Panics
    /// Where lengths do not match, or an action or observation is out of range.
    pub fn forward(
        &self,
        work: &mut Workspace,
        inputs: &Inputs<'_>,
        memory: &[f32],
        mut outputs: Outputs<'_>,
    ) {
        let width = self.shape().memory_width();
        assert!(
            !memory.is_empty() && memory.len().is_multiple_of(width),
            "memory must be [lanes][{width}]"
        );
        let lanes = memory.len() / width;
        let rows = inputs.prev_action.len();
        assert_eq!(rows % lanes, 0, "inputs must be [steps][{lanes} lanes]");
        let steps = rows / lanes;
        self.check(work, inputs, steps, memory);
        outputs.check(rows, self.shape().actions);
        work.prepare_forward(lanes, steps, true);
        work.load_memory(memory);
        for t in 0..steps {
            self.forward_step(work, inputs, t, true);
            copy_heads(work, t, &mut outputs);
        }
    }

    /// Checks the lengths of everything that goes in.
    fn check(&self, work: &Workspace, inputs: &Inputs<'_>, steps: usize, memory: &[f32]) {
        assert!(
            work.shape == *self.shape() && work.isa == self.isa(),
            "the workspace was made for another network"
        );
        let (rows, width) = (inputs.prev_action.len(), self.shape().memory_width());
        assert_eq!(
            memory.len() * steps,
            rows * width,
            "memory must be [lanes][{width}] for the lanes of the inputs"
        );
        check_rows(self.shape(), inputs, rows);
    }

    fn forward_step(&self, work: &mut Workspace, inputs: &Inputs<'_>, t: usize, save: bool) {
        work.set_rows(inputs, t);
        let observed = observed(inputs, self.shape().observation, work.lanes, t);
        self.isa().dispatch(StepForward {
            packed: self,
            work,
            t,
            save,
            observed,
        });
    }

    /// Backpropagation through time: adds the gradient with respect to the flat
    /// parameters to `gradient`, which has their layout. `inputs` must be those
    /// of the last [`Packed::forward`] on `work`, whose saved activations are
    /// consumed. No gradient flows into the memory before the first step, nor
    /// through a reset.
    ///
    /// # Panics
    /// Where lengths do not match or no saved activations are there.
    pub fn backward(
        &self,
        work: &mut Workspace,
        inputs: &Inputs<'_>,
        outputs: OutputGradients<'_>,
        gradient: &mut [f32],
    ) {
        let (lanes, steps) = (work.lanes, work.steps);
        let rows = lanes * steps;
        assert!(rows > 0, "backward needs the activations of a forward pass");
        check_rows(self.shape(), inputs, rows);
        let actions = self.shape().actions;
        assert_eq!(outputs.logits.len(), rows * actions, "gradients of logits");
        assert_eq!(outputs.values.len(), rows, "gradients of values");
        assert_eq!(gradient.len(), self.layout().len(), "flat gradient");
        work.prepare_backward();
        let chunk = work.chunk_steps();
        for from in (0..steps.div_ceil(chunk)).rev().map(|c| c * chunk) {
            let to = (from + chunk).min(steps);
            for t in (from..to).rev() {
                work.load_head_gradients(outputs, t, t - from);
                work.set_rows(inputs, t);
                let chunk_row = (t - from) * work.padded_lanes();
                self.isa().dispatch(StepBackward {
                    packed: self,
                    work,
                    t,
                    chunk_row,
                });
                work.mark_cuts();
            }
            let masked = work.mask_states(inputs, from, to);
            work.load_observations(inputs, from, to);
            self.isa().dispatch(ChunkGradients {
                packed: self,
                work,
                from,
                to,
                masked,
            });
        }
        self.add_gradients(work, gradient);
        work.steps = 0;
    }

    /// Adds the sums of a tile to the flat gradient, dropping all padding.
    fn add_gradients(&self, work: &Workspace, gradient: &mut [f32]) {
        self.add_recurrent(work, gradient);
        self.add_inputs(work, gradient);
        let (shape, layout, sums) = (self.shape(), self.layout(), &work.sums);
        let (hidden, padded) = (shape.hidden, shape.padded_hidden());
        let weights = layout.policy_weight.offset;
        for action in 0..shape.actions {
            let to = weights + action * hidden;
            add(
                &mut gradient[to..to + hidden],
                &sums.heads[action * padded..],
            );
        }
        add(
            &mut gradient[layout.value_weight.range()],
            &sums.heads[shape.actions * padded..],
        );
        add(&mut gradient[layout.policy_bias.range()], &sums.heads_bias);
        gradient[layout.value_bias.offset] += sums.heads_bias[shape.actions];
    }

    fn add_recurrent(&self, work: &Workspace, gradient: &mut [f32]) {
        let (hidden, padded) = (self.shape().hidden, self.shape().padded_hidden());
        for (slot, &gate) in slot_order(self.shape().cell).iter().enumerate() {
            for unit in 0..hidden {
                let to = self.layout().weight_hh.offset + (gate * hidden + unit) * hidden;
                let from = (slot * padded + unit) * padded;
                add(&mut gradient[to..to + hidden], &work.sums.recurrent[from..]);
            }
        }
    }

    fn add_inputs(&self, work: &Workspace, gradient: &mut [f32]) {
        let (shape, layout, sums) = (self.shape(), self.layout(), &work.sums);
        let (hidden, padded) = (shape.hidden, shape.padded_hidden());
        let (inputs, width) = (shape.inputs(), shape.observation.width());
        let columns = shape.cell.gates() * padded;
        let row = 4 * padded;
        for gate in 0..shape.cell.gates() {
            for unit in 0..hidden {
                let column = gate * padded + unit;
                // The input part of a saved row is its last `columns` floats.
                let saved = row - columns + column;
                let parameter = gate * hidden + unit;
                let weights =
                    &mut gradient[layout.weight_ih.offset + parameter * inputs..][..inputs];
                for (k, w) in weights[..width].iter_mut().enumerate() {
                    *w += sums.observations[k * columns + column];
                }
                let mut bias = sums.actions[saved];
                for (action, w) in weights[width..width + shape.actions].iter_mut().enumerate() {
                    let sum = sums.actions[(1 + action) * row + saved];
                    *w += sum;
                    bias += sum;
                }
                weights[inputs - 2] += sums.reward[saved];
                weights[inputs - 1] += sums.boundary[saved];
                gradient[layout.bias_ih.offset + parameter] += bias;
                if shape.cell == Cell::Gru && gate == 2 {
                    // The candidate's recurrent bias is in the first slot.
                    bias = (0..=shape.actions)
                        .map(|a| sums.actions[a * row + unit])
                        .sum();
                }
                gradient[layout.bias_hh.offset + parameter] += bias;
            }
        }
    }
}

fn add(to: &mut [f32], from: &[f32]) {
    for (a, b) in to.iter_mut().zip(from) {
        *a += b;
    }
}

/// Dense observations of step `t`, or nothing.
fn observed<'a>(inputs: &Inputs<'a>, kind: Observation, lanes: usize, t: usize) -> &'a [f32] {
    match (inputs.observations, kind) {
        (Observations::Dense(values), Observation::Dense(width)) => {
            &values[t * lanes * width..(t + 1) * lanes * width]
        }
        _ => &[],
    }
}

/// Copies the heads of step `t` from their padded rows.
fn copy_heads(work: &Workspace, t: usize, outputs: &mut Outputs<'_>) {
    let (lanes, actions) = (work.lanes, work.shape.actions);
    let columns = (actions + 1).next_multiple_of(PANEL);
    let logits = outputs.logits[t * lanes * actions..].chunks_exact_mut(actions);
    let values = &mut outputs.values[t * lanes..(t + 1) * lanes];
    let heads = work.heads.chunks_exact(columns);
    for ((row, logits), value) in heads.zip(logits).zip(values) {
        logits.copy_from_slice(&row[..actions]);
        *value = row[actions];
    }
}

impl Workspace {
    /// Steps per chunk of weight gradients.
    fn chunk_steps(&self) -> usize {
        CHUNK_ROWS.div_ceil(self.padded_lanes())
    }

    /// Makes room for a backward pass and zeroes the sums.
    fn prepare_backward(&mut self) {
        let padded = self.shape.padded_hidden();
        let lanes = self.padded_lanes();
        let chunk = self.chunk_steps() * lanes;
        let columns = self.columns_per_row();
        let heads = (self.shape.actions + 1).next_multiple_of(4);
        self.carry.grow(lanes * padded);
        self.carry.fill(0.0);
        if self.cut.len() < lanes {
            self.cut.resize(lanes, false);
        }
        self.head_gradients.grow(chunk * heads);
        self.head_gradients.fill(0.0);
        self.masked.grow(chunk * self.shape.state_stride());
        let observed = match self.shape.observation {
            Observation::Dense(width) => {
                let width = width.next_multiple_of(4);
                self.observed.grow(chunk * width);
                self.observed.fill(0.0);
                width
            }
            Observation::None => 0,
            Observation::OneHot(width) => width,
        };
        let sums = &mut self.sums;
        for (sum, len) in [
            (&mut sums.recurrent, columns * padded),
            (&mut sums.actions, (1 + self.shape.actions) * 4 * padded),
            (&mut sums.reward, 4 * padded),
            (&mut sums.boundary, 4 * padded),
            (&mut sums.observations, observed * columns),
            (&mut sums.heads, heads * padded),
            (&mut sums.heads_bias, heads),
        ] {
            sum.grow(len);
            sum.fill(0.0);
        }
    }

    /// Copies the gradients of the heads of step `t` into step `at` of the chunk,
    /// and adds them to the sums for the heads' biases.
    fn load_head_gradients(&mut self, outputs: OutputGradients<'_>, t: usize, at: usize) {
        let (lanes, actions) = (self.lanes, self.shape.actions);
        let width = (actions + 1).next_multiple_of(4);
        let first = at * self.padded_lanes() * width;
        let rows = self.head_gradients[first..].chunks_exact_mut(width);
        let logits = outputs.logits[t * lanes * actions..].chunks_exact(actions);
        let values = &outputs.values[t * lanes..(t + 1) * lanes];
        for ((row, logits), value) in rows.zip(logits).zip(values) {
            row[..actions].copy_from_slice(logits);
            row[actions] = *value;
            add(&mut self.sums.heads_bias, row);
        }
    }

    /// Remembers which lanes begin the step at hand with a reset.
    fn mark_cuts(&mut self) {
        for (cut, row) in self.cut.iter_mut().zip(&self.rows) {
            *cut = row.source == 0;
        }
    }

    /// Fills `masked` with the states before the steps `from..to`, zeros where a
    /// lane was reset; false, and nothing filled, where none was.
    fn mask_states(&mut self, inputs: &Inputs<'_>, from: usize, to: usize) -> bool {
        let (lanes, padded_lanes) = (self.lanes, self.padded_lanes());
        let resets = &inputs.reset[from * lanes..to * lanes];
        if !resets.contains(&true) {
            return false;
        }
        let stride = self.shape.state_stride();
        let start = self.slot(from);
        let len = (to - from) * padded_lanes * stride;
        self.masked[..len].copy_from_slice(&self.states[start..start + len]);
        for (i, _) in resets.iter().enumerate().filter(|(_, reset)| **reset) {
            let row = (i / lanes) * padded_lanes + i % lanes;
            self.masked[row * stride..(row + 1) * stride].fill(0.0);
        }
        true
    }

    /// Copies dense observations of the steps `from..to` into padded rows.
    fn load_observations(&mut self, inputs: &Inputs<'_>, from: usize, to: usize) {
        let Observation::Dense(width) = self.shape.observation else {
            return;
        };
        let (lanes, padded_lanes) = (self.lanes, self.padded_lanes());
        let padded = width.next_multiple_of(4);
        for t in from..to {
            let rows = observed(inputs, self.shape.observation, lanes, t).chunks_exact(width);
            let first = (t - from) * padded_lanes * padded;
            let to = self.observed[first..].chunks_exact_mut(padded);
            for (to, row) in to.zip(rows) {
                to[..width].copy_from_slice(row);
            }
        }
    }
}
