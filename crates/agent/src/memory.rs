//! What a training takes of memory, found before it is made.

use crate::backend::BackendKind;
use crate::error::LearnError;
use crate::execution::Execution;
use crate::learner::{LearnerConfig, Place};
use crate::model::ActorCritic;
use crate::native::NativeBackend;
use crate::samples::Targets;
use crate::torch;
use rl_core::{EnvFactory, Footprint, PolicyFactory, Trajectory};
use rollout::Batch;

/// Vectors as long as the parameters that there are whatever the batch: the
/// parameters and two moments, each of them once more as it was before the
/// update, and up to twice more while a checkpoint is written.
const VECTORS: usize = 12;

/// What a training takes at its peak, evaluations aside.
///
/// # Errors
/// If a setting is out of range or does not fit the environment.
pub fn footprint(
    env: &dyn EnvFactory,
    config: &LearnerConfig<'_>,
    place: &Place,
) -> Result<Footprint, LearnError> {
    config.validate()?;
    let model = ActorCritic::new(env, config.network)?;
    let work = match config.backend {
        BackendKind::Native => {
            let backend = NativeBackend::new(&model, config.network)?;
            return native_footprint(env, config, place, (&model, &backend));
        }
        BackendKind::Torch => {
            let at_once = (tiles(config), place.pool.workers());
            let steps = env.spec().trial_steps();
            torch::footprint(&model, config, at_once, (steps, place.device))?
        }
    };
    Ok(whole(env, config, (&model, place)).and(work))
}

/// The same of a network and a native backend of the caller's.
///
/// # Errors
/// If a setting is out of range.
pub fn native_footprint(
    env: &dyn EnvFactory,
    config: &LearnerConfig<'_>,
    place: &Place,
    (model, backend): (&ActorCritic, &NativeBackend),
) -> Result<Footprint, LearnError> {
    config.validate()?;
    expect_messages(env, config, (model, place))?;
    let steps = env.spec().trial_steps();
    let work = native((model, backend), config, place.pool.workers(), steps);
    Ok(whole(env, config, (model, place)).and(work))
}

/// Refuses what ranks could not tell each other: the trajectories of one, and its tiles'
/// gradients, of which every other rank is told its part.
fn expect_messages(
    env: &dyn EnvFactory,
    config: &LearnerConfig<'_>,
    (model, place): (&ActorCritic, &Place),
) -> Result<(), LearnError> {
    let (of, pool) = (config.network.of, &place.pool);
    let lanes = pool.most(config.lanes.div_ceil(config.tile)) * config.tile;
    let trajectories = Batch::rows(env, lanes.min(config.lanes), env.spec().trial_steps());
    let gradients = 4.0 * pool.most(tiles(config)) as f64;
    let gradients = gradients * pool.most(model.layout().numel()) as f64;
    let trials = format!("{of}.lanes or the environment's steps per trial");
    let network = format!("{of}.trunk");
    pool.expect_message("trajectories", trajectories, &trials)
        .and_then(|()| pool.expect_message("gradients of tiles", gradients, &network))
        .map_err(LearnError::Settings)
}

/// Tiles of a minibatch, whose gradients are kept until they are summed.
fn tiles(config: &LearnerConfig<'_>) -> usize {
    config.lanes.div_ceil(config.tile) / config.minibatches
}

/// What there is whatever computes.
fn whole(
    env: &dyn EnvFactory,
    config: &LearnerConfig<'_>,
    (model, place): (&ActorCritic, &Place),
) -> Footprint {
    let (of, lanes, steps) = (config.network.of, config.lanes, env.spec().trial_steps());
    let parameters = 4.0 * model.layout().numel() as f64;
    let targets = lanes as f64 * steps as f64 * Targets::BYTES;
    Batch::shared_footprint(env, (lanes, steps), place.pool.ranks().size())
        .with(
            format!("advantages and returns of {lanes} lanes"),
            targets,
            format!("{of}.lanes and the environment's steps per trial"),
        )
        .with(
            format!("{VECTORS} copies of the network and its optimizer"),
            VECTORS as f64 * parameters,
            format!("{of}.trunk"),
        )
}

/// What a teacher takes beside its student at its peak; without one, who knows each task.
///
/// # Errors
/// If a setting is out of range.
pub fn teaching_footprint(
    env: &dyn EnvFactory,
    config: &LearnerConfig<'_>,
    (place, teacher): (&Place, Option<&dyn PolicyFactory>),
) -> Result<Footprint, LearnError> {
    config.validate()?;
    let (spec, workers) = (env.spec(), place.pool.workers());
    let (of, lanes, steps) = (config.network.of, config.lanes, env.spec().trial_steps());
    let of_lanes = |lanes| Trajectory::label_bytes(spec, lanes, steps);
    let tiles = lanes / config.tile / config.minibatches;
    let tensors = match config.backend {
        BackendKind::Native => 0.0,
        // Of each tile, and of all that are learned from together.
        BackendKind::Torch => {
            2.0 * of_lanes(torch::lanes_at_once(config, (tiles, workers), place.device))
        }
    };
    let labels = Footprint::new().with(
        format!("the teacher's labels of {lanes} lanes"),
        of_lanes(lanes) + tensors,
        format!("{of}.lanes, the environment's steps per trial and its actions"),
    );
    let at_once = workers.min(lanes / config.tile);
    Ok(match (teacher, Execution::on(place.device)) {
        (None, _) => labels.with(
            format!("the best actions of {lanes} tasks"),
            lanes as f64 * env.known_task_bytes(),
            format!("{of}.lanes and the environment's size and steps per episode"),
        ),
        (Some(teacher), Execution::Tiles) => labels.with(
            format!("the teacher in {at_once} tiles of {} lanes", config.tile),
            at_once as f64 * teacher.bytes(spec, config.tile),
            format!("{of}.tile, {of}.teacher and --workers"),
        ),
        (Some(teacher), Execution::Lockstep) => labels.with(
            format!("the teacher in {lanes} lanes"),
            teacher.bytes(spec, lanes),
            format!("{of}.lanes and {of}.teacher"),
        ),
    })
}

/// The native backend's: weights packed, and whatever a tile leaves for its
/// backward pass, on each worker. A tile's gradient is kept for the next.
fn native(
    (model, backend): (&ActorCritic, &NativeBackend),
    config: &LearnerConfig<'_>,
    workers: usize,
    steps: usize,
) -> Footprint {
    let (of, tiles) = (model.of, tiles(config));
    let bytes = backend.bytes(config.tile, steps);
    let in_flight = workers.min(tiles);
    let gradients = 4.0 * (tiles + 1) as f64 * model.layout().numel() as f64;
    Footprint::new()
        .with(
            format!("gradients of {tiles} tiles"),
            gradients,
            format!("{of}.trunk, and with {of}.lanes over {of}.tile and the number of minibatches"),
        )
        .with(
            format!(
                "activations of {in_flight} tiles of {} lanes at once",
                config.tile
            ),
            in_flight as f64 * (bytes.learning + bytes.acting),
            format!("{of}.tile, {of}.trunk, the environment's steps per trial and --workers"),
        )
        .with("packed weights", 2.0 * bytes.packed, format!("{of}.trunk"))
}
