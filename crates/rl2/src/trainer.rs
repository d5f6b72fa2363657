//! One training: collect, advantages, improve.

use crate::config::{Outer, Rl2Config};
use agent::{
    ActorCritic, Backend, LearnError, Learner, Minibatch, Objective, Place, Stopwatch, Surrogate,
};
use rl_core::EnvFactory;
use rollout::Pool;
use serde::Serialize;
use std::sync::Arc;

/// What one update did. Nothing in it depends on the clock or the workers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metrics {
    /// Updates done.
    pub update: u64,
    /// Environment steps done.
    pub env_steps: u64,
    /// Mean return of the trials of this update, actions sampled.
    pub mean_return: f64,
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
    /// Entropy bonus of this update.
    pub entropy_coefficient: f64,
}

/// A training of one agent under one seed.
pub struct Trainer {
    config: Rl2Config,
    learner: Learner,
}

impl Trainer {
    /// A training at its start.
    ///
    /// # Errors
    /// If a setting is out of range or does not fit the environment. What it
    /// takes of memory says [`agent::footprint`] beforehand.
    pub fn new(
        env: &dyn EnvFactory,
        config: Rl2Config,
        seed: u64,
        place: Place,
    ) -> Result<Self, LearnError> {
        config.validate()?;
        let learner = Learner::new(env, config.learner(), seed, place)?;
        Ok(Self { config, learner })
    }

    /// A training at its start, on a network and a backend of the caller's.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_backend(
        env: &dyn EnvFactory,
        config: Rl2Config,
        seed: u64,
        pool: Arc<Pool>,
        parts: (Arc<ActorCritic>, Box<dyn Backend>),
    ) -> Result<Self, LearnError> {
        config.validate()?;
        let learner = Learner::with_backend(env, config.learner(), seed, pool, parts)?;
        Ok(Self { config, learner })
    }

    /// Tells the stopwatch from now on what updates spend their time on. The
    /// results are the same as without.
    pub fn watch(&mut self, stopwatch: Stopwatch) {
        self.learner.watch(stopwatch);
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
    pub fn config(&self) -> &Rl2Config {
        &self.config
    }

    /// One update: [`Self::collect`], [`Self::advantages`], [`Self::improve`].
    ///
    /// # Errors
    /// Of any of the three.
    pub fn update(&mut self) -> Result<Metrics, LearnError> {
        self.collect()?;
        self.advantages();
        self.improve()
    }

    /// Lives one fresh trial in each lane.
    ///
    /// # Errors
    /// If the environment fails.
    pub fn collect(&mut self) -> Result<(), LearnError> {
        self.learner.collect()
    }

    /// Computes what the collected trials teach.
    pub fn advantages(&mut self) {
        let (decay, scale) = (self.config.gae, self.config.reward_scale as f32);
        self.learner
            .teach(|trajectory, targets| targets.fill(trajectory, decay, scale));
        if let Outer::Reinforce { baseline } = self.config.outer {
            self.learner.weigh_by_returns(baseline);
        }
    }

    /// Moves the parameters by what the collected trials teach.
    ///
    /// # Errors
    /// If a loss, a gradient or a parameter is not finite; everything is then as
    /// before the update.
    pub fn improve(&mut self) -> Result<Metrics, LearnError> {
        let learning_rate = self.scheduled(self.config.learning_rate);
        let entropy_coefficient = self.scheduled(self.config.entropy_coefficient);
        let config = &self.config;
        let objective = Objective {
            surrogate: match config.outer {
                Outer::Ppo { clip, .. } => Surrogate::Clipped(clip),
                Outer::A2c | Outer::Reinforce { .. } => Surrogate::Plain,
            },
            value_coefficient: config.value_coefficient,
            entropy_coefficient,
            teacher_coefficient: 0.0,
        };
        let passes = config.passes();
        let steps = |learner: &mut Learner| learner.passes(passes, objective, learning_rate);
        let improved = self.learner.improve(steps).map_err(|mut error| {
            if let LearnError::Loss { scale, .. } = &mut error {
                *scale = "rl2.reward_scale or the environment's own".to_owned();
            }
            error
        });
        let ((losses, gradient_norm), mean_return) = improved?;
        Ok(Metrics {
            update: self.learner.updates_done(),
            env_steps: self.learner.env_steps(),
            mean_return,
            policy_loss: losses.policy,
            value_loss: losses.value,
            entropy: losses.entropy,
            approx_kl: losses.approx_kl,
            clip_fraction: losses.clip_fraction,
            gradient_norm,
            learning_rate,
            entropy_coefficient,
        })
    }

    /// The samples of some tiles, normalized as configured.
    pub fn minibatch(&self, tiles: &[usize]) -> Minibatch {
        let normalized = self.config.normalize_advantages;
        self.learner.minibatch(tiles, normalized)
    }

    fn scheduled(&self, schedule: nets::Schedule) -> f64 {
        schedule.at(self.learner.updates_done(), self.config.updates)
    }
}
