//! The libtorch backend: the reference, and the one that runs on a GPU. Unlike
//! the native one it allocates as it acts: every operation makes a tensor.

mod memory;
mod policy;

pub(crate) use memory::{footprint, lanes_at_once};

use crate::backend::{ActMode, Backend, Gradient, Lesson, Losses, Minibatch, Objective, Surrogate};
use crate::error::LearnError;
use crate::execution::Execution;
use crate::input::Inputs;
use crate::model::ActorCritic;
use crate::samples::Samples;
use crate::stopwatch::{Phase, Stopwatch};
use nets::tch::{Device, Kind, Tensor};
use nets::{
    Distribution, NetsError, Params, PolicySamples, SequenceModel, Taught, approx_kl,
    clip_fraction, imitation, mean_entropy, policy_gradient_loss, ppo_policy_loss, value_loss,
};
use policy::TorchPolicies;
use rl_core::{Actions, PolicyFactory};
use rollout::Pool;
use std::sync::Arc;

/// Lanes that go through libtorch together in learning. More lanes make each
/// operation longer, which hides its fixed cost; fewer share the work better
/// among workers. A constant, so that the number of workers cannot matter.
const SHARD_LANES: usize = 128;

/// The libtorch backend for a network on a device.
pub(crate) fn backend(
    model: &Arc<ActorCritic>,
    device: nets::Device,
) -> Result<Box<dyn Backend>, LearnError> {
    Ok(Box::new(TorchBackend::new(Arc::clone(model), device)?))
}

impl ActorCritic {
    /// What computes the trunk.
    fn sequence(&self) -> &dyn SequenceModel {
        let model = self.trunk.model();
        model.expect("there is one, as checked in `TorchBackend::new`")
    }

    /// What the policy does at some features, `[.., features]`. Continuous
    /// actions are in [`Inputs::to_unit`]'s coordinates.
    pub fn distribution(&self, params: &Params, features: &Tensor) -> Distribution {
        match self.trunk.indices() as i64 {
            0 => self.policy.distribution(params, features),
            count => self
                .policy
                .distribution(params, &features.narrow(-1, 0, count)),
        }
    }

    /// The expected return at some features, `[.., features]` to `[..]`.
    pub fn value(&self, params: &Params, features: &Tensor) -> Tensor {
        let value = match self.trunk.indices() as i64 {
            0 => self.value.forward(params, features),
            first => {
                let rest = features.narrow(-1, first, self.value.inputs() as i64);
                self.value.forward(params, &rest)
            }
        };
        value.squeeze_dim(-1)
    }
}

/// Computes with libtorch and its autograd.
pub struct TorchBackend {
    model: Arc<ActorCritic>,
    device: Device,
    execution: Execution,
}

impl TorchBackend {
    /// A backend for a network on a device.
    ///
    /// # Errors
    /// If nothing computes the network's trunk with libtorch.
    pub fn new(model: Arc<ActorCritic>, device: nets::Device) -> Result<Self, LearnError> {
        if model.trunk.model().is_none() {
            let allowed = "native, since nothing computes this trunk with libtorch";
            return Err(LearnError::config(
                format!("{}.backend", model.of),
                "torch",
                allowed,
            ));
        }
        Ok(Self {
            model,
            device: device.into(),
            execution: Execution::on(device),
        })
    }
}

impl Backend for TorchBackend {
    fn policy(&self, values: &Arc<Vec<f32>>, mode: ActMode) -> Arc<dyn PolicyFactory> {
        Arc::new(TorchPolicies {
            model: Arc::clone(&self.model),
            values: Arc::clone(values),
            device: self.device,
            mode,
        })
    }

    fn execution(&self) -> Execution {
        self.execution
    }

    fn log_probs(
        &self,
        values: &[f32],
        samples: &Samples,
        tile: usize,
    ) -> Result<Vec<f32>, LearnError> {
        nets::single_threaded();
        let _no_gradients = nets::tch::no_grad_guard();
        let whole = Minibatch {
            tiles: vec![tile],
            weight: 1.0,
            shift: 0.0,
            scale: 1.0,
        };
        let shard = Shard::gather(&self.model, samples, &whole, &[tile], self.device);
        let params =
            Params::from_flat(Arc::clone(self.model.layout()), values)?.to_device(self.device)?;
        let features = shard.unroll(&self.model, &params);
        let log_probs = self
            .model
            .distribution(&params, &features)
            .log_prob(&shard.actions);
        let mut rows = vec![0.0; log_probs.numel()];
        read(&log_probs, &mut rows);
        Ok(rows)
    }

