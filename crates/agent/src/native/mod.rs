//! The native backend: CPU kernels for recurrent trunks and discrete actions.

mod policy;
mod rows;
mod scratch;

use crate::backend::{ActMode, Backend, Execution, Gradient, Lesson};
use crate::error::LearnError;
use crate::input::Inputs;
use crate::model::{ActorCritic, NetworkConfig};
use crate::samples::Samples;
use crate::stopwatch::Phase;
use kernels::{Cell, Observation, Packed, Shape, Workspace};
use nets::SequenceConfig;
use policy::NativePolicies;
use rl_core::{EnvSpec, ObservationSpace, PolicyFactory};
use rollout::Pool;
use rows::InputRows;
use scratch::{Scratch, TileLesson};
use std::sync::{Arc, Mutex};

/// Computes with the crate `kernels`, a tile at a time.
pub struct NativeBackend {
    of: &'static str,
    inputs: Inputs,
    shape: Shape,
    /// The weights packed last; packed over as soon as nobody acts by them.
    packed: Mutex<Arc<Packed>>,
    spare: Spare,
}

/// Buffers of jobs that have ended, for the next ones.
#[derive(Default)]
struct Spare {
    scratch: Mutex<Vec<Scratch>>,
    gradients: Mutex<Vec<Vec<f32>>>,
}

impl NativeBackend {
    /// A backend for a network.
    ///
    /// # Errors
    /// If there are no kernels for the network's trunk or actions.
    pub fn new(
        model: &ActorCritic,
        spec: &EnvSpec,
        config: NetworkConfig<'_>,
    ) -> Result<Self, LearnError> {
        let shape = Self::shape_of(model, spec, config)?;
        let packed = Packed::new(shape)
            .map_err(|error| refuse(config.of, &format!("this size: {error}")))?;
        let entries = packed.layout().entries();
        let ours = entries.iter().map(|entry| (entry.name, entry.offset));
        let theirs = model.layout().entries().iter();
        assert!(
            ours.eq(theirs.map(|entry| (entry.name.as_str(), entry.offset))),
            "kernels and nets lay the parameters out alike"
        );
        Ok(Self {
            of: model.of,
            inputs: model.inputs.clone(),
            shape,
            packed: Mutex::new(Arc::new(packed)),
            spare: Spare::default(),
        })
    }

    /// What a network looks like to the kernels.
    ///
    /// # Errors
    /// If there are none for its trunk or actions.
    pub(crate) fn shape_of(
        model: &ActorCritic,
        spec: &EnvSpec,
        config: NetworkConfig<'_>,
    ) -> Result<Shape, LearnError> {
        let (cell, hidden) = match config.trunk {
            SequenceConfig::Gru(layer) => (Cell::Gru, layer.hidden),
            SequenceConfig::Lstm(layer) => (Cell::Lstm, layer.hidden),
            _ => return Err(refuse(config.of, "this trunk")),
        };
        if !spec.is_discrete() {
            return Err(refuse(config.of, "continuous actions"));
        }
        Ok(Shape {
            cell,
            observation: match spec.observation {
                ObservationSpace::Vector { size: 0 } => Observation::None,
                ObservationSpace::Vector { size } => Observation::Dense(size),
                ObservationSpace::Discrete { size } => Observation::OneHot(size),
            },
            hidden,
            actions: model.inputs.action_size(),
        })
    }

    /// Bytes of the buffers that a tile is learned from in.
    pub(crate) fn tile_bytes(shape: &Shape, lanes: usize, steps: usize) -> f64 {
        Workspace::sequence_bytes(shape, lanes, steps) + Scratch::bytes(shape, lanes, steps)
    }

    /// Bytes of a policy that acts in so many lanes.
    pub(crate) fn acting_bytes(shape: &Shape, lanes: usize) -> f64 {
        let memory = shape.memory_width() + shape.actions + 1;
        Workspace::step_bytes(shape, lanes)
            + lanes as f64 * (4.0 * memory as f64 + InputRows::bytes(shape))
    }

