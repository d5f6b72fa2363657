//! Some steps forward.

use super::attention::{attend, attend_one};
use super::chunk::Chunk;
use super::fast::remember;
use super::norm::normalize;
use super::scan::{Add, Gated, average, turn};
use super::work::{BlocksMemory, BlocksWork, Saved, Scratch, sizes};
use super::{Block, Blocks, BlocksShape, Join, Mixer, dense};
use crate::mlp::Store;
use crate::simd::{Kernel, Simd};
use std::ops::Range;

/// Some steps forward.
pub(super) struct Forward<'a> {
    pub(super) of: &'a Blocks,
    pub(super) work: &'a mut BlocksWork,
    /// The lanes' own in acting; that of the work in learning.
    pub(super) memory: Option<&'a mut BlocksMemory>,
    pub(super) steps: Range<usize>,
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
        let all = (&work.resets[..], &work.reads[..], &work.bases[..]);
        let chunk = Chunk::of(all, rows, (work.lanes, work.at_once), learning);
        let width = dense(of.shape.observation);
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
        (shape, chunk): (&BlocksShape, &Chunk<'_>),
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
        (shape, chunk): (&BlocksShape, &Chunk<'_>),
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
            Mixer::FastWeight { .. } => {
                let of = shape.fast().expect("fast weights have heads");
                let gates = hidden;
                self.mix.forward(s, (x, rows), Gated { gates, store });
                let matrices = &mut memory.states[index][..];
                if chunk.learning {
                    let whole = chunk.lanes * of.matrices();
                    let before = &mut saved.matrices[chunk.index() * whole..][..whole];
                    before.copy_from_slice(&matrices[..whole]);
                }
                let out = &mut saved.states[wide];
                // Rows beyond the last lane read nothing.
                out.fill(0.0);
                let factors = &mut saved.statistics[chunk.rows.start * of.heads * 2..];
                let span = (&chunk.span, chunk.lanes, of);
                let (given, to) = ((&mut *own, factors), (matrices, &mut *out));
                remember(s, span, given, to, &mut scratch.scores);
                self.read(s, (out, rows), target);
            }
            Mixer::Attention { .. } => {
                self.mix.forward(s, (x, rows), store);
                let sizes = sizes(shape, memory.room).expect("attention has sizes");
                let cache = &mut memory.caches[index];
                let padded = chunk.span.lanes;
                if shape.turns() {
                    let steps = chunk.steps.iter().map(|read| read.step);
                    scratch.rotary.turn(sizes, steps, own);
                }
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
