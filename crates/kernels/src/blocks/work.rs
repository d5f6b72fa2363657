//! What lanes remember, and the buffers of a thread.

use super::attention::{PLACES, QUERIES};
use super::cache::{Cache, Sizes};
use super::embed::{EmbedSums, Read};
use super::fast;
use super::join::{GATE_SAVED, GATE_SCRATCH, GateSaved, GateScratch};
use super::linear::{Linear, LinearSums};
use super::rotary::Rotary;
use super::shape::{BlocksShape, Join, Mixer};
use super::{Blocks, dense};
use crate::buffer::Buffer;
use crate::gemm::LANE_BLOCK;
use crate::input::Inputs;

/// Rows that go through all blocks together.
const ROWS: usize = 256;

/// What some lanes remember.
pub struct BlocksMemory {
    pub(super) lanes: usize,
    /// `[block]`: `[padded lanes][width]`, of what is a sum along the trial.
    pub(super) states: Vec<Buffer>,
    /// `[block]`: keys and values of what attends.
    pub(super) caches: Vec<Cache>,
    /// Places of a lane's cache.
    pub(super) room: usize,
    /// `[lanes]`: the trial's first place, and steps since.
    pub(super) base: Vec<usize>,
    pub(super) step: Vec<usize>,
}

impl BlocksMemory {
    pub(super) fn new(shape: &BlocksShape, lanes: usize, at_most: usize) -> BlocksMemory {
        let mut memory = BlocksMemory {
            lanes,
            states: (0..shape.layers).map(|_| Buffer::default()).collect(),
            caches: (0..shape.layers).map(|_| Cache::default()).collect(),
            room: 0,
            base: vec![0; lanes],
            step: vec![0; lanes],
        };
        memory.prepare(shape, lanes, at_most.next_multiple_of(PLACES), false);
        memory
    }

    /// Makes room for lanes, which remember nothing.
    pub(super) fn prepare(
        &mut self,
        shape: &BlocksShape,
        lanes: usize,
        room: usize,
        learning: bool,
    ) {
        let padded = lanes.next_multiple_of(LANE_BLOCK);
        self.lanes = lanes;
        self.room = room;
        for of_lane in [&mut self.base, &mut self.step] {
            of_lane.clear();
            of_lane.resize(lanes, 0);
        }
        for state in &mut self.states {
            let len = padded * shape.remembered();
            state.grow(len);
            state[..len].fill(0.0);
        }
        if let Some(sizes) = sizes(shape, room) {
            for cache in &mut self.caches {
                cache.grow(sizes, lanes, learning);
            }
        }
    }

    fn floats(shape: &BlocksShape, lanes: usize, room: usize, learning: bool) -> usize {
        let padded = lanes.next_multiple_of(LANE_BLOCK);
        let cache = sizes(shape, room).map_or(0, |sizes| Cache::floats(sizes, lanes, learning));
        shape.layers * (padded * shape.remembered() + cache)
    }

    pub(super) fn bytes(shape: &BlocksShape, lanes: usize, at_most: usize) -> f64 {
        let room = at_most.next_multiple_of(PLACES);
        4.0 * BlocksMemory::floats(shape, lanes, room, false) as f64 + 16.0 * lanes as f64
    }
}

/// The sizes of attention, where there is any.
pub(super) fn sizes(shape: &BlocksShape, room: usize) -> Option<Sizes> {
    match shape.mixer {
        Mixer::MinGru | Mixer::Lru | Mixer::FastWeight { .. } => None,
        Mixer::Attention { heads, .. } => Some(Sizes {
            heads,
            width: shape.hidden / heads,
            room,
        }),
    }
}

/// Rows as a normalization left them.
#[derive(Default)]
pub(super) struct Normed {
    /// `[rows][hidden]`
    pub(super) x: Buffer,
    /// `[rows]`
    pub(super) inverse: Buffer,
}

impl Normed {
    fn grow(&mut self, rows: usize, hidden: usize) {
        self.x.grow(rows * hidden);
        self.inverse.grow(rows);
    }
}