    /// What the network looks like to the kernels.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    fn packed(&self, values: &[f32]) -> Arc<Packed> {
        let mut packed = self.packed.lock().expect("no holder panics");
        if Arc::get_mut(&mut packed).is_none() {
            *packed = Arc::new(Packed::new(self.shape).expect("valid, as in `new`"));
        }
        let own = Arc::get_mut(&mut packed).expect("not shared before it is returned");
        own.pack(values);
        Arc::clone(&packed)
    }
}

fn refuse(of: &str, what: &str) -> LearnError {
    let allowed = format!("torch, since there are no native kernels for {what}");
    LearnError::config(format!("{of}.backend"), "native", allowed)
}

impl Backend for NativeBackend {
    fn policy(&self, values: &Arc<Vec<f32>>, mode: ActMode) -> Arc<dyn PolicyFactory> {
        Arc::new(NativePolicies {
            of: self.of,
            inputs: self.inputs.clone(),
            packed: self.packed(values),
            mode,
        })
    }

    fn execution(&self) -> Execution {
        Execution::Tiles
    }

    fn log_probs(
        &self,
        values: &[f32],
        samples: &Samples,
        tile: usize,
    ) -> Result<Vec<f32>, LearnError> {
        let packed = self.packed(values);
        let lesson = TileLesson {
            packed: &packed,
            inputs: &self.inputs,
            samples,
            tile,
        };
        let mut scratch = Scratch::new(&packed);
        let rows = scratch.forward(lesson).chunks_exact(self.shape.actions);
        let log_prob = |(logits, action): (&[f32], &u32)| {
            let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = logits.iter().map(|l| (l - largest).exp()).sum();
            logits[*action as usize] - largest - sum.ln()
        };
        Ok(rows.zip(lesson.actions()).map(log_prob).collect())
    }

    fn gradient(&self, pool: &Pool, lesson: Lesson<'_>) -> Result<Gradient, LearnError> {
        let Lesson {
            samples, stopwatch, ..
        } = lesson;
        let packed = &*stopwatch.time(Phase::Optimizer, || self.packed(lesson.values));
        let parts = pool.map(&lesson.minibatch.tiles, |_, &tile| {
            let own = TileLesson {
                packed,
                inputs: &self.inputs,
                samples,
                tile,
            };
            let (mut scratch, mut values) = self.spare.take(packed);
            let goal = (lesson.minibatch, lesson.objective);
            let losses = scratch.gradient(own, goal, stopwatch, &mut values);
            self.spare.keep(scratch);
            Gradient { values, losses }
        })?;
        Ok(stopwatch.time(Phase::Optimizer, || self.spare.sum(parts)))
    }
}

impl Spare {
    /// Buffers for a tile: of the passes, and of zeros for its gradient.
    fn take(&self, packed: &Packed) -> (Scratch, Vec<f32>) {
        let scratch = self.scratch.lock().expect("no holder panics").pop();
        let gradient = self.gradients.lock().expect("no holder panics").pop();
        let mut gradient = gradient.unwrap_or_default();
        gradient.clear();
        gradient.resize(packed.layout().len(), 0.0);
        (scratch.unwrap_or_else(|| Scratch::new(packed)), gradient)
    }

    fn keep(&self, scratch: Scratch) {
        self.scratch.lock().expect("no holder panics").push(scratch);
    }

    /// The sum of the parts, in their order; keeps their buffers.
    fn sum(&self, parts: Vec<Gradient>) -> Gradient {
        let mut parts = parts.into_iter();
        let mut sum = parts.next().unwrap_or_default();
        let mut kept = self.gradients.lock().expect("no holder panics");
        for part in parts {
            sum.add(&part);
            kept.push(part.values);
        }
        sum
    }
}
