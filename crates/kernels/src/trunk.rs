//! What a trunk is: it reads trials and gives features, and takes the gradient of
//! what follows with respect to them.

use crate::heads::{Heads, HeadsWork, OutputGradients, Outputs};
use crate::input::{Inputs, Trials};
use crate::simd::Isa;

/// One parameter tensor inside the flat parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Name, such as `trunk.weight_ih`; in a block its part, such as `up.weight`.
    pub name: &'static str,
    /// The block of a stack that it is in, if it is in one.
    pub block: Option<usize>,
    /// Rows and columns; a vector has one column.
    pub shape: [usize; 2],
    /// First element in the flat slice.
    pub offset: usize,
}

impl Entry {
    /// The whole name, such as `trunk.0.up.weight`.
    pub fn full_name(&self) -> String {
        match self.block {
            None => self.name.to_owned(),
            Some(block) => format!("trunk.{block}.{}", self.name),
        }
    }

    /// Number of elements.
    pub fn count(&self) -> usize {
        self.shape[0] * self.shape[1]
    }

    /// Positions of the tensor in the flat slice.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.count()
    }
}

/// Floating-point operations in the matrix products of one lane's step; a multiply
/// and an add count two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flops {
    /// Forward.
    pub forward: u64,
    /// Forward and backward together.
    pub training: u64,
}

impl std::ops::Add for Flops {
    type Output = Flops;
    fn add(self, other: Flops) -> Flops {
        Flops {
            forward: self.forward + other.forward,
            training: self.training + other.training,
        }
    }
}

/// Bytes that a trunk takes for lanes of a tile through whole trials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrunkBytes {
    /// Its packed parameters.
    pub packed: f64,
    /// What one thread holds that acts.
    pub acting: f64,
    /// What one thread holds that learns.
    pub learning: f64,
}

impl std::ops::Add for TrunkBytes {
    type Output = TrunkBytes;
    fn add(self, other: TrunkBytes) -> TrunkBytes {
        TrunkBytes {
            packed: self.packed + other.packed,
            acting: self.acting + other.acting,
            learning: self.learning + other.learning,
        }
    }
}

/// Heads on top of a trunk, in one pass.
pub struct OnTop<'a, O> {
    /// The heads.
    pub heads: &'a Heads,
    /// Their buffers.
    pub work: &'a mut HeadsWork,
    /// Their outputs, or the gradients of those.
    pub outputs: O,
}

/// A trunk with its parameters, packed as it reads them.
///
/// What it gives at a step depends on the lane's own steps since the trial's start
/// alone. Before [`Trunk::pack`] it is a description that takes no room.
///
/// The methods in the middle are plain: rows of features out, rows of their
/// gradients in, for heads and losses of any kind. The last three have the
/// library's own [`Heads`] on top, and are made of the plain ones; a trunk may
/// override them to fuse the two.
pub trait Trunk: Clone + Send + Sync + 'static {
    /// Saved activations and scratch of one thread, reused from call to call.
    type Work: Send;

    /// What lanes remember while they act, of any kind.
    type Memory: Send;

    /// Its parameters in the order in which they lie in the flat slice, without
    /// gaps.
    fn entries(&self) -> Vec<Entry>;

    /// Width of what it gives.
    fn features(&self) -> usize;

    /// How many of the first features are an index of an action each, which the
    /// policy's logits are a multiple of; the value reads the features after them. 0
    /// where the policy has weights of its own. Such a trunk gives plain rows: it
    /// leaves the last four methods as they are.
    fn indices(&self) -> usize {
        0
    }

    /// The memory of so many lanes that remember nothing yet, with room for trials of
    /// `at_most` steps.
    fn memory(&self, lanes: usize, at_most: usize) -> Self::Memory;

    /// What it takes for so many lanes through so many steps, the memory with it.
    fn bytes(&self, lanes: usize, steps: usize) -> TrunkBytes;

    /// Operations of a lane's step.
    fn flops(&self) -> Flops;

    /// The instruction set to use.
    fn isa(&self) -> Isa {
        Isa::best()
    }

    /// Empty buffers of a thread.
    fn work(&self) -> Self::Work;

    /// Takes flat parameters.
    ///
    /// # Panics
    /// If there are more or fewer than the entries say.
    fn pack(&mut self, params: &[f32]);

    /// One step of an actor: reads and replaces the lanes' memory, and writes
    /// `features`, `[lanes][features]`. A lane whose input says `reset` remembers
    /// nothing before the step.
    ///
    /// # Panics
    /// Where lengths do not match, or an action or observation is out of range.
    fn step(
        &self,
        work: &mut Self::Work,
        inputs: &Inputs<'_>,
        memory: &mut Self::Memory,
        features: &mut [f32],
    );

    /// Whole trials, from nothing: writes `features`, `[steps][lanes][features]`,
    /// the same as those of [`Trunk::step`], and keeps in `work` what
    /// [`Trunk::backward`] needs.
    ///
    /// # Panics
    /// As [`Trunk::step`].
    fn forward(&self, work: &mut Self::Work, trials: Trials<'_>, features: &mut [f32]);

    /// Adds the gradient with respect to the flat parameters to `gradient`, given
    /// that with respect to the features, `[steps][lanes][features]`. The trials
    /// must be those of the last [`Trunk::forward`] on `work`, whose saved
    /// activations are consumed. Nothing flows through a reset.
    ///
    /// # Panics
    /// Where lengths do not match or no saved activations are there.
    fn backward(
        &self,
        work: &mut Self::Work,
        trials: Trials<'_>,
        features: &[f32],
        gradient: &mut [f32],
    );

    /// [`Trunk::step`] with heads on top.
    fn step_heads(
        &self,
        work: &mut Self::Work,
        inputs: &Inputs<'_>,
        memory: &mut Self::Memory,
        top: OnTop<'_, Outputs<'_>>,
    ) {
        let rows = inputs.rows();
        let step = |features: &mut [f32]| self.step(work, inputs, memory, features);
        top.heads.forward_plain(top.work, rows, step, top.outputs);
    }

    /// [`Trunk::forward`] with heads on top.
    fn forward_heads(
        &self,
        work: &mut Self::Work,
        trials: Trials<'_>,
        top: OnTop<'_, Outputs<'_>>,
    ) {
        let rows = trials.inputs.rows();
        let forward = |features: &mut [f32]| self.forward(work, trials, features);
        top.heads
            .forward_plain(top.work, rows, forward, top.outputs);
    }

    /// [`Trunk::backward`] through heads on top. The heads' own gradient is left in
    /// their buffers.
    fn backward_heads(
        &self,
        work: &mut Self::Work,
        trials: Trials<'_>,
        top: OnTop<'_, OutputGradients<'_>>,
        gradient: &mut [f32],
    ) {
        let backward = |features: &[f32]| self.backward(work, trials, features, gradient);
        top.heads.backward_plain(top.work, top.outputs, backward);
    }

    /// Bytes that the three take for so many rows, in learning or the first alone,
    /// beside the trunk's own and the heads'.
    fn heads_bytes(&self, heads: &Heads, rows: usize, learning: bool) -> f64 {
        heads.plain_bytes(rows, learning)
    }
}