/// What is saved of a block.
#[derive(Default)]
pub(super) struct Saved {
    pub(super) first: Normed,
    /// `[rows][mixed]`: gates, states that turn, or `[q k v]`.
    pub(super) mixed: Buffer,
    /// `[rows][hidden]`: states of an average, or what was read.
    pub(super) states: Buffer,
    /// `[rows][heads][2]`
    pub(super) statistics: Buffer,
    /// `[chunk][lane][head][key][value]`: matrices before.
    pub(super) matrices: Buffer,
    pub(super) second: Normed,
    /// `[rows][risen]`
    pub(super) risen: Buffer,
    pub(super) gates: [GateSaved; 2],
}

/// Sums of a block's gradients.
#[derive(Default)]
pub(super) struct BlockSums {
    pub(super) mix: LinearSums,
    pub(super) out: LinearSums,
    /// `[re λ, im λ]`, and of the factor of the inputs.
    pub(super) turn: Buffer,
    pub(super) feed: [LinearSums; 2],
    pub(super) gates: [[LinearSums; 2]; 2],
    /// `[padded lanes][width]`: gradients of the memory.
    pub(super) carry: Buffer,
}

/// Saved activations and scratch of one thread, reused from call to call. It grows to
/// the largest tile it has seen and then never allocates again.
pub struct BlocksWork {
    pub(super) shape: BlocksShape,
    /// Of the trials whose activations are saved.
    pub(super) lanes: usize,
    pub(super) steps: usize,
    /// Steps that go through all blocks together.
    pub(super) at_once: usize,
    /// `[rows]`, and the first place of the row's trial.
    pub(super) reads: Vec<Read>,
    pub(super) resets: Vec<bool>,
    pub(super) bases: Vec<usize>,
    /// `[rows][observation padded to 4]`
    pub(super) observed: Buffer,
    pub(super) memory: BlocksMemory,
    pub(super) saved: Vec<Saved>,
    pub(super) last: Normed,
    pub(super) scratch: Scratch,
    pub(super) sums: Vec<BlockSums>,
    pub(super) embed: EmbedSums,
    /// `[2][hidden]`: of the last gain and bias.
    pub(super) last_sums: Buffer,
}

/// Of some rows.
#[derive(Default)]
pub(super) struct Scratch {
    /// `[rows][hidden]`: what passes by the branches, or its gradient.
    pub(super) y: Buffer,
    /// `[rows][hidden]`: a branch, or its gradient.
    pub(super) branch: Buffer,
    /// `[rows][hidden]`: the gradient of normalized rows.
    pub(super) normed: Buffer,
    /// `[rows][widest]`
    pub(super) wide: Buffer,
    /// `[rows][units]`
    pub(super) units: Buffer,
    /// `[2][8][room]`
    pub(super) scores: Buffer,
    pub(super) rotary: Rotary,
    pub(super) gate: GateScratch,
}

/// The widest row of gradients in the middle of a block.
fn widest(shape: &BlocksShape) -> usize {
    shape.mixed().max(shape.risen())
}

/// Rows of `units`: only where units are gated.
fn units(shape: &BlocksShape) -> usize {
    if shape.gated { shape.units } else { 0 }
}

impl BlocksWork {
    pub(super) fn new(shape: &BlocksShape) -> BlocksWork {
        BlocksWork {
            shape: *shape,
            lanes: 0,
            steps: 0,
            at_once: 1,
            reads: Vec::new(),
            resets: Vec::new(),
            bases: Vec::new(),
            observed: Buffer::default(),
            memory: BlocksMemory::new(shape, 0, 0),
            saved: (0..shape.layers).map(|_| Saved::default()).collect(),
            last: Normed::default(),
            scratch: Scratch::default(),
            sums: (0..shape.layers).map(|_| BlockSums::default()).collect(),
            embed: EmbedSums::default(),
            last_sums: Buffer::default(),
        }
    }

    pub(super) fn padded(&self) -> usize {
        self.lanes.next_multiple_of(LANE_BLOCK)
    }

