//! What libtorch takes of memory.

use super::{SHARD_LANES, TorchPolicies};
use crate::error::LearnError;
use crate::learner::LearnerConfig;
use crate::model::ActorCritic;
use nets::Device;
use rl_core::Footprint;

/// libtorch's: shards of tiles, each with its samples as tensors and the
/// activations that its backward pass reads.
pub(crate) fn footprint(
    model: &ActorCritic,
    config: &LearnerConfig<'_>,
    (tiles, workers): (usize, usize),
    (steps, device): (usize, Device),
) -> Result<Footprint, LearnError> {
    let of = model.of;
    let shard_tiles = shard_tiles(config, tiles, device);
    let shards = tiles.div_ceil(shard_tiles);
    let in_flight = workers.min(shards);
    let lanes = shard_tiles * config.tile;
    let samples = lanes as f64 * steps as f64;
    // The inputs as rows, as a tensor of each tile and as one of all tiles; the
    // actions are of eight bytes.
    let inputs = samples * (3.0 * 4.0 * model.inputs.size() as f64 + 3.0 * 8.0 + 3.0 * 4.0 * 5.0);
    let heads = HEADS * (steps * model.inputs.action_size()) as f64;
    let activations = match device {
        Device::Cpu => 4.0 * lanes as f64 * (model.trunk.footprint(steps).learning + heads),
        // They are in the accelerator's memory.
        _ => 0.0,
    };
    let activations = activations + steps as f64 * TORCH_NODES;
    let parameters = 4.0 * model.layout().numel() as f64;
    Ok(Footprint::new()
        .with(
            format!("gradients of {shards} shards"),
            // Each with the parameters that it is taken at, while in flight.
            (shards + 1 + 4 * in_flight) as f64 * parameters,
            format!("{of}.trunk, and with {of}.lanes over the number of minibatches"),
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
            workers as f64 * TorchPolicies::acting_bytes(model, config.tile, steps),
            format!("{of}.trunk and --workers"),
        ))
}

/// Tiles of a minibatch that are one tensor.
fn shard_tiles(config: &LearnerConfig<'_>, tiles: usize, device: Device) -> usize {
    match device {
        Device::Cpu => SHARD_LANES.div_ceil(config.tile).min(tiles),
        _ => tiles,
    }
}

/// Lanes of a minibatch of so many tiles that are tensors at once.
pub(crate) fn lanes_at_once(
    config: &LearnerConfig<'_>,
    (tiles, workers): (usize, usize),
    device: Device,
) -> usize {
    let shard_tiles = shard_tiles(config, tiles, device);
    workers.min(tiles.div_ceil(shard_tiles)) * shard_tiles * config.tile
}

/// Numbers of an action for each step of a lane that heads and losses leave for the
/// backward pass, with the gradients that are under way there, at most.
const HEADS: f64 = 20.0;
/// Bytes of the graph's nodes of a step: an estimate, which matters to tiny
/// networks alone.
const TORCH_NODES: f64 = 16e3;
