//! Policies that act through libtorch.

use super::{read, stored};
use crate::backend::ActMode;
use crate::model::ActorCritic;
use nets::tch::{Device, Kind, Tensor};
use nets::{Distribution, Memory, Params};
use rl_core::rand::RngExt as _;
use rl_core::rand_distr::{Distribution as _, StandardNormal};
use rl_core::{ActRow, ActionsMut, EnvSpec, Policy, PolicyFactory, Row, Stream};
use std::sync::Arc;

pub(super) struct TorchPolicies {
    pub(super) model: Arc<ActorCritic>,
    pub(super) values: Arc<Vec<f32>>,
    pub(super) device: Device,
    pub(super) mode: ActMode,
}

impl PolicyFactory for TorchPolicies {
    fn name(&self) -> String {
        self.model.of.to_owned()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        nets::single_threaded();
        self.model.inputs.fits(spec)?;
        let params = Params::from_flat(Arc::clone(self.model.layout()), &self.values)
            .and_then(|params| params.to_device(self.device))
            .map_err(|error| error.to_string())?;
        let options = (Kind::Float, self.device);
        let trunk = self.model.sequence();
        Ok(Box::new(TorchPolicy {
            memory: trunk.memory(lanes, spec.trial_steps(), options),
            inputs: vec![0.0; lanes * self.model.inputs.size()],
            noise: Vec::new(),
            indices: vec![0; lanes],
            model: Arc::clone(&self.model),
            params,
            mode: self.mode,
        }))
    }

    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        Self::acting_bytes(&self.model, lanes, spec.trial_steps())
    }
}

impl TorchPolicies {
    /// Bytes of a policy that acts in so many lanes through trials of so many
    /// steps: parameters of its own, the memory and a step's tensors.
    pub(super) fn acting_bytes(model: &ActorCritic, lanes: usize, steps: usize) -> f64 {
        let row = 3.0 * model.inputs.size() as f64 + model.trunk.footprint(steps).acting;
        4.0 * (2.0 * model.layout().numel() as f64 + lanes as f64 * row)
    }
}

struct TorchPolicy {
    model: Arc<ActorCritic>,
    params: Params,
    mode: ActMode,
    memory: Memory,
    inputs: Vec<f32>,  // [lanes][inputs]
    noise: Vec<f32>,   // [lanes] or [lanes][width]
    indices: Vec<i64>, // [lanes]
}

impl TorchPolicy {
    /// Draws each lane's noise from its own stream.
    fn draw(&mut self, policy: &Distribution, width: usize, streams: &mut [Stream]) -> Tensor {
        self.noise.clear();
        for stream in streams.iter_mut() {
            match policy {
                Distribution::Categorical(_) => self.noise.push(stream.random()),
                Distribution::Gaussian(_) => {
                    let draw = |_| -> f32 { StandardNormal.sample(&mut *stream) };
                    self.noise.extend((0..width).map(draw));
                }
            }
        }
        let noise = Tensor::from_slice(&self.noise).to_device(self.memory.device());
        match policy {
            Distribution::Categorical(_) => noise,
            Distribution::Gaussian(_) => noise.view([-1, width as i64]),
        }
    }
}

impl Policy for TorchPolicy {
    fn advise(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        self.act(row, streams, out);
    }

    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        let _no_gradients = nets::tch::no_grad_guard();
        let device = self.memory.device();
        let (trunk, lanes) = (self.model.sequence(), row.lanes as i64);
        if row.start.contains(&true) {
            let starts = Tensor::from_slice(row.start).to_device(device);
            trunk.forget(&mut self.memory, &starts);
        }
        self.model.inputs.write(row, &mut self.inputs);
        let inputs = Tensor::from_slice(&self.inputs)
            .view([lanes, -1])
            .to_device(device);
        let features = trunk.step(&self.params, &inputs, &mut self.memory);
        let policy = self.model.distribution(&self.params, &features);
        let width = self.model.inputs.action_size();
        let actions = match self.mode {
            ActMode::Greedy => policy.greedy(),
            ActMode::Sample => {
                let noise = self.draw(&policy, width, streams);
                policy.sample(&noise)
            }
        };
        read(&self.model.value(&self.params, &features), out.value);
        if let (Distribution::Categorical(policy), false) = (&policy, out.label.is_empty()) {
            read(&policy.probabilities(), out.label);
        }
        match out.action {
            ActionsMut::Discrete(row) => {
                read(&policy.log_prob(&actions), out.log_prob);
                let actions = actions.to_kind(Kind::Int64).to_device(Device::Cpu);
                actions.copy_data(&mut self.indices, row.len());
                for (to, from) in row.iter_mut().zip(&self.indices) {
                    *to = *from as u32;
                }
            }
            ActionsMut::Box { row, .. } => {
                read(&actions, row);
                self.model.inputs.from_unit(row);
                let stored = stored(&self.model.inputs, row, &[lanes]).to_device(device);
                read(&policy.log_prob(&stored), out.log_prob);
            }
        }
    }
}
