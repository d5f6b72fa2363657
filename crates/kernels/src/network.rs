//! A trunk with heads on top: the passes of the whole network over a tile.

use crate::heads::{Heads, HeadsWork, OutputGradients, Outputs, Policy};
use crate::input::{Inputs, ShapeError, Trials};
use crate::trunk::{Entry, Flops, OnTop, Trunk, TrunkBytes};

/// A trunk and its heads, packed: the trunk's parameters, then the heads'. Pack
/// once per update; any number of threads may then read it.
#[derive(Clone)]
pub struct Network<T> {
    trunk: T,
    heads: Heads,
    /// Numbers of the trunk's parameters.
    split: usize,
}

/// What a thread needs beside the parameters: saved activations and scratch. It
/// grows to the largest tile it has seen and then never allocates again.
pub struct NetworkWork<W> {
    /// The trunk's.
    pub trunk: W,
    /// The heads'.
    pub heads: HeadsWork,
}

impl<T: Trunk> Network<T> {
    /// A trunk with heads for a policy, without parameters.
    ///
    /// # Errors
    /// If there are no outputs, or too many.
    ///
    /// # Panics
    /// If the trunk gives indices, and not one of each action.
    pub fn new(trunk: T, policy: Policy) -> Result<Network<T>, ShapeError> {
        let heads = match trunk.indices() {
            0 => Heads::new(policy, trunk.features(), trunk.isa())?,
            indices => {
                assert_eq!(policy, Policy::Categorical(indices), "one index an action");
                Heads::of_indices(indices, trunk.features(), trunk.isa())?
            }
        };
        let split = trunk.entries().last().map_or(0, |entry| entry.range().end);
        Ok(Network {
            trunk,
            heads,
            split,
        })
    }

    /// The trunk.
    pub fn trunk(&self) -> &T {
        &self.trunk
    }

    /// The heads.
    pub fn heads(&self) -> &Heads {
        &self.heads
    }

    /// All parameters in the order in which they lie in the flat slice.
    pub fn entries(&self) -> Vec<Entry> {
        let heads = self.heads.entries().into_iter().map(|entry| Entry {
            offset: self.split + entry.offset,
            ..entry
        });
        self.trunk.entries().into_iter().chain(heads).collect()
    }

    /// How many parameters there are.
    pub fn parameters(&self) -> usize {
        self.split + self.heads.parameters()
    }

    /// What it takes for a tile of so many lanes through so many steps.
    pub fn bytes(&self, lanes: usize, steps: usize) -> TrunkBytes {
        let beside = |rows, learning| self.trunk.heads_bytes(&self.heads, rows, learning);
        let beside = TrunkBytes {
            packed: 0.0,
            acting: beside(lanes, false),
            learning: beside(lanes * steps, true),
        };
        self.trunk.bytes(lanes, steps) + self.heads.bytes(lanes) + beside
    }

    /// Operations of a lane's step.
    pub fn flops(&self) -> Flops {
        self.trunk.flops() + self.heads.flops()
    }

    /// Empty buffers of a thread.
    pub fn work(&self) -> NetworkWork<T::Work> {
        NetworkWork {
            trunk: self.trunk.work(),
            heads: HeadsWork::default(),
        }
    }

    /// Packs flat parameters.
    ///
    /// # Panics
    /// Where there are not [`Network::parameters`].
    pub fn pack(&mut self, params: &[f32]) {
        let (trunk, heads) = params.split_at(self.split);
        self.trunk.pack(trunk);
        self.heads.pack(heads);
    }

    /// One step of an actor: reads and replaces the lanes' memory, and writes the
    /// outputs of every lane. The outputs are the same to the bit
    /// as those of [`Network::forward`] at that step, and a lane's do not depend
    /// on the other lanes.
    ///
    /// The activations saved by a previous `forward` are lost.
    ///
    /// # Panics
    /// Where lengths do not match, or an action or observation is out of range.
    pub fn step(
        &self,
        work: &mut NetworkWork<T::Work>,
        inputs: &Inputs<'_>,
        memory: &mut T::Memory,
        outputs: Outputs<'_>,
    ) {
        self.check(inputs.rows(), [outputs.policy.len(), outputs.values.len()]);
        let top = OnTop {
            heads: &self.heads,
            work: &mut work.heads,
            outputs,
        };
        self.trunk.step_heads(&mut work.trunk, inputs, memory, top);
    }

    /// Whole trials, from nothing. Keeps in `work` what [`Network::backward`]
    /// needs.
    ///
    /// # Panics
    /// Where lengths do not match, or an action or observation is out of range.
    pub fn forward(
        &self,
        work: &mut NetworkWork<T::Work>,
        trials: Trials<'_>,
        outputs: Outputs<'_>,
    ) {
        let rows = trials.steps() * trials.lanes;
        self.check(rows, [outputs.policy.len(), outputs.values.len()]);
        let top = OnTop {
            heads: &self.heads,
            work: &mut work.heads,
            outputs,
        };
        self.trunk.forward_heads(&mut work.trunk, trials, top);
    }

    /// Backpropagation: adds the gradient with respect to the flat parameters to
    /// `gradient`. The trials must be those of the last [`Network::forward`] on
    /// `work`, whose saved activations are consumed. Nothing flows through a reset.
    ///
    /// # Panics
    /// Where lengths do not match or no saved activations are there.
    pub fn backward(
        &self,
        work: &mut NetworkWork<T::Work>,
        trials: Trials<'_>,
        outputs: OutputGradients<'_>,
        gradient: &mut [f32],
    ) {
        let rows = trials.steps() * trials.lanes;
        self.check(rows, [outputs.policy.len(), outputs.values.len()]);
        let top = OnTop {
            heads: &self.heads,
            work: &mut work.heads,
            outputs,
        };
        let (trunk, heads) = gradient.split_at_mut(self.split);
        self.trunk
            .backward_heads(&mut work.trunk, trials, top, trunk);
        self.heads.add_gradient(&work.heads, heads);
    }

    /// A Gaussian's logarithms of standard deviations in flat parameters, or their
    /// gradient in a flat gradient: what a loss adds to by itself. Empty for other
    /// policies.
    pub fn log_std_of<'a>(&self, flat: &'a mut [f32]) -> &'a mut [f32] {
        self.heads.log_std_of(&mut flat[self.split..])
    }

    /// Checks the lengths of outputs, or of their gradients.
    fn check(&self, rows: usize, [policy, values]: [usize; 2]) {
        let outputs = self.heads.outputs();
        assert_eq!(policy, rows * outputs, "outputs must be [rows][{outputs}]");
        assert_eq!(values, rows, "values must have one element per row");
    }
}
