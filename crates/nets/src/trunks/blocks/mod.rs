//! Stacks of pre-norm residual blocks, with any of three memories.

#[cfg(feature = "torch")]
mod computed;

use super::names::{Names, Norm};
use crate::blueprint::Blueprint;
use crate::error::NetsError;
use crate::init::Init;
use crate::layout::Slot;
use crate::mlp::Linear;
use crate::sequence::{SIZE, Trunk, TrunkFootprint, TrunkInput};
use rl_core::{Bounds, SettingError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The units of a block's feed-forward layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Feed {
    /// Rectified.
    Plain,
    /// Gated: a logistic function of one layer times another (a GLU, Dauphin et al.
    /// 2017).
    Gated,
}

/// How a branch joins what passes by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Join {
    /// Their sum.
    Sum,
    /// Gated as in a GRU (GTrXL, Parisotto et al. 2020): nearly closed at first.
    Gru,
}

/// How attention knows the steps of a trial apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Positions {
    /// By what is added to the input at each, which is learned. Trials cannot be longer
    /// than in training.
    #[default]
    Learned,
    /// By how far back they are (Su et al. 2021): units i and i + width / 2 of a head's
    /// queries and keys turn by step / 10000^(2 i / width), so that their products depend
    /// on the difference of steps alone.
    Rotary,
    /// By what is seen at each alone (Kazemnejad et al. 2023): trials of any length are
    /// read alike.
    None,
}

/// What every stack of blocks says.
#[derive(Clone, Copy, Debug)]
pub struct Stack {
    /// Width of what passes through.
    pub hidden: usize,
    /// How many blocks.
    pub layers: usize,
    /// Units of a block's feed-forward layer.
    pub units: usize,
    /// What those are.
    pub feed: Feed,
    /// How branches join.
    pub join: Join,
    input_gain: f64,
}

