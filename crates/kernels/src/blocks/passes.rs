//! The passes through all blocks.

use super::attention::{QUERIES, Queries, Sizes, There, attend, attend_back, attend_one};
use super::norm::{normalize, normalize_back};
use super::scan::{Add, Gated, average, average_back, turn, turn_back};
use super::work::{BlockSums, BlocksMemory, BlocksWork, Saved, Scratch, learning_room, sizes};
use super::{Block, Blocks, Join, Mixer, Span};
use crate::input::{Inputs, Trials};
use crate::mlp::Store;
use crate::simd::{Kernel, Simd};
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
        if let Some(sizes) = sizes(&self.shape, memory.room) {
            work.scratch.scores.grow(sizes.heads * sizes.room);
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
        if sizes(&self.shape, room).is_some() {
            work.scratch.scores.grow(2 * QUERIES * room);
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
        crate::heads::add(&mut gradient[self.last.gain.range()], gains);
        crate::heads::add(&mut gradient[self.last.bias.range()], biases);
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

/// Some steps forward.
struct Forward<'a> {
    of: &'a Blocks,
    work: &'a mut BlocksWork,
    /// The lanes' own in acting; that of the work in learning.
    memory: Option<&'a mut BlocksMemory>,
    steps: Range<usize>,
}

/// Rows of some steps.
struct Chunk<'a> {
    /// Among all that are saved.
    rows: Range<usize>,
    span: Span<'a>,
    /// `[rows of the chunk]`
    steps: &'a [super::embed::Read],
    bases: &'a [usize],
    lanes: usize,
    learning: bool,
}

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Forward {
            of,
            work,
            memory,
            steps,
        } = self;
        let (hidden, padded) = (of.shape.hidden, work.padded());
        let learning = memory.is_none();
        let memory = memory.unwrap_or(&mut work.memory);
        let rows = steps.start * padded..steps.end * padded;
        let chunk = Chunk {
            span: Span {
                lanes: padded,
                resets: &work.resets[rows.clone()],
            },
            steps: &work.reads[rows.clone()],
            bases: &work.bases[rows.clone()],
            lanes: work.lanes,
            learning,
            rows,
        };
        let width = super::dense(of.shape.observation);
        let observed = &work.observed[chunk.rows.start * width..chunk.rows.end * width];
        of.embed
            .forward(s, (chunk.steps, observed), &mut work.scratch.y);
        for (index, (block, saved)) in of.blocks.iter().zip(&mut work.saved).enumerate() {
            block.forward(
                s,
                (&of.shape, &chunk),
                (memory, index),
                (saved, &mut work.scratch),
            );
        }
        let size = (chunk.rows.len(), hidden);
        let wide = chunk.rows.start * hidden;
        let to = (
            &mut work.last.x[wide..],
            &mut work.last.inverse[chunk.rows.start..],
        );
        normalize(s, size, &work.scratch.y, to);
    }
}

