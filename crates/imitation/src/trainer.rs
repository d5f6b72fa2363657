//! One training: collect beside the teacher, returns, improve.

use crate::config::ImitationConfig;
use agent::{LearnError, Learner, Objective, Place};
use rl_core::{EnvFactory, PolicyFactory};
use serde::Serialize;
use std::sync::Arc;

/// What one update did. Nothing in it depends on the clock or the workers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metrics {
    /// Updates done.
    pub update: u64,
    /// Environment steps done.
    pub env_steps: u64,
    /// Mean return of the trials of this update, whoever acted.
    pub mean_return: f64,
    /// Share of the trials in which the teacher acts.
    pub handover: f64,
    /// KL(label ‖ policy) in nats, mean over the update's minibatches.
    pub divergence: f64,
    /// Share of the steps where the likeliest action is one of the teacher's likeliest,
    /// mean over the update's minibatches.
    pub agreement: f64,
    /// Mean over the update's minibatches.
    pub policy_loss: f64,
    /// Mean over the update's minibatches.
    pub value_loss: f64,
    /// Nats, mean over the update's minibatches.
    pub entropy: f64,
    /// Nats, mean over the update's minibatches.
    pub approx_kl: f64,
    /// Mean over the update's minibatches.
    pub clip_fraction: f64,
    /// Before clipping, mean over the update's minibatches.
    pub gradient_norm: f64,
    /// Step size of this update.
    pub learning_rate: f64,
    /// Weight of the divergence in this update.
    pub teacher_coefficient: f64,
    /// Entropy bonus of this update.
    pub entropy_coefficient: f64,
}

/// A training of one student under one seed.
pub struct Trainer {
    config: ImitationConfig,
    learner: Learner,
}

impl Trainer {
    /// A training at its start; without a teacher, of who knows each task.
    ///
    /// # Errors
    /// If a setting is out of range or does not fit the environment, or actions are
    /// continuous.
    pub fn new(
        env: &dyn EnvFactory,
        (config, teacher): (ImitationConfig, Option<Arc<dyn PolicyFactory>>),
        seed: u64,
        place: Place,
    ) -> Result<Self, LearnError> {
        config.validate()?;
        config.expect_discrete(env.spec())?;
        let learner = Learner::new(env, config.learner(), seed, place)?;
        let learner = match teacher {
            Some(teacher) => learner.with_teacher(teacher),
            None => learner.with_known_task(env)?,
        };
        Ok(Self { config, learner })
    }

    /// The agent that learns.
    pub fn learner(&self) -> &Learner {
        &self.learner
    }

    /// The agent that learns, to be put somewhere else.
    pub fn learner_mut(&mut self) -> &mut Learner {
        &mut self.learner
    }

    /// The settings.
    pub fn config(&self) -> &ImitationConfig {
        &self.config
    }

    /// One update: trials with their labels, what they teach the value head, and steps
    /// down the divergence from the teacher.
    ///
    /// # Errors
    /// If the environment fails, or a loss, a gradient or a parameter is not finite;
    /// everything is then as before the update.
    pub fn update(&mut self) -> Result<Metrics, LearnError> {
        let config = &self.config;
        let (update, updates) = (self.learner.updates_done(), config.updates);
        let handover = config.handover.at(update, updates);
        let [learning_rate, teacher_coefficient, entropy_coefficient] = [
            config.learning_rate,
            config.teacher_coefficient,
            config.entropy_coefficient,
        ]
        .map(|schedule| schedule.at(update, updates));
        self.learner.collect_beside(handover)?;
        let (decay, scale) = (config.gae, config.reward_scale as f32);
        self.learner
            .teach(|trajectory, targets| targets.fill(trajectory, decay, scale));
        let objective = Objective {
            surrogate: config.outer.surrogate(),
            value_coefficient: config.value_coefficient,
            entropy_coefficient,
            teacher_coefficient,
        };
        let passes = config.passes();
        let steps = |learner: &mut Learner| learner.passes(passes, objective, learning_rate);
        let ((losses, gradient_norm), mean_return) = self.learner.improve(steps)?;
        Ok(Metrics {
            update: self.learner.updates_done(),
            env_steps: self.learner.env_steps(),
            mean_return,
            handover,
            divergence: losses.divergence,
            agreement: losses.agreement,
            policy_loss: losses.policy,
            value_loss: losses.value,
            entropy: losses.entropy,
            approx_kl: losses.approx_kl,
            clip_fraction: losses.clip_fraction,
            gradient_norm,
            learning_rate,
            teacher_coefficient,
            entropy_coefficient,
        })
    }
}
