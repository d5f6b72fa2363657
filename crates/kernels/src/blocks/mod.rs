//! Stacks of pre-norm residual blocks: a memory, then a feed-forward layer, over and
//! over.
//!
//! ```text
//! y  = W x + b (+ what stands at the step's place in the trial)
//! y += mixer(norm(y))       in every block: what remembers
//! y += feed(norm(y))        and what does not
//! features = norm(y)
//! ```
//!
//! Blocks may join by a gate in place of the sum. Some steps of all lanes go through all
//! blocks before the next do, so that what they make stays in cache; backward likewise,
//! from the last. The gains and biases of normalizations are multiplied into the weights
//! that follow, so that they cost nothing.

mod attention;
mod attention_back;
mod backward;
mod block;
mod cache;
mod chunk;
mod embed;
mod fast;
mod feed;
mod forward;
mod join;
mod linear;
mod norm;
mod passes;
mod rotary;
mod scan;
mod shape;
mod work;

pub use shape::{BlocksShape, Join, Mixer, Positions};
pub use work::{BlocksMemory, BlocksWork};

use crate::buffer::Buffer;
use crate::input::{Inputs, Observation, ShapeError, Trials, check_rows};
use crate::simd::Isa;
use crate::trunk::{Entry, Flops, Trunk, TrunkBytes};
use block::Block;
use embed::Embed;
use linear::{Linear, Norm};
use shape::Namer;

/// A stack of blocks with its parameters, packed. Pack once per update; any number of
/// threads may then read it.
#[derive(Clone)]
pub struct Blocks {
    shape: BlocksShape,
    isa: Isa,
    entries: Vec<Entry>,
    embed: Embed,
    blocks: Vec<Block>,
    last: Norm,
    /// The last normalization's gain and bias.
    last_given: [Buffer; 2],
}

/// Some steps of all lanes, padded to whole blocks of lanes.
#[derive(Clone, Copy)]
struct Span<'a> {
    lanes: usize,
    /// Whether the memory is emptied before a row.
    resets: &'a [bool],
}

impl Span<'_> {
    fn rows(&self) -> usize {
        self.resets.len()
    }

    fn begins(&self, row: usize) -> bool {
        self.resets[row]
    }
}

impl Blocks {
    /// A stack of a shape, without parameters, for the fastest instruction set of this
    /// processor.
    ///
    /// # Errors
    /// [`ShapeError`] where the shape is not valid.
    pub fn new(shape: BlocksShape) -> Result<Blocks, ShapeError> {
        Blocks::with_isa(shape, Isa::best())
    }

    /// Like [`Blocks::new`] for a given instruction set.
    ///
    /// # Errors
    /// [`ShapeError`] where the shape is not valid.
    pub fn with_isa(shape: BlocksShape, isa: Isa) -> Result<Blocks, ShapeError> {
        shape.validate()?;
        let hidden = shape.hidden;
        let mut namer = Namer {
            block: None,
            offset: 0,
        };
        let mut entries = Vec::new();
        let mut name = |namer: &mut Namer, name, shape| {
            let entry = namer.entry(name, shape);
            entries.push(entry);
            entry
        };
        let weight = name(&mut namer, "trunk.input.weight", [hidden, shape.inputs()]);
        let bias = name(&mut namer, "trunk.input.bias", [hidden, 1]);
        let positions = match shape.mixer {
            Mixer::Attention {
                steps,
                positions: Positions::Learned,
                ..
            } => Some(name(&mut namer, "trunk.positions", [steps, hidden])),
            Mixer::MinGru | Mixer::Lru | Mixer::FastWeight { .. } | Mixer::Attention { .. } => None,
        };
        let embed = Embed::new(&shape, [weight, bias], positions);
        let mut block = |block| {
            namer.block = Some(block);
            Block::declare(&shape, &mut |part, shape| name(&mut namer, part, shape))
        };
        let blocks = (0..shape.layers).map(&mut block).collect();
        namer.block = None;
        let last = Norm {
            gain: name(&mut namer, "trunk.norm.gain", [hidden, 1]),
            bias: name(&mut namer, "trunk.norm.bias", [hidden, 1]),
        };
        Ok(Blocks {
            shape,
            isa,
            entries,
            embed,
            blocks,
            last,
            last_given: Default::default(),
        })
    }

