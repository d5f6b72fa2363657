//! The shape of a stack of blocks, and where its parameters lie.

use super::attention::{MOST_HEADS, WIDEST_HEAD};
use super::fast::Heads;
use crate::gemm::PANEL;
use crate::input::{Observation, ShapeError};
use crate::trunk::Entry;

/// What a block remembers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mixer {
    /// A gated average, minGRU (Feng et al. 2024).
    MinGru,
    /// A linear recurrence of complex numbers (Orvieto et al. 2023).
    Lru,
    /// Fast weights, corrected by the delta rule (Schlag et al. 2021).
    FastWeight {
        /// Heads, of equal width.
        heads: usize,
    },
    /// Causal attention over the trial.
    Attention {
        /// Heads, of equal width.
        heads: usize,
        /// Steps of a trial: the most there may be where their positions are learned.
        steps: usize,
        /// How it knows them apart.
        positions: Positions,
    },
}

/// How attention knows the steps of a trial apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Positions {
    /// By what is added to the input at each, which is learned.
    Learned,
    /// By how far back they are: queries and keys turn from step to step (Su et al.
    /// 2021).
    Rotary,
    /// By what is seen at each alone.
    None,
}

/// How a branch joins what passes by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// Their sum.
    Sum,
    /// Gated as in a GRU (GTrXL, Parisotto et al. 2020).
    Gru,
}

/// The shape of a stack of pre-norm residual blocks; see [`Blocks`](super::Blocks).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlocksShape {
    /// Observation part of the input.
    pub observation: Observation,
    /// Number of discrete actions, of which the previous one is told; 0 for none.
    pub actions: usize,
    /// Width of what passes through, a multiple of 16 for every head.
    pub hidden: usize,
    /// How many blocks.
    pub layers: usize,
    /// Units of each block's feed-forward layer, a multiple of 16.
    pub units: usize,
    /// Whether those are gated (a GLU), or rectified.
    pub gated: bool,
    /// What remembers.
    pub mixer: Mixer,
    /// How branches join.
    pub join: Join,
}

/// The most blocks.
const MOST_LAYERS: usize = 64;

impl BlocksShape {
    /// # Errors
    /// [`ShapeError`] naming what is out of range.
    pub(super) fn validate(&self) -> Result<(), ShapeError> {
        let observation = match self.observation {
            Observation::None => 1,
            Observation::Dense(n) | Observation::OneHot(n) => n,
        };
        ShapeError::check("observation", observation)?;
        ShapeError::check("actions", self.actions.max(1))?;
        ShapeError::check("hidden", self.hidden)?;
        ShapeError::check("units", self.units)?;
        ShapeError::at_most("layers", self.layers, MOST_LAYERS)?;
        ShapeError::multiple("hidden", self.hidden, PANEL)?;
        ShapeError::multiple("units", self.units, PANEL)?;
        if let Mixer::Attention { heads, .. } | Mixer::FastWeight { heads } = self.mixer {
            ShapeError::at_most("heads", heads, MOST_HEADS)?;
            ShapeError::multiple("hidden", self.hidden, heads * PANEL)?;
            ShapeError::at_most("width of a head", self.hidden / heads, WIDEST_HEAD)?;
        }
        if let Mixer::Attention { steps, .. } = self.mixer {
            ShapeError::check("steps", steps)?;
        }
        Ok(())
    }

    /// Columns of the input.
    pub fn inputs(&self) -> usize {
        self.observation.width() + self.actions + 2
    }

    /// What a row of the mixer's first layer holds.
    pub(super) fn mixed(&self) -> usize {
        match self.mixer {
            Mixer::MinGru | Mixer::Lru => 2 * self.hidden,
            Mixer::FastWeight { .. } => 4 * self.hidden,
            Mixer::Attention { .. } => 3 * self.hidden,
        }
    }

    /// The heads of fast weights, where there are any.
    pub(super) fn fast(&self) -> Option<Heads> {
        match self.mixer {
            Mixer::FastWeight { heads } => Some(Heads {
                heads,
                width: self.hidden / heads,
            }),
            Mixer::MinGru | Mixer::Lru | Mixer::Attention { .. } => None,
        }
    }

    /// Whether queries and keys turn.
    pub(super) fn turns(&self) -> bool {
        let rotary = Positions::Rotary;
        matches!(self.mixer, Mixer::Attention { positions, .. } if positions == rotary)
    }

    /// Numbers that a lane's memory of a block holds, but for attention's.
    pub(super) fn remembered(&self) -> usize {
        match self.mixer {
            Mixer::MinGru => self.hidden,
            Mixer::Lru => 2 * self.hidden,
            Mixer::FastWeight { heads } => self.hidden * self.hidden / heads,
            Mixer::Attention { .. } => 0,
        }
    }

    /// What a row of the feed-forward layer's first half holds.
    pub(super) fn risen(&self) -> usize {
        self.units * if self.gated { 2 } else { 1 }
    }
}

/// Names entries one after the other.
pub(super) struct Namer {
    pub(super) block: Option<usize>,
    pub(super) offset: usize,
}

impl Namer {
    pub(super) fn entry(&mut self, name: &'static str, shape: [usize; 2]) -> Entry {
        let entry = Entry {
            name,
            block: self.block,
            shape,
            offset: self.offset,
        };
        self.offset += entry.count();
        entry
    }
}