/// Declares the settings of a stack with those of its memory.
macro_rules! settings_of {
    ($(#[$about:meta])* $name:ident { $($(#[$own:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Width of what passes through, a multiple of 16, of every head where there
            /// are heads.
            pub hidden: usize,
            /// How many blocks.
            pub layers: usize,
            $($(#[$own])* pub $field: $type,)*
            /// Units of a block's feed-forward layer, a multiple of 16.
            pub units: usize,
            /// What those are.
            pub feed: Feed,
            /// How branches join.
            pub join: Join,
            /// Gain of the Xavier-uniform input weights, as in
            /// [`Recurrent`](crate::Recurrent).
            pub input_gain: f64,
        }

        impl $name {
            /// What is said of every stack.
            pub fn stack(&self) -> Stack {
                Stack {
                    hidden: self.hidden,
                    layers: self.layers,
                    units: self.units,
                    feed: self.feed,
                    join: self.join,
                    input_gain: self.input_gain,
                }
            }
        }
    };
}

settings_of! {
    /// A stack whose memory is a sum along the trial; see [`Blocks`].
    Scanned {
        /// Each unit begins with a memory of its own length, 2 to this many steps.
        memory: f64,
    }
}

settings_of! {
    /// A stack that attends to the whole trial so far; see [`Blocks`].
    Transformer {
        /// Heads of a block, of equal width.
        heads: usize,
        /// How steps are known apart; learned, where it is not said.
        #[serde(default)]
        positions: Positions,
    }
}

settings_of! {
    /// A stack of fast weights; see [`Blocks`].
    FastWeights {
        /// Heads of a block, of equal width, each with a matrix of its own.
        heads: usize,
    }
}

/// Widths are whole vectors of the kernels.
const WIDTH: usize = 16;
const LAYERS: Bounds<usize> = Bounds::closed(1, 64);
const HEADS: Bounds<usize> = Bounds::closed(1, 64);
const WIDEST_HEAD: usize = 256;
const INPUT_GAIN: Bounds<f64> = Bounds::closed(1e-3, 1e3);
/// Steps.
const MEMORY: Bounds<f64> = Bounds::closed(2.0, 1e9);
/// The largest angle by which a linear recurrence turns at a step at first (Orvieto et
/// al. 2023, section 3.4, of long sequences).
const MOST_ANGLE: f64 = std::f64::consts::PI / 10.0;

fn multiple(key: &'static str, value: usize, of: usize) -> Result<(), SettingError> {
    match value.is_multiple_of(of) {
        true => Ok(()),
        false => {
            let allowed = format!("a multiple of {of}, as the kernels have vectors of 16");
            Err(SettingError::refused(key, value, allowed))
        }
    }
}

impl Stack {
    fn validate(&self) -> Result<(), SettingError> {
        SIZE.check("hidden", self.hidden)?;
        SIZE.check("units", self.units)?;
        LAYERS.check("layers", self.layers)?;
        INPUT_GAIN.check("input_gain", self.input_gain)?;
        multiple("hidden", self.hidden, WIDTH)?;
        multiple("units", self.units, WIDTH)
    }
}

impl Scanned {
    pub(super) fn validate(&self) -> Result<(), SettingError> {
        self.stack().validate()?;
        MEMORY.check("memory", self.memory)
    }
}

impl Transformer {
    pub(super) fn validate(&self) -> Result<(), SettingError> {
        self.stack().validate()?;
        check_heads(self.hidden, self.heads)
    }
}

impl FastWeights {
    pub(super) fn validate(&self) -> Result<(), SettingError> {
        self.stack().validate()?;
        check_heads(self.hidden, self.heads)
    }
}

fn check_heads(hidden: usize, heads: usize) -> Result<(), SettingError> {
    HEADS.check("heads", heads)?;
    multiple("hidden", hidden, heads * WIDTH)?;
    match hidden / heads <= WIDEST_HEAD {
        true => Ok(()),
        false => {
            let allowed = format!("at least hidden / {WIDEST_HEAD}");
            Err(SettingError::refused("heads", heads, allowed))
        }
    }
}

/// What a stack remembers with.
#[derive(Clone, Copy, Debug)]
pub enum Memories {
    /// A gated average of each unit, minGRU (Feng et al. 2024, section 3.1):
    /// z = σ(W_z u + b_z), h' = (1 − z) ∘ h + z ∘ (W_h u + b_h).
    MinGru(Scanned),
    /// A linear recurrent unit (Orvieto et al. 2023): s' = λ ∘ s + γ ∘ (B u + b), complex
    /// and elementwise, with λ = exp(−exp(decay) + i angle) and γ = √(1 − |λ|²); what
    /// joins is C [re s, im s] + c.
    Lru(Scanned),
    /// Fast weights, corrected by the delta rule (Schlag et al. 2021): of each head
    /// u = b ∘ (v − S k), S' = S + u kᵀ and y = S' q, with q and k of length 1 and
    /// b = σ(..) a rate of every unit; what joins is C y + c.
    FastWeight(FastWeights),
    /// Causal attention (Vaswani et al. 2017) over the trial so far; see [`Positions`].
    Attention(Transformer),
}

/// A stack of pre-norm residual blocks:
///
/// ```text
/// y  = W x + b (+ position)
/// y += memory(norm(y)),  y += W₁ a(W₀ norm(y) + b₀) + b₁    in every block
/// features = norm(y)
/// ```
///
/// where `norm` is layer normalization. With [`Join::Gru`] a gate stands in place of the
/// sums: with y' = relu(branch), [r, z] = σ(W [y', y] + b) and
/// c = tanh(V [y', r ∘ y] + d), y becomes (1 − z) ∘ y + z ∘ c; z's bias begins at −2.
///
/// Weights are orthogonal at first, those that end a branch smaller by √(2 blocks), so
/// that what passes through does not grow with the depth.
#[derive(Clone, Debug)]
pub struct Blocks {
    /// Width of the input.
    pub inputs: usize,
    /// What remembers.
    pub memories: Memories,
    /// From the input to what passes through.
    pub input: Linear,
    /// `[steps, hidden]`, of what attends by learned positions.
    pub positions: Option<Slot>,
    /// From the first on.
    pub blocks: Vec<Block>,
    /// Before the features.
    pub last: Norm,
    stack: Stack,
    /// Steps of a trial, where their positions are learned.
    steps: Option<usize>,
}

/// A block's parameters.
#[derive(Clone, Debug)]
pub struct Block {
    /// Before the memory.
    pub first: Norm,
    /// What the memory is made of: [z, h], [re B, im B], rates, queries, keys and values,
    /// or those without the rates.
    pub mix: Linear,
    /// Decays and angles of a linear recurrence.
    pub turn: Option<[Slot; 2]>,
    /// What the memory's reading goes through.
    pub out: Option<Linear>,
    /// Before the feed-forward layer.
    pub second: Norm,
    /// The feed-forward layer: W₀, with the gates first.
    pub up: Linear,
    /// W₁.
    pub down: Linear,
    /// The gates by which the two branches join.
    pub joins: Option<[Gate; 2]>,
}

/// The layers of a gate.
#[derive(Clone, Debug)]
pub struct Gate {
    /// W and b of [r, z].
    pub gates: Linear,
    /// V and d.
    pub candidate: Linear,
}

impl Gate {
    fn declare(names: &mut Names<'_>, name: &str, hidden: usize) -> Self {
        let bias = Init::Groups {
            values: vec![0.0, -2.0],
        };
        let gates = format!("{name}.gates");
        Self {
            gates: names.biased(&gates, [2 * hidden, 2 * hidden], (2, bias)),
            candidate: names.linear(&format!("{name}.candidate"), [2 * hidden, hidden], (1.0, 1)),
        }
    }
}

impl Blocks {
    /// Declares the parameters, their names behind the prefix.
    ///
    /// # Errors
    /// If attention is not told how long trials are.
    pub fn declare(
        blueprint: &mut Blueprint,
        prefix: &str,
        told: TrunkInput,
        memories: Memories,
    ) -> Result<Self, NetsError> {
        let stack = match &memories {
            Memories::MinGru(scanned) | Memories::Lru(scanned) => scanned.stack(),
            Memories::FastWeight(of) => of.stack(),
            Memories::Attention(transformer) => transformer.stack(),
        };
        let hidden = stack.hidden;
        let mut names = Names {
            blueprint,
            prefix: prefix.to_owned(),
        };
        let init = Init::XavierUniform {
            gain: stack.input_gain,
            blocks: 1,
        };
        let input = format!("{prefix}input.");
        let input = Linear::declare(names.blueprint, &input, [told.size, hidden], init);
        let positions = match memories {
            Memories::MinGru(_) | Memories::Lru(_) | Memories::FastWeight(_) => None,
            Memories::Attention(of) if of.positions != Positions::Learned => None,
            Memories::Attention(_) if told.steps == 0 => {
                let allowed = "\"rotary\" or \"none\", where the length of trials is not \
                               known";
                return Err(SettingError::refused("positions", "\"learned\"", allowed).into());
            }
            Memories::Attention(_) => {
                let init = Init::Normal { deviation: 0.02 };
                Some(names.slot("positions", &[told.steps, hidden], init))
            }
        };
        let mut block = |index| {
            names.prefix = format!("{prefix}{index}.");
            Block::declare(&mut names, &stack, &memories)
        };
        let blocks = (0..stack.layers).map(&mut block).collect();
        names.prefix = prefix.to_owned();
        Ok(Self {
            inputs: told.size,
            memories,
            input,
            positions,
            blocks,
            last: names.norm("norm", hidden),
            steps: positions.map(|_| told.steps),
            stack,
        })
    }
}

impl Block {
    fn declare(names: &mut Names<'_>, stack: &Stack, memories: &Memories) -> Self {
        let hidden = stack.hidden;
        let ending = 1.0 / (2.0 * stack.layers as f64).sqrt();
        let first = names.norm("norm1", hidden);
        let mix = match memories {
            Memories::MinGru(Scanned { memory, .. }) => {
                let bias = Init::Chrono {
                    signs: vec![-1.0, 0.0],
                    memory: *memory,
                };
                names.biased("mix", [hidden, 2 * hidden], (2, bias))
            }
            Memories::Lru(_) => names.linear("mix", [hidden, 2 * hidden], (1.0, 2)),
            Memories::FastWeight(_) => names.linear("mix", [hidden, 4 * hidden], (1.0, 4)),
            Memories::Attention(_) => names.linear("mix", [hidden, 3 * hidden], (1.0, 3)),
        };
        let turn = match memories {
            Memories::MinGru(_) | Memories::FastWeight(_) | Memories::Attention(_) => None,
            Memories::Lru(Scanned { memory, .. }) => {
                let decay = Init::Decay { memory: *memory };
                let angle = Init::Angle { most: MOST_ANGLE };
                Some([
                    names.slot("decay", &[hidden], decay),
                    names.slot("angle", &[hidden], angle),
                ])
            }
        };
        let out = match memories {
            Memories::MinGru(_) => None,
            Memories::Lru(_) => Some(names.linear("out", [2 * hidden, hidden], (ending, 1))),
            Memories::FastWeight(_) | Memories::Attention(_) => {
                Some(names.linear("out", [hidden, hidden], (ending, 1)))
            }
        };
        let second = names.norm("norm2", hidden);
        let (rise, groups) = match stack.feed {
            Feed::Plain => (stack.units, 1),
            Feed::Gated => (2 * stack.units, 2),
        };
        Self {
            first,
            mix,
            turn,
            out,
            second,
            up: names.linear("up", [hidden, rise], (1.0, groups)),
            down: names.linear("down", [stack.units, hidden], (ending, 1)),
            joins: match stack.join {
                Join::Sum => None,
                Join::Gru => Some([
                    Gate::declare(names, "join1", hidden),
                    Gate::declare(names, "join2", hidden),
                ]),
            },
        }
    }
}

impl Trunk for Blocks {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn features(&self) -> usize {
        self.stack.hidden
    }

    fn most_steps(&self) -> Option<usize> {
        self.steps
    }

    fn footprint(&self, steps: usize) -> TrunkFootprint {
        let Stack {
            hidden,
            layers,
            units,
            ..
        } = self.stack;
        // What whole trainings peaked at, within a tenth.
        let joined = match self.stack.join {
            Join::Sum => 0,
            Join::Gru => 24 * hidden,
        };
        let fed = match self.stack.feed {
            Feed::Plain => 5 * units / 2,
            Feed::Gated => 9 * units / 2,
        };
        let passing = 13 * hidden + fed + joined;
        let (attended, remembered) = match self.memories {
            Memories::MinGru(_) => (0, hidden),
            Memories::Lru(_) => (12 * hidden, 2 * hidden),
            Memories::FastWeight(FastWeights { heads, .. }) => {
                let matrices = hidden * hidden / heads;
                (2 * matrices + 8 * hidden, matrices)
            }
            Memories::Attention(Transformer {
                heads, positions, ..
            }) => {
                let turned = match positions {
                    Positions::Rotary => 10 * hidden,
                    Positions::Learned | Positions::None => 0,
                };
                let scores = 8 * heads * steps / 5;
                (7 * hidden + turned + scores, 2 * hidden * steps)
            }
        };
        TrunkFootprint {
            learning: (layers * (passing + attended) * steps) as f64,
            acting: (layers * (passing + 2 * remembered)) as f64,
        }
    }

    #[cfg(feature = "torch")]
    fn model(&self) -> Option<&dyn crate::SequenceModel> {
        Some(self)
    }
}