    /// The shape it was made for.
    pub fn shape(&self) -> &BlocksShape {
        &self.shape
    }

    fn check(&self, inputs: &Inputs<'_>, features: usize) {
        let (rows, width) = (inputs.rows(), self.shape.hidden);
        check_rows(self.shape.observation, inputs, rows);
        assert_eq!(features, rows * width, "features must be [rows][{width}]");
        assert!(!self.last_given[0].is_empty(), "a trunk without parameters");
    }

    /// Numbers of the packed parameters.
    fn packed(&self) -> usize {
        let hidden = self.shape.hidden;
        let blocks = self.blocks.iter().map(Block::packed).sum::<usize>();
        self.embed.packed() + blocks + 2 * hidden
    }
}

impl Trunk for Blocks {
    type Work = BlocksWork;
    type Memory = BlocksMemory;

    fn entries(&self) -> Vec<Entry> {
        self.entries.clone()
    }

    fn features(&self) -> usize {
        self.shape.hidden
    }

    fn memory(&self, lanes: usize, at_most: usize) -> BlocksMemory {
        BlocksMemory::new(&self.shape, lanes, at_most)
    }

    fn bytes(&self, lanes: usize, steps: usize) -> TrunkBytes {
        TrunkBytes {
            packed: 4.0 * self.packed() as f64,
            acting: BlocksWork::acting_bytes(&self.shape, lanes, steps)
                + BlocksMemory::bytes(&self.shape, lanes, steps),
            learning: BlocksWork::learning_bytes(self, lanes, steps),
        }
    }

    fn flops(&self) -> Flops {
        let layers = |block: &Block| block.layers().map(Linear::products).sum::<u64>();
        let dense: u64 = self.blocks.iter().map(layers).sum();
        // Scores and readings of the places that a step sees, half of them on average.
        let seen = match self.shape.mixer {
            Mixer::Attention { steps, .. } => {
                (self.shape.layers * self.shape.hidden * steps.div_ceil(2)) as u64
            }
            Mixer::MinGru | Mixer::Lru => 0,
            // A matrix is read twice and corrected once, which is half of a score and a
            // reading of as many places as a head is wide; what they were is made again.
            Mixer::FastWeight { heads } => {
                (3 * self.shape.layers * self.shape.hidden * self.shape.hidden / heads / 2) as u64
            }
        };
        let input = self.embed.products();
        Flops {
            forward: 2 * (dense + 2 * seen + input),
            // Backward scores once more, beside four products more.
            training: 2 * (3 * dense + 7 * seen + 2 * input),
        }
    }

    fn isa(&self) -> Isa {
        self.isa
    }

    fn work(&self) -> BlocksWork {
        BlocksWork::new(&self.shape)
    }

    fn pack(&mut self, params: &[f32]) {
        assert_eq!(
            params.len(),
            self.last.bias.range().end,
            "parameters of the trunk"
        );
        self.embed.pack(params);
        self.blocks.iter_mut().for_each(|block| block.pack(params));
        let last = [self.last.gain, self.last.bias];
        for (kept, entry) in self.last_given.iter_mut().zip(last) {
            kept.grow(entry.count());
            kept[..entry.count()].copy_from_slice(&params[entry.range()]);
        }
    }

    fn step(
        &self,
        work: &mut BlocksWork,
        inputs: &Inputs<'_>,
        memory: &mut BlocksMemory,
        features: &mut [f32],
    ) {
        self.check(inputs, features.len());
        self.step_lanes(work, inputs, memory, features);
    }

    fn forward(&self, work: &mut BlocksWork, trials: Trials<'_>, features: &mut [f32]) {
        trials.steps();
        self.check(&trials.inputs, features.len());
        self.forward_trials(work, trials, features);
    }

    fn backward(
        &self,
        work: &mut BlocksWork,
        trials: Trials<'_>,
        features: &[f32],
        gradient: &mut [f32],
    ) {
        self.check(&trials.inputs, features.len());
        assert_eq!(gradient.len(), self.last.bias.range().end, "flat gradient");
        self.backward_trials(work, trials, features, gradient);
    }
}

/// Numbers of an observation that lie in padded rows.
fn dense(observation: Observation) -> usize {
    match observation {
        Observation::Dense(width) => width.next_multiple_of(4),
        Observation::None | Observation::OneHot(_) => 0,
    }
}
