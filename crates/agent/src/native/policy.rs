//! Acting: a tile's step is one pass through the kernels.

use super::rows::InputRows;
use crate::backend::ActMode;
use crate::input::Inputs;
use kernels::{Categorical, Choices, Network, NetworkWork, Outputs, Trunk};
use rl_core::rand::RngExt as _;
use rl_core::{ActRow, EnvSpec, Policy, PolicyFactory, Row, Stream};
use std::sync::Arc;

/// Policies that act by packed weights.
pub(super) struct NativePolicies<T> {
    pub(super) of: &'static str,
    pub(super) inputs: Inputs,
    pub(super) network: Arc<Network<T>>,
    pub(super) mode: ActMode,
}

/// Bytes of a policy that acts in so many lanes, beside the network's own.
pub(super) fn bytes<T: Trunk>(network: &Network<T>, inputs: &Inputs, lanes: usize) -> f64 {
    let outputs = network.heads().outputs();
    let numbers = network.trunk().memory_width() + outputs + 1;
    Categorical::bytes(outputs) + lanes as f64 * (4.0 * numbers as f64 + InputRows::bytes(inputs))
}

impl<T: Trunk> PolicyFactory for NativePolicies<T> {
    fn name(&self) -> String {
        self.of.to_owned()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        self.inputs.fits(spec)?;
        let outputs = self.network.heads().outputs();
        Ok(Box::new(NativePolicy {
            inputs: self.inputs.clone(),
            work: self.network.work(),
            policy: Categorical::new(outputs, self.network.trunk().isa()),
            rows: InputRows::default(),
            memory: vec![0.0; lanes * self.network.trunk().memory_width()],
            logits: vec![0.0; lanes * outputs],
            uniforms: vec![0.0; lanes],
            network: Arc::clone(&self.network),
            mode: self.mode,
        }))
    }

    fn bytes(&self, _spec: &EnvSpec, lanes: usize) -> f64 {
        self.network.bytes(lanes, 1).acting + bytes(&self.network, &self.inputs, lanes)
    }
}

struct NativePolicy<T: Trunk> {
    inputs: Inputs,
    network: Arc<Network<T>>,
    mode: ActMode,
    work: NetworkWork<T::Work>,
    policy: Categorical,
    rows: InputRows,
    memory: Vec<f32>,   // [lanes][memory]
    logits: Vec<f32>,   // [lanes][actions]
    uniforms: Vec<f32>, // [lanes]
}

impl<T: Trunk> Policy for NativePolicy<T> {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        self.rows.clear();
        self.rows.push(&self.inputs, row);
        let outputs = Outputs {
            policy: &mut self.logits,
            values: out.value,
        };
        let inputs = self.rows.inputs();
        self.network
            .step(&mut self.work, &inputs, &mut self.memory, outputs);
        let choices = Choices {
            actions: out.action.discrete().expect("checked in `OnTrunk::new`"),
            log_probs: out.log_prob,
        };
        match self.mode {
            ActMode::Greedy => self.policy.greedy(&self.logits, choices),
            ActMode::Sample => {
                let draws = self.uniforms.iter_mut().zip(streams);
                draws.for_each(|(uniform, stream)| *uniform = stream.random());
                self.policy.sample(&self.logits, &self.uniforms, choices);
            }
        }
    }
}
