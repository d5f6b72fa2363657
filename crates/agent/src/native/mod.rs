//! The native backend: kernels on the CPU.

mod head;
mod indices;
mod on_trunk;
mod policy;
mod rows;
mod scratch;

pub(crate) use indices::indices;
pub use rows::InputRows;

use crate::backend::{ActMode, Backend, Gradient, Lesson};
use crate::error::LearnError;
use crate::execution::Execution;
use crate::model::{ActorCritic, NetworkConfig};
use crate::samples::Samples;
use kernels::{
    Blocks, BlocksShape, Cell, Flops, Index, IndexShape, Layers, LayersShape, Mixer, Observation,
    Recurrent, Shape, Trunk, TrunkBytes,
};
use nets::{Arms, SequenceConfig, Stack, Transformer};
use on_trunk::OnTrunk;
use rl_core::{ObservationSpace, PolicyFactory};
use rollout::Pool;
use std::sync::Arc;

/// Computes with the crate `kernels`, a tile at a time.
pub struct NativeBackend(Box<dyn Native>);

/// A backend on a trunk of any kind.
pub(crate) trait Native: Backend {
    /// What it takes for a tile of so many lanes through so many steps.
    fn bytes(&self, lanes: usize, steps: usize) -> TrunkBytes;

    /// Operations of a lane's step.
    fn flops(&self) -> Flops;
}

impl NativeBackend {
    /// A backend for a network on one of the trunks that there are kernels for.
    ///
    /// # Errors
    /// If there are none for the network's trunk.
    pub fn new(model: &ActorCritic, config: NetworkConfig<'_>) -> Result<Self, LearnError> {
        let size = |error| refuse(model.of, &format!("this size: {error}"));
        let actions = match model.inputs.is_continuous() {
            true => 0,
            false => model.inputs.action_size(),
        };
        let recurrent = |cell, hidden| {
            let shape = Shape {
                cell,
                observation: Self::observation(model),
                hidden,
                actions,
            };
            let trunk = Recurrent::new(shape);
            Self::with_trunk(model, trunk.map_err(size)?)
        };
        let blocks = |of: Stack, mixer: Mixer| {
            let shape = BlocksShape {
                observation: Self::observation(model),
                actions,
                ..stacked(of, mixer)
            };
            Self::with_trunk(model, Blocks::new(shape).map_err(size)?)
        };
        match config.trunk {
            SequenceConfig::Gru(of) | SequenceConfig::Lstm(of) if !of.around.is_nothing() => {
                Err(refuse(model.of, "what is around this trunk"))
            }
            SequenceConfig::Snail(_) | SequenceConfig::Mann(_) | SequenceConfig::Episodic(_) => {
                Err(refuse(model.of, "this trunk"))
            }
            SequenceConfig::Mlp { hidden, activation } => {
                let shape = LayersShape {
                    observation: Self::observation(model),
                    actions,
                    hidden: hidden.clone(),
                    activation: match activation {
                        nets::Activation::Tanh => kernels::mlp::Activation::Tanh,
                        nets::Activation::Relu => kernels::mlp::Activation::Relu,
                    },
                };
                Self::with_trunk(model, Layers::new(shape).map_err(size)?)
            }
            SequenceConfig::Gru(layer) => recurrent(Cell::Gru, layer.hidden),
            SequenceConfig::Lstm(layer) => recurrent(Cell::Lstm, layer.hidden),
            SequenceConfig::Index(of) => {
                let arms = model.arms.expect("the network is declared on them");
                let shape = Self::index(model, arms, of.hidden);
                Self::with_trunk(model, Index::new(shape).map_err(size)?)
            }
            SequenceConfig::MinGru(of) => blocks(of.stack(), Mixer::MinGru),
            SequenceConfig::Lru(of) => blocks(of.stack(), Mixer::Lru),
            SequenceConfig::FastWeight(of) => {
                blocks(of.stack(), Mixer::FastWeight { heads: of.heads })
            }
            SequenceConfig::Transformer(of) => blocks(of.stack(), attention(of, model.steps)),
        }
    }

    fn index(model: &ActorCritic, arms: Arms, hidden: usize) -> IndexShape {
        let Arms {
            count,
            time,
            statistics,
            steps,
        } = arms;
        IndexShape {
            observation: model.inputs.seen_size(),
            time,
            statistics,
            arms: count,
            steps,
            hidden,
        }
    }

    /// A backend for a network on a trunk of the caller's, which computes what
    /// [`ActorCritic::trunk`] declares.
    ///
    /// # Errors
    /// If the trunk's parameters or features are not those that are declared.
    pub fn with_trunk(model: &ActorCritic, trunk: impl Trunk) -> Result<Self, LearnError> {
        Ok(Self(Box::new(OnTrunk::new(model, trunk)?)))
    }

    /// What the kernels are shown of a network's observations; a continuous previous
    /// action counts among their numbers.
    pub fn observation(model: &ActorCritic) -> Observation {
        if model.inputs.is_continuous() {
            let numbers = model.inputs.seen_size() + model.inputs.action_size();
            return Observation::Dense(numbers);
        }
        if model.inputs.told_size() > 0 {
            return Observation::Dense(model.inputs.seen_size());
        }
        match model.inputs.observation_space() {
            ObservationSpace::Vector { size: 0 } => Observation::None,
            ObservationSpace::Vector { size } => Observation::Dense(*size),
            ObservationSpace::Discrete { size } => Observation::OneHot(*size),
        }
    }

    /// What it takes for a tile of so many lanes through so many steps.
    pub fn bytes(&self, lanes: usize, steps: usize) -> TrunkBytes {
        self.0.bytes(lanes, steps)
    }

    /// Operations of a lane's step.
    pub fn flops(&self) -> Flops {
        self.0.flops()
    }
}

fn refuse(of: &str, what: &str) -> LearnError {
    let allowed = format!("torch, since there are no native kernels for {what}");
    LearnError::config(format!("{of}.backend"), "native", allowed)
}

impl Backend for NativeBackend {
    fn policy(&self, values: &Arc<Vec<f32>>, mode: ActMode) -> Arc<dyn PolicyFactory> {
        self.0.policy(values, mode)
    }

    fn execution(&self) -> Execution {
        self.0.execution()
    }

    fn shares(&self) -> bool {
        self.0.shares()
    }

    fn log_probs(
        &self,
        values: &[f32],
        samples: &Samples,
        tile: usize,
    ) -> Result<Vec<f32>, LearnError> {
        self.0.log_probs(values, samples, tile)
    }

    fn gradient(&self, pool: &Pool, lesson: Lesson<'_>) -> Result<Gradient, LearnError> {
        self.0.gradient(pool, lesson)
    }
}

/// A stack's shape, but for what it is told.
fn stacked(of: Stack, mixer: Mixer) -> BlocksShape {
    BlocksShape {
        observation: Observation::None,
        actions: 0,
        hidden: of.hidden,
        layers: of.layers,
        units: of.units,
        gated: of.feed == nets::Feed::Gated,
        mixer,
        join: join(of.join),
    }
}

/// What attends in trials of so many steps.
fn attention(of: &Transformer, steps: usize) -> Mixer {
    Mixer::Attention {
        heads: of.heads,
        steps,
        positions: match of.positions {
            nets::Positions::Learned => kernels::Positions::Learned,
            nets::Positions::Rotary => kernels::Positions::Rotary,
            nets::Positions::None => kernels::Positions::None,
        },
    }
}

fn join(of: nets::Join) -> kernels::Join {
    match of {
        nets::Join::Sum => kernels::Join::Sum,
        nets::Join::Gru => kernels::Join::Gru,
    }
}
