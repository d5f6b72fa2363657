//! Learning: a tile goes forward, through the loss and backward before the next.

use super::rows::InputRows;
use crate::backend::{Losses, Minibatch, Objective, Surrogate};
use crate::input::Inputs;
use crate::samples::Samples;
use crate::stopwatch::{Phase, Stopwatch};
use kernels::{LossGradients, LossSpec, OutputGradients, Outputs, Packed, Shape, Workspace};
use rl_core::{Actions, Trajectory};

/// What a tile is worked on by and for.
#[derive(Clone, Copy)]
pub(super) struct TileLesson<'a> {
    pub(super) packed: &'a Packed,
    pub(super) inputs: &'a Inputs,
    pub(super) samples: &'a Samples,
    pub(super) tile: usize,
}

impl TileLesson<'_> {
    fn trajectory(&self) -> &Trajectory {
        self.samples.batch.tiles()[self.tile].trajectory()
    }

    /// What was done. `[steps][lanes]`
    pub(super) fn actions(&self) -> &[u32] {
        match self.trajectory().actions() {
            Actions::Discrete(actions) => actions,
            Actions::Box { .. } => panic!("discrete actions, as checked in `NativeBackend::new`"),
        }
    }
}

/// Buffers of one job, reused by later ones.
pub(super) struct Scratch {
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
    /// Empty buffers for a network.
    pub(super) fn new(packed: &Packed) -> Self {
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

    /// Bytes that it takes beside its [`Workspace`] for a tile of so many lanes.
    pub(super) fn bytes(shape: &Shape, lanes: usize, steps: usize) -> f64 {
        // Logits, the value and their gradients, the advantage and its weight.
        let numbers = 2 * (shape.actions + 1) + 2;
        let step = 4.0 * numbers as f64 + InputRows::bytes(shape);
        lanes as f64 * (steps as f64 * step + 4.0 * shape.memory_width() as f64)
    }

    /// Lives a tile's trials again, from empty memories. Returns the logits,
    /// `[steps][lanes][actions]`.
    pub(super) fn forward(&mut self, lesson: TileLesson<'_>) -> &[f32] {
        let (trajectory, shape) = (lesson.trajectory(), lesson.packed.shape());
        let size = trajectory.steps() * trajectory.lanes();
        self.memory
            .resize(trajectory.lanes() * shape.memory_width(), 0.0);
        self.logits.resize(size * shape.actions, 0.0);
        self.values.resize(size, 0.0);
        self.rows.clear();
        for t in 0..trajectory.steps() {
            self.rows.push(lesson.inputs, &trajectory.row(t));
        }
        let outputs = Outputs {
            logits: &mut self.logits,
            values: &mut self.values,
        };
        let inputs = self.rows.inputs();
        lesson
            .packed
            .forward(&mut self.work, &inputs, &self.memory, outputs);
        &self.logits
    }

    /// Adds a tile's part of the gradient to `gradient`, which has the
    /// parameters' layout; returns its part of the losses.
    pub(super) fn gradient(
        &mut self,
        lesson: TileLesson<'_>,
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
                logits: &self.logit_gradient,
                values: &self.value_gradient,
            };
            let inputs = self.rows.inputs();
            lesson
                .packed
                .backward(&mut self.work, &inputs, outputs, gradient);
        });
        losses
    }

    /// The loss of what [`Self::forward`] gave, and its gradients.
    fn loss(
        &mut self,
        lesson: TileLesson<'_>,
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
        let sums = kernels::loss(&mut self.work, &spec, &samples, outputs, gradients);
        Losses {
            policy: sums.policy,
            value: sums.value,
            entropy: sums.entropy,
            approx_kl: sums.approx_kl,
            clip_fraction: sums.clipped,
        }
    }
}
