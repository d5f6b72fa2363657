//! The passes through all blocks.

use super::attention::QUERIES;
use super::backward::Backward;
use super::fast;
use super::forward::Forward;
use super::work::{BlockSums, BlocksMemory, BlocksWork, learning_room, matrices, sizes};
use super::{Block, Blocks};
use crate::heads::add;
use crate::input::{Inputs, Trials};
use std::ops::Range;

impl Blocks {
    pub(super) fn step_lanes(
        &self,
        work: &mut BlocksWork,
        inputs: &Inputs<'_>,
        memory: &mut BlocksMemory,
        features: &mut [f32],
    ) {
        let lanes = inputs.rows();
        assert_eq!(memory.lanes, lanes, "a memory of so many lanes");
        work.prepare(lanes, 1, 1);
        work.read((self, inputs), (0, false), Some(memory));
        if let Some(of) = self.shape.fast() {
            work.scratch.scores.grow(of.width);
        }
        if let Some(sizes) = sizes(&self.shape, memory.room) {
            work.scratch.scores.grow(sizes.heads * sizes.room);
            work.scratch.rotary.grow(&self.shape, sizes.room);
            let most = memory.step.iter().max().copied().unwrap_or(0);
            assert!(
                most <= memory.room,
                "a trial of more than {} steps",
                memory.room
            );
        }
        self.isa.dispatch(Forward {
            of: self,
            work,
            memory: Some(memory),
            steps: 0..1,
        });
        self.write(work, 0..1, features);
        work.steps = 0;
    }

    pub(super) fn forward_trials(
        &self,
        work: &mut BlocksWork,
        trials: Trials<'_>,
        features: &mut [f32],
    ) {
        let (lanes, steps) = (trials.lanes, trials.steps());
        let chunk = BlocksWork::chunk(&self.shape, lanes).min(steps);
        work.prepare(lanes, steps, chunk);
        let room = learning_room(steps);
        work.memory.prepare(&self.shape, lanes, room, true);
        for step in 0..steps {
            work.read((self, &trials.inputs), (step, true), None);
        }
        if let Some(of) = self.shape.fast() {
            work.scratch.scores.grow(fast::scratch(of, chunk));
            let before = matrices(&self.shape, lanes, steps.div_ceil(chunk));
            let saved = work.saved.iter_mut();
            saved.for_each(|saved| saved.matrices.grow(before));
        }
        if sizes(&self.shape, room).is_some() {
            work.scratch.scores.grow(2 * QUERIES * room);
            work.scratch.rotary.grow(&self.shape, room);
        }
        for from in (0..steps).step_by(chunk) {
            let steps = from..(from + chunk).min(steps);
            self.isa.dispatch(Forward {
                of: self,
                work,
                memory: None,
                steps: steps.clone(),
            });
            let own = self.rows_of(&steps, lanes);
            self.write(work, steps, &mut features[own]);
        }
    }

    /// Where rows of features of some steps lie.
    fn rows_of(&self, steps: &Range<usize>, lanes: usize) -> Range<usize> {
        let width = lanes * self.shape.hidden;
        steps.start * width..steps.end * width
    }

    /// The features of some steps.
    fn write(&self, work: &BlocksWork, steps: Range<usize>, features: &mut [f32]) {
        let (hidden, padded, lanes) = (self.shape.hidden, work.padded(), work.lanes);
        let [gain, bias] = &self.last_given;
        let of_steps = features.chunks_exact_mut(lanes * hidden);
        for (step, to) in steps.zip(of_steps) {
            let rows = work.last.x[step * padded * hidden..].chunks_exact(hidden);
            for (to, x) in to.chunks_exact_mut(hidden).zip(rows) {
                let given = gain.iter().zip(bias.iter());
                for ((to, x), (gain, bias)) in to.iter_mut().zip(x).zip(given) {
                    *to = x * gain + bias;
                }
            }
        }
    }

    pub(super) fn backward_trials(
        &self,
        work: &mut BlocksWork,
        trials: Trials<'_>,
        features: &[f32],
        gradient: &mut [f32],
    ) {
        let (lanes, steps) = (trials.lanes, work.steps);
        assert!(steps > 0, "backward without a forward pass");
        assert_eq!(
            trials.inputs.rows(),
            lanes * steps,
            "rows of the forward pass"
        );
        assert_eq!(lanes, work.lanes, "lanes of the forward pass");
        let chunk = BlocksWork::chunk(&self.shape, lanes).min(steps);
        work.prepare_back(chunk);
        self.clear(work);
        for from in (0..steps.div_ceil(chunk)).rev().map(|at| at * chunk) {
            let steps = from..(from + chunk).min(steps);
            self.load(work, &steps, &features[self.rows_of(&steps, lanes)]);
            self.isa.dispatch(Backward {
                of: self,
                work,
                steps,
            });
        }
        self.add_gradient(work, gradient);
        work.steps = 0;
    }

