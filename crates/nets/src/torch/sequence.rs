//! Networks with a memory that reads a sequence step by step, in libtorch.

use std::fmt::Debug;

use tch::{Device, Kind, Tensor};

use super::params::Params;
use crate::sequence::{SequenceSizes, Trunk};

/// A network with a memory of fixed size per lane.
///
/// The memory of a lane is one row of numbers, all zero before the first
/// step. A new model implements this trait beside its declaration, which is a
/// variant of [`Trunk`]; `step` alone is enough, and `unroll` is there for models
/// that can do a whole sequence faster than step by step.
pub trait SequenceModel: Debug + Send + Sync {
    /// Widths of its input, output and memory.
    fn sizes(&self) -> SequenceSizes;

    /// The memory before the first step, `[lanes, state]`: zeros.
    fn initial_state(&self, lanes: usize, options: (Kind, Device)) -> Tensor {
        Tensor::zeros([lanes as i64, self.sizes().state as i64], options)
    }

    /// One step: `[lanes, input]` and `[lanes, state]` give `[lanes, output]`
    /// and the next `[lanes, state]`.
    ///
    /// # Panics
    /// If a shape is another.
    fn step(&self, params: &Params, input: &Tensor, state: &Tensor) -> (Tensor, Tensor);

    /// A whole sequence: `inputs` `[steps, lanes, input]` and the first
    /// `state` `[lanes, state]` give `[steps, lanes, output]` and the last
    /// `[lanes, state]`. Where `resets` `[steps, lanes]` is not zero, the
    /// lane's memory is zeroed before that step.
    ///
    /// # Panics
    /// If a shape is another, or if there is no step.
    fn unroll(
        &self,
        params: &Params,
        inputs: &Tensor,
        resets: &Tensor,
        state: &Tensor,
    ) -> (Tensor, Tensor) {
        check_unroll(self, inputs, resets, state);
        let resets = Resets::new(resets);
        let mut state = state.shallow_clone();
        let mut outputs = Vec::new();
        for (t, input) in inputs.unbind(0).iter().enumerate() {
            let (output, next) = self.step(params, input, &resets.apply(t, &state));
            outputs.push(output);
            state = next;
        }
        (Tensor::stack(&outputs, 0), state)
    }
}

impl Trunk {
    /// What computes it with libtorch.
    pub fn model(&self) -> &dyn SequenceModel {
        match self {
            Self::Gru(layer) => layer,
            Self::Lstm(layer) => layer,
            Self::Mlp(layers) => layers,
        }
    }
}

/// Refuses shapes that a step of the model cannot take.
pub(crate) fn check_step(model: &dyn SequenceModel, input: &Tensor, state: &Tensor) {
    let lanes = input.size().first().copied().unwrap_or(0);
    let [width, memory] = [model.sizes().input as i64, model.sizes().state as i64];
    assert_eq!(
        input.size(),
        [lanes, width],
        "a step's input is [lanes, input]"
    );
    assert_eq!(
        state.size(),
        [lanes, memory],
        "a step's state is [lanes, state]"
    );
}

/// Refuses shapes that the model cannot be unrolled over.
pub(crate) fn check_unroll<M: SequenceModel + ?Sized>(
    model: &M,
    inputs: &Tensor,
    resets: &Tensor,
    state: &Tensor,
) {
    let size = inputs.size();
    assert!(
        size.len() == 3 && size[0] > 0,
        "inputs are [steps, lanes, input], not {size:?}"
    );
    let [width, memory] = [model.sizes().input as i64, model.sizes().state as i64];
    assert_eq!(size[2], width, "width of the inputs [steps, lanes, input]");
    assert_eq!(resets.size(), size[..2], "resets are [steps, lanes]");
    assert_eq!(
        state.size(),
        [size[1], memory],
        "the state is [lanes, state]"
    );
}

/// Where memories are zeroed. Steps without any reset, which are nearly all
/// of them, cost nothing.
pub(crate) struct Resets(Vec<Option<Tensor>>);

impl Resets {
    /// From `[steps, lanes]`, where nonzero means that the memory is zeroed.
    pub(crate) fn new(resets: &Tensor) -> Self {
        let masks = resets.ne(0).unsqueeze(-1); // [steps, lanes, 1]
        let any = masks
            .flatten(1, -1)
            .any_dim(1, false)
            .to_device(Device::Cpu);
        let any: Vec<bool> = Vec::try_from(any).expect("a vector of booleans");
        let keep = |(any, mask): (bool, Tensor)| any.then_some(mask);
        Self(any.into_iter().zip(masks.unbind(0)).map(keep).collect())
    }

    /// The memory as step `t` finds it. A reset memory is zero even if it was
    /// not finite, and so is the gradient that flows into it.
    pub(crate) fn apply(&self, t: usize, memory: &Tensor) -> Tensor {
        match &self.0[t] {
            Some(mask) => memory.masked_fill(mask, 0.0),
            None => memory.shallow_clone(),
        }
    }
}