    fn gradient(&self, pool: &Pool, lesson: Lesson<'_>) -> Result<Gradient, LearnError> {
        let lanes = lesson.samples.batch.tiles()[0].trajectory().lanes();
        let tiles = &lesson.minibatch.tiles;
        let shard_tiles = match self.device {
            Device::Cpu => SHARD_LANES.div_ceil(lanes),
            _ => tiles.len(),
        };
        let shards: Vec<&[usize]> = tiles.chunks(shard_tiles).collect();
        let stopwatch = lesson.stopwatch;
        let parts = pool.map(shards, |_, tiles| {
            let shard = stopwatch.time(Phase::Forward, || {
                let Lesson {
                    samples, minibatch, ..
                } = lesson;
                Shard::gather(&self.model, samples, minibatch, tiles, self.device)
            });
            shard.gradient(&self.model, lesson.values, (lesson.objective, stopwatch))
        })?;
        stopwatch.time(Phase::Optimizer, || {
            let mut sum = Gradient::default();
            for part in parts {
                sum.add(&part?);
            }
            Ok(sum)
        })
    }
}

/// Goes on with the last row, to as many rows as the tile of the longest trials has.
fn padded(part: &Tensor, steps: Option<i64>) -> Tensor {
    let own = part.size()[0];
    match steps.unwrap_or(own) - own {
        0 => part.copy(),
        more => {
            let last = part.narrow(0, own - 1, 1);
            let mut size = vec![1; part.dim()];
            size[0] = more;
            Tensor::cat(&[part, &last.repeat(size)], 0)
        }
    }
}

/// The samples of some tiles side by side, time-major, as tensors.
struct Shard {
    inputs: Tensor,     // [steps, lanes, inputs]
    starts: Tensor,     // [steps, lanes]
    actions: Tensor,    // [steps, lanes] or [steps, lanes, width]
    log_probs: Tensor,  // [steps, lanes]
    advantages: Tensor, // [steps, lanes], shifted and scaled
    returns: Tensor,    // [steps, lanes]
    weights: Tensor,    // [steps, lanes]
    labels: Tensor,     // [steps, lanes, actions], or 0 actions
}

impl Shard {
    fn gather(
        model: &ActorCritic,
        samples: &Samples,
        minibatch: &Minibatch,
        tiles: &[usize],
        device: Device,
    ) -> Self {
        let parts: Vec<Self> = tiles
            .iter()
            .map(|&tile| Self::of_tile(model, samples, minibatch, tile))
            .collect();
        let steps = parts.iter().map(|part| part.starts.size()[0]).max();
        let join = |field: fn(&Self) -> &Tensor| {
            let parts = parts.iter().map(field);
            let parts: Vec<Tensor> = parts.map(|part| padded(part, steps)).collect();
            Tensor::cat(&parts, 1).to_device(device)
        };
        let weights: Vec<Tensor> = parts
            .iter()
            .map(|part| {
                let weights = padded(&part.weights, steps);
                let (own, all) = (part.weights.size()[0], weights.size()[0]);
                let _ = weights.narrow(0, own, all - own).zero_();
                weights
            })
            .collect();
        Self {
            inputs: join(|part| &part.inputs),
            starts: join(|part| &part.starts),
            actions: join(|part| &part.actions),
            log_probs: join(|part| &part.log_probs),
            advantages: join(|part| &part.advantages),
            returns: join(|part| &part.returns),
            weights: Tensor::cat(&weights, 1).to_device(device),
            labels: join(|part| &part.labels),
        }
    }

    fn of_tile(model: &ActorCritic, samples: &Samples, minibatch: &Minibatch, tile: usize) -> Self {
        let trajectory = samples.batch.tiles()[tile].trajectory();
        let targets = &samples.targets[tile];
        let (steps, lanes) = (trajectory.steps(), trajectory.lanes());
        let row = lanes * model.inputs.size();
        let mut inputs = vec![0.0; steps * row];
        for (t, inputs) in inputs.chunks_exact_mut(row).enumerate() {
            model.inputs.write(&trajectory.row(t), inputs);
        }
        let starts: Vec<f32> = trajectory.starts()[..steps * lanes]
            .iter()
            .map(|start| f32::from(u8::from(*start)))
            .collect();
        let advantages: Vec<f32> = targets
            .advantages
            .iter()
            .map(|advantage| (advantage - minibatch.shift) * minibatch.scale)
            .collect();
        let weights: Vec<f32> = targets
            .mask
            .iter()
            .map(|mask| mask * minibatch.weight)
            .collect();
        let shape = [steps as i64, lanes as i64];
        let actions = match trajectory.actions() {
            Actions::Discrete(actions) => {
                let actions: Vec<i64> = actions.iter().map(|a| i64::from(*a)).collect();
                Tensor::from_slice(&actions).view(shape)
            }
            Actions::Box { row, .. } => stored(&model.inputs, row, &shape),
        };
        Self {
            inputs: Tensor::from_slice(&inputs).view([shape[0], shape[1], -1]),
            starts: Tensor::from_slice(&starts).view(shape),
            actions,
            log_probs: Tensor::from_slice(trajectory.log_probs()).view(shape),
            advantages: Tensor::from_slice(&advantages).view(shape),
            returns: Tensor::from_slice(&targets.returns).view(shape),
            weights: Tensor::from_slice(&weights).view(shape),
            labels: Tensor::from_slice(trajectory.labels()).view([
                shape[0],
                shape[1],
                size(trajectory.labels(), shape),
            ]),
        }
    }

