//! The networks of all tasks in one vector of parameters.

use crate::config::{MultiTaskConfig, NAME, Sharing};
use agent::LearnError;
use kernels::mlp::{Activation, Head, Mlp, MlpError, Real};
use nets::{Blueprint, Init, Layout};
use rl_core::{Domain, Purpose, StreamKey};
use std::ops::Range;
use std::sync::Arc;

/// Where a tensor of a network is in the vector: the same numbers for all tasks, or those
/// of each task one after the other.
#[derive(Clone, Debug)]
struct Piece {
    /// In the network's own parameters.
    own: Range<usize>,
    /// In the vector, of the first task.
    first: usize,
    each: bool,
}

impl Piece {
    fn range(&self, task: usize) -> Range<usize> {
        let size = self.own.len();
        let first = self.first + if self.each { task * size } else { 0 };
        first..first + size
    }
}

/// A hidden layer that tasks modulate: unit j of it is f(γⱼ (W x + b)ⱼ + βⱼ).
#[derive(Clone, Debug)]
struct Modulation {
    weight: Range<usize>, // in the network's own parameters, [inputs][outputs]
    bias: Range<usize>,   // likewise, [outputs]
    scale: Piece,         // γ, [outputs]
    shift: Piece,         // β, [outputs]
}

/// One network for each task, as parts of the vector.
#[derive(Clone, Debug)]
struct Part {
    mlp: Mlp,
    pieces: Vec<Piece>,
    modulations: Vec<Modulation>,
}

/// Which of the networks of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// What acts.
    Policy,
    /// What tells the expected return.
    Value,
    /// The policy that all tasks share, of Distral.
    Shared,
}

/// The networks of all tasks and where their parameters are.
#[derive(Clone, Debug)]
pub struct Networks {
    policy: Part,
    value: Part,
    shared: Option<Part>,
    layout: Arc<Layout>,
    blueprint: Arc<Blueprint>,
    sharing: Sharing,
}

impl Networks {
    /// What networks each task has.
    pub(crate) fn roles(&self) -> impl Iterator<Item = Role> {
        let shared = self.shared.as_ref().map(|_| Role::Shared);
        [Role::Policy, Role::Value].into_iter().chain(shared)
    }

    /// Networks for a number of tasks, from `inputs` numbers to `actions` actions.
    ///
    /// # Errors
    /// If the network's sizes make no sense.
    pub fn new(
        config: &MultiTaskConfig,
        (inputs, actions): (usize, usize),
        tasks: usize,
    ) -> Result<Self, LearnError> {
        let mut blueprint = Blueprint::new();
        let mut declare = |name: &str, outputs, head, (sharing, gain)| {
            let hidden = &config.network.hidden;
            let kind = activation(config.network.activation);
            let mlp = Mlp::new(inputs, hidden, outputs, kind, head).map_err(unbuildable)?;
            Ok::<_, LearnError>(Part::declare(
                &mut blueprint,
                name,
                mlp,
                (sharing, tasks, gain),
            ))
        };
        let (sharing, gain) = (config.sharing, config.network.gain);
        let policy = declare("policy", actions, Head::Categorical, (sharing, gain))?;
        let value = declare("value", 1, Head::None, (sharing, 1.0))?;
        let shared = match sharing {
            Sharing::Distral { .. } => {
                let blind = (Sharing::Blind {}, gain);
                Some(declare("shared", actions, Head::Categorical, blind)?)
            }
            _ => None,
        };
        Ok(Self {
            policy,
            value,
            shared,
            layout: blueprint.layout(),
            blueprint: Arc::new(blueprint),
            sharing,
        })
    }

    /// Names, shapes and places of the parameters.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// Initial parameters of a seed, flat.
    pub fn init(&self, seed: u64) -> Vec<f32> {
        let key = StreamKey::new(seed, Domain::Training, 0);
        self.blueprint.init(&mut key.lane(Purpose::Init, 0))
    }

    /// Whether there is a shared policy beside those of the tasks.
    pub fn is_distilled(&self) -> bool {
        self.shared.is_some()
    }

    /// Whether all tasks have the same network, which may be told them.
    pub fn is_one(&self) -> bool {
        matches!(self.sharing, Sharing::Blind {} | Sharing::Input {})
    }

    /// The sizes of a network.
    pub fn mlp(&self, role: Role) -> &Mlp {
        &self.part(role).mlp
    }

    fn part(&self, role: Role) -> &Part {
        match role {
            Role::Policy => &self.policy,
            Role::Value => &self.value,
            // Asked for where there is one only.
            Role::Shared => self.shared.as_ref().unwrap_or(&self.policy),
        }
    }

    /// Of a vector like that of the parameters, what belongs to all tasks alike; nothing
    /// where they share nothing.
    pub fn common(&self, vector: &[f32]) -> Vec<f32> {
        let parts = [Some(&self.policy), Some(&self.value), self.shared.as_ref()];
        let pieces = parts.into_iter().flatten().flat_map(|part| &part.pieces);
        let common = pieces.filter(|piece| !piece.each);
        common
            .flat_map(|piece| vector[piece.range(0)].iter().copied())
            .collect()
    }

    /// The parameters of a task's network, as [`Mlp`] orders them.
    pub fn assemble<R: Real>(&self, values: &[R], role: Role, task: usize) -> Vec<R> {
        self.part(role).assemble(values, task)
    }

