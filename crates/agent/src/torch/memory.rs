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
    let units = (model.trunk.sizes().output + model.inputs.action_size()) as f64;
    let activations = samples * unit * units + steps as f64 * TORCH_NODES;
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
            workers as f64 * TorchPolicies::acting_bytes(model, config.tile),
            format!("{of}.trunk and --workers"),
        ))
}

/// Numbers of a unit that a step of a lane leaves for the backward pass in
/// libtorch, with the gradients that are under way there, at most: whole trainings
/// peaked at 13 to 16 of them with a GRU of 16 to 256 units, and at 18 to 18.5 with
/// an LSTM, everything else of a shard counted in.
const TORCH_ACTIVATIONS: f64 = 20.0;
/// Bytes of the graph's nodes of a step: an estimate, which matters to tiny
/// networks alone.
const TORCH_NODES: f64 = 16e3;
