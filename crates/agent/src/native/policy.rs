//! Acting: a tile's step is one pass through the kernels.

use super::NativeBackend;
use super::rows::InputRows;
use crate::backend::ActMode;
use crate::input::Inputs;
use kernels::{Choices, Outputs, Packed, Workspace};
use rl_core::rand::RngExt as _;
use rl_core::{ActRow, EnvSpec, Policy, PolicyFactory, Row, Stream};
use std::sync::Arc;

/// Policies that act by packed weights.
pub(super) struct NativePolicies {
    pub(super) of: &'static str,
    pub(super) inputs: Inputs,
    pub(super) packed: Arc<Packed>,
    pub(super) mode: ActMode,
}

impl PolicyFactory for NativePolicies {
    fn name(&self) -> String {
        self.of.to_owned()
    }

    fn make(&self, spec: &EnvSpec, lanes: usize) -> Result<Box<dyn Policy>, String> {
        self.inputs.fits(spec)?;
        let shape = self.packed.shape();
        Ok(Box::new(NativePolicy {
            inputs: self.inputs.clone(),
            work: Workspace::new(&self.packed),
            rows: InputRows::default(),
            memory: vec![0.0; lanes * shape.memory_width()],
            logits: vec![0.0; lanes * shape.actions],
            uniforms: vec![0.0; lanes],
            packed: Arc::clone(&self.packed),
            mode: self.mode,
        }))
    }

    fn bytes(&self, _spec: &EnvSpec, lanes: usize) -> f64 {
        NativeBackend::acting_bytes(self.packed.shape(), lanes)
    }
}

struct NativePolicy {
    inputs: Inputs,
    packed: Arc<Packed>,
    mode: ActMode,
    work: Workspace,
    rows: InputRows,
    memory: Vec<f32>,   // [lanes][memory]
    logits: Vec<f32>,   // [lanes][actions]
    uniforms: Vec<f32>, // [lanes]
}

impl Policy for NativePolicy {
    fn act(&mut self, row: &Row<'_>, streams: &mut [Stream], out: ActRow<'_>) {
        self.rows.clear();
        self.rows.push(&self.inputs, row);
        let outputs = Outputs {
            logits: &mut self.logits,
            values: out.value,
        };
        let inputs = self.rows.inputs();
        self.packed
            .step(&mut self.work, &inputs, &mut self.memory, outputs);
        let choices = Choices {
            actions: out.action.discrete().expect("checked in `new`"),
            log_probs: out.log_prob,
        };
        match self.mode {
            ActMode::Greedy => kernels::greedy(&mut self.work, &self.logits, choices),
            ActMode::Sample => {
                let draws = self.uniforms.iter_mut().zip(streams);
                draws.for_each(|(uniform, stream)| *uniform = stream.random());
                kernels::sample(&mut self.work, &self.logits, &self.uniforms, choices);
            }
        }
    }
}