impl Block {
    #[inline(always)]
    fn forward<S: Simd>(
        &self,
        s: S,
        (shape, chunk): (&super::BlocksShape, &Chunk<'_>),
        (memory, index): (&mut BlocksMemory, usize),
        (saved, scratch): (&mut Saved, &mut Scratch),
    ) {
        let hidden = shape.hidden;
        let (rows, first) = (chunk.rows.len(), chunk.rows.start);
        let wide = first * hidden..chunk.rows.end * hidden;
        let inverse = &mut saved.first.inverse[first..];
        let x = &mut saved.first.x[wide.clone()];
        normalize(s, (rows, hidden), &scratch.y, (&mut *x, inverse));
        if self.gates.is_some() {
            scratch.branch[..rows * hidden].fill(0.0);
        }
        self.mix(s, (shape, chunk), (memory, index), (saved, scratch));
        if let Some([gate, _]) = &self.gates {
            let given = (&scratch.branch[..rows * hidden], &mut scratch.y[..]);
            gate.forward(s, given, (&mut saved.gates[0], first, rows));
        }
        let inverse = &mut saved.second.inverse[first..];
        let x = &mut saved.second.x[wide];
        normalize(s, (rows, hidden), &scratch.y, (&mut *x, inverse));
        let risen = first * self.feed.up.outputs..chunk.rows.end * self.feed.up.outputs;
        let target = match &self.gates {
            None => &mut scratch.y,
            Some(_) => {
                scratch.branch[..rows * hidden].fill(0.0);
                &mut scratch.branch
            }
        };
        let kept = (&mut saved.risen[risen], &mut scratch.units);
        self.feed.forward(s, (x, rows), kept, target);
        if let Some([_, gate]) = &self.gates {
            let given = (&scratch.branch[..rows * hidden], &mut scratch.y[..]);
            gate.forward(s, given, (&mut saved.gates[1], first, rows));
        }
    }

    /// Adds what the memory gives to what passes by, or to the branch.
    #[inline(always)]
    fn mix<S: Simd>(
        &self,
        s: S,
        (shape, chunk): (&super::BlocksShape, &Chunk<'_>),
        (memory, index): (&mut BlocksMemory, usize),
        (saved, scratch): (&mut Saved, &mut Scratch),
    ) {
        let (hidden, mixed) = (shape.hidden, self.mix.outputs);
        let rows = chunk.rows.len();
        let wide = chunk.rows.start * hidden..chunk.rows.end * hidden;
        let x = &saved.first.x[wide.clone()];
        let own = &mut saved.mixed[chunk.rows.start * mixed..chunk.rows.end * mixed];
        let target = match shape.join {
            Join::Sum => &mut scratch.y,
            Join::Gru => &mut scratch.branch,
        };
        let store = Store {
            out: &mut *own,
            stride: mixed,
        };
        match shape.mixer {
            Mixer::MinGru => {
                let gates = hidden;
                self.mix.forward(s, (x, rows), Gated { gates, store });
                let states = &mut saved.states[wide];
                let to = (&mut memory.states[index][..], states, &mut target[..]);
                average(s, (&chunk.span, hidden), own, to);
            }
            Mixer::Lru => {
                self.mix.forward(s, (x, rows), store);
                let to = (&mut memory.states[index][..], &mut *own);
                turn(s, (&chunk.span, hidden), &self.turns, to);
                self.read(s, (own, rows), target);
            }
            Mixer::Attention { .. } => {
                self.mix.forward(s, (x, rows), store);
                let sizes = sizes(shape, memory.room).expect("attention has sizes");
                let cache = &mut memory.caches[index];
                let padded = chunk.span.lanes;
                for row in (0..rows).filter(|row| row % padded < chunk.lanes) {
                    let place = chunk.bases[row] + chunk.steps[row].step;
                    let of_row = &own[row * mixed..(row + 1) * mixed];
                    cache.put(sizes, (row % padded, place), of_row, chunk.learning);
                }
                let out = &mut saved.states[wide];
                // Rows beyond the last lane read nothing.
                out.fill(0.0);
                let scores = &mut scratch.scores;
                match chunk.learning {
                    true => {
                        let heads = chunk.rows.start * sizes.heads * 2;
                        let statistics = &mut saved.statistics[heads..];
                        for queries in chunk.queries() {
                            let to = (&mut *out, &mut *statistics);
                            attend(s, (sizes, cache), (queries, own), to, scores);
                        }
                    }
                    false => {
                        for lane in 0..chunk.lanes {
                            let query = &own[lane * mixed..][..hidden];
                            let to = &mut out[lane * hidden..][..hidden];
                            let places = chunk.steps[lane].step + 1;
                            let of_lane = (lane, places);
                            attend_one(s, (sizes, cache), of_lane, (query, to), scores);
                        }
                    }
                }
                self.read(s, (out, rows), target);
            }
        }
    }

    /// Adds what was read, through the last layer.
    #[inline(always)]
    fn read<S: Simd>(&self, s: S, (a, rows): (&[f32], usize), target: &mut [f32]) {
        let out = self
            .out
            .as_ref()
            .expect("what is read goes through a layer");
        let stride = out.outputs;
        let store = Store {
            out: target,
            stride,
        };
        out.forward(s, (a, rows), Add(store));
    }
}

/// A chunk's queries, lane by lane, those of one trial together, as many as are worked
/// on at once.
struct QueriesOf<'a> {
    chunk: &'a Chunk<'a>,
    lane: usize,
    step: usize,
}

impl<'a> Chunk<'a> {
    fn queries(&'a self) -> QueriesOf<'a> {
        QueriesOf {
            chunk: self,
            lane: 0,
            step: 0,
        }
    }
}

impl Iterator for QueriesOf<'_> {
    type Item = Queries;