    /// Features of every step, from empty memories.
    fn unroll(&self, model: &ActorCritic, params: &Params) -> Tensor {
        model.sequence().unroll(params, &self.inputs, &self.starts)
    }

    fn gradient(
        &self,
        model: &ActorCritic,
        values: &[f32],
        (objective, stopwatch): (Objective, &Stopwatch),
    ) -> Result<Gradient, NetsError> {
        nets::single_threaded();
        let params = Params::from_flat(Arc::clone(model.layout()), values)?
            .to_device(self.inputs.device())?
            .leaves();
        let (loss, losses) =
            stopwatch.time(Phase::Forward, || self.loss(model, &params, objective));
        let values = stopwatch.time(Phase::Backward, || params.gradient(&loss))?;
        Ok(Gradient { values, losses })
    }

    /// The objective, which can be differentiated, and its parts.
    fn loss(&self, model: &ActorCritic, params: &Params, objective: Objective) -> (Tensor, Losses) {
        let features = self.unroll(model, params);
        let policy = model.distribution(params, &features);
        let predicted = model.value(params, &features);
        let log_probs = policy.log_prob(&self.actions);
        let samples = PolicySamples {
            log_probs: &log_probs,
            old_log_probs: &self.log_probs,
            advantages: &self.advantages,
            weights: &self.weights,
        };
        let (policy_loss, clip) = match objective.surrogate {
            Surrogate::Clipped(clip) => (ppo_policy_loss(&samples, clip), clip),
            Surrogate::Plain => {
                let loss = policy_gradient_loss(&log_probs, &self.advantages, &self.weights);
                (loss, f64::INFINITY)
            }
            Surrogate::None => (
                Tensor::zeros([], (Kind::Float, log_probs.device())),
                f64::INFINITY,
            ),
        };
        let taught = match &policy {
            Distribution::Categorical(policy) if self.labels.size()[2] > 0 => {
                imitation(policy, &self.labels, &self.weights)
            }
            _ => Taught::none(log_probs.device()),
        };
        let value_loss = value_loss(&predicted, &self.returns, &self.weights);
        let entropy = mean_entropy(&policy.entropy(), &self.weights);
        let loss = &policy_loss + objective.value_coefficient * &value_loss
            - objective.entropy_coefficient * &entropy
            + objective.teacher_coefficient * &taught.divergence;
        let kl = approx_kl(&log_probs, &self.log_probs, &self.weights);
        let clipped = clip_fraction(&samples, clip);
        let losses = Losses {
            policy: policy_loss.double_value(&[]),
            value: value_loss.double_value(&[]),
            entropy: entropy.double_value(&[]),
            approx_kl: match objective.surrogate {
                // Where the teacher acts, they are of other actions.
                Surrogate::None => 0.0,
                Surrogate::Clipped(_) | Surrogate::Plain => kl.double_value(&[]),
            },
            clip_fraction: clipped.double_value(&[]),
            divergence: taught.divergence.double_value(&[]),
            agreement: taught.agreement.double_value(&[]),
        };
        (loss, losses)
    }
}

/// Continuous actions as a trajectory holds them, `rows` of them, in the policy's
/// coordinates, `[rows.., width]`: what log-probabilities are of, when acting and
/// when learning alike. What the policy drew is not it, but for rounding.
fn stored(inputs: &Inputs, actions: &[f32], rows: &[i64]) -> Tensor {
    let mut actions = actions.to_vec();
    inputs.to_unit(&mut actions);
    Tensor::from_slice(&actions).view(&[rows, &[-1]].concat()[..])
}

/// How many labels there are for each of some rows.
fn size(labels: &[f32], [steps, lanes]: [i64; 2]) -> i64 {
    labels.len() as i64 / (steps * lanes)
}

/// Copies a tensor into a row of the same size.
fn read(tensor: &Tensor, row: &mut [f32]) {
    let flat = tensor.to_device(Device::Cpu).contiguous();
    flat.copy_data(row, row.len());
}
