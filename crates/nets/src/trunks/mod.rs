//! The trunks that there are. A new one is a file here, with its declaration and
//! what computes it on libtorch tensors, and a variant of [`SequenceConfig`].

mod around;
#[cfg(feature = "torch")]
mod attention;
mod blocks;
mod episodic;
mod gru;
mod index;
mod lstm;
mod mann;
mod mlp;
mod names;
mod recurrent;
mod snail;

use around::Cell;
pub use around::{Around, Hypernetwork, Surrounded};
pub use blocks::{
    Blocks, FastWeights, Feed, Join, Memories, Positions, Scanned, Stack, Transformer,
};
pub use episodic::{Episodic, EpisodicConfig};
pub use gru::Gru;
pub use index::{Index, IndexConfig};
pub use lstm::Lstm;
pub use mann::{Mann, MannConfig};
pub use names::Norm;
pub use recurrent::Recurrent;
pub use snail::{Snail, SnailConfig};

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::blueprint::Blueprint;
use crate::error::NetsError;
use crate::mlp::Activation;
use crate::sequence::{SIZE, Trunk, TrunkInput};
use rl_core::SettingError;

/// Which trunk to use, and its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SequenceConfig {
    /// A gated recurrent unit; see [`Gru`], and [`Surrounded`].
    Gru(Recurrent),
    /// A long short-term memory; see [`Lstm`], and [`Surrounded`].
    Lstm(Recurrent),
    /// No memory, every step is seen for itself; see [`Mlp`](crate::Mlp).
    Mlp {
        /// Units of every layer.
        hidden: Vec<usize>,
        /// What follows every layer.
        activation: Activation,
    },
    /// No memory, every arm of a bandit is seen for itself; see [`Index`].
    Index(IndexConfig),
    /// Blocks of gated averages; see [`Blocks`].
    MinGru(Scanned),
    /// Blocks of linear recurrences; see [`Blocks`].
    Lru(Scanned),
    /// Blocks of fast weights; see [`Blocks`].
    FastWeight(FastWeights),
    /// Blocks that attend to the whole trial so far; see [`Blocks`].
    Transformer(Transformer),
    /// Dilated convolutions, then attention; see [`Snail`].
    Snail(SnailConfig),
    /// A controller with an external memory; see [`Mann`].
    Mann(MannConfig),
    /// A long short-term memory with a store of what it knew before; see [`Episodic`].
    Episodic(EpisodicConfig),
}

impl SequenceConfig {
    /// Declares the trunk's parameters, their names behind the prefix, and
    /// returns the trunk.
    ///
    /// # Errors
    /// If a number is out of range, if there is no layer, or if the input does not
    /// tell what the trunk reads.
    pub fn build(
        &self,
        blueprint: &mut Blueprint,
        prefix: &str,
        input: impl Into<TrunkInput>,
    ) -> Result<Arc<dyn Trunk>, NetsError> {
        let told = input.into();
        let input = told.size;
        SIZE.check("the input size", input)?;
        self.validate()?;
        Ok(match self {
            Self::Gru(of) if !of.around.is_nothing() => Arc::new(Surrounded::declare(
                blueprint,
                prefix,
                input,
                (Cell::Gru, *of),
            )),
            Self::Lstm(of) if !of.around.is_nothing() => Arc::new(Surrounded::declare(
                blueprint,
                prefix,
                input,
                (Cell::Lstm, *of),
            )),
            Self::Gru(layer) => Arc::new(Gru::declare(blueprint, prefix, input, *layer)),
            Self::Lstm(layer) => Arc::new(Lstm::declare(blueprint, prefix, input, *layer)),
            Self::Mlp { hidden, activation } => Arc::new(mlp::declare(
                blueprint,
                prefix,
                input,
                (hidden, *activation),
            )),
            Self::Index(of) => Arc::new(Index::declare(blueprint, prefix, told, *of)?),
            Self::MinGru(of) => stack(blueprint, prefix, told, Memories::MinGru(*of))?,
            Self::Lru(of) => stack(blueprint, prefix, told, Memories::Lru(*of))?,
            Self::FastWeight(of) => stack(blueprint, prefix, told, Memories::FastWeight(*of))?,
            Self::Transformer(of) => stack(blueprint, prefix, told, Memories::Attention(*of))?,
            Self::Snail(of) => Arc::new(Snail::declare(blueprint, prefix, told, *of)?),
            Self::Mann(of) => Arc::new(Mann::declare(blueprint, prefix, input, *of)),
            Self::Episodic(of) => Arc::new(Episodic::declare(blueprint, prefix, told, *of)?),
        })
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// Names the first one that is out of range, or the layers if there are none.
    pub fn validate(&self) -> Result<(), SettingError> {
        match self {
            Self::Gru(layer) | Self::Lstm(layer) => layer.validate(),
            Self::Mlp { hidden, .. } => mlp::validate(hidden),
            Self::Index(of) => of.validate(),
            Self::MinGru(of) | Self::Lru(of) => of.validate(),
            Self::FastWeight(of) => of.validate(),
            Self::Transformer(of) => of.validate(),
            Self::Snail(of) => of.validate(),
            Self::Mann(of) => of.validate(),
            Self::Episodic(of) => of.validate(),
        }
    }
}

fn stack(
    blueprint: &mut Blueprint,
    prefix: &str,
    told: TrunkInput,
    memories: Memories,
) -> Result<Arc<dyn Trunk>, NetsError> {
    Ok(Arc::new(Blocks::declare(
        blueprint, prefix, told, memories,
    )?))
}
