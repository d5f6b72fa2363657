//! What a training takes beside its samples, found before it is made.

use crate::config::Rl2Config;
use crate::model::ActorCritic;
use crate::torch::SHARD_LANES;
use rollout::RolloutError;

/// Vectors as long as the parameters that there are whatever the batch: the
/// parameters and two moments, each of them once more as it was before the
/// update, and the weights packed for both directions, or as tensors.
const VECTORS: usize = 8;
/// Numbers of a unit of the trunk that a step of a lane leaves for the backward
/// pass: its state, its gates, and what they are made of.
const ACTIVATIONS: usize = 8;

/// Refuses parameters, and what is computed with them, that would not fit into
/// memory. The samples are counted where their batch is made.
pub(crate) fn check(
    model: &ActorCritic,
    config: &Rl2Config,
    (steps, workers): (usize, usize),
) -> Result<(), RolloutError> {
    // The gradients of all tiles of a minibatch are kept until they are summed,
    // and a tile in flight has sums of its own.
    let tiles = config.lanes.div_ceil(config.tile) / config.outer.minibatches();
    let in_flight = workers.min(tiles);
    let lanes = config.tile.max(SHARD_LANES).min(config.lanes);
    let vectors = (VECTORS + tiles + in_flight) as f64 * model.layout().numel() as f64;
    let activations = [
        in_flight,
        lanes,
        steps,
        ACTIVATIONS,
        model.trunk.output_size(),
    ];
    let activations: f64 = activations.iter().map(|count| *count as f64).product();
    let what = "an update of this network";
    let fix = "use a smaller rl2.trunk, larger tiles (rl2.tile) or more minibatches";
    RolloutError::check_memory(what, 4.0 * (vectors + activations), fix)
}
