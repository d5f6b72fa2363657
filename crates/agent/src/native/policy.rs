//! Acting: a tile's step is one pass through the kernels.

use super::head::{Head, Noise};
use super::rows::InputRows;
use crate::backend::ActMode;
use crate::input::Inputs;
use kernels::{Network, NetworkWork, Outputs, Policy as Kind, Trunk};
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
    let policy = network.heads().policy();
    let numbers = policy.outputs() + noise(policy);
    Head::bytes(policy) + lanes as f64 * (4.0 * numbers as f64 + InputRows::bytes(inputs))
}

/// Random numbers of a lane.
fn noise(policy: Kind) -> usize {
    match policy {
        Kind::Categorical(_) => 1,
        Kind::Gaussian(width) => width,
    }
}

impl<T: Trunk> PolicyFactory for NativePolicies<T> {
    fn name(&self) -> String {
        self.of.to_owned()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        self.inputs.fits(spec)?;
        let policy = self.network.heads().policy();
        Ok(Box::new(NativePolicy {
            inputs: self.inputs.clone(),
            work: self.network.work(),
            head: Head::new(&self.network),
            rows: InputRows::default(),
            memory: self.network.trunk().memory(lanes, spec.trial_steps()),
            outputs: vec![0.0; lanes * policy.outputs()],
            noise: vec![0.0; lanes * noise(policy)],
            network: Arc::clone(&self.network),
            mode: self.mode,
        }))
    }

    fn bytes(&self, spec: &EnvSpec, lanes: usize) -> f64 {
        self.network.bytes(lanes, spec.trial_steps()).acting
            + bytes(&self.network, &self.inputs, lanes)
    }
}

struct NativePolicy<T: Trunk> {
    inputs: Inputs,
    network: Arc<Network<T>>,
    mode: ActMode,
    work: NetworkWork<T::Work>,
    head: Head,
    rows: InputRows,
    memory: T::Memory,
    outputs: Vec<f32>, // [lanes][outputs]
    noise: Vec<f32>,   // [lanes] or [lanes][width]
}

impl<T: Trunk> Policy for NativePolicy<T> {
    fn advise(&mut self, row: &Row<'_>, streams: &mut [Stream], mut out: ActRow<'_>) {
        let label = std::mem::take(&mut out.label);
        self.act(row, streams, out);
        self.head.probabilities(&self.outputs, label);
    }

    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        self.rows.clear();
        self.rows.push(&self.inputs, row);
        let outputs = Outputs {
            policy: &mut self.outputs,
            values: &mut *out.value,
        };
        let inputs = self.rows.inputs();
        self.network
            .step(&mut self.work, &inputs, &mut self.memory, outputs);
        let given = (self.network.heads(), &self.outputs[..], &self.inputs);
        let mut noise = Noise {
            streams,
            numbers: &mut self.noise,
        };
        self.head.act(given, self.mode, &mut noise, out);
    }
}
