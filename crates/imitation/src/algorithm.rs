//! Imitation as an algorithm among others.

use crate::config::{NAME, TEACHER};
use crate::{ImitationConfig, Trainer};
use agent::{ActMode, Algorithm, LearnError, Metric, Portable, Setup, ToldArms, Training, Update};
use rl_core::{Footprint, PolicyFactory, Tree};
use std::sync::Arc;

/// Imitation, settings in `[imitation]`.
pub const ALGORITHM: Algorithm = Algorithm {
    name: NAME,
    title: "Imitation",
    summary: "imitation: RL²'s network, which learns at every step what a teacher would do",
    metrics: &[
        Metric::new("divergence", "Divergence from the teacher").in_unit("nats"),
        Metric::new("agreement", "Agreement with the teacher"),
        Metric::new("entropy", "Policy entropy").in_unit("nats"),
        Metric::new("value_loss", "Value loss"),
        Metric::new("gradient_norm", "Gradient norm"),
    ],
    learners: &[TEACHER],
    inputs: Some("inputs"),
    settings: agent::schema_of::<ImitationConfig>,
    check: |setup| config(setup).map(drop),
    footprint,
    start,
};

fn footprint(setup: &Setup<'_>) -> Result<Footprint, LearnError> {
    let config = config(setup)?;
    let teacher = teacher(setup, &config)?;
    let learner = config.learner();
    let own = agent::footprint(setup.env, &learner, &setup.place)?;
    let taught = (&setup.place, teacher.as_deref());
    Ok(own.and(agent::teaching_footprint(setup.env, &learner, taught)?))
}

/// Who teaches; nobody where each task says what is best.
fn teacher(
    setup: &Setup<'_>,
    config: &ImitationConfig,
) -> Result<Option<Arc<dyn PolicyFactory>>, LearnError> {
    match config.knows_tasks() {
        true => Ok(None),
        false => (setup.learner)(TEACHER).map(Some),
    }
}

fn start(setup: Setup<'_>) -> Result<Box<dyn Training>, LearnError> {
    let config = config(&setup)?;
    let teacher = teacher(&setup, &config)?;
    let trainer = Trainer::new(setup.env, (config, teacher), setup.seed, setup.place)?;
    Ok(Box::new(trainer))
}

fn config(setup: &Setup<'_>) -> Result<ImitationConfig, LearnError> {
    let config: ImitationConfig = setup.config(NAME)?;
    config.validate()?;
    config.expect_discrete(setup.env.spec())?;
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
