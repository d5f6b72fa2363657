//! What computes trunks with libtorch.

use tch::{Device, Kind, Tensor};

use super::memory::Memory;
use super::params::Params;
use crate::sequence::Trunk;

/// A trunk that is computed with libtorch.
///
/// What it remembers of a lane lives as long as the lane's trial. `memory` and
/// `step` are enough; `unroll` is there for trunks that do whole trials faster than
/// step by step.
pub trait SequenceModel: Trunk {
    /// The memory of so many lanes that remember nothing, to be kept through at
    /// most so many steps of a trial.
    fn memory(&self, lanes: usize, at_most: usize, options: (Kind, Device)) -> Memory;

    /// Forgets the lanes where `starts`, `[lanes]`, is not 0. A memory that begins
    /// with anything but zeros says here how.
    fn forget(&self, memory: &mut Memory, starts: &Tensor) {
        memory.clear(starts);
    }

    /// One step: `[lanes, inputs]` and the memory give `[lanes, features]`, and
    /// the memory after it.
    ///
    /// # Panics
    /// If a shape is another.
    fn step(&self, params: &Params, input: &Tensor, memory: &mut Memory) -> Tensor;

    /// Whole trials, from nothing: `inputs`, `[steps, lanes, inputs]`, give
    /// `[steps, lanes, features]`. Where `starts`, `[steps, lanes]`, is not 0, the
    /// lane's memory is forgotten before that step.
    ///
    /// # Panics
    /// If a shape is another, or if there is no step.
    fn unroll(&self, params: &Params, inputs: &Tensor, starts: &Tensor) -> Tensor {
        check_unroll(self, inputs, starts);
        let (steps, lanes) = (inputs.size()[0] as usize, inputs.size()[1] as usize);
        let mut memory = self.memory(lanes, steps, (inputs.kind(), inputs.device()));
        let starts = Starts::new(starts);
        let mut features = Vec::with_capacity(steps);
        for (t, input) in inputs.unbind(0).iter().enumerate() {
            if let Some(starts) = starts.at(t) {
                self.forget(&mut memory, starts);
            }
            features.push(self.step(params, input, &mut memory));
        }
        Tensor::stack(&features, 0)
    }
}

/// Refuses inputs that a step of the trunk cannot take.
pub(crate) fn check_step<M: SequenceModel + ?Sized>(model: &M, input: &Tensor) {
    let size = input.size();
    let width = model.inputs() as i64;
    assert!(
        size.len() == 2 && size[1] == width,
        "a step's input is [lanes, {width}], not {size:?}"
    );
}

/// Refuses shapes that the trunk cannot be unrolled over.
pub(crate) fn check_unroll<M: SequenceModel + ?Sized>(model: &M, inputs: &Tensor, starts: &Tensor) {
    let size = inputs.size();
    let width = model.inputs() as i64;
    assert!(
        size.len() == 3 && size[0] > 0 && size[2] == width,
        "inputs are [steps, lanes, {width}], not {size:?}"
    );
    assert_eq!(starts.size(), size[..2], "starts are [steps, lanes]");
}

/// Where trials start. Steps at which none does, which are nearly all of them,
/// cost nothing.
pub(crate) struct Starts(Vec<Option<Tensor>>);

impl Starts {
    /// From `[steps, lanes]`, where nonzero is a start.
    pub(crate) fn new(starts: &Tensor) -> Self {
        let starts = starts.ne(0);
        let any = starts.any_dim(1, false).to_device(Device::Cpu);
        let any: Vec<bool> = Vec::try_from(any).expect("a vector of booleans");
        let keep = |(any, starts): (bool, Tensor)| any.then_some(starts);
        Self(any.into_iter().zip(starts.unbind(0)).map(keep).collect())
    }

    /// The lanes whose trial starts at a step, `[lanes]`, if any does.
    pub(crate) fn at(&self, t: usize) -> Option<&Tensor> {
        self.0[t].as_ref()
    }
}