    fn next(&mut self) -> Option<Queries> {
        let (chunk, lane) = (self.chunk, self.lane);
        if lane == chunk.lanes {
            return None;
        }
        let padded = chunk.span.lanes;
        let (steps, row) = (chunk.rows.len() / padded, self.step * padded + lane);
        let more = (self.step + 1..steps).take(QUERIES - 1);
        let more = more.take_while(|step| !chunk.span.begins(step * padded + lane));
        let count = 1 + more.count();
        self.step += count;
        if self.step == steps {
            (self.lane, self.step) = (lane + 1, 0);
        }
        Some(Queries {
            lane,
            base: chunk.bases[row],
            place: chunk.bases[row] + chunk.steps[row].step,
            count,
            row,
            stride: padded,
        })
    }
}

/// Some steps backward; the gradient of the last normalized rows is in the scratch.
struct Backward<'a> {
    of: &'a Blocks,
    work: &'a mut BlocksWork,
    steps: Range<usize>,
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Backward { of, work, steps } = self;
        let (hidden, padded) = (of.shape.hidden, work.padded());
        let rows = steps.start * padded..steps.end * padded;
        let chunk = Chunk {
            span: Span {
                lanes: padded,
                resets: &work.resets[rows.clone()],
            },
            steps: &work.reads[rows.clone()],
            bases: &work.bases[rows.clone()],
            lanes: work.lanes,
            learning: true,
            rows,
        };
        let (count, first) = (chunk.rows.len(), chunk.rows.start);
        let size = (count, hidden);
        let scratch = &mut work.scratch;
        scratch.y[..count * hidden].fill(0.0);
        let last = (
            &work.last.x[first * hidden..chunk.rows.end * hidden],
            &work.last.inverse[first..],
            &scratch.normed[..],
        );
        normalize_back(s, size, last, &mut scratch.y);
        let blocks = of.blocks.iter().zip(&work.saved).zip(&mut work.sums);
        for (index, ((block, saved), sums)) in blocks.enumerate().rev() {
            block.backward(
                s,
                (&of.shape, &chunk),
                (&mut work.memory, index),
                (saved, scratch, sums),
            );
        }
        let width = super::dense(of.shape.observation);
        let observed = &work.observed[first * width..chunk.rows.end * width];
        let read = (chunk.steps, observed);
        of.embed.sum(s, read, &scratch.y, &mut work.embed);
    }
}