    /// Steps that go through all blocks together.
    pub(super) fn chunk(shape: &BlocksShape, lanes: usize) -> usize {
        let steps = (ROWS / lanes.next_multiple_of(LANE_BLOCK)).max(1);
        match shape.mixer {
            Mixer::MinGru | Mixer::Lru | Mixer::FastWeight { .. } => steps,
            // Queries are worked on by so many.
            Mixer::Attention { .. } => steps.next_multiple_of(QUERIES),
        }
    }

    /// Makes room for so many steps of so many lanes, of which `at_once` go together.
    pub(super) fn prepare(&mut self, lanes: usize, steps: usize, at_once: usize) {
        let shape = self.shape;
        self.lanes = lanes;
        self.steps = steps;
        self.at_once = at_once;
        let rows = self.padded() * steps;
        let chunk = self.padded() * at_once;
        self.reads.resize(rows, Read::default());
        self.resets.clear();
        self.resets.resize(rows, false);
        self.bases.clear();
        self.bases.resize(rows, 0);
        self.observed.grow(rows * dense(shape.observation));
        let heads = heads(&shape);
        for saved in &mut self.saved {
            saved.first.grow(rows, shape.hidden);
            saved.mixed.grow(rows * shape.mixed());
            saved.states.grow(rows * states(&shape));
            saved.statistics.grow(2 * rows * heads);
            saved.second.grow(rows, shape.hidden);
            saved.risen.grow(rows * shape.risen());
            if shape.join == Join::Gru {
                let gates = &mut saved.gates;
                gates
                    .iter_mut()
                    .for_each(|gate| gate.grow(rows, shape.hidden));
            }
        }
        self.last.grow(rows, shape.hidden);
        self.scratch.y.grow(chunk * shape.hidden);
        if shape.join == Join::Gru {
            self.scratch.branch.grow(chunk * shape.hidden);
        }
        self.scratch.units.grow(chunk * units(&shape));
    }

    /// Makes room for the way back, and zeroes sums.
    pub(super) fn prepare_back(&mut self, at_once: usize) {
        let (shape, padded) = (self.shape, self.padded());
        let chunk = padded * at_once;
        self.scratch.normed.grow(chunk * shape.hidden);
        self.scratch.wide.grow(chunk * widest(&shape));
        if shape.join == Join::Gru {
            self.scratch.gate.grow(chunk, shape.hidden);
        }
        for sums in &mut self.sums {
            for (buffer, len) in [
                (&mut sums.turn, turned(&shape)),
                (&mut sums.carry, padded * shape.remembered()),
            ] {
                buffer.grow(len);
                buffer.fill(0.0);
            }
        }
        self.last_sums.grow(2 * shape.hidden);
        self.last_sums.fill(0.0);
    }

