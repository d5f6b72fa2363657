//! The native backend: CPU kernels for recurrent trunks and discrete actions.

use crate::backend::{
    ActMode, Backend, Execution, Gradient, Losses, Minibatch, Objective, Surrogate,
};
use crate::config::{Input, Rl2Config};
use crate::error::Rl2Error;
use crate::input::Inputs;
use crate::model::ActorCritic;
use crate::samples::Samples;
use kernels::{
    Cell, Choices, LossGradients, LossSpec, NO_ACTION, Observation, Observations, OutputGradients,
    Outputs, Packed, Shape, Workspace,
};
use nets::SequenceConfig;
use rl_core::rand::RngExt as _;
use rl_core::{
    ActRow, Actions, EnvSpec, ObservationSpace, Outcome, Policy, PolicyFactory, Row, Stream,
};
use rollout::Pool;
use std::sync::{Arc, Mutex};

/// Computes with the crate `kernels`, a tile at a time.
pub struct NativeBackend {
    inputs: Inputs,
    shape: Shape,
    /// Buffers of jobs that have ended, for the next ones.
    spare: Arc<Mutex<Vec<Scratch>>>,
}

impl NativeBackend {
    /// A backend for a network.
    ///
    /// # Errors
    /// If there are no kernels for the network's trunk or actions.
    pub fn new(model: &ActorCritic, spec: &EnvSpec, config: &Rl2Config) -> Result<Self, Rl2Error> {
        let refuse = |what: &str| {
            let allowed = format!("torch, since there are no native kernels for {what}");
            Err(Rl2Error::config("backend", "native", allowed))
        };
        let (cell, hidden) = match config.trunk {
            SequenceConfig::Gru { hidden } => (Cell::Gru, hidden),
            SequenceConfig::Lstm { hidden } => (Cell::Lstm, hidden),
            _ => return refuse("this rl2.trunk"),
        };
        if !spec.is_discrete() {
            return refuse("continuous actions");
        }
        let shape = Shape {
            cell,
            observation: match spec.observation {
                ObservationSpace::Vector { size: 0 } => Observation::None,
                ObservationSpace::Vector { size } => Observation::Dense(size),
                ObservationSpace::Discrete { size } => Observation::OneHot(size),
            },
            hidden,
            actions: model.inputs.action_size(),
        };
        if let Err(error) = shape.validate() {
            return refuse(&format!("this size: {error}"));
        }
        let entries = kernels::Layout::new(&shape).entries();
        let ours = entries.iter().map(|entry| (entry.name, entry.offset));
        let theirs = model.layout().entries().iter();
        assert!(
            ours.eq(theirs.map(|entry| (entry.name.as_str(), entry.offset))),
            "kernels and nets lay the parameters out alike"
        );
        Ok(Self {
            inputs: model.inputs.clone(),
            shape,
            spare: Arc::default(),
        })
    }

    fn packed(&self, values: &[f32]) -> Arc<Packed> {
        let mut packed = Packed::new(self.shape).expect("validated in `new`");
        packed.pack(values);
        Arc::new(packed)
    }
}

