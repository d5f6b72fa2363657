//! The backend on a trunk of one kind.

use super::policy::{self, NativePolicies};
use super::scratch::{self, Scratch, TileLesson};
use super::{Native, refuse};
use crate::backend::{ActMode, Backend, Gradient, Lesson};
use crate::error::LearnError;
use crate::execution::Execution;
use crate::input::Inputs;
use crate::model::ActorCritic;
use crate::samples::Samples;
use crate::stopwatch::Phase;
use kernels::{Flops, Network, Policy, Trunk, TrunkBytes};
use rl_core::PolicyFactory;
use rollout::Pool;
use std::sync::{Arc, Mutex};

/// Computes a network on a trunk.
pub(super) struct OnTrunk<T: Trunk> {
    of: &'static str,
    inputs: Inputs,
    /// Without parameters.
    network: Network<T>,
    /// With the parameters packed last; packed over as soon as nobody acts by them.
    packed: Mutex<Arc<Network<T>>>,
    spare: Spare<T::Work>,
}

/// Buffers of jobs that have ended, for the next ones.
struct Spare<W> {
    scratch: Mutex<Vec<Scratch<W>>>,
    gradients: Mutex<Vec<Vec<f32>>>,
}

impl<T: Trunk> OnTrunk<T> {
    /// # Errors
    /// If the network is not on this trunk.
    pub(super) fn new(model: &ActorCritic, trunk: T) -> Result<Self, LearnError> {
        let (declared, given) = (model.trunk.features(), trunk.features());
        if declared != given {
            return Err(LearnError::Bug(format!(
                "the native trunk gives {given} features, declared are {declared}"
            )));
        }
        let outputs = model.inputs.action_size();
        let policy = match model.policy.log_std {
            None => Policy::Categorical(outputs),
            Some(_) => Policy::Gaussian(outputs),
        };
        let network = Network::new(trunk, policy)
            .map_err(|error| refuse(model.of, &format!("this size: {error}")))?;
        let entries = network.entries();
        let ours = entries.iter();
        let ours = ours.map(|entry| (entry.full_name(), entry.offset));
        let theirs = model.layout().entries().iter();
        let theirs = theirs.map(|entry| (entry.name.clone(), entry.offset));
        if !ours.eq(theirs) || network.parameters() != model.layout().numel() {
            return Err(LearnError::Bug(format!(
                "the native network has the parameters {entries:?}, declared are {:?}",
                model.layout().entries()
            )));
        }
        Ok(Self {
            of: model.of,
            inputs: model.inputs.clone(),
            packed: Mutex::new(Arc::new(network.clone())),
            network,
            spare: Spare {
                scratch: Mutex::default(),
                gradients: Mutex::default(),
            },
        })
    }

    fn packed(&self, values: &[f32]) -> Arc<Network<T>> {
        let mut packed = self.packed.lock().expect("no holder panics");
        if Arc::get_mut(&mut packed).is_none() {
            *packed = Arc::new(self.network.clone());
        }
        let own = Arc::get_mut(&mut packed).expect("not shared before it is returned");
        own.pack(values);
        Arc::clone(&packed)
    }
}

impl<T: Trunk> Native for OnTrunk<T> {
    fn bytes(&self, lanes: usize, steps: usize) -> TrunkBytes {
        let beside = TrunkBytes {
            packed: 0.0,
            acting: policy::bytes(&self.network, &self.inputs, lanes),
            learning: scratch::bytes(&self.network, &self.inputs, lanes * steps),
        };
        self.network.bytes(lanes, steps) + beside
    }

    fn flops(&self) -> Flops {
        self.network.flops()
    }
}

impl<T: Trunk> Backend for OnTrunk<T> {
    fn policy(&self, values: &Arc<Vec<f32>>, mode: ActMode) -> Arc<dyn PolicyFactory> {
        Arc::new(NativePolicies {
            of: self.of,
            inputs: self.inputs.clone(),
            network: self.packed(values),
            mode,
        })
    }

    fn execution(&self) -> Execution {
        Execution::Tiles
    }

    fn shares(&self) -> bool {
        true
    }

    fn log_probs(
        &self,
        values: &[f32],
        samples: &Samples,
        tile: usize,
    ) -> Result<Vec<f32>, LearnError> {
        let network = self.packed(values);
        let lesson = TileLesson {
            network: &network,
            inputs: &self.inputs,
            samples,
            tile,
        };
        let mut scratch = Scratch::new(&network);
        Ok(scratch.log_probs(&lesson))
    }

    fn gradient(&self, pool: &Pool, lesson: Lesson<'_>) -> Result<Gradient, LearnError> {
        let Lesson {
            samples, stopwatch, ..
        } = lesson;
        let network = &*stopwatch.time(Phase::Optimizer, || self.packed(lesson.values));
        let tile = |_, &tile: &usize| {
            let own = TileLesson {
                network,
                inputs: &self.inputs,
                samples,
                tile,
            };
            let (mut scratch, mut values) = self.spare.take(network);
            let goal = (lesson.minibatch, lesson.objective);
            let losses = scratch.gradient(&own, goal, stopwatch, &mut values);
            self.spare.keep(scratch);
            Ok::<_, LearnError>((losses, values))
        };
        let fold = |parts: &[&[f32]]| stopwatch.time(Phase::Optimizer, || self.spare.sum(parts));
        let summed = pool.share_sum(&lesson.minibatch.tiles, tile, fold)?;
        self.spare.keep_gradients(summed.own);
        let mut parts = summed.said.into_iter();
        let mut losses = parts.next().unwrap_or_default();
        parts.for_each(|part| losses.add(&part));
        let values = summed.sum;
        Ok(Gradient { values, losses })
    }
}

impl<W> Spare<W> {
    /// Buffers for a tile: of the passes, and of zeros for its gradient.
    fn take<T: Trunk<Work = W>>(&self, network: &Network<T>) -> (Scratch<W>, Vec<f32>) {
        let scratch = self.scratch.lock().expect("no holder panics").pop();
        let gradient = self.gradients.lock().expect("no holder panics").pop();
        let mut gradient = gradient.unwrap_or_default();
        gradient.clear();
        gradient.resize(network.parameters(), 0.0);
        (scratch.unwrap_or_else(|| Scratch::new(network)), gradient)
    }

    fn keep(&self, scratch: Scratch<W>) {
        self.scratch.lock().expect("no holder panics").push(scratch);
    }

    fn keep_gradients(&self, mut gradients: Vec<Vec<f32>>) {
        let mut kept = self.gradients.lock().expect("no holder panics");
        kept.append(&mut gradients);
    }

    /// The sum of the parts, number by number and in their order.
    fn sum(&self, parts: &[&[f32]]) -> Vec<f32> {
        let spare = self.gradients.lock().expect("no holder panics").pop();
        let mut sum = spare.unwrap_or_default();
        sum.clear();
        if let Some((first, others)) = parts.split_first() {
            sum.extend_from_slice(first);
            for part in others {
                sum.iter_mut().zip(*part).for_each(|(sum, x)| *sum += x);
            }
        }
        sum
    }
}
