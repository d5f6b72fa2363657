//! Some steps of all lanes, which go through all blocks together.

use super::Span;
use super::attention::{QUERIES, Queries};
use super::cache::{Cache, Sizes};
use super::embed::Read;
use crate::gemm::LANE_BLOCK;
use std::ops::Range;

/// Rows of some steps.
pub(super) struct Chunk<'a> {
    /// Among all that are saved.
    pub(super) rows: Range<usize>,
    pub(super) span: Span<'a>,
    /// `[rows of the chunk]`
    pub(super) steps: &'a [Read],
    pub(super) bases: &'a [usize],
    pub(super) lanes: usize,
    /// Steps of every chunk but the last.
    pub(super) at_once: usize,
    pub(super) learning: bool,
}

/// A chunk's queries, lane by lane, those of one trial together, as many as are worked
/// on at once.
pub(super) struct QueriesOf<'a> {
    chunk: &'a Chunk<'a>,
    lane: usize,
    step: usize,
}

impl<'a> Chunk<'a> {
    /// Some of all rows, whose resets, inputs and first places are given.
    pub(super) fn of(
        (resets, reads, bases): (&'a [bool], &'a [Read], &'a [usize]),
        rows: Range<usize>,
        (lanes, at_once): (usize, usize),
        learning: bool,
    ) -> Self {
        Self {
            span: Span {
                lanes: lanes.next_multiple_of(LANE_BLOCK),
                resets: &resets[rows.clone()],
            },
            steps: &reads[rows.clone()],
            bases: &bases[rows.clone()],
            lanes,
            at_once,
            learning,
            rows,
        }
    }

    /// How many chunks are before.
    pub(super) fn index(&self) -> usize {
        self.rows.start / self.span.lanes / self.at_once
    }

    pub(super) fn queries(&'a self) -> QueriesOf<'a> {
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

impl Chunk<'_> {
    /// Takes the gradients of keys and values, which no earlier step adds to.
    #[inline(always)]
    pub(super) fn take(&self, sizes: Sizes, cache: &Cache, rows: &mut [f32]) {
        let (padded, width) = (self.span.lanes, 3 * sizes.units());
        for (row, to) in rows.chunks_exact_mut(width).enumerate() {
            if row % padded < self.lanes {
                let place = self.bases[row] + self.steps[row].step;
                cache.take(sizes, (row % padded, place), to);
            }
        }
    }
}
