//! What a training takes of memory, found before it is made.

use crate::backend::BackendKind;
use crate::error::LearnError;
use crate::learner::{LearnerConfig, Place};
use crate::model::ActorCritic;
use crate::native::NativeBackend;
use crate::samples::Targets;
use crate::torch::{SHARD_LANES, TorchPolicies};
use nets::tch::Device;
use rl_core::{EnvFactory, EnvSpec, Footprint};
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
    let (workers, device) = (place.pool.workers(), place.device);
    let spec = env.spec();
    let model = ActorCritic::new(spec, config.network)?;
    let (of, lanes, steps) = (config.network.of, config.lanes, spec.trial_steps());
    // The gradients of all tiles of a minibatch are kept until they are summed.
    let tiles = lanes.div_ceil(config.tile) / config.minibatches;
    let work = match config.backend {
        BackendKind::Native => native(&model, config, (tiles, workers), spec)?,
        BackendKind::Torch => torch(&model, config, (tiles, workers), (steps, device)),
    };
    let parameters = 4.0 * model.layout().numel() as f64;
    let targets = lanes as f64 * steps as f64 * Targets::BYTES;
    Ok(Batch::footprint(env, lanes, steps)
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
        .and(work))
}

/// The native backend's: weights packed, and whatever a tile leaves for its
/// backward pass, on each worker. A tile's gradient is kept for the next.
fn native(
    model: &ActorCritic,
    config: &LearnerConfig<'_>,
    (tiles, workers): (usize, usize),
    spec: &EnvSpec,
) -> Result<Footprint, LearnError> {
    let of = model.of;
    let shape = NativeBackend::shape_of(model, spec, config.network)?;
    let in_flight = workers.min(tiles);
    let gradients = 4.0 * (tiles + 1) as f64 * model.layout().numel() as f64;
    let tile = NativeBackend::tile_bytes(&shape, config.tile, spec.trial_steps());
    let acting = NativeBackend::acting_bytes(&shape, config.tile);
    Ok(Footprint::new()
        .with(
            format!("gradients of {tiles} tiles"),
            gradients,
            format!("{of}.trunk, and with {of}.lanes over {of}.tile and {of}.outer.minibatches"),
        )
        .with(
            format!(
                "activations of {in_flight} tiles of {} lanes at once",
                config.tile
            ),
            in_flight as f64 * (tile + acting),
            format!("{of}.tile, {of}.trunk, the environment's steps per trial and --workers"),
        )
        .with(
            "packed weights",
            2.0 * kernels::Packed::bytes(&shape),
            format!("{of}.trunk"),
        ))
}

/// libtorch's: shards of tiles, each with its samples as tensors and the
/// activations that its backward pass reads.
fn torch(
    model: &ActorCritic,
    config: &LearnerConfig<'_>,
    (tiles, workers): (usize, usize),
    (steps, device): (usize, Device),
) -> Footprint {
    let of = model.of;
    let shard_tiles = match device {
        Device::Cpu => SHARD_LANES.div_ceil(config.tile).min(tiles),
        _ => tiles,
    };
    let shards = tiles.div_ceil(shard_tiles);
    let in_flight = workers.min(shards);
    let lanes = shard_tiles * config.tile;
    let samples = lanes as f64 * steps as f64;
    // The inputs as rows, as a tensor of each tile and as one of all tiles; the
    // actions are of eight bytes.
    let inputs = samples * (3.0 * 4.0 * model.inputs.size() as f64 + 3.0 * 8.0 + 3.0 * 4.0 * 5.0);
    let unit = match device {
        Device::Cpu => 4.0 * TORCH_ACTIVATIONS,
        // They are in the accelerator's memory.
        _ => 0.0,
    };
    let units = (model.trunk.output_size() + model.inputs.action_size()) as f64;
    let activations = samples * unit * units + steps as f64 * TORCH_NODES;
    let parameters = 4.0 * model.layout().numel() as f64;
    Footprint::new()
        .with(
            format!("gradients of {shards} shards"),
            // Each with the parameters that it is taken at, while in flight.
            (shards + 1 + 4 * in_flight) as f64 * parameters,
            format!("{of}.trunk, and with {of}.lanes over {of}.outer.minibatches"),
        )
        .with(
            format!("tensors and activations of {in_flight} shards of {lanes} lanes at once"),
            in_flight as f64 * (inputs + activations),
            format!(
                "{of}.trunk, the environment's steps per trial, {of}.tile above 128 and --workers"
            ),
        )
        .with(
            "libtorch's policies",
            workers as f64 * TorchPolicies::acting_bytes(model, config.tile),
            format!("{of}.trunk and --workers"),
        )
}

/// Numbers of a unit that a step of a lane leaves for the backward pass in
/// libtorch, with the gradients that are under way there, at most: whole trainings
/// peaked at 13 to 16 of them with a GRU of 16 to 256 units, and at 18 to 18.5 with
/// an LSTM, everything else of a shard counted in.
const TORCH_ACTIVATIONS: f64 = 20.0;
/// Bytes of the graph's nodes of a step: an estimate, which matters to tiny
/// networks alone.
const TORCH_NODES: f64 = 16e3;
