//! Learning: a tile goes forward, through the loss and backward before the next.

use super::head::Head;
use super::rows::InputRows;
use crate::backend::{Losses, Minibatch, Objective, Surrogate};
use crate::input::Inputs;
use crate::samples::Samples;
use crate::stopwatch::{Phase, Stopwatch};
use kernels::{
    GaussianOutputs, Imitation, Labels, LossGradients, LossSpec, Network, NetworkWork,
    OutputGradients, Outputs, Policy, Trunk,
};
use rl_core::{Actions, Trajectory};

/// What a tile is worked on by and for.
pub(super) struct TileLesson<'a, T> {
    pub(super) network: &'a Network<T>,
    pub(super) inputs: &'a Inputs,
    pub(super) samples: &'a Samples,
    pub(super) tile: usize,
}

impl<T> TileLesson<'_, T> {
    fn trajectory(&self) -> &Trajectory {
        self.samples.batch.tiles()[self.tile].trajectory()
    }
}

/// Buffers of one job, reused by later ones.
pub(super) struct Scratch<W> {
    work: NetworkWork<W>,
    head: Head,
    rows: InputRows,
    policy: Vec<f32>,          // [steps][lanes][outputs]
    values: Vec<f32>,          // [steps][lanes]
    policy_gradient: Vec<f32>, // [steps][lanes][outputs]
    value_gradient: Vec<f32>,  // [steps][lanes]
    units: Vec<f32>,           // [steps][lanes][width], continuous actions
    advantages: Vec<f32>,      // [steps][lanes], shifted and scaled
    weights: Vec<f32>,         // [steps][lanes]
}

/// Bytes that a [`Scratch`] takes for so many rows, beside the network's own.
pub(super) fn bytes<T: Trunk>(network: &Network<T>, inputs: &Inputs, rows: usize) -> f64 {
    let policy = network.heads().policy();
    let units = match policy {
        Policy::Categorical(_) => 0,
        Policy::Gaussian(width) => width,
    };
    // Outputs, the value and their gradients, the advantage and its weight.
    let numbers = 2 * (policy.outputs() + 1) + 2 + units;
    let row = 4.0 * numbers as f64 + InputRows::bytes(inputs);
    Head::bytes(policy) + rows as f64 * row
}

impl<W> Scratch<W> {
    /// Empty buffers for a network.
    pub(super) fn new<T: Trunk<Work = W>>(network: &Network<T>) -> Self {
        Self {
            work: network.work(),
            head: Head::new(network),
            rows: InputRows::default(),
            policy: Vec::new(),
            values: Vec::new(),
            policy_gradient: Vec::new(),
            value_gradient: Vec::new(),
            units: Vec::new(),
            advantages: Vec::new(),
            weights: Vec::new(),
        }
    }

    /// Lives a tile's trials again, from empty memories.
    fn forward<T: Trunk<Work = W>>(&mut self, lesson: &TileLesson<'_, T>) {
        let trajectory = lesson.trajectory();
        let size = trajectory.steps() * trajectory.lanes();
        let outputs = lesson.network.heads().outputs();
        self.policy.resize(size * outputs, 0.0);
        self.values.resize(size, 0.0);
        self.rows.clear();
        for t in 0..trajectory.steps() {
            self.rows.push(lesson.inputs, &trajectory.row(t));
        }
        let outputs = Outputs {
            policy: &mut self.policy,
            values: &mut self.values,
        };
        let trials = self.rows.trials(trajectory.lanes());
        lesson.network.forward(&mut self.work, trials, outputs);
        self.units.clear();
        if let Actions::Box { row, .. } = trajectory.actions() {
            self.units.extend_from_slice(row);
            lesson.inputs.to_unit(&mut self.units);
        }
    }

    /// The log-probabilities of what was done, `[steps][lanes]`.
    pub(super) fn log_probs<T: Trunk<Work = W>>(&mut self, lesson: &TileLesson<'_, T>) -> Vec<f32> {
        self.forward(lesson);
        match (&mut self.head, lesson.trajectory().actions()) {
            (Head::Gaussian(policy), _) => {
                let mut log_probs = vec![0.0; self.values.len()];
                let given = (&self.policy[..], lesson.network.heads().log_std());
                policy.log_probs(given, &self.units, &mut log_probs);
                log_probs
            }
            (Head::Categorical(_), Actions::Discrete(actions)) => {
                let rows = self.policy.chunks_exact(lesson.network.heads().outputs());
                let log_prob = |(logits, action): (&[f32], &u32)| {
                    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    let sum: f32 = logits.iter().map(|l| (l - largest).exp()).sum();
                    logits[*action as usize] - largest - sum.ln()
                };
                rows.zip(actions).map(log_prob).collect()
            }
            (Head::Categorical(_), Actions::Box { .. }) => unreachable!("{KINDS}"),
        }
    }

