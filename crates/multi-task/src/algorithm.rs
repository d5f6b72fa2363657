//! Learning of several tasks as an algorithm among others.

use crate::config::NAME;
use crate::{MultiTaskConfig, Networks, Sharing, TaskSet, Trainer};
use agent::{ActMode, Algorithm, LearnError, Metric, Setup, Targets, TaskPolicy, Training, Update};
use nets::Device;
use rl_core::{ActionSpace, Footprint, PolicyFactory, Tree};
use rollout::Batch;
use std::sync::Arc;

/// One agent for all tasks of a finite set, settings in `[multi-task]`.
pub const ALGORITHM: Algorithm = Algorithm {
    name: NAME,
    title: "Multi-task",
    summary: "one agent for a finite set of tasks that it is told: as an input, by FiLM, by \
              heads, apart, or distilled (Distral)",
    metrics: METRICS,
    learners: &[],
    inputs: None,
    settings: agent::schema_of::<MultiTaskConfig>,
    check: |setup| config(setup).map(drop),
    footprint,
    start,
};

const METRICS: &[Metric] = &[
    Metric::new("gradient_cosine", "Cosine between tasks' gradients"),
    Metric::new("divergence", "KL from the shared policy").in_unit("nats"),
    Metric::new("entropy", "Policy entropy").in_unit("nats"),
    Metric::new("approx_kl", "Approximate KL").in_unit("nats"),
    Metric::new("value_loss", "Value loss"),
    Metric::new("gradient_norm", "Gradient norm"),
];

/// Vectors as long as the parameters that there are whatever the batch: the parameters and
/// two moments, each once more as before the update and while a checkpoint is written.
const VECTORS: usize = 12;

fn footprint(setup: &Setup<'_>) -> Result<Footprint, LearnError> {
    let config = config(setup)?;
    let (spec, tasks) = (setup.env.spec(), TaskSet::find(setup.env)?);
    let actions = match spec.action {
        ActionSpace::Discrete { size } => size,
        ActionSpace::Box { .. } => 1, // Refused where it starts.
    };
    let inputs = match config.sharing {
        Sharing::Input {} => spec.observation.width(),
        _ => tasks.own(),
    };
    let networks = Networks::new(&config, (inputs, actions), tasks.count())?;
    let (lanes, steps) = (config.lanes, spec.trial_steps());
    // The gradients of all tiles of a minibatch, and of all tasks, are kept until they are
    // summed.
    let tiles = lanes / config.tile / config.outer.minibatches;
    let vectors = VECTORS + tiles.max(tasks.count());
    // The networks of a task on all of its samples in a tile, of as many tiles as there are
    // workers, or of as many tasks.
    let workers = setup.place.pool.workers().min(tiles.max(tasks.count()));
    let rows = steps * lanes_of_a_task(config.tile, tasks.count());
    // All samples of a tile, task by task: what is seen and five numbers, in lists that grow.
    let samples = 2.0 * 4.0 * (config.tile * steps * (inputs + 5)) as f64;
    // The least and the largest reward of each step of a tile, in lists that grow.
    let spreads = 2.0 * 8.0 * (lanes / config.tile * steps) as f64;
    let activations = networks.roles().map(|role| {
        let mlp = networks.mlp(role);
        let gradients = 4.0 * (rows * mlp.outputs()) as f64;
        mlp.cache_bytes(rows) + mlp.gradient_bytes() + gradients
    });
    Ok(Batch::footprint(setup.env, lanes, steps)
        .with(
            format!("samples of {lanes} lanes"),
            (lanes * steps) as f64 * Targets::BYTES + spreads,
            format!("{NAME}.lanes and the environment's steps per trial"),
        )
        .with(
            format!("activations of {workers} workers"),
            workers as f64 * (samples + activations.sum::<f64>()),
            format!("{NAME}.tile, {NAME}.network and --workers"),
        )
        .with(
            format!("{vectors} copies of the networks, their gradients and optimizer"),
            4.0 * vectors as f64 * networks.layout().numel() as f64,
            format!("{NAME}.network"),
        ))
}

/// Lanes of a tile that are of one task, at most: tasks are drawn alike, and nobody meets
/// more than six deviations beyond the mean.
fn lanes_of_a_task(tile: usize, tasks: usize) -> usize {
    let mean = tile as f64 / tasks as f64;
    let most = mean + 6.0 * mean.sqrt() + 6.0;
    tile.min(most.ceil() as usize)
}

fn start(setup: Setup<'_>) -> Result<Box<dyn Training>, LearnError> {
    let config = config(&setup)?;
    if setup.place.device != Device::Cpu {
        let allowed = "cpu, since multi-task runs there alone; leave the option out";
        return Err(LearnError::config("--device", "cuda", allowed));
    }
    let trainer = Trainer::new(setup.env, config, setup.seed, setup.place.pool)?;
    Ok(Box::new(trainer))
}

fn config(setup: &Setup<'_>) -> Result<MultiTaskConfig, LearnError> {
    let config: MultiTaskConfig = setup.config(NAME)?;
    config.validate()?;
    Ok(config)
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

    fn policy(&self, actions: ActMode) -> Arc<dyn PolicyFactory> {
        self.policy(actions)
    }

    fn library(&self) -> Option<Vec<TaskPolicy>> {
        Some(self.library())
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
