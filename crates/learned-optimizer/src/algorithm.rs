//! Learned optimizers as one algorithm among others.

use crate::config::{Config, NAME};
use crate::memory;
use crate::trainer::Trainer;
use agent::{ActMode, Algorithm, LearnError, Metric, Setup, Training, Update};
use nets::Device;
use rl_core::{Footprint, PolicyFactory, Sight, Tree};
use std::sync::Arc;

/// Learned optimizers, settings in `[learned-optimizer]`.
pub const ALGORITHM: Algorithm = Algorithm {
    name: NAME,
    title: "Learned optimizer",
    summary: "Learned optimizers: a rule by which gradients become steps, or where steps begin \
              (LSTMs coordinate by coordinate, gated meta-learner, MAML, Meta-SGD, Reptile), by \
              truncated or exact gradients or evolution strategies",
    metrics: &[
        Metric::new("meta_loss", "Loss that is made small"),
        Metric::new("gradient_norm", "Gradient norm"),
    ],
    learners: &[],
    inputs: None,
    settings: agent::schema_of::<Config>,
    check: |setup| config(setup).map(drop),
    footprint,
    start,
};

fn config(setup: &Setup<'_>) -> Result<Config, LearnError> {
    let config: Config = setup.config(NAME)?;
    config.validate()?;
    Ok(config)
}

fn footprint(setup: &Setup<'_>) -> Result<Footprint, LearnError> {
    let config = config(setup)?;
    let size = Sight::parameters(setup.env.spec(), NAME)
        .map_err(|why| LearnError::Settings(format!("environment: {why}")))?;
    let workers = setup.place.pool.workers();
    Ok(memory::footprint(
        &config,
        (size, setup.env.lane_bytes()),
        workers,
    ))
}

fn start(setup: Setup<'_>) -> Result<Box<dyn Training>, LearnError> {
    let config = config(&setup)?;
    if setup.place.device != Device::Cpu {
        let allowed = "cpu, since learned-optimizer runs there alone; leave the option out";
        return Err(LearnError::config("--device", "cuda", allowed));
    }
    let trainer = Trainer::new(setup.env, config, setup.seed, setup.place.pool)?;
    Ok(Box::new(trainer))
}

impl Training for Trainer {
    fn updates(&self) -> u64 {
        self.config().updates
    }

    fn updates_done(&self) -> u64 {
        self.updates_done()
    }

    fn env_steps(&self) -> u64 {
        self.env_steps()
    }

    fn update(&mut self) -> Result<Update, LearnError> {
        let metrics = self.update()?;
        Update::new(metrics.mean_return, &metrics)
    }

    fn policy(&self, _actions: ActMode) -> Arc<dyn PolicyFactory> {
        self.policy()
    }

    fn checkpoint(&self) -> Result<Tree, LearnError> {
        self.checkpoint()
    }

    fn restore(&mut self, checkpoint: &Tree) -> Result<(), LearnError> {
        self.restore(checkpoint)
    }
}