    /// Writes what rows `first..` read of the inputs' step, and where their trials
    /// begin. While it learns, places of other trials are kept.
    pub(super) fn read(
        &mut self,
        (of, inputs): (&Blocks, &Inputs<'_>),
        (step, learning): (usize, bool),
        memory: Option<&mut BlocksMemory>,
    ) {
        let (padded, lanes) = (self.padded(), self.lanes);
        let rows = step * padded..(step + 1) * padded;
        let width = dense(self.shape.observation);
        let observed = &mut self.observed[rows.start * width..rows.end * width];
        let reads = &mut self.reads[rows.clone()];
        of.embed
            .read((inputs, step * lanes, lanes), (&mut *reads, observed));
        let memory = memory.unwrap_or(&mut self.memory);
        for lane in 0..lanes {
            let begins = inputs.reset[step * lanes + lane];
            self.resets[rows.start + lane] = begins;
            if begins {
                memory.base[lane] = match learning {
                    true => memory.base[lane] + memory.step[lane],
                    false => 0,
                };
                memory.step[lane] = 0;
            }
            reads[lane].step = memory.step[lane];
            self.bases[rows.start + lane] = memory.base[lane];
            memory.step[lane] += 1;
        }
    }

    pub(super) fn acting_bytes(shape: &BlocksShape, lanes: usize, steps: usize) -> f64 {
        let rows = lanes.next_multiple_of(LANE_BLOCK);
        let room = steps.next_multiple_of(PLACES);
        let scores = sizes(shape, room).map_or(0, |sizes| sizes.heads * sizes.room);
        let fast = shape.fast().map_or(0, |of| of.width);
        let scores = scores + Rotary::floats(shape, room) + fast;
        let passing = BlocksWork::passing(shape) + shape.hidden + units(shape);
        let joined = if shape.join == Join::Gru {
            shape.hidden
        } else {
            0
        };
        4.0 * (rows * (passing + joined) + scores) as f64 + rows as f64 * READ
    }

    /// Numbers that are saved of a row.
    fn passing(shape: &BlocksShape) -> usize {
        let heads = heads(shape);
        let joined = match shape.join {
            Join::Sum => 0,
            Join::Gru => 2 * GATE_SAVED * shape.hidden,
        };
        let block = 2 * (shape.hidden + 1)
            + shape.mixed()
            + states(shape)
            + 2 * heads
            + shape.risen()
            + joined;
        shape.layers * block + shape.hidden + 1 + dense(shape.observation)
    }

    pub(super) fn learning_bytes(of: &Blocks, lanes: usize, steps: usize) -> f64 {
        let shape = &of.shape;
        let padded = lanes.next_multiple_of(LANE_BLOCK);
        let (rows, chunk) = (
            padded * steps,
            padded * BlocksWork::chunk(shape, lanes).min(steps),
        );
        let room = learning_room(steps);
        let joined = match shape.join {
            Join::Sum => 0,
            Join::Gru => (1 + GATE_SCRATCH + 1) * shape.hidden,
        };
        let scratch = 2 * shape.hidden + joined + widest(shape) + units(shape);
        let sums: usize = of
            .blocks
            .iter()
            .flat_map(|block| block.layers())
            .map(Linear::sums)
            .sum();
        let carry = shape.layers * (padded * shape.remembered() + turned(shape));
        let scores = sizes(shape, room).map_or(0, |_| 2 * QUERIES * room);
        let at_once = chunk / padded;
        let fast = shape.fast().map_or(0, |of| fast::scratch(of, at_once));
        let scores = scores + Rotary::floats(shape, room) + fast;
        let before = shape.layers * matrices(shape, lanes, steps.div_ceil(at_once));
        let floats = before
            + rows * BlocksWork::passing(shape)
            + chunk * scratch
            + BlocksMemory::floats(shape, lanes, room, true)
            + sums
            + carry
            + scores
            + of.embed.packed();
        4.0 * floats as f64 + rows as f64 * READ
    }
}

/// Places of a lane that learns from so many steps: the last trial's are read to a whole
/// 16.
pub(super) fn learning_room(steps: usize) -> usize {
    steps.next_multiple_of(PLACES) + PLACES
}

/// Bytes of a row's [`Read`], its reset and its base.
const READ: f64 = (size_of::<Read>() + 1 + size_of::<usize>()) as f64;

/// What a row of `states` holds.
fn states(shape: &BlocksShape) -> usize {
    match shape.mixer {
        Mixer::MinGru | Mixer::FastWeight { .. } | Mixer::Attention { .. } => shape.hidden,
        Mixer::Lru => 0,
    }
}

/// Two numbers of each are kept of a row.
fn heads(shape: &BlocksShape) -> usize {
    match shape.mixer {
        Mixer::MinGru | Mixer::Lru => 0,
        Mixer::FastWeight { heads } | Mixer::Attention { heads, .. } => heads,
    }
}

/// Matrices of fast weights before so many chunks.
pub(super) fn matrices(shape: &BlocksShape, lanes: usize, chunks: usize) -> usize {
    shape.fast().map_or(0, |of| chunks * lanes * of.matrices())
}

/// Gradients of what turns.
fn turned(shape: &BlocksShape) -> usize {
    match shape.mixer {
        Mixer::Lru => 3 * shape.hidden,
        Mixer::MinGru | Mixer::FastWeight { .. } | Mixer::Attention { .. } => 0,
    }
}