    /// Adds what a gradient of the parameters of a task's network means for the vector.
    pub fn pull<R: Real>(
        &self,
        values: &[R],
        (role, task): (Role, usize),
        (own, gradient): (&[R], &mut [R]),
    ) {
        self.part(role).pull(values, task, (own, gradient));
    }
}

impl Part {
    fn declare(
        blueprint: &mut Blueprint,
        name: &str,
        mlp: Mlp,
        (sharing, tasks, gain): (Sharing, usize, f64),
    ) -> Self {
        let entries = mlp.layout();
        let layers = entries.len() / 2;
        let mut pieces = Vec::new();
        let mut modulations = Vec::new();
        for (index, (entry, shape, own)) in entries.iter().enumerate() {
            let last = index / 2 + 1 == layers;
            let each = match sharing {
                Sharing::Blind {} | Sharing::Input {} | Sharing::Film {} => false,
                Sharing::Heads {} => last,
                Sharing::Separate {} | Sharing::Distral { .. } => true,
            };
            let count = if each { tasks } else { 1 };
            let init = match shape.len() {
                2 => Init::Orthogonal {
                    gain: if last { gain } else { f64::sqrt(2.0) },
                    blocks: count,
                },
                _ => Init::Zeros,
            };
            let first = blueprint.layout().numel();
            // Matrices of tasks one below the other.
            let mut whole = shape.clone();
            whole[0] *= count;
            if whole.iter().product::<usize>() > 0 {
                blueprint.declare(format!("{name}.{entry}"), &whole, init);
            }
            pieces.push(Piece {
                own: own.clone(),
                first,
                each,
            });
        }
        if matches!(sharing, Sharing::Film {}) {
            for layer in 0..layers - 1 {
                let (weight, bias) = (&entries[2 * layer].2, &entries[2 * layer + 1].2);
                let mut piece = |what: &str, value| {
                    let first = blueprint.layout().numel();
                    let shape = [tasks, bias.len()];
                    let name = format!("{name}.{what}{layer}");
                    blueprint.declare(name, &shape, Init::Constant(value));
                    Piece {
                        own: bias.clone(),
                        first,
                        each: true,
                    }
                };
                modulations.push(Modulation {
                    scale: piece("scale", 1.0),
                    shift: piece("shift", 0.0),
                    weight: weight.clone(),
                    bias: bias.clone(),
                });
            }
        }
        Self {
            mlp,
            pieces,
            modulations,
        }
    }

    fn shared_parameters<R: Real>(&self, values: &[R], task: usize) -> Vec<R> {
        let mut own = vec![R::ZERO; self.mlp.parameters()];
        for piece in &self.pieces {
            own[piece.own.clone()].copy_from_slice(&values[piece.range(task)]);
        }
        own
    }

    /// γ (W x + b) + β is a layer of the weights γ W and the biases γ b + β.
    fn assemble<R: Real>(&self, values: &[R], task: usize) -> Vec<R> {
        let mut own = self.shared_parameters(values, task);
        for modulation in &self.modulations {
            let scale = &values[modulation.scale.range(task)];
            let shift = &values[modulation.shift.range(task)];
            for row in own[modulation.weight.clone()].chunks_exact_mut(scale.len()) {
                row.iter_mut().zip(scale).for_each(|(w, s)| *w *= *s);
            }
            let bias = own[modulation.bias.clone()].iter_mut();
            for ((b, s), shift) in bias.zip(scale).zip(shift) {
                *b = *b * *s + *shift;
            }
        }
        own
    }

    fn pull<R: Real>(&self, values: &[R], task: usize, (own, gradient): (&[R], &mut [R])) {
        let mut own = own.to_vec();
        let plain = match self.modulations.is_empty() {
            true => Vec::new(),
            false => self.shared_parameters(values, task),
        };
        for modulation in &self.modulations {
            let scale = &values[modulation.scale.range(task)];
            let units = scale.len();
            let mut of_scale = vec![R::ZERO; units];
            let weights = own[modulation.weight.clone()].chunks_exact_mut(units);
            let rows = weights.zip(plain[modulation.weight.clone()].chunks_exact(units));
            for (row, plain) in rows {
                for (unit, (g, w)) in row.iter_mut().zip(plain).enumerate() {
                    of_scale[unit] += *g * *w;
                    *g *= scale[unit];
                }
            }
            let biases = own[modulation.bias.clone()].iter_mut();
            let both = biases.zip(&plain[modulation.bias.clone()]);
            let shifts = &mut gradient[modulation.shift.range(task)];
            for ((unit, (g, b)), shift) in both.enumerate().zip(shifts) {
                of_scale[unit] += *g * *b;
                *shift += *g;
                *g *= scale[unit];
            }
            let scales = gradient[modulation.scale.range(task)].iter_mut();
            scales.zip(of_scale).for_each(|(sum, g)| *sum += g);
        }
        for piece in &self.pieces {
            let sums = gradient[piece.range(task)].iter_mut();
            let both = sums.zip(&own[piece.own.clone()]);
            both.for_each(|(sum, g)| *sum += *g);
        }
    }
}

fn activation(of: nets::Activation) -> Activation {
    match of {
        nets::Activation::Tanh => Activation::Tanh,
        nets::Activation::Relu => Activation::Relu,
    }
}

fn unbuildable(error: MlpError) -> LearnError {
    LearnError::Settings(format!("{NAME}.network: {error}"))
}
