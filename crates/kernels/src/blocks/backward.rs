//! Some steps backward.

use super::attention_back::{There, attend_back};
use super::chunk::Chunk;
use super::fast::{Remembered, remember_back};
use super::norm::normalize_back;
use super::scan::{average_back, turn_back};
use super::work::{BlockSums, BlocksMemory, BlocksWork, Saved, Scratch, sizes};
use super::{Block, Blocks, BlocksShape, Mixer, dense};
use crate::mlp::Store;
use crate::simd::{Kernel, Simd};
use std::ops::Range;

/// Some steps backward; the gradient of the last normalized rows is in the scratch.
pub(super) struct Backward<'a> {
    pub(super) of: &'a Blocks,
    pub(super) work: &'a mut BlocksWork,
    pub(super) steps: Range<usize>,
}

impl Kernel for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Backward { of, work, steps } = self;
        let (hidden, padded) = (of.shape.hidden, work.padded());
        let rows = steps.start * padded..steps.end * padded;
        let all = (&work.resets[..], &work.reads[..], &work.bases[..]);
        let chunk = Chunk::of(all, rows, (work.lanes, work.at_once), true);
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
        let width = dense(of.shape.observation);
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
        (shape, chunk): (&BlocksShape, &Chunk<'_>),
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
        (shape, chunk): (&BlocksShape, &Chunk<'_>),
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
            rotary,
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
            Mixer::FastWeight { .. } => {
                let of = shape.fast().expect("fast weights have heads");
                let out = self
                    .out
                    .as_ref()
                    .expect("what is read goes through a layer");
                out.sum(s, rows, (&saved.states[wide.clone()], d), &mut sums.out);
                let store = Store {
                    out: &mut *normed,
                    stride: hidden,
                };
                out.back(s, (d, rows), store);
                let before = chunk.index() * chunk.lanes * of.matrices();
                let there = Remembered {
                    rows: &saved.mixed[own],
                    factors: &saved.statistics[first * of.heads * 2..],
                    matrices: &saved.matrices[before..],
                };
                middle.fill(0.0);
                let span = (&chunk.span, chunk.lanes, of);
                let to = (&mut sums.carry[..], &mut *middle);
                remember_back(s, span, (there, normed), to, scores);
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
                if shape.turns() {
                    let steps = chunk.steps.iter().map(|read| read.step);
                    rotary.turn_back(sizes, steps, middle);
                }
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
