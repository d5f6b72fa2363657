//! Beliefs as an algorithm among others.

use crate::config::NAME;
use crate::{BeliefConfig, Trainer, trainer};
use agent::{ActMode, Algorithm, LearnError, Metric, Setup, Training, Update};
use rl_core::{Footprint, KnownTasks, PolicyFactory, Trajectory, Tree};
use std::sync::Arc;

/// Beliefs, settings in `[belief]`.
pub const ALGORITHM: Algorithm = Algorithm {
    name: NAME,
    title: "Belief agent",
    summary: "belief: an agent that learns to say what it believes of its task (VariBAD, \
              task-supervised, drawn once an episode)",
    metrics: &[
        Metric::new("belief_loss", "Belief loss").in_unit("nats"),
        Metric::new("belief_divergence", "Divergence from the prior").in_unit("nats"),
        Metric::new("entropy", "Policy entropy").in_unit("nats"),
        Metric::new("approx_kl", "Approximate KL").in_unit("nats"),
        Metric::new("value_loss", "Value loss"),
        Metric::new("gradient_norm", "Gradient norm"),
    ],
    learners: &[],
    inputs: Some("inputs"),
    settings: agent::schema_of::<BeliefConfig>,
    check: |setup| config(setup).map(drop),
    footprint,
    start,
};

fn footprint(setup: &Setup<'_>) -> Result<Footprint, LearnError> {
    trainer::footprint(setup.env, &config(setup)?, &setup.place)
}

fn start(setup: Setup<'_>) -> Result<Box<dyn Training>, LearnError> {
    let config = config(&setup)?;
    let trainer = Trainer::new(setup.env, config, setup.seed, setup.place)?;
    Ok(Box::new(trainer))
}

fn config(setup: &Setup<'_>) -> Result<BeliefConfig, LearnError> {
    let config: BeliefConfig = setup.config(NAME)?;
    config.validate()?;
    Ok(config)
}

impl Training for Trainer {
    fn updates(&self) -> u64 {
        self.config().updates
    }

    fn updates_done(&self) -> u64 {
        self.learner().updates_done()
    }

    fn env_steps(&self) -> u64 {
        self.learner().env_steps()
    }

    fn update(&mut self) -> Result<Update, LearnError> {
        let metrics = self.update()?;
        Update::new(metrics.mean_return, &metrics)
    }

    fn policy(&self, actions: ActMode) -> Arc<dyn PolicyFactory> {
        self.learner().policy(actions)
    }

    fn task_beliefs(&self, lived: &Trajectory, tasks: &dyn KnownTasks) -> Option<Vec<f32>> {
        self.task_beliefs(lived, tasks)
    }

    fn held_actions(&self, tasks: &dyn KnownTasks) -> Option<Vec<f32>> {
        self.held_actions(tasks)
    }

    fn begin_from(&mut self, checkpoint: &Tree) -> Result<(), LearnError> {
        self.begin_from(checkpoint)
    }

    fn checkpoint(&self) -> Result<Tree, LearnError> {
        self.checkpoint()
    }

    fn restore(&mut self, checkpoint: &Tree) -> Result<(), LearnError> {
        self.restore(checkpoint)
    }
}