impl Block {
    #[inline(always)]
    fn backward<S: Simd>(
        &self,
        s: S,
        (shape, chunk): (&super::BlocksShape, &Chunk<'_>),
        (memory, index): (&mut BlocksMemory, usize),
        (saved, scratch, sums): (&Saved, &mut Scratch, &mut BlockSums),
    ) {
        let hidden = shape.hidden;
        let (rows, first) = (chunk.rows.len(), chunk.rows.start);
        let wide = first * hidden..chunk.rows.end * hidden;
        let risen = first * self.feed.up.outputs..chunk.rows.end * self.feed.up.outputs;
        let Scratch {
            y,
            branch,
            normed,
            wide: middle,
            units,
            gate: gate_scratch,
            ..
        } = &mut *scratch;
        if let Some([_, gate]) = &self.gates {
            let kept = (&saved.gates[1], first, rows);
            let to = (&mut *gate_scratch, &mut sums.gates[1]);
            gate.backward(s, (y, branch), kept, to);
        }
        let d = if self.gates.is_some() { &*branch } else { &*y };
        let x = &saved.second.x[wide.clone()];
        let there = (x, &saved.risen[risen], rows);
        let to = (&mut *units, &mut *middle, &mut sums.feed);
        self.feed.backward(s, there, (d, normed), to);
        let inverse = &saved.second.inverse[first..];
        normalize_back(s, (rows, hidden), (x, inverse, normed), y);
        if let Some([gate, _]) = &self.gates {
            let kept = (&saved.gates[0], first, rows);
            let to = (&mut *gate_scratch, &mut sums.gates[0]);
            gate.backward(s, (y, branch), kept, to);
        }
        self.mix_back(s, (shape, chunk), (memory, index), (saved, scratch, sums));
        let Scratch { y, normed, .. } = scratch;
        let x = &saved.first.x[wide];
        let inverse = &saved.first.inverse[first..];
        normalize_back(s, (rows, hidden), (x, inverse, normed), y);
    }

    /// Writes the gradient of the normalized rows that the mixer reads.
    #[inline(always)]
    fn mix_back<S: Simd>(
        &self,
        s: S,
        (shape, chunk): (&super::BlocksShape, &Chunk<'_>),
        (memory, index): (&mut BlocksMemory, usize),
        (saved, scratch, sums): (&Saved, &mut Scratch, &mut BlockSums),
    ) {
        let (hidden, mixed) = (shape.hidden, self.mix.outputs);
        let (rows, first) = (chunk.rows.len(), chunk.rows.start);
        let wide = first * hidden..chunk.rows.end * hidden;
        let own = first * mixed..chunk.rows.end * mixed;
        let Scratch {
            y,
            branch,
            normed,
            wide: middle,
            scores,
            ..
        } = scratch;
        let d = if self.gates.is_some() { &*branch } else { &*y };
        let d = &d[..rows * hidden];
        let middle = &mut middle[..rows * mixed];
        match shape.mixer {
            Mixer::MinGru => {
                middle.copy_from_slice(&saved.mixed[own]);
                let from = (d, (&saved.states[..], first));
                let to = (&mut sums.carry[..], &mut *middle);
                average_back(s, (&chunk.span, hidden), from, to);
            }
            Mixer::Lru => {
                let out = self
                    .out
                    .as_ref()
                    .expect("what is read goes through a layer");
                out.sum(s, rows, (&saved.mixed[own], d), &mut sums.out);
                let store = Store {
                    out: &mut *middle,
                    stride: mixed,
                };
                out.back(s, (d, rows), store);
                let from = (&self.turns[..], (&saved.mixed[..], first));
                let to = (&mut sums.carry[..], &mut *middle, &mut sums.turn[..]);
                turn_back(s, (&chunk.span, hidden), from, to);
            }
            Mixer::Attention { .. } => {
                let out = self
                    .out
                    .as_ref()
                    .expect("what is read goes through a layer");
                let read = &saved.states[wide.clone()];
                out.sum(s, rows, (read, d), &mut sums.out);
                let store = Store {
                    out: &mut *normed,
                    stride: hidden,
                };
                out.back(s, (d, rows), store);
                let sizes = sizes(shape, memory.room).expect("attention has sizes");
                let there = There {
                    rows: &saved.mixed[own],
                    out: read,
                    statistics: &saved.statistics[first * sizes.heads * 2..],
                };
                middle.fill(0.0);
                let cache = &mut memory.caches[index];
                for queries in chunk.queries() {
                    let to = (&normed[..], &mut *middle);
                    attend_back(s, (sizes, cache), (queries, there), to, scores);
                }
                chunk.take(sizes, cache, middle);
            }
        }
        let x = &saved.first.x[wide];
        self.mix.sum(s, rows, (x, middle), &mut sums.mix);
        let store = Store {
            out: normed,
            stride: hidden,
        };
        self.mix.back(s, (middle, rows), store);
    }
}

impl Chunk<'_> {
    /// Takes the gradients of keys and values, which no earlier step adds to.
    #[inline(always)]
    fn take(&self, sizes: Sizes, cache: &super::attention::Cache, rows: &mut [f32]) {
        let (padded, width) = (self.span.lanes, 3 * sizes.units());
        for (row, to) in rows.chunks_exact_mut(width).enumerate() {
            if row % padded < self.lanes {
                let place = self.bases[row] + self.steps[row].step;
                cache.take(sizes, (row % padded, place), to);
            }
        }
    }
}