    fn clear(&self, work: &mut BlocksWork) {
        self.embed.clear(&mut work.embed);
        for (block, sums) in self.blocks.iter().zip(&mut work.sums) {
            block.mix.clear(&mut sums.mix);
            block.feed.up.clear(&mut sums.feed[0]);
            block.feed.down.clear(&mut sums.feed[1]);
            if let Some(out) = &block.out {
                out.clear(&mut sums.out);
            }
            for (gate, sums) in block.gates.iter().flatten().zip(&mut sums.gates) {
                gate.gates.clear(&mut sums[0]);
                gate.candidate.clear(&mut sums[1]);
            }
        }
        let memory = &mut work.memory;
        if let Some(sizes) = sizes(&self.shape, memory.room) {
            let caches = memory.caches.iter_mut();
            caches.for_each(|cache| cache.clear(sizes, memory.lanes));
        }
    }

    /// The gradient of the last normalized rows, in padded rows, and the sums of its
    /// gain and bias.
    fn load(&self, work: &mut BlocksWork, steps: &Range<usize>, features: &[f32]) {
        let (hidden, padded, lanes) = (self.shape.hidden, work.padded(), work.lanes);
        let (gains, biases) = work.last_sums.split_at_mut(hidden);
        let rows = steps.len() * padded;
        work.scratch.normed[..rows * hidden].fill(0.0);
        for (at, step) in steps.clone().enumerate() {
            let x = work.last.x[step * padded * hidden..].chunks_exact(hidden);
            let to = work.scratch.normed[at * padded * hidden..].chunks_exact_mut(hidden);
            let given = features[at * lanes * hidden..].chunks_exact(hidden);
            for ((to, d), x) in to.zip(given).zip(x).take(lanes) {
                for i in 0..hidden {
                    to[i] = self.last_given[0][i] * d[i];
                    gains[i] += x[i] * d[i];
                    biases[i] += d[i];
                }
            }
        }
    }

    fn add_gradient(&self, work: &mut BlocksWork, gradient: &mut [f32]) {
        let nothing = |_, _| {};
        self.embed.add_gradient(&work.embed, gradient);
        for (block, sums) in self.blocks.iter().zip(&mut work.sums) {
            block.add_turned(sums, gradient);
            let [up, down] = &sums.feed;
            block.feed.up.add_gradient(up, gradient, nothing);
            block.feed.down.add_gradient(down, gradient, nothing);
            if let Some(out) = &block.out {
                out.add_gradient(&sums.out, gradient, nothing);
            }
            for (gate, [gates, candidate]) in block.gates.iter().flatten().zip(&sums.gates) {
                gate.gates.add_gradient(gates, gradient, nothing);
                gate.candidate.add_gradient(candidate, gradient, nothing);
            }
        }
        let (gains, biases) = work.last_sums.split_at(self.shape.hidden);
        add(&mut gradient[self.last.gain.range()], gains);
        add(&mut gradient[self.last.bias.range()], biases);
    }
}

impl Block {
    /// The gradient of the mixer's first layer, and of what turns.
    fn add_turned(&self, sums: &mut BlockSums, gradient: &mut [f32]) {
        let Some([decay, angle]) = self.turn else {
            return self.mix.add_gradient(&sums.mix, gradient, |_, _| {});
        };
        let units = decay.count();
        let (d_turn, d_factor) = sums.turn.split_at_mut(2 * units);
        self.mix.add_gradient(&sums.mix, gradient, |output, d| {
            d_factor[output % units] += d;
        });
        for (unit, turn) in self.exact.iter().enumerate() {
            let d_turn = [d_turn[unit], d_turn[units + unit]].map(f64::from);
            let [d_decay, d_angle] = turn.back(d_turn, f64::from(d_factor[unit]));
            gradient[decay.offset + unit] += d_decay as f32;
            gradient[angle.offset + unit] += d_angle as f32;
        }
    }
}
