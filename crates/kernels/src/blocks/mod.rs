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
mod embed;
mod feed;
mod join;
mod linear;
mod norm;
mod passes;
mod scan;
mod shape;
mod work;

pub use shape::{BlocksShape, Join, Mixer};
pub use work::{BlocksMemory, BlocksWork};

use crate::buffer::Buffer;
use crate::input::{Inputs, Observation, ShapeError, Trials, check_rows};
use crate::simd::Isa;
use crate::trunk::{Entry, Flops, Trunk, TrunkBytes};
use embed::Embed;
use feed::Feed;
use join::Gate;
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

/// A block's layers.
#[derive(Clone)]
struct Block {
    mix: Linear,
    /// What the memory's reading goes through, but for minGRU.
    out: Option<Linear>,
    /// The logarithm of the logarithm of an LRU's decay, and its angle.
    turn: Option<[Entry; 2]>,
    /// `[re λ, im λ]`
    turns: Buffer,
    /// The same of every unit, as exactly as they are known.
    exact: Vec<Turn>,
    feed: Feed,
    gates: Option<[Gate; 2]>,
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
            Mixer::Attention { steps, .. } => {
                Some(name(&mut namer, "trunk.positions", [steps, hidden]))
            }
            Mixer::MinGru | Mixer::Lru => None,
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

impl Block {
    /// Declares a block's parameters by `name`, which is told their names and shapes.
    fn declare(
        shape: &BlocksShape,
        name: &mut dyn FnMut(&'static str, [usize; 2]) -> Entry,
    ) -> Block {
        let (hidden, units) = (shape.hidden, shape.units);
        let norm = |gain, bias, name: &mut dyn FnMut(&'static str, [usize; 2]) -> Entry| Norm {
            gain: name(gain, [hidden, 1]),
            bias: name(bias, [hidden, 1]),
        };
        let first = norm("norm1.gain", "norm1.bias", name);
        let mix = [
            name("mix.weight", [shape.mixed(), hidden]),
            name("mix.bias", [shape.mixed(), 1]),
        ];
        let turn = match shape.mixer {
            Mixer::Lru => Some([name("decay", [hidden, 1]), name("angle", [hidden, 1])]),
            Mixer::MinGru | Mixer::Attention { .. } => None,
        };
        let mut out = |width| {
            let weight = name("out.weight", [hidden, width]);
            Linear::new(weight, name("out.bias", [hidden, 1]), None)
        };
        let out = match shape.mixer {
            Mixer::MinGru => None,
            Mixer::Lru => Some(out(2 * hidden)),
            Mixer::Attention { .. } => Some(out(hidden)),
        };
        let second = norm("norm2.gain", "norm2.bias", name);
        let up = [
            name("up.weight", [shape.risen(), hidden]),
            name("up.bias", [shape.risen(), 1]),
        ];
        let down = [
            name("down.weight", [hidden, units]),
            name("down.bias", [hidden, 1]),
        ];
        let mut gate = |names: [&'static str; 4]| {
            let [gates, gate_bias, candidate, bias] = names;
            let gates = name(gates, [2 * hidden, 2 * hidden]);
            let gates = Linear::new(gates, name(gate_bias, [2 * hidden, 1]), None);
            let candidate = name(candidate, [hidden, 2 * hidden]);
            Gate {
                gates,
                candidate: Linear::new(candidate, name(bias, [hidden, 1]), None),
            }
        };
        let gates = match shape.join {
            Join::Sum => None,
            Join::Gru => Some([
                gate([
                    "join1.gates.weight",
                    "join1.gates.bias",
                    "join1.candidate.weight",
                    "join1.candidate.bias",
                ]),
                gate([
                    "join2.gates.weight",
                    "join2.gates.bias",
                    "join2.candidate.weight",
                    "join2.candidate.bias",
                ]),
            ]),
        };
        Block {
            mix: Linear::new(mix[0], mix[1], Some(first)),
            out,
            turn,
            turns: Buffer::default(),
            exact: Vec::new(),
            feed: Feed {
                up: Linear::new(up[0], up[1], Some(second)),
                down: Linear::new(down[0], down[1], None),
                gated: shape.gated,
            },
            gates,
        }
    }

    /// All layers.
    fn layers(&self) -> impl Iterator<Item = &Linear> {
        let gates = self.gates.iter().flatten();
        let gates = gates.flat_map(|gate| [&gate.gates, &gate.candidate]);
        let own = [&self.mix, &self.feed.up, &self.feed.down];
        own.into_iter().chain(&self.out).chain(gates)
    }

    fn packed(&self) -> usize {
        let layers = self.layers().map(Linear::packed).sum::<usize>();
        let turned = match self.turn {
            // The numbers of a turn are four of twice the size.
            Some([decay, _]) => (2 + 2 + 8) * decay.count(),
            None => 0,
        };
        layers + turned
    }

    fn pack(&mut self, params: &[f32]) {
        let mut factors = Vec::new();
        if let Some([decay, angle]) = self.turn {
            let units = decay.count();
            self.turns.grow(2 * units);
            self.exact.clear();
            factors.resize(2 * units, 0.0);
            let both = params[decay.range()].iter().zip(&params[angle.range()]);
            for (unit, (decay, angle)) in both.enumerate() {
                let turn = Turn::new(*decay, *angle);
                self.turns[unit] = (turn.radius * turn.cos) as f32;
                self.turns[units + unit] = (turn.radius * turn.sin) as f32;
                factors[unit] = turn.factor() as f32;
                factors[units + unit] = factors[unit];
                self.exact.push(turn);
            }
        }
        self.mix.pack(params, &factors);
        self.feed.up.pack(params, &[]);
        self.feed.down.pack(params, &[]);
        self.out.iter_mut().for_each(|out| out.pack(params, &[]));
        for gate in self.gates.iter_mut().flatten() {
            gate.gates.pack(params, &[]);
            gate.candidate.pack(params, &[]);
        }
    }
}

/// What a unit of a linear recurrence is multiplied by at every step.
#[derive(Clone, Copy)]
struct Turn {
    /// exp(decay), the rate at which it forgets.
    rate: f64,
    radius: f64,
    cos: f64,
    sin: f64,
}

impl Turn {
    fn new(decay: f32, angle: f32) -> Turn {
        let rate = f64::from(decay).exp();
        let (sin, cos) = f64::from(angle).sin_cos();
        Turn {
            rate,
            radius: (-rate).exp(),
            cos,
            sin,
        }
    }

    /// `√(1 - |λ|²)`, by which inputs are scaled so that what is remembered has the
    /// variance of the inputs.
    fn factor(&self) -> f64 {
        (-(-2.0 * self.rate).exp_m1()).sqrt()
    }

    /// Gradients of the decay and the angle, given those of λ and of the factor.
    fn back(&self, [d_re, d_im]: [f64; 2], d_factor: f64) -> [f64; 2] {
        let d_radius = d_re * self.cos + d_im * self.sin - d_factor * self.radius / self.factor();
        let d_angle = self.radius * (d_im * self.cos - d_re * self.sin);
        [-d_radius * self.rate * self.radius, d_angle]
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
