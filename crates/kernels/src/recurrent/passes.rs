//! The passes of a layer over a tile, step by step.

use super::backward::StepBackward;
use super::packed::Recurrent;
use super::source::Source;
use super::step::StepForward;
use super::sums::ChunkGradients;
use super::workspace::Workspace;
use crate::gemm::CHUNK_ROWS;
use crate::heads::add;
use crate::input::{Inputs, Observation, Observations, Trials, check_rows};

impl Recurrent {
    /// One step: `memory` is replaced, and the states after it are in `work`.
    pub(super) fn step_states(
        &self,
        work: &mut Workspace,
        inputs: &Inputs<'_>,
        memory: &mut [f32],
    ) {
        let (lanes, width) = (inputs.rows(), self.shape().memory_width());
        assert_eq!(
            memory.len(),
            lanes * width,
            "memory must be [lanes][{width}] for the lanes of the inputs"
        );
        self.check(work, inputs);
        work.prepare_forward(lanes, 1, false);
        work.load_memory(memory);
        self.forward_step(work, inputs, 0, false);
        work.store_memory(memory);
        work.steps = 0;
    }

    /// Whole trials; `after` is called after every step, with the states in `work`.
    pub(super) fn forward_states(
        &self,
        work: &mut Workspace,
        trials: Trials<'_>,
        mut after: impl FnMut(&Workspace, usize),
    ) {
        let steps = trials.steps();
        self.check(work, &trials.inputs);
        work.prepare_forward(trials.lanes, steps, true);
        work.load_memory(&[]);
        for t in 0..steps {
            self.forward_step(work, &trials.inputs, t, true);
            after(work, t);
        }
    }

    /// Checks everything that goes in.
    fn check(&self, work: &Workspace, inputs: &Inputs<'_>) {
        assert!(
            work.shape == *self.shape() && work.isa == self.isa,
            "the workspace was made for another network"
        );
        assert!(self.is_packed(), "a layer without parameters");
        check_rows(self.shape().observation, inputs, inputs.rows());
    }

    pub(super) fn check_features(&self, len: usize, rows: usize) {
        let hidden = self.shape().hidden;
        assert_eq!(len, rows * hidden, "features must be [rows][{hidden}]");
    }

    fn forward_step(&self, work: &mut Workspace, inputs: &Inputs<'_>, t: usize, save: bool) {
        work.set_rows(inputs, t);
        let observed = observed(inputs, self.shape().observation, work.lanes, t);
        self.isa.dispatch(StepForward {
            packed: self,
            work,
            t,
            save,
            observed,
        });
    }

    /// Backpropagation through time.
    pub(super) fn backward_chunks(
        &self,
        work: &mut Workspace,
        trials: Trials<'_>,
        gradient: &mut [f32],
        source: &mut impl Source,
    ) {
        let (steps, inputs) = (work.steps, &trials.inputs);
        let rows = work.lanes * steps;
        work.expect_saved();
        assert_eq!(trials.lanes, work.lanes, "lanes of the forward pass");
        check_rows(self.shape().observation, inputs, rows);
        assert_eq!(gradient.len(), self.layout().len(), "flat gradient");
        work.prepare_backward();
        let chunk = work.chunk_steps();
        for from in (0..steps.div_ceil(chunk)).rev().map(|c| c * chunk) {
            let to = (from + chunk).min(steps);
            for t in (from..to).rev() {
                source.load(work, t, t - from);
                work.set_rows(inputs, t);
                source.with(work, t - from, |work, features| {
                    self.isa.dispatch(StepBackward {
                        packed: self,
                        work,
                        t,
                        features,
                    });
                });
                work.mark_cuts();
            }
            source.end_chunk(work.features(from), (to - from) * work.padded_lanes());
            let masked = work.mask_states(inputs, from, to);
            work.load_observations(inputs, from, to);
            self.isa.dispatch(ChunkGradients {
                packed: self,
                work,
                from,
                to,
                masked,
            });
        }
        self.add_recurrent(work, gradient);
        self.add_inputs(work, gradient);
        work.steps = 0;
    }

    fn add_recurrent(&self, work: &Workspace, gradient: &mut [f32]) {
        let (hidden, padded) = (self.shape().hidden, self.shape().padded_hidden());
        for (slot, &gate) in self.shape().cell.facts().slots.iter().enumerate() {
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
                if shape.cell.facts().inner_bias == Some(gate) {
                    // That gate's recurrent part is in the first slot.
                    bias = (0..=shape.actions)
                        .map(|a| sums.actions[a * row + unit])
                        .sum();
                }
                gradient[layout.bias_hh.offset + parameter] += bias;
            }
        }
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

/// Copies the states after step `t` into plain rows.
pub(super) fn copy_features(work: &Workspace, t: usize, features: &mut [f32]) {
    let (lanes, hidden) = (work.lanes, work.shape.hidden);
    let states = work.features(t);
    let to = features[t * lanes * hidden..].chunks_exact_mut(hidden);
    for (to, state) in to.zip(states.data.chunks(states.stride)).take(lanes) {
        to.copy_from_slice(&state[..hidden]);
    }
}

impl Workspace {
    pub(super) fn expect_saved(&self) {
        let rows = self.lanes * self.steps;
        assert!(rows > 0, "backward needs the activations of a forward pass");
    }

    /// Steps per chunk of weight gradients.
    pub(super) fn chunk_steps(&self) -> usize {
        CHUNK_ROWS.div_ceil(self.padded_lanes())
    }

    /// Makes room for a backward pass and zeroes the sums.
    fn prepare_backward(&mut self) {
        let padded = self.shape.padded_hidden();
        let lanes = self.padded_lanes();
        let chunk = self.chunk_steps() * lanes;
        let columns = self.columns_per_row();
        self.carry.grow(lanes * padded);
        self.carry.fill(0.0);
        if self.cut.len() < lanes {
            self.cut.resize(lanes, false);
        }
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
        ] {
            sum.grow(len);
            sum.fill(0.0);
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
