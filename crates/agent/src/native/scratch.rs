//! Learning: a tile goes forward, through the loss and backward before the next.

use super::rows::InputRows;
use crate::backend::{Losses, Minibatch, Objective, Surrogate};
use crate::input::Inputs;
use crate::samples::Samples;
use crate::stopwatch::{Phase, Stopwatch};
use kernels::{
    Categorical, LossGradients, LossSpec, Network, NetworkWork, OutputGradients, Outputs, Trunk,
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

    /// What was done. `[steps][lanes]`
    pub(super) fn actions(&self) -> &[u32] {
        match self.trajectory().actions() {
            Actions::Discrete(actions) => actions,
            Actions::Box { .. } => panic!("discrete actions, as checked in `OnTrunk::new`"),
        }
    }
}

/// Buffers of one job, reused by later ones.
pub(super) struct Scratch<W> {
    work: NetworkWork<W>,
    policy: Categorical,
    rows: InputRows,
    logits: Vec<f32>,         // [steps][lanes][actions]
    values: Vec<f32>,         // [steps][lanes]
    logit_gradient: Vec<f32>, // [steps][lanes][actions]
    value_gradient: Vec<f32>, // [steps][lanes]
    advantages: Vec<f32>,     // [steps][lanes], shifted and scaled
    weights: Vec<f32>,        // [steps][lanes]
}

/// Bytes that a [`Scratch`] takes for so many rows, beside the network's own.
pub(super) fn bytes<T: Trunk>(network: &Network<T>, inputs: &Inputs, rows: usize) -> f64 {
    let outputs = network.heads().outputs();
    // Logits, the value and their gradients, the advantage and its weight.
    let numbers = 2 * (outputs + 1) + 2;
    let row = 4.0 * numbers as f64 + InputRows::bytes(inputs);
    Categorical::bytes(outputs) + rows as f64 * row
}

impl<W> Scratch<W> {
    /// Empty buffers for a network.
    pub(super) fn new<T: Trunk<Work = W>>(network: &Network<T>) -> Self {
        Self {
            work: network.work(),
            policy: Categorical::new(network.heads().outputs(), network.trunk().isa()),
            rows: InputRows::default(),
            logits: Vec::new(),
            values: Vec::new(),
            logit_gradient: Vec::new(),
            value_gradient: Vec::new(),
            advantages: Vec::new(),
            weights: Vec::new(),
        }
    }

    /// Lives a tile's trials again, from empty memories. Returns the logits,
    /// `[steps][lanes][actions]`.
    pub(super) fn forward<T: Trunk<Work = W>>(&mut self, lesson: &TileLesson<'_, T>) -> &[f32] {
        let trajectory = lesson.trajectory();
        let size = trajectory.steps() * trajectory.lanes();
        let outputs = lesson.network.heads().outputs();
        self.logits.resize(size * outputs, 0.0);
        self.values.resize(size, 0.0);
        self.rows.clear();
        for t in 0..trajectory.steps() {
            self.rows.push(lesson.inputs, &trajectory.row(t));
        }
        let outputs = Outputs {
            policy: &mut self.logits,
            values: &mut self.values,
        };
        let trials = self.rows.trials(trajectory.lanes());
        lesson.network.forward(&mut self.work, trials, outputs);
        &self.logits
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
            self.loss(lesson, minibatch, objective)
        });
        stopwatch.time(Phase::Backward, || {
            let outputs = OutputGradients {
                policy: &self.logit_gradient,
                values: &self.value_gradient,
            };
            let trials = self.rows.trials(lesson.trajectory().lanes());
            lesson
                .network
                .backward(&mut self.work, trials, outputs, gradient);
        });
        losses
    }

    /// The loss of what [`Self::forward`] gave, and its gradients.
    fn loss<T>(
        &mut self,
        lesson: &TileLesson<'_, T>,
        minibatch: &Minibatch,
        objective: Objective,
    ) -> Losses {
        let targets = &lesson.samples.targets[lesson.tile];
        let scaled = targets.advantages.iter();
        self.advantages.clear();
        self.advantages
            .extend(scaled.map(|a| (a - minibatch.shift) * minibatch.scale));
        self.weights.clear();
        self.weights
            .extend(targets.mask.iter().map(|mask| mask * minibatch.weight));
        self.logit_gradient.resize(self.logits.len(), 0.0);
        self.value_gradient.resize(self.values.len(), 0.0);
        let spec = LossSpec {
            objective: match objective.surrogate {
                Surrogate::Clipped(clip) => kernels::Objective::Clipped { clip: clip as f32 },
                Surrogate::Plain => kernels::Objective::PolicyGradient,
            },
            value_coef: objective.value_coefficient as f32,
            entropy_coef: objective.entropy_coefficient as f32,
        };
        let samples = kernels::Samples {
            actions: lesson.actions(),
            old_log_probs: lesson.trajectory().log_probs(),
            advantages: &self.advantages,
            returns: &targets.returns,
            weights: &self.weights,
        };
        let gradients = LossGradients {
            logits: &mut self.logit_gradient,
            values: &mut self.value_gradient,
        };
        let outputs = (&self.logits[..], &self.values[..]);
        let sums = self.policy.loss(&spec, &samples, outputs, gradients);
        Losses {
            policy: sums.policy,
            value: sums.value,
            entropy: sums.entropy,
            approx_kl: sums.approx_kl,
            clip_fraction: sums.clipped,
        }
    }
}
