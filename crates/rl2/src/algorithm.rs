//! RL² as an algorithm among others.

use crate::{Rl2Config, Trainer};
use agent::{ActMode, Algorithm, LearnError, Metric, Portable, Setup, ToldArms, Training, Update};
use rl_core::{Footprint, PolicyFactory, Tree};
use std::sync::Arc;

/// RL², settings in `[rl2]`.
pub const ALGORITHM: Algorithm = Algorithm {
    name: "rl2",
    title: "RL²",
    summary: "RL²: a recurrent actor-critic whose memory lives one trial (PPO, A2C or REINFORCE)",
    metrics: Metric::POLICY_GRADIENT,
    learners: &[],
    inputs: Some("inputs"),
    settings: agent::schema_of::<Rl2Config>,
    check: |setup| config(setup).map(drop),
    footprint,
    start,
};

fn footprint(setup: &Setup<'_>) -> Result<Footprint, LearnError> {
    let config = config(setup)?;
    agent::footprint(setup.env, &config.learner(), &setup.place)
}

fn start(setup: Setup<'_>) -> Result<Box<dyn Training>, LearnError> {
    let config = config(&setup)?;
    let trainer = Trainer::new(setup.env, config, setup.seed, setup.place)?;
    Ok(Box::new(trainer))
}

fn config(setup: &Setup<'_>) -> Result<Rl2Config, LearnError> {
    let config: Rl2Config = setup.config(ALGORITHM.name)?;
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

    fn expect_shared(&self) -> Result<(), LearnError> {
        self.learner().expect_shared()
    }

    fn policy(&self, actions: ActMode) -> Arc<dyn PolicyFactory> {
        self.learner().policy(actions)
    }

    fn indices(&self, told: ToldArms<'_>) -> Option<Vec<f32>> {
        self.learner().indices(told)
    }

    fn portable(&self) -> Result<Portable, LearnError> {
        self.learner().portable(&self.config().trunk)
    }

    fn begin_from(&mut self, checkpoint: &Tree) -> Result<(), LearnError> {
        self.learner_mut().begin_from(checkpoint)
    }

    fn checkpoint(&self) -> Result<Tree, LearnError> {
        self.learner().checkpoint()
    }

    fn restore(&mut self, checkpoint: &Tree) -> Result<(), LearnError> {
        self.learner_mut().restore(checkpoint)
    }
}