    /// Adds a tile's part of the gradient to `gradient`, which has the
    /// parameters' layout; returns its part of the losses.
    pub(super) fn gradient<T: Trunk<Work = W>>(
        &mut self,
        lesson: &TileLesson<'_, T>,
        (minibatch, objective): (&Minibatch, Objective),
        stopwatch: &Stopwatch,
        gradient: &mut [f32],
    ) -> Losses {
        let losses = stopwatch.time(Phase::Forward, || {
            self.forward(lesson);
            self.loss(lesson, (minibatch, objective), gradient)
        });
        stopwatch.time(Phase::Backward, || {
            let outputs = OutputGradients {
                policy: &self.policy_gradient,
                values: &self.value_gradient,
            };
            let trials = self.rows.trials(lesson.trajectory().lanes());
            lesson
                .network
                .backward(&mut self.work, trials, outputs, gradient);
        });
        losses
    }

    /// The loss of what [`Self::forward`] gave, and its gradients: those of outputs
    /// in their buffers, that of the standard deviations in `gradient`.
    fn loss<T: Trunk<Work = W>>(
        &mut self,
        lesson: &TileLesson<'_, T>,
        (minibatch, objective): (&Minibatch, Objective),
        gradient: &mut [f32],
    ) -> Losses {
        let targets = &lesson.samples.targets[lesson.tile];
        let scaled = targets.advantages.iter();
        let scale = match objective.surrogate {
            Surrogate::None => 0.0,
            Surrogate::Clipped(_) | Surrogate::Plain => minibatch.scale,
        };
        self.advantages.clear();
        self.advantages
            .extend(scaled.map(|a| (a - minibatch.shift) * scale));
        self.weights.clear();
        self.weights
            .extend(targets.mask.iter().map(|mask| mask * minibatch.weight));
        self.policy_gradient.resize(self.policy.len(), 0.0);
        self.value_gradient.resize(self.values.len(), 0.0);
        let gradients = LossGradients {
            policy: &mut self.policy_gradient,
            values: &mut self.value_gradient,
        };
        let of = Given {
            old_log_probs: lesson.trajectory().log_probs(),
            advantages: &self.advantages,
            returns: &targets.returns,
            weights: &self.weights,
        };
        let spec = spec(objective);
        let sums = match (&mut self.head, lesson.trajectory().actions()) {
            (Head::Categorical(policy), Actions::Discrete(actions)) => {
                let outputs = (&self.policy[..], &self.values[..]);
                policy.loss(&spec, &of.samples(actions), outputs, gradients)
            }
            (Head::Gaussian(policy), _) => {
                let outputs = GaussianOutputs {
                    means: &self.policy,
                    log_std: lesson.network.heads().log_std(),
                    values: &self.values,
                };
                let gradients = (gradients, lesson.network.log_std_of(gradient));
                policy.loss(&spec, &of.samples(&self.units), outputs, gradients)
            }
            (Head::Categorical(_), Actions::Box { .. }) => unreachable!("{KINDS}"),
        };
        let taught = self.imitate(lesson.trajectory().labels(), objective);
        // Where the teacher acts, the student's own log-probabilities are of other actions.
        let approx_kl = match objective.surrogate {
            Surrogate::None => 0.0,
            Surrogate::Clipped(_) | Surrogate::Plain => sums.approx_kl,
        };
        Losses {
            policy: sums.policy,
            value: sums.value,
            entropy: sums.entropy,
            approx_kl,
            clip_fraction: sums.clipped,
            divergence: taught.divergence,
            agreement: taught.agreement,
        }
    }

    /// The divergence from what a teacher says; adds its gradient to that of the
    /// policy's outputs.
    fn imitate(&mut self, labels: &[f32], objective: Objective) -> Imitation {
        let lesson = Labels {
            labels,
            weights: &self.weights,
            coefficient: objective.teacher_coefficient as f32,
        };
        match &mut self.head {
            _ if labels.is_empty() => Imitation::default(),
            Head::Categorical(policy) => {
                policy.imitate(&lesson, &self.policy, &mut self.policy_gradient)
            }
            Head::Gaussian(_) => unreachable!("labels are of discrete actions"),
        }
    }
}

/// Why the head is that of the actions.
const KINDS: &str = "heads are made for the environment's actions";

/// The objective as the kernels take it.
fn spec(objective: Objective) -> LossSpec {
    LossSpec {
        objective: match objective.surrogate {
            Surrogate::Clipped(clip) => kernels::Objective::Clipped { clip: clip as f32 },
            // Where rewards teach nothing, advantages are 0.
            Surrogate::Plain | Surrogate::None => kernels::Objective::PolicyGradient,
        },
        value_coef: objective.value_coefficient as f32,
        entropy_coef: objective.entropy_coefficient as f32,
    }
}

/// What a loss is computed from beside the actions, an element per row each.
struct Given<'a> {
    old_log_probs: &'a [f32],
    advantages: &'a [f32],
    returns: &'a [f32],
    weights: &'a [f32],
}

impl<'a> Given<'a> {
    fn samples<A>(&self, actions: &'a [A]) -> kernels::Samples<'a, A> {
        kernels::Samples {
            actions,
            old_log_probs: self.old_log_probs,
            advantages: self.advantages,
            returns: self.returns,
            weights: self.weights,
        }
    }
}
