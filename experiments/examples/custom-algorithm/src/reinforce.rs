//! REINFORCE, from outside metarl.

use agent::{
    ActMode, Algorithm, BackendKind, Input, LearnError, Learner, LearnerConfig, Metric,
    NetworkConfig, Objective, PolicyStart, Setup, Surrogate, Training, Update,
};
use nets::{OptimizerConfig, SequenceConfig};
use rl_core::{Bounds, Footprint, Gae, PolicyFactory, Tree};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

/// REINFORCE (Williams 1992) with a memory: one step of the plain policy gradient
/// on whole trials, each action weighted by the discounted return that followed
/// it, less the mean over the batch.
pub(crate) const REINFORCE: Algorithm = Algorithm {
    name: "reinforce",
    title: "REINFORCE",
    summary: "REINFORCE: a recurrent policy that follows the plain policy gradient",
    metrics: &[Metric::new("gradient_norm", "Gradient norm")],
    learners: &[],
    inputs: None,
    settings: agent::schema_of::<Config>,
    check: |setup| Config::read(setup).map(drop),
    footprint,
    start,
};

/// The settings, all of them in the table `[reinforce]`; what `help` says of each is its
/// comment.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// How many updates.
    updates: u64,
    /// Lanes, each of which lives one trial per update.
    lanes: usize,
    /// Lanes of a tile, the unit of parallel work.
    tile: usize,
    /// What computes.
    backend: BackendKind,
    /// γ, the discount per step.
    gamma: f32,
    /// Weight of the entropy bonus.
    entropy_coefficient: f64,
    /// Step size of the optimizer.
    learning_rate: f64,
    /// Largest norm of the whole gradient; a longer one is scaled down.
    max_gradient_norm: f64,
    /// What makes steps of gradients.
    optimizer: OptimizerConfig,
    /// How the policy begins.
    policy: PolicyStart,
    /// What remembers.
    trunk: SequenceConfig,
}

impl Config {
    fn read(setup: &Setup<'_>) -> Result<Self, LearnError> {
        let config: Self = setup.config(REINFORCE.name)?;
        Bounds::UNIT.check("reinforce.gamma", config.gamma)?;
        Ok(config)
    }

    fn learner(&self) -> LearnerConfig<'_> {
        LearnerConfig {
            network: NetworkConfig {
                of: REINFORCE.name,
                inputs: &Input::USUAL,
                trunk: &self.trunk,
                policy: self.policy,
            },
            backend: self.backend,
            optimizer: self.optimizer,
            lanes: self.lanes,
            tile: self.tile,
            minibatches: 1,
            max_gradient_norm: self.max_gradient_norm,
        }
    }
}

fn footprint(setup: &Setup<'_>) -> Result<Footprint, LearnError> {
    agent::footprint(setup.env, &Config::read(setup)?.learner(), &setup.place)
}

fn start(setup: Setup<'_>) -> Result<Box<dyn Training>, LearnError> {
    let config = Config::read(&setup)?;
    let learner = Learner::new(setup.env, config.learner(), setup.seed, setup.place)?;
    Ok(Box::new(Reinforce { config, learner }))
}

struct Reinforce {
    config: Config,
    learner: Learner,
}

impl Training for Reinforce {
    fn updates(&self) -> u64 {
        self.config.updates
    }

    fn updates_done(&self) -> u64 {
        self.learner.updates_done()
    }

    fn env_steps(&self) -> u64 {
        self.learner.env_steps()
    }

    fn update(&mut self) -> Result<Update, LearnError> {
        let (config, learner) = (&self.config, &mut self.learner);
        let (gamma, lambda) = (config.gamma, 1.0);
        learner.collect()?;
        learner.teach(|trajectory, targets| {
            targets.fill(trajectory, Gae { gamma, lambda }, 1.0);
            // Advantages over nothing: the returns themselves.
            targets.advantages.copy_from_slice(&targets.returns);
        });
        let objective = Objective {
            surrogate: Surrogate::Plain,
            value_coefficient: 0.0,
            entropy_coefficient: config.entropy_coefficient,
            teacher_coefficient: 0.0,
        };
        let ((losses, gradient_norm), mean_return) = learner.improve(|learner| {
            let tiles: Vec<usize> = (0..learner.samples().targets.len()).collect();
            let whole = learner.minibatch(&tiles, true);
            learner.descend(&whole, objective, config.learning_rate)
        })?;
        let row = json!({
            "update": learner.updates_done(),
            "env_steps": learner.env_steps(),
            "mean_return": mean_return,
            "entropy": losses.entropy,
            "gradient_norm": gradient_norm,
        });
        Update::new(mean_return, &row)
    }

    fn policy(&self, actions: ActMode) -> Arc<dyn PolicyFactory> {
        self.learner.policy(actions)
    }

    fn checkpoint(&self) -> Result<Tree, LearnError> {
        self.learner.checkpoint()
    }

    fn restore(&mut self, checkpoint: &Tree) -> Result<(), LearnError> {
        self.learner.restore(checkpoint)
    }
}