impl Backend for NativeBackend {
    fn policy(&self, values: &Arc<Vec<f32>>, mode: ActMode) -> Arc<dyn PolicyFactory> {
        Arc::new(NativePolicies {
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
    ) -> Result<Vec<f32>, Rl2Error> {
        let packed = self.packed(values);
        let mut scratch = Scratch::new(&packed);
        scratch.forward(&packed, &self.inputs, samples, tile);
        let Actions::Discrete(actions) = samples.batch.tiles()[tile].trajectory().actions() else {
            panic!("discrete actions, as checked in `new`");
        };
        let rows = scratch.logits.chunks_exact(self.shape.actions);
        let log_prob = |(logits, action): (&[f32], &u32)| {
            let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = logits.iter().map(|l| (l - largest).exp()).sum();
            logits[*action as usize] - largest - sum.ln()
        };
        Ok(rows.zip(actions).map(log_prob).collect())
    }

    fn gradient(
        &self,
        pool: &Pool,
        values: &Arc<Vec<f32>>,
        samples: &Arc<Samples>,
        minibatch: &Minibatch,
        objective: Objective,
    ) -> Result<Gradient, Rl2Error> {
        let packed = self.packed(values);
        let (inputs, spare) = (self.inputs.clone(), Arc::clone(&self.spare));
        let (samples, scale) = (Arc::clone(samples), minibatch.clone());
        let parts = pool.map(minibatch.tiles.clone(), move |_, tile| {
            let used = spare.lock().expect("no holder panics").pop();
            let mut scratch = used.unwrap_or_else(|| Scratch::new(&packed));
            let gradient = scratch.gradient(&packed, &inputs, &samples, tile, (&scale, objective));
            spare.lock().expect("no holder panics").push(scratch);
            gradient
        })?;
        let mut sum = Gradient::default();
        parts.iter().for_each(|part| sum.add(part));
        Ok(sum)
    }
}

/// Buffers of one job.
struct Scratch {
    work: Workspace,
    rows: InputRows,
    memory: Vec<f32>,         // [lanes][memory], empty memories
    logits: Vec<f32>,         // [steps][lanes][actions]
    values: Vec<f32>,         // [steps][lanes]
    logit_gradient: Vec<f32>, // [steps][lanes][actions]
    value_gradient: Vec<f32>, // [steps][lanes]
    advantages: Vec<f32>,     // [steps][lanes], shifted and scaled
    weights: Vec<f32>,        // [steps][lanes]
}

impl Scratch {
    fn new(packed: &Packed) -> Self {
        Self {
            work: Workspace::new(packed),
            rows: InputRows::default(),
            memory: Vec::new(),
            logits: Vec::new(),
            values: Vec::new(),
            logit_gradient: Vec::new(),
            value_gradient: Vec::new(),
            advantages: Vec::new(),
            weights: Vec::new(),
        }
    }

    /// Lives a tile's trials again, from empty memories.
    fn forward(&mut self, packed: &Packed, inputs: &Inputs, samples: &Samples, tile: usize) {
        let trajectory = samples.batch.tiles()[tile].trajectory();
        let size = trajectory.steps() * trajectory.lanes();
        let memory = trajectory.lanes() * packed.shape().memory_width();
        self.memory.resize(memory, 0.0);
        self.logits.resize(size * packed.shape().actions, 0.0);
        self.values.resize(size, 0.0);
        self.rows.clear();
        for t in 0..trajectory.steps() {
            self.rows.push(inputs, &trajectory.row(t));
        }
        let outputs = Outputs {
            logits: &mut self.logits,
            values: &mut self.values,
        };
        packed.forward(&mut self.work, &self.rows.inputs(), &self.memory, outputs);
    }

    fn gradient(
        &mut self,
        packed: &Packed,
        inputs: &Inputs,
        samples: &Samples,
        tile: usize,
        (minibatch, objective): (&Minibatch, Objective),
    ) -> Gradient {
        self.forward(packed, inputs, samples, tile);
        let trajectory = samples.batch.tiles()[tile].trajectory();
        let targets = &samples.targets[tile];
        let Actions::Discrete(actions) = trajectory.actions() else {
            panic!("discrete actions, as checked in `new`");
        };
        let scaled = targets.advantages.iter();
        self.advantages.clear();
        self.advantages
            .extend(scaled.map(|a| (a - minibatch.shift) * minibatch.scale));
        self.weights.clear();
        self.weights
            .extend(targets.mask.iter().map(|mask| mask * minibatch.weight));
        self.logit_gradient.resize(self.logits.len(), 0.0);
        self.value_gradient.resize(self.values.len(), 0.0);
        let sums = kernels::loss(
            &mut self.work,
            &LossSpec {
                objective: match objective.surrogate {
                    Surrogate::Clipped(clip) => kernels::Objective::Clipped { clip: clip as f32 },
                    Surrogate::Plain => kernels::Objective::PolicyGradient,
                },
                value_coef: objective.value_coefficient as f32,
                entropy_coef: objective.entropy_coefficient as f32,
            },
            &kernels::Samples {
                actions,
                old_log_probs: trajectory.log_probs(),
                advantages: &self.advantages,
                returns: &targets.returns,
                weights: &self.weights,
            },
            (&self.logits, &self.values),
            LossGradients {
                logits: &mut self.logit_gradient,
                values: &mut self.value_gradient,
            },
        );
        let mut gradient = Gradient {
            values: vec![0.0; packed.layout().len()],
            losses: Losses {
                policy: sums.policy,
                value: sums.value,
                entropy: sums.entropy,
                approx_kl: sums.approx_kl,
                clip_fraction: sums.clipped,
            },
        };
        let outputs = OutputGradients {
            logits: &self.logit_gradient,
            values: &self.value_gradient,
        };
        let inputs = self.rows.inputs();
        packed.backward(&mut self.work, &inputs, outputs, &mut gradient.values);
        gradient
    }
}

/// Rows of [`Inputs`] in the kernels' structured form.
#[derive(Default)]
struct InputRows {
    dense: Vec<f32>,
    symbols: Vec<u32>,
    is_symbol: bool,
    previous_action: Vec<u32>,
    previous_reward: Vec<f32>,
    boundary: Vec<f32>,
    start: Vec<bool>,
}

impl InputRows {
    fn clear(&mut self) {
        self.dense.clear();
        self.symbols.clear();
        self.previous_action.clear();
        self.previous_reward.clear();
        self.boundary.clear();
        self.start.clear();
    }

    fn push(&mut self, inputs: &Inputs, row: &Row<'_>) {
        let Actions::Discrete(actions) = row.previous_action else {
            panic!("discrete actions, as checked in `NativeBackend::new`");
        };
        self.is_symbol = inputs.is_symbol();
        let shown = if inputs.shows(Input::Observation) {
            1.0
        } else {
            0.0
        };
        let observation = row.observation.iter().map(|o| o * shown);
        match self.is_symbol {
            true => self.symbols.extend(observation.map(|o| o as u32)),
            false => self.dense.extend(observation),
        }
        let action_shown = inputs.shows(Input::Action);
        let acted = row.start.iter().zip(actions);
        self.previous_action
            .extend(acted.map(|(start, action)| match action_shown && !start {
                true => *action,
                false => NO_ACTION,
            }));
        let reward_shown = inputs.shows(Input::Reward);
        let paid = row.start.iter().zip(row.previous_reward);
        self.previous_reward
            .extend(paid.map(|(start, reward)| match reward_shown && !start {
                true => *reward,
                false => 0.0,
            }));
        let outcome_shown = inputs.shows(Input::Outcome);
        let ended = row.start.iter().zip(row.previous_outcome);
        self.boundary.extend(ended.map(|(start, outcome)| {
            let begins = *start || *outcome != Outcome::Continue;
            f32::from(u8::from(outcome_shown && begins))
        }));
        self.start.extend_from_slice(row.start);
    }

    fn inputs(&self) -> kernels::Inputs<'_> {
        kernels::Inputs {
            observations: match (self.is_symbol, self.dense.is_empty()) {
                (true, _) => Observations::OneHot(&self.symbols),
                (false, true) => Observations::None,
                (false, false) => Observations::Dense(&self.dense),
            },
            prev_action: &self.previous_action,
            prev_reward: &self.previous_reward,
            boundary: &self.boundary,
            reset: &self.start,
        }
    }
}

struct NativePolicies {
    inputs: Inputs,
    packed: Arc<Packed>,
    mode: ActMode,
}

impl PolicyFactory for NativePolicies {
    fn name(&self) -> String {
        "rl2".to_owned()
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
